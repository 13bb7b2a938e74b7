// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type contactRow struct {
	ID           string         `db:"id"`
	Organisation string         `db:"organisation"`
	Person       *string        `db:"person"`
	Name         string         `db:"name"`
	Functions    pq.StringArray `db:"functions"`
	Phone        string         `db:"phone"`
	Mobile       string         `db:"mobile"`
	Email        string         `db:"email"`
	Hours        string         `db:"hours"`
	Always       bool           `db:"always"`
	ConfirmedAt  *time.Time     `db:"confirmed_at"`
	CreatedAt    time.Time      `db:"created_at"`
	UpdatedAt    time.Time      `db:"updated_at"`
	RemovedAt    *time.Time     `db:"removed_at"`
	Version      int            `db:"version"`
	Sort         string         `db:"sort"`
}

func (r contactRow) contact() contact.Contact {
	c := contact.Contact{
		ID: r.ID, Organisation: r.Organisation, Person: text(r.Person), Name: r.Name, Phone: r.Phone, Mobile: r.Mobile,
		Email: r.Email, Hours: r.Hours, Always: r.Always, ConfirmedAt: utc(r.ConfirmedAt), CreatedAt: r.CreatedAt.UTC(),
		UpdatedAt: r.UpdatedAt.UTC(), RemovedAt: utc(r.RemovedAt), Version: r.Version,
	}
	for _, f := range r.Functions {
		c.Functions = append(c.Functions, contact.Function(f))
	}
	return c
}

func contactRowOf(c contact.Contact) contactRow {
	r := contactRow{
		ID: c.ID, Organisation: c.Organisation, Person: null(c.Person), Name: c.Name, Phone: c.Phone, Mobile: c.Mobile,
		Email: c.Email, Hours: c.Hours, Always: c.Always, ConfirmedAt: c.ConfirmedAt, CreatedAt: c.CreatedAt,
		UpdatedAt: c.UpdatedAt, RemovedAt: c.RemovedAt, Version: c.Version, Sort: constituency.Fold(c.Name), Functions: pq.StringArray{},
	}
	for _, f := range c.Functions {
		r.Functions = append(r.Functions, string(f))
	}
	return r
}

const contactColumns = `c.id, c.organisation, c.person, c.name, c.functions, c.phone, c.mobile, c.email, c.hours, c.always,
	c.confirmed_at, c.created_at, c.updated_at, c.removed_at, c.version, c.sort`

// Contacts lists an organisation's contacts by name, without the removed ones.
func (s *Store) Contacts(ctx context.Context, organisation string) ([]contact.Contact, error) {
	var rows []contactRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+contactColumns+` FROM contact c
		WHERE c.organisation = $1 AND c.removed_at IS NULL ORDER BY c.sort, c.id LIMIT $2`, organisation, contact.MaxContacts)
	return contactsOf(rows), classify(ctx, err, "list the contacts of %s", organisation)
}

func contactsOf(rows []contactRow) []contact.Contact {
	out := make([]contact.Contact, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.contact())
	}
	return out
}

// Contact returns one that was not removed.
func (s *Store) Contact(ctx context.Context, id string) (contact.Contact, error) {
	if err := validID("contact", id); err != nil {
		return contact.Contact{}, err
	}
	var r contactRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+contactColumns+` FROM contact c WHERE c.id = $1 AND c.removed_at IS NULL`, id)
	return r.contact(), pg.NoRows(ctx, err, "no contact %s", id)
}

// insertContact links the contact to the person of the organisation who has the
// address: nobody learns whether somebody elsewhere has an account.
const insertContact = `
INSERT INTO contact (id, organisation, person, name, functions, phone, mobile, email, hours, always,
	confirmed_at, created_at, updated_at, removed_at, version, sort)
VALUES (:id, :organisation, ` + personOfContact + `, :name, :functions, :phone, :mobile, :email, :hours, :always,
	:confirmed_at, :created_at, :updated_at, :removed_at, :version, :sort)`

const personOfContact = `(SELECT p.id FROM person p WHERE p.email = :email AND p.active
	AND EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = CAST(:organisation AS uuid)))`

// AddContact stores a new one; the same name and address again is a Conflict.
func (s *Store) AddContact(ctx context.Context, act constituency.Act, c contact.Contact) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.NamedExecContext(ctx, insertContact, contactRowOf(c)); err != nil {
			return contactTaken(err, c)
		}
		return s.commit(ctx, tx, change{act, "contact.add", "contact", c.ID, nil})
	})
}

func contactTaken(err error, c contact.Contact) error {
	if pg.Violates(err, "contact_once_key") {
		var bad fault.Fields
		bad.Add("name", "directory.contact.error.twice", "this contact is in the list already")
		return bad.Err()
	}
	return fmt.Errorf("save contact %s: %w", c.ID, err)
}

// UpdateContact loads it under a lock, changes and saves it.
func (s *Store) UpdateContact(ctx context.Context, act constituency.Act, id, action string,
	apply func(*contact.Contact) (bool, error),
) (contact.Contact, error) {
	if err := validID("contact", id); err != nil {
		return contact.Contact{}, err
	}
	var c contact.Contact
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var r contactRow
		if err := tx.GetContext(ctx, &r, `SELECT `+contactColumns+` FROM contact c WHERE c.id = $1 AND c.removed_at IS NULL FOR UPDATE`, id); err != nil {
			return pg.NoRows(ctx, err, "no contact %s", id)
		}
		before := r.contact()
		c = r.contact()
		changed, err := apply(&c)
		if err != nil || !changed {
			return err
		}
		if err := saveContact(ctx, tx, c); err != nil {
			return err
		}
		if err := settle(ctx, tx, act, before, c); err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, action, "contact", id, nil})
	})
	return c, err
}

func saveContact(ctx context.Context, tx pg.DB, c contact.Contact) error {
	_, err := tx.NamedExecContext(ctx, `
		UPDATE contact SET person = `+personOfContact+`, name = :name, functions = :functions, phone = :phone, mobile = :mobile,
			email = :email, hours = :hours, always = :always, confirmed_at = :confirmed_at, updated_at = :updated_at,
			removed_at = :removed_at, version = :version, sort = :sort
		WHERE id = :id`, contactRowOf(c))
	if err != nil {
		return contactTaken(err, c)
	}
	return nil
}

// NoteRead writes the audit entry of a read.
func (s *Store) NoteRead(ctx context.Context, act constituency.Act, action, objectType, objectID string) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := audit.Append(ctx, tx, entry(act, action, objectType, objectID))
		return err
	})
}

// Coordinators are the contacts who coordinate in the Landkreis with the five
// digits, with the name of the Landkreis.
func (s *Store) Coordinators(ctx context.Context, kreis string) (string, []contact.Contact, error) {
	var of string
	err := s.DB.GetContext(ctx, &of, `SELECT o.name FROM organisation o WHERE o.ags = $1 AND o.level = 'kreis' AND o.gone_at IS NULL`, kreis+"000")
	if err = pg.NoRows(ctx, err, "no Landkreis %s", kreis); fault.Is(err, fault.NotFound) {
		return "", nil, nil // a kreisfreie Stadt
	} else if err != nil {
		return "", nil, err
	}
	var rows []contactRow
	err = s.DB.SelectContext(ctx, &rows, `SELECT `+contactColumns+` FROM contact c JOIN organisation o ON o.id = c.organisation
		WHERE o.ags = $1 AND c.functions @> ARRAY['coordination'] AND c.removed_at IS NULL ORDER BY c.sort, c.id LIMIT 10`, kreis+"000")
	return of, contactsOf(rows), classify(ctx, err, "list the coordinators of %s", kreis)
}
