// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
)

// What is merged with a locked case is locked with it, in both directions, and
// nobody gets to read it by having the other case assigned.
func TestAMergeOpensNoLockedCase(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	open := func(n int, who string) string {
		ref := e.open(sample.Report(n))
		if who != "" {
			e.must(http.StatusOK, e.change("lead", ref, "assign", map[string]any{"assignee": personID(who)}))
		}
		return ref
	}
	locked := func(ref string) bool {
		return e.count(`SELECT count(*) FROM cases WHERE reference = $1 AND locked`, ref) == 1
	}
	merge := func(as, from, into string) response {
		return e.change(as, from, "merge", map[string]any{"target": into, "reason": "derselbe Vorfall"})
	}
	shut := open(1, "analyst")
	e.must(http.StatusOK, e.change("lead", shut, "lock", map[string]any{"reason": "x"}))

	child, mine, others, nobodys := open(2, "analyst2"), open(3, "analyst"), open(4, "analyst2"), open(5, "")
	if res := merge("analyst", shut, others); res.StatusCode != http.StatusUnprocessableEntity || locked(others) {
		t.Errorf("the assigned analyst hands it to a colleague: %d %s", res.StatusCode, res.body)
	}
	e.must(http.StatusCreated, merge("duty", child, shut))
	if !locked(child) {
		t.Error("what went into the locked case is open")
	}
	body := e.must(http.StatusOK, e.do(request{path: "/lage/fall/" + child + "?t=protokoll", as: "analyst2", cookie: true})).body
	if strings.Contains(body, shut) || !strings.Contains(body, "Mit einem anderen Fall verbunden") {
		t.Error("who worked the merged one reads the locked one's number")
	}
	if res := e.do(request{path: cases + "/" + child, as: "analyst2"}); strings.Contains(res.body, shut) || strings.Contains(res.body, `"merged_into"`) {
		t.Error("the API tells it")
	}
	e.must(http.StatusCreated, merge("analyst", mine, shut))
	e.must(http.StatusCreated, merge("analyst", shut, nobodys))
	if !locked(nobodys) || e.count(`SELECT count(*) FROM cases WHERE reference = $1 AND assignee_id = $2`, nobodys, personID("analyst")) != 1 {
		t.Error("the case that took it in is open, or nobody works it")
	}
	e.must(http.StatusOK, e.change("duty", nobodys, "unlock", map[string]any{"reason": "geklärt"}))
	for _, ref := range []string{shut, child, mine, nobodys} {
		if locked(ref) {
			t.Errorf("%s stays locked", ref)
		}
	}
	e.intact()
}

// The stream tells once, to whom it is taken from, that a case is not there any
// more, and nothing of it afterwards.
func TestTheStreamTakesALockedCaseAway(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	e.must(http.StatusOK, e.change("lead", ref, "assign", map[string]any{"assignee": personID("analyst")}))
	seen := strconv.Itoa(e.count(`SELECT max(seq) FROM case_changes`))
	has, not, lead := e.listen("analyst", seen), e.listen("analyst2", seen), e.listen("lead", seen)
	for _, c := range []<-chan sse{has, not, lead} {
		next(t, c)
	}
	id, _ := "", 0
	if err := e.db.Get(&id, `SELECT id FROM cases`); err != nil {
		t.Fatal(err)
	}
	expect := func(c <-chan sse, who, name string) {
		t.Helper()
		ev := next(t, c)
		if got, version := caseOf(t, ev); ev.name != name || got != id || (version == 0) != (name == "case.gone") {
			t.Errorf("%s gets %+v, want %s", who, ev, name)
		}
	}
	e.must(http.StatusOK, e.change("duty", ref, "lock", map[string]any{"reason": "x"}))
	expect(not, "who does not have it", "case.gone")
	expect(has, "who has it", "case.updated")
	e.must(http.StatusCreated, e.change("analyst", ref, "notes", map[string]any{"text": "x"}))
	expect(has, "who has it", "case.updated")
	e.must(http.StatusOK, e.change("lead", ref, "assign", map[string]any{"assignee": personID("duty")}))
	expect(has, "who had it", "case.gone")
	e.must(http.StatusOK, e.change("lead", ref, "unlock", map[string]any{"reason": "x"}))
	expect(has, "who had it", "case.updated") // nothing in between
	expect(not, "who never had it", "case.updated")
	for range 4 {
		expect(lead, "the lead", "case.updated")
	}
	// Who was away meanwhile hears the same.
	e.must(http.StatusOK, e.change("duty", ref, "lock", map[string]any{"reason": "noch einmal"}))
	expect(not, "who does not have it", "case.gone")
	again := e.listen("analyst2", seen)
	var names []string
	for ev := next(t, again); ev.name != "hello"; ev = next(t, again) {
		names = append(names, ev.name)
	}
	if got := fmt.Sprint(names); got != "[case.gone case.gone]" {
		t.Errorf("coming back brings %s, want only that it is gone", got)
	}
}

// A campaign of a provider's report names no member whose case is locked: not in
// its timeline, which calls members by name, nor among those whom no mail reaches,
// nor in what an order left undone, nor why it cannot be closed.
func TestACampaignNamesNoLockedMember(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	reports, path := e.together(2)
	late := reports[0]
	late.Affected, late.AddedLater, late.AffectedTotal = event.Organisation{ID: event.NewID(), Name: "Markt Heimlich", Level: "gemeinde"}, true, 3
	e.publish(sample.Event(late))
	e.eventually("the third case", func() bool { return e.count(`SELECT count(*) FROM cases WHERE campaign_ref = 'L-2026-0001'`) == 3 })
	var ref string
	if err := e.db.Get(&ref, `SELECT reference FROM cases WHERE org_name = 'Markt Heimlich'`); err != nil {
		t.Fatal(err)
	}
	var job struct{ ID string }
	e.send(http.MethodPost, path+"/state", "analyst", map[string]any{"state": "working"}).into(t, &job) // left undone: they are nobody's
	e.eventually("the order", func() bool { return e.count(`SELECT count(*) FROM campaign_jobs WHERE ended_at IS NOT NULL`) == 1 })
	e.must(http.StatusOK, e.change("duty", ref, "lock", map[string]any{"reason": "x"}))
	says := func(res response) bool {
		return strings.Contains(res.body, "Heimlich") || strings.Contains(res.body, ref)
	}
	for _, at := range []string{path, path + "/jobs/" + job.ID, "/lage/lagen/L-2026-0001", "/lage/lagen/L-2026-0001/arbeit/" + job.ID, "/lage/lagen/L-2026-0001/druck"} {
		for as, want := range map[string]bool{"analyst": false, "duty": true} {
			if res := e.must(http.StatusOK, e.do(request{path: at, as: as, cookie: true})); says(res) != want {
				t.Errorf("%s names the locked member to the %s: %v", at, as, !want)
			}
		}
	}
	e.ordered(path, "state", "lead", map[string]any{"state": "closed", "disposition": "confirmed", "class": "other:other", "reason": "x", "cases": e.ids(`SELECT id FROM cases WHERE NOT locked`)})
	for as, want := range map[string]bool{"analyst": false, "duty": true} {
		_, tag := e.campaign(path)
		res := e.send(http.MethodPatch, path, as, map[string]any{"state": "closed"}, "If-Match", tag)
		if res.StatusCode != http.StatusUnprocessableEntity || says(res) != want {
			t.Errorf("closing as %s: %d %s", as, res.StatusCode, res.body)
		}
	}
	e.intact()
}
