// SPDX-License-Identifier: EUPL-1.2

// Package mandate is what one organisation may do for another (domain facts §5):
// who asks for it, who grants it, who confirms it, and how it ends. The agent
// sees only what the scopes name; the principal may end it at any moment.
package mandate

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// State is how far a mandate has come.
type State string

// The states. Expired is no state of the record: time makes it (see StateAt).
const (
	Requested State = "requested" // the agent asks; the principal has not decided
	Granted   State = "granted"   // by the principal; the CERT has not confirmed it
	Active    State = "active"
	Declined  State = "declined" // by the principal or the CERT, before it ever counted
	Revoked   State = "revoked"  // ended by the principal, the agent, the CERT or its successor
	Expired   State = "expired"
)

// States lists every state.
func States() []State { return []State{Requested, Granted, Active, Declined, Revoked, Expired} }

// Limits of what people type.
const (
	maxServices = 20
	maxText     = 500
	maxName     = 200
)

// Mandate lets one organisation act for another. Scopes and dates never change:
// other ones are another mandate, which takes this one's place when the CERT
// confirms it (Replaces). So an agent can never extend what it has.
type Mandate struct {
	ID        string
	Principal string // organisation id
	Agent     string // organisation id
	Scopes    []actor.Scope
	Services  []string // what it covers, in words; none: everything the agent runs
	From      time.Time
	To        *time.Time // exclusive; nil: until revoked
	Document  string     // where the signed mandate is filed
	GrantedBy string     // name of the head of the administration who signed
	State     State
	Replaces  string // id of the mandate that ends when this one is confirmed
	RevokedAt *time.Time
	Version   int
	ChangedAt time.Time
}

// Named is a mandate with the names of both sides, for lists.
type Named struct {
	Mandate
	PrincipalName, PrincipalAGS, AgentName, AgentAGS string
}

// Step is one event in the life of a mandate, for its page.
type Step struct {
	At             time.Time
	What           string // requested granted paper confirmed declined revoked returned replaced loaded
	Person         string // name; "" for the operator
	Organisation   string // name of the one the person acted for
	OrganisationID string
	Note           string
}

// SideOf is the organisation for which somebody acts on a mandate: one of its
// sides, else the one they belong to.
func SideOf(a actor.Actor, m Mandate) string {
	for _, side := range []string{m.Principal, m.Agent} {
		if slices.ContainsFunc(a.Memberships, func(x actor.Membership) bool { return x.Organisation == side }) {
			return side
		}
	}
	return a.Home()
}

// Check returns every mistake of a new mandate at once. Scopes are put into
// their usual order, texts are trimmed.
func (m *Mandate) Check() error {
	var bad fault.Fields
	if m.Principal == "" || m.Agent == "" || m.Principal == m.Agent {
		bad.Add("agent", "directory.error.agent", "a mandate needs two different organisations")
	}
	scopes := slices.DeleteFunc(actor.Scopes(), func(s actor.Scope) bool { return !slices.Contains(m.Scopes, s) })
	if len(scopes) == 0 || slices.ContainsFunc(m.Scopes, func(s actor.Scope) bool { return !slices.Contains(actor.Scopes(), s) }) {
		bad.Add("scopes", "directory.error.scopes", "scopes must be some of report, read, edit, alerts, polls")
	}
	if m.From.IsZero() {
		bad.Add("from", "directory.error.from", "from is missing")
	}
	if m.To != nil && !m.To.After(m.From) {
		bad.Add("to", "directory.error.to", "to must be later than from")
	}
	m.checkTexts(&bad)
	m.Scopes = scopes
	return bad.Err()
}

func (m *Mandate) checkTexts(bad *fault.Fields) {
	var services []string
	for _, s := range m.Services {
		if s = strings.Join(strings.Fields(s), " "); s != "" && !slices.Contains(services, s) {
			services = append(services, s)
		}
	}
	m.Services = services
	if len(services) > maxServices || slices.ContainsFunc(services, func(s string) bool { return utf8.RuneCountInString(s) > maxName }) {
		bad.Add("services", "directory.error.services", "services are at most 20 of at most 200 characters")
	}
	if m.Document = strings.TrimSpace(m.Document); utf8.RuneCountInString(m.Document) > maxText {
		bad.Add("document", "directory.error.document", "document has at most 500 characters")
	}
	if m.GrantedBy = strings.Join(strings.Fields(m.GrantedBy), " "); utf8.RuneCountInString(m.GrantedBy) > maxName {
		bad.Add("granted_by", "directory.error.granted_by", "granted_by has at most 200 characters")
	}
}

// StateAt is the state people see: a mandate whose time is over has expired.
func (m Mandate) StateAt(at time.Time) State {
	if m.State != Declined && m.State != Revoked && m.To != nil && !at.Before(*m.To) {
		return Expired
	}
	return m.State
}

// InForce reports whether the agent may act at the moment.
func (m Mandate) InForce(at time.Time) bool {
	return m.State == Active && m.RevokedAt == nil && !at.Before(m.From) && (m.To == nil || at.Before(*m.To))
}

// Waiting reports whether somebody has still to decide.
func (m Mandate) Waiting(at time.Time) bool {
	s := m.StateAt(at)
	return s == Requested || s == Granted
}

func (m *Mandate) become(s State, at time.Time) {
	m.State, m.ChangedAt = s, at
	m.Version++
	if s == Declined || s == Revoked {
		m.RevokedAt = &at
	}
}

// Grant is the principal's yes to what the agent asked for, with the scopes and
// dates that the principal wants: what the agent typed binds nobody.
func (m *Mandate) Grant(with Mandate, at time.Time) error {
	if got := m.StateAt(at); got != Requested {
		return conflict(got, "can be granted only while it is asked for")
	}
	m.Scopes, m.Services, m.From, m.To, m.Document, m.GrantedBy = with.Scopes, with.Services, with.From, with.To, with.Document, with.GrantedBy
	if m.From.IsZero() {
		m.From = at
	}
	if err := m.Check(); err != nil {
		return err
	}
	m.become(Granted, at)
	return nil
}

// Confirm is the CERT's yes: from now on the mandate counts.
func (m *Mandate) Confirm(at time.Time) error {
	if got := m.StateAt(at); got != Granted {
		return conflict(got, "can be confirmed only when it was granted and waits")
	}
	m.become(Active, at)
	return nil
}

// Decline is the no, with its reason, before the mandate ever counted.
func (m *Mandate) Decline(reason string, at time.Time) error {
	if !m.Waiting(at) {
		return conflict(m.StateAt(at), "waits for nobody's decision")
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	m.become(Declined, at)
	return nil
}

func checkReason(reason string) error {
	var bad fault.Fields
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		bad.Add("reason", "directory.error.reason", "a reason is needed")
	case n > maxText:
		bad.Add("reason", "directory.error.reason_long", "the reason has at most 500 characters")
	}
	return bad.Err()
}

// Revoke ends the mandate at once, for ever. Ending it again is a Conflict.
func (m *Mandate) Revoke(at time.Time) error {
	if m.RevokedAt != nil {
		return fault.New(fault.Conflict, "mandate %s ended on %s", m.ID, m.RevokedAt.Format(time.DateOnly))
	}
	m.become(Revoked, at)
	return nil
}

// GiveWay ends the mandate whose place another one takes. One that ended by
// itself meanwhile stays as it is.
func (m *Mandate) GiveWay(at time.Time) bool {
	if m.RevokedAt != nil {
		return false
	}
	m.become(Revoked, at)
	return true
}

func conflict(got State, rule string) error {
	return fault.New(fault.Conflict, "the mandate is %s; it %s", got, rule)
}

// Event is the full record for the other services. What waits is told as
// pending, which allows nothing.
func (m Mandate) Event() event.MandateChanged {
	e := event.MandateChanged{
		ID: m.ID, Version: m.Version, Principal: m.Principal, Agent: m.Agent, From: m.From, To: m.To, Services: m.Services,
		RevokedAt: m.RevokedAt, Document: m.Document, ChangedAt: m.ChangedAt, Scopes: []string{},
		Pending: m.State == Requested || m.State == Granted || m.State == Declined,
	}
	for _, s := range m.Scopes {
		e.Scopes = append(e.Scopes, string(s))
	}
	return e
}
