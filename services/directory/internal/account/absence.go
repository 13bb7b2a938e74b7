// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Absence is when a person is away and who stands in for them: the deputy gets
// warnings and questions as well. The zero value is nobody away.
type Absence struct {
	From, To time.Time // To is exclusive
	Deputy   string    // a person of the same organisation; "" when nobody stands in
}

// MaxAbsence bounds an absence, so that a mistyped year is noticed.
const MaxAbsence = 366 * 24 * time.Hour

// None reports whether nothing is planned.
func (a Absence) None() bool { return a.From.IsZero() }

// At reports whether the person is away at the moment.
func (a Absence) At(t time.Time) bool { return !a.None() && !t.Before(a.From) && t.Before(a.To) }

// SetAbsence plans an absence, or ends it with the zero value. It reports
// whether anything changed.
func (p *Person) SetAbsence(a Absence, deputy *Person, at time.Time) (bool, error) {
	var bad fault.Fields
	if !a.None() {
		switch {
		case !a.To.After(a.From):
			bad.Add("to", "directory.absence.error.to", "to must not be before from")
		case !a.To.After(at):
			bad.Add("to", "directory.absence.error.past", "this time is over")
		case a.To.Sub(a.From) > MaxAbsence:
			bad.Add("to", "directory.absence.error.long", "an absence has at most a year")
		}
		if a.Deputy != "" && (deputy == nil || !deputy.Active || deputy.ID == p.ID || !p.sharesOrganisation(*deputy)) {
			bad.Add("deputy", "directory.absence.error.deputy", "the deputy must be somebody else of the same organisation")
		}
	}
	if err := bad.Err(); err != nil {
		return false, err
	}
	if p.Absence == a {
		return false, nil
	}
	p.Absence = a
	p.changed(at)
	return true, nil
}

func (p Person) sharesOrganisation(other Person) bool {
	return slices.ContainsFunc(p.Memberships, func(m Membership) bool { return other.In(m.Organisation) })
}

// PlanAbsence plans somebody's absence: one's own, or as who manages people of
// one of their organisations, who then names a deputy of that organisation.
// version is the one of the person that was seen.
func (d *Desk) PlanAbsence(ctx context.Context, act Act, person string, version int, a Absence) (Person, error) {
	act.At = d.now()
	within, err := d.mayPlan(ctx, &act, person)
	if err != nil {
		return Person{}, err
	}
	var deputy *Person
	if a.Deputy != "" {
		p, err := d.Store.Person(ctx, a.Deputy)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Person{}, err
		}
		if err == nil && (within == "" || p.In(within)) {
			deputy = &p
		}
	}
	return d.Store.UpdatePerson(ctx, act, person, "person.absence", func(p *Person) (bool, error) {
		if p.Version != version {
			return false, fault.New(fault.Stale, "the person is in version %d by now", p.Version)
		}
		return p.SetAbsence(a, deputy, act.At)
	})
}

// mayPlan asks whether the actor may plan it, and within which organisation:
// "" for all of the person's.
func (d *Desk) mayPlan(ctx context.Context, act *Act, person string) (within string, err error) {
	refusal := Refusal{Object: "person", ID: person}
	if act.Actor.SignedIn() && act.Actor.Person == person {
		return "", d.allow(ctx, act, actor.AccountOwn, actor.Object{Owner: person}, refusal, false)
	}
	p, err := d.Store.Person(ctx, person)
	if err != nil {
		return "", err
	}
	o := actor.Object{Owner: person}
	for _, m := range p.Memberships {
		if act.Actor.May(actor.PersonManage, actor.Object{Organisation: m.Organisation}).Allowed {
			o.Organisation = m.Organisation
			break
		}
	}
	if !act.Actor.View(actor.PersonManage).Everything {
		within = o.Organisation
	}
	return within, d.allow(ctx, act, actor.PersonManage, o, refusal, true)
}
