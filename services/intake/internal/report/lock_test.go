// SPDX-License-Identifier: EUPL-1.2

package report_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
)

// A locked case locks its body's part of the report and no other's; where it fits
// no body, all of it.
func TestALockedCaseLocksItsPartOfTheReport(t *testing.T) {
	t.Parallel()
	a, b := event.Organisation{ID: "a"}, event.Organisation{ID: "b"}
	of := func(o event.Organisation, state, who string) event.Case {
		c := event.Case{Organisation: o, State: state, Locked: true}
		if who != "" {
			c.Assignee = &event.Person{ID: who}
		}
		return c
	}
	early := of(a, "merged", "mara")
	early.MergedInto = "not here yet"
	for name, tt := range map[string]struct {
		cases []event.Case
		want  [2]bool
		who   string // of the first
	}{
		"an open one":           {[]event.Case{{Organisation: a, State: "new"}}, [2]bool{}, ""},
		"of one body":           {[]event.Case{of(a, "new", "mara"), {Organisation: b}}, [2]bool{true, false}, "mara"},
		"nobody's":              {[]event.Case{of(a, "new", "")}, [2]bool{true, false}, ""},
		"closed":                {[]event.Case{of(a, "closed", "mara")}, [2]bool{true, false}, "mara"},
		"merged into an open":   {[]event.Case{of(a, "merged", "mara"), {Organisation: a}}, [2]bool{}, ""},
		"merged, told first":    {[]event.Case{early, {Organisation: a, ID: "other"}}, [2]bool{true, false}, "mara"},
		"two of one person":     {[]event.Case{of(a, "new", "mara"), of(a, "new", "mara")}, [2]bool{true, false}, "mara"},
		"two of different ones": {[]event.Case{of(a, "new", "mara"), of(a, "new", "jona")}, [2]bool{true, false}, ""},
		"of no body known here": {[]event.Case{of(event.Organisation{ID: "c"}, "new", "mara")}, [2]bool{true, true}, "mara"},
	} {
		got := report.WithCases([]report.Body{{Organisation: a, Locked: true, LockedFor: "before"}, {Organisation: b}}, tt.cases)
		if got[0].Locked != tt.want[0] || got[1].Locked != tt.want[1] || got[0].LockedFor != tt.who {
			t.Errorf("%s: %+v, want %v for %q", name, got, tt.want, tt.who)
		}
	}
}
