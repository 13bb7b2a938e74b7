// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const bergAPI = "/api/directory/v1/organisations/16099003"

// estate leaves at Berg what a body has: contacts with a certificate, sealed
// emergency contacts, a request, somebody away. Then Berg is merged into
// Neuhausen, which has one of the contacts already.
func estate(t *testing.T) (b *bench, form url.Values) {
	t.Helper()
	b, upload, hash := merging(t)
	contact := func(org, name string, functions ...string) string {
		var c contactBody
		b.want(ask{method: "POST", path: "/api/directory/v1/organisations/" + org + "/contacts", as: "pflege", header: key(org + name), json: map[string]any{
			"name": name, "functions": functions, "email": strings.ToLower(name) + "@berg.example", "phone": "036000 1",
		}}, 201).decode(t, &c)
		return c.ID
	}
	isb, dpo := contact("16099003", "Isb", "isb"), contact("16099003", "Dpo", "dpo", "isb_deputy")
	contact("16099003", "Alt", "press") // nobody wants it moved
	for _, do := range []ask{
		{method: "POST", path: "/verzeichnis/kommunen/16099003/kontakte/" + isb + "/nachweise", form: url.Values{"kind": {"certificate"}, "name": {"Praktiker"}, "obtained_on": {"2024-01-01"}, "key": {"q"}}},
		{method: "POST", path: "/verzeichnis/kommunen/16099003/kontakte/" + dpo + "/nachweise", form: url.Values{"kind": {"training"}, "name": {"Datenschutz"}, "obtained_on": {"2024-01-01"}, "key": {"p"}}},
	} {
		do.cookie = b.signIn("chefin")
		b.want(do, 303)
	}
	b.want(ask{method: "PUT", path: bergAPI + "/emergency", as: "chefin", json: map[string]string{"name": "Nachbarin", "mobile": "0151 4711"}, header: ifMatch("0")}, 200)
	if _, err := b.db.Exec(`WITH s AS (
			INSERT INTO service (id, key, name_de, name_en, description_de, description_en, conditions, status, contact, position, version, updated_at)
			VALUES (gen_random_uuid(), 'x', 'Schulung', 'Training', '', '', '{}', 'offered', '', 1, 1, now()) RETURNING id)
		INSERT INTO service_request (id, service, organisation, person, wish, contact, state, version, created_at, updated_at)
		SELECT gen_random_uuid(), s.id, o.id, $1, 'Bitte', 'Chefin', 'received', 1, now(), now() FROM s, organisation o WHERE o.ags = '16099003'`,
		b.people["chefin"].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Exec(`UPDATE person SET absent_from = $1, absent_to = $2, deputy = $3 WHERE id = $4`,
		b.clock.Now(), b.clock.Now().AddDate(0, 0, 9), b.people["chefin"].ID, b.people["berg"].ID); err != nil {
		t.Fatal(err)
	}
	b.want(ask{method: "POST", path: "/api/directory/v1/register/apply", as: "pflege", json: map[string]any{
		"id": upload, "hash": hash, "successors": []map[string]string{{"predecessor": "16099003", "successor": "16099006", "kind": "merged"}},
	}}, 200)
	contact("16099006", "Dpo", "head")
	var ids struct {
		Request string `db:"request"`
		Mandate string `db:"mandate"`
	}
	if err := b.db.Get(&ids, `SELECT (SELECT id::text FROM service_request) AS request, (SELECT id::text FROM mandate) AS mandate`); err != nil {
		t.Fatal(err)
	}
	return b, url.Values{
		"people": {b.people["berg"].ID}, "contacts": {isb, dpo}, "requests": {ids.Request}, "mandates": {ids.Mandate}, "seal": {"move"}, "rest": {"yes"},
	}
}

func (b *bench) at(ags, rows string) int {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM ` + rows + ` JOIN organisation o ON o.id = x.organisation WHERE o.ags = '` + ags + `'`)
}

func TestTheEstateOfAPredecessorIsShownAndChangesNothing(t *testing.T) {
	t.Parallel()
	b, form := estate(t)
	page := b.want(ask{path: "/verzeichnis/kommunen/16099003/nachfolge", as: "pflege"}, 200).body
	for _, want := range []string{
		form["contacts"][0], form["requests"][0], form["mandates"][0], "dort schon eingetragen", "versiegelt", "vertreten von Chefin Beispiel", "In Prüfung|Eingegangen",
	} {
		ok := false
		for w := range strings.SplitSeq(want, "|") {
			ok = ok || strings.Contains(page, w)
		}
		if !ok {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "4711") {
		t.Error("the page shows what is sealed")
	}
	if n := b.at("16099006", "contact x"); n != 1 {
		t.Errorf("looking moved something: %d contacts", n)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.succeeded'`); n != 0 {
		t.Errorf("%d handovers were told before anybody decided", n)
	}
}

func TestTheSuccessorGetsTheEstateOnceAndInOneStep(t *testing.T) {
	t.Parallel()
	b, form := estate(t)
	const path = "/verzeichnis/kommunen/16099003/uebernahme"
	b.want(ask{method: "POST", path: path, cookie: b.signIn("chefin"), form: form}, 404)
	cookie := b.signIn("pflege")
	for range 2 { // the second time is nothing
		b.want(ask{method: "POST", path: path, cookie: cookie, form: form}, 303)
	}
	for rows, want := range map[string][2]int{ // at Berg, at Neuhausen
		"contact x":           {2, 2}, // at Berg: both removed
		"qualification x":     {0, 2},
		"emergency_contact x": {0, 1},
		"service_request x":   {0, 1},
		"membership x":        {1, 1},
	} {
		if got := [2]int{b.at("16099003", rows), b.at("16099006", rows)}; got != want {
			t.Errorf("%s: %v at predecessor and successor, want %v", rows, got, want)
		}
	}
	for what, query := range map[string]string{
		"contacts of Berg that were not removed":         `SELECT count(*) FROM contact c JOIN organisation o ON o.id = c.organisation WHERE o.ags = '16099003' AND c.removed_at IS NULL`,
		"contacts that are there twice":                  `SELECT count(*) - 1 FROM contact c WHERE c.name = 'Dpo' AND c.removed_at IS NULL`,
		"functions that the double one did not bring":    `SELECT 3 - cardinality(functions) FROM contact WHERE name = 'Dpo' AND removed_at IS NULL`,
		"deputies of another body":                       `SELECT count(*) FROM person WHERE deputy IS NOT NULL`,
		"mandates that count without a grant":            `SELECT count(*) FROM mandate WHERE state = 'active'`,
		"handovers told other than once":                 `SELECT count(*) - 1 FROM outbox WHERE type = 'directory.organisation.succeeded'`,
		"handovers without both names":                   `SELECT count(*) - 1 FROM outbox WHERE type = 'directory.organisation.succeeded' AND body LIKE '%Berg b. Öhrda%' AND body LIKE '%16099006%'`,
		"mandates offered other than once":               `SELECT count(*) - 1 FROM mandate m JOIN organisation o ON o.id = m.principal WHERE m.state = 'requested' AND o.ags = '16099006'`,
		"audit entries of the handover other than two":   `SELECT count(*) - 2 FROM audit WHERE action = 'organisation.handover'`,
		"audit entries of contacts other than two":       `SELECT count(*) - 2 FROM audit WHERE action = 'contact.takeover'`,
		"predecessors whose handover nobody wrote down":  `SELECT count(*) FROM succession WHERE handed_at IS NULL`,
		"people who were told other than once (version)": `SELECT count(*) FROM person WHERE version > 2`,
	} {
		if n := b.count(query); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	own := b.want(ask{path: "/api/directory/v1/organisations/16099006/emergency", as: "berg"}, 200)
	if !strings.Contains(own.body, "4711") {
		t.Error("the successor cannot open the emergency contacts it was given")
	}
	b.want(ask{path: bergAPI + "/emergency", as: "chefin"}, 404)
	b.chain()
}

func TestAHandoverOfAnOlderVersionKeepsWhatWasTicked(t *testing.T) {
	t.Parallel()
	b, form := estate(t)
	isb, dpo := form["contacts"][0], form["contacts"][1]
	form["contacts"], form["people"] = []string{dpo}, nil
	form.Set("seal", "drop")
	form.Set("version", "999")
	page := b.want(ask{method: "POST", path: "/verzeichnis/kommunen/16099003/uebernahme", cookie: b.signIn("pflege"), form: form}, 409).body
	for _, tt := range []struct {
		name, value string
		ticked      bool
	}{{"contacts", dpo, true}, {"contacts", isb, false}, {"people", b.people["berg"].ID, false}, {"requests", form.Get("requests"), true}, {"seal", "drop", true}, {"seal", "move", false}} {
		box := regexp.MustCompile(`<input[^>]*name="` + tt.name + `"[^>]*value="` + tt.value + `"[^>]*>`).FindString(page)
		if box == "" || strings.Contains(box, " checked") != tt.ticked {
			t.Errorf("%s %s: %q, want it ticked: %v", tt.name, tt.value, box, tt.ticked)
		}
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.succeeded'`); n != 0 {
		t.Errorf("told %d times, want never", n)
	}
}

func TestAHandoverThatFailsMovesNothing(t *testing.T) {
	t.Parallel()
	b, form := estate(t)
	if _, err := b.db.Exec(`UPDATE emergency_contact SET sealed = '\x00'`); err != nil { // nobody can open it
		t.Fatal(err)
	}
	b.want(ask{method: "POST", path: "/verzeichnis/kommunen/16099003/uebernahme", cookie: b.signIn("pflege"), form: form}, 500)
	if n := b.at("16099006", "contact x") + b.at("16099006", "membership x") - 1; n != 0 {
		t.Errorf("%d things moved", n)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.succeeded'`); n != 0 {
		t.Error("the others were told")
	}
	b.chain()
}

type estateJSON struct {
	Successor                            *struct{ AGS string }
	Date                                 *string
	HandedAt                             *string `json:"handed_at"`
	People, Contacts, Requests, Mandates []struct {
		ID    string
		Twice bool
	}
	Sealed  bool
	Version int
}

func TestTheHandoverByTheAPIMovesWhatWasReadAndNothingOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	b, form := estate(t)
	var e estateJSON
	b.want(ask{path: bergAPI + "/succession", as: "chefin"}, 404)
	got := b.want(ask{path: bergAPI + "/succession", as: "pflege"}, 200)
	got.decode(t, &e)
	if e.Successor == nil || e.Successor.AGS != "16099006" || e.HandedAt != nil || !e.Sealed || strings.Contains(got.body, "4711") || e.Date == nil ||
		*e.Date != "2026-12-31" || len(e.People) != 2 || len(e.Contacts) != 3 || len(e.Requests) != 1 || len(e.Mandates) != 1 {
		t.Errorf("what is attached: %s", got.body)
	}
	wish := map[string]any{
		"people": form["people"], "contacts": form["contacts"], "requests": form["requests"], "mandates": form["mandates"], "seal": "move", "rest": true,
	}
	post := ask{method: "POST", path: bergAPI + "/handover", as: "pflege", json: wish}
	b.want(post, 428)
	for _, old := range []string{`"0"`, `"-1"`, `"999"`, "x"} {
		post.header = map[string]string{"If-Match": old}
		b.want(post, 412)
	}
	post.header = map[string]string{"If-Match": got.Header.Get("ETag")}
	bad := post
	bad.json = map[string]any{"seal": "burn"}
	b.want(bad, 422)
	bad.json = map[string]any{"people": []string{"nobody"}}
	b.want(bad, 404)
	bad = post
	bad.as = "chefin"
	b.want(bad, 404)
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.succeeded'`); n != 0 {
		t.Errorf("%d handovers were told by refused ones", n)
	}
	done := b.want(post, 200)
	e = estateJSON{}
	done.decode(t, &e)
	if e.HandedAt == nil || e.Sealed || len(e.People) != 1 || len(e.Contacts)+len(e.Requests)+len(e.Mandates) != 0 || done.Header.Get("ETag") == got.Header.Get("ETag") {
		t.Errorf("what is left: %s", done.body)
	}
	if n := b.at("16099006", "membership x"); n != 1 {
		t.Errorf("%d roles at the successor, want one", n)
	}
	b.want(post, 412) // somebody was faster: oneself
	post.header = map[string]string{"If-Match": done.Header.Get("ETag")}
	b.want(post, 200) // the second time is nothing
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.succeeded'`); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
	post.path = "/api/directory/v1/organisations/16099006/handover"
	b.want(post, 409) // it is in the register
	b.chain()
}
