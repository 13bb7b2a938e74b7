// SPDX-License-Identifier: EUPL-1.2

// Package onboarding follows how an organisation becomes part of the system:
// invited, contacts named, roles given, active (domain facts §8 row 7). Nobody
// clicks a stage forward: it follows from what is there.
package onboarding

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Stage is how far the admission of an organisation is.
type Stage string

// The stages. Declined and Paused are held by hand and stay until somebody
// takes them back.
const (
	None     Stage = "none"
	Invited  Stage = "invited"
	Contacts Stage = "contacts"
	Roles    Stage = "roles"
	Active   Stage = "active"
	Declined Stage = "declined"
	Paused   Stage = "paused"
)

// Stages lists all in the order of the way.
func Stages() []Stage { return []Stage{None, Invited, Contacts, Roles, Active, Paused, Declined} }

// ParseStage reads a stage; "" is all of them.
func ParseStage(s string) (Stage, error) {
	if s == "" || slices.Contains(Stages(), Stage(s)) {
		return Stage(s), nil
	}
	return "", fault.New(fault.Malformed, "%q is no stage", s)
}

// Facts are what the register knows of an organisation.
type Facts struct {
	Administered bool // another body does its administrative work
	Functions    []contact.Function
	Callable     bool // somebody can be called in an emergency
	Officer      bool
	OrgAdmin     bool
	Email        string // where an invitation goes
}

// ContactsComplete reports whether every function is filled that the
// organisation needs.
func (f Facts) ContactsComplete() bool { return len(f.MissingFunctions()) == 0 }

// MissingFunctions are those that nobody has and the organisation needs.
func (f Facts) MissingFunctions() []contact.Function {
	x := contact.Contact{Functions: f.Functions}
	if f.Callable {
		x.Phone = "1"
	}
	o := constituency.Organisation{}
	if f.Administered {
		o.Administration = "x"
	}
	return contact.Missing(o, []contact.Contact{x})
}

// RolesComplete reports whether there is an officer and an administrator; where
// another body does the work, one of them is enough.
func (f Facts) RolesComplete() bool {
	if f.Administered {
		return f.Officer || f.OrgAdmin
	}
	return f.Officer && f.OrgAdmin
}

// Record is what is known of the way of an organisation.
type Record struct {
	Organisation string
	Stage        Stage
	Held         Stage // Declined, Paused or ""
	InvitedAt    *time.Time
	ContactsAt   *time.Time
	RolesAt      *time.Time
	ActiveAt     *time.Time
	HeldAt       *time.Time
	Note         string
	Document     string // where the declaration of participation is filed
	Version      int
	ChangedAt    time.Time
}

// stage follows from the record and the facts.
func (r Record) stage(f Facts) Stage {
	switch {
	case r.Held != "":
		return r.Held
	case f.ContactsComplete() && f.RolesComplete() && r.Document != "":
		return Active
	case f.ContactsComplete() && f.RolesComplete():
		return Roles
	case f.ContactsComplete():
		return Contacts
	case r.InvitedAt != nil:
		return Invited
	}
	return None
}

// Follow brings the stage to what the facts say and notes when each was reached
// first. It reports whether the stage changed.
func (r *Record) Follow(f Facts, at time.Time) bool {
	next := r.stage(f)
	first := func(t **time.Time, reached bool) {
		if *t == nil && reached {
			*t = &at
		}
	}
	first(&r.ContactsAt, f.ContactsComplete())
	first(&r.RolesAt, f.ContactsComplete() && f.RolesComplete())
	first(&r.ActiveAt, next == Active)
	if r.Stage == next {
		return false
	}
	r.Stage, r.ChangedAt = next, at
	r.Version++
	return true
}

// Invite notes that an invitation goes out. It reports whether one has to: a
// second click sends nothing.
func (r *Record) Invite(f Facts, at time.Time) bool {
	if r.InvitedAt != nil || r.Held != "" || f.Email == "" {
		return false
	}
	r.InvitedAt, r.ChangedAt = &at, at
	r.Version++
	return true
}

// Plan is what the constituency manager keeps by hand.
type Plan struct {
	Held     Stage // Declined, Paused or ""
	Document string
	Note     string
}

// Keep takes over what was typed.
func (r *Record) Keep(p Plan, at time.Time) error {
	p.Document, p.Note = strings.TrimSpace(p.Document), strings.TrimSpace(p.Note)
	var bad fault.Fields
	if p.Held != "" && p.Held != Declined && p.Held != Paused {
		bad.Add("held", "directory.onboarding.error.held", "held must be declined, paused or empty")
	}
	if len([]rune(p.Document)) > 200 {
		bad.Add("document", "directory.onboarding.error.document", "document has at most 200 characters")
	}
	if len([]rune(p.Note)) > 500 {
		bad.Add("note", "directory.task.error.note", "note has at most 500 characters")
	}
	if err := bad.Err(); err != nil {
		return err
	}
	if r.Held != p.Held {
		r.Held, r.HeldAt = p.Held, nil
		if p.Held != "" {
			r.HeldAt = &at
		}
	}
	r.Document, r.Note, r.ChangedAt = p.Document, p.Note, at
	r.Version++
	return nil
}

// Next is what has to be done next, as a message's last word: invite, contacts,
// roles, document or nothing.
func (r Record) Next(f Facts) string {
	switch {
	case r.Held != "":
		return "held"
	case !f.ContactsComplete() && r.InvitedAt == nil:
		return "invite"
	case !f.ContactsComplete():
		return "contacts"
	case !f.RolesComplete():
		return "roles"
	case r.Document == "":
		return "document"
	}
	return "done"
}

// Line is one organisation on its way.
type Line struct {
	Record
	Facts
	Name, AGS, KreisName string
	Level                constituency.Level
}

// Filter of the list.
type Filter struct {
	Stage Stage // "" for all
	Level constituency.Level
	Kreis string // 5 digits
	After string
	Limit int
}

// Store keeps the way of every organisation.
type Store interface {
	Onboardings(ctx context.Context, f Filter) (list []Line, next string, err error)
	OnboardingCounts(ctx context.Context, f Filter) (map[Stage]int, error)
	Onboarding(ctx context.Context, reference string) (Line, error) // NotFound
	// UpdateOnboarding loads it under a lock, changes it, follows the facts and
	// saves it; invite sends the welcome to the organisation's address.
	UpdateOnboarding(ctx context.Context, act Act, organisation, action string, change func(*Record, Facts) (changed, invite bool, err error)) (Line, error)
	// Strayed lists organisations whose stage is not what the facts say.
	Strayed(ctx context.Context) ([]string, error)
	// Uninvited lists organisations of a Kreis that can be invited, and counts those without an address.
	Uninvited(ctx context.Context, kreis string) (ids []string, without int, err error)
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Desk is what the constituency manager does.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Allow refuses who does not follow admissions; a refusal is audited.
func (d *Desk) Allow(ctx context.Context, act Act, organisation string) error {
	if act.Actor.May(actor.OnboardingManage, actor.Object{Organisation: organisation}).Allowed {
		return nil
	}
	if err := d.Store.Deny(ctx, act, string(actor.OnboardingManage), "organisation", organisation); err != nil {
		return err
	}
	return fault.New(fault.NotFound, "no such page")
}

// Round brings every stage to what the facts say and returns how many moved.
func (d *Desk) Round(ctx context.Context) (int, error) {
	act := Act{Actor: actor.System("directory"), At: d.now()}
	ids, err := d.Store.Strayed(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := d.Store.UpdateOnboarding(ctx, act, id, "onboarding.stage", func(*Record, Facts) (bool, bool, error) { return false, false, nil }); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// Invite invites one organisation.
func (d *Desk) Invite(ctx context.Context, act Act, reference string) (Line, error) {
	act.At = d.now()
	l, err := d.Store.Onboarding(ctx, reference)
	if err != nil {
		return l, err
	}
	if err := d.Allow(ctx, act, l.Organisation); err != nil {
		return l, err
	}
	if l.Email == "" {
		return l, fault.New(fault.Conflict, "%s has no e-mail address to invite", l.Name)
	}
	return d.invite(ctx, act, l.Organisation)
}

func (d *Desk) invite(ctx context.Context, act Act, id string) (Line, error) {
	return d.Store.UpdateOnboarding(ctx, act, id, "onboarding.invite", func(r *Record, f Facts) (bool, bool, error) {
		sent := r.Invite(f, act.At)
		return sent, sent, nil
	})
}

// InviteKreis invites every organisation of a Kreis that was not, and says how
// many got a mail and how many have no address.
func (d *Desk) InviteKreis(ctx context.Context, act Act, kreis string) (sent, without int, err error) {
	act.At = d.now()
	if err := d.Allow(ctx, act, ""); err != nil {
		return 0, 0, err
	}
	ids, without, err := d.Store.Uninvited(ctx, kreis)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		if _, err := d.invite(ctx, act, id); err != nil {
			return sent, without, err
		}
		sent++
	}
	return sent, without, nil
}

// Keep changes what is kept by hand when version is the present one.
func (d *Desk) Keep(ctx context.Context, act Act, reference string, version int, p Plan) (Line, error) {
	act.At = d.now()
	l, err := d.Store.Onboarding(ctx, reference)
	if err != nil {
		return l, err
	}
	if err := d.Allow(ctx, act, l.Organisation); err != nil {
		return l, err
	}
	return d.Store.UpdateOnboarding(ctx, act, l.Organisation, "onboarding.keep", func(r *Record, _ Facts) (bool, bool, error) {
		if r.Version != version {
			return false, false, fault.New(fault.Stale, "the record is in version %d by now", r.Version)
		}
		return true, false, r.Keep(p, act.At)
	})
}
