// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Reliability model §2.4, "report/case read: Analyst * (locked: A)": the report of a
// locked case is there only for the analyst who has the case, for duty and lead;
// its own people notice nothing.
func TestTheReportOfALockedCaseIsForThoseWhoNeedToKnow(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	e.submit(actor.Officer, "1", good)
	c := e.submit(actor.Officer, "2", good)
	e.submit(actor.Officer, "3", good)
	at := reportsPath + "/" + c.ID
	before := e.do(request{path: at, as: actor.Officer})
	k := caseOf(c, 1, "new", "received")
	tell := func(version int, locked bool, who *event.Person) {
		t.Helper()
		k.Version, k.Locked, k.Assignee = version, locked, who
		e.publish(event.CaseUpdated{Case: k})
		e.eventually(fmt.Sprint("version ", version), func() bool { return e.count(`SELECT coalesce(max(version), 0) FROM case_copy`) == version })
	}
	listed := func(as actor.Role) (ids []string) {
		t.Helper()
		after := ""
		for {
			var page struct {
				Items []struct{ ID string }
				Next  string
			}
			e.do(request{path: reportsPath + "?limit=1&after=" + after, as: as}).into(t, &page)
			for _, r := range page.Items {
				ids = append(ids, r.ID)
			}
			if len(page.Items) == 0 && page.Next != "" {
				t.Errorf("%s gets an empty page in the middle of the list", as)
			}
			if after = page.Next; after == "" {
				return ids
			}
		}
	}
	sees := func(as actor.Role, want bool) {
		t.Helper()
		status := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[want]
		for _, r := range []request{{path: at, as: as}, {path: reportsPath + "/" + c.Reference, as: as}, {path: "/melden/vorgang/" + c.Reference, cookie: as}} {
			if res := e.do(r); res.StatusCode != status {
				t.Errorf("%s at %s: %d, want %d", as, r.path, res.StatusCode, status)
			}
		}
		if got := listed(as); len(got) != map[bool]int{true: 3, false: 2}[want] || strings.Contains(strings.Join(got, " "), c.ID) != want {
			t.Errorf("the list of the %s: %v", as, got)
		}
	}
	tell(1, false, nil)
	sees(actor.Analyst, true)
	tell(2, true, nil)
	sees(actor.Analyst, false)
	if res := e.do(request{method: http.MethodPost, path: at + "/supplements", as: actor.Analyst, body: `{"description":"x"}`, header: map[string]string{"Idempotency-Key": "k"}}); res.StatusCode != http.StatusNotFound {
		t.Errorf("an analyst adds to it: %d", res.StatusCode)
	}
	for _, as := range []actor.Role{actor.Duty, actor.Lead, actor.Officer} {
		sees(as, true)
	}
	if after := e.do(request{path: at, as: actor.Officer}); strings.Contains(after.body, "locked") || after.StatusCode != before.StatusCode {
		t.Errorf("the body is told: %s", after.body)
	}
	if res := e.do(request{path: at, header: map[string]string{"Report-Code": c.Code}}); res.StatusCode != http.StatusOK {
		t.Errorf("with the code: %d", res.StatusCode)
	}
	tell(3, true, &event.Person{ID: personID(actor.Analyst), Name: "Kim"})
	sees(actor.Analyst, true)
	tell(4, false, nil)
	sees(actor.Analyst, true)
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_id = $1`, c.ID); n != 4 {
		t.Errorf("%d refusals in the audit, want one each", n)
	}
}
