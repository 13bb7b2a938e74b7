// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) mandatePages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	const at = "/verzeichnis/mandate"
	return []httpserver.Route{
		{Method: get, Path: at, Action: actor.MandateRead, Handler: h.mandates},
		{Method: get, Path: at + "/neu", Action: actor.MandateGrant, Handler: h.grantForm},
		{Method: post, Path: at + "/neu", Action: actor.MandateGrant, Handler: h.grantMandate},
		{Method: get, Path: at + "/anfragen", Action: actor.MandateRequest, Handler: h.requestForm},
		{Method: post, Path: at + "/anfragen", Action: actor.MandateRequest, Handler: h.requestMandate},
		{Method: get, Path: at + "/bestaetigen", Action: actor.MandateConfirm, Handler: h.waitingMandates},
		{Method: post, Path: at + "/bestaetigen", Action: actor.MandateConfirm, Handler: h.confirmMandates},
		{Method: get, Path: at + "/:id", Action: actor.MandateRead, Handler: h.mandate},
		{Method: get, Path: at + "/:id/druck", Action: actor.MandateRead, Handler: h.printMandate},
		{Method: get, Path: at + "/:id/erteilen", Action: actor.MandateGrant, Handler: h.grantRequestedForm},
		{Method: post, Path: at + "/:id/erteilen", Action: actor.MandateGrant, Handler: h.grantRequested},
		{Method: post, Path: at + "/:id/bestaetigen", Action: actor.MandateConfirm, Handler: h.confirmMandate},
		{Method: post, Path: at + "/:id/ablehnen", Action: actor.MandateDecline, Handler: h.declineMandate},
		{Method: post, Path: at + "/:id/widerrufen", Action: actor.MandateRevoke, Handler: h.revokeMandate},
	}
}

// mandateLine is one mandate in a list, seen from one side.
type mandateLine struct {
	mandate.Named
	Now  mandate.State // with the time: also expired
	Soon bool          // ends within the time of the reminder
}

func lineOf(m mandate.Named, now time.Time) mandateLine {
	return mandateLine{
		Named: m, Now: m.StateAt(now),
		Soon: m.InForce(now) && m.To != nil && m.To.Before(now.Add(mandate.Notice)),
	}
}

// LastDay is the last day on which the mandate counts, as people call it.
func (l mandateLine) LastDay() *time.Time {
	if l.To == nil {
		return nil
	}
	t := l.To.Add(-time.Second)
	return &t
}

// Has reports whether a scope is given, for the columns of the agent's list.
func (l mandateLine) Has(scope string) bool { return slices.Contains(l.Scopes, actor.Scope(scope)) }

type mandatesView struct {
	page.Base
	Organisation constituency.Organisation
	Others       []constituency.Organisation
	Query        string
	Asked        []mandateLine // requests that wait for this body's answer
	Given, Taken []mandateLine
	Ended        []mandateLine
	Hidden       int // lines of the agent's list that the filter leaves out
	MayGrant     bool
	MayAsk       bool
	ScopeNames   []string
}

// mandates is the overview of one body: what it gave, what it was given. The
// CERT's people come to the queue instead.
func (h *Handler) mandates(c echo.Context) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	id := c.QueryParam("stelle")
	view := a.View(actor.MandateRead)
	switch {
	case id == "" && mandate.MayConfirm(a):
		return page.Redirect(c, "/verzeichnis/mandate/bestaetigen")
	case id == "" && len(view.Organisations) > 0:
		id = view.Organisations[0]
		if slices.Contains(view.Organisations, a.Home()) {
			id = a.Home()
		}
	case id == "":
		id = a.Home()
	}
	o, err := h.Reads.Organisation(ctx, id)
	if err != nil {
		return err
	}
	if !a.May(actor.MandateRead, actor.Object{Organisation: o.ID}).Allowed {
		return fault.New(fault.NotFound, "no organisation %s", id)
	}
	object := actor.Object{Organisation: o.ID}
	v := &mandatesView{
		Base: base(c, h.Pages.T(c, "directory.mandates")), Organisation: o, Query: c.QueryParam("q"),
		MayGrant: a.May(actor.MandateGrant, object).Allowed, MayAsk: a.May(actor.MandateRequest, object).Allowed, ScopeNames: page.Words("scope"),
	}
	for _, other := range view.Organisations {
		if other == o.ID {
			continue
		}
		x, err := h.Reads.Organisation(ctx, other)
		if err != nil {
			return err
		}
		v.Others = append(v.Others, x)
	}
	list, err := h.Reads.NamedMandates(ctx, o.ID)
	if err != nil {
		return err
	}
	v.sort(list, h.Now())
	return h.Pages.Render(c, http.StatusOK, "mandate", v)
}

func (v *mandatesView) sort(list []mandate.Named, now time.Time) {
	for _, m := range list {
		l := lineOf(m, now)
		given := m.Principal == v.Organisation.ID
		name := m.PrincipalName
		if given {
			name = m.AgentName
		}
		switch {
		case !matches(name, v.Query):
			v.Hidden++
		case l.Now == mandate.Declined, l.Now == mandate.Revoked, l.Now == mandate.Expired:
			v.Ended = append(v.Ended, l)
		case given && l.Now == mandate.Requested:
			v.Asked = append(v.Asked, l)
		case given:
			v.Given = append(v.Given, l)
		default:
			v.Taken = append(v.Taken, l)
		}
	}
}

// matches reports whether a name holds all words of a search.
func matches(name, query string) bool {
	name = constituency.Fold(name)
	for _, t := range constituency.Terms(query) {
		if !strings.Contains(name, t) {
			return false
		}
	}
	return true
}

// mandateStep is a line of the history as the viewer may see it.
type mandateStep struct {
	mandate.Step
	Who string
}

type mandateView struct {
	page.Base
	mandateLine
	Steps                                                  []mandateStep
	MayGrant, MayConfirm, MayDecline, MayRevoke, MayReturn bool
	MayChange, MaySeeLog                                   bool
	Reason                                                 string
}

func (h *Handler) mandate(c echo.Context) error { return h.renderMandate(c, http.StatusOK, nil) }

func (h *Handler) mandateViewOf(c echo.Context) (*mandateView, error) {
	m, err := h.readMandate(c)
	if err != nil {
		return nil, err
	}
	a := session.Actor(c)
	l := lineOf(m, h.Now())
	principal, agent := actor.Object{Organisation: m.Principal}, actor.Object{Organisation: m.Agent}
	open := l.Now == mandate.Requested || l.Now == mandate.Granted || l.Now == mandate.Active
	v := &mandateView{
		Base: base(c, h.Pages.T(c, "directory.mandate.title", "Principal", m.PrincipalName, "Agent", m.AgentName)), mandateLine: l,
		MayGrant:   l.Now == mandate.Requested && a.May(actor.MandateGrant, principal).Allowed,
		MayConfirm: l.Now == mandate.Granted && mandate.MayConfirm(a),
		MayRevoke:  open && l.Now != mandate.Requested && a.May(actor.MandateRevoke, principal).Allowed,
		MayChange:  l.Now == mandate.Active && a.May(actor.MandateGrant, principal).Allowed,
		MaySeeLog:  a.May(actor.AccessRead, principal).Allowed,
	}
	v.MayDecline = v.MayConfirm || v.MayGrant
	v.MayReturn = open && !v.MayRevoke && a.May(actor.MandateRequest, agent).Allowed
	steps, err := h.Reads.MandateSteps(c.Request().Context(), m.ID)
	for _, s := range steps {
		// The CERT speaks with one voice: its people are not named to others.
		x := mandateStep{Step: s, Who: s.Organisation}
		if s.Person != "" && (s.OrganisationID == m.Principal || s.OrganisationID == m.Agent || a.View(actor.MandateRead).Everything) {
			x.Who = s.Person + ", " + s.Organisation
		}
		v.Steps = append(v.Steps, x)
	}
	return v, err
}

func (h *Handler) renderMandate(c echo.Context, status int, fail error) error {
	v, err := h.mandateViewOf(c)
	if err != nil {
		return err
	}
	if fail != nil {
		v.Fail(fail)
		v.Reason = c.FormValue("reason")
	}
	return h.Pages.Render(c, status, "mandat", v)
}

// printMandate is the digital document: no paper form is needed (ThürEGovG).
func (h *Handler) printMandate(c echo.Context) error {
	v, err := h.mandateViewOf(c)
	if err != nil {
		return err
	}
	v.Layout = page.Print
	return h.Pages.Render(c, http.StatusOK, "mandat-druck", v)
}

type waitingView struct {
	page.Base
	Query string
	Items []mandateLine
	More  string
}

func (h *Handler) waitingMandates(c echo.Context) error {
	return h.renderWaiting(c, http.StatusOK, nil)
}

func (h *Handler) renderWaiting(c echo.Context, status int, fail error) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	if c.QueryParam("limit") == "" {
		p.Limit = 200 // all members of a provider on one page
	}
	q := c.QueryParam("q")
	list, next, err := h.Reads.WaitingMandates(c.Request().Context(), q, p.After, p.Limit, h.Now())
	if err != nil {
		return err
	}
	v := &waitingView{Base: base(c, h.Pages.T(c, "directory.mandate.waiting")), Query: q}
	for _, m := range list {
		v.Items = append(v.Items, lineOf(m, h.Now()))
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/verzeichnis/mandate/bestaetigen?"+url.Values{"q": {q}, "after": {next}}.Encode())
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "mandate-warten", v)
}

// confirmMandates takes the ticked ones, or with all=yes everything the page showed.
func (h *Handler) confirmMandates(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	ids := form["id"]
	if c.FormValue("all") == "yes" {
		ids = form["shown"]
	}
	picked := make([]mandate.Seen, len(ids))
	for i, s := range ids {
		id, version, _ := strings.Cut(s, ".")
		picked[i] = mandate.Seen{ID: id, Version: shownIn(version)}
	}
	_, err = h.Mandates.Confirm(c.Request().Context(), act(c), picked)
	switch {
	case fault.FieldsOf(err) != nil:
		return h.renderWaiting(c, http.StatusUnprocessableEntity, err)
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Stale), fault.Is(err, fault.NotFound):
		page.Flash(c, "warning", "directory.mandate.meanwhile")
	case err != nil:
		return err
	default:
		page.Flash(c, "success", "directory.mandate.confirmed")
	}
	return page.Redirect(c, "/verzeichnis/mandate/bestaetigen")
}

func (h *Handler) confirmMandate(c echo.Context) error {
	_, err := h.Mandates.Confirm(c.Request().Context(), act(c), []mandate.Seen{{ID: c.Param("id"), Version: shownIn(c.FormValue("version"))}})
	return h.afterMandate(c, "directory.mandate.confirmed", err)
}

func (h *Handler) declineMandate(c echo.Context) error {
	_, err := h.Mandates.Decline(c.Request().Context(), act(c), c.Param("id"), shownIn(c.FormValue("version")), c.FormValue("reason"))
	if fault.Is(err, fault.Stale) {
		return h.renderMandate(c, http.StatusConflict, meanwhile())
	}
	if fault.FieldsOf(err) != nil {
		return h.renderMandate(c, http.StatusUnprocessableEntity, err)
	}
	return h.afterMandate(c, "directory.mandate.declined", err)
}

func (h *Handler) revokeMandate(c echo.Context) error {
	_, err := h.Mandates.Revoke(c.Request().Context(), act(c), c.Param("id"), shownIn(c.FormValue("version")))
	return h.afterMandate(c, "directory.mandate.revoked", err)
}

// afterMandate goes back to the mandate. What somebody else decided meanwhile is
// said there; nothing was changed.
func (h *Handler) afterMandate(c echo.Context, said string, err error) error {
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Stale):
		page.Flash(c, "warning", "directory.mandate.meanwhile")
	case err != nil:
		return err
	default:
		page.Flash(c, "success", said)
	}
	return page.Redirect(c, "/verzeichnis/mandate/"+url.PathEscape(c.Param("id")))
}

// meanwhile says over a form that keeps what was typed: somebody else decided.
func meanwhile() error {
	var bad fault.Fields
	bad.Add("", "directory.mandate.meanwhile", "somebody else decided meanwhile; nothing was changed")
	return bad.Err()
}
