// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/idp"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// What somebody goes to a provider for.
const (
	toSignIn  = "signin"
	toLink    = "link"
	toConfirm = "confirm"
	toJoin    = "join"
)

// begun is what is remembered while somebody is at a provider.
type begun struct {
	idp.Begun
	For    string `json:"for"`
	Person string `json:"person,omitempty"` // who is signed in: link, confirm
	Token  string `json:"token,omitempty"`  // of the invitation: join
	Next   string `json:"next,omitempty"`
	Lang   string `json:"lang"`
}

// providerButton is one way to sign in on the pages.
type providerButton struct{ Name, Label, Href string }

// providers are the buttons, each with the rest of the query.
func (h *Handler) providers(c echo.Context, query string) []providerButton {
	var out []providerButton
	for _, p := range h.Providers.All() {
		out = append(out, providerButton{p.Name, p.In(page.Language(c)), "/konto/oidc/" + p.Name + query})
	}
	return out
}

// oidcStart sends the browser to a provider. It is a link, not a form: browsers
// apply form-action to where a form's answer redirects to.
func (h *Handler) oidcStart(c echo.Context) error {
	p := h.Providers.Get(c.Param("provider"))
	if p == nil || !secure(c) {
		return fault.New(fault.NotFound, "no such provider")
	}
	if home := h.otherName(c); home != "" {
		return c.Redirect(http.StatusSeeOther, home+page.Link(page.Language(c), "/konto/oidc/"+p.Name)+"?"+c.QueryString())
	}
	b := begun{For: toSignIn, Next: SafeNext(c.QueryParam("next")), Lang: page.Language(c)}
	back := "/konto/anmelden"
	switch a := session.Actor(c); {
	case c.QueryParam("einladung") != "":
		b.For, b.Token = toJoin, c.QueryParam("einladung")
		back = "/konto/einladung/" + b.Token
		if _, err := h.Invitations.Open(c.Request().Context(), httpserver.RequestID(c), b.Token); err != nil {
			return err
		}
	case c.QueryParam("fuer") != "" && !a.SignedIn():
		return fault.New(fault.Unauthenticated, "sign in first")
	case c.QueryParam("fuer") == "verknuepfen":
		if err := account.Confirmed(a, h.Now()); err != nil {
			return err
		}
		b.For, b.Person, back = toLink, a.Person, "/konto/sicherheit"
	case c.QueryParam("fuer") == "bestaetigen":
		b.For, b.Person, back = toConfirm, a.Person, "/konto/bestaetigen"
	}
	to, begin, err := p.Begin(c.Request().Context(), b.For == toConfirm)
	if err != nil {
		return h.providerFailed(c, b.Lang, back, err)
	}
	b.Begun = begin
	if err := h.beginCeremony(c, oidcCeremony, b); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// otherName is the origin that providers send browsers back to, when this page
// was opened by the other name of the own machine: cookies are kept by name, so
// what was begun here would end nowhere. Public addresses have one name.
func (h *Handler) otherName(c echo.Context) string {
	u, err := url.Parse(h.Site.URL)
	if err != nil || c.Request().Host != net.JoinHostPort("localhost", u.Port()) {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// providerFailed leads back with plain words: what was tampered with, refused
// or away changes nothing, and the other ways stay open.
func (h *Handler) providerFailed(c echo.Context, lang, back string, err error) error {
	h.Log.Info("web: sign-in at a provider failed", zap.String("provider", c.Param("provider")), zap.Error(err))
	kind, text := "danger", "directory.signin.oidc.wrong"
	switch {
	case errors.Is(err, idp.ErrDenied):
		kind, text = "info", "directory.signin.oidc.denied"
	case fault.Is(err, fault.Unavailable):
		kind, text = "warning", "directory.signin.oidc.away"
	case fault.Is(err, fault.NotFound):
		kind, text = "info", "directory.signin.oidc.stale"
	case fault.Is(err, fault.Limited):
		text = "directory.signin.oidc.wait"
	case fault.Is(err, fault.Conflict):
		text = "directory.signin.oidc.taken"
	case fault.Is(err, fault.Unauthenticated):
	default:
		return err
	}
	page.Flash(c, kind, text)
	return c.Redirect(http.StatusSeeOther, page.Link(lang, back))
}

// oidcBack is where providers send browsers back to.
func (h *Handler) oidcBack(c echo.Context) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p := h.Providers.Get(c.Param("provider"))
	if p == nil || !secure(c) {
		return fault.New(fault.NotFound, "no such provider")
	}
	var b begun
	if err := h.take(c, oidcCeremony, &b); err != nil {
		return h.providerFailed(c, page.Language(c), "/konto/anmelden", err)
	}
	back := map[string]string{toLink: "/konto/sicherheit", toConfirm: "/konto/bestaetigen", toJoin: "/konto/einladung/" + b.Token}[b.For]
	if back == "" {
		back = "/konto/anmelden"
	}
	if b.Person != a.Person && (b.For == toLink || b.For == toConfirm) {
		return h.providerFailed(c, b.Lang, back, fault.New(fault.NotFound, "begun by somebody else"))
	}
	claimed := func(ctx context.Context) (factor.Claimed, error) {
		claims, err := p.Finish(ctx, b.Begun, c.QueryParams())
		return factor.Claimed{
			Issuer: claims.Issuer, Subject: claims.Subject, Provider: p.Name, Email: claims.Email, Label: claims.Label(), Strong: claims.Strong,
			AuthenticatedAt: claims.AuthenticatedAt,
		}, err
	}
	var err error
	switch b.For {
	case toSignIn:
		err = h.oidcSignIn(c, p, b, claimed)
	case toConfirm:
		err = h.oidcConfirm(c, b, claimed)
	case toLink:
		var got factor.Claimed
		if got, err = claimed(ctx); err == nil {
			if err = h.beginCeremony(c, linkCeremony, linking{got, a.Person}); err == nil {
				return c.Redirect(http.StatusSeeOther, page.Link(b.Lang, "/konto/sicherheit/verknuepfen"))
			}
		}
	case toJoin:
		err = h.oidcJoin(c, b, claimed)
	}
	if err != nil {
		return h.providerFailed(c, b.Lang, back, err)
	}
	return nil
}

// second is what is remembered while the second factor is missing.
type second struct {
	Person   string `json:"person"`
	Identity string `json:"identity"`
	Label    string `json:"label"`
	Next     string `json:"next,omitempty"`
}

func (h *Handler) oidcSignIn(c echo.Context, p *idp.Provider, b begun, claimed func(context.Context) (factor.Claimed, error)) error {
	var need second
	s, secret, err := h.Accounts.SignInWith(c.Request().Context(), attemptOf(c), func(ctx context.Context) (string, account.Proof, error) {
		got, err := claimed(ctx)
		if err != nil {
			return "", account.Proof{}, err
		}
		link, err := h.Factors.Who(ctx, act(c), got)
		if err != nil {
			return "", account.Proof{}, err
		}
		if !got.Strong {
			need = second{link.Person, link.ID, p.In(b.Lang), b.Next}
			return "", account.Proof{}, account.ErrSecond
		}
		return link.Person, account.Proof{Way: account.ByProvider, Identity: link.ID, ProvedAt: got.AuthenticatedAt}, nil
	})
	if errors.Is(err, account.ErrSecond) {
		if err := h.beginCeremony(c, secondCeremony, need); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, page.Link(b.Lang, "/konto/zweiter-faktor"))
	}
	if err != nil {
		return err
	}
	return h.signedIn(c, s, secret, b.Next)
}

// oidcConfirm is a step-up at the provider, which counts only when it asked for
// two factors itself.
func (h *Handler) oidcConfirm(c echo.Context, b begun, claimed func(context.Context) (factor.Claimed, error)) error {
	return h.confirmed(c, attemptOf(c), b.Next, func(ctx context.Context) (string, account.Proof, error) {
		got, err := claimed(ctx)
		if err != nil {
			return "", account.Proof{}, err
		}
		link, err := h.Factors.Who(ctx, act(c), got)
		if err != nil || !got.Strong {
			return "", account.Proof{}, fault.Wrap(fault.Unauthenticated, err, "the provider asked for one factor only")
		}
		return link.Person, account.Proof{Way: account.ByProvider, Identity: link.ID}, nil
	})
}

func (h *Handler) oidcJoin(c echo.Context, b begun, claimed func(context.Context) (factor.Claimed, error)) error {
	ctx := c.Request().Context()
	got, err := claimed(ctx)
	if err != nil {
		return err
	}
	if !got.Strong {
		page.Flash(c, "warning", "directory.signin.oidc.weak")
		return c.Redirect(http.StatusSeeOther, page.Link(b.Lang, "/konto/einladung/"+b.Token))
	}
	s, secret, err := h.Invitations.AcceptNew(ctx, b.Token, invitation.Setup{Identity: &factor.Identity{
		Issuer: got.Issuer, Subject: got.Subject, Provider: got.Provider, Label: got.Label,
	}}, attemptOf(c))
	if err != nil {
		return err
	}
	return h.signedIn(c, s, secret, page.Link(b.Lang, "/konto/sicherheit/notfallcodes"))
}

type secondView struct {
	page.Base
	Label   string // of the provider
	Passkey bool
	Wait    int
}

func (h *Handler) secondForm(c echo.Context) error {
	var x second
	if err := h.peek(c, secondCeremony, &x); err != nil {
		return h.secondOver(c, err)
	}
	return h.renderSecond(c, http.StatusOK, x, &secondView{})
}

// secondOver sends somebody whose first factor is not there, or not any more,
// to the beginning.
func (h *Handler) secondOver(c echo.Context, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	v := &signInView{}
	v.Errors = []page.FieldError{{Code: "directory.signin.oidc.stale"}}
	return h.renderSignIn(c, http.StatusUnauthorized, v)
}

func (h *Handler) renderSecond(c echo.Context, status int, x second, v *secondView) error {
	v.Title, v.Label, v.Passkey = h.Pages.T(c, "directory.signin.second"), x.Label, h.Passkeys.At(c.Request().Host)
	return h.Pages.Render(c, status, "zweiter-faktor", v)
}

// second ends a sign-in that began at a provider. The ceremony ends with the
// right code only: a mistyped one does not send anybody back to the provider.
func (h *Handler) second(c echo.Context) error {
	var x second
	if err := h.peek(c, secondCeremony, &x); err != nil {
		return h.secondOver(c, err)
	}
	a := attemptOf(c)
	a.Code = c.FormValue("code")
	s, secret, err := h.Accounts.SignInSecond(c.Request().Context(), x.Person, x.Identity, a)
	switch fault.KindOf(err) {
	case "":
	case fault.Unauthenticated:
		v := &secondView{}
		v.Errors = []page.FieldError{{Field: "code", Code: "directory.signin.error.code"}}
		return h.renderSecond(c, http.StatusUnauthorized, x, v)
	case fault.Limited:
		c.Response().Header().Set("Retry-After", "60")
		return h.renderSecond(c, http.StatusTooManyRequests, x, &secondView{Wait: int(account.Window.Minutes())})
	default:
		return err
	}
	if err := h.take(c, secondCeremony, &x); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return h.signedIn(c, s, secret, x.Next)
}

// linking is an account at a provider, to be confirmed as one's own.
type linking struct {
	factor.Claimed
	Person string `json:"person"`
}

type linkView struct {
	page.Base
	Label    string
	Provider string
}

// linkForm shows whose account it is before it is bound: a browser could have
// been signed in there as somebody else.
func (h *Handler) linkForm(c echo.Context) error {
	var x linking
	if err := h.peek(c, linkCeremony, &x); err != nil || x.Person != session.Actor(c).Person {
		return h.providerFailed(c, page.Language(c), "/konto/sicherheit", fault.New(fault.NotFound, "nothing to link"))
	}
	v := &linkView{Base: page.Base{Title: h.Pages.T(c, "directory.signin.link")}, Label: x.Label, Provider: h.providerLabel(c, x.Provider)}
	return h.Pages.Render(c, http.StatusOK, "verknuepfen", v)
}

func (h *Handler) providerLabel(c echo.Context, name string) string {
	if p := h.Providers.Get(name); p != nil {
		return p.In(page.Language(c))
	}
	return name
}

func (h *Handler) link(c echo.Context) error {
	var x linking
	if err := h.take(c, linkCeremony, &x); err != nil || x.Person != session.Actor(c).Person {
		return h.providerFailed(c, page.Language(c), "/konto/sicherheit", fault.New(fault.NotFound, "nothing to link"))
	}
	err := h.Factors.Link(c.Request().Context(), act(c), factor.Identity{Issuer: x.Issuer, Subject: x.Subject, Provider: x.Provider, Label: x.Label})
	if fault.Is(err, fault.Conflict) {
		return h.providerFailed(c, page.Language(c), "/konto/sicherheit", err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.signin.linked")
	return page.Redirect(c, "/konto/sicherheit")
}

func (h *Handler) unlink(c echo.Context) error {
	return h.afterDrop(c, h.Factors.Unlink(c.Request().Context(), act(c), c.Param("id")), "directory.signin.unlinked")
}
