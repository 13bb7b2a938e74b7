// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

func TestTheRegisterOfOfficersShowsWhatExpiresAndNamesOnlyToTheCERT(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "pflege", "analyst")
	b.load([]directory.Person{person("gremium", directory.Membership{Organisation: "tmdi", Role: actor.Steering})})
	town := b.people["fremd"].Organisation.ID // a body with an administration of its own
	add := func(org, name, email string) string {
		var c contactBody
		b.want(ask{method: "POST", path: "/api/directory/v1/organisations/" + org + "/contacts", as: "pflege", header: key(org + name), json: map[string]any{
			"name": name, "functions": []string{"isb"}, "email": email,
		}}, 201).decode(t, &c)
		return c.ID
	}
	shared := add(town, "=HYPERLINK(1)", "isb@example.org")
	add("16071000", "Zweite Stelle", "isb@example.org")
	at := "/verzeichnis/kommunen/" + town + "/kontakte/" + shared + "/nachweise"
	form := func(name, from, to string) url.Values {
		return url.Values{"kind": {"certificate"}, "name": {name}, "obtained_on": {from}, "valid_until": {to}, "key": {name + from + to}}
	}
	fremd := b.signIn("fremd")
	b.want(ask{method: "POST", path: at, cookie: fremd, form: form("Praktiker", "2030-01-01", "")}, 422)
	b.want(ask{method: "POST", path: at, cookie: fremd, form: form("Praktiker", "2025-01-01", "2024-01-01")}, 422)
	b.want(ask{method: "POST", path: at, cookie: fremd, form: form("Praktiker", "2024-01-01", "2026-12-24")}, 303)
	b.want(ask{method: "POST", path: at, cookie: fremd, form: form("Praktiker", "2024-01-01", "2026-12-24")}, 303) // twice is once
	b.want(ask{method: "POST", path: at, cookie: b.signIn("chefin"), form: form("X", "2024-01-01", "")}, 404)
	if n := b.count(`SELECT count(*) FROM qualification`); n != 1 {
		t.Fatalf("%d qualifications, want 1", n)
	}
	expiring := b.want(ask{path: "/verzeichnis/isb?state=expiring", as: "pflege"}, 200)
	if !strings.Contains(expiring.body, "2 Stellen") || !strings.Contains(expiring.body, "betreut 2 Stellen") {
		t.Error("the certificate does not count for both organisations that the ISB serves")
	}
	b.want(ask{path: "/verzeichnis/isb?state=no_officer&kreis=16071", as: "pflege"}, 200)
	b.want(ask{path: "/verzeichnis/isb?state=wrong", as: "pflege"}, 400)
	for _, as := range []string{"fremd", "analyst"} {
		b.want(ask{path: "/verzeichnis/isb", as: as}, 404)
	}
	blind := b.want(ask{path: "/verzeichnis/isb?shared=1", as: "gremium"}, 200)
	sheet := b.want(ask{path: "/verzeichnis/isb.csv?shared=1", as: "gremium"}, 200)
	for _, body := range []string{blind.body, sheet.body} {
		if strings.Contains(body, "HYPERLINK") || strings.Contains(body, "isb@example.org") {
			t.Error("the committee gets names")
		}
	}
	named := b.want(ask{path: "/verzeichnis/isb.csv?shared=1", as: "pflege"}, 200)
	if !strings.Contains(named.body, ";'=HYPERLINK(1);") || strings.Count(named.body, "\n") != 3 {
		t.Errorf("the sheet lets a formula through, or has other rows: %q", named.body)
	}
	var id string
	if err := b.db.Get(&id, `SELECT id FROM qualification`); err != nil {
		t.Fatal(err)
	}
	b.want(ask{method: "POST", path: at + "/" + id + "/entfernen", cookie: fremd, form: url.Values{}}, 303)
	b.want(ask{method: "POST", path: at + "/" + id + "/entfernen", cookie: fremd, form: url.Values{}}, 404)
	b.chain()
}
