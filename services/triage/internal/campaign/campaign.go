// SPDX-License-Identifier: EUPL-1.2

// Package campaign holds several cases with one cause (Lage): one report of an
// IT provider about many of its members, or what analysts put together. Each
// case stays a file of its own, with its own conversation and clocks; the
// campaign is the CERT's alone, and no member learns of it. It knows no database
// and no HTTP.
package campaign

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Longest texts, in characters.
const (
	MaxTitle  = casefile.MaxTitle
	MaxReason = casefile.MaxReason
	MaxText   = casefile.MaxText
)

// MaxByHand is how many cases one request of a person puts into a campaign.
const MaxByHand = 200

// State is whether work goes on.
type State string

// The states.
const (
	Open   State = "open"
	Closed State = "closed"
)

// Campaign is several cases with one cause.
type Campaign struct {
	ID        string
	Reference string // L-2026-0007
	Version   int
	State     State
	Title     string
	Report    event.ReportRef    // that made it; empty when analysts did
	Agent     event.Organisation // the provider that reported
	Exercise  bool
	Expected  int // bodies that the report names
	Assignee  *event.Person
	FirstSeen time.Time
	CreatedAt time.Time
	ChangedAt time.Time
	ClosedAt  *time.Time

	pending []Entry
}

// Entry is one line of the campaign's timeline.
type Entry struct {
	ID      string
	At      time.Time
	Version int
	Actor   event.Person
	Kind    string
	From    string
	To      string
	Reason  string
	Ref     string
}

// The kinds of entries. The audit says "campaign." and the kind.
const (
	KindOpened   = "opened"
	KindAdded    = "case.added"
	KindRemoved  = "case.removed"
	KindRenamed  = "renamed"
	KindAssigned = "assigned"
	KindNoted    = "noted"
	KindClosed   = "closed"
	KindReopened = "reopened"
	KindOrdered  = "ordered" // a change of many cases; To is its kind, From how many, Ref the job
)

// namespace of the ids that are made of a report's id.
var namespace = uuid.MustParse("0192f0c0-1a6e-5000-8000-000000000001")

// IDOf is the campaign's id of a report: the same for each of its events, in
// whatever order and by whatever replica they are read.
func IDOf(report string) string { return uuid.NewSHA1(namespace, []byte(report)).String() }

// Gathers reports whether a report makes a campaign: it is about more than one body.
func Gathers(r event.ReportSubmitted) bool { return r.AffectedTotal > 1 || r.AddedLater }

// Ref is how cases name their campaign.
func (k *Campaign) Ref() event.CampaignRef {
	return event.CampaignRef{ID: k.ID, Reference: k.Reference}
}

// FromReport makes the campaign of a report.
func FromReport(by casefile.By, at time.Time, reference string, r event.ReportSubmitted) *Campaign {
	k := &Campaign{
		ID: IDOf(r.Report), Reference: reference, State: Open, Exercise: r.Exercise, Expected: r.AffectedTotal,
		Report: event.ReportRef{ID: r.Report, Reference: r.Reference}, FirstSeen: r.ReceivedAt.UTC(), CreatedAt: at, ChangedAt: at,
	}
	if k.FirstSeen.IsZero() {
		k.FirstSeen = at
	}
	where := r.Reporter.Name
	if r.Agent != nil {
		k.Agent, where = *r.Agent, r.Agent.Name
	}
	k.Title = casefile.FirstTitle(r.What, where)
	k.note(by, at, KindOpened, "", "", "", r.Reference)
	return k
}

// ByHand makes a campaign of cases that analysts put together.
func ByHand(by casefile.By, at time.Time, reference, title string, cases []*casefile.Case) (*Campaign, error) {
	k := &Campaign{ID: event.NewID(), Reference: reference, State: Open, FirstSeen: at, CreatedAt: at, ChangedAt: at, Exercise: len(cases) > 0}
	if err := k.title(title); err != nil {
		return nil, err
	}
	k.note(by, at, KindOpened, "", "", "", "")
	for _, c := range cases {
		if c.ReceivedAt.Before(k.FirstSeen) {
			k.FirstSeen = c.ReceivedAt
		}
		k.Exercise = k.Exercise && c.Exercise
	}
	return k, k.Take(by, at, cases, "")
}

// Take puts cases into the campaign. One that belongs to another moves only
// with a reason, and nobody moves what they may not read.
func (k *Campaign) Take(by casefile.By, at time.Time, cases []*casefile.Case, reason string) error {
	if err := k.open(); err != nil {
		return err
	}
	if err := short(reason); err != nil {
		return err
	}
	for _, c := range cases {
		switch {
		case c.Campaign != nil && c.Campaign.ID == k.ID:
			continue
		case c.State == casefile.Merged:
			return fault.New(fault.Conflict, "case %s was merged into another one", c.Reference)
		case c.Campaign != nil && strings.TrimSpace(reason) == "":
			return field("reason", "triage.campaign.err.moves", "is needed: case "+c.Reference+" belongs to "+c.Campaign.Reference)
		}
		if err := c.Let(by, at, actor.CaseRead); err != nil {
			return err
		}
		c.Join(by, at, k.Ref())
		k.note(by, at, KindAdded, "", c.Reference, reason, c.ID)
	}
	return nil
}

// Release takes a case out, with a reason.
func (k *Campaign) Release(by casefile.By, at time.Time, c *casefile.Case, reason string) error {
	if c.Campaign == nil || c.Campaign.ID != k.ID {
		return fault.New(fault.NotFound, "the campaign has no such case")
	}
	if strings.TrimSpace(reason) == "" {
		return field("reason", "triage.err.reason", "is needed to take a case out")
	}
	if err := short(reason); err != nil {
		return err
	}
	if err := c.Let(by, at, actor.CaseRead); err != nil {
		return err
	}
	c.Leave(by, at, reason)
	k.note(by, at, KindRemoved, c.Reference, "", reason, c.ID)
	return nil
}

// Rename gives the campaign another title.
func (k *Campaign) Rename(by casefile.By, at time.Time, title string) error {
	from := k.Title
	if err := k.title(title); err != nil {
		return err
	}
	if k.Title == from {
		return fault.New(fault.Conflict, "campaign %s is called that already", k.Reference)
	}
	k.note(by, at, KindRenamed, from, k.Title, "", "")
	return nil
}

// Assign makes a person the one who leads the work; nil makes it nobody.
func (k *Campaign) Assign(by casefile.By, at time.Time, to *event.Person) error {
	if (to == nil && k.Assignee == nil) || (to != nil && k.Assignee != nil && to.ID == k.Assignee.ID) {
		return fault.New(fault.Conflict, "campaign %s is assigned like that already", k.Reference)
	}
	from, name, id := "", "", ""
	if k.Assignee != nil {
		from = k.Assignee.Name
	}
	if to != nil {
		name, id = to.Name, to.ID
	}
	k.Assignee = to
	k.note(by, at, KindAssigned, from, name, "", id)
	return nil
}

// Note writes an internal note: it never leaves the CERT.
func (k *Campaign) Note(by casefile.By, at time.Time, text string) error {
	switch n := utf8.RuneCountInString(strings.TrimSpace(text)); {
	case n == 0:
		return field("text", "triage.err.text", "is empty")
	case n > MaxText:
		return field("text", "triage.err.text.long", "is longer than 10000 characters")
	}
	k.note(by, at, KindNoted, "", "", strings.TrimSpace(text), "")
	return nil
}

// Close ends the campaign when all its cases have ended; n have not, of which
// open names the first that by may know of.
func (k *Campaign) Close(by casefile.By, at time.Time, reason string, n int, open []string) error {
	if err := k.open(); err != nil {
		return err
	}
	if err := short(reason); err != nil {
		return err
	}
	if n > 0 {
		if open = slices.Clone(open[:min(len(open), 5)]); n > len(open) {
			open = append(open, "…")
		}
		return field("state", "triage.campaign.err.open", "cannot be closed, these cases are open: "+strings.Join(open, ", "))
	}
	k.State, k.ClosedAt = Closed, &at
	k.note(by, at, KindClosed, "", "", reason, "")
	return nil
}

// Reopen takes the work up again.
func (k *Campaign) Reopen(by casefile.By, at time.Time, reason string) error {
	if k.State != Closed {
		return fault.New(fault.Conflict, "campaign %s is open already", k.Reference)
	}
	if err := short(reason); err != nil {
		return err
	}
	k.State, k.ClosedAt = Open, nil
	k.note(by, at, KindReopened, "", "", reason, "")
	return nil
}

// Seen refuses a change made on an older version than the stored one; 0 asks
// for no check.
func (k *Campaign) Seen(version int) error {
	if version != 0 && version != k.Version {
		return fault.New(fault.Stale, "campaign %s was changed in the meantime: it is at version %d", k.Reference, k.Version)
	}
	return nil
}

// Seal ends a change and hands out what it added.
func (k *Campaign) Seal(at time.Time) []Entry {
	if len(k.pending) == 0 {
		return nil
	}
	k.Version++
	k.ChangedAt = at
	out := k.pending
	for i := range out {
		out[i].Version = k.Version
	}
	k.pending = nil
	return out
}

func (k *Campaign) note(by casefile.By, at time.Time, kind, from, to, reason, ref string) {
	k.pending = append(k.pending, Entry{ID: event.NewID(), At: at, Actor: by.Person(), Kind: kind, From: from, To: to, Reason: strings.TrimSpace(reason), Ref: ref})
}

func (k *Campaign) open() error {
	if k.State == Closed {
		return fault.New(fault.Conflict, "campaign %s is closed; take it up again first", k.Reference)
	}
	return nil
}

func (k *Campaign) title(title string) error {
	switch n := utf8.RuneCountInString(strings.TrimSpace(title)); {
	case n == 0:
		return field("title", "triage.campaign.err.title", "is needed")
	case n > MaxTitle:
		return field("title", "triage.err.title.long", "is longer than 120 characters")
	}
	k.Title = strings.Join(strings.Fields(title), " ")
	return nil
}

func short(reason string) error {
	if utf8.RuneCountInString(reason) > MaxReason {
		return field("reason", "triage.err.reason.long", "is longer than 1000 characters")
	}
	return nil
}

func field(name, code, detail string) error {
	var f fault.Fields
	f.Add(name, code, detail)
	return f.Err()
}

// may answers NotFound to who may not even know that campaigns exist.
func may(by casefile.By, at time.Time, action actor.Action, o actor.Object) error {
	v := by.View(action)
	switch {
	case (v.Everything || v.Assigned) && by.MustStepUp(action, o, at):
		return fault.New(fault.StepUpRequired, "please confirm with your second factor first")
	case v.Everything || v.Assigned:
		return nil
	case by.View(actor.CampaignRead).Everything:
		return fault.New(fault.Forbidden, "your role does not allow this on the campaign")
	}
	return fault.New(fault.NotFound, "there is no such campaign")
}
