// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// follow brings the stages to the facts.
func (b *bench) follow(want int) {
	b.t.Helper()
	n, err := b.StageRound(context.Background())
	if err != nil || n != want {
		b.t.Errorf("%d organisations moved, %v; want %d", n, err, want)
	}
}

func (b *bench) stage(ags string) string {
	b.t.Helper()
	var s string
	if err := b.db.Get(&s, `SELECT coalesce(b.stage, 'none') FROM organisation o LEFT JOIN onboarding b ON b.organisation = o.id WHERE o.ags = $1`, ags); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func TestAnAdmissionFollowsTheFacts(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "pflege", "analyst")
	b.follow(0)
	pflege := b.signIn("pflege")
	at := "/verzeichnis/kommunen/16071043/aufnahme"
	b.want(ask{method: "POST", path: at + "/einladen", cookie: pflege, form: url.Values{}}, 409) // no address on record
	b.want(ask{method: "PATCH", path: "/api/directory/v1/organisations/16071043", as: "pflege", json: map[string]string{"email": "post@klettbach.example"}, header: ifMatch("1")}, 200)
	for range 2 { // the second click sends nothing
		b.want(ask{method: "POST", path: at + "/einladen", cookie: pflege, form: url.Values{}}, 303)
	}
	if l := b.links("onboarding_welcome"); len(l) != 1 || b.stage("16071043") != "invited" {
		t.Fatalf("%d invitations, stage %s; want one and invited", len(l), b.stage("16071043"))
	}
	b.name("klett", "1", map[string]any{"name": "A B", "functions": []string{"head", "emergency"}, "phone": "036209 1"})
	b.follow(1) // Klettbach's administration is done elsewhere: head and emergency are all it needs, and its people are there
	if s := b.stage("16071043"); s != "roles" {
		t.Errorf("stage %s, want roles: contacts are complete and there are an officer and an administrator", s)
	}
	b.want(ask{path: at, as: "analyst"}, 404)
	b.want(ask{method: "POST", path: at, cookie: pflege, form: url.Values{"version": {"0"}, "document": {"Akte 7"}}}, 409)
	version := strconv.Itoa(b.count(`SELECT version FROM onboarding`))
	b.want(ask{method: "POST", path: at, cookie: pflege, form: url.Values{"version": {version}, "document": {"Akte 7"}}}, 303)
	if s := b.stage("16071043"); s != "active" {
		t.Errorf("stage %s, want active", s)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.changed' AND body LIKE '%"stage":"active"%'`); n != 1 {
		t.Errorf("%d events tell of it, want 1", n)
	}
	if a := b.want(ask{path: "/verzeichnis/stelle", as: "klett"}, 200); strings.Contains(a.body, "Ihr Weg zur Teilnahme") {
		t.Error("an active organisation still sees the steps")
	}
	var id string
	if err := b.db.Get(&id, `SELECT id FROM contact`); err != nil {
		t.Fatal(err)
	}
	b.want(ask{method: "DELETE", path: klettbachContacts + "/" + id, as: "klett", header: ifMatch("1")}, 204)
	b.follow(1)
	if s := b.stage("16071043"); s != "invited" {
		t.Errorf("without contacts it is %s, want invited again", s)
	}
	if a := b.want(ask{path: "/verzeichnis/stelle", as: "klett"}, 200); !strings.Contains(a.body, "Ihr Weg zur Teilnahme") {
		t.Error("the organisation's own page does not show the steps")
	}
	b.chain()
}

func TestAKreisIsInvitedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "pflege", "klett")
	if _, err := b.db.Exec(`UPDATE organisation SET email = 'post@' || ags || '.example' WHERE kreis = '16071' AND ags IS NOT NULL AND ags < '16071050'`); err != nil {
		t.Fatal(err)
	}
	with := b.count(`SELECT count(*) FROM organisation WHERE kreis = '16071' AND email <> ''`)
	cookie := b.signIn("pflege")
	page := b.want(ask{path: "/verzeichnis/aufnahme?kreis=16071", cookie: cookie}, 200)
	if !strings.Contains(page.body, strconv.Itoa(with)+" Stellen sind noch nicht eingeladen") {
		t.Error("the page does not count who can be invited")
	}
	for range 2 {
		b.want(ask{method: "POST", path: "/verzeichnis/aufnahme/einladen", cookie: cookie, form: url.Values{"kreis": {"16071"}}}, 303)
	}
	if n := len(b.links("onboarding_welcome")); n != with {
		t.Errorf("%d invitations, want one to each of the %d with an address", n, with)
	}
	b.want(ask{path: "/verzeichnis/aufnahme?stage=invited&kreis=16071", cookie: cookie}, 200)
	b.want(ask{path: "/verzeichnis/aufnahme?stage=wrong", cookie: cookie}, 400)
	b.want(ask{path: "/verzeichnis/aufnahme", as: "klett"}, 404)
	b.chain()
}
