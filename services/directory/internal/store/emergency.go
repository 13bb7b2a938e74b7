// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Sealed returns an organisation's sealed emergency contact.
func (s *Store) Sealed(ctx context.Context, organisation string) (emergency.Sealed, error) {
	var r struct {
		Box       []byte    `db:"sealed"`
		ChangedAt time.Time `db:"changed_at"`
		Version   int       `db:"version"`
	}
	err := s.DB.GetContext(ctx, &r, `SELECT sealed, changed_at, version FROM emergency_contact WHERE organisation = $1`, organisation)
	return emergency.Sealed{Organisation: organisation, Box: r.Box, ChangedAt: r.ChangedAt.UTC(), Version: r.Version},
		pg.NoRows(ctx, err, "no emergency contact of %s", organisation)
}

// Seal stores new words over those of the version.
func (s *Store) Seal(ctx context.Context, act constituency.Act, x emergency.Sealed, version int) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		query := `UPDATE emergency_contact SET sealed = $2, changed_at = $3, changed_by = $4, version = version + 1
			WHERE organisation = $1 AND version = $5`
		if version == 0 {
			query = `INSERT INTO emergency_contact (organisation, sealed, changed_at, changed_by, version)
				VALUES ($1, $2, $3, $4, $5 + 1) ON CONFLICT DO NOTHING`
		}
		res, err := tx.ExecContext(ctx, query, x.Organisation, x.Box, act.At, null(act.Actor.Person), version)
		if err != nil {
			return fmt.Errorf("seal the emergency contact of %s: %w", x.Organisation, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(fault.Stale, err, "the emergency contact was changed meanwhile")
		}
		return s.commit(ctx, tx, change{act, "emergency.seal", "emergency", x.Organisation, nil})
	})
}

// UsualWays are the addresses and numbers of every day.
func (s *Store) UsualWays(ctx context.Context, organisation string) (emergency.Usual, error) {
	var rows []struct {
		Email string `db:"email"`
		Phone string `db:"phone"`
	}
	err := s.DB.SelectContext(ctx, &rows, `SELECT email, phone FROM organisation WHERE id = $1
		UNION SELECT email, phone FROM contact WHERE organisation = $1 AND removed_at IS NULL`, organisation)
	var u emergency.Usual
	for _, r := range rows {
		if r.Email != "" {
			u.Emails = append(u.Emails, r.Email)
		}
		if r.Phone != "" {
			u.Phones = append(u.Phones, r.Phone)
		}
	}
	return u, classify(ctx, err, "read the usual ways of %s", organisation)
}

type openingRow struct {
	ID           string    `db:"id"`
	Organisation string    `db:"organisation"`
	Person       string    `db:"person"`
	PersonName   string    `db:"person_name"`
	Session      string    `db:"session"`
	Reason       string    `db:"reason"`
	OpenedAt     time.Time `db:"opened_at"`
	ExpiresAt    time.Time `db:"expires_at"`
}

func (r openingRow) opening() emergency.Opening {
	return emergency.Opening{
		ID: r.ID, Organisation: r.Organisation, Person: r.Person, PersonName: r.PersonName, Session: r.Session, Reason: r.Reason,
		OpenedAt: r.OpenedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

const selectOpening = `
SELECT e.id, e.organisation, e.person, p.name AS person_name, e.session, e.reason, e.opened_at, e.expires_at
FROM emergency_opening e JOIN person p ON p.id = e.person`

// OpenNow is the newest opening that still shows the words to a session.
func (s *Store) OpenNow(ctx context.Context, organisation, session string, at time.Time) (emergency.Opening, error) {
	var r openingRow
	err := s.DB.GetContext(ctx, &r, selectOpening+`
		WHERE e.organisation = $1 AND e.session = $2 AND e.expires_at > $3 ORDER BY e.opened_at DESC LIMIT 1`, organisation, session, at)
	return r.opening(), pg.NoRows(ctx, err, "nothing is open")
}

// Openings lists who looked, the newest first.
func (s *Store) Openings(ctx context.Context, organisation string) ([]emergency.Opening, error) {
	var rows []openingRow
	err := s.DB.SelectContext(ctx, &rows, selectOpening+` WHERE e.organisation = $1 ORDER BY e.opened_at DESC LIMIT 50`, organisation)
	out := make([]emergency.Opening, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.opening())
	}
	return out, classify(ctx, err, "list openings of %s", organisation)
}

// OpenSeal notes the opening, with a digest of the reason in the audit, and
// tells the organisation's people.
func (s *Store) OpenSeal(ctx context.Context, act constituency.Act, x emergency.Opening) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO emergency_opening (id, organisation, person, session, reason, opened_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, x.ID, x.Organisation, x.Person, x.Session, x.Reason, x.OpenedAt, x.ExpiresAt)
		if err != nil {
			return fmt.Errorf("open the seal of %s: %w", x.Organisation, err)
		}
		people, err := s.On(tx).peopleOf(ctx, x.Organisation)
		if err != nil {
			return err
		}
		mails := make([]event.Payload, 0, len(people))
		for _, p := range people {
			mails = append(mails, p.mail("emergency_opened", x.ID, "/verzeichnis/stelle/notfall?id="+x.Organisation,
				map[string]any{"at": x.OpenedAt.Format(time.RFC3339)}))
		}
		if err := addEvents(ctx, tx, act, mails...); err != nil {
			return err
		}
		e := entry(act, "emergency.open", "emergency", x.Organisation)
		e.Digests = map[string]string{"reason": audit.Digest(s.AuditKey, x.Reason)}
		_, err = audit.Append(ctx, tx, e)
		return err
	})
}

// peopleOf are the organisation's own people, or its mailbox when it has none.
func (s *Store) peopleOf(ctx context.Context, organisation string) ([]addressee, error) {
	o, err := s.Organisation(ctx, organisation)
	if err != nil {
		return nil, err
	}
	var list []addressee
	err = s.DB.SelectContext(ctx, &list, `SELECT p.id, p.name, p.email, p.language FROM person p
		WHERE p.active AND EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = $1 AND m.role IN ('officer', 'org_admin'))
		ORDER BY p.id LIMIT 10`, organisation)
	if len(list) == 0 && o.Email != "" {
		list = append(list, addressee{Name: o.Name, Email: o.Email, Language: "de"})
	}
	for i := range list {
		list[i].organisation = organisationEvent(o).Ref()
	}
	return list, classify(ctx, err, "list the people of %s", organisation)
}
