// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// Who manages people must not make themselves somebody who reads reports: not
// through the form of roles, not by an invitation to the own address, and not as
// the second pair of eyes on their own new role.
func TestNobodyGivesThemselvesRolesByARoundaboutWay(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "pflege", "admin")
	b.load([]directory.Person{person("zweite", directory.Membership{Organisation: "thueringencert", Role: actor.Admin})})
	cert := b.people["admin"].Organisation.ID
	for who, org := range map[string]string{"pflege": "16071043", "fremd": "16067029"} {
		if a := b.inviteAs(who, who, org, "officer"); a.StatusCode != 409 {
			t.Errorf("%s invites themselves: %d %s, want 409", who, a.StatusCode, a.body)
		}
	}
	if n := b.count(`SELECT count(*) FROM invitation`) + b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.person.invited'`); n != 0 {
		t.Errorf("%d invitations and mails, want none", n)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'role.change' AND result = 'denied' AND object_id = actor`); n != 2 {
		t.Errorf("%d denials in the audit, want 2", n)
	}
	zweite := b.people["zweite"].ID
	var waiting struct{ Waiting struct{ ID string } }
	b.want(ask{
		method: "PATCH", path: "/api/directory/v1/people/" + zweite, as: "admin", header: map[string]string{"If-Match": `"1"`},
		json: map[string]any{"memberships": []map[string]string{{"organisation": cert, "role": "admin"}, {"organisation": cert, "role": "lead"}}},
	}, 200).decode(t, &waiting)
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + waiting.Waiting.ID + "/confirm", as: "zweite"}, 403)
	if n := b.count(`SELECT count(*) FROM membership WHERE role = 'lead'`); n != 0 {
		t.Error("confirmed by who gets the role")
	}
	b.chain()
}

// OpenID Connect Core 3.1.3.7: what is asked of the provider passes through the
// browser, so whoever sits at an open one can leave prompt and max_age out.
func TestAStepUpAtAProviderMustBeFresh(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	at := func(back time.Duration) subject {
		return subject{sub: "kim-1", name: "Kim Beispiel", change: func(c map[string]any) {
			c["acr"], c["auth_time"] = "urn:two", b.clock.Now().Add(-back).Unix()
		}}
	}
	w := b.browser()
	w.enter("klett")
	old := b.clock.Now()
	b.clock.pass(16 * time.Minute)
	one.FastForward(16*time.Minute + 30*time.Second)
	const confirm = "/konto/oidc/bundid?fuer=bestaetigen&next=/konto/sicherheit/app"
	for name, as := range map[string]subject{"hours ago": at(3 * time.Hour), "as long ago as the session": at(b.clock.Now().Sub(old)), "it does not say": strong} {
		w.get(w.visit(one, confirm, as)).wantTo(t, "/konto/bestaetigen")
		if to := w.get("/konto/sicherheit/app").Header.Get("Location"); !strings.HasPrefix(to, "/konto/bestaetigen") {
			t.Errorf("asked %s: confirmed", name)
		}
	}
	w.get(w.visit(one, confirm, at(0))).wantTo(t, "/konto/sicherheit/app")
	if a := w.get("/konto/sicherheit/app"); a.StatusCode != 200 {
		t.Errorf("asked afresh: %d, want 200", a.StatusCode)
	}
	// Nor does signing in anew, by the provider's own memory, count as confirmed.
	x := b.browser()
	x.get(x.visit(one, "/konto/oidc/bundid", at(3*time.Hour))).wantTo(t, "/konto/start")
	if to := x.get("/konto/sicherheit/app").Header.Get("Location"); !x.signedIn() || !strings.HasPrefix(to, "/konto/bestaetigen") {
		t.Errorf("after a sign-in that asked for nothing: to %q, want to confirm first", to)
	}
	x.get(x.visit(one, "/konto/oidc/bundid", at(time.Minute))).wantTo(t, "/konto/start")
	if a := x.get("/konto/sicherheit/app"); a.StatusCode != 200 {
		t.Errorf("after a sign-in a minute ago: %d, want 200", a.StatusCode)
	}
	b.chain()
}

// Twenty people behind one address sign in at a provider that asks for one
// factor: that is no guessing, and nobody is kept out.
func TestAnOfficeThatSignsInAtAProviderIsNotKeptOut(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	for range 21 {
		w := b.browser()
		w.get(w.visit(one, "/konto/oidc/bundid", kimAtIDP)).wantTo(t, "/konto/zweiter-faktor")
	}
	if n := b.count(`SELECT count(*) FROM sign_in_try`); n != 0 {
		t.Errorf("%d tries are counted, want none", n)
	}
	// Unknown accounts there are limited as before.
	for i := range 21 {
		w := b.browser()
		w.get(w.visit(one, "/konto/oidc/bundid", subject{sub: fmt.Sprint("x", i), name: "X"})).wantTo(t, "/konto/anmelden")
	}
	if n := b.count(`SELECT count(*) FROM sign_in_try`); n != 20 {
		t.Errorf("%d tries are counted, want 20", n)
	}
}

// A stolen token must not become the whole account: it reads neither fresh
// recovery codes nor the text of other tokens, and makes none that outlives it.
func TestATokenReadsNoOtherSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	w := b.browser()
	w.enter("klett")
	w.post("/konto/sicherheit/notfallcodes", url.Values{}).wantTo(t, "/konto/sicherheit/notfallcodes")
	if body := w.get("/konto/sicherheit/notfallcodes").body; strings.Count(body, `<code class="num">`) != 10 {
		t.Fatal("the person does not see the codes")
	}
	if body := b.want(ask{path: "/konto/sicherheit/notfallcodes", as: "klett"}, 200).body; strings.Contains(body, `<code class="num">`) {
		t.Error("a token reads the recovery codes")
	}
	b.clock.pass(6 * time.Minute)
	shown := w.post("/konto/tokens", url.Values{"name": {"Formular"}, "expires_at": {"7"}, "key": {"f1"}}).Header.Get("Location")
	if body := w.get(shown).body; !strings.Contains(body, "lst_") {
		t.Fatal("the person does not see the new token")
	}
	if body := b.want(ask{path: shown, as: "klett"}, 200).body; strings.Contains(body, "lst_") {
		t.Error("a token reads another one")
	}
	b.clock.pass(9*time.Minute + 30*time.Second) // the token's ten minutes run, the confirmation is over
	if to := w.get(shown).Header.Get("Location"); !strings.HasPrefix(to, "/konto/bestaetigen?next=") {
		t.Errorf("without a fresh factor the token's page leads to %q", to)
	}
	var short, more struct {
		Token     string
		ExpiresAt time.Time `json:"expires_at"`
	}
	w.enter("klett")
	end := b.clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
	tokens := ask{method: http.MethodPost, path: "/api/directory/v1/tokens", json: map[string]any{"name": "kurz", "expires_at": end, "step_up": true}, header: idem("t1")}
	if a := w.send(tokens); a.StatusCode != 201 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	} else {
		a.decode(t, &short)
	}
	h := idem("t2")
	h["Authorization"] = "Bearer " + short.Token
	b.want(ask{method: http.MethodPost, path: "/api/directory/v1/tokens", json: map[string]any{"name": "lang"}, header: h}, 201).decode(t, &more)
	if more.ExpiresAt.After(end) {
		t.Errorf("a token that ends at %s made one until %s", end, more.ExpiresAt)
	}
	b.chain()
}

// An administrator of one organisation learns nothing of another one from a
// person who works in both, and names no deputy of it.
func TestAnAbsenceStaysWithinTheManagersOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "analyst", "pflege")
	b.load([]directory.Person{person("beide",
		directory.Membership{Organisation: "thueringencert", Role: actor.Analyst}, directory.Membership{Organisation: "16071043", Role: actor.Officer})})
	at := "/verzeichnis/verwaltung/personen/" + b.people["beide"].ID + "/abwesenheit"
	chefin, pflege := b.signIn("chefin"), b.signIn("pflege")
	if body := b.want(ask{path: at, cookie: chefin}, 200).body; strings.Contains(body, b.people["analyst"].ID) || !strings.Contains(body, b.people["klett"].ID) {
		t.Error("the form names people of the other organisation, or not those of this one")
	}
	plan := func(deputy string) url.Values {
		version := strconv.Itoa(b.count(`SELECT version FROM person WHERE id = $1`, b.people["beide"].ID))
		return url.Values{"from": {"2026-12-01"}, "to": {"2026-12-05"}, "deputy": {b.people[deputy].ID}, "version": {version}}
	}
	b.want(ask{method: "POST", path: at, cookie: chefin, form: plan("analyst")}, 422)
	b.want(ask{method: "POST", path: at, cookie: chefin, form: plan("klett")}, 303)
	b.want(ask{method: "POST", path: at, cookie: pflege, form: plan("analyst")}, 303)
	b.chain()
}

// Nobody confirms for the CERT what lets their own house in.
func TestAMandateIsNotConfirmedByTheAgentsOwnPeople(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	kiv := b.people["kiv"].Organisation.ID
	b.load([]directory.Person{person("doppelt",
		directory.Membership{Organisation: "thueringencert", Role: actor.Constituency}, directory.Membership{Organisation: "kiv-thueringen", Role: actor.OrgAdmin})})
	in := map[string]any{"agent": kiv, "scopes": []string{"read"}, "granted_by": "Ines Bürger", "document": "Akte 8"}
	var m mandateAnswer
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 201).decode(t, &m)
	b.decide(ask{method: "POST", path: mandate + "/" + m.ID + "/confirm", as: "doppelt"}, 403)
	b.want(ask{method: "POST", path: mandate + "/confirm", as: "doppelt", json: map[string]any{"mandates": []any{map[string]any{"id": m.ID, "version": 1}}}}, 403)
	if b.acts() != 0 {
		t.Error("the agent let itself in")
	}
	b.decide(ask{method: "POST", path: mandate + "/" + m.ID + "/confirm", as: "pflege"}, 200)
	// From a paper it grants what then waits for somebody else.
	other := "/api/directory/v1/organisations/16067029/mandates"
	b.want(ask{method: "POST", path: other, as: "doppelt", json: in, header: idem("2")}, 201).decode(t, &m)
	if m.State != "granted" || b.acts() != 1 {
		t.Errorf("granted by the agent's own: %s, acts for %d", m.State, b.acts())
	}
	b.chain()
}

// What belongs to others does not exist, and asking for it is written down.
func TestAskingForWhatIsNotOnesOwnIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	var i, m, tok struct{ ID string }
	b.inviteAs("chefin", "neu", "16071043", "officer").decode(t, &i)
	in := map[string]any{"agent": b.people["kiv"].Organisation.ID, "scopes": []string{"read"}, "granted_by": "x", "document": "y"}
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 201).decode(t, &m)
	b.want(ask{method: "POST", path: "/api/directory/v1/tokens", as: "chefin", json: map[string]any{"name": "x"}, header: idem("2")}, 201).decode(t, &tok)
	person := b.people["klett"].ID
	fremd := b.browser()
	fremd.enter("fremd")
	for _, a := range []ask{
		{path: "/api/directory/v1/people/" + person},
		{method: "PATCH", path: "/api/directory/v1/people/" + person, json: map[string]any{"memberships": []string{}}, header: map[string]string{"If-Match": `"1"`}},
		{path: "/verzeichnis/verwaltung/personen/" + person},
		{path: "/verzeichnis/verwaltung/personen/" + person + "/abwesenheit"},
		{path: "/verzeichnis/verwaltung/personen/" + person + "/rollen"},
		{method: "POST", path: "/verzeichnis/verwaltung/personen/" + person + "/zuruecksetzen", form: url.Values{"kind": {"password"}}},
		{path: mandate + "/" + m.ID},
		{path: "/konto/tokens/" + tok.ID},
		{method: "POST", path: "/api/directory/v1/invitations/" + i.ID + "/resend"},
		{method: "DELETE", path: "/api/directory/v1/invitations/" + i.ID},
	} {
		before := b.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND actor = $1`, b.people["fremd"].ID)
		if got := fremd.send(a); got.StatusCode != 404 {
			t.Errorf("%s %s: %d, want 404", a.method, a.path, got.StatusCode)
		}
		if n := b.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND actor = $1`, b.people["fremd"].ID) - before; n != 1 {
			t.Errorf("%s %s: %d denials written down, want 1", a.method, a.path, n)
		}
	}
	b.chain()
}
