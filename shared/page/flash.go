// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const flashCookie = "__Host-notice"

// Flash shows a message on the next page, after the redirect that follows a
// POST. Only the message's id travels, in a cookie that lives a minute; the
// message takes no arguments.
func Flash(c echo.Context, kind, id string) {
	c.SetCookie(&http.Cookie{
		Name: flashCookie, Value: kind + ":" + id, Path: "/", MaxAge: 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// takeFlash reads the cookie and ends it. A value that is no known id without
// placeholders shows nothing.
func (r *Renderer) takeFlash(c echo.Context) *Notice {
	ck, err := c.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	c.SetCookie(&http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	kind, id, _ := strings.Cut(ck.Value, ":")
	switch kind {
	case "success", "info", "warning", "danger":
	default:
		return nil
	}
	text, ok := r.lang[Language(c)].texts.plain[id]
	if !ok {
		return nil
	}
	return &Notice{Kind: kind, Text: text}
}
