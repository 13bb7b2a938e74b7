// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// draftForm is what an editor typed, as typed.
type draftForm struct {
	Title, Summary, Text, Changes, Severity, WarningLevel, TLP, Category string
	Products, CVEs, Organisations, Question, DueAt, ValidUntil, Case     string
	Levels, Kreise                                                       []string
	Poll, Exercise                                                       bool
}

type draftView struct {
	page.Base
	Ref, Action, Key string
	Revision         int
	Form             draftForm
	Kreise, Labels   []page.Option
	CaseRef          string
	Next             bool // a new version of a published alert
}

const localTime = "2006-01-02T15:04"

// readDraft reads the form. What cannot be read (times, organisations) is a
// field error, together with those of the domain.
func (h *Handler) readDraft(c echo.Context) (draftForm, alert.Content, fault.Fields) {
	values, _ := c.FormParams() // a broken form has no values: the domain says what is missing
	f := draftForm{
		Title: values.Get("title"), Summary: values.Get("summary"), Text: values.Get("text"), Changes: values.Get("changes"),
		Severity: values.Get("severity"), WarningLevel: values.Get("warning_level"), TLP: values.Get("tlp"), Category: values.Get("category"),
		Products: values.Get("products"), CVEs: values.Get("cves"), Organisations: values.Get("organisations"), Question: values.Get("question"),
		DueAt: values.Get("due_at"), ValidUntil: values.Get("valid_until"), Case: values.Get("case"),
		Levels: values["levels"], Kreise: values["kreise"], Poll: values.Get("poll") == "yes", Exercise: values.Get("exercise") == "yes",
	}
	var bad fault.Fields
	level, _ := strconv.Atoi(f.WarningLevel) // 0 is refused by the domain
	content := alert.Content{
		Title: f.Title, Summary: f.Summary, Text: f.Text, Changes: f.Changes, Severity: f.Severity, WarningLevel: level,
		TLP: tlp.Label(f.TLP), Category: f.Category, CVEs: strings.Fields(strings.ReplaceAll(f.CVEs, ",", " ")), Exercise: f.Exercise,
		Audience: event.Audience{Levels: f.Levels, Kreise: f.Kreise, Organisations: h.resolve(f.Organisations, &bad)},
	}
	if event.IsID(f.Case) {
		content.CaseID = f.Case
	}
	for line := range strings.SplitSeq(f.Products, "\n") {
		name, versions, _ := strings.Cut(line, "|")
		content.Products = append(content.Products, event.Product{Name: strings.TrimSpace(name), Versions: strings.TrimSpace(versions)})
	}
	content.ValidUntil = h.local("valid_until", f.ValidUntil, &bad)
	if f.Poll {
		content.Poll = &event.Poll{Question: strings.TrimSpace(f.Question), DueAt: h.local("due_at", f.DueAt, &bad)}
	}
	return f, content, bad
}

// local reads a time of the page, which is in the installation's time zone.
func (h *Handler) local(name, s string, bad *fault.Fields) *time.Time {
	if s == "" {
		return nil
	}
	t, err := time.ParseInLocation(localTime, s, h.Location)
	if err != nil {
		bad.Add(name, "notification.error.time", name+" is no time")
		return nil
	}
	t = t.UTC()
	return &t
}

// resolve turns AGS, ids or exact names, one a line, into ids.
func (h *Handler) resolve(text string, bad *fault.Fields) []string {
	var out []string
	for _, line := range splitList(text) {
		o, ok := h.Register.Resolve(line)
		if !ok {
			for _, found := range h.Register.Search(line, 3) {
				if strings.EqualFold(found.Name, line) {
					o, ok = found, true
				}
			}
		}
		if !ok {
			bad.Add("organisations", "notification.error.organisation", "there is no organisation "+strconv.Quote(line))
			return nil
		}
		out = append(out, o.ID)
	}
	return out
}

func (h *Handler) formOf(c alert.Content) draftForm {
	f := draftForm{
		Title: c.Title, Summary: c.Summary, Text: c.Text, Changes: c.Changes, Severity: c.Severity,
		WarningLevel: strconv.Itoa(c.WarningLevel), TLP: string(c.TLP), Category: c.Category, CVEs: strings.Join(c.CVEs, " "),
		Levels: c.Audience.Levels, Kreise: c.Audience.Kreise, Case: c.CaseID, Poll: c.Poll != nil, Exercise: c.Exercise,
	}
	for _, p := range c.Products {
		f.Products += strings.TrimSuffix(p.Name+" | "+p.Versions, " | ") + "\n"
	}
	names := make([]string, len(c.Audience.Organisations))
	for i, id := range c.Audience.Organisations {
		names[i] = id
		if o, ok := h.Register.Organisation(id); ok && o.AGS != "" {
			names[i] = o.AGS
		}
	}
	f.Organisations = strings.Join(names, "\n")
	stamp := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.In(h.Location).Format(localTime)
	}
	f.ValidUntil = stamp(c.ValidUntil)
	if c.Poll != nil {
		f.Question, f.DueAt = c.Poll.Question, stamp(c.Poll.DueAt)
	}
	return f
}

func (h *Handler) kreise() []page.Option {
	var out []page.Option
	for _, o := range h.Register.Organisations() {
		if (o.Level == "kreis" || o.Level == "kreisfrei") && len(o.AGS) == 8 {
			out = append(out, page.Option{Value: o.AGS[:5], Label: o.Name})
		}
	}
	return out
}

func (h *Handler) renderDraft(c echo.Context, status int, v *draftView) error {
	v.Layout, v.Nav, v.Kreise = page.Desk, page.NavAlerts, h.kreise()
	for _, o := range h.Pages.Options(page.Language(c), "tlp") {
		o.Label = "TLP:" + o.Value + " – " + o.Label
		v.Labels = append(v.Labels, o)
	}
	v.Exercise = v.Form.Exercise
	if v.Form.Case != "" {
		if k, err := h.reading(c).Case(c.Request().Context(), v.Form.Case); err == nil && k.ReadableBy(session.Actor(c)) {
			v.CaseRef = k.Reference
		}
	}
	v.Title = h.Pages.T(c, "notification.draft.new")
	if v.Ref != "" {
		v.Title = h.Pages.T(c, "notification.draft.edit", "Ref", v.Ref)
	}
	return h.Pages.Render(c, status, "entwurf", v)
}

// newDraft is GET /warnungen/redaktion/neu, filled from ?case=ID.
func (h *Handler) newDraft(c echo.Context) error {
	v := &draftView{
		Action: "/warnungen/redaktion/neu", Key: uuid.NewString(),
		Form: draftForm{TLP: string(tlp.Green), WarningLevel: "2", Poll: true},
	}
	if id := c.QueryParam("case"); id != "" {
		k, err := h.reading(c).Case(c.Request().Context(), id)
		if err == nil && !k.ReadableBy(session.Actor(c)) {
			err = fault.New(fault.NotFound, "there is no such case")
		}
		if err != nil {
			return err
		}
		v.Form = h.formOf(alert.FromCase(k))
	}
	return h.renderDraft(c, http.StatusOK, v)
}

// createDraft is POST /warnungen/redaktion/neu.
func (h *Handler) createDraft(c echo.Context) error {
	form, content, bad := h.readDraft(c)
	v := &draftView{Action: "/warnungen/redaktion/neu", Key: c.FormValue("key"), Form: form}
	fail := func(err error) error { return h.failDraft(c, v, bad, err) }
	if len(bad) > 0 {
		_, err := alert.New("", "", event.Person{}, content, h.Now())
		return fail(err)
	}
	key := v.Key
	if key == "" {
		key = uuid.NewString()
	}
	r := idem.Request{Scope: scope(c), Key: key, Body: []byte(formBody(c))}
	a, err := h.Once(c.Request().Context(), r, func(d alert.Desk) (int, any, error) {
		created, err := d.Draft(c.Request().Context(), by(c), content)
		return http.StatusCreated, reference{created.Reference}, err
	})
	if err != nil {
		return fail(err)
	}
	var made reference
	if err := httpserver.Decode(a.Body, &made); err != nil {
		return err
	}
	page.Flash(c, "success", "notification.draft.saved")
	return page.Redirect(c, "/warnungen/redaktion/"+made.Reference)
}

type reference struct {
	Reference string `json:"reference"`
}

func scope(c echo.Context) string {
	a := session.Actor(c)
	return "person " + a.Person + " " + a.Home()
}

// formBody is the form as it was sent, in a fixed order.
func formBody(c echo.Context) string {
	values, _ := c.FormParams() // parsed before
	return values.Encode()
}

// failDraft shows the form again with every mistake, the page's and the domain's.
func (h *Handler) failDraft(c echo.Context, v *draftView, bad fault.Fields, err error) error {
	all := slices.Clone(bad)
	for _, f := range fault.FieldsOf(err) {
		all = append(all, f)
	}
	if len(all) == 0 {
		return err
	}
	v.Fail(all.Err())
	return h.renderDraft(c, http.StatusUnprocessableEntity, v)
}

// editDraft is GET …/bearbeiten: the draft, or the next version of what is published.
func (h *Handler) editDraft(c echo.Context) error {
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return err
	}
	v := &draftView{Ref: a.Reference, Action: "/warnungen/redaktion/" + a.Reference + "/bearbeiten", Revision: a.Revision, Next: a.Current != nil}
	content := a.Shown().Content
	if a.Draft != nil {
		content = a.Draft.Content
	} else {
		content.Changes = ""
	}
	v.Form = h.formOf(content)
	return h.renderDraft(c, http.StatusOK, v)
}

// saveDraft is POST …/bearbeiten.
func (h *Handler) saveDraft(c echo.Context) error {
	form, content, bad := h.readDraft(c)
	revision, err := strconv.Atoi(c.FormValue("revision"))
	if err != nil {
		return fault.New(fault.Malformed, "the form is incomplete")
	}
	ref := c.Param("ref")
	v := &draftView{Ref: ref, Action: "/warnungen/redaktion/" + ref + "/bearbeiten", Revision: revision, Form: form}
	if len(bad) > 0 {
		_, err := alert.New("", "", event.Person{}, content, h.Now())
		return h.failDraft(c, v, bad, err)
	}
	_, err = h.Desk.Edit(c.Request().Context(), by(c), ref, revision, func(x *alert.Content) { *x = content })
	if fault.Is(err, fault.Stale) {
		v.Notice = &page.Notice{Kind: "danger", Text: h.Pages.T(c, "notification.draft.stale")}
		return h.renderDraft(c, http.StatusPreconditionFailed, v)
	}
	if err != nil {
		return h.failDraft(c, v, nil, err)
	}
	page.Flash(c, "success", "notification.draft.saved")
	return page.Redirect(c, "/warnungen/redaktion/"+ref)
}
