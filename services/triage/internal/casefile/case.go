// SPDX-License-Identifier: EUPL-1.2

// Package casefile is the CERT's work on an organisation's incident: the case
// with its state machine, the timeline of everything that happened, the
// conversation with the reporter, and the rules of who may do what. It knows no
// database and no HTTP. A case is changed only through the Desk.
package casefile

import (
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Longest texts, in characters.
const (
	MaxTitle  = 120
	MaxReason = 1000
	MaxText   = 10000
)

// By is who acts, in which request (for the audit).
type By struct {
	actor.Actor
	Request string
	Export  bool // what is read leaves the system, such as on paper
}

// Person is how the timeline names who acted.
func (b By) Person() event.Person { return event.Person{ID: b.ID(), Name: b.Name} }

// Case is the CERT's file on one organisation's incident.
type Case struct {
	ID           string
	Reference    string // V-2026-000147
	Version      int
	State        State
	Severity     Severity
	TLP          tlp.Label
	Class        string // RSIT class:type; empty until an analyst classified
	Suggested    string // what the tile hints at
	Disposition  string
	Title        string
	What         string
	Organisation event.Organisation
	Verified     bool // the organisation is known to be the reporter's
	Exercise     bool
	Assignee     *event.Person
	Reports      []event.ReportRef // its own and those of cases merged into it
	Clocks       []duty.Clock
	Flags        []string
	MergedInto   string
	BeforeMerge  State // what the undo of a merge returns to
	Campaign     *event.CampaignRef
	TakenOver    *Statement // the body deals with its provider's report itself
	OverAt       time.Time  // when the body last took over or gave back
	Contradicted *Statement // the body does not agree with its provider's report
	ReceivedAt   time.Time
	OpenedAt     time.Time
	ChangedAt    time.Time
	AnsweredAt   *time.Time // first answer
	ClosedAt     *time.Time
	Hold         bool       // a legal hold: nothing of it is deleted
	Locked       bool       // need to know: see Lock
	RedactedAt   *time.Time // only the skeleton is left

	pending Pending
	closing bool
}

// Pending is what a change adds to the file beside the case's own fields.
type Pending struct {
	Entries     []Entry
	Reports     []Report
	Messages    []Message
	Notes       []Note
	Supplements []Supplement
	Attachments []Attachment
	Facts       []event.Payload
	Had         string // id of who had the case assigned before somebody else, or nobody, got it
}

// The directions of a message.
const (
	In  = "in"  // from the reporter's side
	Out = "out" // from the CERT
)

// Entry is one line of the timeline. From, To and Reason hold identifiers or
// text as the kind needs; pages put them into words.
type Entry struct {
	ID      string
	Case    string // the case it happened on; a merged one keeps its own lines
	At      time.Time
	Version int // the case's version after it
	Actor   event.Person
	Kind    string
	From    string
	To      string
	Reason  string
	Ref     string // of a report, message, attachment, case or alert
}

// The kinds of entries. The audit says "case." and the kind.
const (
	KindOpened     = "opened"
	KindSupplement = "supplemented"
	KindMessageIn  = "message.received"
	KindMessageOut = "message.posted"
	KindAttachment = "attachment.added"
	KindNote       = "note.added"
	KindAnswered   = "answered" // by phone
	KindAssigned   = "assigned"
	KindState      = "state.changed"
	KindClosed     = "closed"
	KindReopened   = "reopened"
	KindSeverity   = "severity.changed"
	KindClass      = "class.changed"
	KindTLP        = "tlp.changed"
	KindTitle      = "title.changed"
	KindVerified   = "verified"
	KindMerged     = "merged"      // into another case
	KindAbsorbed   = "absorbed"    // took another case in
	KindAlert      = "alerted"     // an alert grew out of it
	KindUndeliver  = "undelivered" // a message did not reach its reader
	KindJoined     = "campaign.joined"
	KindLeft       = "campaign.left"
	KindTakenOver  = "taken.over"   // by the affected body, from its provider
	KindReturned   = "returned"     // to the provider
	KindContradict = "contradicted" // by the affected body
	KindHold       = "hold.set"     // kept from deletion, two people agreed
	KindRelease    = "hold.released"
	KindLocked     = "locked" // need to know
	KindUnlocked   = "unlocked"
	KindSucceeded  = "succeeded" // another body took over from the case's own, which is gone
)

// additive kinds add to a file and change no value that somebody may be editing.
var additive = []string{KindSupplement, KindMessageIn, KindMessageOut, KindAttachment, KindNote, KindAnswered, KindAlert, KindUndeliver, KindJoined, KindLeft, KindTakenOver, KindReturned, KindContradict, KindHold, KindRelease, KindLocked, KindUnlocked, KindSucceeded}

// Additive reports whether the entry cannot conflict with an edit.
func (e Entry) Additive() bool { return slices.Contains(additive, e.Kind) }

// Report is one report that feeds the case, as intake sent it.
type Report struct {
	Case string // the case it opened
	event.ReportSubmitted
}

// Message is one message of the conversation with the reporter's side.
type Message struct {
	ID        string
	Case      string
	Direction string
	Author    event.Person
	Agent     string // name of the organisation that acted on behalf of the case's, "" for its own people
	Report    string // reference, for one that came in
	Text      string
	TLP       tlp.Label
	At        time.Time
}

// Note is internal: it never leaves the CERT, no event carries it.
type Note struct {
	ID     string
	Case   string
	Author event.Person
	Text   string
	At     time.Time
}

// Supplement is what the reporter's side added to a report later.
type Supplement struct {
	ID          string
	Case        string
	Report      string // reference
	Author      event.Person
	Agent       string
	Description string
	Fields      map[string]any
	At          time.Time
}

// Attachment is an encrypted file in the shared bucket.
type Attachment struct {
	ID        string
	Case      string
	Report    string // reference
	Author    event.Person
	Agent     string
	Name      string
	MediaType string
	Size      int64
	SHA256    string
	Blob      string
	At        time.Time

	DestroyedAt *time.Time // its period ended: nobody can read it again
}

// Password opens the ZIP in which people get the file. It stands beside the file
// on the page; it keeps scanners and previews on the way out, not readers.
func (a Attachment) Password() string { return a.SHA256[:min(len(a.SHA256), 12)] }

// Dossier is everything about a case: what the case page shows.
type Dossier struct {
	Case
	Filed       []Report
	Supplements []Supplement
	Messages    []Message
	Notes       []Note
	Attachments []Attachment
	Timeline    []Entry
	Siblings    []Summary // other unfinished cases of the organisation, as far as the reader may read them
	Window      Window
	Earlier     map[string]Cursor // of each list that has more before what was read
	Counts      map[string]int    // how long each list is
	Merges      []Entry           // the lines about merging, wherever they stand
}

// Object is what the matrix is asked about.
func (c *Case) Object() actor.Object {
	o := actor.Object{Organisation: c.Organisation.ID, Red: c.TLP == tlp.Red, Locked: c.Locked}
	if c.Assignee != nil {
		o.Assignee = c.Assignee.ID
	}
	return o
}

// NextDue is the earliest running deadline, nil when none runs.
func (c *Case) NextDue() *time.Time {
	if c.State.Ended() {
		return nil
	}
	return duty.Next(c.Clocks)
}

// Active reports whether the case belongs into the queue: its work goes on, or
// something new came after its end.
func (c *Case) Active() bool {
	return c.State != Merged && (c.State != Closed || len(c.Flags) > 0)
}

// Changed reports whether a change is waiting to be stored.
func (c *Case) Changed() bool { return len(c.pending.Entries) > 0 }

// Seal ends a change: the version grows by one, and what the change added is
// handed out once, with the snapshot that the other services get.
func (c *Case) Seal(at time.Time) (Pending, event.Payload) {
	c.Version++
	c.ChangedAt = at
	p := c.pending
	for i := range p.Entries {
		p.Entries[i].Version = c.Version
	}
	snap := c.Snapshot()
	var announce event.Payload = event.CaseUpdated{Case: snap}
	switch {
	case c.Version == 1:
		announce = event.CaseOpened{Case: snap}
	case c.closing:
		announce = event.CaseClosed{Case: snap}
	}
	c.pending, c.closing = Pending{}, false
	return p, announce
}

// Snapshot is the case as other services may know it: no notes, no messages.
func (c *Case) Snapshot() event.Case {
	s := event.Case{
		ID: c.ID, Reference: c.Reference, Version: c.Version, State: string(c.State), Severity: string(c.Severity),
		TLP: string(c.TLP), Class: c.Class, Disposition: c.Disposition, Title: c.Title, What: c.What,
		Organisation: c.Organisation, Verified: c.Verified, Exercise: c.Exercise, Reports: c.Reports,
		Assignee: c.Assignee, Campaign: c.Campaign, ReportStatus: c.State.ReportStatus(), MergedInto: c.MergedInto,
		ReceivedAt: c.ReceivedAt, OpenedAt: c.OpenedAt, ChangedAt: c.ChangedAt, ClosedAt: c.ClosedAt, Hold: c.Hold, Locked: c.Locked,
	}
	for _, k := range c.Clocks {
		s.Clocks = append(s.Clocks, event.Clock{Rule: k.Rule, State: string(k.State), StartAt: k.StartAt, DueAt: k.DueAt, DoneAt: k.DoneAt})
	}
	return s
}

// Seen refuses a change made on an older version than the stored one; 0 asks
// for no check.
func (c *Case) Seen(version int) error {
	if version != 0 && version != c.Version {
		return fault.New(fault.Stale, "case %s was changed in the meantime: it is at version %d", c.Reference, c.Version)
	}
	return nil
}

// note adds a line to the timeline.
func (c *Case) note(by By, at time.Time, kind, from, to, reason, ref string) {
	c.pending.Entries = append(c.pending.Entries, Entry{
		ID: event.NewID(), Case: c.ID, At: at, Actor: by.Person(),
		Kind: kind, From: from, To: to, Reason: reason, Ref: ref,
	})
}

func (c *Case) flag(f string) {
	if !slices.Contains(c.Flags, f) {
		c.Flags = append(c.Flags, f)
	}
}
