// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// SetSuccessor keeps the step and sends the predecessor's record out again.
func (s *Store) SetSuccessor(ctx context.Context, act constituency.Act, step succession.Succession) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		row := successionRow{step.Predecessor, step.Successor, string(step.Kind), step.Date, act.At}
		if _, err := tx.NamedExecContext(ctx, upsertSuccession, row); err != nil {
			return fmt.Errorf("save the successor of %s: %w", step.Predecessor, err)
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE organisation SET version = version + 1, updated_at = $2 WHERE id = $1`, step.Predecessor, act.At); err != nil {
			return fmt.Errorf("count up %s: %w", step.Predecessor, err)
		}
		o, err := s.On(tx).Organisation(ctx, step.Predecessor)
		if err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, "organisation.successor", "organisation", o.ID, []event.Payload{organisationEvent(o)}})
	})
}

// MovePeople gives people the roles in to that they have in from, and takes the
// old ones; a person's home moves with them.
func (s *Store) MovePeople(ctx context.Context, act constituency.Act, from, to string, people []string) ([]account.Person, error) {
	for _, id := range people {
		if err := validID("person", id); err != nil {
			return nil, err
		}
	}
	var moved []account.Person
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var rows []personRow
		if err := tx.SelectContext(ctx, &rows, `SELECT `+personColumns+` FROM person p WHERE p.id = ANY ($1::uuid[])
			AND EXISTS (SELECT 1 FROM membership m WHERE m.person = p.id AND m.organisation = $2)
			ORDER BY p.id FOR UPDATE`, pq.Array(people), from); err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]string, len(rows))
		for i := range rows {
			ids[i] = rows[i].ID
			rows[i].Version++
			rows[i].ChangedAt = act.At
		}
		for _, do := range []string{
			`INSERT INTO membership (person, organisation, role, position)
				SELECT person, $2, role, position FROM membership WHERE organisation = $1 AND person = ANY ($3::uuid[])
				ON CONFLICT (person, organisation, role) DO UPDATE SET position = least(membership.position, excluded.position)`,
			`DELETE FROM membership WHERE organisation = $1 AND organisation <> $2 AND person = ANY ($3::uuid[])`,
		} {
			if _, err := tx.ExecContext(ctx, do, from, to, pq.Array(ids)); err != nil {
				return fmt.Errorf("move the people of %s: %w", from, err)
			}
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE person SET version = version + 1, changed_at = $2 WHERE id = ANY ($1::uuid[])`, pq.Array(ids), act.At); err != nil {
			return fmt.Errorf("count up the people of %s: %w", from, err)
		}
		var err error
		if moved, err = withMemberships(ctx, tx, rows); err != nil {
			return err
		}
		payloads := make([]event.Payload, len(moved))
		entries := make([]audit.Entry, len(moved))
		for i, p := range moved {
			payloads[i], entries[i] = p.Event(), entry(act, "person.takeover", "person", p.ID)
		}
		if err := addEvents(ctx, tx, act, payloads...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
	return moved, err
}

// endMandates ends what bodies that are gone gave or were given, and returns the
// records. A mandate is never taken over by a successor.
func endMandates(ctx context.Context, tx pg.DB, at time.Time, gone []string) ([]mandate.Mandate, error) {
	if len(gone) == 0 {
		return nil, nil
	}
	var rows []mandateRow
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE mandate m SET state = CASE m.state WHEN 'active' THEN 'revoked' ELSE 'declined' END, revoked_at = $2,
			version = m.version + 1, changed_at = $2
		WHERE (m.principal = ANY ($1::uuid[]) OR m.agent = ANY ($1::uuid[])) AND m.state IN ('requested', 'granted', 'active')
			AND (m.valid_to IS NULL OR m.valid_to > $2)
		RETURNING `+mandateColumns, pq.Array(gone), at); err != nil {
		return nil, fmt.Errorf("end the mandates of %d bodies: %w", len(gone), err)
	}
	out := make([]mandate.Mandate, len(rows))
	for i, r := range rows {
		out[i] = r.mandate()
	}
	return out, nil
}
