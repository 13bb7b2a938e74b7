// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/thueringencert/leitstelle/shared/session"
)

// firstDevice is an authenticator that made a passkey for an invitation, and its
// answer.
func (w *browser) firstDevice(path, password string) (*device, string) {
	w.t.Helper()
	asked := w.local(path+"/passkey", url.Values{"password": {password}})
	o, err := virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + asked.body + `}`)
	if err != nil {
		w.t.Fatalf("%d %s: %v", asked.StatusCode, asked.body, err)
	}
	d := &device{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(o.UserID)}), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	answer := virtualwebauthn.CreateAttestationResponse(site, d.Authenticator, d.key, *o)
	d.AddCredential(d.key)
	return d, answer
}

func TestSomebodyInvitedTakesAPasskeyInsteadOfAnApp(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "chefin")
	b.inviteAs("chefin", "neu", "16071043", "officer")
	path := "/konto/einladung/" + b.invited("neu@example.org")
	w := b.browser()
	if body := w.local(path, nil).body; !strings.Contains(body, "data-passkey-start") || !strings.Contains(body, `name="code"`) {
		t.Errorf("the page does not offer both: %.3000s", body)
	}
	if body := w.get(path).body; strings.Contains(body, "data-passkey-start") || !strings.Contains(body, site.Origin+path) {
		t.Error("a passkey is offered where browsers take none, or it is not said where they do")
	}
	if a := w.local(path+"/passkey", url.Values{"password": {"kurz"}}); a.StatusCode != 422 {
		t.Errorf("a passkey beside a bad password: %d, want 422", a.StatusCode)
	}
	d, answer := w.firstDevice(path, good)
	w.local(path, url.Values{"password": {good}, "credential": {answer}}).wantTo(t, "/konto/sicherheit/notfallcodes")
	codes := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}`).FindAllString(w.local("/konto/sicherheit/notfallcodes", nil).body, -1)
	if !w.signedIn() || len(codes) != 10 {
		t.Fatalf("signed in %v with %d recovery codes, want 10", w.signedIn(), len(codes))
	}
	if n := b.count(`SELECT count(*) FROM account WHERE person = (SELECT id FROM person WHERE email = 'neu@example.org') AND length(totp_sealed) = 0`); n != 1 {
		t.Error("there is an app")
	}
	other := b.browser()
	other.local("/konto/anmelden/passkey", url.Values{"credential": {d.sign(other, site)}}).wantTo(t, "/konto/start")
	if !other.signedIn() {
		t.Error("the passkey does not sign in")
	}
	b.clock.pass(time.Minute)
	if a := b.tryToSignIn("neu@example.org", good, codes[0]); a.StatusCode != 303 {
		t.Errorf("password and recovery code: %d", a.StatusCode)
	}
	if a := b.browser().local(path, nil); a.StatusCode != 404 {
		t.Errorf("the used link: %d, want 404", a.StatusCode)
	}
	b.chain()
}

func TestAFirstPasskeyThatDoesNotHoldMakesNobody(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "chefin", "klett")
	b.inviteAs("chefin", "neu", "16071043", "officer")
	b.inviteAs("chefin", "zwei", "16071043", "officer")
	b.inviteAs("chefin", "klett", "16071043", "org_admin")
	path, second := "/konto/einladung/"+b.invited("neu@example.org"), "/konto/einladung/"+b.invited("zwei@example.org")
	w := b.browser()
	_, ofSecond := w.firstDevice(second, good)
	if a := w.local(path, url.Values{"password": {good}, "credential": {ofSecond}}); a.StatusCode != 422 {
		t.Errorf("begun for another invitation: %d, want 422", a.StatusCode)
	}
	_, answer := w.firstDevice(path, good)
	if a := b.browser().local(path, url.Values{"password": {good}, "credential": {answer}}); a.StatusCode != 422 {
		t.Errorf("in another browser: %d, want 422", a.StatusCode)
	}
	if a := w.local(path, url.Values{"password": {"kurz"}, "credential": {answer}}); a.StatusCode != 422 || !strings.Contains(a.body, "Nehmen Sie mindestens 12 Zeichen") || strings.Contains(a.body, "Der Code stimmt nicht") {
		t.Errorf("with a short password: %d, want 422", a.StatusCode)
	}
	for _, junk := range []string{"x", "{}", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		w.firstDevice(path, good)
		if a := w.local(path, url.Values{"password": {good}, "credential": {junk}}); a.StatusCode != 422 {
			t.Errorf("%q: %d, want 422", junk, a.StatusCode)
		}
	}
	for name, got := range map[string]int{
		"an invented link":                b.browser().local("/konto/einladung/"+strings.Repeat("A", 43)+"/passkey", url.Values{"password": {good}}).StatusCode,
		"somebody who has an account":     b.browser().local("/konto/einladung/"+b.invited("klett@example.org")+"/passkey", url.Values{"password": {good}}).StatusCode,
		"where browsers take no passkeys": b.browser().post(path+"/passkey", url.Values{"password": {good}}).StatusCode,
	} {
		if got != 404 {
			t.Errorf("%s: %d, want 404", name, got)
		}
	}
	if n := b.count(`SELECT count(*) FROM person WHERE email IN ('neu@example.org', 'zwei@example.org')`) + b.count(`SELECT count(*) FROM passkey`); n != 0 || w.cookies[session.Cookie] != "" {
		t.Errorf("%d people and passkeys were made, want none", n)
	}
	b.chain()
}
