// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestAChangeFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	const cookie, host = "Cookie: __Host-leitstelle=x", "Host: leitstelle.example"
	for name, tt := range map[string]struct {
		headers []string
		want    int
	}{
		"our own form":                          {[]string{"Sec-Fetch-Site: same-origin", cookie}, 200},
		"typed by the user":                     {[]string{"Sec-Fetch-Site: none", cookie}, 200},
		"another site":                          {[]string{"Sec-Fetch-Site: cross-site", cookie}, 403},
		"a sibling of ours":                     {[]string{"Sec-Fetch-Site: same-site", cookie}, 403},
		"a value of a later browser":            {[]string{"Sec-Fetch-Site: nested", cookie}, 403},
		"another site with our Origin":          {[]string{"Sec-Fetch-Site: cross-site", "Origin: https://leitstelle.example", cookie}, 403},
		"another site without a cookie":         {[]string{"Sec-Fetch-Site: cross-site"}, 403},
		"an old browser, our own form":          {[]string{"Origin: https://leitstelle.example", cookie}, 200},
		"an old browser, another host":          {[]string{"Origin: https://evil.example", cookie}, 403},
		"an old browser, our name as a prefix":  {[]string{"Origin: https://leitstelle.example.evil.example", cookie}, 403},
		"an old browser, our name as a user":    {[]string{"Origin: https://leitstelle.example@evil.example", cookie}, 403},
		"an old browser, another port":          {[]string{"Origin: https://leitstelle.example:8443", cookie}, 403},
		"Origin null, as from a sandbox":        {[]string{"Origin: null", cookie}, 403},
		"Origin null without a cookie":          {[]string{"Origin: null"}, 403},
		"neither, with a cookie":                {[]string{cookie}, 403},
		"neither, with any cookie":              {[]string{"Cookie: other=1"}, 403},
		"a program with a token":                {[]string{"Authorization: Bearer officer"}, 200},
		"a program that stole a cookie, Bearer": {[]string{"Authorization: Bearer officer", cookie}, 403},
		"a guest's program":                     {nil, 200},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				done := false
				e := serve(options(), open(method, "/api/x", func(c echo.Context) error { done = true; return ok(c) }))
				w := ask(e, method, "/api/x", "", append(tt.headers, host)...)
				if w.Code != tt.want || done != (tt.want == 200) {
					t.Errorf("%d, handler ran: %v; want %d", w.Code, done, tt.want)
				}
			})
		}
		t.Run("GET "+name, func(t *testing.T) {
			t.Parallel()
			e := serve(options(), open("GET", "/api/x", ok))
			if w := ask(e, "GET", "/api/x", "", append(tt.headers, host)...); w.Code != 200 {
				t.Errorf("%d, want 200: a GET changes nothing and links come from everywhere", w.Code)
			}
		})
	}
}

func TestACompressedBodyIsRefused(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("POST", "/api/x", ok))
	for encoding, want := range map[string]int{"gzip": 400, "br": 400, "gzip, identity": 400, "identity": 200, "": 200} {
		if w := ask(e, "POST", "/api/x", "{}", "Content-Encoding: "+encoding); w.Code != want {
			t.Errorf("Content-Encoding %q = %d, want %d", encoding, w.Code, want)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x", ok))
	for _, path := range []string{"/api/x", "/api/nothing", "/livez", "/readyz", "/metrics"} {
		h := ask(e, "GET", path, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestTheRequestIDIsOursAndNew(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x", ok))
	seen := map[string]bool{}
	for range 100 {
		id := ask(e, "GET", "/api/x", "", "X-Request-Id: chosen\r\nby: the client").Header().Get("X-Request-Id")
		if len(id) != 24 || strings.Trim(id, "0123456789abcdef") != "" || seen[id] {
			t.Fatalf("request id %q, want a new one of our own", id)
		}
		seen[id] = true
	}
}

func TestAStreamedBodyEndsAtTheLimit(t *testing.T) {
	t.Parallel()
	read := 0
	e := serve(options(), open("POST", "/api/x", func(c echo.Context) error {
		n, err := io.Copy(io.Discard, c.Request().Body)
		read = int(n)
		return err
	}))
	r, err := http.NewRequestWithContext(t.Context(), "POST", "/api/x", endless{})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = -1 // chunked: nobody says how long it is
	w := newRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 413 || read != 256<<10 {
		t.Errorf("%d after %d bytes, want 413 after 256 KiB", w.Code, read)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
