// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// managed asks whether the role of the person $1 in the body $2 is needed and
// nobody else has it. The CERT's administrators stand in for each other in any
// body; an organisation needs one of its own while it takes part.
var managed = map[actor.Role]string{
	actor.Admin: `
SELECT EXISTS (SELECT 1 FROM organisation WHERE id = $2 AND gone_at IS NULL) AND NOT EXISTS (
	SELECT 1 FROM membership m JOIN person p ON p.id = m.person AND p.active
	JOIN organisation o ON o.id = m.organisation AND o.gone_at IS NULL
	WHERE m.role = 'admin' AND m.person <> $1)`,
	actor.OrgAdmin: `
SELECT EXISTS (
	SELECT 1 FROM organisation o JOIN onboarding b ON b.organisation = o.id AND b.stage = 'active'
	WHERE o.id = $2 AND o.gone_at IS NULL) AND NOT EXISTS (
	SELECT 1 FROM membership m JOIN person p ON p.id = m.person AND p.active
	WHERE m.role = 'org_admin' AND m.organisation = $2 AND m.person <> $1)`,
}

// keepManager refuses a change that leaves nobody who manages people; the one of
// an organisation may be locked all the same. Changes
// of this kind wait for each other, so that the last two do not both go.
func keepManager(ctx context.Context, tx pg.DB, before, after account.Person) error {
	lost := account.GivesUp(before, after)
	if len(lost) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockManagers); err != nil {
		return fmt.Errorf("lock the managers: %w", err)
	}
	for _, m := range lost {
		if m.Role == actor.OrgAdmin && slices.Contains(after.Memberships, m) {
			continue // locked only: a stolen account must be stopped at once, and the CERT can open it again
		}
		var last bool
		if err := tx.GetContext(ctx, &last, managed[m.Role], before.ID, m.Organisation); err != nil {
			return fmt.Errorf("look for another %s: %w", m.Role, err)
		}
		if last {
			return account.ErrLast(m)
		}
	}
	return nil
}

// saveChanged writes a changed person under the rules for every change: nobody
// who was erased changes, somebody who manages people stays, and what rested on
// a right that is gone ends. It returns the audit entries of the latter.
func (s *Store) saveChanged(ctx context.Context, tx pg.DB, act constituency.Act, before, p account.Person) ([]audit.Entry, error) {
	if err := before.Living(); err != nil {
		return nil, err
	}
	if err := keepManager(ctx, tx, before, p); err != nil {
		return nil, err
	}
	if err := savePerson(ctx, tx, p, before.Memberships); err != nil {
		return nil, err
	}
	return s.endUnbacked(ctx, tx, act, before, p)
}

// endUnbacked ends the open invitations that rested on a role which the person
// no longer holds.
func (s *Store) endUnbacked(ctx context.Context, tx pg.DB, act constituency.Act, before, p account.Person) ([]audit.Entry, error) {
	if len(account.GivesUp(before, p)) == 0 && !before.Lost(p, actor.Constituency) {
		return nil, nil
	}
	var rows []invitationRow
	if err := tx.SelectContext(ctx, &rows, `SELECT `+invitationColumns+` FROM invitation
		WHERE accepted_at IS NULL AND withdrawn_at IS NULL AND coalesce(confirmed_by, invited_by) = $1 ORDER BY id FOR UPDATE`, p.ID); err != nil {
		return nil, fmt.Errorf("find what the person stands behind: %w", err)
	}
	bound := s.On(tx)
	a, _, err := bound.ActorOf(ctx, p.ID, act.At)
	if err != nil {
		return nil, err
	}
	var entries []audit.Entry
	for _, r := range rows {
		i, err := r.invitation()
		if err != nil {
			return nil, err
		}
		var target account.Person
		if i.Kind == invitation.Password || i.Kind == invitation.Factor {
			if target, err = bound.Person(ctx, i.Person); err != nil {
				return nil, err
			}
		}
		if i.BackedBy(a, target) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE invitation SET withdrawn_at = $2, ended_why = $3, sum = NULL, version = version + 1 WHERE id = $1`,
			i.ID, act.At, invitation.RightLost); err != nil {
			return nil, fmt.Errorf("end invitation %s: %w", i.ID, err)
		}
		entries = append(entries, entry(act, "invitation.void", "invitation", i.ID))
	}
	return entries, nil
}

// SetActive locks a person out or lets them in again. With the lock their
// sessions and API tokens end: all of it holds, or nothing does.
func (s *Store) SetActive(ctx context.Context, act constituency.Act, id string, active bool) (account.Locked, error) {
	var l account.Locked
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		before, err := person(ctx, tx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		if err := before.Living(); err != nil {
			return err
		}
		l.Person = before
		var entries []audit.Entry
		var news []event.Payload
		if l.Person.SetActive(active, act.At) {
			if entries, err = s.saveChanged(ctx, tx, act, before, l.Person); err != nil {
				return err
			}
			entries, news = append(entries, entry(act, "person.active", "person", id)), append(news, l.Person.Event())
		}
		if !active {
			more, err := endAll(ctx, tx, act, &l, "session.locked")
			if err != nil {
				return err
			}
			entries = append(entries, more...)
		}
		if len(entries) == 0 {
			return nil
		}
		if err := addEvents(ctx, tx, act, news...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
	return l, err
}

// endAll ends every session and API token of the person.
func endAll(ctx context.Context, tx pg.DB, act constituency.Act, l *account.Locked, action string) (entries []audit.Entry, err error) {
	var more []audit.Entry
	if l.Sessions, entries, err = endRows(ctx, tx, act, action, `person = $2`, l.Person.ID); err != nil {
		return nil, err
	}
	l.Tokens, more, err = endTokens(ctx, tx, act, `person = $2`, l.Person.ID)
	return append(entries, more...), err
}
