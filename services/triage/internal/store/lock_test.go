// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Each list and each count leaves out the locked cases of others, and only those.
func TestListsAndCountsLeaveOutLockedCases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open, hers, nobodys := b.report(t, sample.Report(1)), b.report(t, sample.Report(2)), b.report(t, sample.Report(3))
	if _, err := b.Take(t.Context(), sample.Mara, hers, 0); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{hers, nobodys} {
		if _, err := b.Lock(t.Context(), sample.Didi, ref, 0, true, "betrifft das eigene Haus"); err != nil {
			t.Fatal(err)
		}
	}
	both := sample.Jona
	both.Actor.Memberships = append(both.Actor.Memberships, sample.Didi.Actor.Memberships...)
	for name, tt := range map[string]struct {
		by   casefile.By
		want []string
	}{
		"who has one":            {sample.Mara, []string{hers, open}},
		"who has none":           {sample.Jona, []string{open}},
		"duty":                   {sample.Didi, []string{nobodys, hers, open}},
		"lead":                   {sample.Lea, []string{nobodys, hers, open}},
		"an analyst who is both": {both, []string{nobodys, hers, open}},
	} {
		for how, f := range map[string]casefile.Filter{
			"all": {}, "open": {View: casefile.ViewOpen, Sort: casefile.SortReceived}, "folded": {View: casefile.ViewOpen, Sort: casefile.SortReceived, Fold: true}, "search": {Query: "README_RESTORE.txt"},
		} {
			f.Limit = 10
			l, err := b.List(t.Context(), tt.by, f)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range l.Items {
				got = append(got, s.Reference)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, how, diff)
			}
		}
		r := tt.by.Reader(actor.CaseQueue)
		n, err := b.Store.Numbers(t.Context(), r, tt.by.Actor.Person, sample.Noon)
		if err != nil || n.Active != len(tt.want) {
			t.Errorf("%s counts %+v, %v; want %d", name, n, err, len(tt.want))
		}
		kreise, err := b.Store.Kreise(t.Context(), r, false)
		if err != nil || kreise["16071"] != len(tt.want) {
			t.Errorf("%s: the map says %v, %v", name, kreise, err)
		}
		weeks, err := b.Store.Weeks(t.Context(), r, false, sample.Noon.Add(-7*24*time.Hour))
		if err != nil || len(weeks) != 1 || weeks[0].Total() != len(tt.want) {
			t.Errorf("%s: the weeks say %v, %v", name, weeks, err)
		}
		d, err := b.Dossier(t.Context(), tt.by, open, casefile.Window{})
		if err != nil || len(d.Siblings) != len(tt.want)-1 {
			t.Errorf("%s: %d siblings, %v; want %d", name, len(d.Siblings), err, len(tt.want)-1)
		}
		for _, ref := range []string{hers, nobodys} {
			_, err := b.Line(t.Context(), tt.by, ref)
			if seen := strings.Contains(strings.Join(tt.want, " "), ref); seen != (err == nil) || !seen && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: the line of %s: %v", name, ref, err)
			}
		}
	}
	if got, err := b.Store.List(t.Context(), casefile.By{}, casefile.Filter{Limit: 10, Now: sample.Noon}); err != nil || len(got.Items) != 1 {
		t.Errorf("without a reader %d cases, %v; want only the open one", len(got.Items), err)
	}
	b.intact(t)
}

// Looking past locked cases costs no other plan than not doing so, and the list of
// the locked ones reads no archive.
func TestTheLockCostsNoIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	archive(t, b.db, 10000)
	if _, err := b.db.Exec(`UPDATE cases SET locked = true WHERE right(reference, 3) = '170'`); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		f     casefile.Filter
		index string
	}{
		"by deadline": {casefile.Filter{View: casefile.ViewOpen, Sort: casefile.SortDue}, "cases_queue_due"},
		"all":         {casefile.Filter{View: casefile.ViewAll}, "cases_received"},
		"of a body":   {casefile.Filter{Organisation: "org5"}, "cases_by_org"},
		"a search":    {casefile.Filter{Query: "4711"}, "cases_search"},
		"locked ones": {casefile.Filter{Mark: casefile.MarkLocked}, "cases_locked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.f.Limit, tt.f.Now, tt.f.Reader = 50, sample.Noon, sample.Jona.Reader(actor.CaseQueue)
			query, args, err := store.ListQuery(tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			if err := b.db.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+query, args...); err != nil {
				t.Fatal(err)
			}
			if plan := strings.Join(lines, "\n"); !strings.Contains(plan, tt.index) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("plan does not use %s:\n%s", tt.index, plan)
			}
		})
	}
}

// A merge and a lock at the same moment leave no open case in a locked one.
func TestAMergeDuringALockLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 8 {
		into, from := b.report(t, sample.Report(2*i+1)), b.report(t, sample.Report(2*i+2))
		var wg sync.WaitGroup
		again := func(do func() (string, error)) {
			for {
				if _, err := do(); !fault.Is(err, fault.Unavailable) {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		}
		wg.Go(func() {
			again(func() (string, error) { return b.Lock(t.Context(), sample.Lea, into, 0, true, "x") })
		})
		wg.Go(func() {
			again(func() (string, error) { return b.Merge(t.Context(), sample.Lea, from, 0, into, "x") })
		})
		wg.Wait()
	}
	var locked, open int
	if err := b.db.Get(&locked, `SELECT count(*) FROM cases WHERE locked`); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Get(&open, `SELECT count(*) FROM cases c JOIN cases i ON i.id = c.merged_into WHERE c.locked <> i.locked`); err != nil {
		t.Fatal(err)
	}
	if locked != 16 || open != 0 {
		t.Errorf("%d of 16 cases are locked, %d differ from what they were merged into", locked, open)
	}
	b.intact(t)
}
