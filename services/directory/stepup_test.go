// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/session"
)

// A step-up gives the browser another session; the one before is dead at once,
// so that a stolen cookie does not get the fresh confirmation with it.
func TestAStepUpRotatesTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	old := w.cookies[session.Cookie]
	b.clock.pass(16 * time.Minute)
	token := func() answer {
		return w.post("/konto/tokens", url.Values{"name": {"x"}, "expires_at": {"9"}, "key": {event.NewID()}})
	}
	if a := token(); a.StatusCode != 403 || !strings.Contains(a.body, "/konto/bestaetigen?next=") {
		t.Errorf("a token after 16 minutes: %d", a.StatusCode)
	}
	w.get("/konto/sicherheit/app").wantTo(t, "/konto/bestaetigen?next=%2Fkonto%2Fsicherheit%2Fapp")
	if body := w.get("/konto/bestaetigen?next=/konto/sicherheit/app").body; !strings.Contains(body, `name="password"`) || !strings.Contains(body, `value="/konto/sicherheit/app"`) {
		t.Errorf("the page: %.2000s", body)
	}
	for name, form := range map[string]url.Values{
		"wrong password": {"password": {wrong}, "code": {b.code()}},
		"wrong code":     {"password": {password}, "code": {"000000"}},
		"code alone":     {"code": {b.code()}},
	} {
		if a := w.post("/konto/bestaetigen", form); a.StatusCode != 401 || w.cookies[session.Cookie] != old {
			t.Errorf("%s: %d, another cookie %v", name, a.StatusCode, w.cookies[session.Cookie] != old)
		}
	}
	w.post("/konto/bestaetigen", url.Values{"password": {password}, "code": {b.code()}, "next": {"/konto/sicherheit/app"}}).wantTo(t, "/konto/sicherheit/app")
	if w.cookies[session.Cookie] == old {
		t.Fatal("the cookie stays")
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: old}, 401)
	if a := token(); a.StatusCode != 303 {
		t.Errorf("a token after the step-up: %d", a.StatusCode)
	}
	if n := b.count(`SELECT count(*) FROM session WHERE ended_at IS NULL AND expires_at = (SELECT min(expires_at) FROM session)`); n != 1 {
		t.Error("the step-up made the session live longer")
	}
	b.chain()
}

func TestAStepUpTakesEachCodeOnceAndFewTries(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	if a := w.post("/konto/bestaetigen", url.Values{"password": {password}, "code": {b.code()}}); a.StatusCode != 401 {
		t.Errorf("the code of the sign-in again: %d, want 401", a.StatusCode)
	}
	for range 4 {
		w.post("/konto/bestaetigen", url.Values{"password": {wrong}, "code": {"1"}})
	}
	b.clock.pass(30 * time.Second)
	if a := w.post("/konto/bestaetigen", url.Values{"password": {password}, "code": {b.code()}}); a.StatusCode != 429 {
		t.Errorf("after five wrong ones: %d, want 429", a.StatusCode)
	}
	if !w.signedIn() {
		t.Error("the session ended")
	}
	if a := b.tryToSignIn("klett@example.org", password, b.code()); a.StatusCode != 429 {
		t.Errorf("a sign-in of the same account: %d, want 429: the limit is one", a.StatusCode)
	}
}

func TestAStepUpLeadsOnlyToOwnAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	for _, next := range []string{"//evil.example", `/\evil.example`, "/%5cevil.example", "https:evil.example", "/\t/evil.example", "https://evil.example", "javascript:alert(1)"} {
		b.clock.pass(30 * time.Second)
		w.post("/konto/bestaetigen", url.Values{"password": {password}, "code": {b.code()}, "next": {next}}).wantTo(t, "/konto/sicherheit")
	}
}

func TestATokenChangesNothingThatItsOwnerSignsInWith(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	for _, path := range []string{"/konto/sicherheit/passwort", "/konto/sicherheit/app", "/konto/sicherheit/app/entfernen", "/konto/sicherheit/notfallcodes", "/konto/bestaetigen"} {
		b.want(ask{method: "POST", path: path, as: "klett", form: url.Values{"password": {good}, "code": {b.code()}}}, 403)
	}
	if n := b.count(`SELECT count(*) FROM account WHERE password_at IS NOT NULL OR totp_at IS NOT NULL`); n != 0 {
		t.Error("a token changed something")
	}
}

func TestRecoveryCodesCountOnceAndNewOnesVoidTheOld(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin")
	w := b.browser()
	w.enter("klett")
	w.post("/konto/sicherheit/notfallcodes", url.Values{}).wantTo(t, "/konto/sicherheit/notfallcodes")
	form := regexp.MustCompile(`<code class="num">([0-9A-Z-]{19})</code>`)
	codes := func() []string {
		var out []string
		for _, m := range form.FindAllStringSubmatch(w.get("/konto/sicherheit/notfallcodes").body, -1) {
			out = append(out, m[1])
		}
		return out
	}
	first := codes()
	if len(first) != 10 {
		t.Fatalf("%d codes, want 10", len(first))
	}
	if n := b.count(`SELECT count(*) FROM recovery_code WHERE encode(sum, 'escape') LIKE '%' || $1 || '%'`, first[0]); n != 0 {
		t.Error("a code is stored in the clear")
	}
	if a := b.tryToSignIn("chefin@example.org", password, first[0]); a.StatusCode != 401 {
		t.Errorf("somebody else's code: %d, want 401", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", wrong, first[0]); a.StatusCode != 401 {
		t.Errorf("with a wrong password: %d, want 401", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", password, strings.ToLower(strings.ReplaceAll(first[0], "-", " "))); a.StatusCode != 303 {
		t.Fatalf("a code in small letters with blanks: %d, want 303", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", password, first[0]); a.StatusCode != 401 {
		t.Errorf("the same code again: %d, want 401", a.StatusCode)
	}
	if path := b.linkOf("recovery_used", "klett@example.org"); path != "/konto/sicherheit" {
		t.Errorf("the notice leads to %q", path)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'account.recovery'`); n != 1 {
		t.Errorf("uses in the audit: %d, want 1", n)
	}
	w.post("/konto/sicherheit/notfallcodes", url.Values{})
	if a := b.tryToSignIn("klett@example.org", password, first[1]); a.StatusCode != 401 {
		t.Errorf("a code of the old set: %d, want 401", a.StatusCode)
	}
	if a := b.tryToSignIn("klett@example.org", password, codes()[1]); a.StatusCode != 303 {
		t.Errorf("a code of the new set: %d", a.StatusCode)
	}
	b.chain()
}

func TestChangingThePasswordEndsAllOtherSessionsAndTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	other := b.signIn("klett")
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 200)
	w := b.browser()
	w.enter("klett")
	for name, p := range map[string]string{"short": "kurz", "common": "passwort123456", "a walk over the keys": "qwertzuiopasdf", "one letter": "aaaaaaaaaaaaaaa", "the name": "KlettBeispiel1", "the system": "Leitstelle2026!"} {
		if a := w.post("/konto/sicherheit/passwort", url.Values{"password": {p}}); a.StatusCode != 422 {
			t.Errorf("%s: %d, want 422", name, a.StatusCode)
		}
	}
	w.post("/konto/sicherheit/passwort", url.Values{"password": {good}}).wantTo(t, "/konto/sicherheit")
	b.want(ask{path: "/api/directory/v1/me", cookie: other}, 401)
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 401)
	if !w.signedIn() {
		t.Error("the own session ended, too")
	}
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", password, b.code()); a.StatusCode != 401 {
		t.Errorf("the old password: %d, want 401", a.StatusCode)
	}
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", good, b.code()); a.StatusCode != 303 {
		t.Errorf("the new password: %d", a.StatusCode)
	}
	b.chain()
}

func TestTheLastSecondFactorStays(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	w.post("/konto/sicherheit/app/entfernen", url.Values{}).wantTo(t, "/konto/sicherheit")
	if f := w.flash(); f != "directory.signin.last" {
		t.Errorf("removing the last factor says %q", f)
	}
	if n := b.count(`SELECT count(*) FROM account WHERE length(totp_sealed) > 0`); n != 1 {
		t.Error("the app is gone")
	}
}

func TestANewAppReplacesTheOldOne(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	secret := secretOn(t, w.get("/konto/sicherheit/app").body)
	if a := w.post("/konto/sicherheit/app", url.Values{"code": {"000000"}}); a.StatusCode != 422 || secretOn(t, a.body) != secret {
		t.Errorf("a wrong code: %d; the secret must stay", a.StatusCode)
	}
	w.post("/konto/sicherheit/app", url.Values{"code": {b.codeOf(secret)}}).wantTo(t, "/konto/sicherheit")
	if secretOn(t, w.get("/konto/sicherheit/app").body) == secret {
		t.Error("the same secret is offered again")
	}
	if a := b.tryToSignIn("klett@example.org", password, b.codeOf(secret)); a.StatusCode != 401 {
		t.Errorf("the code of the enrolment signs in: %d", a.StatusCode)
	}
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("klett@example.org", password, b.codeOf(secret)); a.StatusCode != 303 {
		t.Errorf("the new app: %d", a.StatusCode)
	}
}
