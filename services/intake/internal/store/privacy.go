// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// PersonalData are the classes of data about people that intake holds.
func PersonalData() []privacy.Class {
	return []privacy.Class{
		{
			Name: "reports", Title: privacy.Text{DE: "Meldungen, bei denen die Person meldet oder für Rückfragen genannt ist", EN: "Reports that the person made or is named in for questions"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigene Angabe oder Angabe der meldenden Person", EN: "given by the person, or by who reported"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT r.reference, r.received_at, r.channel, r.reporter AS name, r.content -> 'callback' ->> 'name' AS contact_name,
				r.content -> 'callback' ->> 'phone' AS contact_phone, r.content -> 'callback' ->> 'email' AS contact_email,
				CASE WHEN r.reporter_id = $1 AND $1 <> '' THEN r.content ->> 'description' END AS description
				FROM report r WHERE r.reporter_id = $1 AND $1 <> '' OR $2 <> '' AND lower(r.content -> 'callback' ->> 'email') = $2
				OR $3 <> '' AND ` + privacy.DigitsSQL(`r.content -> 'callback' ->> 'phone'`) + ` = $3 ORDER BY r.received_at`,
		},
		{
			Name: "messages", Title: privacy.Text{DE: "Nachrichten und Nachträge der Person", EN: "Messages and supplements of the person"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT r.reference, m.at, m.author AS name, m.body AS text FROM report_message m JOIN report r ON r.id = m.report_id
				WHERE m.author_id = $1 AND $1 <> ''
				UNION ALL SELECT r.reference, s.at, s.author, s.description FROM report_supplement s JOIN report r ON r.id = s.report_id
				WHERE s.author_id = $1 AND $1 <> ''
				UNION ALL SELECT r.reference, s.at, s.author, s.body FROM report_step s JOIN report r ON r.id = s.report_id
				WHERE s.author_id = $1 AND $1 <> '' OR $2 <> '' AND lower(s.contact ->> 'email') = $2 ORDER BY 2`,
		},
		{
			Name: "files", Title: privacy.Text{DE: "Dateien, die die Person gesandt hat", EN: "Files that the person sent"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "90 Tage nach Abschluss des Falls; Name und Prüfsumme 3 Jahre", EN: "90 days after the case was closed; name and checksum 3 years"},
			Query: `SELECT r.reference, a.at, a.author AS name, a.name AS file FROM report_attachment a JOIN report r ON r.id = a.report_id
				WHERE a.author_id = $1 AND $1 <> '' ORDER BY a.at`,
		},
		{
			Name: "case-copies", Title: privacy.Text{DE: "Fälle, die die Person bearbeitet", EN: "Cases that the person works on"},
			Purpose:    privacy.Text{DE: "Bearbeitung von Sicherheitsvorfällen", EN: "Handling of security incidents"},
			Source:     privacy.Text{DE: "das Lagezentrum", EN: "the operations centre"},
			Recipients: privacy.Text{DE: "Stelle, die gemeldet hat", EN: "the body that reported"},
			Kept:       privacy.Text{DE: "3 Jahre nach Abschluss des Falls, dann bleibt ein Gerippe ohne Personen", EN: "3 years after the case was closed, then a skeleton without people"},
			Query: `SELECT snapshot ->> 'reference' AS reference, snapshot -> 'assignee' ->> 'name' AS name FROM case_copy
				WHERE snapshot -> 'assignee' ->> 'id' = $1 AND $1 <> '' ORDER BY 1`,
		},
	}
}
