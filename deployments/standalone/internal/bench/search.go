// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// rlsRounds is how often row-level security goes off and on again.
const rlsRounds = 4

// searches are for what one archived case says, and for what all of them say.
var searches = map[string]string{"search": casesPath + "?q=V-2020-000777", "search.common": casesPath + "?q=Virenscanner"}

// measureSearch adds the analysts' search over the large archive, and over the
// small one for the ratio. Triage has no row-level rules, since every analyst may
// search everything: the search must not pay for those of the other services.
func (s *system) measureSearch(ctx context.Context, p Plan, f *Figures, small, large map[string]time.Duration) error {
	var rules int
	if err := s.triage.GetContext(ctx, &rules, `SELECT count(*) FROM pg_policies`); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.Out, "  search over %d archived cases: one hit %.2f ms, hits everywhere %.2f ms (over %d: %.2f and %.2f); %d row-level rules\n",
		largeArchive, ms(large["search"]), ms(large["search.common"]), smallArchive, ms(small["search"]), ms(small["search.common"]), rules)
	for _, name := range []string{"search", "search.common"} {
		f.Add(name+".ms", ms(large[name]), "ms")
		f.Add(name+".ratio", float64(large[name])/float64(small[name]), "x")
	}
	return s.measureRLS(ctx, p, f)
}

// manyReports are the years behind one report, each for a body of its own but for
// every hundredth, which is the officer's.
const manyReports = `
WITH r AS (SELECT * FROM report ORDER BY id LIMIT 1), b AS (SELECT * FROM report_body WHERE report_id = (SELECT id FROM r) LIMIT 1),
	n AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 20000) AS n),
	made AS (INSERT INTO report SELECT x.* FROM r, n, LATERAL jsonb_populate_record(NULL::report, to_jsonb(r) || jsonb_build_object('id', n.id, 'reference', 'M-2020-' || lpad(n.n::text, 6, '0'),
		'reporter_id', 'reporter-' || n.n, 'idem_scope', '', 'idem_key', n.n::text)) AS x)
INSERT INTO report_body SELECT x.* FROM b, n, LATERAL jsonb_populate_record(NULL::report_body, to_jsonb(b) || jsonb_build_object('report_id', n.id,
	'organisation', CASE n.n % 100 WHEN 0 THEN b.organisation ELSE gen_random_uuid()::text END,
	'visible_to', CASE n.n % 100 WHEN 0 THEN b.visible_to ELSE gen_random_uuid()::text END)) AS x`

// measureRLS compares an officer's list of reports with
// row-level security and without: the same requests to the same running services,
// the rules switched off and on in turns.
func (s *system) measureRLS(ctx context.Context, p Plan, f *Figures) error {
	officer, err := s.demo.Person(actor.Officer)
	if err != nil {
		return err
	}
	took, err := s.withAndWithout(ctx, "intake", manyReports, "/api/intake/v1/reports", officer.Token)
	if err != nil {
		return fmt.Errorf("reports: %w", err)
	}
	_, _ = fmt.Fprintf(p.Out, "  a body's own of 20000 reports: %.2f ms with row-level security, %.2f ms without\n", ms(took[true]), ms(took[false]))
	f.Add("rls.reports.ms", ms(took[true]), "ms")
	f.Add("rls.reports.ratio", float64(took[true])/float64(took[false]), "x")
	return nil
}

// withAndWithout fills a service's database and returns the median of the list
// with the rules (true) and without.
func (s *system) withAndWithout(ctx context.Context, service, fill, path, token string) (_ map[bool]time.Duration, err error) {
	db, err := sqlx.ConnectContext(ctx, "postgres", s.demo.Database(service))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, fill); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	if _, err := db.ExecContext(ctx, `VACUUM ANALYZE`); err != nil {
		return nil, err
	}
	took := map[bool][]time.Duration{}
	for range rlsRounds {
		for _, on := range []bool{false, true} { // on comes last and stays
			if err := ruled(ctx, db, on); err != nil {
				return nil, err
			}
			one, err := s.askAll(ctx, token, map[string]string{"": path})
			if err != nil {
				return nil, err
			}
			took[on] = append(took[on], one[""]...)
		}
	}
	out := map[bool]time.Duration{}
	for on, list := range took {
		slices.Sort(list)
		out[on] = percentile(list, 0.5)
	}
	return out, nil
}

// ruled switches the row-level security of every table that has policies.
func ruled(ctx context.Context, db *sqlx.DB, on bool) error {
	var tables []string
	if err := db.SelectContext(ctx, &tables, `SELECT DISTINCT quote_ident(tablename) FROM pg_policies`); err != nil {
		return err
	}
	word := "DISABLE"
	if on {
		word = "ENABLE"
	}
	for _, t := range tables {
		if _, err := db.ExecContext(ctx, `ALTER TABLE `+t+` `+word+` ROW LEVEL SECURITY`); err != nil {
			return err
		}
	}
	return nil
}
