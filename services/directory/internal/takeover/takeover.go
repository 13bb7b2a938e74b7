// SPDX-License-Identifier: EUPL-1.2

// Package takeover is what is left to do after a merger: naming who took over,
// and letting the people of the predecessor work for the successor. Mandates are
// never taken over: a mandate is given by a body, and the new one gives it anew.
package takeover

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
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
	// MovePeople gives people the roles in to that they have in from, and takes
	// the old ones. Those who have none there are left alone. It returns who moved.
	MovePeople(ctx context.Context, act constituency.Act, from, to string, people []string) ([]account.Person, error)
	Deny(ctx context.Context, act constituency.Act, action, objectType, objectID string) error
}

// Desk is what the constituency managers may do.
type Desk struct {
	Store Store
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

// Move lets people of a body that is gone work for the one that took over, with
// the same roles. heir is the body at the end of the steps.
func (d *Desk) Move(ctx context.Context, act constituency.Act, predecessor string, heir constituency.Organisation, people []string) ([]account.Person, error) {
	act.At = d.now()
	o, err := d.ended(ctx, act, actor.RoleChange, predecessor)
	if err != nil {
		return nil, err
	}
	if heir.Gone() || heir.ID == o.ID {
		return nil, fault.New(fault.Conflict, "nobody took over from %s yet", o.Name)
	}
	if len(people) == 0 {
		var bad fault.Fields
		bad.Add("people", "directory.error.people", "choose at least one person")
		return nil, bad.Err()
	}
	return d.Store.MovePeople(ctx, act, o.ID, heir.ID, people)
}
