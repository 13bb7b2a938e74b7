// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
)

const holdsPath = "/lage/aufbewahrung/sperren"

func (h *Handler) holdRoutes() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: holdsPath, Action: actor.LegalHold, Handler: h.holds},
		{Method: post, Path: holdsPath, Action: actor.LegalHold, Handler: h.proposeHold},
		{Method: post, Path: holdsPath + "/:hold/bestaetigen", Action: actor.LegalHold, Handler: h.decideHold(true)},
		{Method: post, Path: holdsPath + "/:hold/ablehnen", Action: actor.LegalHold, Handler: h.decideHold(false)},
		{Method: get, Path: api + "/holds", Action: actor.LegalHold, Handler: h.apiHolds},
		{Method: post, Path: api + "/holds", Action: actor.LegalHold, Handler: h.apiProposeHold},
		{Method: post, Path: api + "/holds/:hold/confirm", Action: actor.LegalHold, Handler: h.apiDecideHold(true)},
		{Method: post, Path: api + "/holds/:hold/refuse", Action: actor.LegalHold, Handler: h.apiDecideHold(false)},
	}
}

type holdView struct {
	casefile.Hold
	Proposer, Decider   string
	Open                bool
	MayAgree            bool
	AgreePath, DropPath string
}

type holdsView struct {
	page.Base
	Case, Reason, Kind string
	Kinds              []page.Option
	Items              []holdView
	Held               []string
	Cases              bool // the reader may open cases
}

func (h *Handler) holds(c echo.Context) error {
	return h.renderHolds(c, http.StatusOK, &holdsView{Case: c.QueryParam("fall")})
}

func (h *Handler) renderHolds(c echo.Context, status int, v *holdsView) error {
	who := by(c)
	wishes, held, err := h.desk().Holds(c.Request().Context(), who)
	if err != nil {
		return err
	}
	v.Title = h.Pages.T(c, "triage.hold.title")
	if len(page.DeskMenu(page.UserOf(who.Actor, ""))) > 0 {
		v.Layout = page.Desk
	}
	v.Held, v.Cases = held, who.View(actor.CaseRead).Everything
	if v.Kind == "" {
		v.Kind = "hold"
	}
	v.Kinds = []page.Option{
		{Value: "hold", Label: h.Pages.T(c, "triage.hold.kind.hold")},
		{Value: "release", Label: h.Pages.T(c, "triage.hold.kind.release")},
	}
	for _, w := range wishes {
		x := holdView{Hold: w, Proposer: h.personName(w.ProposedBy), Decider: h.personName(w.DecidedBy), Open: w.State == casefile.HoldProposed}
		x.MayAgree = x.Open && w.ProposedBy != who.ID()
		x.AgreePath, x.DropPath = holdsPath+"/"+w.ID+"/bestaetigen", holdsPath+"/"+w.ID+"/ablehnen"
		v.Items = append(v.Items, x)
	}
	return h.Pages.Render(c, status, "sperren", v)
}

// personName is what the register calls a person, else the id.
func (h *Handler) personName(id string) string {
	if p, ok := h.Register.Person(id); ok && p.Name != "" {
		return p.Name
	}
	return id
}

func (h *Handler) proposeHold(c echo.Context) error {
	v := &holdsView{Case: c.FormValue("case"), Reason: c.FormValue("reason"), Kind: c.FormValue("kind")}
	_, err := h.desk().ProposeHold(c.Request().Context(), by(c), v.Case, v.Kind == "release", v.Reason)
	switch {
	case err == nil:
		page.Flash(c, "success", "triage.hold.proposed")
		return page.Redirect(c, holdsPath)
	case v.Fail(err):
		return h.renderHolds(c, http.StatusUnprocessableEntity, v)
	case fault.Is(err, fault.Conflict):
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "triage.err.hold.open")}
		return h.renderHolds(c, http.StatusConflict, v)
	}
	return err
}

func (h *Handler) decideHold(agree bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := h.desk().DecideHold(c.Request().Context(), by(c), c.Param("hold"), agree)
		if fault.Is(err, fault.Conflict) {
			v := &holdsView{}
			v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "triage.err.hold.decide")}
			return h.renderHolds(c, http.StatusConflict, v)
		}
		if err != nil {
			return err
		}
		page.Flash(c, "success", "triage.hold.decided")
		return page.Redirect(c, holdsPath)
	}
}

type holdShape struct {
	ID         string     `json:"id"`
	Case       string     `json:"case"`
	Reference  string     `json:"reference,omitempty"`
	Release    bool       `json:"release"`
	Reason     string     `json:"reason"`
	State      string     `json:"state"`
	ProposedBy string     `json:"proposed_by"`
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
}

func holdShapeOf(x casefile.Hold) holdShape {
	return holdShape{x.ID, x.Case, x.Reference, x.Release, x.Reason, x.State, x.ProposedBy, x.ProposedAt, x.DecidedBy, x.DecidedAt}
}

func (h *Handler) apiHolds(c echo.Context) error {
	wishes, held, err := h.desk().Holds(c.Request().Context(), by(c))
	if err != nil {
		return err
	}
	out := struct {
		Items []holdShape `json:"items"`
		Held  []string    `json:"held"`
	}{Items: []holdShape{}, Held: held}
	for _, w := range wishes {
		out.Items = append(out.Items, holdShapeOf(w))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiProposeHold(c echo.Context) error {
	var req struct {
		Case    string `json:"case"`
		Release bool   `json:"release"`
		Reason  string `json:"reason"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	r := idem.Request{Scope: "hold " + session.Actor(c).Person, Key: c.Request().Header.Get("Idempotency-Key"), Body: raw}
	a, err := idem.Do(c.Request().Context(), h.DB, r, func(tx pg.DB) (int, any, error) {
		x, err := h.Desk(tx).ProposeHold(c.Request().Context(), by(c), req.Case, req.Release, req.Reason)
		return http.StatusCreated, holdShapeOf(x), err
	})
	if err != nil {
		return err
	}
	if a.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSONBlob(a.Status, a.Body)
}

func (h *Handler) apiDecideHold(agree bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := h.desk().DecideHold(c.Request().Context(), by(c), c.Param("hold"), agree); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
}
