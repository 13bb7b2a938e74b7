// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// merging is a small register with a new state in which Berg is gone and
// Neuhausen is new.
func merging(t *testing.T) (b *bench, upload, hash string) {
	t.Helper()
	b = bare(t, nil)
	ctx := context.Background()
	one, two := small(t, "gv100ad_stand1.txt"), small(t, "gv100ad_stand2.txt")
	d, err := b.RegisterDiff(ctx, strings.NewReader(one))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.RegisterApply(ctx, strings.NewReader(one), d.Hash); err != nil {
		t.Fatal(err)
	}
	b.load([]directory.Person{
		person("pflege", directory.Membership{Organisation: "16099001", Role: actor.Constituency}),
		person("berg", directory.Membership{Organisation: "16099003", Role: actor.Officer}),
		person("chefin", directory.Membership{Organisation: "16099003", Role: actor.OrgAdmin}),
	})
	if err := b.LoadMandates(ctx, []directory.Mandate{{Principal: "16099003", Agent: "16099001", Scopes: []actor.Scope{actor.ScopeRead}}}); err != nil {
		t.Fatal(err)
	}
	var proposed struct{ ID, Hash string }
	b.want(ask{method: "POST", path: "/api/directory/v1/register/diff", as: "pflege", body: two}, 200).decode(t, &proposed)
	return b, proposed.ID, proposed.Hash
}

func TestAMergerIsTakenOverInTheSameStep(t *testing.T) {
	t.Parallel()
	b, upload, hash := merging(t)
	page := b.want(ask{path: "/verzeichnis/verwaltung/register/" + upload, as: "pflege"}, 200).body
	if !strings.Contains(page, `name="successor-16099003" type="text" value="16099006"`) {
		t.Error("the only new municipality of the Kreis is not proposed as successor")
	}
	apply := func(predecessor, successor, kind string) ask {
		return ask{method: "POST", path: "/api/directory/v1/register/apply", as: "pflege", json: map[string]any{
			"id": upload, "hash": hash, "successors": []map[string]string{{"predecessor": predecessor, "successor": successor, "kind": kind}},
		}}
	}
	for name, a := range map[string]ask{
		"a successor that is not there": apply("16099003", "16099099", "merged"),
		"a successor that goes as well": apply("16099003", "16099003", "merged"),
		"a body that stays":             apply("16099002", "16099006", "merged"),
		"no such kind":                  apply("16099003", "16099006", "eaten"),
	} {
		if got := b.do(a); got.StatusCode != 422 || !strings.Contains(got.body, `"successor-`) {
			t.Errorf("%s: %d %s; want 422 at its field", name, got.StatusCode, got.body)
		}
	}
	form := url.Values{"hash": {hash}, "successor-16099003": {"nonsense"}, "kind-16099003": {"merged"}}
	cookie := b.signIn("pflege")
	if body := b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register/" + upload, cookie: cookie, form: form}, 422).body; !strings.Contains(body, `value="nonsense"`) || !strings.Contains(body, "kern-error") {
		t.Error("the page lost what was typed, or shows no mistake")
	}
	if n := b.count(`SELECT count(*) FROM succession`) + b.count(`SELECT count(*) FROM organisation WHERE gone_at IS NOT NULL`); n != 0 {
		t.Fatalf("%d rows were changed by mistakes", n)
	}
	form.Set("successor-16099003", "16099006")
	b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register/" + upload, cookie: cookie, form: form}, 303)
	var f found
	b.want(ask{path: "/api/directory/v1/responsibility?q=Berg+b.+%C3%96hrda"}, 200).decode(t, &f)
	if f.Answer == nil || f.Answer.Organisation.AGS != "16099006" || len(f.Answer.Former) != 1 || f.Answer.Former[0].Kind != "merged" {
		t.Errorf("%+v; want Neuhausen, formerly Berg", f.Answer)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE body LIKE '%"ags":"16099003"%' AND body LIKE '%"successor":"%' AND body LIKE '%"active":false%'`); n != 1 {
		t.Errorf("events that name the successor: %d, want 1", n)
	}
	b.chain()
}

func TestMandatesEndWithTheirBodyAndPeopleMoveOnlyByHand(t *testing.T) {
	t.Parallel()
	b, upload, hash := merging(t)
	b.want(ask{method: "POST", path: "/api/directory/v1/register/apply", as: "pflege", json: map[string]any{"id": upload, "hash": hash}}, 200)
	if n := b.count(`SELECT count(*) FROM mandate WHERE revoked_at IS NULL`); n != 0 {
		t.Errorf("%d mandates of a body that is gone go on", n)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.mandate.changed' AND body LIKE '%revoked_at%'`); n != 1 {
		t.Errorf("the others learn of %d ended mandates, want 1", n)
	}
	path := "/verzeichnis/kommunen/16099003/"
	b.want(ask{path: path + "nachfolge", as: "chefin"}, 404)
	if body := b.want(ask{path: path + "nachfolge", as: "pflege"}, 200).body; !strings.Contains(body, "zuerst die Nachfolgerin") {
		t.Error("people can be moved before anybody took over")
	}
	ids := url.Values{"people": {b.people["berg"].ID}}
	cookie := b.signIn("pflege")
	b.want(ask{method: "POST", path: path + "uebernahme", cookie: cookie, form: ids}, 409)
	b.want(ask{method: "POST", path: path + "nachfolge", cookie: cookie, form: url.Values{"successor": {"16099003"}, "kind": {"merged"}}}, 422)
	b.want(ask{method: "POST", path: path + "nachfolge", cookie: cookie, form: url.Values{"successor": {"16099006"}, "kind": {"merged"}, "date": {"2999-01-01"}}}, 422)
	b.want(ask{method: "POST", path: path + "nachfolge", cookie: cookie, form: url.Values{"successor": {"16099006"}, "kind": {"merged"}, "date": {"2026-01-01"}}}, 303)
	b.want(ask{method: "POST", path: "/verzeichnis/kommunen/16099006/nachfolge", cookie: cookie, form: url.Values{"successor": {"16099001"}, "kind": {"merged"}}}, 409)
	b.want(ask{method: "POST", path: path + "uebernahme", cookie: cookie, form: url.Values{"seal": {"eat"}}}, 422)
	b.want(ask{method: "POST", path: path + "uebernahme", cookie: cookie, form: url.Values{"people": {"nobody"}}}, 404)
	b.want(ask{method: "POST", path: path + "uebernahme", cookie: cookie, form: ids}, 303)
	b.want(ask{method: "POST", path: path + "uebernahme", cookie: cookie, form: ids}, 303) // the second time is nothing
	if n := b.count(`SELECT count(*) FROM membership m JOIN organisation o ON o.id = m.organisation WHERE o.ags = '16099006' AND m.role = 'officer'`); n != 1 {
		t.Errorf("%d officers of the successor, want the one who was moved", n)
	}
	if n := b.count(`SELECT count(*) FROM membership m JOIN organisation o ON o.id = m.organisation WHERE o.ags = '16099003'`); n != 1 {
		t.Errorf("%d roles stay, want that of the person who was not chosen", n)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.person.changed' AND body LIKE '%"version":2%'`); n != 1 {
		t.Errorf("events of people: %d, want 1", n)
	}
	b.chain()
}
