// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

type linkLine struct {
	factor.Identity
	Name string // the provider's label
}

type securityView struct {
	page.Base
	Has       factor.Overview
	LastApp   bool // without the app there is no second factor
	Links     []linkLine
	Providers []providerButton // that could be linked
	Passkeys  bool             // this address takes passkeys
	Elsewhere string           // this page where they work
}

// security is everything one signs in with.
func (h *Handler) security(c echo.Context) error {
	has, err := h.Factors.Overview(c.Request().Context(), session.Actor(c).Person)
	if err != nil {
		return err
	}
	v := &securityView{
		Base: page.Base{Title: h.Pages.T(c, "directory.signin.security")}, Has: has, LastApp: has.App && has.WithoutApp() != nil,
		Providers: h.providers(c, "?fuer=verknuepfen"), Passkeys: h.Passkeys.At(c.Request().Host),
		Elsewhere: h.elsewhere(c, "/konto/sicherheit"),
	}
	for _, i := range has.Identities {
		v.Links = append(v.Links, linkLine{i, h.providerLabel(c, i.Provider)})
		v.Providers = slices.DeleteFunc(v.Providers, func(b providerButton) bool { return b.Name == i.Provider })
	}
	return h.Pages.Render(c, http.StatusOK, "sicherheit", v)
}

// afterDrop leads back to the overview; the last way in stays, and the page
// says so.
func (h *Handler) afterDrop(c echo.Context, err error, said string) error {
	switch {
	case fault.Is(err, fault.Conflict):
		page.Flash(c, "danger", "directory.signin.last")
	case err != nil:
		return err
	default:
		page.Flash(c, "success", said)
	}
	return page.Redirect(c, "/konto/sicherheit")
}

type passwordView struct {
	page.Base
	Email string // for password managers
	Set   bool   // there is one already
}

func (h *Handler) passwordForm(c echo.Context) error {
	return h.renderPassword(c, http.StatusOK, nil)
}

func (h *Handler) renderPassword(c echo.Context, status int, fail error) error {
	p, err := h.Reads.Person(c.Request().Context(), session.Actor(c).Person)
	if err != nil {
		return err
	}
	v := &passwordView{Base: page.Base{Title: h.Pages.T(c, "directory.signin.password.change")}, Email: p.Email}
	v.Fail(fail)
	return h.Pages.Render(c, status, "passwort", v)
}

func (h *Handler) setPassword(c echo.Context) error {
	ended, err := h.Factors.SetPassword(c.Request().Context(), act(c), c.FormValue("password"))
	if fault.Is(err, fault.Invalid) {
		return h.renderPassword(c, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	page.Flash(c, "success", "directory.signin.password.changed")
	return page.Redirect(c, "/konto/sicherheit")
}

type appView struct {
	page.Base
	Secret string // in groups of four, to be typed
	QR     secret.QR
	Set    bool
}

// enrolment is the QR code and the text of a secret for the app.
func (h *Handler) enrolment(totp, email string) (secret.QR, string, error) {
	issuer := h.Site.Operator
	if issuer == "" {
		issuer = "Leitstelle"
	}
	q, err := secret.NewQR(secret.EnrolmentURL(issuer, email, totp))
	var grouped strings.Builder
	for i, r := range totp {
		if i > 0 && i%4 == 0 {
			grouped.WriteByte(' ')
		}
		grouped.WriteRune(r)
	}
	return q, grouped.String(), err
}

func (h *Handler) appForm(c echo.Context) error { return h.renderApp(c, http.StatusOK, nil) }

func (h *Handler) renderApp(c echo.Context, status int, fail error) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p, err := h.Reads.Person(ctx, a.Person)
	if err != nil {
		return err
	}
	has, err := h.Factors.Overview(ctx, p.ID)
	if err != nil {
		return err
	}
	v := &appView{Base: page.Base{Title: h.Pages.T(c, "directory.signin.app.set")}, Set: has.App}
	if v.QR, v.Secret, err = h.enrolment(h.offer(c, factor.Enrolment(p.ID, a.Session)), p.Email); err != nil {
		return err
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "app", v)
}

func (h *Handler) setApp(c echo.Context) error {
	err := h.Factors.SetApp(c.Request().Context(), act(c), offered(c), c.FormValue("code"))
	if fault.Is(err, fault.Invalid) {
		return h.renderApp(c, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	offerDone(c)
	page.Flash(c, "success", "directory.signin.app.done")
	return page.Redirect(c, "/konto/sicherheit")
}

func (h *Handler) dropApp(c echo.Context) error {
	return h.afterDrop(c, h.Factors.DropApp(c.Request().Context(), act(c)), "directory.signin.app.dropped")
}

type recoveryView struct {
	page.Base
	Codes []string // of a set made just now
	Left  int
	Ever  bool
}

func (h *Handler) recovery(c echo.Context) error {
	has, err := h.Factors.Overview(c.Request().Context(), session.Actor(c).Person)
	if err != nil {
		return err
	}
	v := &recoveryView{
		Base: page.Base{Title: h.Pages.T(c, "directory.signin.recovery")}, Left: has.Recovery, Ever: has.RecoverySet != "",
	}
	if session.Of(c).Kind == session.KindPerson { // a stolen token must not read them
		v.Codes = h.Factors.Codes(has)
	}
	return h.Pages.Render(c, http.StatusOK, "notfallcodes", v)
}

func (h *Handler) newRecovery(c echo.Context) error {
	if err := h.Factors.NewRecovery(c.Request().Context(), act(c)); err != nil {
		return err
	}
	return page.Redirect(c, "/konto/sicherheit/notfallcodes")
}
