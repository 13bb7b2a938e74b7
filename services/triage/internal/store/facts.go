// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Opened reports whether the report of the body has its case, under the report's lock.
func (s *Store) Opened(ctx context.Context, report string, affected event.Organisation) (bool, error) {
	if err := s.inLine(ctx, report); err != nil {
		return false, err
	}
	var there bool
	err := s.db.GetContext(ctx, &there, `SELECT exists(SELECT FROM case_reports WHERE report_id = $1 AND affected = $2)`,
		report, casefile.AffectedKey(affected))
	return there, pg.Classify(ctx, err)
}

// OpenOf returns the unfinished cases of an organisation that do not say yet
// that successor took over from it.
func (s *Store) OpenOf(ctx context.Context, organisation, successor string) ([]string, error) {
	var ids []string
	err := s.db.SelectContext(ctx, &ids, `
		SELECT c.id FROM cases c WHERE c.org_id = $1 AND $1 <> '' AND c.state NOT IN ('closed', 'merged')
			AND NOT EXISTS (SELECT FROM case_entries e WHERE e.case_id = c.id AND e.kind = 'succeeded' AND e.ref = $2)
		ORDER BY c.id`, organisation, successor)
	return ids, pg.Classify(ctx, err)
}

// inLine makes everything about one report wait for each other.
func (s *Store) inLine(ctx context.Context, report string) error {
	if _, err := s.db.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 1))`, report); err != nil {
		return pg.Classify(ctx, fmt.Errorf("lock report %s: %w", report, err))
	}
	return nil
}

// Holding returns the cases that hold the report of the affected body now.
func (s *Store) Holding(ctx context.Context, report string, affected event.Organisation) ([]string, error) {
	if err := s.inLine(ctx, report); err != nil {
		return nil, err
	}
	var rows []holder
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT r.affected, r.case_id, c.org_id, coalesce((r.body->>'affected_total')::int, 1) AS total
		FROM case_reports r JOIN cases c ON c.id = r.case_id WHERE r.report_id = $1`, report); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("cases of report %s: %w", report, err))
	}
	ids := holders(rows, affected)
	if len(ids) == 0 {
		return nil, nil
	}
	var roots []string
	err := s.db.SelectContext(ctx, &roots, `
		WITH RECURSIVE up (id, merged_into) AS (
			SELECT id, merged_into FROM cases WHERE id = ANY($1::uuid[])
			UNION
			SELECT c.id, c.merged_into FROM cases c JOIN up ON c.id = up.merged_into
		)
		SELECT id FROM up WHERE merged_into IS NULL ORDER BY id`, pq.Array(ids))
	return roots, pg.Classify(ctx, err)
}

type holder struct {
	Affected string `db:"affected"`
	Case     string `db:"case_id"`
	Org      string `db:"org_id"` // after an analyst confirmed who a guest is
	Total    int    `db:"total"`
}

// holders picks the cases of the affected body: the one its report opened, else
// the one that is the body's now. Where neither fits, a fact about no known body
// is about all bodies once they are there, and a report about one body has only
// that one. What names another body of the register waits for it: it may have
// been added a moment ago, and nothing of it belongs into the others' files.
func holders(rows []holder, affected event.Organisation) []string {
	key := casefile.AffectedKey(affected)
	var all, now []string
	total := 0
	for _, r := range rows {
		total = max(total, r.Total)
		if r.Affected == key {
			return []string{r.Case}
		}
		if affected.ID != "" && r.Org == affected.ID {
			now = append(now, r.Case)
		}
		all = append(all, r.Case)
	}
	switch {
	case len(now) > 0:
		return now
	case len(rows) == 1 && rows[0].Total <= 1, affected.ID == "" && len(rows) > 0 && len(rows) >= total:
		return all
	}
	return nil
}

// Park keeps a fact until its report is there.
func (s *Store) Park(ctx context.Context, report string, e event.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO parked_facts (event_id, report_id, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			e.ID, report, string(body))
		if err != nil {
			return fmt.Errorf("park event %s: %w", e.ID, err)
		}
		return nil
	})
}

// Parked takes the facts that wait for a report, oldest first.
func (s *Store) Parked(ctx context.Context, report string) ([]event.Event, error) {
	var bodies []string
	if err := s.db.SelectContext(ctx, &bodies, `
		WITH taken AS (DELETE FROM parked_facts WHERE report_id = $1 RETURNING event_id, body)
		SELECT body FROM taken ORDER BY event_id`, report); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("parked facts of report %s: %w", report, err))
	}
	out := make([]event.Event, len(bodies))
	var errs error
	for i, b := range bodies {
		errs = errors.Join(errs, json.Unmarshal([]byte(b), &out[i]))
	}
	return out, errs
}
