// SPDX-License-Identifier: EUPL-1.2

package contact

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// MaxContacts is how many an organisation can name.
const MaxContacts = 100

// Store keeps contacts. Every change writes its audit entry in the same
// transaction.
type Store interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error) // by AGS or id; NotFound
	Contacts(ctx context.Context, organisation string) ([]Contact, error)                  // not the removed ones
	Contact(ctx context.Context, id string) (Contact, error)                               // NotFound also when removed
	AddContact(ctx context.Context, act Act, c Contact) error
	// UpdateContact loads it under a lock, changes and saves it. change says whether anything changed.
	UpdateContact(ctx context.Context, act Act, id, action string, change func(*Contact) (bool, error)) (Contact, error)
	// NoteRead writes the audit entry of a read of somebody else's contacts.
	NoteRead(ctx context.Context, act Act, action, objectType, objectID string) error
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Desk is what people may do about contacts. Page and API come through here.
type Desk struct {
	Store Store
	Now   func() time.Time
	Fresh time.Duration // how long a confirmation counts
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Age of a contact at the moment.
func (d *Desk) Age(c Contact) Age { return c.AgeAt(d.now(), d.Fresh) }

// Of lists an organisation's contacts for who may read them. That somebody
// reads another organisation's is written down.
func (d *Desk) Of(ctx context.Context, act Act, reference string) (constituency.Organisation, []Contact, error) {
	act.At = d.now()
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return o, nil, err
	}
	if err := d.allow(ctx, &act, actor.ContactRead, o.ID, "organisation", o.ID, false); err != nil {
		return o, nil, err
	}
	list, err := d.Store.Contacts(ctx, o.ID)
	if err != nil {
		return o, nil, err
	}
	if len(list) > 0 && !Own(act.Actor, o.ID) {
		err = d.Store.NoteRead(ctx, act, string(actor.ContactRead), "organisation", o.ID)
	}
	return o, list, err
}

// Own reports whether the actor belongs to the organisation.
func Own(a actor.Actor, organisation string) bool {
	for _, m := range a.Memberships {
		if m.Organisation == organisation {
			return true
		}
	}
	return false
}

// Get returns one contact with its organisation. What one may not read does not
// exist.
func (d *Desk) Get(ctx context.Context, act Act, reference, id string) (constituency.Organisation, Contact, error) {
	act.At = d.now()
	return d.find(ctx, &act, actor.ContactRead, reference, id)
}

func (d *Desk) find(ctx context.Context, act *Act, action actor.Action, reference, id string) (constituency.Organisation, Contact, error) {
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return o, Contact{}, err
	}
	c, err := d.Store.Contact(ctx, id)
	if err != nil {
		return o, c, err
	}
	if c.Organisation != o.ID {
		return o, Contact{}, fault.New(fault.NotFound, "no contact %s", id)
	}
	hidden := !act.Actor.May(actor.ContactRead, actor.Object{Organisation: o.ID}).Allowed
	return o, c, d.allow(ctx, act, action, o.ID, "contact", id, hidden)
}

// Add names a new contact.
func (d *Desk) Add(ctx context.Context, act Act, reference string, in Details) (Contact, error) {
	act.At = d.now()
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return Contact{}, err
	}
	if err := d.allow(ctx, &act, actor.ContactEdit, o.ID, "organisation", o.ID, false); err != nil {
		return Contact{}, err
	}
	if o.Gone() {
		return Contact{}, fault.New(fault.Conflict, "%s is no longer in the register", o.Name)
	}
	if err := in.clean(o.Level); err != nil {
		return Contact{}, err
	}
	list, err := d.Store.Contacts(ctx, o.ID)
	if err != nil {
		return Contact{}, err
	}
	if len(list) >= MaxContacts {
		return Contact{}, fault.New(fault.Conflict, "an organisation has at most %d contacts", MaxContacts)
	}
	c := Contact{ID: event.NewID(), Organisation: o.ID, CreatedAt: act.At}
	c.set(in, act.At)
	if err := d.Store.AddContact(ctx, act, c); err != nil {
		return Contact{}, err
	}
	return d.Store.Contact(ctx, c.ID)
}

// Amend changes a contact when version is still the present one: else Stale.
func (d *Desk) Amend(ctx context.Context, act Act, reference, id string, version int, in Details) (Contact, error) {
	act.At = d.now()
	o, _, err := d.find(ctx, &act, actor.ContactEdit, reference, id)
	if err != nil {
		return Contact{}, err
	}
	return d.Store.UpdateContact(ctx, act, id, "contact.edit", func(c *Contact) (bool, error) {
		if err := fresh(*c, version); err != nil {
			return false, err
		}
		return c.Amend(in, o.Level, act.At)
	})
}

// Confirm notes that the contact is right as it is.
func (d *Desk) Confirm(ctx context.Context, act Act, reference, id string) (Contact, error) {
	act.At = d.now()
	if _, _, err := d.find(ctx, &act, actor.ContactEdit, reference, id); err != nil {
		return Contact{}, err
	}
	return d.Store.UpdateContact(ctx, act, id, "contact.confirm", func(c *Contact) (bool, error) { return c.Confirm(act.At), nil })
}

// Remove ends a contact.
func (d *Desk) Remove(ctx context.Context, act Act, reference, id string, version int) (Contact, error) {
	act.At = d.now()
	if _, _, err := d.find(ctx, &act, actor.ContactEdit, reference, id); err != nil {
		return Contact{}, err
	}
	return d.Store.UpdateContact(ctx, act, id, "contact.remove", func(c *Contact) (bool, error) {
		if err := fresh(*c, version); err != nil {
			return false, err
		}
		return true, c.Remove(act.At)
	})
}

func fresh(c Contact, version int) error {
	if c.Version != version {
		return fault.New(fault.Stale, "the contact is in version %d by now", c.Version)
	}
	return nil
}

// allow answers nil when the actor may, else it writes the denial down. What
// the actor may not even read does not exist for them: hidden.
func (d *Desk) allow(ctx context.Context, act *Act, action actor.Action, organisation, objectType, id string, hidden bool) error {
	decision := act.Actor.May(action, actor.Object{Organisation: organisation})
	if decision.Allowed {
		act.OnBehalfOf = decision.OnBehalfOf
		return nil
	}
	if err := d.Store.Deny(ctx, *act, string(action), objectType, id); err != nil {
		return err
	}
	switch {
	case !act.Actor.SignedIn():
		return fault.New(fault.Unauthenticated, "sign in first")
	case hidden:
		return fault.New(fault.NotFound, "no %s %s", objectType, id)
	}
	return fault.New(fault.Forbidden, "you may not do this")
}
