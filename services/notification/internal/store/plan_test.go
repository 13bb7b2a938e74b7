// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// plant puts a thousand alerts to others into the archive; every hundredth is to
// the organisation.
const plant = `
WITH n AS (SELECT n, gen_random_uuid() AS id FROM generate_series($2::int, $2::int + 999) AS n),
	a AS (SELECT * FROM alerts LIMIT 1), v AS (SELECT * FROM alert_versions LIMIT 1), b AS (SELECT * FROM alert_bodies LIMIT 1),
	made AS (INSERT INTO alerts SELECT x.* FROM a, n, LATERAL jsonb_populate_record(NULL::alerts,
		to_jsonb(a) || jsonb_build_object('id', n.id, 'reference', 'W-2020-' || n.n)) AS x),
	versions AS (INSERT INTO alert_versions SELECT x.* FROM v, n, LATERAL jsonb_populate_record(NULL::alert_versions,
		to_jsonb(v) || jsonb_build_object('alert', n.id)) AS x)
INSERT INTO alert_bodies SELECT x.* FROM b, n, LATERAL jsonb_populate_record(NULL::alert_bodies, to_jsonb(b) || jsonb_build_object(
	'alert', n.id, 'organisation', CASE n.n % 100 WHEN 0 THEN $1::uuid ELSE gen_random_uuid() END)) AS x`

// The warnings to an organisation are found by index, also under row-level
// security: no plan reads the 20,000 to others.
func TestAnOrganisationsWarningsAreReadByIndexHoweverManyOthersGot(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewOwnedDB(t, store.Reader, append(service.Migrations(), store.Migrations)...)
	people := devstack.Reader(t, url, store.Reader)
	s := store.New(db, people, func() time.Time { return noon }, alert.Keyring{Key: []byte("test")})
	sent(t, s, tlp.Amber)
	own := event.NewID()
	for from := 1; from < 20000; from += 1000 {
		if _, err := db.ExecContext(t.Context(), plant, own, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), `ANALYZE alerts, alert_versions, alert_bodies`); err != nil {
		t.Fatal(err)
	}
	seer := actor.Seer{Organisations: []string{own}}
	for name, who := range map[string]actor.Seer{"its people": seer, "its agent": {Mandated: []string{own}}} {
		var lines []string
		if err := pg.As(t.Context(), people, who, func(tx pg.DB) error {
			return tx.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+store.ListOwn,
				pq.Array([]string{}), "", 51, pq.Array(who.Organisations), pq.Array(who.Mandated), pq.Array([]string{string(tlp.Amber)}))
		}); err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, "alert_bodies_organisation") || strings.Contains(plan, "Seq Scan on alert") {
			t.Errorf("%s: the plan reads more than the organisation's own:\n%s", name, plan)
		}
		for _, m := range read.FindAllStringSubmatch(plan, -1) {
			if n, err := strconv.Atoi(m[1]); err != nil || n > 1000 {
				t.Errorf("%s: %s rows are read:\n%s", name, m[1], plan)
			}
		}
	}
	first, next, err := s.As(seer).Alerts(t.Context(), alert.Filter{Organisations: seer.Organisations, Limit: 150})
	if err != nil || len(first) != 150 || next == "" {
		t.Fatalf("the first page: %d, %q, %v; want 150 and more", len(first), next, err)
	}
	rest, next, err := s.As(seer).Alerts(t.Context(), alert.Filter{Organisations: seer.Organisations, Limit: 150, After: next})
	if err != nil || len(rest) != 50 || next != "" {
		t.Errorf("the second page: %d, %q, %v; want the other 50 and no more", len(rest), next, err)
	}
}

var read = regexp.MustCompile(`(?:rows=|Rows Removed by Filter: )(\d+)`)
