// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Several add members at once: each event says how many there are with it, and
// no later one says fewer.
func TestMembersAddedAtOnceAreCountedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const first, more = 2, 12
	e := newIntake(t, members(first+more))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(first)...))
	var wg sync.WaitGroup
	totals := make([]int, more)
	for i := range more {
		wg.Go(func() {
			var out struct {
				Total int `json:"affected_total"`
			}
			res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/affected", as: actor.Provider, key: fmt.Sprint("add ", i), body: `{"affected":["` + memberAGS(first+i) + `"]}`})
			if res.StatusCode != http.StatusCreated {
				t.Errorf("%d: %d %s", i, res.StatusCode, res.body)
				return
			}
			res.into(t, &out)
			totals[i] = out.Total
		})
	}
	wg.Wait()
	seen := map[int]bool{}
	for _, n := range totals {
		seen[n] = true
	}
	if len(seen) != more || !seen[first+1] || !seen[first+more] {
		t.Errorf("the answers say %v, want each of %d to %d once", totals, first+1, first+more)
	}
	last := first
	for _, p := range e.submitted()[first:] {
		if p.AffectedTotal != last+1 {
			t.Errorf("after %d comes an event that says %d", last, p.AffectedTotal)
		}
		last = p.AffectedTotal
	}
	again := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/affected", as: actor.Provider, key: "add 0", body: `{"affected":["` + memberAGS(first) + `"]}`})
	if !strings.Contains(again.body, fmt.Sprintf(`"affected_total":%d`, totals[0])) {
		t.Errorf("the same key again: %s, want the total of the first time, %d", again.body, totals[0])
	}
	e.invariants(map[string]string{"k": c.ID})
}

// A provider writes to a member that takes the report over at the same moment:
// what comes second sees what came first.
func TestAMessageAndATakeoverWaitForEachOther(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(2)...))
	// The takeover has changed the row and is about to commit.
	tx, err := e.db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`UPDATE report_body SET taken_over_at = $2 WHERE report_id = $1 AND organisation = $3`, c.ID, e.now(), memberID(0)); err != nil {
		t.Fatal(err)
	}
	answer := make(chan response, 1)
	go func() {
		res, err := e.try(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m", body: `{"text":"an beide"}`})
		if err != nil {
			t.Error(err)
		}
		answer <- res
	}()
	e.eventually("the message waits", func() bool {
		return e.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR SHARE%' AND datname = current_database()`) == 1
	})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if res := <-answer; res.StatusCode != http.StatusConflict {
		t.Errorf("the message: %d %s, want 409", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM report_message`) + e.count(`SELECT count(*) FROM outbox WHERE type = 'report.message.posted'`); n != 0 {
		t.Error("it went to who deals with it itself")
	}
	res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m2", body: `{"text":"an alle, die noch wir vertreten"}`})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("again: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT cardinality(bodies) FROM report_message`); n != 1 {
		t.Errorf("it goes to %d bodies, want the other one", n)
	}
}

// What the CERT writes to many cases at once stands once in the provider's
// conversation, and each member reads it as its own.
func TestWhatIsWrittenToManyCasesStandsOnce(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(7))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(7)...))
	batch := event.NewID()
	for i := range 7 {
		e.publish(event.CaseMessagePosted{
			Case: event.NewID(), Reference: fmt.Sprintf("V-2026-%06d", i), Message: event.NewID(), Organisation: event.Organisation{ID: memberID(i)},
			Reports: []event.ReportRef{{ID: c.ID, Reference: c.Reference}}, Author: event.Person{ID: "a", Name: "Robin Analyst"},
			TLP: "AMBER", Text: "Bitte alle Server auslassen.", Batch: batch, At: start.Add(time.Duration(i) * time.Second),
		})
	}
	e.eventually("the messages", func() bool { return e.count(`SELECT count(*) FROM report_message`) == 7 })
	d := e.detail(actor.Provider, c.ID)
	if len(d.Messages) != 1 {
		t.Errorf("the provider reads it %d times", len(d.Messages))
	}
	page := e.do(request{path: "/melden/vorgang/" + c.Reference, cookie: actor.Provider}).body
	if n := strings.Count(page, "Bitte alle Server auslassen."); n != 1 || !strings.Contains(page, "alle Stellen") {
		t.Errorf("on the page %d times", n)
	}
	if d := e.detail(officerOf(2), c.ID); len(d.Messages) != 1 {
		t.Errorf("a member reads it %d times", len(d.Messages))
	}
}
