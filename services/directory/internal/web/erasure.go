// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/erasure"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

const erasuresPath = "/verzeichnis/verwaltung/loeschungen"

// ErasureDesk is what the erasure of people is asked of.
type ErasureDesk struct {
	Erasures erasure.Desk
	// OnceErasure is Once for what is done about erasures.
	OnceErasure func(ctx context.Context, r idem.Request, effect func(erasure.Desk) (status int, body any, err error)) (idem.Answer, error)
}

// WithUser lets the header of pages that are not this package's own name who is
// signed in.
func (h *Handler) WithUser(routes []httpserver.Route) []httpserver.Route {
	for i, r := range routes {
		if !strings.HasPrefix(r.Path, "/api/") {
			routes[i].Handler = h.withUser(r.Handler)
		}
	}
	return routes
}

func (h *Handler) erasurePages() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: erasuresPath, Action: actor.PersonErase, Handler: h.erasures},
		{Method: post, Path: erasuresPath, Action: actor.PersonErase, Handler: h.proposeErasure},
		{Method: post, Path: erasuresPath + "/:erasure/bestaetigen", Action: actor.PersonErase, Handler: h.decideErasure(true)},
		{Method: post, Path: erasuresPath + "/:erasure/ablehnen", Action: actor.PersonErase, Handler: h.decideErasure(false)},
	}
}

func (h *Handler) erasureAPI() []httpserver.Route {
	const get, post, api = http.MethodGet, http.MethodPost, "/api/directory/v1/erasures"
	return []httpserver.Route{
		{Method: get, Path: api, Action: actor.PersonErase, Handler: h.apiErasures},
		{Method: post, Path: api, Action: actor.PersonErase, Handler: h.apiProposeErasure},
		{Method: post, Path: api + "/:erasure/confirm", Action: actor.PersonErase, Handler: h.apiDecideErasure(true)},
		{Method: post, Path: api + "/:erasure/refuse", Action: actor.PersonErase, Handler: h.apiDecideErasure(false)},
	}
}

type wishView struct {
	erasure.Wish
	Proposer, Decider   string
	Open, MayAgree      bool
	AgreePath, DropPath string
}

type erasuresView struct {
	page.Base
	Person, Reason string
	Items          []wishView
}

func (h *Handler) erasures(c echo.Context) error {
	return h.renderErasures(c, http.StatusOK, &erasuresView{Person: c.QueryParam("person")})
}

func (h *Handler) renderErasures(c echo.Context, status int, v *erasuresView) error {
	ctx, who := c.Request().Context(), act(c)
	wishes, err := h.Erasures.Wishes(ctx, who)
	if err != nil {
		return err
	}
	errs, notice := v.Errors, v.Notice
	v.Base = base(c, h.Pages.T(c, "directory.erasure.title"))
	v.Errors, v.Notice = errs, notice
	for _, w := range wishes {
		x := wishView{Wish: w, Proposer: h.called(ctx, w.ProposedBy), Decider: h.called(ctx, w.DecidedBy), Open: w.State == erasure.Proposed}
		x.MayAgree = x.Open && w.ProposedBy != who.Actor.ID() && w.Person != who.Actor.ID()
		x.AgreePath, x.DropPath = erasuresPath+"/"+w.ID+"/bestaetigen", erasuresPath+"/"+w.ID+"/ablehnen"
		v.Items = append(v.Items, x)
	}
	return h.Pages.Render(c, status, "loeschungen", v)
}

// called is a person's name, else the id.
func (h *Handler) called(ctx context.Context, id string) string {
	if id == "" {
		return ""
	}
	if p, err := h.Reads.Person(ctx, id); err == nil {
		return p.Name
	}
	return id
}

func (h *Handler) proposeErasure(c echo.Context) error {
	v := &erasuresView{Person: c.FormValue("person"), Reason: c.FormValue("reason")}
	_, err := h.Erasures.Propose(c.Request().Context(), act(c), v.Person, v.Reason)
	switch {
	case err == nil:
		page.Flash(c, "success", "directory.erasure.proposed")
		return page.Redirect(c, erasuresPath)
	case v.Fail(err):
		return h.renderErasures(c, http.StatusUnprocessableEntity, v)
	case fault.Is(err, fault.Conflict):
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.erasure.err.open")}
		return h.renderErasures(c, http.StatusConflict, v)
	}
	return err
}

func (h *Handler) decideErasure(agree bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		ended, err := h.Erasures.Decide(c.Request().Context(), act(c), c.Param("erasure"), agree)
		if fault.Is(err, fault.Conflict) {
			v, said := &erasuresView{}, "directory.erasure.err.decide"
			if r, last := account.IsLast(err); last {
				said = lastMessage(r)
			}
			v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, said)}
			return h.renderErasures(c, http.StatusConflict, v)
		}
		if err != nil {
			return err
		}
		h.Tell(c.Request().Context(), ended.Sessions, ended.Tokens)
		page.Flash(c, "success", "directory.erasure.decided")
		return page.Redirect(c, erasuresPath)
	}
}

type wishBody struct {
	ID         string     `json:"id"`
	Person     string     `json:"person"`
	Reason     string     `json:"reason"`
	State      string     `json:"state"`
	ProposedBy string     `json:"proposed_by"`
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
}

func wishBodyOf(w erasure.Wish) wishBody {
	return wishBody{w.ID, w.Person, w.Reason, w.State, w.ProposedBy, w.ProposedAt, w.DecidedBy, w.DecidedAt}
}

func (h *Handler) apiErasures(c echo.Context) error {
	wishes, err := h.Erasures.Wishes(c.Request().Context(), act(c))
	if err != nil {
		return err
	}
	out := struct {
		Items []wishBody `json:"items"`
	}{[]wishBody{}}
	for _, w := range wishes {
		out.Items = append(out.Items, wishBodyOf(w))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiProposeErasure(c echo.Context) error {
	var req struct {
		Person string `json:"person"`
		Reason string `json:"reason"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	a, err := h.OnceErasure(c.Request().Context(), idem.Request{Scope: "erasure " + session.Actor(c).Person, Key: idempotencyKey(c), Body: raw},
		func(d erasure.Desk) (int, any, error) {
			w, err := d.Propose(c.Request().Context(), act(c), req.Person, req.Reason)
			return http.StatusCreated, wishBodyOf(w), err
		})
	return reply(c, a, err)
}

func (h *Handler) apiDecideErasure(agree bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		ended, err := h.Erasures.Decide(c.Request().Context(), act(c), c.Param("erasure"), agree)
		if err != nil {
			return err
		}
		h.Tell(c.Request().Context(), ended.Sessions, ended.Tokens)
		return c.NoContent(http.StatusNoContent)
	}
}
