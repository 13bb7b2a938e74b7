// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

var site = virtualwebauthn.RelyingParty{ID: "localhost", Name: "ThüringenCERT", Origin: "http://localhost:8080"}

// device is an authenticator with one passkey.
type device struct {
	virtualwebauthn.Authenticator
	key virtualwebauthn.Credential
}

func withPasskeys(t *testing.T, names ...string) *bench {
	t.Helper()
	db, dbURL := devstack.NewDB(t, directory.Migrations()...)
	b := bareAt(t, db, dbURL, nil, func(c *directory.Config) { c.Site.URL = site.Origin })
	b.fill(names...)
	return b
}

// local sends the request to the address that passkeys are bound to.
func (w *browser) local(path string, form url.Values) answer {
	w.t.Helper()
	a := ask{path: path, host: "localhost:8080"}
	if form != nil {
		a.method, a.form = "POST", form
	}
	return w.send(a)
}

// register makes a passkey for the person through the pages.
func (b *bench) register(w *browser, person, name string) *device {
	b.t.Helper()
	d := &device{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(b.people[person].ID)}), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	asked := w.local("/konto/sicherheit/passkeys/anfrage", url.Values{})
	o, err := virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + asked.body + `}`)
	if err != nil {
		b.t.Fatalf("%d %s: %v", asked.StatusCode, asked.body, err)
	}
	if !strings.Contains(asked.body, `"residentKey":"required"`) || !strings.Contains(asked.body, `"userVerification":"required"`) {
		b.t.Errorf("options: %s", asked.body)
	}
	answer := virtualwebauthn.CreateAttestationResponse(site, d.Authenticator, d.key, *o)
	w.local("/konto/sicherheit/passkeys", url.Values{"name": {name}, "credential": {answer}}).wantTo(b.t, "/konto/sicherheit")
	if f := w.flash(); f != "directory.signin.passkey.added" {
		b.t.Fatalf("adding a passkey says %q", f)
	}
	d.AddCredential(d.key)
	return d
}

// sign answers the site's question with the device's passkey.
func (d *device) sign(w *browser, rp virtualwebauthn.RelyingParty) string {
	w.t.Helper()
	asked := w.local("/konto/passkeys/anfrage", url.Values{})
	o, err := virtualwebauthn.ParseAssertionOptions(`{"publicKey":` + asked.body + `}`)
	if err != nil {
		w.t.Fatalf("%d %s: %v", asked.StatusCode, asked.body, err)
	}
	d.key.Counter++
	return virtualwebauthn.CreateAssertionResponse(rp, d.Authenticator, d.key, *o)
}

func TestAPasskeyIsBothFactors(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "klett")
	owner := b.browser()
	owner.enter("klett")
	d := b.register(owner, "klett", "Dienst-Laptop")
	if body := owner.local("/konto/sicherheit", nil).body; !strings.Contains(body, "Dienst-Laptop") {
		t.Error("the passkey is not on the page")
	}
	w := b.browser()
	w.local("/konto/anmelden/passkey", url.Values{"credential": {d.sign(w, site)}, "next": {"/melden"}}).wantTo(t, "/melden")
	if !w.signedIn() {
		t.Fatal("not signed in")
	}
	if n := b.count(`SELECT count(*) FROM session WHERE way = 'passkey'`); n != 1 {
		t.Errorf("sessions by passkey: %d, want 1", n)
	}
	b.clock.pass(16 * time.Minute)
	w.local("/konto/bestaetigen/passkey", url.Values{"credential": {d.sign(w, site)}, "next": {"/konto/sicherheit/app"}}).wantTo(t, "/konto/sicherheit/app")
	if a := w.local("/konto/sicherheit/app", nil); a.StatusCode != 200 {
		t.Errorf("after the step-up: %d", a.StatusCode)
	}
	b.chain()
}

func TestAPasskeyThatDoesNotHoldSignsNobodyIn(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "klett", "chefin")
	owner := b.browser()
	owner.enter("klett")
	d := b.register(owner, "klett", "x")
	stranger := &device{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(b.people["klett"].ID)}), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	asOther := *d
	asOther.Options.UserHandle = []byte(b.people["chefin"].ID)
	unverified := *d
	unverified.Options.UserNotVerified = true
	evil := virtualwebauthn.RelyingParty{ID: "localhost", Origin: "https://evil.example"}
	otherSite := virtualwebauthn.RelyingParty{ID: "evil.example", Origin: site.Origin}
	var first string
	for name, try := range map[string]struct {
		d  *device
		rp virtualwebauthn.RelyingParty
	}{
		"an unknown passkey":     {stranger, site},
		"for another person":     {&asOther, site},
		"without verifying":      {&unverified, site},
		"made at another origin": {d, evil},
		"made for another site":  {d, otherSite},
	} {
		w := b.browser()
		a := w.local("/konto/anmelden/passkey", url.Values{"credential": {try.d.sign(w, try.rp)}})
		if first == "" {
			first = a.body
		}
		if a.StatusCode != 401 || w.signedIn() || a.body != first {
			t.Errorf("%s: %d, same body %v", name, a.StatusCode, a.body == first)
		}
	}
	w := b.browser()
	answer := d.sign(w, site)
	other := b.browser()
	if a := other.local("/konto/anmelden/passkey", url.Values{"credential": {answer}}); a.StatusCode != 401 {
		t.Errorf("in another browser: %d, want 401", a.StatusCode)
	}
	kept := w.cookies["__Host-leitstelle-ask"]
	w.local("/konto/anmelden/passkey", url.Values{"credential": {answer}}).wantTo(t, "/konto/start")
	again := b.browser()
	again.cookies["__Host-leitstelle-ask"] = kept
	if a := again.local("/konto/anmelden/passkey", url.Values{"credential": {answer}}); a.StatusCode != 401 {
		t.Errorf("the same answer again: %d, want 401", a.StatusCode)
	}
	for _, junk := range []string{"", "x", "{}", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		x := b.browser()
		d.sign(x, site)
		if a := x.local("/konto/anmelden/passkey", url.Values{"credential": {junk}}); a.StatusCode != 401 {
			t.Errorf("%q: %d, want 401", junk, a.StatusCode)
		}
	}
	b.chain()
}

// A counter that runs backwards means that there may be a copy: it is written
// down and shown to the owner.
func TestACopiedPasskeyIsNoticed(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "klett")
	owner := b.browser()
	owner.enter("klett")
	d := b.register(owner, "klett", "x")
	w := b.browser()
	d.key.Counter = 9
	w.local("/konto/anmelden/passkey", url.Values{"credential": {d.sign(w, site)}}).wantTo(t, "/konto/start")
	d.key.Counter = 3
	w = b.browser()
	w.local("/konto/anmelden/passkey", url.Values{"credential": {d.sign(w, site)}}).wantTo(t, "/konto/start")
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'passkey.counter' AND result = 'failed'`); n != 1 {
		t.Errorf("warnings in the audit: %d, want 1", n)
	}
	if body := owner.local("/konto/sicherheit", nil).body; !strings.Contains(body, "könnte es eine Kopie geben") {
		t.Error("the page does not warn")
	}
	b.chain()
}

func TestPasskeysAreNamedAndRemovedButNotTheLastWayIn(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "klett", "chefin")
	w := b.browser()
	w.enter("klett")
	b.register(w, "klett", "x")
	var id string
	if err := b.db.Get(&id, `SELECT id FROM passkey`); err != nil {
		t.Fatal(err)
	}
	other := b.browser()
	other.enter("chefin")
	for _, path := range []string{"/konto/sicherheit/passkeys/" + id, "/konto/sicherheit/passkeys/" + id + "/entfernen"} {
		if a := other.local(path, url.Values{"name": {"evil"}}); a.StatusCode != 404 {
			t.Errorf("somebody else: %d, want 404", a.StatusCode)
		}
	}
	w.local("/konto/sicherheit/passkeys/"+id, url.Values{"name": {"<b>Neu</b>"}}).wantTo(t, "/konto/sicherheit")
	if body := w.local("/konto/sicherheit", nil).body; strings.Contains(body, "<b>Neu</b>") || !strings.Contains(body, "&lt;b&gt;Neu") {
		t.Error("the name is not escaped")
	}
	w.local("/konto/sicherheit/app/entfernen", url.Values{}).wantTo(t, "/konto/sicherheit") // the passkey remains
	w.flash()
	w.local("/konto/sicherheit/passkeys/"+id+"/entfernen", url.Values{}).wantTo(t, "/konto/sicherheit")
	if f := w.flash(); f != "directory.signin.last" {
		t.Errorf("removing the last way in says %q", f)
	}
	if n := b.count(`SELECT count(*) FROM passkey`); n != 1 {
		t.Errorf("%d passkeys, want 1", n)
	}
	b.chain()
}

func TestPasskeysAreOfferedOnlyWhereBrowsersTakeThem(t *testing.T) {
	t.Parallel()
	b := withPasskeys(t, "klett")
	for host, offered := range map[string]bool{"localhost:8080": true, "127.0.0.1:8080": false} {
		a := b.do(ask{path: "/konto/anmelden", host: host})
		if got := strings.Contains(a.body, "data-passkey"); got != offered {
			t.Errorf("%s: offered %v, want %v", host, got, offered)
		}
	}
}
