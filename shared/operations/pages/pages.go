// SPDX-License-Identifier: EUPL-1.2

// Package pages shows the operation of a service to those who run the system,
// on pages and to programs: what waits, what was given up, and what can be done
// about it. It knows no rule.
package pages

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/operations"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// paths are the pages of the four services.
var paths = []struct{ service, href string }{
	{"directory", "/verzeichnis/betrieb"},
	{"intake", "/melden/betrieb"},
	{"triage", "/lage/betrieb"},
	{"notification", "/warnungen/betrieb"},
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

// Handler answers for one service.
type Handler struct {
	Desk  *operations.Desk
	Pages *page.Renderer
}

// Routes are the addresses under the service's own prefixes.
func (h *Handler) Routes() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	base, api := Path(h.Desk.Service), "/api/"+h.Desk.Service+"/v1/operations"
	return []httpserver.Route{
		{Method: get, Path: base, Action: actor.OperationsRead, Handler: h.show},
		{Method: get, Path: base + "/:letter", Action: actor.OperationsRead, Handler: h.one},
		{Method: post, Path: base + "/:letter/erneut", Action: actor.OperationsRetry, Handler: h.retry},
		{Method: post, Path: base + "/:letter/verwerfen", Action: actor.OperationsDrop, Handler: h.discard},
		{Method: get, Path: api, Action: actor.OperationsRead, Handler: h.apiState},
		{Method: get, Path: api + "/dead-letters", Action: actor.OperationsRead, Handler: h.apiList},
		{Method: get, Path: api + "/dead-letters/:letter", Action: actor.OperationsRead, Handler: h.apiOne},
		{Method: post, Path: api + "/dead-letters/:letter/retry", Action: actor.OperationsRetry, Handler: h.apiRetry},
		{Method: post, Path: api + "/dead-letters/:letter/discard", Action: actor.OperationsDrop, Handler: h.apiDiscard},
	}
}

func by(c echo.Context) operations.By {
	return operations.By{Actor: session.Actor(c), Request: httpserver.RequestID(c)}
}

type service struct {
	Label, Href string
	Current     bool
}

// view is the page of a service.
type view struct {
	page.Base
	Services []service
	State    operations.State
	Age      int    // how long the oldest event has waited, in Unit
	Unit     string // message
	Letters  []line
	More     string
}

// line is a dead event with the address of its page.
type line struct {
	operations.Letter
	Href string
}

func (h *Handler) show(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	letters, next, err := h.look(c, p)
	if err != nil {
		return err
	}
	v := &view{}
	if v.State, err = h.Desk.State(c.Request().Context(), by(c)); err != nil {
		return err
	}
	v.Age, v.Unit = age(v.State.Outbox.Oldest)
	v.Title = h.Pages.T(c, "page.operations.title")
	h.frame(c, &v.Base)
	base := Path(h.Desk.Service)
	for _, x := range paths {
		v.Services = append(v.Services, service{Label: "page.retention.service." + x.service, Href: x.href, Current: x.service == h.Desk.Service})
	}
	for _, l := range letters {
		v.Letters = append(v.Letters, line{l, base + "/" + strconv.FormatInt(l.ID, 10)})
	}
	if next != "" {
		v.More = page.Link(page.Language(c), base+"?after="+next)
	}
	return h.Pages.Render(c, http.StatusOK, "common/operations", v)
}

// age is a length of time in the unit that people would use.
func age(d time.Duration) (n int, unit string) {
	switch {
	case d < 2*time.Minute:
		return int(d.Seconds()), "page.operations.seconds"
	case d < 2*time.Hour:
		return int(d.Minutes()), "page.operations.minutes"
	}
	return int(d.Hours()), "page.operations.hours"
}

// frame is the Lagezentrum for those who have a menu there.
func (h *Handler) frame(c echo.Context, b *page.Base) {
	if len(page.DeskMenu(page.UserOf(session.Actor(c), ""))) == 0 {
		return
	}
	b.Layout = page.Desk
	if h.Desk.Service == "directory" {
		b.Nav = page.NavConstituency
	}
}

// look reads a page and one more, which tells whether there is a next one.
func (h *Handler) look(c echo.Context, p httpserver.Page) (letters []operations.Letter, next string, err error) {
	var before int64
	if p.After != "" {
		if before, err = strconv.ParseInt(p.After, 10, 64); err != nil || before < 1 {
			return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
		}
	}
	letters, err = h.Desk.Letters(c.Request().Context(), by(c), before, p.Limit+1)
	if len(letters) > p.Limit {
		letters = letters[:p.Limit]
		next = strconv.FormatInt(letters[p.Limit-1].ID, 10)
	}
	return letters, next, err
}

// letterView is the page of one dead event.
type letterView struct {
	page.Base
	Letter                       operations.Letter
	Back, RetryPath, DiscardPath string
	MayRetry, MayDiscard         bool
	Reason                       string
}

func (h *Handler) one(c echo.Context) error { return h.renderOne(c, http.StatusOK, nil, "", nil) }

// renderOne shows a dead event; what was typed stays where something was wrong.
func (h *Handler) renderOne(c echo.Context, status int, notice *page.Notice, reason string, problem error) error {
	l, err := h.Desk.Letter(c.Request().Context(), by(c), c.Param("letter"))
	if err != nil {
		return err
	}
	who, base := by(c), Path(h.Desk.Service)
	self := base + "/" + strconv.FormatInt(l.ID, 10)
	v := &letterView{Letter: l, Back: base, RetryPath: self + "/erneut", DiscardPath: self + "/verwerfen", Reason: reason}
	v.Title, v.Notice = h.Pages.T(c, "page.operations.letter"), notice
	v.MayRetry = l.Settled == nil && l.Readable && l.Stream != "" && who.May(actor.OperationsRetry, actor.Object{}).Allowed
	v.MayDiscard = l.Settled == nil && who.May(actor.OperationsDrop, actor.Object{}).Allowed
	if problem != nil && !v.Fail(problem) {
		return problem
	}
	h.frame(c, &v.Base)
	return h.Pages.Render(c, status, "common/operations-letter", v)
}

func (h *Handler) retry(c echo.Context) error {
	_, err := h.Desk.Retry(c.Request().Context(), by(c), c.Param("letter"))
	if fault.Is(err, fault.Conflict) { // dealt with already, or failed again: the page says which
		return h.renderOne(c, http.StatusConflict, &page.Notice{Kind: "warning", Text: h.Pages.T(c, "page.operations.retry.refused")}, "", nil)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "page.operations.retry.ok")
	return page.Redirect(c, Path(h.Desk.Service))
}

func (h *Handler) discard(c echo.Context) error {
	reason := c.FormValue("reason")
	_, err := h.Desk.Discard(c.Request().Context(), by(c), c.Param("letter"), reason)
	switch {
	case fault.Is(err, fault.Conflict):
		return h.renderOne(c, http.StatusConflict, &page.Notice{Kind: "warning", Text: h.Pages.T(c, "page.operations.discard.refused")}, "", nil)
	case fault.Is(err, fault.Invalid):
		return h.renderOne(c, http.StatusUnprocessableEntity, nil, reason, err)
	case err != nil:
		return err
	}
	page.Flash(c, "success", "page.operations.discard.ok")
	return page.Redirect(c, Path(h.Desk.Service))
}
