// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/session"
)

// browser is one visitor: it keeps cookies and says where requests come from.
type browser struct {
	e       *env
	lang    string
	cookies map[string]string
}

func (e *env) visitor(lang string, as actor.Role) *browser {
	b := &browser{e: e, lang: lang, cookies: map[string]string{}}
	if as != "" {
		b.cookies[session.Cookie] = "cookie-" + string(as)
	}
	return b
}

func (b *browser) get(path string) response { return b.send("GET", path, "", nil) }

func (b *browser) post(path string, form url.Values) response {
	return b.send("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// follow posts and then gets where it leads.
func (b *browser) follow(path string, form url.Values) response {
	b.e.t.Helper()
	res := b.post(path, form)
	if res.StatusCode != http.StatusSeeOther {
		b.e.t.Fatalf("POST %s: %d %s", path, res.StatusCode, errorsIn(res.body))
	}
	return b.get(res.Header.Get("Location"))
}

func (b *browser) send(method, path, kind string, body io.Reader) response {
	b.e.t.Helper()
	path = strings.TrimPrefix(path, "/en")
	req, err := http.NewRequestWithContext(context.Background(), method, b.e.http.URL+path, body)
	if err != nil {
		b.e.t.Fatal(err)
	}
	if b.lang == "en" {
		req.Header.Set("X-Forwarded-Prefix", "/en")
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for name, value := range b.cookies {
		req.Header.Add("Cookie", name+"="+value)
	}
	res, err := client.Do(req)
	if err != nil {
		b.e.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.e.t.Fatal(err)
	}
	return response{res, string(raw)}
}

var errorItem = regexp.MustCompile(`(?s)<div class="errsum".*?</ul>`)

func errorsIn(body string) string { return errorItem.FindString(body) }

// begin opens the form and returns its path, such as /melden/7K4-9QD-M2XT.
func (b *browser) begin(query string) string {
	b.e.t.Helper()
	res := b.get("/melden" + query)
	if res.StatusCode != http.StatusSeeOther {
		b.e.t.Fatalf("GET /melden: %d %s", res.StatusCode, res.body)
	}
	return strings.TrimSuffix(strings.TrimPrefix(res.Header.Get("Location"), "/en"), "/was")
}

// The answers of a good report, step by step.
func wasForm() url.Values {
	return url.Values{"what": {"ransomware"}, "description": {"Alle Dateien heißen .locked"}, "go": {"next"}}
}

func betroffenForm() url.Values {
	return url.Values{
		"impact": {"high"}, "noticed_at": {"2026-11-22T06:40"}, "noticed_approx": {"yes"}, "still_running": {"yes"},
		"systems": {"workplace", "server"}, "help_needed": {"callback"}, "go": {"next"},
	}
}

func kontaktForm() url.Values {
	return url.Values{"body": {"Apolda"}, "name": {"Kim Beispiel"}, "phone": {"0152 000 000 00"}, "email": {"kim@example.org"}, "go": {"next"}}
}

// fillIn walks the form up to the check page.
func (b *browser) fillIn() (path string, check response) {
	path = b.begin("")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/betroffen", betroffenForm())
	return path, b.follow(path+"/kontakt", kontaktForm())
}

func has(t testing.TB, res response, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if !strings.Contains(res.body, x) && !strings.Contains(html.UnescapeString(res.body), x) {
			t.Errorf("%s (%d) does not say %q", res.Request.URL.Path, res.StatusCode, x)
		}
	}
}

func hasNot(t testing.TB, res response, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if strings.Contains(html.UnescapeString(res.body), x) {
			t.Errorf("%s (%d) says %q", res.Request.URL.Path, res.StatusCode, x)
		}
	}
}
