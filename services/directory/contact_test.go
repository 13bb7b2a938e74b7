// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

type contactBody struct {
	ID, Name, Person, Age string
	Functions             []string
	Version               int
}

func key(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }

func ifMatch(v string) map[string]string { return map[string]string{"If-Match": `"` + v + `"`} }

const klettbachContacts = "/api/directory/v1/organisations/16071043/contacts"

// name adds a contact to Klettbach as somebody and returns it.
func (b *bench) name(as, k string, in map[string]any) contactBody {
	b.t.Helper()
	var c contactBody
	b.want(ask{method: "POST", path: klettbachContacts, as: as, json: in, header: key(k)}, 201).decode(b.t, &c)
	return c
}

func TestAnOrganisationNamesItsContactsAndTheCERTReadsThem(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "kiv", "analyst", "pflege", "admin")
	in := map[string]any{"name": "Klett Beispiel", "functions": []string{"emergency", "isb"}, "mobile": "+49 170 1", "email": "KLETT@example.org", "always": true}
	c := b.name("klett", "1", in)
	if c.Person != b.people["klett"].ID || strings.Join(c.Functions, " ") != "isb emergency" || c.Age != "fresh" {
		t.Errorf("named %+v, want the person with that address, the functions in order, and fresh", c)
	}
	again := b.want(ask{method: "POST", path: klettbachContacts, as: "klett", json: in, header: key("1")}, 201)
	if again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the same key did it a second time")
	}
	b.want(ask{method: "POST", path: klettbachContacts, as: "klett", json: in, header: key("2")}, 422) // in the list already
	b.want(ask{method: "POST", path: klettbachContacts, as: "klett", json: in}, 400)
	for as, status := range map[string]int{"klett": 200, "chefin": 200, "analyst": 200, "pflege": 200, "fremd": 403, "kiv": 404, "admin": 404} {
		b.want(ask{path: klettbachContacts, as: as}, status)
	}
	for as, status := range map[string]int{"fremd": 404, "analyst": 200} {
		b.want(ask{path: klettbachContacts + "/" + c.ID, as: as}, status)
	}
	b.want(ask{path: "/api/directory/v1/organisations/16067029/contacts/" + c.ID, as: "pflege"}, 404) // another body's address
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'contact.read' AND result = 'ok' AND actor = $1`, b.people["analyst"].ID); n != 1 {
		t.Errorf("%d entries for the CERT's read of the list, want 1", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action LIKE 'contact.%' AND result = 'denied' AND actor = $1`, b.people["fremd"].ID); n != 2 {
		t.Errorf("%d denials of the other town, want 2", n)
	}
	b.chain()
}

func TestAContactChangesOnlyInTheVersionThatWasSeen(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "analyst", "pflege")
	c := b.name("klett", "1", map[string]any{"name": "A B", "functions": []string{"head"}, "phone": "036209 1"})
	at := klettbachContacts + "/" + c.ID
	change := map[string]any{"phone": "036209 2"}
	b.want(ask{method: "PATCH", path: at, as: "klett", json: change}, 428)
	b.want(ask{method: "PATCH", path: at, as: "klett", json: change, header: ifMatch("7")}, 412)
	b.want(ask{method: "PATCH", path: at, as: "fremd", json: change, header: ifMatch("1")}, 404)
	b.want(ask{method: "PATCH", path: at, as: "analyst", json: change, header: ifMatch("1")}, 404)
	b.want(ask{method: "PATCH", path: at, as: "klett", json: map[string]any{"functions": []string{"coordination"}}, header: ifMatch("1")}, 422)
	b.want(ask{method: "PATCH", path: at, as: "pflege", json: change, header: ifMatch("1")}, 200).decode(t, &c)
	if c.Version != 2 || c.Name != "A B" {
		t.Errorf("after the change: %+v, want version 2 and the name as before", c)
	}
	b.want(ask{method: "DELETE", path: at, as: "klett"}, 428)
	b.want(ask{method: "DELETE", path: at, as: "klett", header: ifMatch("2")}, 204)
	b.want(ask{path: at, as: "klett"}, 404)
	b.want(ask{method: "DELETE", path: at, as: "klett", header: ifMatch("3")}, 404)
	if n := b.count(`SELECT count(*) FROM audit WHERE object_id = $1 AND result = 'ok'`, c.ID); n != 3 {
		t.Errorf("%d entries for adding, changing and removing, want 3", n)
	}
	b.chain()
}

func TestTheFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	cookie := b.signIn("klett")
	at := "/verzeichnis/kommunen/" + b.people["klett"].Organisation.ID + "/kontakte"
	form := url.Values{"name": {"Typed Name"}, "functions": {"emergency", "press"}, "hours": {"Mo–Fr"}, "key": {"k1"}}
	a := b.want(ask{method: "POST", path: at, cookie: cookie, form: form}, 422)
	for _, want := range []string{`value="Typed Name"`, `value="Mo–Fr"`, `value="press" checked`, "Für den Notfall brauchen wir eine Telefonnummer"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the form came back without %s", want)
		}
	}
	form.Set("mobile", "0170 1")
	if a := b.want(ask{method: "POST", path: at, cookie: cookie, form: form}, 303); !strings.HasPrefix(a.Header.Get("Location"), "/verzeichnis/stelle/kontakte") {
		t.Errorf("led to %s, want the own list", a.Header.Get("Location"))
	}
	var id string
	if err := b.db.Get(&id, `SELECT id FROM contact`); err != nil {
		t.Fatal(err)
	}
	form.Set("version", "0")
	form.Set("hours", "Neu getippt")
	stale := b.want(ask{method: "POST", path: at + "/" + id, cookie: cookie, form: form}, 409)
	if !strings.Contains(stale.body, "Neu getippt") || !strings.Contains(stale.body, "inzwischen geändert") {
		t.Error("after a conflict the typed text is gone")
	}
	page := b.want(ask{path: "/verzeichnis/stelle/kontakte", cookie: cookie}, 200)
	if !strings.Contains(page.body, "1 Angabe fehlt") || !strings.Contains(page.body, "Typed Name") {
		t.Errorf("the list does not count what is missing: %s", page.body)
	}
	b.clock.pass(400 * 24 * 60 * 60 * 1e9)
	cookie = b.signIn("klett")
	old := b.want(ask{path: "/verzeichnis/stelle/kontakte", cookie: cookie}, 200)
	if !strings.Contains(old.body, "älter als ein Jahr") {
		t.Error("a year later it is not old")
	}
	b.want(ask{method: "POST", path: at + "/" + id + "/bestaetigen", cookie: cookie, form: url.Values{}}, 303)
	if old := b.want(ask{path: "/verzeichnis/stelle/kontakte", cookie: cookie}, 200); strings.Contains(old.body, "älter als ein Jahr") {
		t.Error("confirmed, and still old")
	}
}

func TestAnAbsenceNamesADeputyOfTheSameOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "pflege")
	klett, chefin, fremd := b.people["klett"].ID, b.people["chefin"].ID, b.people["fremd"].ID
	cookie := b.signIn("klett")
	version := func() string {
		return strconv.Itoa(b.count(`SELECT version FROM person WHERE id = $1`, klett))
	}
	plan := func(from, to, deputy string) url.Values {
		return url.Values{"from": {from}, "to": {to}, "deputy": {deputy}, "version": {version()}}
	}
	for name, form := range map[string]url.Values{
		"somebody of another town": plan("2026-12-01", "2026-12-05", fremd), "oneself": plan("2026-12-01", "2026-12-05", klett),
		"nobody real": plan("2026-12-01", "2026-12-05", "x"), "backwards": plan("2026-12-05", "2026-12-01", chefin),
		"over": plan("2026-10-01", "2026-10-05", chefin), "no days": plan("", "morgen", chefin), "ten years": plan("2026-12-01", "2036-12-01", chefin),
	} {
		if a := b.do(ask{method: "POST", path: "/konto/abwesenheit", cookie: cookie, form: form}); a.StatusCode != 422 {
			t.Errorf("%s: %d, want 422", name, a.StatusCode)
		}
	}
	b.want(ask{method: "POST", path: "/konto/abwesenheit", cookie: cookie, form: plan("2026-12-01", "2026-12-05", chefin)}, 303)
	// The five days of Thuringia, and who stands in, are told to the others.
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.person.changed' AND body LIKE '%"absent_from":"2026-11-30T23:00:00Z","absent_to":"2026-12-05T23:00:00Z","deputy":"' || $1 || '"%'`, chefin); n != 1 {
		t.Errorf("%d events with the absence, want 1", n)
	}
	late := plan("2026-12-07", "2026-12-09", chefin)
	late.Set("version", "1")
	if a := b.want(ask{method: "POST", path: "/konto/abwesenheit", cookie: cookie, form: late}, 409); !strings.Contains(a.body, `value="2026-12-07"`) || !strings.Contains(a.body, "inzwischen geändert") {
		t.Error("an old form loses what was typed, or does not say why it was refused")
	}
	late.Del("version")
	b.want(ask{method: "POST", path: "/konto/abwesenheit", cookie: cookie, form: late}, 400)
	at := "/verzeichnis/verwaltung/personen/" + klett + "/abwesenheit"
	b.want(ask{method: "POST", path: at, cookie: b.signIn("fremd"), form: plan("2026-12-01", "2026-12-05", "")}, 404)
	b.want(ask{method: "POST", path: at, cookie: b.signIn("chefin"), form: url.Values{"do": {"end"}, "version": {version()}}}, 303)
	if n := b.count(`SELECT count(*) FROM person WHERE absent_from IS NULL AND id = $1`, klett); n != 1 {
		t.Error("the organisation's administrator could not end it")
	}
	b.chain()
}
