// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// emergencyPages are for the sealed ways: the organisation's own page, and the
// CERT's, which breaks the seal.
func (h *Handler) emergencyPages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/verzeichnis/stelle/notfall", Action: actor.EmergencyEdit, Handler: h.ownEmergency},
		{Method: post, Path: "/verzeichnis/stelle/notfall", Action: actor.EmergencyEdit, Handler: h.keepEmergency},
		{Method: get, Path: "/verzeichnis/kommunen/:id/notfall", Action: actor.SealedOpen, Handler: h.lookEmergency},
		{Method: post, Path: "/verzeichnis/kommunen/:id/notfall", Action: actor.SealedOpen, Handler: h.openEmergency},
	}
}

func (h *Handler) emergencyAPI() []httpserver.Route {
	const at = "/api/directory/v1/organisations/:id/emergency"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: at, Action: actor.EmergencyEdit, Handler: h.apiEmergency},
		{Method: http.MethodPut, Path: at, Action: actor.EmergencyEdit, Handler: h.apiKeepEmergency},
		{Method: http.MethodPost, Path: at + "/open", Action: actor.SealedOpen, Handler: h.apiOpenEmergency},
	}
}

type emergencyView struct {
	page.Base
	State  emergency.State
	Form   emergency.Ways
	Reason string
	Own    bool
	Action string
}

// ownBody is the organisation that ?id= names, or the first of the person's
// where they may do the action.
func ownBody(c echo.Context, action actor.Action) (string, error) {
	id := c.QueryParam("id")
	for _, m := range session.Actor(c).Memberships {
		if (id == "" || id == m.Organisation) && session.Actor(c).May(action, actor.Object{Organisation: m.Organisation}).Allowed {
			return m.Organisation, nil
		}
	}
	return "", fault.New(fault.NotFound, "you belong to no such organisation")
}

func (h *Handler) ownEmergency(c echo.Context) error {
	id, err := ownBody(c, actor.EmergencyEdit)
	if err != nil {
		return err
	}
	s, err := h.Emergencies.Own(c.Request().Context(), act(c), id)
	if err != nil {
		return err
	}
	var f emergency.Ways
	if s.Ways != nil {
		f = *s.Ways
	}
	return h.renderEmergency(c, http.StatusOK, emergencyView{State: s, Form: f, Own: true}, nil)
}

func (h *Handler) renderEmergency(c echo.Context, status int, v emergencyView, fail error) error {
	v.Base = base(c, h.Pages.T(c, "directory.emergency"))
	v.Action = "/verzeichnis/kommunen/" + v.State.Organisation.ID + "/notfall"
	if v.Own {
		v.Action = "/verzeichnis/stelle/notfall?id=" + v.State.Organisation.ID
	}
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.contact.stale")}
	}
	return h.Pages.Render(c, status, "notfall", &v)
}

func (h *Handler) keepEmergency(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := ownBody(c, actor.EmergencyEdit)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "version is no number")
	}
	f := emergency.Ways{
		Name: c.FormValue("name"), Mobile: c.FormValue("mobile"), Office: c.FormValue("office"), Fax: c.FormValue("fax"),
		Email: c.FormValue("email"), Note: c.FormValue("note"),
	}
	s, err := h.Emergencies.Keep(ctx, act(c), id, version, f)
	if fault.Is(err, fault.Stale) || fault.FieldsOf(err) != nil {
		now, readErr := h.Emergencies.Own(ctx, act(c), id)
		if readErr != nil {
			return readErr
		}
		status := http.StatusUnprocessableEntity
		if fault.Is(err, fault.Stale) {
			status = http.StatusConflict
		}
		return h.renderEmergency(c, status, emergencyView{State: now, Form: f, Own: true}, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.emergency.saved")
	return page.Redirect(c, "/verzeichnis/stelle/notfall?id="+s.Organisation.ID)
}

func (h *Handler) lookEmergency(c echo.Context) error {
	s, err := h.Emergencies.Look(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	return h.renderEmergency(c, http.StatusOK, emergencyView{State: s}, nil)
}

func (h *Handler) openEmergency(c echo.Context) error {
	ctx := c.Request().Context()
	s, err := h.Emergencies.Open(ctx, act(c), c.Param("id"), c.FormValue("reason"))
	if fault.FieldsOf(err) != nil {
		now, readErr := h.Emergencies.Look(ctx, act(c), c.Param("id"))
		if readErr != nil {
			return readErr
		}
		return h.renderEmergency(c, http.StatusUnprocessableEntity, emergencyView{State: now, Reason: c.FormValue("reason")}, err)
	}
	if err != nil {
		return err
	}
	return page.Redirect(c, "/verzeichnis/kommunen/"+s.Organisation.ID+"/notfall")
}

// emergencyBody is what the API shows of the sealed ways.
type emergencyBody struct {
	emergency.Ways
	ChangedAt time.Time           `json:"changed_at"`
	Warnings  []emergency.Warning `json:"warnings"`
	Until     *time.Time          `json:"until,omitempty"`
	Version   int                 `json:"version"`
}

func answerEmergency(c echo.Context, s emergency.State, err error) error {
	if err != nil {
		return err
	}
	if s.Ways == nil {
		return fault.New(fault.NotFound, "there is no emergency contact")
	}
	b := emergencyBody{Ways: *s.Ways, ChangedAt: s.ChangedAt, Warnings: s.Warnings, Until: s.Until, Version: s.Version}
	if b.Warnings == nil {
		b.Warnings = []emergency.Warning{}
	}
	c.Response().Header().Set("ETag", httpserver.ETag(s.Version))
	return c.JSON(http.StatusOK, b)
}

func (h *Handler) apiEmergency(c echo.Context) error {
	s, err := h.Emergencies.Own(c.Request().Context(), act(c), c.Param("id"))
	return answerEmergency(c, s, err)
}

func (h *Handler) apiKeepEmergency(c echo.Context) error {
	var req emergency.Ways
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	s, err := h.Emergencies.Keep(c.Request().Context(), act(c), c.Param("id"), version, req)
	return answerEmergency(c, s, err)
}

func (h *Handler) apiOpenEmergency(c echo.Context) error {
	var req struct {
		Reason string `json:"reason"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	s, err := h.Emergencies.Open(c.Request().Context(), act(c), c.Param("id"), req.Reason)
	return answerEmergency(c, s, err)
}
