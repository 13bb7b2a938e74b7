// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// device is the browser's own authenticator: Chromium's, but without a finger.
type device struct {
	*tab
	id webauthn.AuthenticatorID
}

// newDevice opens a tab where browsers take passkeys – at a name, not at an IP
// address – with an authenticator that keeps passkeys and verifies its user.
func newDevice(t *testing.T, w *world, width int64) device {
	t.Helper()
	b := newNamedTab(t, w, width)
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	b.check(err)
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	b.check(err)
	return device{b, made.AuthenticatorID}
}

// newNamedTab is a tab at the name of the own machine.
func newNamedTab(t *testing.T, w *world, width int64) *tab {
	t.Helper()
	b := newTab(t, w, width, 900)
	b.mu.Lock()
	b.bases = []string{strings.Replace(w.Demo.URL, "127.0.0.1", "localhost", 1)}
	b.mu.Unlock()
	return b
}

// verifies sets whether the person shows finger, face or PIN, or does not.
func (d device) verifies(yes bool) {
	d.t.Helper()
	_, err := chromedp.Call(d.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes})
	d.check(err)
}

// keys is how many passkeys the device has.
func (d device) keys() int {
	d.t.Helper()
	got, err := chromedp.Call(d.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id})
	d.check(err)
	return len(got.Credentials)
}

// reach presses Tab until the element has the focus.
func (b *tab) reach(selector string) {
	b.t.Helper()
	for range 80 {
		if b.js(`document.activeElement?.matches(` + quote(selector) + `) ?? false`) {
			return
		}
		b.press(kb.Tab)
	}
	b.t.Fatalf("the keyboard does not reach %s\n%s", selector, b.where())
}

// enter presses Enter on what the keyboard reaches and waits for another page.
func (b *tab) enter(selector, at string) {
	b.t.Helper()
	b.reach(selector)
	b.js(`(window.leitstelleOld = true)`)
	b.press(kb.Enter)
	b.want("Enter on "+selector+" leads to "+at, `!window.leitstelleOld && document.readyState === 'complete' && location.pathname === `+quote(at))
}

// signsIn signs somebody in by the form, with the keyboard alone.
func (b *tab) signsIn(p standalone.DemoPerson) {
	b.t.Helper()
	b.open("/konto/anmelden")
	for _, f := range [][2]string{{"[name=email]", p.Email}, {"[name=password]", p.Password}, {"[name=code]", b.w.totp(b.t, p)}} {
		b.reach(f[0])
		b.press(f[1])
	}
	b.js(`(window.leitstelleOld = true)`)
	b.press(kb.Enter)
	b.want("signed in", `!window.leitstelleOld && document.readyState === 'complete' && document.querySelector('form[action$="/konto/abmelden"]')`)
}

// signsOut signs out by the menu.
func (b *tab) signsOut() {
	b.t.Helper()
	b.reach(`details:has(form[action$="/konto/abmelden"]) summary`)
	b.press(kb.Enter)
	b.enter(`form[action$="/konto/abmelden"] button`, "/konto/anmelden")
}

// A passkey is made, signs in alone, confirms and is removed, by the keyboard
// alone and in a real browser.
func TestAPasskeyInTheBrowserByKeyboardAlone(t *testing.T) {
	w := shared(t)
	suhl := w.named(t, "it@suhl.example")
	b := newDevice(t, w, 1440)
	b.signsIn(suhl)
	b.open("/konto/sicherheit")
	b.accessible("/konto/sicherheit")
	b.enter(`a[href="/konto/sicherheit/passkeys"]`, "/konto/sicherheit/passkeys")
	b.accessible("the page of a new passkey")
	b.reflows("the page of a new passkey")
	b.shot("passkey-neu")
	b.reach(`[name=name]`)
	b.press("Dienst-Laptop")
	b.enter(`form[data-passkey] button`, "/konto/sicherheit")
	if !b.has("Der Passkey ist eingerichtet.") || !b.has("Dienst-Laptop") || b.keys() != 1 {
		t.Fatalf("%d passkeys\n%s", b.keys(), b.where())
	}
	b.accessible("/konto/sicherheit with a passkey")
	b.reflows("/konto/sicherheit with a passkey")
	b.shot("passkey-da")
	b.signsOut()
	b.shot("passkey-anmelden")
	b.enter(`form[data-passkey] button`, "/")
	b.want("signed in by the passkey alone", `document.querySelector('form[action$="/konto/abmelden"]')`)

	b.open("/konto/bestaetigen?next=/konto/sicherheit/notfallcodes")
	b.accessible("the step-up page")
	b.shot("passkey-bestaetigen")
	b.enter(`form[data-passkey] button`, "/konto/sicherheit/notfallcodes")

	b.open("/konto/sicherheit")
	b.enter(`form[action^="/konto/sicherheit/passkeys/"][action$="/entfernen"] button`, "/konto/sicherheit")
	if !b.has("Der Passkey ist entfernt.") || b.has("Dienst-Laptop") {
		t.Errorf("not removed\n%s", b.where())
	}
	b.signsOut()
	b.enter(`form[data-passkey] button`, "/konto/anmelden/passkey")
	if !b.has("Der Passkey wurde nicht angenommen") || b.js(`Boolean(document.querySelector('form[action$="/konto/abmelden"]'))`) {
		t.Errorf("the removed passkey: %s", b.where())
	}
}

// What is cancelled, or is there already, is said beside the button, and what
// to do instead; the page stays and the next try works.
func TestACancelledPasskeySaysWhatToDoInstead(t *testing.T) {
	w := shared(t)
	weimar := w.named(t, "it@weimar.example")
	b := newDevice(t, w, 390)
	says := func(where, selector, words string) {
		t.Helper()
		b.want(where+" says so", `(e => e && e.checkVisibility() && e.innerText.includes(`+quote(words)+`) && document.activeElement === e)(document.querySelector(`+quote(selector)+`))`)
	}
	b.open("/konto/anmelden")
	if b.js(`[...document.querySelectorAll('[data-passkey-none],[data-passkey-failed]')].some(e => e.checkVisibility())`) {
		t.Errorf("a message before anything happened: %s", b.where())
	}
	b.reach(`form[data-passkey] button`)
	b.verifies(false)
	b.press(kb.Enter)
	says("the sign-in page", `[data-passkey-failed]`, "Ohne Telefon geht ein Notfallcode")
	b.accessible("the sign-in page after a cancelled passkey")
	b.reflows("the sign-in page after a cancelled passkey")
	b.shot("passkey-abgebrochen")
	b.signsIn(weimar)
	b.open("/konto/sicherheit/passkeys")
	b.reach(`form[data-passkey] button`)
	b.press(kb.Enter)
	says("the page of a new passkey", `[data-passkey-failed]`, "Es wurde kein Passkey angelegt")
	b.accessible("a new passkey that was cancelled")
	if b.keys() != 0 {
		t.Errorf("%d passkeys, want none", b.keys())
	}
	b.verifies(true)
	b.enter(`form[data-passkey] button`, "/konto/sicherheit")
	b.open("/konto/sicherheit/passkeys")
	b.reach(`form[data-passkey] button`)
	b.press(kb.Enter)
	says("a second one on the same device", `[data-passkey-known]`, "schon einen Passkey")
	b.open("/konto/sicherheit")
	b.enter(`form[action^="/konto/sicherheit/passkeys/"][action$="/entfernen"] button`, "/konto/sicherheit")
}

// A browser without passkeys, or without scripts, shows no button that does
// nothing, but the way with the app and a recovery code.
func TestWithoutPasskeysThePagesSayHowItGoesOn(t *testing.T) {
	w := shared(t)
	for name, off := range map[string]func(*tab){
		"an old browser": func(b *tab) {
			_, err := chromedp.Call(b.ctx, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{Source: `delete window.PublicKeyCredential`})
			b.check(err)
		},
		"without scripts": (*tab).withoutScript,
	} {
		t.Run(name, func(t *testing.T) {
			for _, width := range []int64{390, 1440} {
				b := newNamedTab(t, w, width)
				off(b)
				b.open("/konto/anmelden")
				if !b.has("Dieser Browser kann hier keine Passkeys benutzen") || b.js(`[...document.querySelectorAll('form[data-passkey]')].some(f => f.checkVisibility())`) {
					t.Errorf("%s", b.where())
				}
				b.accessible("the sign-in page of " + name)
				b.reflows("the sign-in page of " + name)
				b.shot("passkey-keiner")
				if status := b.follow(`a[href="/konto/anmelden?notfall=1"]`); status != http.StatusOK || !b.has("Notfallcode") {
					t.Errorf("the way with a recovery code: %d", status)
				}
			}
		})
	}
}

// invite asks somebody in and returns the path of the mailed link.
func (w *world) invite(t *testing.T, email string) string {
	t.Helper()
	must(t, w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/people", http.StatusCreated, map[string]any{
		"name": "Nele Neu", "email": email, "memberships": []map[string]string{{"organisation": "16054000", "role": "officer"}},
	}, nil, "Idempotency-Key", newKey())
	var path string
	devstack.Eventually(t, 20*time.Second, "the invitation of "+email, func() bool {
		for _, m := range w.Mail.Messages(email) {
			path = regexp.MustCompile(`/konto/einladung/[\w-]{43}`).FindString(m.Text())
		}
		return path != ""
	})
	return path
}

// Somebody new takes a passkey instead of an app, by the keyboard alone: a bad
// password is said before the device makes anything, the recovery codes come
// either way, and the passkey signs in.
func TestSomebodyInvitedTakesAPasskeyInTheBrowser(t *testing.T) {
	w := shared(t)
	path := w.invite(t, "nele.neu@suhl.example")
	for _, width := range []int64{390, 1440} {
		quiet := newNamedTab(t, w, width)
		quiet.withoutScript()
		quiet.open(path)
		if quiet.js(`[...document.querySelectorAll('[data-passkey-part]')].some(e => e.checkVisibility())`) || !quiet.js(`Boolean(document.querySelector('[name=code]'))`) {
			t.Errorf("without scripts: %s", quiet.where())
		}
		quiet.accessible("an invitation without scripts")
		quiet.reflows("an invitation without scripts")
		quiet.shot("einladung-ohne-" + fmt.Sprint(width))
	}
	plain := newTab(t, w, 390, 900)
	plain.open(path)
	if plain.js(`Boolean(document.querySelector('[data-passkey-start]'))`) || !plain.has("Diese Seite dort öffnen") {
		t.Errorf("at an IP address: %s", plain.where())
	}
	plain.accessible("an invitation where there are no passkeys")
	plain.reflows("an invitation where there are no passkeys")
	b := newDevice(t, w, 390)
	b.mu.Lock()
	b.documents[b.bases[0]+path+"/passkey"] = true // its 422 is this test's business
	b.mu.Unlock()
	b.open(path)
	b.accessible("an invitation")
	b.reflows("an invitation")
	b.shot("einladung-390")
	b.reach(`[name=password]`)
	b.press("kurz")
	b.enter(`[data-passkey-start]`, path)
	if !b.has("Nehmen Sie mindestens 12 Zeichen") || b.has("Der Code stimmt nicht") || b.keys() != 0 {
		t.Errorf("a short password, %d passkeys: %s", b.keys(), b.where())
	}
	b.accessible("an invitation with a mistake")
	b.size(1440, 900)
	b.reach(`[name=password]`)
	b.press("vier bunte Wörter im Regen")
	b.verifies(false)
	b.reach(`[data-passkey-start]`)
	b.press(kb.Enter)
	b.want("what to do when it was cancelled", `document.querySelector('[data-passkey-failed]').checkVisibility() && !document.querySelector('[data-passkey-known]').checkVisibility()`)
	b.verifies(true)
	b.enter(`[data-passkey-start]`, "/konto/sicherheit/notfallcodes")
	if !b.js(`document.querySelectorAll('.codes li').length === 10`) || b.keys() != 1 {
		t.Fatalf("%d passkeys: %s", b.keys(), b.where())
	}
	b.accessible("the recovery codes")
	b.signsOut()
	b.enter(`form[data-passkey] button`, "/")
	b.want("signed in by the passkey", `document.querySelector('form[action$="/konto/abmelden"]')`)
}
