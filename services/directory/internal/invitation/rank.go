// SPDX-License-Identifier: EUPL-1.2

package invitation

import (
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// Certified are the roles of the CERT's own staff: giving one takes two
// administrators (reliability model §2.4, "CERT users (4 eyes)").
func Certified() []actor.Role {
	return []actor.Role{
		actor.Duty, actor.Analyst, actor.Lead, actor.Editor, actor.Approver, actor.Constituency, actor.Auditor, actor.Admin, actor.Steering,
	}
}

// grantable is which roles a role may give and take (reliability model §2.4,
// row "users, roles ≤ own"). own: only in the organisation in which the role is
// held. Nobody gives a role that is not named here.
var grantable = map[actor.Role]struct {
	own   bool
	roles []actor.Role
}{
	actor.OrgAdmin:     {true, []actor.Role{actor.Officer, actor.OrgAdmin, actor.Provider}},
	actor.Constituency: {false, []actor.Role{actor.Officer, actor.OrgAdmin, actor.Provider}},
	actor.Admin:        {false, Certified()},
}

// Grants reports whether the actor may give or take the role in the organisation.
func Grants(a actor.Actor, m account.Membership) bool {
	return slices.ContainsFunc(a.Memberships, func(held actor.Membership) bool {
		g := grantable[held.Role]
		return slices.Contains(g.roles, m.Role) && (!g.own || held.Organisation == m.Organisation)
	})
}

// Touches reports whether the actor may change what the person proves
// themselves with: only where every role of theirs is one the actor could have
// given. Whoever may reset a password may become that person.
func Touches(a actor.Actor, p account.Person) bool {
	return len(p.Memberships) > 0 && !slices.ContainsFunc(p.Memberships, func(m account.Membership) bool { return !Grants(a, m) })
}

// Roles lists which roles the actor may give in the organisation, in the order
// of the matrix.
func Roles(a actor.Actor, organisation string) []actor.Role {
	return slices.DeleteFunc(actor.Roles(), func(r actor.Role) bool {
		return !Grants(a, account.Membership{Organisation: organisation, Role: r})
	})
}

func certified(ms []account.Membership) bool {
	return slices.ContainsFunc(ms, func(m account.Membership) bool { return slices.Contains(Certified(), m.Role) })
}
