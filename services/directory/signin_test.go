// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/session"
)

func TestSigningInGivesASession(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "analyst")
	a := b.tryToSignIn(" Klett@Example.org ", password, b.code())
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/konto/start" {
		t.Fatalf("status %d, location %q; want 303 to /konto/start", a.StatusCode, a.Header.Get("Location"))
	}
	for _, c := range a.Cookies() {
		if c.Name == session.Cookie && (!c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || len(c.Value) != 43) {
			t.Errorf("cookie %+v, want Secure, HttpOnly, Lax, Path=/ and 32 bytes", c)
		}
	}
	cookie := a.cookieValue(t)
	var me struct {
		Person       struct{ Email string }
		Roles        []string
		Organisation struct{ AGS, Name string }
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200).decode(t, &me)
	if me.Person.Email != "klett@example.org" || me.Organisation.AGS != "16071043" || me.Organisation.Name != "Klettbach" || me.Roles[0] != "officer" {
		t.Errorf("me = %+v", me)
	}
	if n := b.count(`SELECT count(*) FROM session WHERE sum = sha256($1::bytea)`, []byte(cookie)); n != 1 {
		t.Errorf("sessions with the SHA-256 of the cookie: %d, want 1", n)
	}
	for where, to := range map[string]string{cookie: "/", b.signIn("analyst"): "/lage/eingang"} {
		if got := b.want(ask{path: "/konto/start", cookie: where}, 303).Header.Get("Location"); got != to {
			t.Errorf("start leads to %q, want %q", got, to)
		}
	}
	b.chain()
}

func TestAWrongSignInTellsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "admin")
	locked := b.people["fremd"]
	b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/personen/" + locked.ID + "/sperren", as: "admin", form: url.Values{}}, 303)
	var first string
	for name, try := range map[string][3]string{
		"unknown account": {"nobody@example.org", password, b.code()},
		"wrong password":  {"klett@example.org", wrong, b.code()},
		"wrong code":      {"klett@example.org", password, "000000"},
		"no code":         {"klett@example.org", password, ""},
		"locked person":   {locked.Email, password, b.code()},
		"nothing at all":  {"", "", ""},
	} {
		a := b.tryToSignIn(try[0], try[1], try[2])
		body := strings.ReplaceAll(a.body, `type="email" value="`+try[0]+`"`, `type="email" value="TYPED"`)
		if first == "" {
			first = body
		}
		if a.StatusCode != 401 || body != first || len(a.Cookies()) != 0 {
			t.Errorf("%s: %d, cookies %v, same body %v; want 401, none, true", name, a.StatusCode, a.Cookies(), body == first)
		}
	}
	if !strings.Contains(first, "E-Mail-Adresse, Passwort oder Code stimmen nicht") {
		t.Errorf("body does not say what to do: %s", first)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'account.signin' AND result = 'failed'`); n != 6 {
		t.Errorf("failed sign-ins in the audit: %d, want 6", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE convert_from(body, 'UTF8') LIKE '%nobody@example.org%'`); n != 0 {
		t.Error("the audit holds what was typed in the clear")
	}
	b.chain()
}

func TestACodeCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	code := b.code()
	if a := b.tryToSignIn("klett@example.org", password, code); a.StatusCode != 303 {
		t.Fatalf("first: %d", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", password, code); a.StatusCode != 401 {
		t.Errorf("the same code again: %d, want 401", a.StatusCode)
	}
	b.clock.pass(30 * time.Second)
	code = b.code()
	var wg sync.WaitGroup
	statuses := make([]int, 4)
	for i := range statuses {
		wg.Go(func() { statuses[i] = b.tryToSignIn("klett@example.org", password, code).StatusCode })
	}
	wg.Wait()
	in := 0
	for _, s := range statuses {
		if s == 303 {
			in++
		}
	}
	if in != 1 {
		t.Errorf("four sign-ins at once with one code: %v, want one 303", statuses)
	}
}

func TestTriesAreLimitedPerAccountAndNeverForGood(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin")
	for range 5 {
		if a := b.tryToSignIn("klett@example.org", wrong, b.code()); a.StatusCode != 401 {
			t.Fatalf("wrong try: %d", a.StatusCode)
		}
	}
	for _, email := range []string{"klett@example.org", "KLETT@example.org "} {
		a := b.tryToSignIn(email, password, b.code())
		if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Zu viele Versuche") {
			t.Errorf("%q after five wrong tries: %d, Retry-After %q; want 429", email, a.StatusCode, a.Header.Get("Retry-After"))
		}
	}
	for range 5 { // an account that does not exist is limited alike
		b.tryToSignIn("nobody@example.org", wrong, "1")
	}
	if a := b.tryToSignIn("nobody@example.org", wrong, "1"); a.StatusCode != 429 {
		t.Errorf("unknown account after five tries: %d, want 429", a.StatusCode)
	}
	if a := b.tryToSignIn("chefin@example.org", password, b.code()); a.StatusCode != 303 {
		t.Errorf("a colleague behind the same address: %d, want 303", a.StatusCode)
	}
	b.clock.pass(15*time.Minute + time.Second)
	if a := b.tryToSignIn("klett@example.org", password, b.code()); a.StatusCode != 303 {
		t.Errorf("after fifteen minutes: %d, want 303", a.StatusCode)
	}
}

func TestTriesAreLimitedPerNetwork(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	for i := range 20 {
		b.tryToSignIn(strings.Repeat("x", i+1)+"@example.org", wrong, "1")
	}
	if a := b.tryToSignIn("klett@example.org", password, b.code()); a.StatusCode != 429 {
		t.Errorf("21st try of a network: %d, want 429", a.StatusCode)
	}
}

func TestSigningInAgainEndsTheOldSession(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	old := b.signIn("klett")
	b.clock.pass(30 * time.Second)
	a := b.do(ask{
		method: "POST", path: "/konto/anmelden", cookie: old,
		form: url.Values{"email": {"klett@example.org"}, "password": {password}, "code": {b.code()}},
	})
	if a.StatusCode != 303 || a.cookieValue(t) == old {
		t.Fatalf("%d, cookie changed %v; want 303 and a new one", a.StatusCode, a.cookieValue(t) != old)
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: old}, 401)
	b.want(ask{path: "/api/directory/v1/me", cookie: a.cookieValue(t)}, 200)
}

func TestASessionPlantedByAnAttackerIsNotTaken(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	planted := strings.Repeat("A", 43)
	a := b.do(ask{
		method: "POST", path: "/konto/anmelden", cookie: planted,
		form: url.Values{"email": {"klett@example.org"}, "password": {password}, "code": {b.code()}},
	})
	if a.cookieValue(t) == planted {
		t.Error("the planted session was used")
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: planted}, 401)
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	cookie := b.signIn("klett")
	a := b.want(ask{method: "POST", path: "/konto/abmelden", cookie: cookie, form: url.Values{}}, 303)
	gone := false
	for _, c := range a.Cookies() {
		gone = gone || c.Name == session.Cookie && c.MaxAge < 0
	}
	if !gone {
		t.Errorf("the cookie stays: %v", a.Cookies())
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401)
	b.want(ask{method: "POST", path: "/konto/abmelden", form: url.Values{}}, 303)
}

func TestASessionEndsAfterTenHours(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	cookie := b.signIn("klett")
	b.clock.pass(10*time.Hour - time.Second)
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200)
	b.clock.pass(2 * time.Second)
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401)
}

func TestSignInIsRefusedWhereTheCookieWouldBeLost(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	for host, open := range map[string]bool{
		"127.0.0.1:8080": true, "localhost": true, "[::1]:8080": true, "cert.localhost": true,
		"10.1.2.3:8080": false, "leitstelle.example": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false,
	} {
		a := b.want(ask{path: "/konto/anmelden", host: host}, 200)
		if form := strings.Contains(a.body, `name="password"`); form != open {
			t.Errorf("http://%s: form %v, want %v", host, form, open)
		}
		a = b.do(ask{
			method: "POST", path: "/konto/anmelden", host: host,
			form: url.Values{"email": {"klett@example.org"}, "password": {wrong}, "code": {"1"}},
		})
		if refused := a.StatusCode == 403; refused == open {
			t.Errorf("POST to http://%s: %d", host, a.StatusCode)
		}
	}
}

func TestSignInGoesOnlyToOwnAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	cookie := b.signIn("klett")
	for next, want := range map[string]string{
		"/melden/meldungen?x=1": "/melden/meldungen?x=1", "/en/warnungen": "/en/warnungen", "/": "/",
		"//evil.example": "", `/\evil.example`: "", "/%5cevil.example": "", "/%5Cevil.example": "", "/%2fevil.example": "",
		"/%252fevil.example": "", "https:evil.example": "", "https://evil.example": "", "/\t/evil.example": "", "/\n/evil.example": "",
		"/%09/evil.example": "", "javascript:alert(1)": "", "evil": "", "": "", "/konto/anmelden?next=/": "", "/en/konto/abmelden": "",
	} {
		a := b.want(ask{path: "/konto/anmelden?next=" + url.QueryEscape(next), cookie: cookie}, 303)
		if want == "" {
			want = "/konto/start"
		}
		if got := a.Header.Get("Location"); got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestRequestsFromElsewhereChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	cookie := b.signIn("klett")
	for name, header := range map[string]map[string]string{
		"cross-site":      {"Sec-Fetch-Site": "cross-site"},
		"sibling site":    {"Sec-Fetch-Site": "same-site"},
		"null origin":     {"Sec-Fetch-Site": "", "Origin": "null"},
		"another origin":  {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		"neither of both": {"Sec-Fetch-Site": ""},
	} {
		a := b.do(ask{method: "POST", path: "/konto/abmelden", cookie: cookie, form: url.Values{}, header: header})
		if a.StatusCode != 403 {
			t.Errorf("%s: %d, want 403", name, a.StatusCode)
		}
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200)
}

// A database that does not answer is 503 and never looks like "not signed in".
func TestWithoutItsDatabaseTheDirectorySaysSo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(devstack.TempDir(t), "pg"), Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	if err := server.CreateDatabase(ctx, "directory"); err != nil {
		t.Fatal(err)
	}
	b := bareAt(t, nil, server.SocketURL("directory"), nil)
	b.fill("klett")
	cookie := b.signIn("klett")
	if err := server.Crash(ctx); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]ask{
		"token":   {path: "/api/directory/v1/me", as: "klett"},
		"cookie":  {path: "/api/directory/v1/me", cookie: cookie},
		"page":    {path: "/konto", cookie: cookie},
		"sign-in": {method: "POST", path: "/konto/anmelden", form: url.Values{"email": {"klett@example.org"}, "password": {password}, "code": {"1"}}},
	} {
		if got := b.do(a); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q; want 503", name, got.StatusCode, got.Header.Get("Retry-After"))
		}
	}
	b.want(ask{path: "/konto/anmelden"}, 200)
	b.want(ask{path: "/livez"}, 200)
	b.want(ask{path: "/readyz"}, 503)
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 10*time.Second, "working again", func() bool {
		return b.do(ask{path: "/api/directory/v1/me", cookie: cookie}).StatusCode == 200
	})
}
