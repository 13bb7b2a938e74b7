// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// accesses finds the acts on the reports of an organisation and on their files.
// An act at a report of several bodies concerns this one when somebody acted on
// its behalf, or was one of people; the reader of another member does not. The
// service's own work is no access.
const accesses = `
WITH own AS (
	SELECT b.report_id, r.reference,
		(SELECT count(*) FROM report_body x WHERE x.report_id = b.report_id) = 1 AS alone
	FROM report_body b JOIN report r ON r.id = b.report_id WHERE b.visible_to = $1
), object AS (
	SELECT 'report' AS type, report_id::text AS id, report_id, reference, alone, '' AS file FROM own
	UNION ALL
	SELECT 'attachment', a.id::text, o.report_id, o.reference, o.alone, a.name
	FROM own o JOIN report_attachment a ON a.report_id = o.report_id AND $1 = ANY (a.bodies)
)
SELECT a.seq, a.at, a.actor, a.on_behalf_of, a.action, o.report_id, o.reference, o.file
FROM object o JOIN audit a ON a.object_type = o.type AND a.object_id = o.id
WHERE a.result = 'ok' AND a.actor NOT LIKE 'service:%'
	AND (a.on_behalf_of = $1 OR NOT $2 AND a.on_behalf_of = '' AND (o.alone OR a.actor = ANY ($3)))
	AND ($4 = 0 OR a.seq < $4)
ORDER BY a.seq DESC LIMIT $5`

// Accesses reads the log of an organisation, the newest first.
func (s *Store) Accesses(ctx context.Context, f report.AccessFilter) ([]report.Access, error) {
	var rows []struct {
		Seq       int64     `db:"seq"`
		At        time.Time `db:"at"`
		Actor     string    `db:"actor"`
		OnBehalf  string    `db:"on_behalf_of"`
		Action    string    `db:"action"`
		Report    string    `db:"report_id"`
		Reference string    `db:"reference"`
		File      string    `db:"file"`
	}
	err := s.db.SelectContext(ctx, &rows, accesses, f.Organisation, f.OnBehalf, pq.Array(f.People), f.Before, f.Limit)
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the accesses to the reports of %s: %w", f.Organisation, err))
	}
	out := make([]report.Access, len(rows))
	for i, r := range rows {
		out[i] = report.Access{Seq: r.Seq, At: r.At.UTC(), Actor: r.Actor, OnBehalf: r.OnBehalf, Action: r.Action, Report: r.Report, Reference: r.Reference, File: r.File}
	}
	return out, nil
}
