// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type invitationRow struct {
	ID           string     `db:"id"`
	Kind         string     `db:"kind"`
	Person       string     `db:"person"`
	Name         string     `db:"name"`
	Email        string     `db:"email"`
	Function     string     `db:"function"`
	Language     string     `db:"language"`
	Memberships  string     `db:"memberships"`
	Organisation string     `db:"organisation"`
	InvitedBy    string     `db:"invited_by"`
	MadeAt       time.Time  `db:"made_at"`
	FourEyes     bool       `db:"four_eyes"`
	ConfirmedBy  *string    `db:"confirmed_by"`
	ConfirmedAt  *time.Time `db:"confirmed_at"`
	Sum          []byte     `db:"sum"`
	ExpiresAt    time.Time  `db:"expires_at"`
	AcceptedAt   *time.Time `db:"accepted_at"`
	WithdrawnAt  *time.Time `db:"withdrawn_at"`
	EndedWhy     string     `db:"ended_why"`
	Version      int        `db:"version"`
}

type membershipJSON struct {
	Organisation string `json:"organisation"`
	Role         string `json:"role"`
}

const invitationColumns = `id, kind, person, name, email, function, language, memberships::text AS memberships, organisation, invited_by, made_at,
	four_eyes, confirmed_by, confirmed_at, sum, expires_at, accepted_at, withdrawn_at, ended_why, version`

func (r invitationRow) invitation() (invitation.Invitation, error) {
	i := invitation.Invitation{
		ID: r.ID, Kind: invitation.Kind(r.Kind), Person: r.Person, Name: r.Name, Email: r.Email, Function: r.Function, Language: r.Language,
		Organisation: r.Organisation, InvitedBy: r.InvitedBy, MadeAt: r.MadeAt.UTC(), FourEyes: r.FourEyes, ConfirmedBy: text(r.ConfirmedBy),
		ConfirmedAt: utc(r.ConfirmedAt), Sum: r.Sum, ExpiresAt: r.ExpiresAt.UTC(), AcceptedAt: utc(r.AcceptedAt),
		WithdrawnAt: utc(r.WithdrawnAt), EndedWhy: r.EndedWhy, Version: r.Version,
	}
	var ms []membershipJSON
	if err := json.Unmarshal([]byte(r.Memberships), &ms); err != nil {
		return i, fmt.Errorf("read invitation %s: %w", r.ID, err)
	}
	for _, m := range ms {
		i.Memberships = append(i.Memberships, account.Membership{Organisation: m.Organisation, Role: actor.Role(m.Role)})
	}
	return i, nil
}

func invitationRowOf(i invitation.Invitation) (invitationRow, error) {
	ms := []membershipJSON{}
	for _, m := range i.Memberships {
		ms = append(ms, membershipJSON{m.Organisation, string(m.Role)})
	}
	b, err := json.Marshal(ms)
	return invitationRow{
		ID: i.ID, Kind: string(i.Kind), Person: i.Person, Name: i.Name, Email: i.Email, Function: i.Function, Language: i.Language,
		Memberships: string(b), Organisation: i.Organisation, InvitedBy: i.InvitedBy, MadeAt: i.MadeAt, FourEyes: i.FourEyes,
		ConfirmedBy: null(i.ConfirmedBy), ConfirmedAt: i.ConfirmedAt, Sum: i.Sum, ExpiresAt: i.ExpiresAt, AcceptedAt: i.AcceptedAt,
		WithdrawnAt: i.WithdrawnAt, EndedWhy: i.EndedWhy, Version: i.Version,
	}, err
}

// Invitation returns one invitation.
func (s *Store) Invitation(ctx context.Context, id string) (invitation.Invitation, error) {
	if err := validID("invitation", id); err != nil {
		return invitation.Invitation{}, err
	}
	return invitationBy(ctx, s.DB, `id = $1`, id)
}

// InvitationBySum returns the invitation of a link.
func (s *Store) InvitationBySum(ctx context.Context, sum []byte) (invitation.Invitation, error) {
	return invitationBy(ctx, s.DB, `sum = $1`, sum)
}

func invitationBy(ctx context.Context, db pg.DB, where string, arg any) (invitation.Invitation, error) {
	var r invitationRow
	if err := db.GetContext(ctx, &r, `SELECT `+invitationColumns+` FROM invitation WHERE `+where, arg); err != nil {
		return invitation.Invitation{}, pg.NoRows(ctx, err, "no such invitation")
	}
	return r.invitation()
}

// OpenInvitations lists what nobody has accepted or withdrawn yet, and what
// ended by itself, the newest first: of all organisations, or of the named ones; person narrows it.
func (s *Store) OpenInvitations(ctx context.Context, everything bool, organisations []string, person string) ([]invitation.Invitation, error) {
	var rows []invitationRow
	if err := s.DB.SelectContext(ctx, &rows, `SELECT `+invitationColumns+` FROM invitation
		WHERE accepted_at IS NULL AND (withdrawn_at IS NULL OR ended_why <> '') AND ($1 OR organisation = ANY ($2::uuid[])) AND ($3 = '' OR person::text = $3)
		ORDER BY made_at DESC, id LIMIT 200`, everything, pq.Array(organisations), person); err != nil {
		return nil, classify(ctx, err, "list invitations")
	}
	out := make([]invitation.Invitation, 0, len(rows))
	for _, r := range rows {
		i, err := r.invitation()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// AddInvitation stores an invitation unless the same is open already. A reset
// takes the place of the person's earlier one.
func (s *Store) AddInvitation(ctx context.Context, act constituency.Act, i invitation.Invitation, news ...event.Payload) error {
	r, err := invitationRowOf(i)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockInvitation, i.Email); err != nil {
			return fmt.Errorf("lock invitations: %w", err)
		}
		if i.Kind == invitation.Password || i.Kind == invitation.Factor {
			if _, err := tx.ExecContext(ctx, `UPDATE invitation SET withdrawn_at = $3, sum = NULL, version = version + 1
				WHERE person = $1 AND kind = $2 AND accepted_at IS NULL AND withdrawn_at IS NULL`, i.Person, string(i.Kind), act.At); err != nil {
				return fmt.Errorf("replace a reset: %w", err)
			}
		}
		var open int
		if err := tx.GetContext(ctx, &open, `SELECT count(*) FROM invitation WHERE email = $1 AND organisation = $2 AND kind = $3
			AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > $4`, i.Email, i.Organisation, string(i.Kind), act.At); err != nil {
			return fmt.Errorf("count invitations: %w", err)
		}
		if open > 0 {
			var bad fault.Fields
			bad.Add("email", "directory.signin.error.invited", "this address is invited already; send the invitation again instead")
			return bad.Err()
		}
		if _, err := tx.NamedExecContext(ctx, `
			INSERT INTO invitation (id, kind, person, name, email, function, language, memberships, organisation, invited_by, made_at,
				four_eyes, confirmed_by, confirmed_at, sum, expires_at, accepted_at, withdrawn_at, version)
			VALUES (:id, :kind, :person, :name, :email, :function, :language, :memberships, :organisation, :invited_by, :made_at,
				:four_eyes, :confirmed_by, :confirmed_at, :sum, :expires_at, :accepted_at, :withdrawn_at, :version)`, r); err != nil {
			return fmt.Errorf("insert invitation: %w", err)
		}
		return s.commit(ctx, tx, change{act, "invitation." + string(i.Kind), "invitation", i.ID, news})
	})
}

// UpdateInvitation loads an invitation under a lock, changes and saves it.
func (s *Store) UpdateInvitation(ctx context.Context, act constituency.Act, id, action string, apply func(*invitation.Invitation) ([]event.Payload, error)) (invitation.Invitation, error) {
	var i invitation.Invitation
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var err error
		if i, err = invitationBy(ctx, tx, `id = $1 FOR UPDATE`, id); err != nil {
			return err
		}
		news, err := apply(&i)
		if err != nil {
			return err
		}
		r, err := invitationRowOf(i)
		if err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, `UPDATE invitation SET confirmed_by = :confirmed_by, confirmed_at = :confirmed_at,
			invited_by = :invited_by, sum = :sum, expires_at = :expires_at, withdrawn_at = :withdrawn_at, ended_why = :ended_why, version = :version WHERE id = :id`, r); err != nil {
			return fmt.Errorf("save invitation: %w", err)
		}
		return s.commit(ctx, tx, change{act, action, "invitation", id, news})
	})
	return i, err
}

// Join ends an invitation: it makes or completes the person, their factors and
// the session in one transaction. An invitation that somebody else ended
// meanwhile is NotFound.
func (s *Store) Join(ctx context.Context, act constituency.Act, j invitation.Joined) error {
	i := j.Invitation
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx, `UPDATE invitation SET accepted_at = $3, confirmed_by = $4, confirmed_at = $5, version = version + 1
			WHERE id = $1 AND version = $2 AND accepted_at IS NULL AND withdrawn_at IS NULL`, i.ID, i.Version, act.At, null(i.ConfirmedBy), i.ConfirmedAt)
		if err != nil {
			return fmt.Errorf("end invitation: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(fault.NotFound, err, "this link was used, has run out or was withdrawn")
		}
		news, err := join(ctx, tx, act, j)
		if err != nil {
			return err
		}
		entries := []audit.Entry{entry(act, j.Action, "invitation", i.ID)}
		if j.Change.Action != "" {
			_, more, err := applyFactors(ctx, tx, act, j.Person.ID, j.Change)
			if err != nil {
				return err
			}
			entries, news = append(append(entries, entry(act, j.Change.Action, "person", j.Person.ID)), more...), append(news, j.Change.News...)
		}
		if j.Start != nil {
			more, err := begin(ctx, tx, act, j.Person.ID, *j.Start)
			if err != nil {
				return err
			}
			entries = append(entries, more...)
		}
		if err := addEvents(ctx, tx, act, news...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
}

// join makes the person of an invitation or gives them its roles.
func join(ctx context.Context, tx pg.DB, act constituency.Act, j invitation.Joined) ([]event.Payload, error) {
	if j.New {
		if err := addPerson(ctx, tx, account.Added{Person: j.Person, SealedTOTP: []byte{}}); err != nil {
			return nil, err
		}
		return []event.Payload{j.Person.Event()}, nil
	}
	p, err := person(ctx, tx, j.Person.ID, "FOR UPDATE")
	if err != nil {
		return nil, err
	}
	if !p.Active {
		return nil, fault.New(fault.NotFound, "this link was used, has run out or was withdrawn")
	}
	before := slices.Clone(p.Memberships)
	if !p.Join(j.Invitation.Memberships, act.At) {
		return nil, nil
	}
	return []event.Payload{p.Event()}, savePerson(ctx, tx, p, before)
}
