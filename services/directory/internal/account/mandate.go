// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Mandate lets one organisation act for another (domain facts §5): the agent
// sees only what the scopes name, and the principal may end it at any moment.
type Mandate struct {
	ID        string
	Principal string // organisation id
	Agent     string // organisation id
	Scopes    []actor.Scope
	From      time.Time
	To        *time.Time // exclusive; nil: until revoked
	Document  string     // where the signed mandate is filed
	RevokedAt *time.Time
	Version   int
	ChangedAt time.Time
}

// Check returns every mistake of a new mandate at once. Scopes are put into
// their usual order.
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
	if m.Document = strings.TrimSpace(m.Document); len(m.Document) > 500 {
		bad.Add("document", "directory.error.document", "document has at most 500 characters")
	}
	m.Scopes = scopes
	return bad.Err()
}

// InForce reports whether the agent may act at the moment.
func (m Mandate) InForce(at time.Time) bool {
	return m.RevokedAt == nil && !at.Before(m.From) && (m.To == nil || at.Before(*m.To))
}

// Revoke ends the mandate at once, for ever. Revoking it again is a Conflict.
func (m *Mandate) Revoke(at time.Time) error {
	if m.RevokedAt != nil {
		return fault.New(fault.Conflict, "mandate %s was revoked on %s", m.ID, m.RevokedAt.Format(time.DateOnly))
	}
	m.RevokedAt = &at
	m.Version++
	m.ChangedAt = at
	return nil
}

// Event is the full record for the other services.
func (m Mandate) Event() event.MandateChanged {
	e := event.MandateChanged{
		ID: m.ID, Version: m.Version, Principal: m.Principal, Agent: m.Agent, From: m.From, To: m.To,
		RevokedAt: m.RevokedAt, Document: m.Document, ChangedAt: m.ChangedAt, Scopes: []string{},
	}
	for _, s := range m.Scopes {
		e.Scopes = append(e.Scopes, string(s))
	}
	return e
}

// NamedMandate is a mandate with the names of both sides, for lists.
type NamedMandate struct {
	Mandate
	PrincipalName, PrincipalAGS, AgentName, AgentAGS string
}
