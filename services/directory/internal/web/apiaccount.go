// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

type meBody struct {
	Person        personBody       `json:"person"`
	Roles         []actor.Role     `json:"roles"`
	Organisation  *ref             `json:"organisation"`
	Organisations []membershipBody `json:"memberships"`
	Mandates      []meMandate      `json:"mandates"`
}

type meMandate struct {
	ID        string        `json:"id"`
	Principal ref           `json:"principal"`
	Scopes    []actor.Scope `json:"scopes"`
	From      time.Time     `json:"from"`
	To        *time.Time    `json:"to"`
}

func (h *Handler) apiMe(c echo.Context) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p, err := h.Reads.Person(ctx, a.Person)
	if err != nil {
		return err
	}
	b := meBody{Person: personBodyOf(p), Roles: append([]actor.Role{}, a.Roles()...), Organisations: []membershipBody{}, Mandates: []meMandate{}}
	seen := map[string]bool{}
	for i, m := range a.Memberships {
		b.Organisations = append(b.Organisations, membershipBody(m))
		if i == 0 {
			o, err := h.Reads.Organisation(ctx, m.Organisation)
			if err != nil {
				return err
			}
			r := refOf(o)
			b.Organisation = &r
		}
		if seen[m.Organisation] {
			continue
		}
		seen[m.Organisation] = true
		list, err := h.Reads.NamedMandates(ctx, m.Organisation)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Agent == m.Organisation && x.InForce(h.Now()) {
				b.Mandates = append(b.Mandates, meMandate{x.ID, ref{ID: x.Principal, AGS: x.PrincipalAGS, Name: x.PrincipalName}, x.Scopes, x.From, x.To})
			}
		}
	}
	return c.JSON(http.StatusOK, b)
}

type sessionBody struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Client    string    `json:"client"`
	Address   string    `json:"address"`
	Current   bool      `json:"current"`
}

// whose returns the person whose sessions are asked for: one's own, or with
// ?person= somebody's, which only administrators may.
func (h *Handler) whose(c echo.Context) (string, error) {
	a := session.Actor(c)
	person := c.QueryParam("person")
	if person == "" || person == a.Person {
		return a.Person, nil
	}
	return person, h.Register.Allow(c.Request().Context(), act(c), actor.SessionEndAny, "person", person)
}

func (h *Handler) apiSessions(c echo.Context) error {
	person, err := h.whose(c)
	if err != nil {
		return err
	}
	if _, err := h.Reads.Person(c.Request().Context(), person); err != nil {
		return err
	}
	list, err := h.Reads.SessionsOf(c.Request().Context(), person, h.Now())
	if err != nil {
		return err
	}
	out := httpserver.List[sessionBody]{Items: make([]sessionBody, 0, len(list))}
	for _, s := range list {
		out.Items = append(out.Items, sessionBody{s.ID, s.CreatedAt, s.SeenAt, s.ExpiresAt, s.Client, s.Address, s.ID == session.Of(c).ID})
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiEndSessions(c echo.Context) error {
	person, err := h.whose(c)
	if err != nil {
		return err
	}
	ended, err := h.Accounts.EndSessionsOf(c.Request().Context(), act(c), person)
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) apiEndSession(c echo.Context) error {
	ended, err := h.Accounts.EndSession(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) apiTokens(c echo.Context) error {
	list, err := h.Reads.TokensOf(c.Request().Context(), session.Actor(c).Person, h.Now())
	if err != nil {
		return err
	}
	out := httpserver.List[tokenBody]{Items: make([]tokenBody, 0, len(list))}
	for _, t := range list {
		out.Items = append(out.Items, tokenBodyOf(t))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiCreateToken(c echo.Context) error {
	var req struct {
		Name      string     `json:"name"`
		ExpiresAt *time.Time `json:"expires_at"`
		StepUp    bool       `json:"step_up"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	life := time.Duration(0)
	if req.ExpiresAt != nil {
		if life = req.ExpiresAt.Sub(h.Now()); life <= 0 {
			life = -1
		}
	}
	t, answer, err := h.newToken(c, idempotencyKey(c), raw, req.Name, life, req.StepUp)
	if err != nil {
		return err
	}
	if answer.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSON(http.StatusCreated, t)
}

func (h *Handler) apiRevokeToken(c echo.Context) error {
	t, err := h.Accounts.RevokeToken(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), nil, []account.Token{t})
	return c.NoContent(http.StatusNoContent)
}

type diffBody struct {
	ID string `json:"id"` // to confirm with
	constituency.Differences
}

func (h *Handler) apiDiff(c echo.Context) error {
	r, err := file(c)
	if err != nil {
		return err
	}
	u, diff, err := h.Register.Propose(c.Request().Context(), act(c), r)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, diffBody{u.ID, diff})
}

func (h *Handler) apiApply(c echo.Context) error {
	var req struct {
		ID   string `json:"id"`
		Hash string `json:"hash"`
		// Successors name who took over from bodies that go; it can also be done later.
		Successors []succession.Choice `json:"successors"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	diff, err := h.Register.Confirm(c.Request().Context(), act(c), req.ID, req.Hash, req.Successors...)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, diffBody{req.ID, diff})
}
