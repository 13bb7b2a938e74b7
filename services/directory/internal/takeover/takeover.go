// SPDX-License-Identifier: EUPL-1.2

// Package takeover is what is left to do after a merger: naming who took over,
// and handing over people, contacts and open requests of the predecessor.
// Mandates are never taken over: a mandate is given by a body, and the new one
// gives it anew; it can be asked to.
package takeover

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Store keeps it. Every change writes its audit entry and its events in the
// same transaction.
type Store interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	// SetSuccessor keeps the step and sends both records out again.
	SetSuccessor(ctx context.Context, act constituency.Act, s succession.Succession) error
	// Estate lists what is left of o and what of it heir has already.
	Estate(ctx context.Context, o, heir constituency.Organisation, at time.Time) (Estate, error)
	// HandOver carries all of it out, or nothing.
	HandOver(ctx context.Context, act constituency.Act, h Handover) error
	Deny(ctx context.Context, act constituency.Act, action, objectType, objectID string) error
}

// Desk is what the constituency managers may do.
type Desk struct {
	Store Store
	Vault Vault
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// ended returns the body when the actor may do action there and it is gone: else
// NotFound or Conflict.
func (d *Desk) ended(ctx context.Context, act constituency.Act, action actor.Action, reference string) (constituency.Organisation, error) {
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return o, err
	}
	if !act.Actor.May(action, actor.Object{Organisation: o.ID}).Allowed {
		if err := d.Store.Deny(ctx, act, string(action), "organisation", o.ID); err != nil {
			return o, err
		}
		return o, fault.New(fault.NotFound, "there is nothing here")
	}
	if !o.Gone() {
		return o, fault.New(fault.Conflict, "%s is in the register; only what is gone has a successor", o.Name)
	}
	return o, nil
}

// Name says who took over from a body that is gone.
func (d *Desk) Name(ctx context.Context, act constituency.Act, predecessor, successor string, kind succession.Kind, date *time.Time) error {
	act.At = d.now()
	o, err := d.ended(ctx, act, actor.RegisterImport, predecessor)
	if err != nil {
		return err
	}
	var bad fault.Fields
	next, err := d.Store.Organisation(ctx, successor)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && (next.Gone() || next.ID == o.ID):
		bad.Add("successor", "directory.error.successor", successor+" is no body of the register")
	case err != nil:
		return err
	}
	if _, err := succession.ParseKind(string(kind)); err != nil {
		bad.Add("kind", "directory.error.succession", err.Error())
	}
	if date != nil && date.After(act.At) {
		bad.Add("date", "directory.error.past", "the date lies ahead")
	}
	if err := bad.Err(); err != nil {
		return err
	}
	return d.Store.SetSuccessor(ctx, act, succession.Succession{Predecessor: o.ID, Successor: next.ID, Kind: kind, Date: date})
}
