// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// Who sees the link of an invitation, before or after, must not know the app's
// secret with it: it is random and offered to one browser.
func TestTheLinkOfAnInvitationDoesNotTellTheSecretOfTheApp(t *testing.T) {
	t.Parallel()
	b := setup(t, "chefin")
	b.inviteAs("chefin", "neu", "16071043", "officer")
	path := "/konto/einladung/" + b.invited("neu@example.org")
	w, thief := b.browser(), b.browser()
	shown, seen := secretOn(t, w.get(path).body), secretOn(t, thief.get(path).body)
	if shown == seen {
		t.Error("two browsers with the link are shown the same secret")
	}
	if again := secretOn(t, w.get(path).body); again != shown {
		t.Error("looking at the page again changes the secret that was scanned")
	}
	for name, try := range map[string]answer{
		"another browser's secret": w.post(path, url.Values{"password": {good}, "code": {b.codeOf(seen)}}),
		"no offer at all":          b.browser().post(path, url.Values{"password": {good}, "code": {b.codeOf(shown)}}),
	} {
		if try.StatusCode != 422 {
			t.Errorf("%s: %d, want 422", name, try.StatusCode)
		}
	}
	b.inviteAs("chefin", "andere", "16071043", "officer")
	other := "/konto/einladung/" + b.invited("andere@example.org")
	if a := w.post(other, url.Values{"password": {good}, "code": {b.codeOf(shown)}}); a.StatusCode != 422 || secretOn(t, a.body) == shown {
		t.Errorf("the secret of one link at another one: %d, want 422 and a new secret", a.StatusCode)
	}
	shown = secretOn(t, w.get(path).body)
	b.clock.pass(time.Hour)
	late := w.post(path, url.Values{"password": {good}, "code": {b.codeOf(shown)}})
	if late.StatusCode != 422 || !strings.Contains(late.body, "Das hat zu lange gedauert") {
		t.Errorf("after an hour: %d %.300s; want 422 and what to do", late.StatusCode, late.body)
	}
	fresh := secretOn(t, late.body)
	w.post(path, url.Values{"password": {good}, "code": {b.codeOf(fresh)}}).wantTo(t, "/konto/sicherheit/notfallcodes")
	b.clock.pass(30 * time.Second)
	if a := b.tryToSignIn("neu@example.org", good, b.codeOf(seen)); a.StatusCode != 401 {
		t.Errorf("the secret that the other browser saw: %d, want 401", a.StatusCode)
	}
	if a := b.tryToSignIn("neu@example.org", good, b.codeOf(fresh)); a.StatusCode != 303 {
		t.Errorf("the secret that was set up: %d, want 303", a.StatusCode)
	}
	for _, v := range w.cookies {
		if strings.Contains(v, fresh) || strings.Contains(path, fresh) {
			t.Error("the secret stands in a cookie or the address in the clear")
		}
	}
	b.chain()
}
