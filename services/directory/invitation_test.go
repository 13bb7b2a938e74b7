// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/thueringencert/leitstelle/shared/event"
)

// invited is the token of the newest invitation that was told to be mailed.
func (b *bench) invited(email string) string {
	b.t.Helper()
	var body string
	if err := b.db.Get(&body, `SELECT body FROM outbox WHERE type = 'directory.person.invited' AND body LIKE '%' || $1 || '%' ORDER BY seq DESC LIMIT 1`, email); err != nil {
		b.t.Fatalf("no invitation of %s: %v", email, err)
	}
	var e struct{ Data event.PersonInvited }
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		b.t.Fatal(err)
	}
	return e.Data.Token
}

// linkOf is the path in the newest notice of a kind.
func (b *bench) linkOf(kind, email string) string {
	b.t.Helper()
	var body string
	if err := b.db.Get(&body, `SELECT body FROM outbox WHERE type = 'directory.notice.wanted' AND body LIKE '%"kind":"' || $1 || '"%' AND body LIKE '%' || $2 || '%' ORDER BY seq DESC LIMIT 1`, kind, email); err != nil {
		b.t.Fatalf("no notice %s to %s: %v", kind, email, err)
	}
	var e struct{ Data event.NoticeWanted }
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		b.t.Fatal(err)
	}
	return e.Data.Path
}

func (b *bench) inviteAs(who, name, organisation string, roles ...string) answer {
	b.t.Helper()
	var ms []map[string]string
	for _, r := range roles {
		ms = append(ms, map[string]string{"organisation": organisation, "role": r})
	}
	return b.do(ask{
		method: "POST", path: "/api/directory/v1/people", as: who, header: map[string]string{"Idempotency-Key": event.NewID()},
		json: map[string]any{"name": "Neu Beispiel", "email": name + "@example.org", "memberships": ms},
	})
}

var secretOf = regexp.MustCompile(`<code class="num">([A-Z2-7 ]+)</code>`)

// secretOn is the TOTP secret that a page offers.
func secretOn(t *testing.T, body string) string {
	t.Helper()
	m := secretOf.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no secret on the page: %.2000s", body)
	}
	return strings.ReplaceAll(m[1], " ", "")
}

func (b *bench) codeOf(secret string) string {
	b.t.Helper()
	c, err := totp.GenerateCode(secret, b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

const good = "vier zufällige Wörter im Regen"

// join accepts the newest invitation of the address with password and app and
// returns the browser and the app's secret.
func (b *bench) join(email string) (*browser, string) {
	b.t.Helper()
	w := b.browser()
	path := "/konto/einladung/" + b.invited(email)
	page := w.get(path)
	secret := secretOn(b.t, page.body)
	w.post(path, url.Values{"password": {good}, "code": {b.codeOf(secret)}}).wantTo(b.t, "/konto/sicherheit/notfallcodes")
	return w, secret
}

func TestSomebodyInvitedSetsUpPasswordAndAppAndIsSignedIn(t *testing.T) {
	t.Parallel()
	b := setup(t, "chefin")
	if a := b.inviteAs("chefin", "neu", "16071043", "officer"); a.StatusCode != 201 || strings.Contains(a.body, b.invited("neu@example.org")) {
		t.Fatalf("invite: %d %s", a.StatusCode, a.body)
	}
	token := b.invited("neu@example.org")
	if n := b.count(`SELECT count(*) FROM invitation WHERE sum = sha256(convert_to('invitation ' || $1, 'UTF8'))`, token); n != 1 {
		t.Errorf("invitations with the token's SHA-256: %d, want 1", n)
	}
	w, secret := b.join("neu@example.org")
	if !w.signedIn() {
		t.Fatal("not signed in")
	}
	page := w.get("/konto/sicherheit/notfallcodes").body
	codes := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}`).FindAllString(page, -1)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes on the page, want 10", len(codes))
	}
	var me struct{ Roles []string }
	w.get("/api/directory/v1/me").decode(t, &me)
	if len(me.Roles) != 1 || me.Roles[0] != "officer" {
		t.Errorf("roles %v, want officer", me.Roles)
	}
	// The link counts once; password and app are good from now on.
	if a := b.browser().get("/konto/einladung/" + token); a.StatusCode != 404 {
		t.Errorf("the used link: %d, want 404", a.StatusCode)
	}
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("neu@example.org", good, b.codeOf(secret)); a.StatusCode != 303 {
		t.Errorf("signing in: %d", a.StatusCode)
	}
	b.clock.pass(11 * time.Minute)
	if body := w.get("/konto/sicherheit/notfallcodes").body; strings.Contains(body, codes[0]) {
		t.Error("the codes are shown after ten minutes")
	}
	b.chain()
}

func TestALinkThatDoesNotHoldMakesNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, "chefin")
	b.inviteAs("chefin", "neu", "16071043", "officer")
	old := b.invited("neu@example.org")
	var made struct{ Items []struct{ ID string } }
	b.want(ask{path: "/api/directory/v1/invitations", as: "chefin"}, 200).decode(t, &made)
	id := made.Items[0].ID
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + id + "/resend", as: "chefin"}, 200)
	fresh := b.invited("neu@example.org")
	late := func() { b.clock.pass(7*24*time.Hour + time.Second) }
	for name, try := range map[string]string{"an old one": old, "an invented one": strings.Repeat("A", 43), "nonsense": "x", "too long": strings.Repeat("A", 4000)} {
		if a := b.browser().post("/konto/einladung/"+try, url.Values{"password": {good}, "code": {"000000"}}); a.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", name, a.StatusCode)
		}
	}
	for name, form := range map[string]url.Values{
		"a wrong code":      {"password": {good}, "code": {"000000"}},
		"a short password":  {"password": {"kurz"}, "code": {b.codeOf(secretOn(t, b.browser().get("/konto/einladung/"+fresh).body))}},
		"a common password": {"password": {"Passwort12345!"}, "code": {"000000"}},
		"their own name":    {"password": {"NeuBeispiel2026"}, "code": {"000000"}},
		"nothing":           {},
	} {
		if a := b.browser().post("/konto/einladung/"+fresh, form); a.StatusCode != 422 && a.StatusCode != 429 {
			t.Errorf("%s: %d, want 422", name, a.StatusCode)
		}
	}
	late()
	if a := b.browser().get("/konto/einladung/" + fresh); a.StatusCode != 404 {
		t.Errorf("after seven days: %d, want 404", a.StatusCode)
	}
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + id + "/resend", as: "chefin"}, 200)
	again := b.invited("neu@example.org")
	b.want(ask{method: "DELETE", path: "/api/directory/v1/invitations/" + id, as: "chefin"}, 204)
	if a := b.browser().get("/konto/einladung/" + again); a.StatusCode != 404 {
		t.Errorf("withdrawn: %d, want 404", a.StatusCode)
	}
	if n := b.count(`SELECT count(*) FROM person WHERE email = 'neu@example.org'`); n != 0 {
		t.Errorf("%d people were made, want none", n)
	}
	b.chain()
}

func TestALinkCountsOnceAlsoAtTheSameMoment(t *testing.T) {
	t.Parallel()
	b := setup(t, "chefin")
	b.inviteAs("chefin", "neu", "16071043", "officer")
	path := "/konto/einladung/" + b.invited("neu@example.org")
	var wg sync.WaitGroup
	in := make([]int, 4)
	browsers, codes := make([]*browser, len(in)), make([]string, len(in))
	for i := range in { // all have it open before the first sends it
		browsers[i] = b.browser()
		codes[i] = b.codeOf(secretOn(t, browsers[i].get(path).body))
	}
	for i, w := range browsers {
		wg.Go(func() { in[i] = w.post(path, url.Values{"password": {good}, "code": {codes[i]}}).StatusCode })
	}
	wg.Wait()
	ok := 0
	for _, s := range in {
		if s == 303 {
			ok++
		}
	}
	if n := b.count(`SELECT count(*) FROM person WHERE email = 'neu@example.org'`); ok != 1 || n != 1 {
		t.Errorf("%v and %d people, want one 303 and one", in, n)
	}
}

func TestSomebodyWithAnAccountGetsTheNewRolesOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd")
	known, unknown := b.inviteAs("fremd", "klett", "16067029", "officer"), b.inviteAs("fremd", "niemand", "16067029", "officer")
	strip := regexp.MustCompile(`"(id|made_at|expires_at|email)":"[^"]*"`)
	if x, y := strip.ReplaceAllString(known.body, ""), strip.ReplaceAllString(unknown.body, ""); x != y {
		t.Errorf("the answers tell who is known: %s, %s", x, y)
	}
	path := "/konto/einladung/" + b.invited("klett@example.org")
	guest := b.browser()
	if body := guest.get(path).body; strings.Contains(body, `name="password"`) {
		t.Error("somebody with an account is offered a new password")
	}
	if a := guest.post(path, url.Values{"password": {good}, "code": {b.code()}}); a.StatusCode == 303 {
		t.Errorf("accepted without signing in: %d", a.StatusCode)
	}
	other := b.browser()
	other.enter("fremd")
	if a := other.post(path, url.Values{}); a.StatusCode == 303 {
		t.Errorf("accepted by somebody else: %d", a.StatusCode)
	}
	w := b.browser()
	w.enter("klett")
	w.post(path, url.Values{}).wantTo(t, "/konto")
	if n := b.count(`SELECT count(*) FROM membership WHERE person = $1`, b.people["klett"].ID); n != 2 {
		t.Errorf("%d memberships, want 2", n)
	}
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", password, b.code()); a.StatusCode != 303 {
		t.Errorf("the old password: %d", a.StatusCode)
	}
	b.chain()
}

// A reset never stands in for both factors: no mailbox alone opens an account.
func TestAResetDoesNotGoRoundTheSecondFactor(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin")
	klett := b.people["klett"]
	reset := func(kind string) string {
		b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/personen/" + klett.ID + "/zuruecksetzen", as: "chefin", form: url.Values{"kind": {kind}}}, 303)
		return b.linkOf(kind+"_reset", "klett@example.org")
	}
	cookie := b.signIn("klett")
	path := reset("password")
	w := b.browser()
	for name, form := range map[string]url.Values{
		"no code":    {"password": {good}},
		"wrong code": {"password": {good}, "second": {"000000"}},
	} {
		if a := w.post(path, form); a.StatusCode != 401 {
			t.Errorf("%s: %d, want 401", name, a.StatusCode)
		}
	}
	b.clock.pass(30 * time.Second)
	w.post(path, url.Values{"password": {good}, "second": {b.code()}}).wantTo(t, "/konto/anmelden")
	if w.signedIn() {
		t.Error("the link signed somebody in")
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401) // all sessions ended
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", good, b.code()); a.StatusCode != 303 {
		t.Errorf("the new password: %d", a.StatusCode)
	}
	path = reset("factor")
	secret := secretOn(t, w.get(path).body)
	if a := w.post(path, url.Values{"password": {wrong}, "code": {b.codeOf(secret)}}); a.StatusCode != 401 {
		t.Errorf("a new app with a wrong password: %d, want 401", a.StatusCode)
	}
	w.post(path, url.Values{"password": {good}, "code": {b.codeOf(secret)}}).wantTo(t, "/konto/anmelden")
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", good, b.code()); a.StatusCode != 401 {
		t.Errorf("the old app: %d, want 401", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", good, b.codeOf(secret)); a.StatusCode != 303 {
		t.Errorf("the new app: %d", a.StatusCode)
	}
	b.chain()
}
