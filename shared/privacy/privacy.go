// SPDX-License-Identifier: EUPL-1.2

// Package privacy answers a person who asks what is stored about them (Art. 15
// GDPR). Each service declares the classes of personal data it holds as data:
// what for, from where, who sees it, how long, and the statement that finds one
// person in it. Only fields about a person are looked through; where a person is
// named in somebody's free text, a search by hand is needed, and the report says
// so.
package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Text is a sentence in the languages of the pages.
type Text struct{ DE, EN string }

// In returns the text in a language, German unless it is "en".
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.DE
}

// Class is one kind of data about people.
type Class struct {
	Name       string
	Title      Text
	Purpose    Text
	Source     Text
	Recipients Text
	Kept       Text
	// Query finds the data of one person: $1 the person's id, $2 the e-mail
	// address in lower case, $3 the digits of the telephone number, '' where
	// it is not known. Its columns are what the person is told.
	Query string
}

// Subject is whose data is asked for.
type Subject struct {
	Person string `json:"person,omitempty"`
	Email  string `json:"email,omitempty"`
	Phone  string `json:"phone,omitempty"`
}

// Check cleans the subject. Something to look for must be there, and what is
// there must be able to find somebody.
func (s Subject) Check() (Subject, error) {
	s.Person, s.Email, s.Phone = strings.TrimSpace(s.Person), strings.ToLower(strings.TrimSpace(s.Email)), Digits(s.Phone)
	var f fault.Fields
	if s.Person == "" && s.Email == "" && s.Phone == "" {
		f.Add("person", "page.privacy.err.nobody", "name a person, an e-mail address or a telephone number")
	}
	if s.Person != "" && !event.IsID(s.Person) {
		f.Add("person", "page.privacy.err.person", "is no id of a person")
	}
	if a, err := mail.ParseAddress(s.Email); s.Email != "" && (err != nil || a.Address != s.Email) {
		f.Add("email", "page.privacy.err.email", "is no e-mail address")
	}
	if s.Phone != "" && len(s.Phone) < 6 {
		f.Add("phone", "page.privacy.err.phone", "has fewer than six digits, which would find strangers")
	}
	return s, f.Err()
}

// Digits are the digits of a telephone number without the country code or the
// leading zero, as the statements compare them (DigitsSQL).
func Digits(phone string) string {
	out := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) && r < 128 {
			return r
		}
		return -1
	}, phone)
	return strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(out, "0"), "49"), "0")
}

// DigitsSQL is Digits of a column.
func DigitsSQL(column string) string {
	return `ltrim(regexp_replace(ltrim(regexp_replace(coalesce(` + column + `, ''), '[^0-9]', '', 'g'), '0'), '^49', ''), '0')`
}

// most is how many entries of one class are listed; more are counted.
const most = 1000

// Part is what there is of one class.
type Part struct {
	Class
	Count int
	Items []json.RawMessage
}

// Collect reads everything of the classes about the subject.
func Collect(ctx context.Context, db pg.DB, classes []Class, s Subject) ([]Part, error) {
	var out []Part
	for _, c := range classes {
		var rows []struct {
			Item  string `db:"item"`
			Total int    `db:"total"`
		}
		if err := db.SelectContext(ctx, &rows, `
			SELECT row_to_json(found)::text AS item, count(*) OVER () AS total
			FROM (`+c.Query+`) AS found
			WHERE ($1::text, $2::text, $3::text) IS NOT NULL LIMIT $4`, s.Person, s.Email, s.Phone, most); err != nil {
			return nil, pg.Classify(ctx, fmt.Errorf("personal data, %s: %w", c.Name, err))
		}
		p := Part{Class: c, Items: []json.RawMessage{}}
		for _, r := range rows {
			p.Count = r.Total
			p.Items = append(p.Items, json.RawMessage(r.Item))
		}
		out = append(out, p)
	}
	return out, nil
}

// Shared are the classes that every service has.
func Shared() []Class {
	return []Class{
		{
			Name: "register-copy", Title: Text{"Kopie des Verzeichniseintrags", "Copy of the register's entry"},
			Purpose:    Text{"Anmeldung und Rechte, auch wenn das Verzeichnis ausfällt", "Sign-in and rights, also when the directory is away"},
			Source:     Text{"Verzeichnis", "the directory"},
			Recipients: Text{"dieser Dienst", "this service"},
			Kept:       Text{"bis zur Löschung der Person im Verzeichnis", "until the person is erased in the directory"},
			Query: `SELECT body::jsonb ->> 'name' AS name, body::jsonb ->> 'email' AS email, body::jsonb ->> 'phone' AS phone, body::jsonb ->> 'function' AS function
				FROM register_record WHERE kind = 'person' AND (id = $1 OR $2 <> '' AND lower(body::jsonb ->> 'email') = $2
				OR $3 <> '' AND ` + DigitsSQL(`body::jsonb ->> 'phone'`) + ` = $3)`,
		},
		{
			Name: "audit", Title: Text{"Protokoll der eigenen Handlungen (nur Zahlen und Zeiten)", "Log of one's own acts (counts and times only)"},
			Purpose:    Text{"Nachweis, wer was getan und gesehen hat", "Proof of who did and saw what"},
			Source:     Text{"eigenes Handeln im System", "acting in the system"},
			Recipients: Text{"Leitung und Revision", "lead and auditor"},
			Kept:       Text{"10 Jahre; es enthält keine Inhalte und keinen Namen, nur die Kennung der Person", "10 years; it holds no content and no name, only the person's id"},
			Query: `SELECT action, count(*) AS count, min(at) AS first, max(at) AS last FROM audit
				WHERE actor = $1 AND $1 <> '' GROUP BY action ORDER BY action`,
		},
	}
}

// By is who asks, in which request (for the audit).
type By struct {
	actor.Actor
	Request string
}

// Desk answers for one service.
type Desk struct {
	Service string
	DB      pg.DB
	Classes []Class
	Now     func() time.Time
}

// NewDesk returns a desk for a service's own classes and the shared ones.
func NewDesk(service string, db pg.DB, now func() time.Time, own []Class) *Desk {
	return &Desk{Service: service, DB: db, Classes: append(append([]Class{}, own...), Shared()...), Now: now}
}

// Report is everything the service holds about somebody, for whoever answers
// people's requests. The audit says who asked about which person; where nobody
// of the register is meant, it keeps a digest.
func (d *Desk) Report(ctx context.Context, by By, s Subject) ([]Part, error) {
	if !by.May(actor.PrivacyRead, actor.Object{}).Allowed {
		return nil, fault.New(fault.NotFound, "there is nothing here")
	}
	return d.read(ctx, by, s, "privacy.report")
}

// Own is everything the service holds about the person who asks, by their id.
func (d *Desk) Own(ctx context.Context, by By) ([]Part, error) {
	if !by.SignedIn() {
		return nil, fault.New(fault.Unauthenticated, "please sign in")
	}
	if !by.SteppedUp(d.Now()) { // among it is what they wrote in TLP:RED reports
		return nil, fault.New(fault.StepUpRequired, "please confirm with your second factor first")
	}
	return d.read(ctx, by, Subject{Person: by.Person}, "privacy.own")
}

func (d *Desk) read(ctx context.Context, by By, s Subject, action string) ([]Part, error) {
	s, err := s.Check()
	if err != nil {
		return nil, err
	}
	var parts []Part
	err = pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		if parts, err = Collect(ctx, tx, d.Classes, s); err != nil {
			return err
		}
		return Note(ctx, tx, by, d.Now(), action, s)
	})
	return parts, err
}

// Note writes into the audit that somebody read what is held about a person.
func Note(ctx context.Context, tx pg.DB, by By, at time.Time, action string, s Subject) error {
	e := audit.Entry{At: at.UTC(), Action: action, ObjectType: "person", ObjectID: s.Person, RequestID: by.Request}.By(by.Actor, "")
	if s.Person == "" { // a guest: no name, no address in the audit
		var key string
		if err := tx.GetContext(ctx, &key, `SELECT retention_token($1)`, s.Email+" "+s.Phone); err != nil {
			return fmt.Errorf("token of the person: %w", err)
		}
		e.ObjectID = key
	}
	_, err := audit.Append(ctx, tx, e)
	return err
}
