// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/services/directory/internal/passkey"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

type invitedView struct {
	page.Base
	invitation.Opened
	Token     string
	Roles     []role
	QR        secret.QR
	Secret    string
	Self      bool // the person it is for is signed in
	Other     bool // somebody else is
	SignIn    string
	Providers []providerButton
	Passkey   bool   // this address takes passkeys
	Elsewhere string // this page where they work
	Wait      int
	Insecure  bool
}

// invited is the page of a mailed link. Looking at it uses nothing up: mail
// programs open links, too.
func (h *Handler) invited(c echo.Context) error {
	return h.renderInvited(c, http.StatusOK, &invitedView{}, nil)
}

func (h *Handler) renderInvited(c echo.Context, status int, v *invitedView, fail error) error {
	token := c.Param("token")
	o, err := h.Invitations.Open(c.Request().Context(), httpserver.RequestID(c), token)
	if fault.Is(err, fault.NotFound) {
		v.Title = h.Pages.T(c, "directory.signin.invited.gone")
		return h.Pages.Render(c, http.StatusNotFound, "einladung-vorbei", v)
	}
	if err != nil {
		return err
	}
	v.Opened, v.Token, v.Insecure = o, token, !secure(c)
	v.Title = h.Pages.T(c, "directory.signin.invited."+string(o.Invitation.Kind))
	if v.Roles, err = h.rolesOf(c, account.Person{Memberships: o.Invitation.Memberships}); err != nil {
		return err
	}
	if o.NewApp() && !v.Insecure {
		if v.QR, v.Secret, err = h.enrolment(h.offer(c, o.Invitation.Enrolment()), o.Invitation.Email); err != nil {
			return err
		}
	}
	v.Passkey, v.Elsewhere = h.Passkeys.At(c.Request().Host), h.elsewhere(c, "/konto/einladung/"+token)
	a := session.Actor(c)
	v.Self, v.Other = a.SignedIn() && a.Person == o.Invitation.Person, a.SignedIn() && a.Person != o.Invitation.Person
	v.SignIn = "/konto/anmelden?next=" + url.QueryEscape(page.Link(page.Language(c), "/konto/einladung/"+token))
	for _, p := range h.Providers.All() {
		if p.CanBeStrong() {
			v.Providers = append(v.Providers, providerButton{p.Name, p.In(page.Language(c)), "/konto/oidc/" + p.Name + "?einladung=" + url.QueryEscape(token)})
		}
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "einladung", v)
}

// accept ends an invitation or a reset.
func (h *Handler) accept(c echo.Context) error {
	ctx, token := c.Request().Context(), c.Param("token")
	if !secure(c) {
		return h.renderInvited(c, http.StatusForbidden, &invitedView{}, nil)
	}
	o, err := h.Invitations.Open(ctx, httpserver.RequestID(c), token)
	if err != nil {
		return h.acceptFailed(c, err)
	}
	setup := invitation.Setup{Password: c.FormValue("password"), Code: c.FormValue("code"), Offer: offered(c)}
	switch {
	case o.Invitation.Kind != invitation.Join:
		if err := h.Invitations.AcceptReset(ctx, token, setup, c.FormValue("second"), attemptOf(c)); err != nil {
			return h.acceptFailed(c, err)
		}
		offerDone(c)
		page.Flash(c, "success", "directory.signin.reset.done")
		return page.Redirect(c, "/konto/anmelden")
	case o.Known:
		if err := h.Invitations.AcceptKnown(ctx, act(c), token); err != nil {
			return h.acceptFailed(c, err)
		}
		page.Flash(c, "success", "directory.signin.invited.accepted")
		return page.Redirect(c, "/konto")
	}
	if c.FormValue("credential") != "" {
		if setup.Passkey, err = h.firstPasskey(c, o.Invitation); err != nil {
			return h.acceptFailed(c, err)
		}
	}
	s, secret, err := h.Invitations.AcceptNew(ctx, token, setup, attemptOf(c))
	if err != nil {
		return h.acceptFailed(c, err)
	}
	offerDone(c)
	return h.signedIn(c, s, secret, page.Link(page.Language(c), "/konto/sicherheit/notfallcodes"))
}

// newcomer is whose passkey an invitation's is, as a ceremony wants them.
func newcomer(i invitation.Invitation) passkey.Owner {
	return passkey.Owner{ID: i.Person, Name: i.Name, Email: i.Email}
}

// makeFirstPasskey answers the script of the invitation's page: what the browser
// is to make.
func (h *Handler) makeFirstPasskey(c echo.Context) error {
	if !h.Passkeys.At(c.Request().Host) || !secure(c) {
		return fault.New(fault.NotFound, "there are no passkeys here")
	}
	o, err := h.Invitations.OpenForPasskey(c.Request().Context(), httpserver.RequestID(c), c.Param("token"), c.FormValue("password"))
	if err != nil {
		return err
	}
	options, state, err := h.Passkeys.Register(newcomer(o.Invitation))
	if err != nil {
		return err
	}
	if err := h.beginCeremony(c, joinCeremony, remembered{Session: state, Invitation: o.Invitation.ID}); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, []byte(options))
}

// firstPasskey checks what the browser of somebody new made; Invalid when the
// password beside it does not hold, when it was not begun here, is for another
// invitation or does not hold.
func (h *Handler) firstPasskey(c echo.Context, i invitation.Invitation) (*factor.Passkey, error) {
	if _, err := h.Invitations.OpenForPasskey(c.Request().Context(), httpserver.RequestID(c), c.Param("token"), c.FormValue("password")); err != nil {
		return nil, err
	}
	var r remembered
	var key passkey.Key
	err := h.take(c, joinCeremony, &r)
	if err == nil && r.Invitation != i.ID {
		err = fault.New(fault.NotFound, "begun for another invitation")
	}
	if err == nil {
		key, err = h.Passkeys.Registered(newcomer(i), r.Session, c.FormValue("credential"))
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
		var bad fault.Fields
		bad.Add("", "directory.signin.passkey.unmade", "the passkey does not hold")
		return nil, bad.Err()
	}
	return &factor.Passkey{Credential: key.Credential, Record: key.Record}, err
}

// acceptFailed shows the page again with what is wrong; the passwords are typed
// anew, everything else stays.
func (h *Handler) acceptFailed(c echo.Context, err error) error {
	v := &invitedView{}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return h.renderInvited(c, http.StatusNotFound, v, nil)
	case fault.Invalid:
		return h.renderInvited(c, http.StatusUnprocessableEntity, v, err)
	case fault.Unauthenticated:
		v.Errors = []page.FieldError{{Field: "second", Code: "directory.signin.reset.wrong"}}
		return h.renderInvited(c, http.StatusUnauthorized, v, nil)
	case fault.Limited:
		c.Response().Header().Set("Retry-After", "60")
		v.Wait = int(account.Window.Minutes())
		return h.renderInvited(c, http.StatusTooManyRequests, v, nil)
	case fault.Conflict, fault.Forbidden:
		return h.renderInvited(c, http.StatusConflict, v, nil)
	}
	return err
}
