// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
)

// onboardingAPI is the way of organisations into the system, for programs.
func (h *Handler) onboardingAPI() []httpserver.Route {
	const api, one = "/api/directory/v1/onboarding", "/api/directory/v1/organisations/:id/onboarding"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: api, Action: actor.OnboardingManage, Handler: h.apiOnboardings},
		{Method: http.MethodPost, Path: api + "/invitations", Action: actor.OnboardingManage, Handler: h.apiInviteToOnboarding},
		{Method: http.MethodGet, Path: one, Action: actor.OnboardingManage, Handler: h.apiOnboarding},
		{Method: http.MethodPatch, Path: one, Action: actor.OnboardingManage, Handler: h.apiKeepOnboarding},
	}
}

// onboardingBody is the way of one organisation as the API shows it.
type onboardingBody struct {
	Organisation ref                `json:"organisation"`
	KreisName    string             `json:"kreis_name"`
	Stage        onboarding.Stage   `json:"stage"`
	Next         string             `json:"next"` // what has to be done now
	Missing      []contact.Function `json:"missing"`
	Invitable    bool               `json:"invitable"` // there is an address, and no invitation went out
	InvitedAt    *time.Time         `json:"invited_at"`
	ContactsAt   *time.Time         `json:"contacts_at"`
	RolesAt      *time.Time         `json:"roles_at"`
	ActiveAt     *time.Time         `json:"active_at"`
	Held         onboarding.Stage   `json:"held"`
	HeldAt       *time.Time         `json:"held_at"`
	Document     string             `json:"document"`
	Note         string             `json:"note"`
	Version      int                `json:"version"`
}

func onboardingBodyOf(l onboarding.Line) onboardingBody {
	b := onboardingBody{
		Organisation: ref{ID: l.Organisation, AGS: l.AGS, Name: l.Name, Level: string(l.Level)}, KreisName: l.KreisName, Stage: l.Stage,
		Next: l.Next(l.Facts), Missing: l.MissingFunctions(), InvitedAt: l.InvitedAt, ContactsAt: l.ContactsAt, RolesAt: l.RolesAt,
		ActiveAt: l.ActiveAt, Held: l.Held, HeldAt: l.HeldAt, Document: l.Document, Note: l.Note, Version: l.Version,
	}
	b.Invitable = l.Invite(l.Facts, time.Time{}) // of the copy
	if b.Missing == nil {
		b.Missing = []contact.Function{}
	}
	return b
}

// onboardingList is a part of the list with how many organisations are at each
// stage, whatever stage was asked for.
type onboardingList struct {
	httpserver.List[onboardingBody]
	Counts map[onboarding.Stage]int `json:"counts"`
}

// onboardingFilter reads ?stage=&level=&kreis=&limit=&after=.
func onboardingFilter(c echo.Context) (onboarding.Filter, error) {
	b, err := filterOf(c)
	if err != nil {
		return onboarding.Filter{}, err
	}
	f := onboarding.Filter{Level: b.Level, Kreis: b.Kreis, After: b.After, Limit: b.Limit}
	f.Stage, err = onboarding.ParseStage(c.QueryParam("stage"))
	return f, err
}

func (h *Handler) apiOnboardings(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := onboardingFilter(c)
	if err != nil {
		return err
	}
	counts, err := h.Onboarding.Store.OnboardingCounts(ctx, f)
	if err != nil {
		return err
	}
	list, next, err := h.Onboarding.Store.Onboardings(ctx, f)
	if err != nil {
		return err
	}
	out := onboardingList{List: httpserver.List[onboardingBody]{Items: make([]onboardingBody, 0, len(list)), Next: next}, Counts: map[onboarding.Stage]int{}}
	for _, s := range onboarding.Stages() {
		out.Counts[s] = counts[s]
	}
	for _, l := range list {
		out.Items = append(out.Items, onboardingBodyOf(l))
	}
	return c.JSON(http.StatusOK, out)
}

// invitedBody says what became of an order to invite.
type invitedBody struct {
	Invited        int `json:"invited"`
	WithoutAddress int `json:"without_address"`
	Already        int `json:"already"` // invited before, or held
}

// apiInviteToOnboarding invites a Kreis or a list: all of them, or none.
func (h *Handler) apiInviteToOnboarding(c echo.Context) error {
	ctx := c.Request().Context()
	var req struct {
		Kreis         string   `json:"kreis"`
		Organisations []string `json:"organisations"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	who, err := onboarding.ParseOrder(req.Kreis, slices.Compact(slices.Sorted(slices.Values(req.Organisations))))
	if err != nil {
		return err
	}
	if err := h.Onboarding.Allow(ctx, act(c), ""); err != nil {
		return err
	}
	answer, err := h.OnceOnboarding(ctx, idem.Request{Scope: scope(c, "onboarding invitations"), Key: idempotencyKey(c), Body: raw},
		func(d *onboarding.Desk) (int, any, error) {
			n, err := d.InviteMany(ctx, act(c), who)
			return http.StatusOK, invitedBody(n), err
		})
	return reply(c, answer, err)
}

func (h *Handler) apiOnboarding(c echo.Context) error {
	l, err := h.Onboarding.Store.Onboarding(c.Request().Context(), c.Param("id"))
	return answerOnboarding(c, l, err)
}

func answerOnboarding(c echo.Context, l onboarding.Line, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(l.Version))
	return c.JSON(http.StatusOK, onboardingBodyOf(l))
}

// apiKeepOnboarding declines, pauses or goes on; what is not sent stays.
func (h *Handler) apiKeepOnboarding(c echo.Context) error {
	ctx := c.Request().Context()
	var req struct {
		Held     *onboarding.Stage `json:"held"`
		Document *string           `json:"document"`
		Note     *string           `json:"note"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	now, err := h.Onboarding.Store.Onboarding(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	p := onboarding.Plan{Held: now.Held, Document: now.Document, Note: now.Note}
	put(&p.Held, req.Held)
	put(&p.Document, req.Document)
	put(&p.Note, req.Note)
	l, err := h.Onboarding.Keep(ctx, act(c), c.Param("id"), version, p)
	return answerOnboarding(c, l, err)
}
