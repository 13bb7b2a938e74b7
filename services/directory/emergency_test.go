// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestASealedEmergencyContactOpensWithAReasonForOneSessionAndTenMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "analyst", "pflege", "kiv")
	at := "/api/directory/v1/organisations/16071043/emergency"
	words := map[string]string{"name": "Nachbarin CANARY", "mobile": "0151 4711", "email": "weg@example.org"}
	b.want(ask{method: "PUT", path: at, as: "klett", json: words}, 428)
	b.want(ask{method: "PUT", path: at, as: "klett", json: map[string]string{"name": "x"}, header: ifMatch("0")}, 422)
	b.want(ask{method: "PUT", path: at, as: "fremd", json: words, header: ifMatch("0")}, 403)
	b.want(ask{method: "PUT", path: at, as: "pflege", json: words, header: ifMatch("0")}, 404)
	b.want(ask{method: "PUT", path: at, as: "klett", json: words, header: ifMatch("0")}, 200)
	b.want(ask{method: "PUT", path: at, as: "klett", json: words, header: ifMatch("0")}, 412)
	if n := b.count(`SELECT count(*) FROM emergency_contact WHERE encode(sealed, 'escape') LIKE '%CANARY%' OR encode(sealed, 'escape') LIKE '%4711%'`); n != 0 {
		t.Fatal("the words lie readable in the database")
	}
	if own := b.want(ask{path: at, as: "chefin"}, 200); !strings.Contains(own.body, "CANARY") {
		t.Error("the organisation does not see its own")
	}
	for as, status := range map[string]int{"fremd": 403, "analyst": 404, "pflege": 404, "kiv": 404} {
		if a := b.want(ask{path: at, as: as}, status); strings.Contains(a.body, "CANARY") {
			t.Errorf("%s reads it without opening", as)
		}
	}
	page := "/verzeichnis/kommunen/16071043/notfall"
	one, two := b.signIn("analyst"), b.signIn("analyst")
	if a := b.want(ask{path: page, cookie: one}, 200); strings.Contains(a.body, "CANARY") || !strings.Contains(a.body, "versiegelt") {
		t.Error("the page does not show a seal")
	}
	b.want(ask{method: "POST", path: page, cookie: one, form: url.Values{"reason": {"kurz"}}}, 422)
	b.want(ask{method: "POST", path: page, cookie: one, form: url.Values{"reason": {"Kommune ist seit heute früh nicht erreichbar"}}}, 303)
	if a := b.want(ask{path: page, cookie: one}, 200); !strings.Contains(a.body, "CANARY") {
		t.Error("opened, and nothing shows")
	}
	if a := b.want(ask{path: page, cookie: two}, 200); strings.Contains(a.body, "CANARY") {
		t.Error("another session of the same person sees it")
	}
	b.clock.pass(10 * time.Minute)
	if a := b.want(ask{path: page, cookie: one}, 200); strings.Contains(a.body, "CANARY") {
		t.Error("ten minutes later it still shows")
	}
	for as, status := range map[string]int{"klett": 404, "fremd": 404, "pflege": 404} {
		b.want(ask{method: "POST", path: at + "/open", as: as, json: map[string]string{"reason": "weil ich es sehen will"}}, status)
	}
	if n := len(b.links("emergency_opened")); n != 2 {
		t.Errorf("%d mails, want one to each of the organisation's two people", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'emergency.open' AND actor = $1 AND encode(body, 'escape') LIKE '%"reason"%'`, b.people["analyst"].ID); n != 1 {
		t.Errorf("%d entries of the opening with its reason, want 1", n)
	}
	if a := b.want(ask{path: "/verzeichnis/stelle/notfall", as: "chefin"}, 200); !strings.Contains(a.body, "seit heute früh nicht erreichbar") {
		t.Error("the organisation does not read why")
	}
	b.clock.pass(16 * time.Minute) // the second factor is no longer fresh
	if a := b.do(ask{path: page, cookie: one}); a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/konto/bestaetigen") {
		t.Errorf("without a fresh second factor: %d %s, want the way to confirm", a.StatusCode, a.Header.Get("Location"))
	}
	b.chain()
}
