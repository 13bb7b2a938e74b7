// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// vertrag is the org_admin of the provider.
var vertrag = person("vertrag", directory.Membership{Organisation: "kiv-thueringen", Role: actor.OrgAdmin})

const (
	grants  = "/api/directory/v1/organisations/16071043/mandates"
	mandate = "/api/directory/v1/mandates"
)

type mandateAnswer struct {
	ID, State string
	Scopes    []string
	Version   int
}

func idem(key string) map[string]string { return map[string]string{"Idempotency-Key": key} }

// acts reports for how many bodies the provider's people may act.
func (b *bench) acts() int {
	b.t.Helper()
	var me struct{ Mandates []struct{ ID string } }
	b.want(ask{path: "/api/directory/v1/me", as: "kiv"}, 200).decode(b.t, &me)
	return len(me.Mandates)
}

// notices counts the mails that were wanted, by kind.
func (b *bench) notices(kind string) int {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.notice.wanted' AND body::jsonb -> 'data' ->> 'kind' = $1`, kind)
}

func mandates(t *testing.T) *bench {
	t.Helper()
	b := setup(t, "klett", "chefin", "fremd", "kiv", "analyst", "pflege")
	b.load([]directory.Person{vertrag})
	return b
}

func TestAMandateCountsWhenTheCERTHasConfirmedIt(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	kiv := b.people["kiv"].Organisation.ID
	var m mandateAnswer
	in := map[string]any{"agent": kiv, "scopes": []string{"report", "read"}, "services": []string{"E-Mail"}, "granted_by": "Ines Bürger", "document": "Akte 8"}
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 201).decode(t, &m)
	if m.State != "granted" || b.acts() != 0 {
		t.Fatalf("granted by the principal: %+v, the provider acts for %d", m, b.acts())
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.mandate.changed' AND body LIKE '%"pending":true%'`); n != 1 {
		t.Errorf("pending events: %d, want 1", n)
	}
	if a, c := b.notices("mandate_granted"), b.count(`SELECT count(*) FROM membership WHERE role = 'constituency'`); a != c+1 {
		t.Errorf("%d mails, want one to the CERT's %d and one to the agent's org_admin", a, c)
	}
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("2")}, 409) // one at a time
	confirm := mandate + "/" + m.ID + "/confirm"
	for _, who := range []string{"chefin", "vertrag", "kiv", "klett", "fremd", "analyst"} {
		b.decide(ask{method: "POST", path: confirm, as: who}, 404)
	}
	if b.acts() != 0 {
		t.Fatal("somebody else confirmed it")
	}
	b.decide(ask{method: "POST", path: confirm, as: "pflege"}, 200).decode(t, &m)
	if m.State != "active" || b.acts() != 1 || m.Version != 2 {
		t.Errorf("confirmed: %+v, the provider acts for %d", m, b.acts())
	}
	b.decide(ask{method: "POST", path: confirm, as: "pflege"}, 409)
	b.decide(ask{method: "POST", path: mandate + "/" + m.ID + "/decline", as: "pflege", json: map[string]any{"reason": "zu spät"}}, 409)
	b.chain()
}

func TestAProviderMayAskButNotTake(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	var m mandateAnswer
	in := map[string]any{"principal": "16071043", "scopes": []string{"report", "read", "edit"}}
	b.want(ask{method: "POST", path: mandate, as: "kiv", json: in, header: idem("1")}, 404)                                                   // no org_admin
	b.want(ask{method: "POST", path: mandate, as: "fremd", json: with(in, "agent", b.people["kiv"].Organisation.ID), header: idem("1")}, 403) // not their firm
	b.want(ask{method: "POST", path: mandate, as: "vertrag", json: with(in, "principal", "99999999"), header: idem("2")}, 422)
	b.want(ask{method: "POST", path: mandate, as: "vertrag", json: in, header: idem("1")}, 201).decode(t, &m)
	if m.State != "requested" || b.acts() != 0 || b.notices("mandate_requested") != 1 {
		t.Fatalf("asked: %+v, %d mails", m, b.notices("mandate_requested"))
	}
	b.want(ask{method: "POST", path: mandate, as: "vertrag", json: in, header: idem("3")}, 409)
	at := mandate + "/" + m.ID
	terms := map[string]any{"scopes": []string{"read"}, "granted_by": "Ines Bürger"}
	b.decide(ask{method: "POST", path: at + "/grant", as: "vertrag", json: terms}, 403) // the agent cannot say yes to itself
	b.decide(ask{method: "POST", path: at + "/grant", as: "fremd", json: terms}, 404)
	b.decide(ask{method: "POST", path: at + "/confirm", as: "pflege"}, 409) // nor the CERT without the principal
	b.want(ask{path: at, as: "fremd"}, 404)
	b.decide(ask{method: "POST", path: at + "/grant", as: "chefin", json: terms}, 200).decode(t, &m)
	if m.State != "granted" || strings.Join(m.Scopes, " ") != "read" {
		t.Errorf("granted: %+v, want what the principal named", m)
	}
	b.decide(ask{method: "POST", path: at + "/decline", as: "chefin", json: map[string]any{"reason": "x"}}, 403) // now it is the CERT's
	b.decide(ask{method: "POST", path: at + "/decline", as: "pflege", json: map[string]any{}}, 422)
	b.decide(ask{method: "POST", path: at + "/decline", as: "pflege", json: map[string]any{"reason": "Unterschrift fehlt"}}, 200).decode(t, &m)
	if m.State != "declined" || b.notices("mandate_declined") != 2 || b.acts() != 0 {
		t.Errorf("declined: %+v, %d mails", m, b.notices("mandate_declined"))
	}
	b.decide(ask{method: "POST", path: at + "/confirm", as: "pflege"}, 409)
	b.chain()
}

func with(in map[string]any, key string, v any) map[string]any {
	out := map[string]any{key: v}
	for k, x := range in {
		if k != key {
			out[k] = x
		}
	}
	return out
}

func TestThePrincipalDeclinesAndTheAgentGivesBack(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	var m mandateAnswer
	b.want(ask{method: "POST", path: mandate, as: "vertrag", json: map[string]any{"principal": "16071043", "scopes": []string{"read"}}, header: idem("1")}, 201).decode(t, &m)
	b.decide(ask{method: "POST", path: mandate + "/" + m.ID + "/decline", as: "chefin", json: map[string]any{"reason": "kein Bedarf"}}, 200)
	id := b.mandate("16067029")
	b.decide(ask{method: "DELETE", path: mandate + "/" + id, as: "vertrag"}, 204)
	if b.acts() != 0 || b.count(`SELECT count(*) FROM mandate_step WHERE mandate = $1 AND step = 'returned'`, id) != 1 {
		t.Error("the mandate was not given back")
	}
	b.decide(ask{method: "DELETE", path: mandate + "/" + id, as: "vertrag"}, 409)
	b.chain()
}

func TestOtherScopesAreAnotherMandateThatTakesThePlace(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	old := b.mandate("16071043")
	kiv := b.people["kiv"].Organisation.ID
	foreign := b.mandate("16067029")
	in := map[string]any{"agent": kiv, "scopes": []string{"report", "read", "polls"}, "replaces": foreign}
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 422) // another pair's
	in["replaces"] = old
	var m mandateAnswer
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: map[string]string{"Idempotency-Key": "2", "If-Match": `"1"`}}, 201).decode(t, &m)
	if b.count(`SELECT count(*) FROM mandate WHERE id = $1 AND state = 'active'`, old) != 1 {
		t.Error("the old mandate ended before the new one counts")
	}
	b.decide(ask{method: "POST", path: mandate + "/" + m.ID + "/confirm", as: "pflege"}, 200)
	if b.count(`SELECT count(*) FROM mandate WHERE id = $1 AND state = 'revoked'`, old) != 1 || b.acts() != 2 { // Klettbach's and the other town's
		t.Errorf("the old one goes on beside the new one: %d", b.acts())
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'mandate.replace' AND object_id = $1`, old); n != 1 {
		t.Errorf("audit entries of the replacement: %d", n)
	}
	// Without naming one, two mandates of a pair stand side by side.
	b.want(ask{method: "POST", path: grants, as: "pflege", json: map[string]any{"agent": kiv, "scopes": []string{"alerts"}}, header: idem("3")}, 201).decode(t, &m)
	if m.State != "active" || b.acts() != 3 {
		t.Errorf("from paper: %+v, %d", m, b.acts())
	}
	b.chain()
}

// Many members of one provider come at once: one step, one mail to the provider.
func TestManyMandatesAreConfirmedInOneStep(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	towns, err := b.Municipalities(context.Background(), 72)
	if err != nil {
		t.Fatal(err)
	}
	var list []directory.Mandate
	for _, town := range towns {
		list = append(list, directory.Mandate{Principal: town.ID, Agent: "kiv-thueringen", Scopes: actor.Scopes(), State: directory.MandateGranted})
	}
	if err := b.LoadMandates(context.Background(), list); err != nil {
		t.Fatal(err)
	}
	var queue struct {
		Items []struct {
			ID      string
			Version int
		}
		Next string
	}
	b.want(ask{path: mandate + "?limit=200", as: "pflege"}, 200).decode(t, &queue)
	if len(queue.Items) != 72 || b.acts() != 0 {
		t.Fatalf("%d wait, the provider acts for %d", len(queue.Items), b.acts())
	}
	var ids []any
	for _, x := range queue.Items {
		ids = append(ids, map[string]any{"id": x.ID, "version": x.Version})
	}
	all := mandate + "/confirm"
	b.want(ask{method: "POST", path: all, as: "vertrag", json: map[string]any{"mandates": ids}}, 404)
	b.want(ask{method: "POST", path: all, as: "pflege", json: map[string]any{"mandates": []any{}}}, 422)
	b.want(ask{method: "POST", path: all, as: "pflege", json: map[string]any{"mandates": append([]any{map[string]any{"id": "01900000-0000-7000-8000-000000000000", "version": 1}}, ids...)}}, 404)
	if b.acts() != 0 {
		t.Fatal("a wrong id among them confirmed the others")
	}
	b.want(ask{method: "POST", path: all, as: "pflege", json: map[string]any{"mandates": append(ids, ids[0])}}, 200)
	if b.acts() != 72 || b.notices("mandates_confirmed") != 1 {
		t.Errorf("the provider acts for %d; %d mails", b.acts(), b.notices("mandates_confirmed"))
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'mandate.confirm' AND result = 'ok'`); n != 72 {
		t.Errorf("audit entries: %d, want 72", n)
	}
	b.chain()
}

func TestAMandateThatEndedWhileItWaitedIsNotConfirmed(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	end := b.clock.Now().Add(time.Hour)
	if err := b.LoadMandates(context.Background(), []directory.Mandate{
		{Principal: "16071043", Agent: "kiv-thueringen", Scopes: actor.Scopes(), To: &end, State: directory.MandateGranted},
	}); err != nil {
		t.Fatal(err)
	}
	var id string
	if err := b.db.Get(&id, `SELECT id FROM mandate`); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Hour)
	a := b.decide(ask{method: "POST", path: mandate + "/" + id + "/confirm", as: "pflege"}, 409)
	if !strings.Contains(a.body, "expired") {
		t.Errorf("answer: %s", a.body)
	}
	b.want(ask{method: "POST", path: grants, as: "chefin", header: idem("1"), json: map[string]any{
		"agent": b.people["kiv"].Organisation.ID, "scopes": []string{"read"}, "from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z",
	}}, 422)
	for _, bad := range []string{"x", "..%2F..", "01900000-0000-7000-8000-000000000000", "%00"} {
		b.decide(ask{method: "POST", path: mandate + "/" + bad + "/confirm", as: "pflege"}, 404)
	}
}

// The end of a mandate is called to mind 30 days before, once.
func TestTheEndOfAMandateIsAnnouncedOnce(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	in := func(d time.Duration) *time.Time { x := b.clock.Now().Add(d); return &x }
	for i, to := range []*time.Time{in(20 * 24 * time.Hour), in(40 * 24 * time.Hour), nil} {
		if err := b.LoadMandates(context.Background(), []directory.Mandate{
			{Principal: []string{"16071043", "16067029", "16053000"}[i], Agent: "kiv-thueringen", Scopes: actor.Scopes(), To: to},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := b.RemindOfMandates(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.notices("mandate_ending"); n != 2 { // chefin and the provider's org_admin
		t.Errorf("%d mails, want 2", n)
	}
	b.clock.pass(15 * 24 * time.Hour)
	if n, err := b.RemindOfMandates(context.Background()); err != nil || n != 1 {
		t.Errorf("later %d, %v; want the second mandate", n, err)
	}
	b.chain()
}
