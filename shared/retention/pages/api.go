// SPDX-License-Identifier: EUPL-1.2

package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
	"github.com/thueringencert/leitstelle/shared/session"
)

type runShape struct {
	ID         string     `json:"id"`
	Class      string     `json:"class"`
	State      string     `json:"state"`
	Cutoff     time.Time  `json:"cutoff"`
	Due        int        `json:"due"`
	Held       int        `json:"held"`
	Digest     string     `json:"digest"`
	ProposedBy string     `json:"proposed_by"`
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	Done       int        `json:"done"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

func shapeOf(r retention.Run) runShape {
	return runShape{
		ID: r.ID, Class: r.Class, State: r.State, Cutoff: r.Cutoff.UTC(), Due: r.Due, Held: r.Held, Digest: r.Digest,
		ProposedBy: r.ProposedBy, ProposedAt: r.ProposedAt.UTC(), DecidedBy: r.DecidedBy, DecidedAt: r.DecidedAt,
		Done: r.Done, FinishedAt: r.FinishedAt,
	}
}

type lineShape struct {
	Class  string     `json:"class"`
	Title  string     `json:"title"`
	After  string     `json:"after"`
	Then   string     `json:"then"`
	Days   int        `json:"days"`
	Auto   bool       `json:"auto"`
	Cutoff time.Time  `json:"cutoff"`
	Due    int        `json:"due"`
	Held   int        `json:"held"`
	Oldest *time.Time `json:"oldest,omitempty"`
	Digest string     `json:"digest"`
	Open   *runShape  `json:"open,omitempty"`
}

// apiReport is GET …/retention: the dry run and the newest runs.
func (h *Handler) apiReport(c echo.Context) error {
	ctx, who := c.Request().Context(), by(c)
	lines, err := h.Desk.Report(ctx, who)
	if err != nil {
		return err
	}
	runs, err := h.Desk.Runs(ctx, who)
	if err != nil {
		return err
	}
	out := struct {
		Service string      `json:"service"`
		Mode    string      `json:"mode"`
		Classes []lineShape `json:"classes"`
		Runs    []runShape  `json:"runs"`
	}{Service: h.Desk.Service, Mode: h.Desk.Mode, Classes: []lineShape{}, Runs: []runShape{}}
	for _, l := range lines {
		s := lineShape{
			Class: l.Class, Title: l.Title.EN, After: l.After.EN, Then: l.Then.EN, Days: l.Days(), Auto: l.Auto,
			Cutoff: l.Cutoff, Due: l.Due, Held: l.Held, Oldest: l.Oldest, Digest: l.Digest,
		}
		if l.Open != nil {
			r := shapeOf(*l.Open)
			s.Open = &r
		}
		out.Classes = append(out.Classes, s)
	}
	for _, r := range runs {
		out.Runs = append(out.Runs, shapeOf(r))
	}
	return c.JSON(http.StatusOK, out)
}

// apiPropose is POST …/retention/runs {"class","digest"}.
func (h *Handler) apiPropose(c echo.Context) error {
	var req struct {
		Class  string `json:"class"`
		Digest string `json:"digest"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	r := idem.Request{Scope: "retention " + session.Actor(c).Person, Key: c.Request().Header.Get("Idempotency-Key"), Body: raw}
	a, err := idem.Do(c.Request().Context(), h.Desk.DB, r, func(tx pg.DB) (int, any, error) {
		run, err := h.Desk.On(tx).Propose(c.Request().Context(), by(c), strings.TrimSpace(req.Class), req.Digest)
		return http.StatusCreated, shapeOf(run), err
	})
	if err != nil {
		return err
	}
	if a.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSONBlob(a.Status, a.Body)
}

func (h *Handler) apiApprove(c echo.Context) error {
	run, err := h.Desk.Approve(c.Request().Context(), by(c), c.Param("run"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shapeOf(run))
}

func (h *Handler) apiWithdraw(c echo.Context) error {
	run, err := h.Desk.Withdraw(c.Request().Context(), by(c), c.Param("run"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shapeOf(run))
}
