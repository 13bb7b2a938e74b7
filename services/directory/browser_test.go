// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/session"
)

// browser keeps cookies over several requests.
type browser struct {
	*bench
	cookies map[string]string
}

func (b *bench) browser() *browser { return &browser{b, map[string]string{}} }

func (w *browser) send(a ask) answer {
	w.t.Helper()
	if a.header == nil {
		a.header = map[string]string{}
	}
	var list []string
	for k, v := range w.cookies {
		list = append(list, k+"="+v)
	}
	a.header["Cookie"] = strings.Join(list, "; ")
	if _, ok := a.header["Sec-Fetch-Site"]; !ok {
		a.header["Sec-Fetch-Site"] = "same-origin"
	}
	got := w.do(a)
	for _, c := range got.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(w.cookies, c.Name)
		} else {
			w.cookies[c.Name] = c.Value
		}
	}
	return got
}

func (w *browser) get(path string) answer {
	w.t.Helper()
	return w.send(ask{path: strings.TrimPrefix(path, origin)})
}

func (w *browser) post(path string, form url.Values) answer {
	w.t.Helper()
	return w.send(ask{method: http.MethodPost, path: path, form: form})
}

// wantTo fails unless the answer leads there.
func (a answer) wantTo(t *testing.T, to string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Errorf("%d to %q, want 303 to %q: %.300s", a.StatusCode, a.Header.Get("Location"), to, a.body)
	}
}

func (w *browser) signedIn() bool {
	w.t.Helper()
	return w.cookies[session.Cookie] != "" && w.get("/api/directory/v1/me").StatusCode == 200
}

// enter signs the named person in with password and code.
func (w *browser) enter(name string) {
	w.t.Helper()
	w.cookies[session.Cookie] = w.signIn(name)
}

// flash is the id of the message that the next page shows.
func (w *browser) flash() string {
	_, id, _ := strings.Cut(w.cookies["__Host-notice"], ":")
	delete(w.cookies, "__Host-notice")
	return id
}

const origin = "http://127.0.0.1:8080"
