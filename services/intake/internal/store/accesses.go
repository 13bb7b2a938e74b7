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

// accessible are the reports of an organisation and their files, as the reader
// sees them: what the policies leave out has no line in the log either.
const accessible = `
SELECT 'report' AS type, b.report_id::text AS id, b.report_id::text AS report_id, '' AS file, b.formerly
FROM report_body b WHERE b.visible_to = $1
UNION ALL
SELECT 'attachment', a.id::text, b.report_id::text, a.name, b.formerly
FROM report_body b JOIN report_attachment a ON a.report_id = b.report_id AND b.organisation = ANY (a.bodies) WHERE b.visible_to = $1`

// accesses finds the acts on these. An act at a report of several bodies concerns
// this one when somebody acted on its behalf, or was one of people; the reader of
// another member does not. A look on behalf of several is one line that names
// them all (named: this one is among them); each sees itself alone. The service's
// own work is no access. Figures that an agent downloaded belong to no report.
const accesses = `
SELECT a.seq, a.at, a.actor, a.action, r.id::text AS report_id, r.reference, o.file, r.content ->> 'tlp' = 'RED' AS red,
	CASE WHEN a.on_behalf_of = '' AND NOT p.named THEN '' WHEN o.formerly <> '' AND a.on_behalf_of = o.formerly THEN o.formerly ELSE $1 END AS on_behalf_of
FROM unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) AS o(type, id, report_id, file, formerly)
JOIN report r ON r.id = o.report_id::uuid
JOIN audit a ON a.object_type = o.type AND a.object_id = o.id
CROSS JOIN LATERAL (SELECT coalesce(convert_from(a.body, 'UTF8')::jsonb -> 'principals' ?| ARRAY[$1, nullif(o.formerly, '')], false) AS named) p
WHERE a.result = 'ok' AND a.actor NOT LIKE 'service:%'
	AND (a.on_behalf_of = $1 OR o.formerly <> '' AND a.on_behalf_of = o.formerly
		OR p.named OR NOT $2 AND a.on_behalf_of = ''
		AND (a.actor = ANY ($3) OR (SELECT count(*) FROM report_body x WHERE x.report_id = r.id) = 1))
	AND ($4 = 0 OR a.seq < $4)
UNION ALL
(SELECT a.seq, a.at, a.actor, a.action, '', '', '', false, $1 FROM audit a
WHERE a.on_behalf_of = $1 AND a.object_type = 'figures' AND a.result = 'ok' AND ($4 = 0 OR a.seq < $4))
ORDER BY seq DESC LIMIT $5`

// Accesses reads the log of an organisation, the newest first.
func (r reading) Accesses(ctx context.Context, f report.AccessFilter) ([]report.Access, error) {
	var objects []struct {
		Type   string `db:"type"`
		ID     string `db:"id"`
		Report string `db:"report_id"`
		File   string `db:"file"`
		Former string `db:"formerly"`
	}
	if err := r.see(ctx, func(tx pg.DB) error { return tx.SelectContext(ctx, &objects, accessible, f.Organisation) }); err != nil {
		return nil, err
	}
	n := len(objects)
	types, ids, reports, files, formerly := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, o := range objects {
		types[i], ids[i], reports[i], files[i], formerly[i] = o.Type, o.ID, o.Report, o.File, o.Former
	}
	var rows []struct {
		Seq       int64     `db:"seq"`
		At        time.Time `db:"at"`
		Actor     string    `db:"actor"`
		OnBehalf  string    `db:"on_behalf_of"`
		Action    string    `db:"action"`
		Report    string    `db:"report_id"`
		Reference string    `db:"reference"`
		File      string    `db:"file"`
		Red       bool      `db:"red"`
	}
	err := r.db.SelectContext(ctx, &rows, accesses, f.Organisation, f.OnBehalf, pq.Array(f.People), f.Before, f.Limit,
		pq.Array(types), pq.Array(ids), pq.Array(reports), pq.Array(files), pq.Array(formerly))
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the accesses to the reports of %s: %w", f.Organisation, err))
	}
	out := make([]report.Access, len(rows))
	for i, x := range rows {
		out[i] = report.Access{Seq: x.Seq, At: x.At.UTC(), Actor: x.Actor, OnBehalf: x.OnBehalf, Action: x.Action, Report: x.Report, Reference: x.Reference, File: x.File, Red: x.Red}
	}
	return out, nil
}
