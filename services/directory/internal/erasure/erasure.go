// SPDX-License-Identifier: EUPL-1.2

// Package erasure lets two people erase somebody who left: name, addresses and
// everything they signed in with go, the id stays as the pseudonym that the
// audit and closed cases point at. It knows no database and no HTTP.
package erasure

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// States of a wish.
const (
	Proposed  = "proposed"
	Confirmed = "confirmed"
	Refused   = "refused"
)

// Wish is somebody's wish that a person be erased. It counts when a second
// person confirmed it.
type Wish struct {
	ID         string
	Person     string
	Name       string // of the person, as they are called now
	Reason     string
	State      string
	ProposedBy string
	ProposedAt time.Time
	DecidedBy  string
	DecidedAt  *time.Time
}

// Ended is what stopped holding in the moment of the erasure: the other
// services are told at once.
type Ended struct {
	Sessions []account.Session
	Tokens   []account.Token
}

// Store keeps the wishes and erases.
type Store interface {
	// Find returns the id of the person with the id or e-mail address. NotFound when there is none.
	Find(ctx context.Context, idOrEmail string) (string, error)
	// Add stores a wish with its audit entry. Conflict when one about the person is open.
	Add(ctx context.Context, act constituency.Act, w Wish) error
	// Decide locks the wish, lets decide look at it and stores what became of
	// it; a confirmed one erases the person in the same commit.
	Decide(ctx context.Context, act constituency.Act, id string, decide func(w *Wish) error) (Ended, error)
	// Wishes lists the newest, open ones first.
	Wishes(ctx context.Context) ([]Wish, error)
}

// Desk is what can be done.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// allow hides everything from who may not erase.
func allow(act constituency.Act) error {
	if !act.Actor.May(actor.PersonErase, actor.Object{}).Allowed {
		return fault.New(fault.NotFound, "there is nothing here")
	}
	return nil
}

// Propose asks for the erasure of a person, by id or e-mail address.
func (d Desk) Propose(ctx context.Context, act constituency.Act, person, reason string) (Wish, error) {
	if err := allow(act); err != nil {
		return Wish{}, err
	}
	reason = strings.TrimSpace(reason)
	var wrong fault.Fields
	id, err := d.Store.Find(ctx, strings.TrimSpace(person))
	switch {
	case fault.Is(err, fault.NotFound):
		wrong.Add("person", "directory.erasure.err.person", "names nobody of the register")
	case err != nil:
		return Wish{}, err
	case id == act.Actor.Person:
		wrong.Add("person", "directory.erasure.err.self", "is yourself; let somebody else propose it")
	}
	if n := utf8.RuneCountInString(reason); n == 0 || n > 500 {
		wrong.Add("reason", "directory.erasure.err.reason", "is missing, or longer than 500 characters")
	}
	if err := wrong.Err(); err != nil {
		return Wish{}, err
	}
	act.At = d.now()
	w := Wish{ID: event.NewID(), Person: id, Reason: reason, State: Proposed, ProposedBy: act.Actor.ID(), ProposedAt: act.At}
	return w, d.Store.Add(ctx, act, w)
}

// Decide agrees to a wish, or refuses it. Who proposed may take it back, but
// not agree, and nobody agrees to their own erasure.
func (d Desk) Decide(ctx context.Context, act constituency.Act, id string, agree bool) (Ended, error) {
	if err := allow(act); err != nil {
		return Ended{}, err
	}
	if !event.IsID(id) {
		return Ended{}, fault.New(fault.NotFound, "there is no such proposal")
	}
	act.At = d.now()
	return d.Store.Decide(ctx, act, id, func(w *Wish) error {
		switch {
		case w.State != Proposed:
			return fault.New(fault.Conflict, "this proposal is decided already")
		case agree && (w.ProposedBy == act.Actor.ID() || w.Person == act.Actor.ID()):
			return fault.New(fault.Conflict, "another person has to agree")
		}
		w.State, w.DecidedBy, w.DecidedAt = Refused, act.Actor.ID(), &act.At
		if agree {
			w.State = Confirmed
		}
		return nil
	})
}

// Wishes lists what was proposed.
func (d Desk) Wishes(ctx context.Context, act constituency.Act) ([]Wish, error) {
	if err := allow(act); err != nil {
		return nil, err
	}
	return d.Store.Wishes(ctx)
}

// Former is what an erased person is called.
const Former = "Ehemalige Person"

// Forget leaves of a person's record what tells nobody who it was.
func Forget(p *account.Person, at time.Time) {
	p.Name, p.Email, p.Phone, p.Function = Former, p.ID+"@erased.invalid", "", ""
	p.Active, p.Memberships, p.Absence = false, nil, account.Absence{}
	p.Version++
	p.ChangedAt = at
}
