// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// PersonalData are the classes of data about people that triage holds.
func PersonalData() []privacy.Class {
	return []privacy.Class{
		{
			Name: "reports", Title: privacy.Text{DE: "Meldungen, bei denen die Person meldet oder für Rückfragen genannt ist", EN: "Reports that the person made or is named in for questions"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "Annahme der Meldungen", EN: "the intake of reports"},
			Recipients: privacy.Text{DE: "CERT", EN: "the CERT"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT reference, received_at, body -> 'reporter' ->> 'name' AS name, body -> 'callback' ->> 'name' AS contact_name,
				body -> 'callback' ->> 'phone' AS contact_phone, body -> 'callback' ->> 'email' AS contact_email
				FROM case_reports WHERE body -> 'reporter' ->> 'id' = $1 AND $1 <> '' OR $2 <> '' AND lower(body -> 'callback' ->> 'email') = $2
				OR $3 <> '' AND ` + privacy.DigitsSQL(`body -> 'callback' ->> 'phone'`) + ` = $3 ORDER BY received_at`,
		},
		{
			Name: "messages", Title: privacy.Text{DE: "Nachrichten, Nachträge und interne Notizen der Person", EN: "Messages, supplements and internal notes of the person"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT c.reference, x.kind, x.at, x.name, x.text FROM (
				SELECT case_id, 'message' AS kind, at, author_name AS name, text FROM case_messages WHERE author_id = $1 AND $1 <> ''
				UNION ALL SELECT case_id, 'note', at, author_name, text FROM case_notes WHERE author_id = $1 AND $1 <> ''
				UNION ALL SELECT case_id, 'supplement', at, author_name, description FROM case_supplements WHERE author_id = $1 AND $1 <> ''
				) x JOIN cases c ON c.id = x.case_id ORDER BY x.at`,
		},
		{
			Name: "files", Title: privacy.Text{DE: "Dateien, die die Person gesandt hat", EN: "Files that the person sent"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "CERT", EN: "the CERT"},
			Kept:       privacy.Text{DE: "90 Tage nach Abschluss des Falls; Name und Prüfsumme 3 Jahre", EN: "90 days after the case was closed; name and checksum 3 years"},
			Query: `SELECT c.reference, a.at, a.author_name AS name, a.name AS file FROM case_attachments a JOIN cases c ON c.id = a.case_id
				WHERE a.author_id = $1 AND $1 <> '' ORDER BY a.at`,
		},
		{
			Name: "work", Title: privacy.Text{DE: "Fälle und Lagen, die der Person zugewiesen sind", EN: "Cases and campaigns assigned to the person"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "CERT", EN: "the CERT"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT reference, assignee_name AS name, received_at FROM cases WHERE assignee_id = $1 AND $1 <> ''
				UNION ALL SELECT reference, assignee_name, first_seen FROM campaigns WHERE assignee_id = $1 AND $1 <> '' ORDER BY 3`,
		},
		{
			Name: "timeline", Title: privacy.Text{DE: "Einträge der Person in den Protokollen der Fälle", EN: "The person's lines in the timelines of cases"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigenes Handeln im System", EN: "acting in the system"},
			Recipients: privacy.Text{DE: "CERT", EN: "the CERT"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT c.reference, e.at, e.kind, e.actor_name AS name FROM case_entries e JOIN cases c ON c.id = e.case_id
				WHERE e.actor_id = $1 AND $1 <> '' ORDER BY e.at`,
		},
	}
}
