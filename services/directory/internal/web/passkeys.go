// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/passkey"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// remembered is a passkey's ceremony until the browser answers.
type remembered struct {
	Session    string `json:"session"`
	Person     string `json:"person,omitempty"`
	Invitation string `json:"invitation,omitempty"`
}

// elsewhere is the page at the address that takes passkeys, "" when this one
// does or none.
func (h *Handler) elsewhere(c echo.Context, path string) string {
	if origin := h.Passkeys.Elsewhere(c.Request().Host); origin != "" {
		return origin + page.Link(page.Language(c), path)
	}
	return ""
}

// askPasskey answers the script of the sign-in pages: what the browser is to
// sign. It names nobody, so everybody gets the like.
func (h *Handler) askPasskey(c echo.Context) error {
	if !h.Passkeys.At(c.Request().Host) || !secure(c) {
		return fault.New(fault.NotFound, "there are no passkeys here")
	}
	options, session, err := h.Passkeys.Ask()
	if err != nil {
		return err
	}
	if err := h.beginCeremony(c, askCeremony, remembered{Session: session}); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, []byte(options))
}

// proof verifies what the form carries of a passkey.
func (h *Handler) proof(c echo.Context) account.Verify {
	return func(ctx context.Context) (string, account.Proof, error) {
		var r remembered
		if err := h.take(c, askCeremony, &r); err != nil { //nolint:contextcheck // it is the request's own
			if fault.Is(err, fault.NotFound) {
				err = fault.New(fault.Unauthenticated, "this was not begun here, or is over")
			}
			return "", account.Proof{}, err
		}
		var stored factor.Passkey
		owner, key, suspect, err := h.Passkeys.Proved(r.Session, c.FormValue("credential"), func(id []byte) (passkey.Owner, error) {
			var err error
			if stored, err = h.Factors.Store.PasskeyByCredential(ctx, id); err != nil {
				return passkey.Owner{}, err
			}
			return passkey.Owner{ID: stored.Person, Keys: []passkey.Key{{Credential: stored.Credential, Record: stored.Record}}}, nil
		})
		if err != nil {
			return stored.Person, account.Proof{}, err
		}
		return owner.ID, account.Proof{
			Way: account.ByPasskey, Passkey: &account.PasskeyUse{ID: stored.ID, Record: key.Record, Suspect: suspect},
		}, nil
	}
}

func (h *Handler) signInPasskey(c echo.Context) error {
	if !secure(c) {
		return h.renderSignIn(c, http.StatusForbidden, &signInView{})
	}
	next := SafeNext(c.FormValue("next"))
	var r remembered
	err := h.peek(c, askCeremony, &r) // nothing was begun here: nobody's try
	if fault.Is(err, fault.NotFound) {
		return h.passkeyRefused(c, next)
	}
	if err != nil {
		return err
	}
	s, secret, err := h.Accounts.SignInWith(c.Request().Context(), attemptOf(c), h.proof(c))
	switch fault.KindOf(err) {
	case "":
	case fault.Unauthenticated:
		return h.passkeyRefused(c, next)
	case fault.Limited:
		return h.signInFailed(c, err, next)
	default:
		return err
	}
	if c.FormValue("second") != "" {
		var x second
		if err := h.take(c, secondCeremony, &x); err == nil {
			next = x.Next
		}
	}
	return h.signedIn(c, s, secret, next)
}

// passkeyRefused shows the sign-in page again, the same for every reason.
func (h *Handler) passkeyRefused(c echo.Context, next string) error {
	v := &signInView{Next: next}
	v.Errors = []page.FieldError{{Code: "directory.signin.passkey.wrong"}}
	return h.renderSignIn(c, http.StatusUnauthorized, v)
}

func (h *Handler) confirmPasskey(c echo.Context) error {
	if session.Of(c).Kind != session.KindPerson {
		return fault.New(fault.Forbidden, "a token counts as confirmed")
	}
	next := SafeNext(c.FormValue("next"))
	var r remembered
	err := h.peek(c, askCeremony, &r) // nothing was begun here: nobody's try
	if err == nil {
		err = h.confirmed(c, attemptOf(c), next, h.proof(c))
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.NotFound:
		v := &confirmView{Next: next}
		v.Errors = []page.FieldError{{Code: "directory.signin.passkey.wrong"}}
		return h.renderConfirm(c, http.StatusUnauthorized, v)
	case fault.Limited:
		return h.renderConfirm(c, http.StatusTooManyRequests, &confirmView{Next: next, Wait: int(account.Window.Minutes())})
	}
	return err
}

// owner is the signed-in person as a ceremony wants them.
func (h *Handler) owner(c echo.Context) (passkey.Owner, error) {
	ctx := c.Request().Context()
	p, err := h.Reads.Person(ctx, session.Actor(c).Person)
	if err != nil {
		return passkey.Owner{}, err
	}
	has, err := h.Factors.Overview(ctx, p.ID)
	if err != nil {
		return passkey.Owner{}, err
	}
	o := passkey.Owner{ID: p.ID, Name: p.Name, Email: p.Email}
	for _, k := range has.Passkeys {
		o.Keys = append(o.Keys, passkey.Key{Credential: k.Credential, Record: k.Record})
	}
	return o, nil
}

// makePasskey answers the script of the passkey page: what the browser is to make.
func (h *Handler) makePasskey(c echo.Context) error {
	if !h.Passkeys.At(c.Request().Host) {
		return fault.New(fault.NotFound, "there are no passkeys here")
	}
	o, err := h.owner(c)
	if err != nil {
		return err
	}
	options, state, err := h.Passkeys.Register(o)
	if err != nil {
		return err
	}
	if err := h.beginCeremony(c, makeCeremony, remembered{Session: state, Person: o.ID}); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, []byte(options))
}

type passkeyView struct {
	page.Base
	Name      string
	Shown     bool   // this address takes passkeys
	Elsewhere string // this page where they work
}

func (h *Handler) passkeyForm(c echo.Context) error {
	return h.renderPasskey(c, http.StatusOK, &passkeyView{})
}

func (h *Handler) renderPasskey(c echo.Context, status int, v *passkeyView) error {
	v.Title, v.Shown = h.Pages.T(c, "directory.signin.passkey.new"), h.Passkeys.At(c.Request().Host)
	v.Elsewhere = h.elsewhere(c, "/konto/sicherheit/passkeys")
	return h.Pages.Render(c, status, "passkey", v)
}

func (h *Handler) addPasskey(c echo.Context) error {
	var r remembered
	err := h.take(c, makeCeremony, &r)
	if err == nil && r.Person != session.Actor(c).Person {
		err = fault.New(fault.NotFound, "begun by somebody else")
	}
	var o passkey.Owner
	var key passkey.Key
	if err == nil {
		if o, err = h.owner(c); err == nil {
			key, err = h.Passkeys.Registered(o, r.Session, c.FormValue("credential"))
		}
	}
	if err == nil {
		err = h.Factors.AddPasskey(c.Request().Context(), act(c), factor.Passkey{Credential: key.Credential, Record: key.Record, Name: c.FormValue("name")})
	}
	v := &passkeyView{Name: c.FormValue("name")}
	switch fault.KindOf(err) {
	case "":
		page.Flash(c, "success", "directory.signin.passkey.added")
		return page.Redirect(c, "/konto/sicherheit")
	case fault.NotFound, fault.Unauthenticated, fault.Conflict:
		v.Errors = []page.FieldError{{Field: "name", Code: "directory.signin.passkey.failed"}}
		return h.renderPasskey(c, http.StatusUnprocessableEntity, v)
	case fault.Invalid:
		v.Fail(err)
		return h.renderPasskey(c, http.StatusUnprocessableEntity, v)
	}
	return err
}

func (h *Handler) renamePasskey(c echo.Context) error {
	err := h.Factors.RenamePasskey(c.Request().Context(), act(c), c.Param("id"), c.FormValue("name"))
	if fault.Is(err, fault.Invalid) {
		page.Flash(c, "danger", "directory.signin.error.keyname")
		return page.Redirect(c, "/konto/sicherheit")
	}
	return h.afterDrop(c, err, "directory.saved")
}

func (h *Handler) dropPasskey(c echo.Context) error {
	return h.afterDrop(c, h.Factors.DropPasskey(c.Request().Context(), act(c), c.Param("id")), "directory.signin.passkey.dropped")
}
