// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/session"
)

// MandateReads is what pages and lists show of mandates.
type MandateReads interface {
	NamedMandate(ctx context.Context, id string) (mandate.Named, error)
	NamedMandates(ctx context.Context, organisation string) ([]mandate.Named, error)
	WaitingMandates(ctx context.Context, query, after string, limit int, at time.Time) ([]mandate.Named, string, error)
	MandateSteps(ctx context.Context, id string) ([]mandate.Step, error)
}

func (h *Handler) mandateAPI(api string) []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: api + "/organisations/:id/mandates", Action: actor.MandateRead, Handler: h.apiMandates},
		{Method: post, Path: api + "/organisations/:id/mandates", Action: actor.MandateGrant, Handler: h.apiGrant},
		{Method: get, Path: api + "/mandates", Action: actor.MandateConfirm, Handler: h.apiWaiting},
		{Method: post, Path: api + "/mandates", Action: actor.MandateRequest, Handler: h.apiRequest},
		{Method: post, Path: api + "/mandates/confirm", Action: actor.MandateConfirm, Handler: h.apiConfirmAll},
		{Method: get, Path: api + "/mandates/:id", Action: actor.MandateRead, Handler: h.apiMandate},
		{Method: post, Path: api + "/mandates/:id/grant", Action: actor.MandateGrant, Handler: h.apiGrantRequested},
		{Method: post, Path: api + "/mandates/:id/confirm", Action: actor.MandateConfirm, Handler: h.apiConfirm},
		{Method: post, Path: api + "/mandates/:id/decline", Action: actor.MandateDecline, Handler: h.apiDecline},
		{Method: http.MethodDelete, Path: api + "/mandates/:id", Action: actor.MandateRevoke, Handler: h.apiRevoke},
	}
}

// mandateBody is a mandate as the API shows it.
type mandateBody struct {
	ID        string        `json:"id"`
	State     mandate.State `json:"state"`
	Principal ref           `json:"principal"`
	Agent     ref           `json:"agent"`
	Scopes    []actor.Scope `json:"scopes"`
	Services  []string      `json:"services"`
	From      time.Time     `json:"from"`
	To        *time.Time    `json:"to"`
	Document  string        `json:"document"`
	GrantedBy string        `json:"granted_by"`
	Replaces  string        `json:"replaces,omitempty"`
	RevokedAt *time.Time    `json:"revoked_at"`
	Version   int           `json:"version"`
}

func (h *Handler) mandateBodyOf(m mandate.Named) mandateBody {
	return mandateBody{
		ID: m.ID, State: m.StateAt(h.Now()), Principal: ref{ID: m.Principal, AGS: m.PrincipalAGS, Name: m.PrincipalName},
		Agent: ref{ID: m.Agent, AGS: m.AgentAGS, Name: m.AgentName}, Scopes: m.Scopes, Services: append([]string{}, m.Services...),
		From: m.From, To: m.To, Document: m.Document, GrantedBy: m.GrantedBy, Replaces: m.Replaces, RevokedAt: m.RevokedAt, Version: m.Version,
	}
}

func (h *Handler) mandateList(list []mandate.Named, next string) httpserver.List[mandateBody] {
	out := httpserver.List[mandateBody]{Items: make([]mandateBody, 0, len(list)), Next: next}
	for _, m := range list {
		out.Items = append(out.Items, h.mandateBodyOf(m))
	}
	return out
}

func (h *Handler) apiMandates(c echo.Context) error {
	ctx := c.Request().Context()
	o, err := h.Reads.Organisation(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	if err := h.Register.Allow(ctx, act(c), actor.MandateRead, "organisation", o.ID); err != nil {
		return err
	}
	list, err := h.Reads.NamedMandates(ctx, o.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.mandateList(list, ""))
}

// apiWaiting is what the CERT has to confirm, the oldest first.
func (h *Handler) apiWaiting(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	list, next, err := h.Reads.WaitingMandates(c.Request().Context(), c.QueryParam("q"), p.After, p.Limit, h.Now())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.mandateList(list, next))
}

// readMandate is a mandate that the asker may see; what they may not does not exist.
func (h *Handler) readMandate(c echo.Context) (mandate.Named, error) {
	m, err := h.Reads.NamedMandate(c.Request().Context(), c.Param("id"))
	if err == nil && !mandate.MayRead(session.Actor(c), m.Mandate) {
		err = h.unseen(c, actor.MandateRead, "mandate", m.ID)
	}
	return m, err
}

func (h *Handler) apiMandate(c echo.Context) error {
	m, err := h.readMandate(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(m.Version))
	return c.JSON(http.StatusOK, h.mandateBodyOf(m))
}

// terms are what a mandate lets the agent do and for how long.
type terms struct {
	Scopes    []actor.Scope `json:"scopes"`
	Services  []string      `json:"services"`
	From      *time.Time    `json:"from"`
	To        *time.Time    `json:"to"`
	Document  string        `json:"document"`
	GrantedBy string        `json:"granted_by"`
}

func (t terms) mandate(principal, agent string) mandate.Mandate {
	m := mandate.Mandate{
		Principal: principal, Agent: agent, Scopes: t.Scopes, Services: t.Services, To: t.To, Document: t.Document, GrantedBy: t.GrantedBy,
	}
	if t.From != nil {
		m.From = *t.From
	}
	return m
}

type grantRequest struct {
	Agent string `json:"agent"` // AGS or id
	terms
	Replaces string `json:"replaces"`
}

// idOf finds the id of an organisation by AGS or id, "" when there is none.
func (h *Handler) idOf(c echo.Context, reference string) (string, error) {
	o, err := h.Reads.Organisation(c.Request().Context(), reference)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	return o.ID, nil
}

func (h *Handler) apiGrant(c echo.Context) error {
	var req grantRequest
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	principal, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	agent, err := h.idOf(c, req.Agent)
	if err != nil {
		return err
	}
	m := req.mandate(principal.ID, agent)
	m.Replaces = req.Replaces
	answer, err := h.grant(seenOf(c))(c, idempotencyKey(c), raw, m)
	return reply(c, answer, err)
}

// seenOf is the version of the mandate that a decision names: 0 for none, which
// the desk refuses to whom it would let decide.
func seenOf(c echo.Context) int {
	v, err := httpserver.IfMatch(c)
	switch {
	case fault.Is(err, fault.PreconditionRequired):
		return 0
	case err != nil || v < 1:
		return -1 // no version at all
	}
	return v
}

// shownIn is seenOf for a form, which carries the version that its page showed.
func shownIn(version string) int {
	if v, err := strconv.Atoi(version); err == nil && v > 0 {
		return v
	}
	return -1
}

// making makes a new mandate once for a key.
type making func(c echo.Context, key string, raw []byte, m mandate.Mandate) (idem.Answer, error)

// grant grants a new mandate once for the key. seen is the version of the one
// that it replaces.
func (h *Handler) grant(seen int) making {
	return func(c echo.Context, key string, raw []byte, m mandate.Mandate) (idem.Answer, error) {
		return h.once(c, "mandates "+m.Principal, key, raw, func(ctx context.Context, d *mandate.Desk) (mandate.Mandate, error) {
			return d.Grant(ctx, act(c), m, seen)
		})
	}
}

// once makes a new mandate once for the key.
func (h *Handler) once(c echo.Context, what, key string, raw []byte, do func(context.Context, *mandate.Desk) (mandate.Mandate, error)) (idem.Answer, error) {
	ctx := c.Request().Context()
	return h.OnceMandate(ctx, idem.Request{Scope: scope(c, what), Key: key, Body: raw}, func(d *mandate.Desk) (int, any, error) {
		m, err := do(ctx, d)
		if err != nil {
			return 0, nil, err
		}
		named := mandate.Named{Mandate: m}
		for _, side := range []struct {
			id        string
			name, ags *string
		}{{m.Principal, &named.PrincipalName, &named.PrincipalAGS}, {m.Agent, &named.AgentName, &named.AgentAGS}} {
			o, err := h.Reads.Organisation(ctx, side.id)
			if err != nil {
				return 0, nil, err
			}
			*side.name, *side.ags = o.Name, o.AGS
		}
		return http.StatusCreated, h.mandateBodyOf(named), nil
	})
}

type mandateRequest struct {
	Principal string `json:"principal"` // AGS or id
	Agent     string `json:"agent"`     // AGS or id; "": the asker's own organisation
	terms
}

func (h *Handler) apiRequest(c echo.Context) error {
	var req mandateRequest
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	principal, err := h.idOf(c, req.Principal)
	if err != nil {
		return err
	}
	agent := session.Actor(c).View(actor.MandateRequest).Organisations[0] // the route lets nobody in without
	if req.Agent != "" {
		if agent, err = h.idOf(c, req.Agent); err != nil {
			return err
		}
	}
	answer, err := h.ask(c, idempotencyKey(c), raw, req.mandate(principal, agent))
	return reply(c, answer, err)
}

// ask asks for a new mandate once for the key.
func (h *Handler) ask(c echo.Context, key string, raw []byte, m mandate.Mandate) (idem.Answer, error) {
	return h.once(c, "mandate requests "+m.Agent, key, raw, func(ctx context.Context, d *mandate.Desk) (mandate.Mandate, error) {
		return d.Request(ctx, act(c), m)
	})
}

func (h *Handler) apiGrantRequested(c echo.Context) error {
	var req terms
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	m, err := h.Mandates.GrantRequested(c.Request().Context(), act(c), c.Param("id"), seenOf(c), req.mandate("", ""))
	return h.replyMandate(c, m, err)
}

func (h *Handler) apiConfirm(c echo.Context) error {
	list, err := h.Mandates.Confirm(c.Request().Context(), act(c), []mandate.Seen{{ID: c.Param("id"), Version: seenOf(c)}})
	if err != nil {
		return err
	}
	return h.replyMandate(c, list[0], nil)
}

func (h *Handler) apiConfirmAll(c echo.Context) error {
	var req struct {
		Mandates []struct {
			ID      string `json:"id"`
			Version int    `json:"version"`
		} `json:"mandates"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	picked := make([]mandate.Seen, len(req.Mandates))
	for i, m := range req.Mandates {
		picked[i] = mandate.Seen(m)
	}
	list, err := h.Mandates.Confirm(c.Request().Context(), act(c), picked)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]int{"confirmed": len(list)})
}

func (h *Handler) apiDecline(c echo.Context) error {
	var req struct {
		Reason string `json:"reason"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	m, err := h.Mandates.Decline(c.Request().Context(), act(c), c.Param("id"), seenOf(c), req.Reason)
	return h.replyMandate(c, m, err)
}

func (h *Handler) replyMandate(c echo.Context, m mandate.Mandate, err error) error {
	if err != nil {
		return err
	}
	named, err := h.Reads.NamedMandate(c.Request().Context(), m.ID)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(named.Version))
	return c.JSON(http.StatusOK, h.mandateBodyOf(named))
}

func (h *Handler) apiRevoke(c echo.Context) error {
	if _, err := h.Mandates.Revoke(c.Request().Context(), act(c), c.Param("id"), seenOf(c)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
