// SPDX-License-Identifier: EUPL-1.2

package event

import "time"

// OrganisationChanged carries the full record of a body of the constituency.
type OrganisationChanged struct {
	ID             string     `json:"id"`
	Version        int        `json:"version"`
	AGS            string     `json:"ags,omitempty"` // 8 digits
	ARS            string     `json:"ars,omitempty"` // 12 digits
	Name           string     `json:"name"`
	ShortName      string     `json:"short_name,omitempty"`
	Level          string     `json:"level"`
	Kreis          string     `json:"kreis,omitempty"`          // 5 digits
	KreisName      string     `json:"kreis_name,omitempty"`     // shown beside same-named places
	Administration string     `json:"administration,omitempty"` // id of the responsible administration when it is another body
	Population     int        `json:"population,omitempty"`
	Phone          string     `json:"phone,omitempty"`
	Email          string     `json:"email,omitempty"`
	Active         bool       `json:"active"`
	Stage          string     `json:"stage,omitempty"` // of its admission: none, invited, contacts, roles, active, declined, paused
	ChangedAt      time.Time  `json:"changed_at"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
	Successor      string     `json:"successor,omitempty"` // id of the body that took over from one that is gone
}

// Ref is the organisation as other events name it.
func (p OrganisationChanged) Ref() Organisation {
	return Organisation{ID: p.ID, AGS: p.AGS, Name: p.Name, Level: p.Level, Kreis: p.Kreis}
}

// Type of the event.
func (OrganisationChanged) Type() string { return "directory.organisation.changed" }

// Subject of the event: ends in the record's id, so that the stream keeps the last one.
func (p OrganisationChanged) Subject() string { return p.Type() + "." + p.ID }

// Key is the organisation's id and version.
func (p OrganisationChanged) Key() (string, int) { return p.ID, p.Version }

// OrganisationSucceeded says that a body took over from one that is gone: what is
// open of the predecessor is the successor's to see and to answer from now on.
// What it says keeps the predecessor's name.
type OrganisationSucceeded struct {
	Predecessor Organisation `json:"predecessor"`
	Successor   Organisation `json:"successor"`
	Kind        string       `json:"kind,omitempty"` // incorporated, merged, renamed, rekeyed
	At          time.Time    `json:"at"`
}

// Type of the event.
func (OrganisationSucceeded) Type() string { return "directory.organisation.succeeded" }

// Subject of the event: ends in the predecessor's id, so that the stream keeps the last one.
func (p OrganisationSucceeded) Subject() string { return p.Type() + "." + p.Predecessor.ID }

// Key is the predecessor's id.
func (p OrganisationSucceeded) Key() (string, int) { return p.Predecessor.ID, 0 }

// Membership is a person's role in one organisation.
type Membership struct {
	Organisation string `json:"organisation"`
	Role         string `json:"role"`
}

// PersonChanged carries the full record of a person, never a secret.
type PersonChanged struct {
	ID          string       `json:"id"`
	Version     int          `json:"version"`
	Name        string       `json:"name"`
	Email       string       `json:"email"`
	Phone       string       `json:"phone,omitempty"`
	Function    string       `json:"function,omitempty"`
	Language    string       `json:"language,omitempty"`
	Active      bool         `json:"active"`
	Memberships []Membership `json:"memberships"`
	AbsentFrom  *time.Time   `json:"absent_from,omitempty"` // until AbsentTo the deputy gets warnings and questions as well
	AbsentTo    *time.Time   `json:"absent_to,omitempty"`   // exclusive
	Deputy      string       `json:"deputy,omitempty"`      // person id
	ChangedAt   time.Time    `json:"changed_at"`
}

// StandIn is who gets the person's warnings and questions as well at the
// moment, "" when they are there or nobody stands in.
func (p PersonChanged) StandIn(at time.Time) string {
	if p.AbsentFrom == nil || p.AbsentTo == nil || at.Before(*p.AbsentFrom) || !at.Before(*p.AbsentTo) {
		return ""
	}
	return p.Deputy
}

// Type of the event.
func (PersonChanged) Type() string { return "directory.person.changed" }

// Subject of the event.
func (p PersonChanged) Subject() string { return p.Type() + "." + p.ID }

// Key is the person's id and version.
func (p PersonChanged) Key() (string, int) { return p.ID, p.Version }

// PersonErased says that a person was erased: whoever keeps their name or
// address beside the id forgets it, unless an open case or a legal hold needs
// it. It carries nothing but the id, since the stream keeps it.
type PersonErased struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// Type of the event.
func (PersonErased) Type() string { return "directory.person.erased" }

// Subject of the event.
func (p PersonErased) Subject() string { return p.Type() + "." + p.ID }

// Key is the person's id.
func (p PersonErased) Key() (string, int) { return p.ID, 0 }

// MandateChanged carries the full record of a mandate.
type MandateChanged struct {
	ID        string     `json:"id"`
	Version   int        `json:"version"`
	Principal string     `json:"principal"`
	Agent     string     `json:"agent"`
	Scopes    []string   `json:"scopes"`
	From      time.Time  `json:"from"`
	To        *time.Time `json:"to,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Document  string     `json:"document,omitempty"`
	Services  []string   `json:"services,omitempty"` // what it covers in words; empty: everything the agent runs
	Pending   bool       `json:"pending,omitempty"`  // granted, not confirmed by the CERT yet: allows nothing
	ChangedAt time.Time  `json:"changed_at"`
}

// Type of the event.
func (MandateChanged) Type() string { return "directory.mandate.changed" }

// Subject of the event.
func (p MandateChanged) Subject() string { return p.Type() + "." + p.ID }

// Key is the mandate's id and version.
func (p MandateChanged) Key() (string, int) { return p.ID, p.Version }

// PersonInvited asks notification to mail an invitation.
type PersonInvited struct {
	Person       string       `json:"person"`
	Name         string       `json:"name"`
	Email        string       `json:"email"`
	Language     string       `json:"language,omitempty"`
	Organisation Organisation `json:"organisation"`
	Token        string       `json:"token"` // single use, short-lived
	ExpiresAt    time.Time    `json:"expires_at"`
}

// Type of the event.
func (PersonInvited) Type() string { return "directory.person.invited" }

// Subject of the event.
func (p PersonInvited) Subject() string { return p.Type() + "." + p.Person }

// Key is the person's id.
func (p PersonInvited) Key() (string, int) { return p.Person, 0 }

// NoticeWanted asks notification to mail one person, or one mailbox, about
// something of the directory: a contact to confirm, a mandate to look at. Kind
// names the words; the other fields fill them. A mail is a pointer: it holds the
// words below and the link, never content. A kind that notification has no words
// for yet is mailed neutrally ("a new message, please sign in").
//
// Kinds, and what Data may hold for each (times as RFC 3339): mandate_granted,
// mandate_requested, mandate_declined (principal, agent); mandate_confirmed
// (principal, agent, from, to); mandate_revoked (principal, agent, at);
// mandate_ending (principal, agent, to); mandates_confirmed, mandates_ending
// (count, agent: several at once); recovery_used (at, left);
// signin_alarm (at, what); contact_check; contact_task (contact: what did not
// arrive); emergency_opened (at); service_requested, service_answered (service);
// onboarding_welcome; data_report_ready.
type NoticeWanted struct {
	ID           string         `json:"id"`               // the same wish again is mailed once
	Kind         string         `json:"kind"`             // such as mandate_granted; notification knows the words
	Topic        string         `json:"topic"`            // kind, object and person joined by "-": a later wish of the same takes its place in the stream
	Person       string         `json:"person,omitempty"` // who it is for; "" for a mailbox
	Name         string         `json:"name"`
	Email        string         `json:"email"`
	Language     string         `json:"language,omitempty"`
	Organisation Organisation   `json:"organisation"`
	Path         string         `json:"path,omitempty"`       // address on this site, may carry a token
	Data         map[string]any `json:"data,omitempty"`       // further words, all strings
	ExpiresAt    *time.Time     `json:"expires_at,omitempty"` // afterwards it is not worth mailing
}

// Type of the event.
func (NoticeWanted) Type() string { return "directory.notice.wanted" }

// Subject of the event: one a topic, so that the stream keeps the last wish of each.
func (p NoticeWanted) Subject() string { return p.Type() + "." + p.Topic }

// Key is the wish's id.
func (p NoticeWanted) Key() (string, int) { return p.ID, 0 }
