// SPDX-License-Identifier: EUPL-1.2

package privacy

// words are what the columns of the statements are called for people.
var words = map[string]Text{
	"name": {"Name", "Name"}, "email": {"E-Mail", "E-mail"}, "phone": {"Telefon", "Telephone"}, "mobile": {"Mobil", "Mobile"},
	"function": {"Funktion", "Function"}, "language": {"Sprache", "Language"}, "active": {"Aktiv", "Active"},
	"organisation": {"Stelle", "Organisation"}, "role": {"Rolle", "Role"}, "reference": {"Nummer", "Number"},
	"at": {"Zeit", "Time"}, "first": {"Zuerst", "First"}, "last": {"Zuletzt", "Last"}, "count": {"Anzahl", "Count"},
	"action": {"Handlung", "Act"}, "text": {"Text", "Text"}, "created_at": {"Angelegt", "Created"}, "expires_at": {"Läuft ab", "Expires"},
	"ended_at": {"Beendet", "Ended"}, "seen_at": {"Zuletzt benutzt", "Last used"}, "address": {"Netzadresse", "Network address"},
	"client": {"Programm", "Program"}, "received_at": {"Eingegangen", "Received"}, "channel": {"Weg", "Channel"},
	"contact_name": {"Rückruf: Name", "Call back: name"}, "contact_phone": {"Rückruf: Telefon", "Call back: telephone"},
	"contact_email": {"Rückruf: E-Mail", "Call back: e-mail"}, "kind": {"Art", "Kind"}, "state": {"Stand", "State"},
	"recipient": {"Empfänger", "Recipient"}, "answer": {"Antwort", "Answer"}, "file": {"Datei", "File"}, "hours": {"Erreichbar", "Hours"},
	"functions": {"Funktionen", "Functions"}, "confirmed_at": {"Bestätigt", "Confirmed"}, "removed_at": {"Entfernt", "Removed"},
	"issuer": {"Aussteller", "Issuer"}, "obtained_on": {"Erworben", "Obtained"}, "valid_until": {"Gültig bis", "Valid until"},
	"absent_from": {"Abwesend ab", "Absent from"}, "absent_to": {"Abwesend bis", "Absent to"}, "note": {"Bemerkung", "Note"},
	"password": {"Passwort gesetzt", "Password set"}, "second_factor": {"Zweiter Faktor gesetzt", "Second factor set"},
	"changed_at": {"Geändert", "Changed"}, "mailbox": {"Postfach", "Mailbox"}, "description": {"Beschreibung", "Description"},
	"wish": {"Wunsch", "Wish"}, "step": {"Schritt", "Step"}, "reason": {"Grund", "Reason"}, "issuer_url": {"Anmeldedienst", "Identity provider"},
	"deputy_of": {"Vertretung für", "Deputy of"},
}

// Word is what a column is called in a language; one without a word keeps its
// name.
func Word(lang, column string) string {
	if t, ok := words[column]; ok {
		return t.In(lang)
	}
	return column
}
