// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// PersonalData are the classes of data about people that notification holds.
func PersonalData() []privacy.Class {
	return []privacy.Class{
		{
			Name: "deliveries", Title: privacy.Text{DE: "Zustellungen an die Person", EN: "Deliveries to the person"},
			Purpose:    privacy.Text{DE: "Nachweis, wer gewarnt wurde", EN: "Proof of who was warned"},
			Source:     privacy.Text{DE: "Verzeichnis und Meldungen", EN: "the directory and reports"},
			Recipients: privacy.Text{DE: "CERT und Verwaltung des Verzeichnisses", EN: "the CERT and the constituency managers"},
			Kept:       privacy.Text{DE: "1 Jahr, danach nur gezählt", EN: "1 year, then only counted"},
			Query: `SELECT d.created_at AS at, n.kind, d.channel, d.recipient, d.name, d.state, d.reason FROM deliveries d JOIN notices n ON n.id = d.notice
				WHERE d.person = $1 AND $1 <> '' OR $2 <> '' AND lower(d.recipient) = $2 ORDER BY d.created_at`,
		},
		{
			Name: "contacts", Title: privacy.Text{DE: "Adresse für Rückfragen zu einer Meldung", EN: "Address for questions about a report"},
			Purpose:    privacy.Text{DE: "Nachrichten zur Meldung zustellen", EN: "To deliver messages about the report"},
			Source:     privacy.Text{DE: "die Meldung", EN: "the report"},
			Recipients: privacy.Text{DE: "CERT", EN: "the CERT"},
			Kept:       privacy.Text{DE: "90 Tage nach Abschluss des Falls", EN: "90 days after the case was closed"},
			Query: `SELECT k.reference, k.language, r.value ->> 'Name' AS name, r.value ->> 'Email' AS email FROM contacts k, jsonb_array_elements(CASE WHEN jsonb_typeof(k.recipients) = 'array' THEN k.recipients ELSE '[]' END) AS r (value)
				WHERE r.value ->> 'Person' = $1 AND $1 <> '' OR $2 <> '' AND lower(r.value ->> 'Email') = $2`,
		},
		{
			Name: "answers", Title: privacy.Text{DE: "Antworten der Person auf Lageabfragen", EN: "The person's answers to polls"},
			Purpose:    privacy.Text{DE: "Lagebild bei einer Warnung", EN: "Picture of the situation of an alert"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "CERT, betroffene Stelle und ihr beauftragter Dienstleister", EN: "the CERT, the affected body and its mandated provider"},
			Kept:       privacy.Text{DE: "Person und Freitext 3 Jahre", EN: "person and free text 3 years"},
			Query: `SELECT a.reference, x.at, x.answer, x.text, x.by_person ->> 'name' AS name FROM answers x JOIN alerts a ON a.id = x.alert
				WHERE x.by_person ->> 'id' = $1 AND $1 <> '' ORDER BY x.at`,
		},
		{
			Name: "alerts", Title: privacy.Text{DE: "Warnungen, die die Person geschrieben oder freigegeben hat", EN: "Alerts that the person wrote or released"},
			Purpose:    privacy.Text{DE: "Nachweis der vier Augen", EN: "Proof of the four eyes"},
			Source:     privacy.Text{DE: "eigenes Handeln im System", EN: "acting in the system"},
			Recipients: privacy.Text{DE: "CERT", EN: "the CERT"},
			Kept:       privacy.Text{DE: "solange die Warnung besteht", EN: "as long as the alert is kept"},
			Query: `SELECT a.reference, v.created_at AS at, CASE WHEN v.author ->> 'id' = $1 THEN 'author' ELSE 'approver' END AS role FROM alert_versions v JOIN alerts a ON a.id = v.alert
				WHERE $1 <> '' AND (v.author ->> 'id' = $1 OR v.approver ->> 'id' = $1) ORDER BY v.created_at`,
		},
		{
			Name: "subscriptions", Title: privacy.Text{DE: "Einstellungen für Warnungen", EN: "Settings for alerts"},
			Purpose:    privacy.Text{DE: "nur senden, was gewünscht ist", EN: "To send only what is wanted"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "dieser Dienst", EN: "this service"},
			Kept:       privacy.Text{DE: "bis zur Änderung", EN: "until they are changed"},
			Query: `SELECT organisation, off, min_severity, mailbox, changed_at FROM subscriptions
				WHERE person = $1 AND $1 <> '' OR $2 <> '' AND lower(mailbox) = $2`,
		},
	}
}
