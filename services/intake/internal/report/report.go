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
	Mandate      string             // id of the mandate that allowed it
	Agent        event.Organisation // who reported on behalf; empty without one
	Own          Particular         // what was said about this body alone
	AddedAt      *time.Time         // it joined a report that was already in
	TakenOverAt  *time.Time         // its own people deal with the report since
	Contact      event.Contact      // whom they named then
	DisputedAt   *time.Time         // they contradicted what was reported
	VisibleTo    string             // the organisation whose people may see the report; "" until confirmed
	Formerly     string             // whose it was before VisibleTo took over from a body that is gone; "" mostly
	Status       Status
	Cases        []CaseRef
	Locked       bool   // its case is locked: need to know
	LockedFor    string // id of who has that case assigned, "" nobody
}

// Particular is what a report says about one of its bodies alone. What is empty
// holds as for all.
type Particular struct {
	Callback    *event.Contact `json:"callback,omitempty"`
	Description string         `json:"description,omitempty"`
	Impact      string         `json:"impact,omitempty"`
}

// Empty reports whether nothing was said about the body alone.
func (p Particular) Empty() bool { return p == Particular{} }

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
	Sealed     bool   // in a list, TLP:RED before a step-up: nothing of the content is there
}

// Digest is the SHA-256 of what was reported about whom, in hex: the receipt
// signs it, and the checker computes it again from the store. Bodies that joined
// later are not in it: it says what was reported then, and each later part has a
// receipt of its own.
func (r Report) Digest() string {
	type member struct {
		Affected string `json:"affected"`
		Particular
	}
	var names []string
	var members []member
	for _, b := range r.Affected {
		if b.AddedAt != nil {
			continue
		}
		names = append(names, b.name())
		if !b.Own.Empty() {
			members = append(members, member{b.name(), b.Own})
		}
	}
	return sum(struct {
		Affected []string `json:"affected"`
		Content
		Members []member `json:"members,omitempty"`
	}{names, r.Content, members})
}

// PartSum is the digest of what was reported about one body: of a report about
// that body alone it is the same as Digest.
func (r Report) PartSum(b Body) string {
	return sum(struct {
		Affected []string `json:"affected"`
		Content
	}{[]string{b.name()}, r.About(b)})
}

// name is what the digest calls a body.
func (b Body) name() string {
	if b.Organisation.ID == "" {
		return "text:" + b.Organisation.Name
	}
	return b.Organisation.ID
}

func sum(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("report: content cannot be encoded: " + err.Error()) // plain values only
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// About is what the report says about one body: what holds for all, and what was
// said about this one alone.
func (r Report) About(b Body) Content {
	c := r.Content
	if b.Own.Callback != nil {
		c.Callback = *b.Own.Callback
	}
	if b.Own.Impact != "" {
		c.Impact = b.Own.Impact
	}
	switch {
	case c.Description == "":
		c.Description = b.Own.Description
	case b.Own.Description != "":
		c.Description += "\n\n" + b.Own.Description
	}
	return c
}

// TakenIn is when the report about a body came in, and until when the CERT
// promised to call: a body that joined later has its own promise.
func (r Report) TakenIn(b Body) (at, callbackBy time.Time) {
	if b.AddedAt == nil {
		return r.ReceivedAt, r.CallbackBy
	}
	return *b.AddedAt, b.AddedAt.Add(r.CallbackBy.Sub(r.ReceivedAt))
}

// Submitted returns the events of a new report: one for each affected body,
// same report id, own event id.
func (r Report) Submitted(by, traceParent string) []event.Event {
	return r.told(r.Affected, len(r.Affected), by, traceParent)
}

// told are the events of some of the report's bodies, of which there are total.
func (r Report) told(bodies []Body, total int, by, traceParent string) []event.Event {
	out := make([]event.Event, len(bodies))
	for i, b := range bodies {
		c := r.About(b)
		at, callbackBy := r.TakenIn(b)
		out[i] = event.New(event.ReportSubmitted{
			Report: r.ID, Reference: r.Reference, Affected: b.Organisation, AffectedTotal: total,
			Channel: string(r.Channel), Verified: r.Verified, Reporter: r.Reporter,
			OnBehalf: b.OnBehalf, Agent: b.agent(), Mandate: b.Mandate, AddedLater: b.AddedAt != nil,
			What: c.What, Description: c.Description, NoticedAt: c.NoticedAt, NoticedApprox: c.NoticedApprox,
			Impact: c.Impact, StillRunning: c.StillRunning, Systems: c.Systems, Callback: c.Callback, TLP: c.TLP,
			HelpNeeded: c.HelpNeeded, Exercise: c.Exercise, Language: r.Language,
			ReceivedAt: at, CallbackBy: callbackBy, AlertID: r.AlertID, ReportContact: r.apart(b),
		}, event.Meta{At: at, Actor: by, OnBehalfOf: b.OnBehalf, TraceParent: traceParent})
	}
	return out
}

// apart is the report's own contact where a body has another one: receipts and
// what is about all bodies never go to the contact of one.
func (r Report) apart(b Body) *event.Contact {
	if b.Own.Callback == nil || *b.Own.Callback == r.Callback {
		return nil
	}
	c := r.Callback
	return &c
}

// agent is who reported on the body's behalf, nil when it reported itself.
func (b Body) agent() *event.Organisation {
	if b.OnBehalf == "" || b.Agent.ID == "" {
		return nil
	}
	a := b.Agent
	return &a
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
func (r Report) EndedAt() time.Time { return endedAt(r.Affected) }

func endedAt(bodies []Body) time.Time {
	var last time.Time
	for _, b := range bodies {
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
