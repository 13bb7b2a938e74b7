// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pquerna/otp/totp"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

const (
	totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	password   = "correct horse battery"
	wrong      = "something else"
)

// clock is the time of a test, which it moves by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// bench is a directory with the register of Thuringia and some people.
type bench struct {
	*directory.Service
	t      *testing.T
	clock  *clock
	db     *sqlx.DB
	people map[string]directory.Loaded // by the word before the @
}

func person(name string, memberships ...directory.Membership) directory.Person {
	return directory.Person{
		Name: strings.ToUpper(name[:1]) + name[1:] + " Beispiel", Email: name + "@example.org", Function: "ISB",
		Password: password, TOTPSecret: totpSecret, Token: "lst_" + name + "-0123456789", Memberships: memberships,
	}
}

var staff = []directory.Person{
	person("klett", directory.Membership{Organisation: "16071043", Role: actor.Officer}),
	person("chefin", directory.Membership{Organisation: "16071043", Role: actor.OrgAdmin}, directory.Membership{Organisation: "16071043", Role: actor.Officer}),
	person("fremd", directory.Membership{Organisation: "16067029", Role: actor.OrgAdmin}),
	person("kiv", directory.Membership{Organisation: "kiv-thueringen", Role: actor.Provider}),
	person("analyst", directory.Membership{Organisation: "thueringencert", Role: actor.Analyst}),
	person("pflege", directory.Membership{Organisation: "thueringencert", Role: actor.Constituency}),
	person("admin", directory.Membership{Organisation: "thueringencert", Role: actor.Admin}),
}

// setup loads the register and the named people of staff. Without a broker
// everything works but the news for the other services.
func setup(t *testing.T, names ...string) *bench {
	t.Helper()
	return setupOn(t, nil, names...)
}

func setupOn(t *testing.T, b *bus.Bus, names ...string) *bench {
	t.Helper()
	x := bare(t, b)
	x.fill(names...)
	return x
}

// bare is a directory without any record.
func bare(t *testing.T, b *bus.Bus) *bench {
	t.Helper()
	db, url := devstack.NewDB(t, directory.Migrations()...)
	return bareAt(t, db, url, b)
}

func bareAt(t *testing.T, db *sqlx.DB, url string, b *bus.Bus, set ...func(*directory.Config)) *bench {
	t.Helper()
	ctx := context.Background()
	c := &clock{t: time.Date(2026, 11, 21, 12, 0, 10, 0, time.UTC)}
	cfg := directory.Config{Key: strings.Repeat("0a", 32), Config: serviceConfig(url), QuickPasswords: true}
	for _, f := range set {
		f(&cfg)
	}
	s, err := directory.New(ctx, cfg, directory.Deps{Bus: b, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &bench{Service: s, t: t, clock: c, db: db, people: map[string]directory.Loaded{}}
}

func (b *bench) fill(names ...string) {
	b.t.Helper()
	if n, err := b.LoadRegister(context.Background()); err != nil || n != 687 {
		b.t.Fatalf("LoadRegister = %d, %v; want 687", n, err)
	}
	var people []directory.Person
	for _, p := range staff {
		name, _, _ := strings.Cut(p.Email, "@")
		if slices.Contains(names, name) {
			people = append(people, p)
		}
	}
	b.load(people)
}

func serviceConfig(url string) service.Config {
	return service.Config{DatabaseURL: url, Site: pagetest.Site()}
}

func (b *bench) load(people []directory.Person) {
	b.t.Helper()
	loaded, err := b.LoadPeople(context.Background(), people)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range loaded {
		name, _, _ := strings.Cut(p.Email, "@")
		b.people[name] = p
	}
}

// ask is one request. As is the word before the @ of a person whose token is
// sent, or a cookie.
type ask struct {
	method, path string
	as           string
	cookie       string
	form         url.Values
	json         any
	body         string
	header       map[string]string
	host         string
}

type answer struct {
	*http.Response
	body string
}

func (b *bench) do(a ask) answer {
	b.t.Helper()
	var body io.Reader
	kind := ""
	switch {
	case a.form != nil:
		body, kind = strings.NewReader(a.form.Encode()), "application/x-www-form-urlencoded"
	case a.json != nil:
		raw, err := json.Marshal(a.json)
		if err != nil {
			b.t.Fatal(err)
		}
		body, kind = bytes.NewReader(raw), "application/json"
	case a.body != "":
		body, kind = strings.NewReader(a.body), "text/plain"
	}
	if a.method == "" {
		a.method = http.MethodGet
	}
	r := httptest.NewRequest(a.method, a.path, body)
	r.Host = "127.0.0.1:8080"
	if a.host != "" {
		r.Host = a.host
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if a.as != "" {
		r.Header.Set("Authorization", "Bearer "+b.people[a.as].Token)
	}
	if a.cookie != "" {
		r.AddCookie(&http.Cookie{Name: session.Cookie, Value: a.cookie})
	}
	if a.form != nil || a.cookie != "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

func (b *bench) code() string {
	b.t.Helper()
	c, err := totp.GenerateCode(totpSecret, b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) tryToSignIn(email, pass, code string) answer {
	b.t.Helper()
	return b.do(ask{method: "POST", path: "/konto/anmelden", form: url.Values{"email": {email}, "password": {pass}, "code": {code}}})
}

// signIn returns the cookie of a fresh session.
func (b *bench) signIn(name string) string {
	b.t.Helper()
	b.clock.pass(30 * time.Second) // a fresh code
	a := b.tryToSignIn(b.people[name].Email, password, b.code())
	if a.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("sign in %s: %d %s", name, a.StatusCode, a.body)
	}
	return a.cookieValue(b.t)
}

func (a answer) cookieValue(t *testing.T) string {
	t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == session.Cookie && c.Value != "" {
			return c.Value
		}
	}
	t.Fatalf("no session cookie in %v", a.Cookies())
	return ""
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

func (b *bench) want(a ask, status int) answer {
	b.t.Helper()
	got := b.do(a)
	if got.StatusCode != status {
		b.t.Errorf("%s %s as %q: %d %.300s; want %d", a.method, a.path, a.as, got.StatusCode, got.body, status)
	}
	return got
}

// count runs a query for one number.
func (b *bench) count(query string, args ...any) int {
	b.t.Helper()
	var n int
	if err := b.db.Get(&n, query, args...); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// chain fails the test when the audit does not hold.
func (b *bench) chain() {
	b.t.Helper()
	if r, err := audit.Verify(context.Background(), b.db, nil); err != nil || !r.OK() {
		b.t.Errorf("audit: %+v, %v", r, err)
	}
}
