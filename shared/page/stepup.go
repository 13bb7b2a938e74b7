// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// stepUp is what a form answers when its sender has to show the second factor
// first: where to do it, and the form once more with what was typed.
type stepUp struct {
	Confirm string // page of the account; opened beside this one
	Action  string // "" when what was sent cannot be kept, such as a file
	Typed   []typed
}

type typed struct{ Name, Value string }

// keepTyped bounds what a page carries along of a form, in bytes.
const keepTyped = 256 << 10

func stepUpOf(c echo.Context) *stepUp {
	r := c.Request()
	prefix := ""
	if r.Header.Get("X-Forwarded-Prefix") == "/en" {
		prefix = "/en"
	}
	s := &stepUp{Confirm: prefix + "/konto/bestaetigen?next=" + url.QueryEscape(cameFrom(r))}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEApplicationForm) {
		s.again(c, prefix)
	}
	return s
}

// again keeps the fields of the form that was sent, but never a secret.
func (s *stepUp) again(c echo.Context, prefix string) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, keepTyped)
	if err := r.ParseForm(); err != nil {
		return // too large, or no form: there is nothing to send again
	}
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if strings.Contains(name, "password") || name == "code" || name == "totp" {
			continue
		}
		for _, value := range r.PostForm[name] {
			s.Typed = append(s.Typed, typed{Name: name, Value: value})
		}
	}
	s.Action = prefix + r.URL.RequestURI()
}

// cameFrom is the path of the page with the form, on this very host.
func cameFrom(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return "/konto"
	}
	return u.RequestURI()
}
