// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

type signInView struct {
	page.Base
	Insecure bool   // the browser would drop the cookie: no form
	Wrong    bool   // whatever was wrong
	Wait     int    // minutes until the next try
	Email    string // typed before
	Next     string
	Recovery bool // a recovery code instead of the app's

	Providers []providerButton
	Passkey   bool // this address takes passkeys
}

// secure reports whether browsers keep a Secure cookie of this origin: https,
// or http on the own machine.
func secure(c echo.Context) bool {
	if c.Scheme() == "https" {
		return true
	}
	host := c.Request().Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// SafeNext returns where to go after signing in: an own address, or "" for
// anything that a browser could read as another host (//x, /\x, /%5cx, with
// control characters inside).
func SafeNext(s string) string {
	for _, x := range []string{s, unescape(s), unescape(unescape(s))} {
		if !strings.HasPrefix(x, "/") || strings.HasPrefix(x, "//") || strings.Contains(x, `\`) || strings.ContainsFunc(x, unicode.IsControl) {
			return ""
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || len(s) > 2000 {
		return ""
	}
	if p := strings.TrimPrefix(u.Path, "/en"); strings.HasPrefix(p, "/konto/anmelden") || strings.HasPrefix(p, "/konto/abmelden") {
		return ""
	}
	return s
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func (h *Handler) signInForm(c echo.Context) error {
	next := SafeNext(c.QueryParam("next"))
	if session.Actor(c).SignedIn() {
		return h.afterSignIn(c, next)
	}
	return h.renderSignIn(c, http.StatusOK, &signInView{Next: next, Recovery: c.QueryParam("notfall") != ""})
}

func (h *Handler) renderSignIn(c echo.Context, status int, v *signInView) error {
	v.Title = h.Pages.T(c, "directory.signin")
	v.Insecure = !secure(c)
	query := ""
	if v.Next != "" {
		query = "?next=" + queryEscape(v.Next)
	}
	v.Providers, v.Passkey = h.providers(c, query), h.Passkeys.At(c.Request().Host)
	return h.Pages.Render(c, status, "anmelden", v)
}

func (h *Handler) signIn(c echo.Context) error {
	if !secure(c) {
		return h.renderSignIn(c, http.StatusForbidden, &signInView{})
	}
	next := SafeNext(c.FormValue("next"))
	ctx := c.Request().Context()
	a := attemptOf(c)
	a.Email, a.Password, a.Code = c.FormValue("email"), c.FormValue("password"), c.FormValue("code")
	s, secret, err := h.Accounts.SignIn(ctx, a)
	switch fault.KindOf(err) {
	case "":
	case fault.Unauthenticated, fault.Limited:
		return h.signInFailed(c, err, next)
	default:
		return err
	}
	return h.signedIn(c, s, secret, next)
}

// signedIn gives the browser its new session and ends the one it had.
func (h *Handler) signedIn(c echo.Context, s account.Session, secret, next string) error {
	ctx := c.Request().Context()
	tell := []account.Session{s}
	if old := session.Of(c); old.ID != "" && old.Kind == session.KindPerson {
		ended, err := h.Accounts.EndSession(ctx, act(c), old.ID)
		if err != nil {
			return err
		}
		tell = append(tell, ended...)
	}
	h.Tell(ctx, tell, nil)
	setCookie(c, secret)
	return h.afterSignIn(c, next)
}

func setCookie(c echo.Context, secret string) {
	c.SetCookie(&http.Cookie{Name: session.Cookie, Value: secret, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// signInFailed shows the form again, the same for every reason.
func (h *Handler) signInFailed(c echo.Context, err error, next string) error {
	status := httpserver.StatusOf(err)
	if !httpserver.WantsPage(c) {
		return err
	}
	v := &signInView{Email: c.FormValue("email"), Next: next, Wrong: true, Recovery: c.FormValue("notfall") != ""}
	if fault.Is(err, fault.Limited) {
		v.Wrong, v.Wait = false, int(account.Window.Minutes())
		c.Response().Header().Set("Retry-After", "60")
	} else {
		v.Errors = []page.FieldError{{Field: "email", Code: "directory.signin.wrong"}}
	}
	return h.renderSignIn(c, status, v)
}

func (h *Handler) afterSignIn(c echo.Context, next string) error {
	if next == "" {
		return page.Redirect(c, "/konto/start")
	}
	return c.Redirect(http.StatusSeeOther, next)
}

func (h *Handler) signOut(c echo.Context) error {
	s := session.Of(c)
	if s.ID != "" && s.Kind == session.KindPerson {
		ended, err := h.Accounts.EndSession(c.Request().Context(), act(c), s.ID)
		if err != nil {
			return err
		}
		h.Tell(c.Request().Context(), ended, nil)
	}
	clearCookie(c)
	page.Flash(c, "success", "directory.signedout")
	return page.Redirect(c, "/konto/anmelden")
}

func clearCookie(c echo.Context) {
	c.SetCookie(&http.Cookie{Name: session.Cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// start brings people to where their work is: the Lagezentrum, or the start page.
func (h *Handler) start(c echo.Context) error {
	if u := User(c); u != nil && u.DeskHref() != "" {
		return page.Redirect(c, u.DeskHref())
	}
	return page.Redirect(c, "/")
}
