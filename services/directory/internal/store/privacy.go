// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// whose picks a person p by id, e-mail address or telephone number.
var whose = `(p.id::text = $1 AND $1 <> '' OR $2 <> '' AND lower(p.email) = $2 OR $3 <> '' AND ` + privacy.DigitsSQL(`p.phone`) + ` = $3)`

// PersonalData are the classes of data about people that the directory holds.
func PersonalData() []privacy.Class {
	return []privacy.Class{
		{
			Name: "person", Title: privacy.Text{DE: "Eintrag im Verzeichnis", EN: "Entry in the register"},
			Purpose:    privacy.Text{DE: "Ansprechpersonen der Stellen, Anmeldung, Rechte", EN: "Contacts of bodies, sign-in, rights"},
			Source:     privacy.Text{DE: "Angabe der Stelle", EN: "given by the body"},
			Recipients: privacy.Text{DE: "Verwaltung des Verzeichnisses, CERT und eigene Stelle", EN: "constituency managers, the CERT and the own body"},
			Kept:       privacy.Text{DE: "bis zur Löschung der Person", EN: "until the person is erased"},
			Query:      `SELECT p.name, p.email, p.phone, p.function, p.language, p.active, p.changed_at, p.absent_from, p.absent_to FROM person p WHERE ` + whose,
		},
		{
			Name: "memberships", Title: privacy.Text{DE: "Rollen in Stellen", EN: "Roles in bodies"},
			Purpose:    privacy.Text{DE: "Anmeldung und Rechte", EN: "Sign-in and rights"},
			Source:     privacy.Text{DE: "Angabe der Stelle", EN: "given by the body"},
			Recipients: privacy.Text{DE: "Verwaltung des Verzeichnisses, CERT und eigene Stelle", EN: "constituency managers, the CERT and the own body"},
			Kept:       privacy.Text{DE: "bis zur Löschung der Person", EN: "until the person is erased"},
			Query: `SELECT o.name AS organisation, m.role FROM membership m JOIN person p ON p.id = m.person JOIN organisation o ON o.id = m.organisation WHERE ` + whose + `
				ORDER BY m.position`,
		},
		{
			Name: "account", Title: privacy.Text{DE: "Anmeldedaten (ohne die Geheimnisse selbst)", EN: "Sign-in data (without the secrets themselves)"},
			Purpose:    privacy.Text{DE: "Anmeldung und Rechte", EN: "Sign-in and rights"},
			Source:     privacy.Text{DE: "eigene Angabe", EN: "given by the person"},
			Recipients: privacy.Text{DE: "niemand; Geheimnisse sind verschlüsselt oder gehasht", EN: "nobody; secrets are sealed or hashed"},
			Kept:       privacy.Text{DE: "bis zur Löschung der Person", EN: "until the person is erased"},
			Query:      `SELECT a.password_hash <> '' AS password, length(a.totp_sealed) > 0 AS second_factor FROM account a JOIN person p ON p.id = a.person WHERE ` + whose,
		},
		{
			Name: "sessions", Title: privacy.Text{DE: "Anmeldungen und API-Schlüssel", EN: "Sign-ins and API tokens"},
			Purpose:    privacy.Text{DE: "Sitzungen erkennen und beenden", EN: "To recognise and end sessions"},
			Source:     privacy.Text{DE: "die Anmeldung", EN: "the sign-in"},
			Recipients: privacy.Text{DE: "die Person selbst und die Systemverwaltung", EN: "the person and the administrators"},
			Kept:       privacy.Text{DE: "Sitzungen bis einen Tag nach Ablauf, Schlüssel 90 Tage", EN: "sessions until a day after they expire, tokens 90 days"},
			Query: `SELECT 'session' AS kind, s.client AS name, s.address, s.created_at, s.seen_at, s.expires_at, s.ended_at FROM session s JOIN person p ON p.id = s.person WHERE ` + whose + `
				UNION ALL SELECT 'token', t.name, '', t.created_at, NULL, t.expires_at, t.revoked_at FROM token t JOIN person p ON p.id = t.person WHERE ` + whose + `
				ORDER BY 4`,
		},
		{
			Name: "ways-in", Title: privacy.Text{DE: "Verknüpfte Konten, Passkeys und Einladungen", EN: "Linked accounts, passkeys and invitations"},
			Purpose:    privacy.Text{DE: "Anmeldung", EN: "Sign-in"},
			Source:     privacy.Text{DE: "eigene Angabe und Anmeldedienst", EN: "given by the person and the identity provider"},
			Recipients: privacy.Text{DE: "die Person selbst; Einladungen auch die einladende Stelle", EN: "the person; invitations also the inviting body"},
			Kept:       privacy.Text{DE: "bis sie entfernt werden oder die Person gelöscht wird; Einladungen bis 90 Tage nach ihrem Ende", EN: "until they are removed or the person is erased; invitations until 90 days after they ended"},
			Query: `SELECT 'identity' AS kind, i.label AS name, i.issuer AS issuer_url, i.linked_at AS created_at, i.used_at AS seen_at FROM identity i JOIN person p ON p.id = i.person WHERE ` + whose + `
				UNION ALL SELECT 'passkey', k.name, '', k.created_at, k.used_at FROM passkey k JOIN person p ON p.id = k.person WHERE ` + whose + `
				UNION ALL SELECT 'invitation', v.name || ' ' || v.email, '', v.made_at, v.accepted_at FROM invitation v
				WHERE v.person::text = $1 AND $1 <> '' OR $2 <> '' AND lower(v.email) = $2`,
		},
		{
			Name: "contacts", Title: privacy.Text{DE: "Kontakte von Stellen", EN: "Contacts of bodies"},
			Purpose:    privacy.Text{DE: "Erreichbarkeit bei Vorfällen und Warnungen", EN: "To be reached in incidents and about alerts"},
			Source:     privacy.Text{DE: "Angabe der Stelle", EN: "given by the body"},
			Recipients: privacy.Text{DE: "Verwaltung des Verzeichnisses, CERT und eigene Stelle", EN: "constituency managers, the CERT and the own body"},
			Kept:       privacy.Text{DE: "bis 30 Tage nach dem Entfernen", EN: "until 30 days after they were removed"},
			Query: `SELECT o.name AS organisation, p.name, p.functions, p.phone, p.mobile, p.email, p.hours, p.confirmed_at, p.removed_at
				FROM contact p JOIN organisation o ON o.id = p.organisation
				WHERE p.person::text = $1 AND $1 <> '' OR $2 <> '' AND lower(p.email) = $2
				OR $3 <> '' AND (` + privacy.DigitsSQL(`p.phone`) + ` = $3 OR ` + privacy.DigitsSQL(`p.mobile`) + ` = $3)`,
		},
		{
			Name: "qualifications", Title: privacy.Text{DE: "Qualifikationen", EN: "Qualifications"},
			Purpose:    privacy.Text{DE: "Verzeichnis der Informationssicherheitsbeauftragten", EN: "Register of information security officers"},
			Source:     privacy.Text{DE: "Angabe der Stelle", EN: "given by the body"},
			Recipients: privacy.Text{DE: "Verwaltung des Verzeichnisses, CERT und eigene Stelle", EN: "constituency managers, the CERT and the own body"},
			Kept:       privacy.Text{DE: "mit dem Kontakt", EN: "with the contact"},
			Query: `SELECT q.kind, q.name, q.issuer, q.obtained_on, q.valid_until FROM qualification q JOIN contact p ON p.id = q.contact
				WHERE p.person::text = $1 AND $1 <> '' OR $2 <> '' AND lower(p.email) = $2`,
		},
		{
			Name: "acts", Title: privacy.Text{DE: "Anfragen, Mandate und Aufgaben, an denen die Person beteiligt war", EN: "Requests, mandates and tasks the person took part in"},
			Purpose:    privacy.Text{DE: "Nachweis von Entscheidungen", EN: "Proof of decisions"},
			Source:     privacy.Text{DE: "eigenes Handeln im System", EN: "acting in the system"},
			Recipients: privacy.Text{DE: "Verwaltung des Verzeichnisses, CERT und eigene Stelle", EN: "constituency managers, the CERT and the own body"},
			Kept:       privacy.Text{DE: "bis zur Löschung der Person", EN: "until the person is erased"},
			Query: `SELECT * FROM (
				SELECT 'service_request' AS kind, r.created_at AS at, r.wish AS text FROM service_request r WHERE r.person::text = $1 AND $1 <> ''
				UNION ALL SELECT 'service_answer', a.at, a.text FROM service_answer a WHERE a.person::text = $1 AND $1 <> ''
				UNION ALL SELECT 'mandate_' || s.step, s.at, s.note FROM mandate_step s WHERE s.person::text = $1 AND $1 <> ''
				UNION ALL SELECT 'emergency_opening', e.opened_at, e.reason FROM emergency_opening e WHERE e.person::text = $1 AND $1 <> ''
				UNION ALL SELECT 'task', t.last_at, t.note FROM task t WHERE t.done_by::text = $1 AND $1 <> ''
				) acts ORDER BY at`,
		},
	}
}
