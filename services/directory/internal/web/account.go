// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

type role struct {
	Role         actor.Role
	Organisation string // name
	ID           string // of the organisation
	Reference    string
}

type sessionLine struct {
	account.Session
	Current bool
}

type accountView struct {
	page.Base
	Person   account.Person
	Roles    []role
	Sessions []sessionLine
	Tokens   []account.Token
	Token    tokenForm
	Desk     bool // shortcuts can be switched off there

	Retention bool // may see what is deleted when

	Languages []page.Option
}

type tokenForm struct {
	Name, Days, Key string
	StepUp          bool
}

func (h *Handler) account(c echo.Context) error {
	return h.renderAccount(c, http.StatusOK, tokenForm{Days: "90", Key: event.NewID()}, nil)
}

func (h *Handler) renderAccount(c echo.Context, status int, form tokenForm, fail error) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p, err := h.Reads.Person(ctx, a.Person)
	if err != nil {
		return err
	}
	v := &accountView{
		Base: page.Base{Title: h.Pages.T(c, "directory.account")}, Person: p, Token: form, Desk: User(c).DeskHref() != "",
		Languages: []page.Option{{Value: "de", Label: h.Pages.T(c, "directory.language.de")}, {Value: "en", Label: h.Pages.T(c, "directory.language.en")}},
	}
	v.Retention = !session.Actor(c).View(actor.RetentionRead).Empty()
	v.Fail(fail)
	if v.Roles, err = h.rolesOf(c, p); err != nil {
		return err
	}
	list, err := h.Reads.SessionsOf(ctx, p.ID, h.Now())
	if err != nil {
		return err
	}
	for _, s := range list {
		v.Sessions = append(v.Sessions, sessionLine{s, s.ID == session.Of(c).ID})
	}
	if v.Tokens, err = h.Reads.TokensOf(ctx, p.ID, h.Now()); err != nil {
		return err
	}
	return h.Pages.Render(c, status, "konto", v)
}

func (h *Handler) rolesOf(c echo.Context, p account.Person) ([]role, error) {
	out := make([]role, 0, len(p.Memberships))
	for _, m := range p.Memberships {
		o, err := h.Reads.Organisation(c.Request().Context(), m.Organisation)
		if err != nil {
			return nil, err
		}
		out = append(out, role{m.Role, o.Name, o.ID, o.Reference()})
	}
	return out, nil
}

func (h *Handler) setLanguage(c echo.Context) error {
	lang := c.FormValue("language")
	if _, err := h.Accounts.SetLanguage(c.Request().Context(), act(c), lang); err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return c.Redirect(http.StatusSeeOther, page.Link(lang, "/konto"))
}

func (h *Handler) endOwnSession(c echo.Context) error {
	ended, err := h.Accounts.EndSession(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	return h.afterEnding(c, ended)
}

func (h *Handler) endOwnSessions(c echo.Context) error {
	ended, err := h.Accounts.EndSessionsOf(c.Request().Context(), act(c), session.Actor(c).Person)
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	return h.afterEnding(c, ended)
}

// afterEnding goes back to the account, or to the sign-in page when the present
// session is among the ended ones.
func (h *Handler) afterEnding(c echo.Context, ended []account.Session) error {
	page.Flash(c, "success", "directory.session.ended")
	for _, s := range ended {
		if s.ID == session.Of(c).ID {
			clearCookie(c)
			return page.Redirect(c, "/konto/anmelden")
		}
	}
	return page.Redirect(c, "/konto")
}

// tokenBody is a token as the API shows it.
type tokenBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	StepUp    bool      `json:"step_up"`
	Token     string    `json:"token,omitempty"` // only in the answer that made it
}

func tokenBodyOf(t account.Token) tokenBody {
	return tokenBody{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, StepUp: t.StepUp}
}

// newToken makes a token once for the key. The record of the key holds no
// secret: the text follows from the id.
func (h *Handler) newToken(c echo.Context, key string, body []byte, name string, life time.Duration, stepUp bool) (tokenBody, idem.Answer, error) {
	ctx := c.Request().Context()
	var made []account.Token
	answer, err := h.Once(ctx, idem.Request{Scope: scope(c, "tokens"), Key: key, Body: body},
		func(d *account.Desk) (int, any, error) {
			t, _, err := d.NewToken(ctx, act(c), event.NewID(), name, life, stepUp)
			made = []account.Token{t}
			return http.StatusCreated, tokenBodyOf(t), err
		})
	if err != nil {
		return tokenBody{}, answer, err
	}
	if !answer.Replayed {
		h.Tell(ctx, nil, made)
	}
	var t tokenBody
	if err := json.Unmarshal(answer.Body, &t); err != nil {
		return t, answer, err
	}
	t.Token = h.Accounts.Vault.Token(t.ID)
	return t, answer, nil
}

// scope keeps the idempotency keys of people, organisations and routes apart.
func scope(c echo.Context, what string) string {
	a := session.Actor(c)
	return strings.Join([]string{a.Person, a.Home(), what}, " ")
}

func (h *Handler) createToken(c echo.Context) error {
	f := tokenForm{Name: c.FormValue("name"), Days: c.FormValue("expires_at"), Key: c.FormValue("key"), StepUp: c.FormValue("step_up") != ""}
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 1 || days > 366 {
		days = -1
	}
	t, _, err := h.newToken(c, f.Key, []byte(f.Name+"\n"+f.Days+"\n"+c.FormValue("step_up")), f.Name, time.Duration(days)*24*time.Hour, f.StepUp)
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderAccount(c, http.StatusUnprocessableEntity, f, err)
	}
	if err != nil {
		return err
	}
	return page.Redirect(c, "/konto/tokens/"+t.ID)
}

// shown is how long the text of a new token can be looked at.
const shown = 10 * time.Minute

type tokenView struct {
	page.Base
	Token account.Token
	Text  string
}

func (h *Handler) showToken(c echo.Context) error {
	t, err := h.Reads.Token(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if t.Person != session.Actor(c).Person {
		return h.unseen(c, actor.AccountOwn, "token", t.ID)
	}
	v := &tokenView{Base: page.Base{Title: h.Pages.T(c, "directory.token.new")}, Token: t}
	text := h.Accounts.Vault.Token(t.ID)
	mine := session.Of(c).Kind == session.KindPerson // another token must not read it
	if mine && t.Live(h.Now()) && h.Now().Before(t.CreatedAt.Add(shown)) && bytes.Equal(h.Accounts.Vault.Sum(text), t.Sum) {
		if err := account.Confirmed(session.Actor(c), h.Now()); err != nil {
			return err
		}
		v.Text = text
	}
	return h.Pages.Render(c, http.StatusOK, "token", v)
}

func (h *Handler) revokeToken(c echo.Context) error {
	t, err := h.Accounts.RevokeToken(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), nil, []account.Token{t})
	page.Flash(c, "success", "directory.token.revoked")
	return page.Redirect(c, "/konto")
}
