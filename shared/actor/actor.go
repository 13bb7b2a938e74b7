// SPDX-License-Identifier: EUPL-1.2

// Package actor says who acts and what they may do. The matrix is data
// (matrix.go); what it does not name is denied. Pages, API, streams, exports
// and mails all ask here and nowhere else.
package actor

import (
	"slices"
	"time"
)

// Role is what a person is for an organisation or for the CERT.
type Role string

// The roles. Guest is nobody signed in: a reporter who holds a code.
const (
	Guest        Role = "guest"
	Officer      Role = "officer"
	OrgAdmin     Role = "org_admin"
	Provider     Role = "provider"
	Duty         Role = "duty"
	Analyst      Role = "analyst"
	Lead         Role = "lead"
	Editor       Role = "editor"
	Approver     Role = "approver"
	Constituency Role = "constituency"
	Auditor      Role = "auditor"
	Admin        Role = "admin"
	Steering     Role = "steering"
)

// Roles lists every role that a person can be given.
func Roles() []Role {
	return []Role{Officer, OrgAdmin, Provider, Duty, Analyst, Lead, Editor, Approver, Constituency, Auditor, Admin, Steering}
}

// Scope is what a mandate lets the agent do for the principal.
type Scope string

// The scopes of a mandate.
const (
	ScopeReport Scope = "report"
	ScopeRead   Scope = "read"
	ScopeEdit   Scope = "edit"
	ScopeAlerts Scope = "alerts"
	ScopePolls  Scope = "polls"
)

// Scopes lists every scope.
func Scopes() []Scope { return []Scope{ScopeReport, ScopeRead, ScopeEdit, ScopeAlerts, ScopePolls} }

// Membership is a role of a person in one organisation.
type Membership struct {
	Organisation string `json:"organisation"`
	Role         Role   `json:"role"`
}

// Mandate is what the actor's organisation may do for another one. Only those
// in force at the moment of the question are given to an Actor.
type Mandate struct {
	ID        string     `json:"id"`
	Principal string     `json:"principal"`
	Agent     string     `json:"agent"`
	Scopes    []Scope    `json:"scopes"`
	From      time.Time  `json:"from"`
	To        *time.Time `json:"to,omitempty"`
}

// Actor is who asks. The zero value is a guest, who may do next to nothing.
type Actor struct {
	Person      string // id; "" for a guest or a service
	Name        string
	Service     string // set when a service acts by itself, such as "triage"
	Language    string
	Memberships []Membership
	Mandates    []Mandate
	Session     string    // id of the session or token, for the audit; never the secret
	StepUpAt    time.Time // when the person last showed a second factor
	StepUpUntil time.Time // until when that counts; for a token as long as it holds

	index *index // of Mandates, see Indexed
}

// System is the actor of a service's own work, such as opening a case.
func System(service string) Actor { return Actor{Service: service, Name: service} }

// SignedIn reports whether a person is behind the request.
func (a Actor) SignedIn() bool { return a.Person != "" }

// ID names the actor in the audit: the person, the service or "guest".
func (a Actor) ID() string {
	switch {
	case a.Person != "":
		return a.Person
	case a.Service != "":
		return "service:" + a.Service
	}
	return "guest"
}

// Has reports whether the actor holds the role in any organisation.
func (a Actor) Has(roles ...Role) bool {
	return slices.ContainsFunc(a.Memberships, func(m Membership) bool { return slices.Contains(roles, m.Role) })
}

// Roles returns the distinct roles, in the order of Roles().
func (a Actor) Roles() []Role {
	var out []Role
	for _, r := range Roles() {
		if a.Has(r) {
			out = append(out, r)
		}
	}
	return out
}

// Home returns the organisation of the first membership, "" without one.
func (a Actor) Home() string {
	if len(a.Memberships) == 0 {
		return ""
	}
	return a.Memberships[0].Organisation
}

// Object is the thing a question is about. Empty fields are unknown and match
// nothing.
type Object struct {
	Organisation string // the organisation concerned
	Owner        string // the person who made it
	Assignee     string // the analyst who works it
	Code         bool   // the guest has shown the code of this very object
	Locked       bool   // need to know: an analyst reaches it only when it is assigned to them
	Red          bool   // TLP:RED: only for people who confirmed a moment ago
	Agent        string // the organisation that began it on the concerned one's behalf, "" for itself
	OwnOnly      bool   // no mandate reaches it: TLP:RED that the body reported itself (reliability model §2.5)
}

// Decision is the answer, and for whom the actor acts.
type Decision struct {
	Allowed    bool
	OnBehalfOf string // the principal, when a mandate gave the right
	Mandate    string // its id
}

// May answers whether a may do action on object. Default deny.
func (a Actor) May(action Action, o Object) Decision {
	row, ok := matrix[action]
	if !ok {
		return Decision{}
	}
	if noRules {
		return Decision{Allowed: true}
	}
	if action == Public || a.Service != "" {
		return Decision{Allowed: true}
	}
	if o.Code && row.guest {
		return Decision{Allowed: true}
	}
	for _, m := range a.Memberships {
		if grants(row.cells[m.Role], m, a, o) {
			return Decision{Allowed: true}
		}
	}
	return a.byMandate(row, o)
}

func grants(r Reach, m Membership, a Actor, o Object) bool {
	switch r {
	case All:
		return true
	case Unlocked:
		return !o.Locked || o.Assignee != "" && o.Assignee == a.Person
	case Own:
		return o.Organisation != "" && o.Organisation == m.Organisation
	case Assigned:
		return o.Assignee != "" && o.Assignee == a.Person
	case Mine:
		return o.Owner != "" && o.Owner == a.Person
	case None, Mandated:
	}
	return false
}

func (a Actor) byMandate(row row, o Object) Decision {
	if o.Organisation == "" || o.OwnOnly {
		return Decision{}
	}
	for _, m := range a.Memberships {
		if row.cells[m.Role] != Mandated {
			continue
		}
		if a.index != nil {
			for _, i := range a.index.of[o.Organisation] {
				if d := &a.Mandates[i]; d.gives(m.Organisation, o, row) {
					return Decision{Allowed: true, OnBehalfOf: d.Principal, Mandate: d.ID}
				}
			}
			continue
		}
		for i := range a.Mandates {
			if d := &a.Mandates[i]; d.gives(m.Organisation, o, row) {
				return Decision{Allowed: true, OnBehalfOf: d.Principal, Mandate: d.ID}
			}
		}
	}
	return Decision{}
}

func (d *Mandate) gives(agent string, o Object, r row) bool {
	return d.Principal == o.Organisation && d.Agent == agent && r.opens(d.Scopes, o.Agent == agent)
}

// index finds mandates by their principal. A provider has hundreds, and a page
// asks for each of its rows.
type index struct{ of map[string][]int }

// Indexed returns a with its mandates indexed. Whoever changes Mandates
// afterwards must index again.
func (a Actor) Indexed() Actor {
	a.index = &index{of: make(map[string][]int, len(a.Mandates))}
	for i, d := range a.Mandates {
		a.index.of[d.Principal] = append(a.index.of[d.Principal], i)
	}
	return a
}

// View is what a list may show: everything, or the named organisations, or what
// the person made or works on. All false and empty: nothing. Without Locked,
// everything leaves out what is locked and not assigned to the person.
type View struct {
	Everything    bool
	Locked        bool
	Organisations []string
	Mine          bool
	Assigned      bool
}

// Empty reports whether nothing may be shown.
func (v View) Empty() bool {
	return !v.Everything && len(v.Organisations) == 0 && !v.Mine && !v.Assigned
}

// Reaches reports whether the person reaches anything at all of action: what
// View(action) would not be empty for, without making the list.
func (a Actor) Reaches(action Action) bool {
	row, ok := matrix[action]
	if !ok {
		return false
	}
	if noRules {
		return true
	}
	for _, m := range a.Memberships {
		switch row.cells[m.Role] {
		case None:
		case Mandated:
			if slices.ContainsFunc(a.Mandates, func(d Mandate) bool { return d.Agent == m.Organisation && row.opened(d.Scopes) }) {
				return true
			}
		case Mine, Own, Assigned, Unlocked, All:
			return true
		}
	}
	return false
}

// View returns what a list of action may show to a.
func (a Actor) View(action Action) View {
	row, ok := matrix[action]
	if !ok {
		return View{}
	}
	if noRules {
		return View{Everything: true, Locked: true}
	}
	var v View
	for _, m := range a.Memberships {
		switch row.cells[m.Role] {
		case All:
			v.Everything, v.Locked = true, true
		case Unlocked:
			v.Everything = true
		case Own:
			v.Organisations = append(v.Organisations, m.Organisation)
		case Mandated:
			for _, d := range a.Mandates {
				if d.Agent == m.Organisation && row.opened(d.Scopes) {
					v.Organisations = append(v.Organisations, d.Principal)
				}
			}
		case Mine:
			v.Mine = true
		case Assigned:
			v.Assigned = true
		case None:
		}
	}
	slices.Sort(v.Organisations)
	v.Organisations = slices.Compact(v.Organisations)
	return v
}
