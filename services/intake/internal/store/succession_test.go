// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/event"
)

// takes tells that one body took over from another, n hours after noon.
func (x shared) takes(t *testing.T, from, to string, n int) {
	t.Helper()
	if err := x.Succeed(t.Context(), event.OrganisationSucceeded{
		Predecessor: event.Organisation{ID: from}, Successor: event.Organisation{ID: to}, Kind: "merged", At: noon.Add(time.Duration(n) * time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
}

// is checks who sees what was reported for a, and whose it was.
func (x shared) is(t *testing.T, when, visible, formerly string) {
	t.Helper()
	if n := count(t, x.db, `SELECT count(*) FROM report_body WHERE organisation = 'a' AND visible_to = '`+visible+`' AND formerly = '`+formerly+`'`); n != 1 {
		t.Errorf("%s: the body's part is not seen by %q, once of %q", when, visible, formerly)
	}
}

// Two mergers one after the other lead to the last one, whichever is known first;
// and one that is told again, or otherwise, leads anew.
func TestASuccessorThatIsGoneItselfLeadsOn(t *testing.T) {
	t.Parallel()
	t.Run("told in order", func(t *testing.T) {
		t.Parallel()
		x := newShared(t)
		x.takes(t, "a", "m", 1)
		x.is(t, "after the first", "m", "a")
		x.takes(t, "m", "n", 2)
		x.is(t, "after the second", "n", "a")
		x.takes(t, "a", "m", 1)
		x.is(t, "when the first is told again", "n", "a")
		x.takes(t, "m", "o", 3)
		x.is(t, "when the second is told otherwise", "o", "a")
	})
	t.Run("the later one first", func(t *testing.T) {
		t.Parallel()
		x := newShared(t)
		x.takes(t, "m", "n", 2)
		x.is(t, "as long as it is another's", "a", "")
		x.takes(t, "a", "m", 1)
		x.is(t, "at the end", "n", "a")
	})
	t.Run("in a circle", func(t *testing.T) {
		t.Parallel()
		x := newShared(t)
		x.takes(t, "m", "n", 1)
		x.takes(t, "n", "m", 2)
		x.takes(t, "a", "m", 3) // it ends, somewhere
	})
}

// What is left of a deleted report does not say who took over from its body, and
// is nobody's whatever is told later.
func TestADeletedReportSaysNothingOfASuccessor(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	x.takes(t, "a", "m", 1)
	for _, r := range store.Retention(nil) {
		if r.Class != "report-content" {
			continue
		}
		for _, step := range r.Steps {
			if _, err := x.db.ExecContext(t.Context(), step, pq.Array([]string{x.report.ID})); err != nil {
				t.Fatal(err)
			}
		}
	}
	nobodys := func(when string) {
		t.Helper()
		if n := count(t, x.db, `SELECT count(*) FROM report_body WHERE visible_to <> '' OR formerly <> ''`); n != 0 {
			t.Errorf("%s: %d bodies of a deleted report lead to somebody", when, n)
		}
	}
	nobodys("deleted")
	x.takes(t, "a", "o", 2)
	// As it was left by a version that kept the predecessor.
	if _, err := x.db.Exec(`UPDATE report_body SET formerly = 'a'`); err != nil {
		t.Fatal(err)
	}
	x.takes(t, "a", "p", 3)
	if n := count(t, x.db, `SELECT count(*) FROM report_body WHERE visible_to <> ''`); n != 0 {
		t.Errorf("%d bodies came back", n)
	}
}
