// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

type confirmView struct {
	page.Base
	Next      string
	Has       factor.Overview
	Passkey   bool // there is one, and this address takes it
	Providers []providerButton
	Wait      int
}

// confirmForm asks again who sits there, before something that matters.
func (h *Handler) confirmForm(c echo.Context) error {
	if session.Of(c).Kind == session.KindToken {
		return fault.New(fault.Forbidden, "a program confirms nothing: its token may or may not do this from the start")
	}
	return h.renderConfirm(c, http.StatusOK, &confirmView{Next: SafeNext(c.QueryParam("next"))})
}

func (h *Handler) renderConfirm(c echo.Context, status int, v *confirmView) error {
	has, err := h.Factors.Overview(c.Request().Context(), session.Actor(c).Person)
	if err != nil {
		return err
	}
	v.Title, v.Has = h.Pages.T(c, "directory.signin.confirm"), has
	v.Passkey = len(has.Passkeys) > 0 && h.Passkeys.At(c.Request().Host)
	query := "?fuer=bestaetigen"
	if v.Next != "" {
		query += "&next=" + queryEscape(v.Next)
	}
	v.Providers = slices.DeleteFunc(h.providers(c, query), func(b providerButton) bool {
		return !has.Strong[b.Name] || !slices.ContainsFunc(has.Identities, func(i factor.Identity) bool { return i.Provider == b.Name })
	})
	return h.Pages.Render(c, status, "bestaetigung", v)
}

func (h *Handler) confirmAgain(c echo.Context) error {
	a := attemptOf(c)
	a.Password, a.Code = c.FormValue("password"), c.FormValue("code")
	next := SafeNext(c.FormValue("next"))
	err := h.confirmed(c, a, next, nil)
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		v := &confirmView{Next: next}
		v.Errors = []page.FieldError{{Field: "code", Code: "directory.signin.confirm.wrong"}}
		return h.renderConfirm(c, http.StatusUnauthorized, v)
	case fault.Limited:
		c.Response().Header().Set("Retry-After", "60")
		return h.renderConfirm(c, http.StatusTooManyRequests, &confirmView{Next: next, Wait: int(account.Window.Minutes())})
	}
	return err
}

// confirmed proves again who sits there and gives the browser a new secret.
func (h *Handler) confirmed(c echo.Context, a account.Attempt, next string, verify account.Verify) error {
	s := session.Of(c)
	if s.Kind != session.KindPerson {
		return fault.New(fault.Forbidden, "a program confirms nothing: its token may or may not do this from the start")
	}
	fresh, secret, ended, err := h.Accounts.StepUp(c.Request().Context(), act(c), s.ID, a, verify)
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), append(ended, fresh), nil)
	setCookie(c, secret)
	if next == "" {
		next = page.Link(page.Language(c), "/konto/sicherheit")
	}
	return c.Redirect(http.StatusSeeOther, next)
}
