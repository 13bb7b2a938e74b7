// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// line is who took over from whom, also one after the other and in whatever order
// that became known. A register that goes in a circle ends after ten.
const line = `
WITH RECURSIVE line AS (
	SELECT predecessor, successor, 1 AS step FROM succession
	UNION ALL
	SELECT l.predecessor, s.successor, l.step + 1 FROM line l JOIN succession s ON s.predecessor = l.successor
	WHERE l.step < 10 AND s.successor <> l.predecessor
)`

// follow lets the people of the last successor see what is open of a predecessor:
// a body of a report that nobody works on yet, or with a case that is not closed.
// What the report says, and whose it was, stays.
//
// Who is concerned is found first: there is hardly ever anybody, and the cases
// of a provider's report are hundreds.
const follow = line + `, heir AS (
	SELECT DISTINCT ON (predecessor) predecessor, successor FROM line WHERE $1 = '' OR predecessor = $1 ORDER BY predecessor, step DESC
), theirs AS MATERIALIZED (
	SELECT b.report_id, b.position, b.organisation, s.successor, s.predecessor
	FROM heir s JOIN report_body b ON b.visible_to = s.predecessor AND b.visible_to <> '' JOIN report r ON r.id = b.report_id
	WHERE r.redacted_at IS NULL AND ($2::uuid[] IS NULL OR b.report_id = ANY ($2::uuid[]))
)
UPDATE report_body b SET visible_to = t.successor, formerly = CASE b.formerly WHEN '' THEN t.predecessor ELSE b.formerly END
FROM theirs t
WHERE b.report_id = t.report_id AND b.position = t.position
	AND coalesce((SELECT bool_or(c.snapshot ->> 'state' NOT IN ('closed', 'merged')) FROM case_report l JOIN case_copy c ON c.id = l.case_id
		WHERE l.report_id = t.report_id AND (t.organisation = '' OR c.snapshot -> 'organisation' ->> 'id' = t.organisation)), true)
RETURNING b.report_id`

// again is for a body that is handed over to another one than before: what no line
// leads to any more goes back, to follow anew. What was redacted is nobody's.
const again = line + `
UPDATE report_body b SET visible_to = formerly, formerly = ''
WHERE formerly <> '' AND visible_to <> ''
	AND NOT EXISTS (SELECT FROM line l WHERE l.predecessor = b.formerly AND l.successor = b.visible_to)
RETURNING report_id`

// Succeed takes in that a body took over from another one. The second time is
// nothing.
func (s *Store) Succeed(ctx context.Context, e event.OrganisationSucceeded) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO succession (predecessor, successor, at) VALUES ($1, $2, $3)
			ON CONFLICT (predecessor) DO UPDATE SET successor = excluded.successor, at = excluded.at WHERE succession.at <= excluded.at`,
			e.Predecessor.ID, e.Successor.ID, e.At); err != nil {
			return fmt.Errorf("keep who took over from %s: %w", e.Predecessor.ID, err)
		}
		var back []string
		if err := tx.SelectContext(ctx, &back, again); err != nil {
			return fmt.Errorf("take back what another one took over from %s: %w", e.Predecessor.ID, err)
		}
		if err := followed(ctx, tx, e.Predecessor.ID, nil); err != nil || len(back) == 0 {
			return err
		}
		return followed(ctx, tx, "", back)
	})
}

// followed moves what is open of one predecessor ("" for all), in the named
// reports (nil for all), with a line of the audit for each.
func followed(ctx context.Context, tx pg.DB, predecessor string, reports []string) error {
	var moved []string
	if err := tx.SelectContext(ctx, &moved, follow, predecessor, pq.Array(reports)); err != nil {
		return fmt.Errorf("let the successor see what is open: %w", err)
	}
	if len(moved) == 0 {
		return nil
	}
	var at audit.Entry
	if err := tx.GetContext(ctx, &at.At, `SELECT now()`); err != nil {
		return fmt.Errorf("read the time: %w", err)
	}
	entries := make([]audit.Entry, len(moved))
	for i, id := range moved {
		entries[i] = audit.Entry{At: at.At, Result: audit.OK, Action: "report.succeeded", ObjectType: "report", ObjectID: id}.By(actor.System("intake"), "")
	}
	_, err := audit.Append(ctx, tx, entries...)
	return err
}
