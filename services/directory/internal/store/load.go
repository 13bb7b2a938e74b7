// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// PersonByEmail returns the person with the address.
func (s *Store) PersonByEmail(ctx context.Context, email string) (account.Person, error) {
	var id string
	if err := s.DB.GetContext(ctx, &id, `SELECT id FROM person WHERE email = $1`, email); err != nil {
		return account.Person{}, pg.NoRows(ctx, err, "nobody has the address %s", email)
	}
	return s.Person(ctx, id)
}

const insertPerson = `
INSERT INTO person (id, name, email, phone, function, language, active, version, changed_at, sort, search)
VALUES (:id, :name, :email, :phone, :function, :language, :active, :version, :changed_at, :sort, :search)`

// AddPeople stores people with roles and credentials, one audit entry each.
func (s *Store) AddPeople(ctx context.Context, act constituency.Act, people []account.Added) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		payloads := make([]event.Payload, 0, len(people))
		entries := make([]audit.Entry, 0, len(people))
		for _, a := range people {
			if err := addPerson(ctx, tx, a); err != nil {
				return err
			}
			payloads = append(payloads, a.Person.Event())
			entries = append(entries, entry(act, "person.add", "person", a.Person.ID))
		}
		if err := addEvents(ctx, tx, act, payloads...); err != nil {
			return err
		}
		_, err := audit.Append(ctx, tx, entries...)
		return err
	})
}

func addPerson(ctx context.Context, tx pg.DB, a account.Added) error {
	if _, err := tx.NamedExecContext(ctx, insertPerson, personRowOf(a.Person)); pg.Violates(err, "person_email_key") {
		return fault.New(fault.Conflict, "the address %s belongs to somebody else", a.Person.Email)
	} else if err != nil {
		return fmt.Errorf("insert person: %w", err)
	}
	if err := addMemberships(ctx, tx, a.Person); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO account (person, password_hash, totp_sealed, totp_step) VALUES ($1, $2, $3, 0)`,
		a.Person.ID, a.PasswordHash, a.SealedTOTP); err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	if a.Token == nil {
		return nil
	}
	if _, err := tx.NamedExecContext(ctx, insertToken, tokenRowOf(*a.Token)); pg.Violates(err, "token_sum_key") {
		return fault.New(fault.Conflict, "the token of %s belongs to somebody else", a.Person.Email)
	} else if err != nil {
		return fmt.Errorf("insert token: %w", err)
	}
	return nil
}
