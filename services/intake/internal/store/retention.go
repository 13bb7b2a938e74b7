// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// ended finds the reports all of whose cases are closed, the last one before
// $1. A hold on any of the cases is the report's.
const ended = `
WITH ended AS (
	SELECT l.report_id, max((c.snapshot ->> 'closed_at')::timestamptz) FILTER (WHERE c.snapshot ->> 'state' = 'closed') AS at,
		bool_or(coalesce((c.snapshot ->> 'hold')::boolean, false)) AS held
	FROM case_report l JOIN case_copy c ON c.id = l.case_id
	GROUP BY l.report_id
	HAVING bool_and(c.snapshot ->> 'state' IN ('closed', 'merged'))
		AND max((c.snapshot ->> 'closed_at')::timestamptz) FILTER (WHERE c.snapshot ->> 'state' = 'closed') < $1
)`

// lockCases keeps the cases of the reports from being put on hold, or opened
// again, while the reports are deleted.
const lockCases = `
SELECT 1 FROM case_copy WHERE id IN (SELECT case_id FROM case_report WHERE report_id = ANY (%s)) ORDER BY id FOR UPDATE`

// Retention are the rules of intake's own data (docs/datenschutz.md). Drafts go
// after a day, with their photos (Sweep).
func Retention(b retention.Bucket) []retention.Rule {
	return []retention.Rule{reportFiles(b), reportContent(b)}
}

func reportFiles(b retention.Bucket) retention.Rule {
	return retention.Rule{
		Class: "report-files", Keep: 90 * retention.Day,
		Title: retention.Text{DE: "Dateien an Meldungen", EN: "Files of reports"},
		After: retention.Text{DE: "nach dem Abschluss des letzten Falls zur Meldung", EN: "after the last case of the report was closed"},
		Then: retention.Text{
			DE: "Datei samt Schlüssel vernichtet; Name, Größe und Prüfsumme bleiben bis zur Löschung der Meldung",
			EN: "file and key destroyed; name, size and checksum stay until the report is deleted",
		},
		Due: ended + `
			SELECT a.id::text AS id, e.at, e.held
			FROM report_attachment a JOIN ended e ON e.report_id = a.report_id WHERE a.destroyed_at IS NULL`,
		Lock: fmt.Sprintf(lockCases, `ARRAY(SELECT report_id FROM report_attachment WHERE id = ANY ($1::uuid[]))`),
		Each: func(ctx context.Context, tx pg.DB, ids []string) error {
			return shred(ctx, tx, b, `id = ANY ($1::uuid[])`, ids)
		},
		Steps: []string{`UPDATE report_attachment SET blob = 'destroyed:' || id, destroyed_at = now() WHERE id = ANY ($1::uuid[])`},
	}
}

// shred deletes the bytes of the files that a condition on the ids $1 names.
func shred(ctx context.Context, tx pg.DB, b retention.Bucket, which string, ids []string) error {
	return retention.Shred(ctx, tx, b, `SELECT blob FROM report_attachment WHERE destroyed_at IS NULL AND `+which, ids)
}

// reportContent leaves the skeleton of a report: when, by which door, what
// kind. The digest stays, so that a receipt can still be told to be ours.
func reportContent(b retention.Bucket) retention.Rule {
	return retention.Rule{
		Class: "report-content", Keep: 3 * retention.Year,
		Title: retention.Text{DE: "Inhalt der Meldungen, Nachrichten und Nachträge", EN: "Content of reports, messages and supplements"},
		After: retention.Text{DE: "nach dem Abschluss des letzten Falls zur Meldung", EN: "after the last case of the report was closed"},
		Then: retention.Text{
			DE: "Gerippe bleibt: Nummer, Zeiten, Kanal, Art, Prüfwert der Quittung, Schlüsselwert der Stelle",
			EN: "a skeleton stays: number, times, channel, kind, digest of the receipt, keyed hash of the organisation",
		},
		Due: ended + `
			SELECT r.id::text AS id, e.at, e.held FROM report r JOIN ended e ON e.report_id = r.id WHERE r.redacted_at IS NULL`,
		Lock: fmt.Sprintf(lockCases, `$1::uuid[]`),
		Each: func(ctx context.Context, tx pg.DB, ids []string) error {
			return shred(ctx, tx, b, `report_id = ANY ($1::uuid[])`, ids)
		},
		Steps: []string{
			`DELETE FROM report_message WHERE report_id = ANY ($1::uuid[])`,
			`DELETE FROM report_step WHERE report_id = ANY ($1::uuid[])`,
			`DELETE FROM report_supplement WHERE report_id = ANY ($1::uuid[])`,
			`DELETE FROM report_attachment WHERE report_id = ANY ($1::uuid[])`,
			`UPDATE report_body SET organisation = retention_token(coalesce(nullif(organisation, ''), name)), ags = '', name = '',
				kreis = CASE WHEN level IN ('gemeinde', 'vg', 'zweckverband') THEN kreis ELSE '' END,
				on_behalf = retention_token(on_behalf), visible_to = '', formerly = '',
				own = '{}', contact = '{}', agent = retention_token(agent), agent_name = ''
				WHERE report_id = ANY ($1::uuid[])`,
			`UPDATE case_copy SET snapshot = jsonb_strip_nulls(jsonb_build_object(
					'id', snapshot -> 'id', 'reference', snapshot -> 'reference', 'version', snapshot -> 'version', 'state', snapshot -> 'state',
					'severity', snapshot -> 'severity', 'tlp', snapshot -> 'tlp', 'class', snapshot -> 'class', 'what', snapshot -> 'what',
					'disposition', snapshot -> 'disposition', 'verified', snapshot -> 'verified', 'exercise', snapshot -> 'exercise',
					'reports', snapshot -> 'reports', 'report_status', snapshot -> 'report_status', 'merged_into', snapshot -> 'merged_into',
					'hold', snapshot -> 'hold', 'locked', snapshot -> 'locked', 'received_at', snapshot -> 'received_at', 'opened_at', snapshot -> 'opened_at',
					'changed_at', snapshot -> 'changed_at', 'closed_at', snapshot -> 'closed_at'))
				WHERE id IN (SELECT case_id FROM case_report WHERE report_id = ANY ($1::uuid[]))`,
			`UPDATE case_report SET organisation = '' WHERE report_id = ANY ($1::uuid[])`,
			`UPDATE report SET reporter_id = '', reporter = '', home = retention_token(home), redacted_at = now(), content = jsonb_strip_nulls(jsonb_build_object(
					'what', content -> 'what', 'impact', content -> 'impact', 'noticed_at', content -> 'noticed_at',
					'noticed_approx', content -> 'noticed_approx', 'tlp', content -> 'tlp', 'exercise', content -> 'exercise'))
				WHERE id = ANY ($1::uuid[])`,
		},
	}
}
