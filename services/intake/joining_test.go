// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
)

func TestAMemberJoinsLaterWithAReceiptOfItsOwn(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(5))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	before := e.detail(actor.Provider, c.ID)
	e.later(2 * time.Hour)
	post := func(as actor.Role, key, in string) response {
		return e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/affected", as: as, key: key, body: in})
	}
	res := post(actor.Provider, "x", `{"affected":["`+memberAGS(3)+`","`+memberID(4)+`"],"members":[{"affected":"`+memberAGS(4)+`","description":"erst jetzt bemerkt"}]}`)
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if again := post(actor.Provider, "x", `{"affected":["`+memberAGS(3)+`","`+memberID(4)+`"],"members":[{"affected":"`+memberAGS(4)+`","description":"erst jetzt bemerkt"}]}`); again.body != res.body || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s", again.StatusCode, again.body)
	}
	var x struct {
		AffectedTotal int `json:"affected_total"`
		Affected      []struct{ ID, Receipt string }
	}
	res.into(t, &x)
	if x.AffectedTotal != 5 || len(x.Affected) != 2 {
		t.Fatalf("%+v", x)
	}
	if r, err := report.VerifyReceipt(x.Affected[1].Receipt, e.receiptKey()); err != nil || r.Affected != memberID(4) || !r.ReceivedAt.Equal(start.Add(2*time.Hour)) {
		t.Errorf("receipt %+v %v", r, err)
	}
	events := e.submitted()
	last := events[len(events)-1]
	if len(events) != 5 || !last.AddedLater || last.AffectedTotal != 5 || last.OnBehalf != memberID(4) || !last.CallbackBy.Equal(start.Add(3*time.Hour)) || !strings.Contains(last.Description, "erst jetzt") {
		t.Errorf("%d events, the last %+v", len(events), last)
	}
	after := e.detail(actor.Provider, c.ID)
	if after.SHA256 != before.SHA256 || after.AffectedTotal != 5 || after.Affected[4].AddedAt == nil {
		t.Errorf("before %s, after %s with %d bodies", before.SHA256, after.SHA256, after.AffectedTotal)
	}
	whole, err := e.store().Report(t.Context(), c.ID)
	if err != nil || whole.Digest() != whole.Sum {
		t.Errorf("the digest is %s, stored is %s, %v", whole.Digest(), whole.Sum, err)
	}
	for name, tt := range map[string]struct {
		as   actor.Role
		in   string
		want int
	}{
		"one that is there":     {actor.Provider, `{"affected":["` + memberAGS(0) + `"]}`, 422},
		"one without a mandate": {actor.Provider, `{"affected":["16068009"]}`, 422},
		"an unknown one":        {actor.Provider, `{"affected":["99999999"]}`, 422},
		"none":                  {actor.Provider, `{"affected":[]}`, 422},
		"by a member":           {officerOf(0), `{"affected":["16068009"]}`, 404},
		"by the CERT":           {actor.Duty, `{"affected":["16068009"]}`, 404},
	} {
		if res := post(tt.as, "bad "+name, tt.in); res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, res.StatusCode, tt.want, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM report_body`); n != 5 {
		t.Errorf("%d bodies", n)
	}
	e.invariants(map[string]string{"k": c.ID})
}

func TestAMemberTakesOverAndGivesBack(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	officer := officerOf(0)
	post := func(as actor.Role, what, key, in string) response {
		return e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/" + what, as: as, key: key, body: in})
	}
	const contact = `{"callback":{"name":"Rike Rathaus","phone":"03601 4711 00"}}`
	for as, want := range map[actor.Role]int{actor.Provider: 404, actor.Officer: 404, actor.Duty: 404} {
		if res := post(as, "takeover", "no", contact); res.StatusCode != want {
			t.Errorf("as %s: %d %s", as, res.StatusCode, res.body)
		}
	}
	if res := post(officer, "takeover", "bad", `{"callback":{"name":"","phone":"x"}}`); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a contact: %d %s", res.StatusCode, res.body)
	}
	if res := post(officer, "takeover", "t1", contact); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if res := post(officer, "takeover", "t2", contact); res.StatusCode != http.StatusConflict {
		t.Errorf("twice: %d %s", res.StatusCode, res.body)
	}
	if d := e.detail(actor.Provider, c.ID); d.AffectedTotal != 3 || d.Affected[0].TakenOverAt == nil || d.Affected[1].TakenOverAt != nil {
		t.Errorf("the provider sees %+v", d.Affected)
	}
	if res := post(actor.Provider, "messages", "m1", `{"text":"an alle übrigen"}`); res.StatusCode != http.StatusCreated {
		t.Errorf("the provider writes to the others: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.message.posted'`); n != 2 {
		t.Errorf("the message went to %d, want 2", n)
	}
	if res := post(actor.Provider, "messages", "m2", `{"text":"x","affected":["`+memberAGS(0)+`"]}`); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the provider writes for who took over: %d %s", res.StatusCode, res.body)
	}
	if res := post(officer, "return", "r1", `{}`); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if res := post(officer, "return", "r2", `{}`); res.StatusCode != http.StatusConflict {
		t.Errorf("given back twice: %d", res.StatusCode)
	}
	var told []string
	if err := e.db.SelectContext(t.Context(), &told, `SELECT (body::jsonb->'data'->'callback'->>'name') || ' ' || coalesce(body::jsonb->'data'->>'returned', 'false') FROM outbox WHERE type = 'report.taken_over' ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Rike Rathaus false", "Kim Beispiel true"}, told); diff != "" {
		t.Error(diff)
	}
	own := e.submit(officer, "own", goodFor(memberAGS(0)))
	if res := e.do(request{method: "POST", path: reportsPath + "/" + own.ID + "/takeover", as: officer, key: "o", body: contact}); res.StatusCode != http.StatusConflict {
		t.Errorf("an own report: %d %s", res.StatusCode, res.body)
	}
	e.invariants(nil)
}
