// SPDX-License-Identifier: EUPL-1.2

// Package pages shows the rules of deletion of a service, on a page and to
// programs: the dry run, the proposals and who agreed. It knows no rule.
package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/retention"
	"github.com/thueringencert/leitstelle/shared/session"
)

// paths are the pages of the four services.
var paths = []struct{ service, href string }{
	{"directory", "/verzeichnis/aufbewahrung"},
	{"intake", "/melden/aufbewahrung"},
	{"triage", "/lage/aufbewahrung"},
	{"notification", "/warnungen/aufbewahrung"},
}

// Path is the page of a service.
func Path(service string) string {
	for _, p := range paths {
		if p.service == service {
			return p.href
		}
	}
	return ""
}

// HoldsPath lists the legal holds; triage has them.
const HoldsPath = "/lage/aufbewahrung/sperren"

// Handler answers for one service.
type Handler struct {
	Desk  *retention.Desk
	Pages *page.Renderer
	// Name is how a person is called, for "proposed by".
	Name func(person string) string
	// Denied notes in the audit that somebody asked for what they may not; may be nil.
	Denied func(c echo.Context, action actor.Action, objectType, objectID string)
}

// Routes are the addresses under the service's own prefixes.
func (h *Handler) Routes() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	base, api := Path(h.Desk.Service), "/api/"+h.Desk.Service+"/v1/retention"
	return []httpserver.Route{
		{Method: get, Path: base, Action: actor.RetentionRead, Handler: h.show},
		{Method: post, Path: base + "/vorschlag", Action: actor.RetentionPropose, Handler: h.propose},
		{Method: post, Path: base + "/lauf/:run/freigeben", Action: actor.RetentionApprove, Handler: h.approve},
		{Method: post, Path: base + "/lauf/:run/zurueckziehen", Action: actor.RetentionPropose, Handler: h.withdraw},
		{Method: get, Path: api, Action: actor.RetentionRead, Handler: h.apiReport},
		{Method: post, Path: api + "/runs", Action: actor.RetentionPropose, Handler: h.apiPropose},
		{Method: post, Path: api + "/runs/:run/approve", Action: actor.RetentionApprove, Handler: h.apiApprove},
		{Method: post, Path: api + "/runs/:run/withdraw", Action: actor.RetentionPropose, Handler: h.apiWithdraw},
	}
}

func by(c echo.Context) retention.By {
	return retention.By{Actor: session.Actor(c), Request: httpserver.RequestID(c)}
}

type service struct {
	Label, Href string
	Current     bool
}

type line struct {
	retention.Line
	Title, After, Then string
}

type run struct {
	retention.Run
	Title, Proposer, Decider  string
	MayApprove, MayWithdraw   bool
	ApprovePath, WithdrawPath string
}

// View is the page.
type View struct {
	page.Base
	Services    []service
	HoldsHref   string
	Off         bool
	MayPropose  bool
	ProposePath string
	Lines       []line
	Runs        []run
}

func (h *Handler) show(c echo.Context) error { return h.render(c, http.StatusOK, nil) }

func (h *Handler) render(c echo.Context, status int, notice *page.Notice) error {
	ctx, who := c.Request().Context(), by(c)
	lines, err := h.Desk.Report(ctx, who)
	if err != nil {
		return err
	}
	runs, err := h.Desk.Runs(ctx, who)
	if err != nil {
		return err
	}
	v := h.View(page.Language(c), who, lines, runs)
	v.Title = h.Pages.T(c, "page.retention.title")
	v.Notice = notice
	return h.Pages.Render(c, status, "common/retention", v)
}

// View is what the page shows of a dry run.
func (h *Handler) View(lang string, who retention.By, lines []retention.Line, runs []retention.Run) *View {
	base := Path(h.Desk.Service)
	v := &View{
		Off: h.Desk.Mode == retention.Off, ProposePath: base + "/vorschlag",
		MayPropose: who.May(actor.RetentionPropose, actor.Object{}).Allowed,
	}
	if len(page.DeskMenu(page.UserOf(who.Actor, ""))) > 0 {
		v.Layout = page.Desk
		if h.Desk.Service == "directory" {
			v.Nav = page.NavConstituency
		}
	}
	if who.May(actor.LegalHold, actor.Object{}).Allowed {
		v.HoldsHref = HoldsPath
	}
	for _, p := range paths {
		v.Services = append(v.Services, service{Label: "page.retention.service." + p.service, Href: p.href, Current: p.service == h.Desk.Service})
	}
	titles := map[string]string{}
	for _, l := range lines {
		titles[l.Class] = l.Rule.Title.In(lang)
		v.Lines = append(v.Lines, line{Line: l, Title: titles[l.Class], After: l.Rule.After.In(lang), Then: l.Rule.Then.In(lang)})
	}
	mayApprove := who.May(actor.RetentionApprove, actor.Object{}).Allowed
	for _, r := range runs {
		x := run{Run: r, Title: titles[r.Class], Proposer: h.name(r.ProposedBy), Decider: h.name(r.DecidedBy)}
		x.ApprovePath, x.WithdrawPath = base+"/lauf/"+r.ID+"/freigeben", base+"/lauf/"+r.ID+"/zurueckziehen"
		x.MayApprove = r.State == retention.Proposed && mayApprove && r.ProposedBy != who.ID() && !v.Off
		x.MayWithdraw = r.State == retention.Proposed && v.MayPropose
		v.Runs = append(v.Runs, x)
	}
	return v
}

func (h *Handler) name(person string) string {
	if person == "" || h.Name == nil {
		return person
	}
	if n := h.Name(person); n != "" {
		return n
	}
	return person
}

// after answers a form: the page again with what happened.
func (h *Handler) after(c echo.Context, err error, done, refused string) error {
	switch {
	case fault.Is(err, fault.Conflict):
		return h.render(c, http.StatusConflict, &page.Notice{Kind: "warning", Text: h.Pages.T(c, refused)})
	case err != nil:
		return err
	}
	page.Flash(c, "success", done)
	return page.Redirect(c, Path(h.Desk.Service))
}

func (h *Handler) propose(c echo.Context) error {
	_, err := h.Desk.Propose(c.Request().Context(), by(c), c.FormValue("class"), c.FormValue("digest"))
	return h.after(c, err, "page.retention.proposed.ok", "page.retention.err.changed")
}

func (h *Handler) approve(c echo.Context) error {
	_, err := h.Desk.Approve(c.Request().Context(), by(c), c.Param("run"))
	return h.after(c, err, "page.retention.approved.ok", "page.retention.err.self")
}

func (h *Handler) withdraw(c echo.Context) error {
	_, err := h.Desk.Withdraw(c.Request().Context(), by(c), c.Param("run"))
	return h.after(c, err, "page.retention.withdrawn.ok", "page.retention.err.changed")
}
