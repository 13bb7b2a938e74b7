// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) accessRoutes() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/melden/protokoll", Action: actor.AccessRead, Handler: h.accessPage},
		{Method: http.MethodGet, Path: "/api/intake/v1/accesses", Action: actor.AccessRead, Handler: h.listAccesses},
	}
}

// accessAnswer is one line of the log as the API shows it.
type accessAnswer struct {
	At           time.Time `json:"at"`
	Who          string    `json:"who"`                    // name; "" for a guest, and for the CERT's people, who are not named
	Organisation string    `json:"organisation,omitempty"` // of who acted
	CERT         bool      `json:"cert,omitempty"`
	OnBehalfOf   string    `json:"on_behalf_of,omitempty"` // name of the organisation itself when an agent acted for it
	Action       string    `json:"action"`
	Report       string    `json:"report,omitempty"` // none: figures of several
	Reference    string    `json:"reference,omitempty"`
	File         string    `json:"file,omitempty"`
}

// certRoles are the CERT's side: it speaks with one voice.
var certRoles = []actor.Role{actor.Duty, actor.Analyst, actor.Lead, actor.Editor, actor.Approver, actor.Constituency, actor.Auditor, actor.Admin}

// accessWords are the actions that have words.
var accessWords = []actor.Action{
	actor.ReportCreate, actor.ReportRead, actor.ReportSupplement, actor.ReportMessage, actor.ReportExtend, actor.ReportTakeOver,
	actor.ReportContradict, actor.AttachmentAdd, actor.AttachmentDownload, actor.AggregateExport,
}

// Did is the message of what was done.
func (a accessAnswer) Did() string {
	if slices.Contains(accessWords, actor.Action(a.Action)) {
		return "intake.access.do." + a.Action
	}
	return "intake.access.do.other"
}

// accesses reads a page of the log of one of the asker's organisations.
func (h *Handler) accesses(c echo.Context) (org string, out []accessAnswer, next string, err error) {
	by := session.Actor(c)
	p, err := httpserver.PageOf(c)
	if err != nil {
		return "", nil, "", err
	}
	f := report.AccessFilter{Organisation: c.QueryParam("stelle"), OnBehalf: c.QueryParam("beauftragt") != "", Limit: p.Limit + 1}
	if f.Organisation == "" {
		mine := by.View(actor.AccessRead).Organisations
		if len(mine) == 0 {
			return "", nil, "", fault.New(fault.NotFound, "no organisation of yours has a log")
		}
		f.Organisation = mine[0]
		if slices.Contains(mine, by.Home()) {
			f.Organisation = by.Home()
		}
	}
	if p.After != "" {
		if f.Before, err = strconv.ParseInt(p.After, 10, 64); err != nil || f.Before < 1 {
			return "", nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
		}
	}
	for _, x := range append(h.Register.People(f.Organisation), h.Register.People("", certRoles...)...) {
		f.People = append(f.People, x.ID)
	}
	list, err := h.Desk.Accesses(c.Request().Context(), by, f)
	if err != nil {
		return "", nil, "", err
	}
	if len(list) > p.Limit {
		list = list[:p.Limit]
		next = strconv.FormatInt(list[p.Limit-1].Seq, 10)
	}
	for _, a := range list {
		out = append(out, h.accessOf(a))
	}
	return f.Organisation, out, next, nil
}

func (h *Handler) accessOf(a report.Access) accessAnswer {
	out := accessAnswer{At: a.At, Action: a.Action, Report: a.Report, Reference: a.Reference, File: a.File}
	principal, _ := h.Register.Organisation(a.OnBehalf)
	out.OnBehalfOf = principal.Name
	p, known := h.Register.Person(a.Actor)
	if !known {
		return out
	}
	for _, m := range p.Memberships {
		if slices.Contains(certRoles, actor.Role(m.Role)) {
			out.CERT = true
		}
	}
	if out.CERT {
		return out
	}
	out.Who = p.Name
	for _, m := range p.Memberships { // an agent acts for its firm, whatever else the person is
		if out.Organisation == "" || a.OnBehalf != "" && m.Role == string(actor.Provider) {
			o, _ := h.Register.Organisation(m.Organisation)
			out.Organisation = o.Name
		}
	}
	return out
}

func (h *Handler) listAccesses(c echo.Context) error {
	_, list, next, err := h.accesses(c)
	if err != nil {
		return err
	}
	if list == nil {
		list = []accessAnswer{}
	}
	return c.JSON(http.StatusOK, httpserver.List[accessAnswer]{Items: list, Next: next})
}

type accessView struct {
	page.Base
	Organisation string
	Others       []page.Row
	OnBehalf     bool
	Items        []accessAnswer
	All, Agents  string // addresses of the two lists
	More         string
}

// accessPage is "Wer hat auf unsere Vorgänge zugegriffen".
func (h *Handler) accessPage(c echo.Context) error {
	org, list, next, err := h.accesses(c)
	if err != nil {
		return err
	}
	o, _ := h.Register.Organisation(org)
	at := func(more url.Values) string {
		q := url.Values{"stelle": {org}}
		maps.Copy(q, more)
		return "/melden/protokoll?" + q.Encode()
	}
	v := &accessView{Organisation: o.Name, OnBehalf: c.QueryParam("beauftragt") != "", Items: list, All: at(nil), Agents: at(url.Values{"beauftragt": {"alle"}})}
	v.Title = h.Pages.T(c, "intake.access.title")
	for _, id := range session.Actor(c).View(actor.AccessRead).Organisations {
		if x, ok := h.Register.Organisation(id); ok && id != org {
			v.Others = append(v.Others, page.Row{Label: x.Name, Change: "/melden/protokoll?stelle=" + id})
		}
	}
	if next != "" {
		q := url.Values{"after": {next}}
		if v.OnBehalf {
			q.Set("beauftragt", "alle")
		}
		v.More = page.Link(page.Language(c), at(q))
	}
	return h.Pages.Render(c, http.StatusOK, "protokoll", v)
}
