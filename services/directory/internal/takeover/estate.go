// SPDX-License-Identifier: EUPL-1.2

package takeover

import (
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Estate is what is still attached to a body that is gone: what a handover would
// change, for who decides about it.
type Estate struct {
	Contacts    []Item
	Requests    []Item            // for services of the CERT, not answered for good
	Mandates    []mandate.Mandate // ended with the body and not offered anew yet
	Deputies    []Deputy          // of its people who are away
	Sealed      bool              // it left emergency contacts
	HeirSealed  bool              // so has the successor
	Invitations int               // open ones; they end
	Tasks       int               // open ones
	HandedAt    *time.Time        // when it was handed over the first time
}

// Item is one thing of the estate. Twice: the successor has the same already, and
// both become one.
type Item struct {
	ID, Name, Detail string
	Twice            bool
}

// Deputy is who stands in for somebody of the body who is away. It stays as long
// as both work for the same body.
type Deputy struct {
	Person, Name, Deputy, DeputyName string
}

// Seal says what becomes of the emergency contacts that the body left.
type Seal string

// The answers.
const (
	SealLeave Seal = ""     // nothing yet
	SealMove  Seal = "move" // they become the successor's; its own give way
	SealDrop  Seal = "drop" // they are deleted
)

// ParseSeal reads an answer; anything else is a mistake of the field.
func ParseSeal(s string) (Seal, error) {
	switch x := Seal(s); x {
	case SealLeave, SealMove, SealDrop:
		return x, nil
	}
	var bad fault.Fields
	bad.Add("seal", "directory.error.seal", "seal is move, drop or empty")
	return "", bad.Err()
}

// Wish is what somebody decided to move; what is not named stays. Rest deletes
// the contacts that stay.
type Wish struct {
	People, Contacts, Requests, Mandates []string
	Seal                                 Seal
	Rest                                 bool
	Version                              int // of the predecessor's record as it was read; 0: whichever it is in
}

// Vault seals with a key that the database does not have, each organisation's
// words for it alone.
type Vault interface {
	SealNote(plain []byte, organisation string) []byte
	OpenNote(box []byte, organisation string) ([]byte, error)
}

// Handover is a wish with what the store needs to carry it out in one
// transaction.
type Handover struct {
	From, To constituency.Organisation
	Wish
	Reseal func(box []byte) ([]byte, error)                              // from one body's key to the other's
	Offer  func(ended mandate.Mandate) (mandate.Mandate, mandate.Effect) // the same mandate for the successor, to be granted anew
}

// Estate shows what is left, with nothing of what is sealed.
func (d *Desk) Estate(ctx context.Context, o, heir constituency.Organisation) (Estate, error) {
	return d.Store.Estate(ctx, o, heir, d.now())
}

// HandOver gives what is left of a body that is gone to the one that took over,
// as far as somebody decided so, and tells the other services, where open
// reports and subscriptions follow. Doing it again moves what is new; the second
// time is nothing.
func (d *Desk) HandOver(ctx context.Context, act constituency.Act, predecessor string, heir constituency.Organisation, w Wish) error {
	act.At = d.now()
	o, err := d.ended(ctx, act, actor.RegisterHandOver, predecessor)
	if err != nil {
		return err
	}
	if heir.Gone() || heir.ID == o.ID {
		return fault.New(fault.Conflict, "nobody took over from %s yet", o.Name)
	}
	for _, list := range [][]string{w.People, w.Contacts, w.Requests, w.Mandates} {
		if i := slices.IndexFunc(list, func(id string) bool { return !event.IsID(id) }); i >= 0 {
			return fault.New(fault.NotFound, "there is no such thing at %s", o.Name)
		}
	}
	return d.Store.HandOver(ctx, act, Handover{
		From: o, To: heir, Wish: w,
		Reseal: func(box []byte) ([]byte, error) {
			plain, err := d.Vault.OpenNote(box, o.ID)
			if err != nil {
				return nil, err
			}
			return d.Vault.SealNote(plain, heir.ID), nil
		},
		Offer: func(ended mandate.Mandate) (mandate.Mandate, mandate.Effect) {
			return offer(ended, o.ID, heir.ID, act.At)
		},
	})
}

// offer is the mandate that ended with a body, asked for anew between the
// successor and the other side: it counts only when the principal grants and the
// CERT confirms it.
func offer(m mandate.Mandate, from, to string, at time.Time) (mandate.Mandate, mandate.Effect) {
	n := mandate.Mandate{
		ID: event.NewID(), Principal: m.Principal, Agent: m.Agent, Scopes: m.Scopes, Services: m.Services, From: at,
		State: mandate.Requested, Version: 1, ChangedAt: at,
	}
	if m.To != nil && m.To.After(at) {
		n.To = m.To
	}
	if n.Principal == from {
		n.Principal = to
	}
	if n.Agent == from {
		n.Agent = to
	}
	return n, mandate.Effect{Step: "requested", Wishes: []mandate.Wish{
		{Kind: "mandate_requested", Organisation: n.Principal, Roles: []actor.Role{actor.OrgAdmin}},
	}}
}
