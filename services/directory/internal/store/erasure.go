// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/erasure"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
)

// Erasures is the store of package erasure.
type Erasures struct{ *Store }

var _ erasure.Store = Erasures{}

type wishRow struct {
	ID         string     `db:"id"`
	Person     string     `db:"person"`
	Name       string     `db:"name"`
	Reason     string     `db:"reason"`
	State      string     `db:"state"`
	ProposedBy string     `db:"proposed_by"`
	ProposedAt time.Time  `db:"proposed_at"`
	DecidedBy  string     `db:"decided_by"`
	DecidedAt  *time.Time `db:"decided_at"`
}

func (r wishRow) wish() erasure.Wish {
	return erasure.Wish{
		ID: r.ID, Person: r.Person, Name: r.Name, Reason: r.Reason, State: r.State,
		ProposedBy: r.ProposedBy, ProposedAt: r.ProposedAt.UTC(), DecidedBy: r.DecidedBy, DecidedAt: utc(r.DecidedAt),
	}
}

const selectWishes = `
SELECT w.id, w.person, p.name, w.reason, w.state, w.proposed_by, w.proposed_at, w.decided_by, w.decided_at
FROM person_erasure w JOIN person p ON p.id = w.person`

// Find returns who is meant; somebody who was erased is nobody.
func (s Erasures) Find(ctx context.Context, idOrEmail string) (string, error) {
	var id string
	err := s.DB.GetContext(ctx, &id, `SELECT id FROM person WHERE erased_at IS NULL AND (id::text = lower($1) OR email = lower($1))`, idOrEmail)
	return id, pg.NoRows(ctx, err, "there is no such person")
}

// Add stores a wish.
func (s Erasures) Add(ctx context.Context, act constituency.Act, w erasure.Wish) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO person_erasure (id, person, reason, state, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			w.ID, w.Person, w.Reason, w.State, w.ProposedBy, w.ProposedAt)
		if pg.Violates(err, "person_erasure_open") {
			return fault.New(fault.Conflict, "the erasure of this person is proposed already")
		}
		if err != nil {
			return fmt.Errorf("save the erasure: %w", err)
		}
		return s.commit(ctx, tx, change{act, "person.erase.propose", "person", w.Person, nil})
	})
}

// Wishes lists the newest wishes.
func (s Erasures) Wishes(ctx context.Context) ([]erasure.Wish, error) {
	var rows []wishRow
	if err := s.DB.SelectContext(ctx, &rows, selectWishes+` ORDER BY w.state <> 'proposed', w.proposed_at DESC, w.id DESC LIMIT 200`); err != nil {
		return nil, classify(ctx, err, "list erasures")
	}
	out := make([]erasure.Wish, len(rows))
	for i, r := range rows {
		out[i] = r.wish()
	}
	return out, nil
}

// Decide stores the decision, and erases the person when it is one for it.
func (s Erasures) Decide(ctx context.Context, act constituency.Act, id string, decide func(w *erasure.Wish) error) (erasure.Ended, error) {
	var ended erasure.Ended
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var r wishRow
		if err := tx.GetContext(ctx, &r, selectWishes+` WHERE w.id = $1 FOR UPDATE OF w`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such proposal")
		}
		w := r.wish()
		if err := decide(&w); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE person_erasure SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1`,
			w.ID, w.State, w.DecidedBy, w.DecidedAt); err != nil {
			return fmt.Errorf("save the decision: %w", err)
		}
		if w.State != erasure.Confirmed {
			return s.commit(ctx, tx, change{act, "person.erase.refuse", "person", w.Person, nil})
		}
		var err error
		ended, err = s.erase(ctx, tx, act, w.Person)
		return err
	})
	return ended, err
}

// erase forgets the person in the transaction of the decision. The events that
// named them go from the outbox, as far as they were sent; the stream keeps only
// the last record of each person, which is the one that follows.
func (s Erasures) erase(ctx context.Context, tx pg.DB, act constituency.Act, id string) (erasure.Ended, error) {
	var ended erasure.Ended
	p, err := person(ctx, tx, id, "FOR UPDATE")
	if err != nil {
		return ended, err
	}
	before := p
	erasure.Forget(&p, act.At)
	entries, err := s.saveChanged(ctx, tx, act, before, p)
	if err != nil {
		return ended, err
	}
	l := account.Locked{Person: p}
	more, err := endAll(ctx, tx, act, &l, "session.erased")
	if err != nil {
		return ended, err
	}
	ended.Sessions, ended.Tokens = l.Sessions, l.Tokens
	for _, x := range forgetting {
		if _, err := tx.ExecContext(ctx, x, id, before.Email, before.Name); err != nil {
			return ended, fmt.Errorf("forget person %s: %w", id, err)
		}
	}
	who := privacy.Who{ID: id, Name: erasure.Former, Address: []string{before.Email}, Unsent: true}
	if _, _, err := privacy.ForgetWires(ctx, tx, who); err != nil {
		return ended, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE person SET erased_at = $2 WHERE id = $1`, id, act.At); err != nil {
		return ended, fmt.Errorf("note the erasure: %w", err)
	}
	if err := addEvents(ctx, tx, act, p.Event(), event.PersonErased{ID: id, At: act.At}); err != nil {
		return ended, err
	}
	_, err = audit.Append(ctx, tx, append(append(entries, more...), entry(act, "person.erase", "person", id))...)
	return ended, err
}

// forgetting are the statements that remove what names the person $1 with the
// address $2 and the name $3. Each uses all three, for the types.
var forgetting = []string{
	`DELETE FROM account WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM membership WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM recovery_code WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM recovery_set WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM invitation WHERE (person = $1::uuid OR lower(email) = lower($2::text)) AND $3::text IS NOT NULL`,
	`UPDATE session SET client = '', address = '' WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`UPDATE token SET name = '' WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM identity WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM passkey WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`UPDATE person SET deputy = NULL WHERE deputy = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`DELETE FROM task WHERE contact IN (SELECT id FROM contact WHERE person = $1::uuid OR lower(email) = lower($2::text)) OR lower(address) = lower($2::text) AND $3::text IS NOT NULL`,
	`DELETE FROM contact WHERE (person = $1::uuid OR lower(email) = lower($2::text)) AND $3::text IS NOT NULL`,
	`UPDATE service_request SET contact = '' WHERE person = $1::uuid AND ($2::text, $3::text) IS NOT NULL`,
	`UPDATE mandate SET granted_by = 'Ehemalige Person' WHERE granted_by = $3::text AND ($1::text, $2::text) IS NOT NULL`,
	`DELETE FROM outbox WHERE published_at IS NOT NULL AND type LIKE 'directory.%'
		AND (body::jsonb ->> 'subject_id' = $1::text AND type LIKE 'directory.person.%' OR body::jsonb -> 'data' ->> 'person' = $1::text
			OR lower(body::jsonb -> 'data' ->> 'email') = lower($2::text) AND type NOT LIKE 'directory.organisation.%') AND $3::text IS NOT NULL`,
}
