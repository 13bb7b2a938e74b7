// SPDX-License-Identifier: EUPL-1.2

package invitation

import (
	"context"
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// SetRoles makes the memberships that the actor may give and take the wanted
// ones; all others of the person stay as they are. Taking holds at once; a new
// role of the CERT waits for a second administrator and is returned as an
// Invitation. Nobody changes their own roles. version is what the actor saw.
func (d *Desk) SetRoles(ctx context.Context, act Act, person string, version int, wanted []account.Membership) (account.Person, *Invitation, error) {
	act.At = d.now()
	before, err := d.Store.Person(ctx, person)
	if err != nil {
		return before, nil, err
	}
	if v := act.Actor.View(actor.PersonManage); !v.Everything && !slices.ContainsFunc(v.Organisations, before.In) {
		return before, nil, fault.New(fault.NotFound, "no person %s", person)
	}
	add, drop := difference(act.Actor, before.Memberships, wanted)
	if err := d.gate(ctx, act, account.Refusal{Object: "person", ID: person}, append(slices.Clone(add), drop...)...); err != nil {
		return before, nil, err
	}
	if person == act.Actor.Person {
		return before, nil, d.ownRoles(ctx, act)
	}
	if err := before.Living(); err != nil {
		return before, nil, err
	}
	if _, err := d.bodies(ctx, add); err != nil {
		return before, nil, err
	}
	four := slices.DeleteFunc(slices.Clone(add), func(m account.Membership) bool { return !certified([]account.Membership{m}) })
	add = slices.DeleteFunc(add, func(m account.Membership) bool { return slices.Contains(four, m) })
	after := before
	if len(add)+len(drop) > 0 || version != before.Version {
		after, err = d.Store.UpdatePerson(ctx, act, person, "person.roles", func(p *account.Person) (bool, error) {
			if p.Version != version {
				return false, fault.New(fault.Stale, "somebody changed this person meanwhile")
			}
			left := p.Leave(drop, act.At)
			return p.Join(add, act.At) || left, nil
		})
		if err != nil {
			return before, nil, err
		}
	}
	if len(four) == 0 {
		return after, nil, nil
	}
	i := Invitation{
		ID: event.NewID(), Kind: Roles4, Person: after.ID, Name: after.Name, Email: after.Email, Function: after.Function, Language: after.Language,
		Memberships: four, Organisation: four[0].Organisation, InvitedBy: act.Actor.ID(), MadeAt: act.At,
		ExpiresAt: act.At.Add(Life), FourEyes: true, Version: 1,
	}
	return after, &i, d.Store.AddInvitation(ctx, act, i)
}

// difference is what to give and what to take within the actor's reach.
func difference(a actor.Actor, has, wanted []account.Membership) (add, drop []account.Membership) {
	for _, m := range wanted {
		if !slices.Contains(has, m) && !slices.Contains(add, m) {
			add = append(add, m)
		}
	}
	for _, m := range has {
		if Grants(a, m) && !slices.Contains(wanted, m) {
			drop = append(drop, m)
		}
	}
	return add, drop
}
