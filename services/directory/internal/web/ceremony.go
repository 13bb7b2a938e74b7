// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// Ceremonies remembers what a browser began and must come back with.
type Ceremonies interface {
	AddCeremony(ctx context.Context, sum []byte, kind, network, data string, at, expires time.Time) error
	Ceremony(ctx context.Context, sum []byte, kind string, at time.Time, take bool) (string, error)
}

// The kinds of ceremonies; each has a cookie of its own.
const (
	oidcCeremony   = "oidc"   // gone to a provider
	secondCeremony = "second" // back from it, the second factor is missing
	linkCeremony   = "link"   // back from it, to be confirmed as one's own
	askCeremony    = "ask"    // a passkey is asked for
	makeCeremony   = "make"   // a passkey is made
	appCeremony    = "app"    // an app is set up: the cookie itself is the sealed secret
	joinCeremony   = "join"   // somebody new makes one
)

const ceremonyLife = 10 * time.Minute

func ceremonyCookie(kind, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: "__Host-leitstelle-" + kind, Value: value, Path: "/", MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// beginCeremony remembers v under a secret that only this browser gets.
func (h *Handler) beginCeremony(c echo.Context, kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("begin %s: %w", kind, err)
	}
	token, at := h.Accounts.Vault.NewSession(), h.Now().UTC()
	err = h.Ceremonies.AddCeremony(c.Request().Context(), h.Accounts.Vault.Sum(kind+" "+token), kind,
		account.Network(c.RealIP()), string(b), at, at.Add(ceremonyLife))
	if err != nil {
		return err
	}
	c.SetCookie(ceremonyCookie(kind, token, int(ceremonyLife.Seconds())))
	return nil
}

// peek reads what this browser began into v; NotFound when it began nothing or
// took too long.
func (h *Handler) peek(c echo.Context, kind string, v any) error {
	return h.ceremony(c, kind, v, false)
}

// take is peek and ends the ceremony: it counts once.
func (h *Handler) take(c echo.Context, kind string, v any) error { return h.ceremony(c, kind, v, true) }

func (h *Handler) ceremony(c echo.Context, kind string, v any, take bool) error {
	cookie, err := c.Cookie("__Host-leitstelle-" + kind)
	if err != nil || cookie.Value == "" {
		return fault.New(fault.NotFound, "nothing was begun here")
	}
	data, err := h.Ceremonies.Ceremony(c.Request().Context(), h.Accounts.Vault.Sum(kind+" "+cookie.Value), kind, h.Now().UTC(), take)
	if take && (err == nil || fault.Is(err, fault.NotFound)) {
		c.SetCookie(ceremonyCookie(kind, "", -1))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(data), v)
}

// attemptOf is who tries, as limits and the session record it.
func attemptOf(c echo.Context) account.Attempt {
	return account.Attempt{Address: c.RealIP(), Client: c.Request().UserAgent(), RequestID: httpserver.RequestID(c)}
}

// offer is the secret that this browser is offered for its app, for what is
// named. It is random, and the browser alone brings it back, sealed.
func (h *Handler) offer(c echo.Context, what string) string {
	totp, box := h.Factors.Offer(what, offered(c))
	c.SetCookie(ceremonyCookie(appCeremony, box, int(secret.OfferLife.Seconds())))
	return totp
}

// offered is the sealed secret that this browser was shown, "" for none.
func offered(c echo.Context) string {
	if cookie, err := c.Cookie("__Host-leitstelle-" + appCeremony); err == nil {
		return cookie.Value
	}
	return ""
}

// offerDone forgets the offer: the next app gets another secret.
func offerDone(c echo.Context) { c.SetCookie(ceremonyCookie(appCeremony, "", -1)) }
