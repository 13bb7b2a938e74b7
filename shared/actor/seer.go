// SPDX-License-Identifier: EUPL-1.2

package actor

import "slices"

// Seer is for whom rows are read: the database shows it nothing else (row-level
// security, reliability model §2.4). The zero value sees nothing.
type Seer struct {
	Everything    bool     // the CERT, or the service itself
	Organisations []string // own
	Mandated      []string // of principals, under a mandate in force now
	Homes         []string // where the person belongs, whatever the role
	Person        string   // sees also what this person made
	Object        string   // sees also this one, whose code was shown
	Part          string   // of Object only this organisation's part
	Key           string   // sees also what is kept under this hash of a secret
}

// Seer returns what a sees of rows that one of the actions shows. It is the one
// place where a person's rights become rows.
func (a Actor) Seer(actions ...Action) Seer {
	s := Seer{Everything: a.Service != ""}
	for _, m := range a.Memberships {
		s.Homes = append(s.Homes, m.Organisation)
	}
	for _, action := range actions {
		row, ok := matrix[action]
		if !ok {
			continue
		}
		for _, m := range a.Memberships {
			switch row.cells[m.Role] {
			case All, Unlocked: // the lock is the application's: rows are kept apart by organisation
				s.Everything = true
			case Own:
				s.Organisations = append(s.Organisations, m.Organisation)
			case Mandated:
				s.Mandated = append(s.Mandated, a.principals(m.Organisation, row)...)
			case Mine:
				s.Person = a.Person
			case Assigned, None:
			}
		}
	}
	s.Homes, s.Organisations, s.Mandated = distinct(s.Homes), distinct(s.Organisations), distinct(s.Mandated)
	s.Mandated = slices.DeleteFunc(s.Mandated, func(id string) bool {
		_, own := slices.BinarySearch(s.Organisations, id)
		return own
	})
	return s
}

// principals are the organisations for which agent may act in a row.
func (a Actor) principals(agent string, r row) []string {
	var out []string
	for _, d := range a.Mandates {
		if d.Agent == agent && r.opened(d.Scopes) {
			out = append(out, d.Principal)
		}
	}
	return out
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}
