// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	guestCookie = "__Host-meldung"
	guestTime   = 2 * time.Hour
)

// letIn gives a guest who has shown a code the cookie for what it opens: that one
// report, or one body's part of it. It is signed, short, and never in an address.
func (h *Handler) letIn(c echo.Context, proof string) {
	until := strconv.FormatInt(h.Now().Add(guestTime).Unix(), 10)
	c.SetCookie(&http.Cookie{
		Name: guestCookie, Value: proof + "." + until + "." + h.seal(proof, until), Path: "/",
		MaxAge: int(guestTime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// guestReport is what the cookie opens, a report or a part (Desk.Prove), ""
// without one.
func (h *Handler) guestReport(c echo.Context) string {
	ck, err := c.Cookie(guestCookie)
	if err != nil {
		return ""
	}
	parts := strings.Split(ck.Value, ".")
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(h.seal(parts[0], parts[1]))) {
		return ""
	}
	until, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || h.Now().Unix() >= until {
		return ""
	}
	return parts[0]
}

func (h *Handler) seal(proof, until string) string {
	return h.sign("guest\x00" + proof + "\x00" + until)
}

// sealDraft signs the code of a draft for the browser that began it.
func (h *Handler) sealDraft(code string) string { return h.sign("draft\x00" + code) }

func (h *Handler) sign(text string) string {
	m := hmac.New(sha256.New, h.Cookies)
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}
