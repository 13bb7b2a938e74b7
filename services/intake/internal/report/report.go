// SPDX-License-Identifier: EUPL-1.2

// Package report holds what a report of a security incident is, which rules it
// has to keep, who may see it, and what the reporter is told. A report is never
// changed after it was taken in, only supplemented. It knows no database, no
// HTTP and no page.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
)

// Channel is the door a report came through.
type Channel string

// The channels. Mail and phone intake create the same record.
const (
	Portal Channel = "portal"
	Guest  Channel = "guest"
	API    Channel = "api"
	Phone  Channel = "phone"
	Mail   Channel = "mail"
)

// Status is what the reporter is told about a report (design §7).
type Status string

// The statuses, in the order of the work.
const (
	Received      Status = "received"
	InProgress    Status = "in_progress"
	WaitingForYou Status = "waiting_for_you"
	Resolved      Status = "resolved"
	Closed        Status = "closed"
)

// Content is what a report says: the five fields of the first report and what
// may stand beside them (domain facts §1a). Its digest is in the receipt.
type Content struct {
	What          string        `json:"what"`
	Description   string        `json:"description"`
	NoticedAt     time.Time     `json:"noticed_at"`
	NoticedApprox bool          `json:"noticed_approx"`
	Impact        string        `json:"impact"`
	StillRunning  string        `json:"still_running"`
	Systems       []string      `json:"systems"`
	Callback      event.Contact `json:"callback"`
	TLP           string        `json:"tlp"`
	HelpNeeded    []string      `json:"help_needed"`
	Exercise      bool          `json:"exercise"`
}

// Body is one affected body of a report, and what the reporter is told about it.
type Body struct {
	Organisation event.Organisation // ID is empty for what a guest typed
	OnBehalf     string             // the principal's id when an agent reported
	VisibleTo    string             // the organisation whose people may see the report; "" until confirmed
	Status       Status
	Cases        []CaseRef
}

// CaseRef names a case file that works on a report.
type CaseRef struct {
	ID        string
	Reference string
	Assignee  string
	Clocks    []event.Clock
	ClosedAt  *time.Time
}

// Report is one report as it is kept.
type Report struct {
	ID         string
	Reference  string // M-2026-000123, given by the store
	ReceivedAt time.Time
	Channel    Channel
	Verified   bool // somebody known to the register sent it
	Reporter   event.Person
	Home       string // the reporter's own organisation
	Language   string
	Content
	Affected   []Body
	AlertID    string
	CallbackBy time.Time
	Sum        string // Digest as it was stored, also where only a part may be seen
}

// Digest is the SHA-256 of what was reported about whom, in hex: the receipt
// signs it, and the checker computes it again from the store.
func (r Report) Digest() string {
	names := make([]string, len(r.Affected))
	for i, b := range r.Affected {
		names[i] = b.Organisation.ID
		if names[i] == "" {
			names[i] = "text:" + b.Organisation.Name
		}
	}
	raw, err := json.Marshal(struct {
		Affected []string `json:"affected"`
		Content
	}{names, r.Content})
	if err != nil {
		panic("report: content cannot be encoded: " + err.Error()) // plain values only
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Submitted returns the events of a new report: one for each affected body,
// same report id, own event id.
func (r Report) Submitted(by, traceParent string) []event.Event {
	out := make([]event.Event, len(r.Affected))
	for i, b := range r.Affected {
		out[i] = event.New(event.ReportSubmitted{
			Report: r.ID, Reference: r.Reference, Affected: b.Organisation, AffectedTotal: len(r.Affected),
			Channel: string(r.Channel), Verified: r.Verified, Reporter: r.Reporter, OnBehalf: b.OnBehalf,
			What: r.What, Description: r.Description, NoticedAt: r.NoticedAt, NoticedApprox: r.NoticedApprox,
			Impact: r.Impact, StillRunning: r.StillRunning, Systems: r.Systems, Callback: r.Callback, TLP: r.TLP,
			HelpNeeded: r.HelpNeeded, Exercise: r.Exercise, Language: r.Language,
			ReceivedAt: r.ReceivedAt, CallbackBy: r.CallbackBy, AlertID: r.AlertID,
		}, event.Meta{At: r.ReceivedAt, Actor: by, OnBehalfOf: b.OnBehalf, TraceParent: traceParent})
	}
	return out
}

// Status is the report's own: what waits for the reporter comes first, then the
// earliest of its bodies' statuses.
func (r Report) Status() Status {
	order := map[Status]int{WaitingForYou: 0, Received: 1, InProgress: 2, Resolved: 3, Closed: 4}
	best := Status("")
	for _, b := range r.Affected {
		if best == "" || order[b.Status] < order[best] {
			best = b.Status
		}
	}
	if best == "" {
		return Received
	}
	return best
}

// EndedAt is when the last of the cases closed; zero while one is open or none exists.
func (r Report) EndedAt() time.Time {
	var last time.Time
	for _, b := range r.Affected {
		if b.Status != Closed {
			return time.Time{}
		}
		for _, c := range b.Cases {
			if c.ClosedAt != nil && c.ClosedAt.After(last) {
				last = *c.ClosedAt
			}
		}
	}
	return last
}

// Waits reports whether the call-back that was promised is still to come.
func (r Report) Waits() bool { return r.Status() == Received }
