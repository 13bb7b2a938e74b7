// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"errors"
	"slices"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Last says that a change would leave nobody who manages people: in the CERT
// (admin) or in an organisation that takes part (org_admin). Without one nobody
// could let people in, lock them or end a stolen session.
type Last struct{ Membership }

// Error is for the log.
func (l *Last) Error() string { return "the last " + string(l.Role) + " of " + l.Organisation }

// ErrLast is a Conflict that IsLast knows.
func ErrLast(m Membership) error {
	if m.Role == actor.Admin {
		return fault.Wrap(fault.Conflict, &Last{m}, "this is the last administrator; give somebody else the role first")
	}
	return fault.Wrap(fault.Conflict, &Last{m}, "nobody else manages the people of this organisation; give somebody else the role org_admin first")
}

// IsLast returns the role that may not end yet.
func IsLast(err error) (actor.Role, bool) {
	if l, ok := errors.AsType[*Last](err); ok {
		return l.Role, true
	}
	return "", false
}

// GivesUp lists the roles of managing people that hold before a change and not
// after it.
func GivesUp(before, after Person) []Membership {
	if !before.Active {
		return nil
	}
	var out []Membership
	for _, m := range before.Memberships {
		if (m.Role == actor.Admin || m.Role == actor.OrgAdmin) && (!after.Active || !slices.Contains(after.Memberships, m)) {
			out = append(out, m)
		}
	}
	return out
}

// Living is a Conflict for somebody who was erased: their record is a pseudonym
// for the audit and is never anybody again.
func (p Person) Living() error {
	if p.Erased {
		return fault.New(fault.Conflict, "this person was erased for good")
	}
	return nil
}
