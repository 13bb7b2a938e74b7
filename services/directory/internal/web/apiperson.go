// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/session"
)

// personAPI is what the pages of a person and of one's own account can do, for
// programs. What one signs in with stays with the pages: it changes by hand only.
func (h *Handler) personAPI(api string) []httpserver.Route {
	get, post, put := http.MethodGet, http.MethodPost, http.MethodPut
	own, person := h.absenceAPI(true), h.absenceAPI(false)
	return []httpserver.Route{
		{Method: http.MethodPatch, Path: api + "/me", Action: actor.AccountOwn, Handler: h.apiSetLanguage},
		{Method: get, Path: api + "/me/absence", Action: actor.AccountOwn, Handler: own.show},
		{Method: put, Path: api + "/me/absence", Action: actor.AccountOwn, Handler: own.plan},
		{Method: http.MethodDelete, Path: api + "/me/absence", Action: actor.AccountOwn, Handler: own.end},
		{Method: get, Path: api + "/people/:id/absence", Action: actor.PersonManage, Handler: person.show},
		{Method: put, Path: api + "/people/:id/absence", Action: actor.PersonManage, Handler: person.plan},
		{Method: http.MethodDelete, Path: api + "/people/:id/absence", Action: actor.PersonManage, Handler: person.end},
		{Method: post, Path: api + "/people/:id/lock", Action: actor.SessionEndAny, Handler: h.apiSetActive(false)},
		{Method: post, Path: api + "/people/:id/unlock", Action: actor.SessionEndAny, Handler: h.apiSetActive(true)},
		{Method: post, Path: api + "/people/:id/reset", Action: actor.RoleChange, Handler: h.apiReset},
	}
}

func (h *Handler) apiSetLanguage(c echo.Context) error {
	var req struct {
		Language string `json:"language"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	p, err := h.Accounts.SetLanguage(c.Request().Context(), act(c), req.Language)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, personBodyOf(p))
}

// absenceBody names the first and the last day, in Thuringia; empty when
// nothing is planned.
type absenceBody struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Deputy string `json:"deputy"` // id of a person of the same organisation
}

func absenceBodyOf(a account.Absence) absenceBody {
	if a.None() {
		return absenceBody{}
	}
	return absenceBody{From: a.From.In(berlin).Format(time.DateOnly), To: lastDay(a).Format(time.DateOnly), Deputy: a.Deputy}
}

// absenceAPI shows, plans and ends one's own absence or that of somebody one manages.
type absenceAPI struct {
	h   *Handler
	own bool
}

func (h *Handler) absenceAPI(own bool) absenceAPI { return absenceAPI{h, own} }

func (x absenceAPI) person(c echo.Context) (account.Person, error) {
	if x.own {
		return x.h.managed(c, session.Actor(c).Person)
	}
	return x.h.managed(c, c.Param("id"))
}

func (x absenceAPI) show(c echo.Context) error {
	p, err := x.person(c)
	return answerAbsence(c, p, err)
}

func (x absenceAPI) plan(c echo.Context) error {
	var req absenceBody
	p, err := x.person(c)
	if err != nil {
		return err
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	a, err := absenceForm(req).absence()
	if err == nil {
		p, err = x.h.Accounts.PlanAbsence(c.Request().Context(), act(c), p.ID, version, a)
	}
	return answerAbsence(c, p, err)
}

func (x absenceAPI) end(c echo.Context) error {
	p, err := x.person(c)
	if err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err == nil {
		p, err = x.h.Accounts.PlanAbsence(c.Request().Context(), act(c), p.ID, version, account.Absence{})
	}
	return answerAbsence(c, p, err)
}

func answerAbsence(c echo.Context, p account.Person, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(p.Version))
	return c.JSON(http.StatusOK, absenceBodyOf(p.Absence))
}

// apiSetActive locks somebody, with the end of all that they have, or lets them in again.
func (h *Handler) apiSetActive(active bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		l, err := h.Accounts.SetActive(c.Request().Context(), act(c), c.Param("id"), active)
		if err != nil {
			return err
		}
		h.Tell(c.Request().Context(), l.Sessions, l.Tokens)
		return c.NoContent(http.StatusNoContent)
	}
}

// apiReset sends a link for a new password or app, which asks for the other one.
func (h *Handler) apiReset(c echo.Context) error {
	var req struct {
		Kind string `json:"kind"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	answer, err := h.InviteOnce(c.Request().Context(), idem.Request{Scope: scope(c, "resets "+c.Param("id")), Key: idempotencyKey(c), Body: raw},
		func(d *invitation.Desk) (int, any, error) {
			i, err := d.Reset(c.Request().Context(), act(c), c.Param("id"), invitation.Kind(req.Kind))
			return http.StatusCreated, h.invitationBodyOf(i), err
		})
	return reply(c, answer, err)
}
