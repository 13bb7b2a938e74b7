// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Upload is a register file whose differences somebody looks at. Only the part
// of the own state is kept, for a day.
type Upload struct {
	ID         string
	File       File
	Hash       string // of the differences that were shown
	UploadedAt time.Time
}

// Filter of a list of organisations; the zero value lists all, from the start.
type Filter struct {
	Query string // words, all of which must occur
	Level Level
	Kreis string // 5 digits
	Gone  bool   // also those the register no longer has
	After string // Next of the page before
	Limit int
}

// Page is one part of a list.
type Page struct {
	Items []Organisation
	Next  string // "" at the end
}

// Store keeps the register. Every change writes its audit entry and its events
// in the same transaction.
type Store interface {
	Organisation(ctx context.Context, reference string) (Organisation, error) // by AGS or id; NotFound
	Organisations(ctx context.Context, f Filter) (Page, error)
	// UpdateOrganisation loads it under a lock, changes and saves it.
	UpdateOrganisation(ctx context.Context, act Act, id, action string, change func(*Organisation) (bool, error)) (Organisation, error)
	AllOrganisations(ctx context.Context) ([]Organisation, error)
	// ApplyPlan makes a plan from all organisations under a lock and saves it.
	ApplyPlan(ctx context.Context, act Act, plan func([]Organisation) (Plan, error)) (Plan, error)
	KeepUpload(ctx context.Context, act Act, u Upload) error
	Upload(ctx context.Context, id string) (Upload, error)
	// Deny writes the audit entry of a denial.
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Desk is what people may do about the register.
type Desk struct {
	Store Store
	Land  string // two digits
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Allow answers nil when the actor may do action in the register, else it
// writes the denial down.
func (d *Desk) Allow(ctx context.Context, act Act, action actor.Action, objectType, id string) error {
	act.At = d.now()
	if act.Actor.May(action, actor.Object{Organisation: id}).Allowed {
		return nil
	}
	if err := d.Store.Deny(ctx, act, string(action), objectType, id); err != nil {
		return err
	}
	if !act.Actor.SignedIn() {
		return fault.New(fault.Unauthenticated, "sign in first")
	}
	return fault.New(fault.Forbidden, "you may not do this")
}

// Amend changes what people maintain by hand, when version is still the present
// one: else Stale.
func (d *Desk) Amend(ctx context.Context, act Act, reference string, version int, c Contact) (Organisation, error) {
	act.At = d.now()
	o, err := d.Store.Organisation(ctx, reference)
	if err != nil {
		return Organisation{}, err
	}
	if err := d.Allow(ctx, act, actor.OrganisationEdit, "organisation", o.ID); err != nil {
		return Organisation{}, err
	}
	return d.Store.UpdateOrganisation(ctx, act, o.ID, "organisation.edit", func(o *Organisation) (bool, error) {
		if o.Version != version {
			return false, fault.New(fault.Stale, "the record is in version %d by now", o.Version)
		}
		return o.Amend(c, act.At)
	})
}

// Compare reads a GV100AD file and returns what it would change.
func (d *Desk) Compare(ctx context.Context, r io.Reader) (File, Differences, error) {
	f, err := ReadGV100AD(r, d.Land)
	if err != nil {
		return File{}, Differences{}, err
	}
	plan, err := d.plan(ctx, f)
	return f, plan.Differences, err
}

func (d *Desk) plan(ctx context.Context, f File) (Plan, error) {
	current, err := d.Store.AllOrganisations(ctx)
	if err != nil {
		return Plan{}, err
	}
	return Diff(current, f, d.now(), event.NewID)
}

// Propose is Compare by a person: the file is kept so that the same person or
// another one can confirm the differences.
func (d *Desk) Propose(ctx context.Context, act Act, r io.Reader) (Upload, Differences, error) {
	act.At = d.now()
	if err := d.Allow(ctx, act, actor.RegisterImport, "register", ""); err != nil {
		return Upload{}, Differences{}, err
	}
	f, diff, err := d.Compare(ctx, r)
	if err != nil {
		return Upload{}, Differences{}, err
	}
	u := Upload{ID: event.NewID(), File: f, Hash: diff.Hash, UploadedAt: act.At}
	return u, diff, d.Store.KeepUpload(ctx, act, u)
}

// Proposed returns an upload with the differences as they are now.
func (d *Desk) Proposed(ctx context.Context, act Act, id string) (Upload, Differences, error) {
	if err := d.Allow(ctx, act, actor.RegisterImport, "register", ""); err != nil {
		return Upload{}, Differences{}, err
	}
	u, err := d.Store.Upload(ctx, id)
	if err != nil {
		return Upload{}, Differences{}, err
	}
	plan, err := d.plan(ctx, u.File)
	return u, plan.Differences, err
}

// Confirm applies an upload when its differences are still exactly those with
// the hash: else Conflict. The choices name who takes over from bodies that the
// file no longer has.
func (d *Desk) Confirm(ctx context.Context, act Act, id, hash string, choices ...succession.Choice) (Differences, error) {
	u, _, err := d.Proposed(ctx, act, id)
	if err != nil {
		return Differences{}, err
	}
	act.At = d.now()
	return d.Apply(ctx, act, u.File, hash, choices...)
}

// Apply applies a file whose differences have the hash. The caller has checked
// that the actor may.
func (d *Desk) Apply(ctx context.Context, act Act, f File, hash string, choices ...succession.Choice) (Differences, error) {
	act.At = d.now()
	plan, err := d.Store.ApplyPlan(ctx, act, func(current []Organisation) (Plan, error) {
		p, err := Diff(current, f, act.At, event.NewID)
		if err = errors.Join(err, p.Confirm(hash)); err != nil {
			return p, err
		}
		return p, p.Succeed(choices, current)
	})
	return plan.Differences, err
}

// Load puts the embedded register into an empty one, with the places that
// merged in the years before, and reports how many bodies it has now. A register
// that has any is left alone.
func (d *Desk) Load(ctx context.Context, act Act) (int, error) {
	act.At = d.now()
	entries, err := Thuringia()
	if err != nil {
		return 0, err
	}
	former, err := succession.Thuringia()
	if err != nil {
		return 0, err
	}
	n := 0
	_, err = d.Store.ApplyPlan(ctx, act, func(current []Organisation) (Plan, error) {
		if len(current) > 0 {
			for _, o := range current {
				if !o.Gone() {
					n++
				}
			}
			return Plan{}, nil
		}
		p, err := Diff(nil, File{Stand: Stand, Entries: entries}, act.At, event.NewID)
		n = len(p.Save)
		if err != nil {
			return p, err
		}
		p.remember(former, act.At, event.NewID)
		return p, nil
	})
	return n, err
}
