// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// A list of a body's own reports finds them by index under row-level security
// too: no plan reads the 20,000 of the others (reliability model §0).
func TestTheRulesReadByIndexHoweverManyReportsOthersHave(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	x.fill(t, "")
	x.readsLittle(t, "report_body_visible", store.ListTheirs, pq.Array([]string{"a"}), "ffffffff-ffff-ffff-ffff-ffffffffffff", 51, "officer")
}

// A member's own list costs what concerns it: of a provider's report about 605
// the rules are not asked about the others' cases.
func TestAMembersListReadsNoCaseOfTheOtherMembers(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	var reports []string
	if err := x.db.SelectContext(t.Context(), &reports, `
		WITH b AS (SELECT * FROM report_body LIMIT 1), n AS (SELECT n FROM generate_series(2, 605) AS n),
			cases AS (INSERT INTO case_copy SELECT 'case-' || n, 1, jsonb_build_object('state', 'working', 'organisation', jsonb_build_object('id',
				CASE n WHEN 2 THEN 'a' ELSE 'other-' || n END)) FROM n),
			links AS (INSERT INTO case_report (report_id, case_id, organisation) SELECT b.report_id, 'case-' || n, CASE n WHEN 2 THEN 'a' ELSE 'other-' || n END FROM b, n),
			bodies AS (INSERT INTO report_body SELECT x.* FROM b, n, LATERAL jsonb_populate_record(NULL::report_body, to_jsonb(b) || jsonb_build_object('position', 100 + n,
				'organisation', CASE n WHEN 2 THEN 'a' ELSE 'other-' || n END, 'visible_to', CASE n WHEN 2 THEN 'a' ELSE 'other-' || n END)) AS x)
		SELECT report_id FROM b`); err != nil {
		t.Fatal(err)
	}
	if _, err := x.db.ExecContext(t.Context(), `ANALYZE report, report_body, case_copy, case_report`); err != nil {
		t.Fatal(err)
	}
	plan := x.plan(t, store.ReportCases, pq.Array(reports), pq.Array(reports), pq.Array([]string{"a"}))
	_, filter, _ := strings.Cut(plan, " on case_report l ")
	own, rules := strings.Index(filter, "(organisation = ANY"), strings.Index(filter, "case_organisation(case_id)")
	if own < 0 || rules < own {
		t.Errorf("the rules are asked before the link's organisation (at %d, rules at %d):\n%s", own, rules, plan)
	}
}

// Figures of a period cost what the organisation reported then, however much it and
// others reported before.
func TestFiguresReadByIndexHoweverOldTheArchiveIs(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	x.fill(t, `'taken_in_at', timestamptz '2026-11-22 12:00Z' - n.n * interval '1 hour', 'visible_to', CASE n.n % 4 WHEN 0 THEN 'a' ELSE 'other-' || n.n END`)
	from, to := noon.AddDate(0, 0, -60), noon.Add(time.Hour)
	x.readsLittle(t, "report_body_taken_in", store.CountedBodies, pq.Array([]string{"a"}), from, to)
	lines, err := x.Lines(t.Context(), actor.Seer{Organisations: []string{"a"}}, []string{"a"}, from, to)
	if err != nil || len(lines) != 361 { // each fourth hour of sixty days, and the first report
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	ids, orgs := make([]string, len(lines)), make([]string, len(lines))
	for i, l := range lines {
		ids[i], orgs[i] = l.ID, "a"
		if len(l.Affected[0].Cases) != 1 {
			t.Errorf("report %s has %d cases", l.ID, len(l.Affected[0].Cases))
		}
	}
	x.readsLittle(t, "case_report_organisation", store.CountedCases, pq.Array(ids), pq.Array(orgs))
}

// fill adds 20,000 reports like the first one; each hundredth is about a, or as
// changed says.
func (x shared) fill(t *testing.T, changed string) {
	t.Helper()
	if changed == "" {
		changed = `'visible_to', CASE n.n % 100 WHEN 0 THEN 'a' ELSE 'other-' || n.n END`
	}
	for from := 1; from < 20000; from += 2000 {
		if _, err := x.db.ExecContext(t.Context(), `
		WITH n AS (SELECT n, gen_random_uuid() AS id FROM generate_series($1::int, $1::int + 1999) AS n),
			r AS (SELECT * FROM report LIMIT 1), b AS (SELECT * FROM report_body LIMIT 1),
			made AS (INSERT INTO report SELECT x.* FROM r, n, LATERAL jsonb_populate_record(NULL::report, to_jsonb(r) || jsonb_build_object('id', n.id,
				'reference', 'M-2020-' || n.n, 'reporter_id', 'reporter-' || n.n, 'idem_scope', '', 'idem_key', n.n::text)) AS x),
			cases AS (INSERT INTO case_copy SELECT 'case-' || n.n, 1, jsonb_build_object('state', 'working', 'verified', true,
				'organisation', jsonb_build_object('id', CASE n.n % 4 WHEN 0 THEN 'a' ELSE 'other-' || n.n END)) FROM n),
			links AS (INSERT INTO case_report (report_id, case_id, organisation) SELECT n.id, 'case-' || n.n, CASE n.n % 4 WHEN 0 THEN 'a' ELSE 'other-' || n.n END FROM n)
		INSERT INTO report_body SELECT x.* FROM b, n, LATERAL jsonb_populate_record(NULL::report_body, to_jsonb(b) || jsonb_build_object('report_id', n.id, `+changed+`)) AS x`, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.db.ExecContext(t.Context(), `ANALYZE report, report_body, case_copy, case_report`); err != nil {
		t.Fatal(err)
	}
}

// readsLittle checks that a statement finds its rows by an index when a's officer asks.
func (x shared) readsLittle(t *testing.T, index, statement string, args ...any) {
	t.Helper()
	plan := x.plan(t, statement, args...)
	if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan") {
		t.Errorf("the plan reads more than the body's own:\n%s", plan)
	}
	for _, m := range read.FindAllStringSubmatch(plan, -1) {
		if n, err := strconv.Atoi(m[1]); err != nil || n > 1000 {
			t.Errorf("%s rows are read:\n%s", m[1], plan)
		}
	}
}

// plan is how a statement runs when a's officer asks.
func (x shared) plan(t *testing.T, statement string, args ...any) string {
	t.Helper()
	var lines []string
	if err := pg.As(t.Context(), x.people, actor.Seer{Organisations: []string{"a"}, Person: "officer"}, func(tx pg.DB) error {
		return tx.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+statement, args...)
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

var read = regexp.MustCompile(`(?:rows=|Rows Removed by Filter: )(\d+)`)
