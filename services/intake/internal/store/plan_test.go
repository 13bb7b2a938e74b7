// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

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
	for from := 1; from < 20000; from += 2000 {
		if _, err := x.db.ExecContext(t.Context(), `
		WITH n AS (SELECT n, gen_random_uuid() AS id FROM generate_series($1::int, $1::int + 1999) AS n),
			r AS (SELECT * FROM report LIMIT 1), b AS (SELECT * FROM report_body LIMIT 1),
			made AS (INSERT INTO report SELECT x.* FROM r, n, LATERAL jsonb_populate_record(NULL::report, to_jsonb(r) || jsonb_build_object('id', n.id,
				'reference', 'M-2020-' || n.n, 'reporter_id', 'reporter-' || n.n, 'idem_scope', '', 'idem_key', n.n::text)) AS x)
		INSERT INTO report_body SELECT x.* FROM b, n, LATERAL jsonb_populate_record(NULL::report_body, to_jsonb(b) || jsonb_build_object('report_id', n.id,
			'visible_to', CASE n.n % 100 WHEN 0 THEN 'a' ELSE 'other-' || n.n END)) AS x`, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.db.ExecContext(t.Context(), `ANALYZE report, report_body`); err != nil {
		t.Fatal(err)
	}
	var lines []string
	if err := pg.As(t.Context(), x.people, actor.Seer{Organisations: []string{"a"}, Person: "officer"}, func(tx pg.DB) error {
		return tx.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+store.ListTheirs,
			pq.Array([]string{"a"}), "ffffffff-ffff-ffff-ffff-ffffffffffff", 51, "officer")
	}); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "report_body_visible") || strings.Contains(plan, "Seq Scan") {
		t.Errorf("the plan reads more than the body's own:\n%s", plan)
	}
	for _, m := range read.FindAllStringSubmatch(plan, -1) {
		if n, err := strconv.Atoi(m[1]); err != nil || n > 1000 {
			t.Errorf("%s rows are read:\n%s", m[1], plan)
		}
	}
}

var read = regexp.MustCompile(`(?:rows=|Rows Removed by Filter: )(\d+)`)
