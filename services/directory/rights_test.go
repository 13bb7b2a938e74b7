// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

func (b *bench) mandate(principal string) string {
	b.t.Helper()
	err := b.LoadMandates(context.Background(), []directory.Mandate{{
		Principal: principal, Agent: "kiv-thueringen",
		Scopes: []actor.Scope{"read", "report"}, Document: "Akte 7",
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	var id string
	if err := b.db.Get(&id, `SELECT m.id FROM mandate m JOIN organisation o ON o.id = m.principal WHERE o.ags = $1`, principal); err != nil {
		b.t.Fatal(err)
	}
	return id
}

func TestEveryRouteNamesARowOfTheMatrix(t *testing.T) {
	t.Parallel()
	b := bare(t, nil)
	seen := map[string]bool{}
	for _, r := range b.Routes() {
		if seen[r.Method+r.Path] || !slices.Contains(actor.Actions(), r.Action) || r.Handler == nil {
			t.Errorf("%s %s with action %q is twice, without a row, or without a handler", r.Method, r.Path, r.Action)
		}
		seen[r.Method+r.Path] = true
		if strings.HasSuffix(r.Path, ".csv") && !actor.NeedsStepUp(r.Action) { // reliability model §6: a file leaves the house
			t.Errorf("%s is an export without a step-up", r.Path)
		}
	}
}

// Every route is asked as every role and as a guest; who reaches nothing of the
// action must get 404 or, not signed in, 401 or the way to the sign-in page. Who
// reaches it never hears 401, but for a passkey that nobody asked for.
func TestNoRouteOpensToARoleWithoutReach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all []directory.Person
	for _, r := range actor.Roles() {
		all = append(all, person("rolle-"+strings.ReplaceAll(string(r), "_", ""), directory.Membership{Organisation: "16071043", Role: r}))
	}
	b.load(all)
	unknown := "01900000-0000-7000-8000-000000000000"
	for _, route := range b.Routes() {
		if route.Action == actor.Public {
			continue
		}
		path := strings.ReplaceAll(route.Path, ":id", unknown)
		guest := b.do(ask{method: route.Method, path: path})
		if page := strings.HasPrefix(guest.Header.Get("Location"), "/konto/anmelden?next="); guest.StatusCode != 401 && !page {
			t.Errorf("guest: %s %s: %d, want 401 or the sign-in page", route.Method, path, guest.StatusCode)
		}
		for _, role := range actor.Roles() {
			reach, _ := actor.Cell(route.Action, role)
			a := b.do(ask{method: route.Method, path: path, as: "rolle-" + strings.ReplaceAll(string(role), "_", "")})
			if reach == actor.None && a.StatusCode != 404 {
				t.Errorf("%s: %s %s: %d, want 404", role, route.Method, path, a.StatusCode)
			}
			unproven := a.StatusCode == 401 && route.Path != "/konto/bestaetigen/passkey"
			if unproven || a.StatusCode >= 500 {
				t.Errorf("%s: %s %s: %d %s", role, route.Method, path, a.StatusCode, a.body)
			}
		}
	}
	b.chain()
}

func TestAMandateIsRevokedAtOnceByThePrincipalOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "kiv", "analyst")
	id := b.mandate("16071043")
	path := "/api/directory/v1/mandates/" + id
	var me struct {
		Mandates []struct {
			Principal struct{ AGS, Name string }
			Scopes    []string
		}
	}
	b.want(ask{path: "/api/directory/v1/me", as: "kiv"}, 200).decode(t, &me)
	if len(me.Mandates) != 1 || me.Mandates[0].Principal.AGS != "16071043" || strings.Join(me.Mandates[0].Scopes, " ") != "report read" {
		t.Fatalf("mandates of the provider: %+v", me.Mandates)
	}
	b.decide(ask{method: "DELETE", path: path, as: "kiv"}, 404)     // the agent
	b.decide(ask{method: "DELETE", path: path, as: "klett"}, 404)   // the principal's officer
	b.decide(ask{method: "DELETE", path: path, as: "fremd"}, 404)   // another town's manager
	b.decide(ask{method: "DELETE", path: path, as: "analyst"}, 404) // the CERT
	if n := b.count(`SELECT count(*) FROM mandate WHERE revoked_at IS NOT NULL`); n != 0 {
		t.Fatal("somebody without the right revoked the mandate")
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'mandate.revoke' AND result = 'denied' AND object_id = $1`, id); n != 1 {
		t.Errorf("denials in the audit: %d, want the other town's manager", n)
	}
	b.decide(ask{method: "DELETE", path: path, as: "chefin"}, 204)
	b.want(ask{path: "/api/directory/v1/me", as: "kiv"}, 200).decode(t, &me)
	if len(me.Mandates) != 0 {
		t.Errorf("the provider still has %+v", me.Mandates)
	}
	b.decide(ask{method: "DELETE", path: path, as: "chefin"}, 409)
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.mandate.changed' AND body LIKE '%revoked_at%'`); n != 1 {
		t.Errorf("events of the revocation: %d, want 1", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'mandate.revoke' AND result = 'ok' AND actor = $1`, b.people["chefin"].ID); n != 1 {
		t.Errorf("audit entries: %d, want 1", n)
	}
	b.chain()
}

func TestAMandateIsGrantedByThePrincipalOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "kiv", "pflege")
	kiv := b.people["kiv"].Organisation.ID
	grant := map[string]any{"agent": kiv, "scopes": []string{"read"}, "document": "Akte 8"}
	path := "/api/directory/v1/organisations/16071043/mandates"
	key := func(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }
	b.want(ask{method: "POST", path: path, as: "fremd", json: grant, header: key("1")}, 403)
	b.want(ask{method: "POST", path: path, as: "klett", json: grant, header: key("1")}, 404)
	b.want(ask{method: "POST", path: path, as: "chefin", json: grant}, 400)
	first := b.want(ask{method: "POST", path: path, as: "chefin", json: grant, header: key("1")}, 201)
	again := b.want(ask{method: "POST", path: path, as: "chefin", json: grant, header: key("1")}, 201)
	if again.body != first.body || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replay %q of %s, want the same with the header", again.body, first.body)
	}
	grant["scopes"] = []string{"read", "edit"}
	b.want(ask{method: "POST", path: path, as: "chefin", json: grant, header: key("1")}, 422)
	for name, body := range map[string]map[string]any{
		"agent":  {"agent": "01900000-0000-7000-8000-000000000000", "scopes": []string{"read"}},
		"scopes": {"agent": kiv, "scopes": []string{"everything"}},
		"to":     {"agent": kiv, "scopes": []string{"read"}, "from": "2026-12-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
	} {
		a := b.want(ask{method: "POST", path: path, as: "pflege", json: body, header: key(name)}, 422)
		if !strings.Contains(a.body, fmt.Sprintf(`"field":%q`, name)) {
			t.Errorf("%s: %s, want the field", name, a.body)
		}
	}
	b.want(ask{path: path, as: "klett"}, 200)
	b.want(ask{path: path, as: "fremd"}, 403)
	if n := b.count(`SELECT count(*) FROM mandate`); n != 1 {
		t.Errorf("mandates: %d, want 1", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'mandate.grant' AND result = 'denied'`); n != 2 {
		t.Errorf("denials: %d, want one for each of the two who may not, also where the transaction was rolled back", n)
	}
	b.chain()
}

func TestSessionsEndForTheirOwnerAndTheAdministratorOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "admin")
	klett, fremd := b.signIn("klett"), b.signIn("fremd")
	id := func(cookie string) string {
		var list struct {
			Items []struct {
				ID      string
				Current bool
			}
		}
		b.want(ask{path: "/api/directory/v1/sessions", cookie: cookie}, 200).decode(t, &list)
		for _, s := range list.Items {
			if s.Current {
				return s.ID
			}
		}
		t.Fatal("no current session")
		return ""
	}
	klettID := id(klett)
	b.want(ask{method: "DELETE", path: "/api/directory/v1/sessions/" + klettID, cookie: fremd}, 404)
	b.want(ask{method: "DELETE", path: "/api/directory/v1/sessions?person=" + b.people["klett"].ID, cookie: fremd}, 403)
	b.want(ask{path: "/api/directory/v1/sessions?person=" + b.people["klett"].ID, cookie: fremd}, 403)
	b.want(ask{path: "/api/directory/v1/me", cookie: klett}, 200)
	b.want(ask{method: "DELETE", path: "/api/directory/v1/sessions/" + klettID, as: "admin"}, 204)
	b.want(ask{path: "/api/directory/v1/me", cookie: klett}, 401)

	klett = b.signIn("klett")
	second := b.signIn("klett")
	b.want(ask{method: "POST", path: "/konto/sitzungen/" + id(second) + "/beenden", cookie: klett, form: url.Values{}}, 303)
	b.want(ask{path: "/api/directory/v1/me", cookie: second}, 401)
	b.want(ask{method: "DELETE", path: "/api/directory/v1/sessions", cookie: klett}, 204)
	b.want(ask{path: "/api/directory/v1/me", cookie: klett}, 401)
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 200) // a token is no session
	b.chain()
}

func TestLockingAPersonEndsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "analyst", "pflege", "admin")
	cookie := b.signIn("klett")
	path := "/verzeichnis/verwaltung/personen/" + b.people["klett"].ID
	for _, who := range []string{"chefin", "pflege", "analyst", "fremd"} {
		b.want(ask{method: "POST", path: path + "/sperren", as: who, form: url.Values{}}, 404)
	}
	b.want(ask{method: "POST", path: path + "/sperren", as: "admin", form: url.Values{}}, 303)
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401)
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 401)
	b.want(ask{method: "POST", path: path + "/entsperren", as: "admin", form: url.Values{}}, 303)
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401)
	b.want(ask{path: "/api/directory/v1/me", cookie: b.signIn("klett")}, 200)
	self := "/verzeichnis/verwaltung/personen/" + b.people["admin"].ID
	b.want(ask{method: "POST", path: self + "/sperren", as: "admin", form: url.Values{}}, 409)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd")
	cookie := b.signIn("klett")
	key := map[string]string{"Idempotency-Key": "k1"}
	make1 := ask{method: "POST", path: "/api/directory/v1/tokens", cookie: cookie, json: map[string]any{"name": "Nagios"}, header: key}
	var made, again struct{ ID, Token string }
	b.want(make1, 201).decode(t, &made)
	b.want(make1, 201).decode(t, &again)
	if made != again || !strings.HasPrefix(made.Token, "lst_") {
		t.Errorf("tokens %+v and %+v, want the same lst_…", made, again)
	}
	if n := b.count(`SELECT count(*) FROM token WHERE name = 'Nagios'`) + b.count(`SELECT count(*) FROM idempotency WHERE response LIKE '%lst_%'`); n != 1 {
		t.Errorf("rows %d, want one token and no secret in the record of the key", n)
	}
	bearer := map[string]string{"Authorization": "Bearer " + made.Token}
	b.want(ask{path: "/api/directory/v1/me", header: bearer}, 200)
	b.want(ask{path: "/api/directory/v1/me", header: map[string]string{"Authorization": "Bearer " + made.Token + "x"}}, 401)
	b.want(ask{path: "/konto/anmelden", header: map[string]string{"Authorization": "Bearer nonsense"}}, 401) // never a guest
	for field, body := range map[string]map[string]any{"name": {"name": ""}, "expires_at": {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}} {
		a := b.want(ask{method: "POST", path: "/api/directory/v1/tokens", as: "klett", json: body, header: map[string]string{"Idempotency-Key": field}}, 422)
		if !strings.Contains(a.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %s", field, a.body)
		}
	}
	b.want(ask{method: "DELETE", path: "/api/directory/v1/tokens/" + made.ID, as: "fremd"}, 404)
	b.want(ask{method: "DELETE", path: "/api/directory/v1/tokens/" + made.ID, as: "klett"}, 204)
	b.want(ask{path: "/api/directory/v1/me", header: bearer}, 401)
	a := b.want(ask{method: "POST", path: "/konto/tokens", cookie: cookie, form: url.Values{"name": {"Formular"}, "expires_at": {"7"}, "key": {"f1"}}}, 303)
	shown := a.Header.Get("Location")
	if body := b.want(ask{path: shown, cookie: cookie}, 200).body; !strings.Contains(body, "lst_") {
		t.Errorf("the page of the new token does not show it")
	}
	b.want(ask{path: shown, as: "fremd"}, 404)
	b.clock.pass(11 * time.Minute)
	if body := b.want(ask{path: shown, cookie: cookie}, 200).body; strings.Contains(body, "lst_") {
		t.Errorf("the page shows the token after ten minutes")
	}
	b.want(ask{method: "POST", path: "/konto/tokens", cookie: cookie, form: url.Values{"name": {""}, "expires_at": {"999"}, "key": {"f2"}}}, 422)
	b.clock.pass(8 * 24 * time.Hour)
	b.chain()
}

func TestNobodyRaisesThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "admin")
	cookie := b.signIn("klett")
	before := b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200).body
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodPost} {
		a := b.do(ask{method: method, path: "/api/directory/v1/me", cookie: cookie, json: map[string]any{"roles": []string{"admin"}, "is_admin": true}})
		if a.StatusCode < 400 {
			t.Errorf("%s /me: %d", method, a.StatusCode)
		}
	}
	b.want(ask{method: "POST", path: "/konto/sprache", cookie: cookie, form: url.Values{"language": {"en"}, "role": {"admin"}, "organisation": {"x"}}}, 303)
	b.want(ask{method: "POST", path: "/konto/sprache", cookie: cookie, form: url.Values{"language": {"tlh"}}}, 422)
	after := b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200).body
	if strings.Replace(after, `"language":"en"`, `"language":"de"`, 1) != before {
		t.Errorf("me changed from %s to %s", before, after)
	}
}

func TestManagersSeeOnlyTheirOwnPeople(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "kiv", "analyst", "pflege", "admin")
	var list struct{ Items []struct{ Email string } }
	b.want(ask{path: "/api/directory/v1/people", as: "chefin"}, 200).decode(t, &list)
	if len(list.Items) != 2 {
		t.Errorf("people of Klettbach: %+v, want two", list.Items)
	}
	b.want(ask{path: "/api/directory/v1/people?organisation=" + b.people["fremd"].Organisation.ID, as: "chefin"}, 404)
	b.want(ask{path: "/verzeichnis/verwaltung/personen/" + b.people["fremd"].ID, as: "chefin"}, 404)
	b.want(ask{path: "/verzeichnis/verwaltung/personen/" + b.people["klett"].ID, as: "chefin"}, 200)
	b.want(ask{path: "/api/directory/v1/people", as: "admin"}, 200).decode(t, &list)
	if len(list.Items) != len(staff) {
		t.Errorf("people for the administrator: %d, want %d", len(list.Items), len(staff))
	}
	for who, mail := range map[string]bool{"fremd": false, "kiv": false, "klett": true, "analyst": true, "pflege": true} {
		body := b.want(ask{path: "/verzeichnis/kommunen/16071043", as: who}, 200).body
		if got := strings.Contains(body, "chefin@example.org"); got != mail {
			t.Errorf("%s sees the contacts of Klettbach: %v, want %v", who, got, mail)
		}
	}
}
