// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// ended finds the cases that were closed before $1, and those merged into them:
// they end with the case that took them in, and its hold is theirs.
const ended = `
WITH RECURSIVE ended (id, root, closed_at, held) AS (
	SELECT id, id, closed_at, hold FROM cases WHERE state = 'closed' AND closed_at < $1
	UNION ALL
	SELECT c.id, e.root, e.closed_at, e.held OR c.hold FROM cases c JOIN ended e ON c.merged_into = e.id
)`

// lockRoots keeps the cases $1, and those they were merged into, from being
// put on hold or opened again while they are deleted.
const lockRoots = `
SELECT 1 FROM cases WHERE id IN (
	WITH RECURSIVE up (id, above) AS (
		SELECT id, merged_into FROM cases WHERE id = ANY (%s)
		UNION
		SELECT c.id, c.merged_into FROM cases c JOIN up u ON c.id = u.above
	) SELECT id FROM up
) ORDER BY id FOR UPDATE`

// Retention are the rules of triage's own data (docs/datenschutz.md).
func Retention(f retention.Bucket) []retention.Rule {
	return []retention.Rule{caseFiles(f), caseContent(f), campaigns(), {
		Class: "parked-facts", Keep: 90 * retention.Day, Auto: true,
		Title: retention.Text{DE: "Nachträge, zu denen nie eine Meldung kam", EN: "Additions whose report never came"},
		After: retention.Text{DE: "nach dem Eingang", EN: "after they came in"},
		Then:  retention.Text{DE: "gelöscht", EN: "deleted"},
		Due:   `SELECT event_id::text AS id, at, false AS held FROM parked_facts WHERE at < $1`,
		Steps: []string{`DELETE FROM parked_facts WHERE event_id = ANY ($1::uuid[])`},
	}}
}

// caseFiles destroys the files of closed cases: the key of each stands in its
// own head (age), so that it goes with the file.
func caseFiles(f retention.Bucket) retention.Rule {
	return retention.Rule{
		Class: "case-files", Keep: 90 * retention.Day,
		Title: retention.Text{DE: "Dateien an Fällen", EN: "Files of cases"},
		After: retention.Text{DE: "nach dem Abschluss des Falls", EN: "after the case was closed"},
		Then: retention.Text{
			DE: "Datei samt Schlüssel vernichtet; Name, Größe und Prüfsumme bleiben bis zur Löschung des Falls",
			EN: "file and key destroyed; name, size and checksum stay until the case is deleted",
		},
		Due: ended + `
			SELECT a.case_id || '/' || a.id AS id, e.closed_at AS at, e.held
			FROM case_attachments a JOIN ended e ON e.id = a.case_id WHERE a.destroyed_at IS NULL`,
		Lock: fmt.Sprintf(lockRoots, `ARRAY(SELECT split_part(x, '/', 1)::uuid FROM unnest($1::text[]) AS x)`),
		Each: func(ctx context.Context, tx pg.DB, ids []string) error {
			return shred(ctx, tx, f, `%[1]s.case_id || '/' || %[1]s.id = ANY ($1::text[])`, ids)
		},
		Steps: []string{`UPDATE case_attachments SET blob = '', destroyed_at = now() WHERE case_id || '/' || id = ANY ($1::text[])`},
	}
}

// shred deletes the bytes of the files that mine names (a condition on a row
// %[1]s and the ids $1), unless another case that is not due still has them.
func shred(ctx context.Context, tx pg.DB, f retention.Bucket, mine string, ids []string) error {
	return retention.Shred(ctx, tx, f, `
		SELECT DISTINCT a.blob FROM case_attachments a
		WHERE a.blob <> '' AND `+fmt.Sprintf(mine, "a")+` AND NOT EXISTS (
			SELECT FROM case_attachments o WHERE o.blob = a.blob AND NOT (`+fmt.Sprintf(mine, "o")+`))`, ids)
}

// caseContent leaves the skeleton of a case: dates, class, severity, and a
// keyed hash of the body, so that statistics stay true.
func caseContent(f retention.Bucket) retention.Rule {
	return retention.Rule{
		Class: "case-content", Keep: 3 * retention.Year,
		Title: retention.Text{DE: "Inhalt abgeschlossener Fälle", EN: "Content of closed cases"},
		After: retention.Text{DE: "nach dem Abschluss des Falls", EN: "after the case was closed"},
		Then: retention.Text{
			DE: "Gerippe bleibt: Zeiten, Klasse, Schwere, Art und Schlüsselwert der Stelle",
			EN: "a skeleton stays: times, class, severity, kind and keyed hash of the organisation",
		},
		Due: ended + `
			SELECT c.id::text AS id, e.closed_at AS at, e.held
			FROM cases c JOIN ended e ON e.id = c.id WHERE c.redacted_at IS NULL`,
		Lock: fmt.Sprintf(lockRoots, `$1::uuid[]`),
		Each: func(ctx context.Context, tx pg.DB, ids []string) error {
			return shred(ctx, tx, f, `%[1]s.case_id = ANY ($1::uuid[])`, ids)
		},
		Steps: []string{
			`DELETE FROM case_messages WHERE case_id = ANY ($1::uuid[])`,
			`DELETE FROM case_notes WHERE case_id = ANY ($1::uuid[])`,
			`DELETE FROM case_supplements WHERE case_id = ANY ($1::uuid[])`,
			`DELETE FROM case_attachments WHERE case_id = ANY ($1::uuid[])`,
			`DELETE FROM parked_facts WHERE report_id IN (SELECT report_id FROM case_reports WHERE case_id = ANY ($1::uuid[]))`,
			// The lines stay, since the audit counts them; what people wrote goes.
			`UPDATE case_entries SET actor_name = '', reason = '', ref = '',
				from_value = CASE WHEN kind IN ('state.changed', 'closed', 'reopened', 'severity.changed', 'class.changed', 'tlp.changed') THEN from_value ELSE '' END,
				to_value = CASE WHEN kind IN ('state.changed', 'closed', 'reopened', 'severity.changed', 'class.changed', 'tlp.changed') THEN to_value ELSE '' END
				WHERE case_id = ANY ($1::uuid[])`,
			`UPDATE case_reports SET affected = retention_token(affected), body = jsonb_strip_nulls(jsonb_build_object(
					'report', report_id, 'reference', reference, 'channel', body -> 'channel', 'verified', body -> 'verified',
					'what', body -> 'what', 'impact', body -> 'impact', 'noticed_at', body -> 'noticed_at', 'received_at', body -> 'received_at',
					'exercise', body -> 'exercise', 'affected_total', body -> 'affected_total'))
				WHERE case_id = ANY ($1::uuid[])`,
			`UPDATE case_hold SET reason = '' WHERE case_id = ANY ($1::uuid[])`,
			`UPDATE cases SET title = reference, words = '', assignee_name = '', flags = '{}', active = false, redacted_at = now(),
				taken_over = NULL, contradicted = NULL,
				org_id = retention_token(coalesce(nullif(org_id, ''), org_name)), org_ags = '', org_name = '',
				org_kreis = CASE WHEN org_level IN ('gemeinde', 'vg', 'zweckverband') THEN org_kreis ELSE '' END
				WHERE id = ANY ($1::uuid[])`,
		},
	}
}

// campaigns leaves of a closed campaign when it was and how many it concerned.
func campaigns() retention.Rule {
	return retention.Rule{
		Class: "campaigns", Keep: 3 * retention.Year,
		Title: retention.Text{DE: "Abgeschlossene Lagen", EN: "Closed campaigns"},
		After: retention.Text{DE: "nach dem Abschluss der Lage", EN: "after the campaign was closed"},
		Then:  retention.Text{DE: "Nummer, Zeiten und Zahlen bleiben; Titel, Namen und Texte gelöscht", EN: "number, times and counts stay; title, names and texts deleted"},
		Due: `SELECT c.id::text AS id, c.closed_at AS at, EXISTS (SELECT FROM cases k WHERE k.campaign_id = c.id AND k.hold) AS held
			FROM campaigns c WHERE c.state = 'closed' AND c.closed_at < $1 AND c.title <> c.reference`,
		Lock: `SELECT 1 FROM cases WHERE campaign_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
		Steps: []string{
			`DELETE FROM campaign_job_cases WHERE job_id IN (SELECT id FROM campaign_jobs WHERE campaign_id = ANY ($1::uuid[]))`,
			`DELETE FROM campaign_jobs WHERE campaign_id = ANY ($1::uuid[])`,
			`UPDATE campaign_entries SET actor_name = '', from_value = '', to_value = '', reason = '', ref = '' WHERE campaign_id = ANY ($1::uuid[])`,
			`UPDATE campaigns SET title = reference, agent_name = '', agent_id = retention_token(agent_id), assignee_name = '' WHERE id = ANY ($1::uuid[])`,
		},
	}
}
