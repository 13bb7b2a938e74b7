// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

// onboardingPages are the constituency manager's pages about admissions.
func (h *Handler) onboardingPages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/verzeichnis/aufnahme", Action: actor.OnboardingManage, Handler: h.onboardings},
		{Method: post, Path: "/verzeichnis/aufnahme/einladen", Action: actor.OnboardingManage, Handler: h.inviteKreis},
		{Method: get, Path: "/verzeichnis/kommunen/:id/aufnahme", Action: actor.OnboardingManage, Handler: h.onboarding},
		{Method: post, Path: "/verzeichnis/kommunen/:id/aufnahme", Action: actor.OnboardingManage, Handler: h.keepOnboarding},
		{Method: post, Path: "/verzeichnis/kommunen/:id/aufnahme/einladen", Action: actor.OnboardingManage, Handler: h.inviteOne},
	}
}

type stageCount struct {
	Stage onboarding.Stage
	N     int
}

type onboardingsView struct {
	page.Base
	Stage, Level, Kreis string
	KreisName           string
	Stages              []page.Option
	Levels, Kreise      []page.Option
	Counts              []stageCount
	Lines               []onboarding.Line
	More                string
	Invitable, Without  int // of the Kreis
}

func (h *Handler) onboardings(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := onboardingFilter(c)
	if err != nil {
		return err
	}
	v := &onboardingsView{
		Base: base(c, h.Pages.T(c, "directory.onboarding")), Stage: string(f.Stage), Level: string(f.Level), Kreis: f.Kreis,
		Levels: append([]page.Option{{Label: h.Pages.T(c, "directory.all")}}, h.Pages.Options(page.Language(c), "level")...),
		Stages: []page.Option{{Label: h.Pages.T(c, "directory.all")}}, Kreise: []page.Option{{Label: h.Pages.T(c, "directory.all")}},
	}
	kreise, err := h.Reads.Kreise(ctx)
	if err != nil {
		return err
	}
	for _, k := range kreise {
		v.Kreise = append(v.Kreise, page.Option{Value: k.Kreis, Label: k.Name})
		if k.Kreis == f.Kreis {
			v.KreisName = k.Name
		}
	}
	counts, err := h.Onboarding.Store.OnboardingCounts(ctx, f)
	if err != nil {
		return err
	}
	for _, s := range onboarding.Stages() {
		v.Stages = append(v.Stages, page.Option{Value: string(s), Label: h.Pages.T(c, "directory.onboarding.stage."+string(s))})
		v.Counts = append(v.Counts, stageCount{s, counts[s]})
	}
	next := ""
	if v.Lines, next, err = h.Onboarding.Store.Onboardings(ctx, f); err != nil {
		return err
	}
	if next != "" {
		q := url.Values{"stage": {v.Stage}, "level": {v.Level}, "kreis": {v.Kreis}, "after": {next}}
		v.More = page.Link(page.Language(c), "/verzeichnis/aufnahme?"+q.Encode())
	}
	if f.Kreis != "" {
		ids, without, err := h.Onboarding.Store.Uninvited(ctx, f.Kreis)
		if err != nil {
			return err
		}
		v.Invitable, v.Without = len(ids), without
	}
	return h.Pages.Render(c, http.StatusOK, "aufnahme", v)
}

func (h *Handler) inviteKreis(c echo.Context) error {
	kreis := c.FormValue("kreis")
	if len(kreis) != 5 {
		return fault.New(fault.Malformed, "kreis must be the 5 digits of a Landkreis")
	}
	if _, _, err := h.Onboarding.InviteKreis(c.Request().Context(), act(c), kreis); err != nil {
		return err
	}
	page.Flash(c, "success", "directory.onboarding.invited.flash")
	return page.Redirect(c, "/verzeichnis/aufnahme?kreis="+url.QueryEscape(kreis))
}

type onboardingView struct {
	page.Base
	Organisation constituency.Organisation
	Line         onboarding.Line
	Steps        []step
	Form         onboardingForm
	HeldOptions  []page.Option
}

type onboardingForm struct{ Held, Document, Note string }

func (h *Handler) onboarding(c echo.Context) error {
	l, err := h.Onboarding.Store.Onboarding(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.renderOnboarding(c, http.StatusOK, l, onboardingForm{string(l.Held), l.Document, l.Note}, nil)
}

func (h *Handler) renderOnboarding(c echo.Context, status int, l onboarding.Line, f onboardingForm, fail error) error {
	o, err := h.Reads.Organisation(c.Request().Context(), l.Organisation)
	if err != nil {
		return err
	}
	v := &onboardingView{
		Base: base(c, h.Pages.T(c, "directory.onboarding.of", "Name", o.Name)), Organisation: o, Line: l, Steps: stepsOf(l, false), Form: f,
		HeldOptions: []page.Option{
			{Label: h.Pages.T(c, "directory.onboarding.running")},
			{Value: "paused", Label: h.Pages.T(c, "directory.onboarding.stage.paused")},
			{Value: "declined", Label: h.Pages.T(c, "directory.onboarding.stage.declined")},
		},
	}
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.contact.stale")}
	}
	return h.Pages.Render(c, status, "aufnahme_stelle", v)
}

func (h *Handler) keepOnboarding(c echo.Context) error {
	ctx := c.Request().Context()
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "version is no number")
	}
	f := onboardingForm{c.FormValue("held"), c.FormValue("document"), c.FormValue("note")}
	_, err = h.Onboarding.Keep(ctx, act(c), c.Param("id"), version, onboarding.Plan{Held: onboarding.Stage(f.Held), Document: f.Document, Note: f.Note})
	if fault.Is(err, fault.Stale) || fault.FieldsOf(err) != nil {
		now, readErr := h.Onboarding.Store.Onboarding(ctx, c.Param("id"))
		if readErr != nil {
			return readErr
		}
		status := http.StatusUnprocessableEntity
		if fault.Is(err, fault.Stale) {
			status = http.StatusConflict
		}
		return h.renderOnboarding(c, status, now, f, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return page.Redirect(c, "/verzeichnis/kommunen/"+url.PathEscape(c.Param("id"))+"/aufnahme")
}

func (h *Handler) inviteOne(c echo.Context) error {
	if _, err := h.Onboarding.Invite(c.Request().Context(), act(c), c.Param("id")); err != nil {
		return err
	}
	page.Flash(c, "success", "directory.onboarding.invited.flash")
	return page.Redirect(c, "/verzeichnis/kommunen/"+url.PathEscape(c.Param("id"))+"/aufnahme")
}

// step is one line of the checklist of an admission.
type step struct {
	ID   string // last word of its message
	Done bool
	Href string // where it is done, "" when not by who looks
}

// stepsOf are the steps with links for the organisation's own people, or for the
// constituency manager.
func stepsOf(l onboarding.Line, own bool) []step {
	contacts, roles, document := "/verzeichnis/kommunen/"+l.Organisation+"/kontakte", "/verzeichnis/verwaltung/personen?organisation="+l.Organisation, ""
	if own {
		contacts = "/verzeichnis/stelle/kontakte?id=" + l.Organisation
	}
	return []step{
		{"invited", l.InvitedAt != nil || l.ContactsComplete(), ""},
		{"contacts", l.ContactsComplete(), contacts},
		{"roles", l.RolesComplete(), roles},
		{"document", l.Document != "", document},
	}
}
