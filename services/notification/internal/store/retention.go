// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/retention"

// Retention are the rules of notification's own data (docs/datenschutz.md).
func Retention() []retention.Rule {
	return []retention.Rule{deliveryLog(), reporterContacts(), caseCopies(), pollAnswers()}
}

// deliveryLog counts what was sent and forgets to whom. What belongs to a case
// on hold stays.
func deliveryLog() retention.Rule {
	return retention.Rule{
		Class: "deliveries", Keep: retention.Year,
		Title: retention.Text{DE: "Zustellungen je Empfänger", EN: "Deliveries by recipient"},
		After: retention.Text{DE: "nach der Zustellung", EN: "after the delivery"},
		Then:  retention.Text{DE: "gezählt je Tag, Art, Kanal und Ergebnis; Empfänger und Mitteilung gelöscht", EN: "counted by day, kind, channel and result; recipient and notice deleted"},
		Due: `SELECT d.id::text AS id, d.done_at AS at, coalesce(c.hold, false) AS held
			FROM deliveries d JOIN notices n ON n.id = d.notice LEFT JOIN cases c ON c.id = n.case_id
			WHERE d.done_at < $1 AND d.created_at < $1 AND d.state <> 'pending'`,
		Lock: `SELECT 1 FROM cases WHERE id IN (
			SELECT n.case_id FROM notices n JOIN deliveries d ON d.notice = n.id WHERE d.id = ANY ($1::uuid[])) ORDER BY id FOR UPDATE`,
		Steps: []string{
			`INSERT INTO delivery_count AS c (day, kind, channel, state, n)
				SELECT (d.done_at AT TIME ZONE 'Europe/Berlin')::date, n.kind, d.channel, d.state, count(*)
				FROM deliveries d JOIN notices n ON n.id = d.notice WHERE d.id = ANY ($1::uuid[]) GROUP BY 1, 2, 3, 4
				ON CONFLICT (day, kind, channel, state) DO UPDATE SET n = c.n + excluded.n`,
			`WITH gone AS (DELETE FROM deliveries WHERE id = ANY ($1::uuid[]) RETURNING id, notice)
				DELETE FROM notices n WHERE n.id IN (SELECT notice FROM gone)
				AND NOT EXISTS (SELECT FROM deliveries d WHERE d.notice = n.id AND d.id <> ALL (SELECT id FROM gone))`,
		},
	}
}

// endedCases are the reports whose cases are all closed, the last before $1.
const endedCases = `
SELECT r.id, max(c.closed_at) FILTER (WHERE c.state = 'closed') AS at, bool_or(c.hold) AS held
FROM cases c, unnest(c.reports) AS r (id)
GROUP BY r.id
HAVING bool_and(c.state IN ('closed', 'merged')) AND max(c.closed_at) FILTER (WHERE c.state = 'closed') < $1`

// reporterContacts forgets how to reach a reporter when even a guest can no
// longer look at the report.
func reporterContacts() retention.Rule {
	return retention.Rule{
		Class: "contacts", Keep: 90 * retention.Day,
		Title: retention.Text{DE: "Adressen der Meldenden", EN: "Addresses of reporters"},
		After: retention.Text{DE: "nach dem Abschluss des letzten Falls zur Meldung", EN: "after the last case of the report was closed"},
		Then:  retention.Text{DE: "gelöscht", EN: "deleted"},
		Due: `SELECT k.report::text AS id, e.at, e.held
			FROM contacts k JOIN (` + endedCases + `) e ON e.id = k.report::text`,
		Lock:  `SELECT 1 FROM cases WHERE reports && $1::text[] ORDER BY id FOR UPDATE`,
		Steps: []string{`DELETE FROM contacts WHERE report = ANY ($1::uuid[])`},
	}
}

func caseCopies() retention.Rule {
	return retention.Rule{
		Class: "case-copies", Keep: 3 * retention.Year,
		Title: retention.Text{DE: "Kopien abgeschlossener Fälle", EN: "Copies of closed cases"},
		After: retention.Text{DE: "nach dem Abschluss des Falls", EN: "after the case was closed"},
		Then:  retention.Text{DE: "Betreff und Stelle gelöscht", EN: "title and organisation deleted"},
		Due: `SELECT id::text AS id, coalesce(closed_at, to_timestamp(0)) AS at, hold AS held FROM cases
			WHERE state IN ('closed', 'merged') AND closed_at < $1 AND snapshot ->> 'Title' <> ''`,
		Lock:  `SELECT 1 FROM cases WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
		Steps: []string{`UPDATE cases SET snapshot = snapshot || '{"Title": "", "Organisation": {"name": ""}}'::jsonb WHERE id = ANY ($1::uuid[])`},
	}
}

// pollAnswers keeps what a body answered, and forgets who clicked and wrote.
func pollAnswers() retention.Rule {
	return retention.Rule{
		Class: "poll-answers", Keep: 3 * retention.Year,
		Title: retention.Text{DE: "Wer auf Lageabfragen geantwortet hat, mit Freitext", EN: "Who answered polls, and their free text"},
		After: retention.Text{DE: "nach der Antwort", EN: "after the answer"},
		Then:  retention.Text{DE: "Antwort der Stelle bleibt, Person und Freitext gelöscht", EN: "the body's answer stays, person and free text deleted"},
		Due: `SELECT alert || '/' || organisation || '/' || version AS id, at, false AS held FROM answers
			WHERE at < $1 AND (by_person <> '{"id": "", "name": ""}'::jsonb OR text <> '')`,
		Steps: []string{
			`UPDATE alert_bodies SET answered_by = '{"id": "", "name": ""}'::jsonb, text = ''
				WHERE alert || '/' || organisation || '/' || version = ANY ($1::text[])`,
			`UPDATE answers SET by_person = '{"id": "", "name": ""}'::jsonb, text = ''
				WHERE alert || '/' || organisation || '/' || version = ANY ($1::text[])`,
		},
	}
}
