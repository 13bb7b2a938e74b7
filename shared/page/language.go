// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Languages lists the languages of the pages, the first is the default.
func Languages() []string { return []string{"de", "en"} }

// Language returns the language of the request. The front door strips /en from
// the path and says so in X-Forwarded-Prefix; nothing else decides, so that an
// address always shows the same page.
func Language(c echo.Context) string {
	if c.Request().Header.Get("X-Forwarded-Prefix") == "/en" {
		return "en"
	}
	return "de"
}

// Link returns the address of an own page in a language: the English twin of
// /melden is /en/melden. Anything but a rooted path stays as it is.
func Link(lang, path string) string {
	if lang != "en" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		path == "/en" || strings.HasPrefix(path, "/en/") || strings.HasPrefix(path, "/assets/") || strings.HasPrefix(path, "/api/") {
		return path
	}
	return "/en" + path
}

// Redirect sends the browser to another own page after a POST (303), in the
// language of the request. What is no rooted path of our own, such as a return
// address that someone made up, leads to the start page.
func Redirect(c echo.Context, path string) error {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, `/\`) {
		path = "/"
	}
	return c.Redirect(http.StatusSeeOther, Link(Language(c), path))
}

// WantsFragment reports whether htmx or live.js asked, and a fragment answers
// better than a page.
func WantsFragment(c echo.Context) bool {
	h := c.Request().Header
	return h.Get("HX-Request") == "true" && h.Get("HX-History-Restore-Request") != "true" && h.Get("HX-Boosted") != "true"
}
