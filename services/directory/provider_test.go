// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// subject is somebody at a provider. change rewrites the claims of the answer.
type subject struct {
	sub, email, name string
	change           func(claims map[string]any)
}

func (s subject) ID() string                        { return s.sub }
func (s subject) Userinfo([]string) ([]byte, error) { return []byte(`{}`), nil }
func (s subject) Claims(_ []string, base *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	b, err := json.Marshal(base)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if err := json.Unmarshal(b, &claims); err != nil {
		return nil, err
	}
	claims["email"], claims["name"] = s.email, s.name
	if s.change != nil {
		s.change(claims)
	}
	return jwt.MapClaims(claims), nil
}

// idp is a real OpenID provider with its own keys; tamper rewrites the answer of
// its token endpoint.
type idp struct {
	*mockoidc.MockOIDC
	tamper func(map[string]any)
}

func startIDP(t *testing.T) *idp {
	t.Helper()
	m, err := mockoidc.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{MockOIDC: m}
	_ = m.AddMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.tamper == nil || !strings.HasSuffix(r.URL.Path, "/token") {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			body := map[string]any{}
			if rec.Code == 200 && json.Unmarshal(rec.Body.Bytes(), &body) == nil {
				p.tamper(body)
				rec.Body = new(bytes.Buffer)
				_ = json.NewEncoder(rec.Body).Encode(body)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(l, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Server.Close() })
	return p
}

func (p *idp) config(name, label string) directory.OIDC {
	return directory.OIDC{
		Name: name, Issuer: p.Issuer(), ClientID: p.ClientID, ClientSecret: p.ClientSecret, Label: label,
		ACR: []string{"urn:two"}, AMR: []string{"mfa"},
	}
}

// withIDPs is a directory with two providers, both of which may give strong
// answers, and their clocks set like its own.
func withIDPs(t *testing.T, names ...string) (*bench, *idp, *idp) {
	t.Helper()
	one, two := startIDP(t), startIDP(t)
	db, url := devstack.NewDB(t, directory.Migrations()...)
	b := bareAt(t, db, url, nil, func(c *directory.Config) {
		c.Site.URL = origin
		c.SignIn.First, c.SignIn.Second = one.config("bundid", "BundID"), two.config("muk", "Mein Unternehmenskonto")
	})
	ahead := time.Until(b.clock.Now())
	one.FastForward(ahead)
	two.FastForward(ahead)
	b.fill(names...)
	return b, one, two
}

// visit goes to the provider as the person and returns the address with which
// it sends the browser back.
func (w *browser) visit(p *idp, start string, as subject) string {
	w.t.Helper()
	a := w.get(start)
	to := a.Header.Get("Location")
	if a.StatusCode != 303 || !strings.HasPrefix(to, p.Addr()) {
		w.t.Fatalf("%s: %d to %q", start, a.StatusCode, to)
	}
	p.QueueUser(as)
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, to, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := c.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusFound {
		body, _ := io.ReadAll(got.Body)
		w.t.Fatalf("the provider says %d %s", got.StatusCode, body)
	}
	return got.Header.Get("Location")
}

func query(t *testing.T, address string, change func(url.Values)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	return u.String()
}

var (
	kimAtIDP = subject{sub: "kim-1", email: "klett@example.org", name: "Kim Beispiel"}
	strong   = subject{sub: "kim-1", email: "klett@example.org", name: "Kim Beispiel", change: func(c map[string]any) { c["acr"] = "urn:two" }}
)

// linkIDP links the person's account there through the pages.
func (b *bench) linkIDP(p *idp, start, person string, as subject) {
	b.t.Helper()
	w := b.browser()
	w.enter(person)
	back := w.visit(p, start+"?fuer=verknuepfen", as)
	w.get(back).wantTo(b.t, "/konto/sicherheit/verknuepfen")
	if body := w.get("/konto/sicherheit/verknuepfen").body; !strings.Contains(body, as.name) {
		b.t.Errorf("the page does not say whose account it is: %.2000s", body)
	}
	w.post("/konto/sicherheit/verknuepfen", url.Values{}).wantTo(b.t, "/konto/sicherheit")
	if f := w.flash(); f != "directory.signin.linked" {
		b.t.Fatalf("linking says %q", f)
	}
}
