// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// alertIn is the body of POST and PATCH; of a PATCH only what is there changes.
type alertIn struct {
	Title        *string          `json:"title"`
	Summary      *string          `json:"summary"`
	Text         *string          `json:"text"`
	Changes      *string          `json:"changes"`
	Severity     *string          `json:"severity"`
	WarningLevel *int             `json:"warning_level"`
	TLP          *string          `json:"tlp"`
	Category     *string          `json:"category"`
	Products     *[]event.Product `json:"products"`
	CVEs         *[]string        `json:"cves"`
	CaseID       *string          `json:"case_id"`
	Audience     *event.Audience  `json:"audience"`
	Poll         json.RawMessage  `json:"poll"` // null takes it away
	Exercise     *bool            `json:"exercise"`
	ValidUntil   json.RawMessage  `json:"valid_until"`
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// apply changes c by what the request holds.
func (in alertIn) apply(h *Handler, c *alert.Content) error {
	set(&c.Title, in.Title)
	set(&c.Summary, in.Summary)
	set(&c.Text, in.Text)
	set(&c.Changes, in.Changes)
	set(&c.Severity, in.Severity)
	set(&c.WarningLevel, in.WarningLevel)
	set(&c.Category, in.Category)
	set(&c.Products, in.Products)
	set(&c.CVEs, in.CVEs)
	set(&c.Exercise, in.Exercise)
	set(&c.Audience, in.Audience)
	if in.TLP != nil {
		c.TLP = tlp.Label(*in.TLP)
	}
	if in.CaseID != nil {
		if *in.CaseID != "" && !event.IsID(*in.CaseID) {
			return one("case_id", "case_id is no id of a case")
		}
		c.CaseID = *in.CaseID
	}
	if in.Audience != nil {
		for i, x := range c.Audience.Organisations {
			o, ok := h.Register.Resolve(x)
			if !ok {
				return one("audience.organisations", "there is no organisation "+x)
			}
			c.Audience.Organisations[i] = o.ID
		}
	}
	if in.Poll != nil {
		c.Poll = nil
		if err := json.Unmarshal(in.Poll, &c.Poll); err != nil {
			return fault.New(fault.Malformed, "poll is an object with question and due_at")
		}
	}
	if in.ValidUntil != nil {
		c.ValidUntil = nil
		if err := json.Unmarshal(in.ValidUntil, &c.ValidUntil); err != nil {
			return fault.New(fault.Malformed, "valid_until is no RFC 3339 time")
		}
	}
	return nil
}

func one(field, detail string) error {
	var f fault.Fields
	f.Add(field, "notification.error.organisation", detail)
	return f.Err()
}

// versionJSON is a version as the API shows it.
type versionJSON struct {
	Version      int             `json:"version"`
	Title        string          `json:"title"`
	Summary      string          `json:"summary"`
	Text         string          `json:"text"`
	Changes      string          `json:"changes,omitempty"`
	Severity     string          `json:"severity"`
	WarningLevel int             `json:"warning_level"`
	TLP          string          `json:"tlp"`
	Category     string          `json:"category,omitempty"`
	Products     []event.Product `json:"products"`
	CVEs         []string        `json:"cves"`
	CaseID       string          `json:"case_id,omitempty"`
	Audience     *event.Audience `json:"audience,omitempty"`
	Poll         *event.Poll     `json:"poll,omitempty"`
	Exercise     bool            `json:"exercise"`
	ValidUntil   *time.Time      `json:"valid_until,omitempty"`
	Author       *event.Person   `json:"author,omitempty"`
	Approver     *event.Person   `json:"approver,omitempty"`
	PublishedAt  *time.Time      `json:"published_at,omitempty"`
	AudienceSize int             `json:"audience_size,omitempty"`
}

// alertJSON is an alert: the published version on top, a draft below it.
type alertJSON struct {
	ID          string     `json:"id"`
	Reference   string     `json:"reference"`
	State       string     `json:"state"`
	Revision    int        `json:"revision"`
	CreatedAt   time.Time  `json:"created_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty"`
	versionJSON
	Draft *versionJSON `json:"draft,omitempty"`
}

// versionOf shows a version; insiders also see audience and people.
func versionOf(v *alert.Version, insider bool) versionJSON {
	out := versionJSON{
		Version: v.Number, Title: v.Title, Summary: v.Summary, Text: v.Text, Changes: v.Changes, Severity: v.Severity,
		WarningLevel: v.WarningLevel, TLP: string(v.TLP), Category: v.Category, Products: v.Products, CVEs: v.CVEs, Poll: v.Poll,
		Exercise: v.Exercise, ValidUntil: v.ValidUntil, PublishedAt: v.PublishedAt,
	}
	if out.Products == nil {
		out.Products = []event.Product{}
	}
	if out.CVEs == nil {
		out.CVEs = []string{}
	}
	if insider {
		out.CaseID, out.Audience, out.Author, out.AudienceSize = v.CaseID, &v.Audience, &v.Author, v.AudienceSize
		if v.PublishedAt != nil {
			out.Approver = &v.Approver
		}
	}
	return out
}

func alertOf(a *alert.Alert, insider bool) alertJSON {
	out := alertJSON{
		ID: a.ID, Reference: a.Reference, State: string(a.State), Revision: a.Revision, CreatedAt: a.CreatedAt,
		WithdrawnAt: a.WithdrawnAt, versionJSON: versionOf(a.Shown(), insider),
	}
	if insider && a.Draft != nil && a.Current != nil {
		d := versionOf(a.Draft, true)
		out.Draft = &d
	}
	return out
}

// summaryJSON is an alert in a list: no texts, so that lists stay cheap.
type summaryJSON struct {
	ID           string     `json:"id"`
	Reference    string     `json:"reference"`
	State        string     `json:"state"`
	Version      int        `json:"version"`
	Revision     int        `json:"revision"`
	Title        string     `json:"title"`
	Severity     string     `json:"severity"`
	WarningLevel int        `json:"warning_level"`
	TLP          string     `json:"tlp"`
	PublishedAt  *time.Time `json:"published_at,omitempty"`
	DueAt        *time.Time `json:"due_at,omitempty"`
}

func summaryOf(a *alert.Alert) summaryJSON {
	v := a.Shown()
	out := summaryJSON{
		ID: a.ID, Reference: a.Reference, State: string(a.State), Version: v.Number, Revision: a.Revision, Title: v.Title,
		Severity: v.Severity, WarningLevel: v.WarningLevel, TLP: string(v.TLP), PublishedAt: v.PublishedAt,
	}
	if v.Poll != nil {
		out.DueAt = v.Poll.DueAt
	}
	return out
}

// apiKey reads the Idempotency-Key: needed with a Bearer.
func apiKey(c echo.Context, body []byte) (idem.Request, error) {
	r := idem.Request{Scope: scope(c), Key: c.Request().Header.Get("Idempotency-Key"), Body: append([]byte(c.Request().URL.Path+"\n"), body...)}
	if r.Key == "" && c.Request().Header.Get(echo.HeaderAuthorization) == "" {
		r.Key = "own-" + uuid.NewString()
	}
	return r, r.Check()
}

// respond writes what a creating request got, now or the first time.
func respond(c echo.Context, a idem.Answer) error {
	if a.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSONBlob(a.Status, a.Body)
}

// answerOf is an alert for who asks. The case that it grew out of is left out
// where that is locked for them.
func (h *Handler) answerOf(c echo.Context, a *alert.Alert, insider bool) alertJSON {
	out := alertOf(a, insider)
	out.CaseID = h.knownCase(c, out.CaseID)
	if out.Draft != nil {
		out.Draft.CaseID = h.knownCase(c, out.Draft.CaseID)
	}
	return out
}

func (h *Handler) knownCase(c echo.Context, id string) string {
	if id == "" {
		return ""
	}
	if k, err := h.reading(c).Case(c.Request().Context(), id); err == nil && !k.ReadableBy(session.Actor(c)) {
		return ""
	}
	return id
}

// apiCreate is POST /alerts: a draft.
func (h *Handler) apiCreate(c echo.Context) error {
	var in alertIn
	body, err := httpserver.DecodeJSON(c, &in)
	if err != nil {
		return err
	}
	var content alert.Content
	if err := in.apply(h, &content); err != nil {
		return err
	}
	r, err := apiKey(c, body)
	if err != nil {
		return err
	}
	a, err := h.Once(c.Request().Context(), r, func(d alert.Desk) (int, any, error) {
		created, err := d.Draft(c.Request().Context(), by(c), content)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusCreated, alertOf(&created, true), nil
	})
	if err != nil {
		return err
	}
	return respond(c, a)
}

// apiList is GET /alerts: summaries of what the person may read; the CERT also
// sees drafts (?state=).
func (h *Handler) apiList(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	f := alert.Filter{After: p.After, Limit: p.Limit}.Listed(session.Actor(c))
	insider := f.Everything && mayDo(c, actor.AlertWork)
	if !insider {
		f.States = []alert.State{alert.Published, alert.Withdrawn}
	}
	switch s := alert.State(c.QueryParam("state")); s {
	case "":
	case alert.Published, alert.Withdrawn:
		f.States = []alert.State{s}
	case alert.Draft:
		if !insider {
			return fault.New(fault.NotFound, "there is nothing here")
		}
		f.States = []alert.State{s}
	default:
		return fault.New(fault.Malformed, "state is draft, published or withdrawn")
	}
	list, next, err := h.reading(c).Alerts(c.Request().Context(), f)
	if err != nil {
		return err
	}
	out := httpserver.List[summaryJSON]{Items: []summaryJSON{}, Next: next}
	for i := range list {
		item := summaryOf(&list[i])
		if h.hidden(c, &list[i]) {
			item.Title = ""
		}
		out.Items = append(out.Items, item)
	}
	return c.JSON(http.StatusOK, out)
}

// apiGet is GET /alerts/{id}, by id or reference.
func (h *Handler) apiGet(c echo.Context) error {
	x, err := h.alert(c, c.Param("id"))
	if err != nil {
		return err
	}
	insider := mayDo(c, actor.AlertWork)
	if !insider {
		if x.Current == nil {
			return fault.New(fault.NotFound, "there is no such alert")
		}
		acc := access{alert: x, by: by(c)}
		if err := h.bySession(c, &acc); err != nil {
			return err
		}
		x.Draft = nil
	}
	c.Response().Header().Set("ETag", httpserver.ETag(x.Revision))
	return c.JSON(http.StatusOK, h.answerOf(c, &x, insider))
}

// apiPatch is PATCH /alerts/{id}: changes the draft, or starts that of the next version.
func (h *Handler) apiPatch(c echo.Context) error {
	revision, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	var in alertIn
	if _, err := httpserver.DecodeJSON(c, &in); err != nil {
		return err
	}
	var bad error
	a, err := h.Desk.Edit(c.Request().Context(), by(c), c.Param("id"), revision, func(x *alert.Content) { bad = in.apply(h, x) })
	if bad != nil {
		return bad
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(a.Revision))
	return c.JSON(http.StatusOK, h.answerOf(c, &a, true))
}
