// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Take makes by the one who works the case; taking a new case means assessing
// it. A case of somebody else is not taken away by a key: assign does that.
func (c *Case) Take(by By, at time.Time) error {
	if err := c.workable(); err != nil {
		return err
	}
	if c.Assignee != nil && c.Assignee.ID != by.Person().ID {
		return fault.New(fault.Conflict, "case %s is worked by %s already", c.Reference, c.Assignee.Name)
	}
	if c.Assignee != nil && c.State != New {
		return fault.New(fault.Conflict, "case %s is yours already", c.Reference)
	}
	me := by.Person()
	c.assign(by, at, &me, "")
	if c.State == New {
		c.move(by, at, Assessing, "")
	}
	c.Flags = nil
	return nil
}

// Assign gives the case to somebody who works on cases; nil gives it to nobody.
func (c *Case) Assign(by By, at time.Time, to *event.Person, reason string) error {
	if err := c.workable(); err != nil {
		return err
	}
	if (to == nil && c.Assignee == nil) || (to != nil && c.Assignee != nil && to.ID == c.Assignee.ID) {
		return fault.New(fault.Conflict, "case %s is assigned like that already", c.Reference)
	}
	if err := short(reason); err != nil {
		return err
	}
	c.assign(by, at, to, reason)
	return nil
}

func (c *Case) assign(by By, at time.Time, to *event.Person, reason string) {
	from, name, id := "", "", ""
	if c.Assignee != nil {
		from = c.Assignee.Name
	}
	if to != nil {
		name, id = to.Name, to.ID
		if c.Assignee != nil && c.Assignee.ID == id {
			return // only the state changes
		}
	}
	if c.Assignee != nil && c.pending.Had == "" {
		c.pending.Had = c.Assignee.ID
	}
	c.Assignee = to
	c.note(by, at, KindAssigned, from, name, reason, id)
}

// Move is a step of the state machine with what the step needs.
type Move struct {
	State       State
	Reason      string
	Class       string // closing: when the case has none yet, or another one
	Disposition string // closing
}

// Move takes a step of the state machine: closing needs a class and a
// disposition, going back to work needs a reason, merging is Merge.
func (c *Case) Move(by By, at time.Time, m Move) error {
	switch {
	case c.State == Merged:
		return c.workable()
	case m.State == Merged:
		return oneField("state", "triage.err.state.merged", "is reached by merging, which names the other case")
	case !c.State.CanMove(m.State):
		return fault.New(fault.Conflict, "case %s is %s and cannot become %s", c.Reference, c.State, m.State)
	}
	if err := short(m.Reason); err != nil {
		return err
	}
	switch {
	case m.State == Closed:
		return c.close(by, at, m)
	case c.State == Resolved || c.State == Closed:
		if strings.TrimSpace(m.Reason) == "" {
			return oneField("reason", "triage.err.reason", "is needed to go back to work")
		}
		c.ClosedAt, c.Disposition = nil, ""
		c.reopen(by, at, m.Reason)
	default:
		c.move(by, at, m.State, m.Reason)
	}
	c.Flags = nil
	return nil
}

func (c *Case) reopen(by By, at time.Time, reason string) {
	from := c.State
	c.State = Working
	c.note(by, at, KindReopened, string(from), string(Working), reason, "")
}

func (c *Case) move(by By, at time.Time, to State, reason string) {
	from := c.State
	c.State = to
	c.note(by, at, KindState, string(from), string(to), reason, "")
}

func (c *Case) close(by By, at time.Time, m Move) error {
	var f fault.Fields
	class := c.Class
	if m.Class != "" {
		class = m.Class
	}
	switch {
	case class == "":
		f.Add("class", "triage.err.class.close", "is needed to close a case")
	case !ValidClass(class):
		f.Add("class", "triage.err.class", "is no RSIT class")
	}
	switch {
	case m.Disposition == "":
		f.Add("disposition", "triage.err.disposition.close", "is needed to close a case")
	case !slices.Contains(Dispositions(), m.Disposition):
		f.Add("disposition", "triage.err.disposition", "is no disposition")
	}
	if err := f.Err(); err != nil {
		return err
	}
	if class != c.Class {
		c.note(by, at, KindClass, c.Class, class, "", "")
		c.Class = class
	}
	from := c.State
	c.State, c.Disposition, c.ClosedAt, c.closing, c.Flags = Closed, m.Disposition, &at, true, nil
	duty.Waive(c.Clocks, duty.FirstAnswer, at)
	c.note(by, at, KindClosed, string(from), m.Disposition, m.Reason, "")
	return nil
}

// Classify changes the values that describe the case. Empty ones stay.
type Classify struct {
	Severity string
	Class    string
	TLP      string
	Title    string
	Reason   string
}

// Classify overrides severity, class, TLP or title. Another severity and a wider
// TLP need a reason; only the lead widens a TLP (reliability model §2.5).
func (c *Case) Classify(by By, at time.Time, k Classify) error {
	if err := c.workable(); err != nil {
		return err
	}
	label, err := c.check(by, k)
	if err != nil {
		return err
	}
	before := len(c.pending.Entries)
	reason := strings.TrimSpace(k.Reason)
	if k.Severity != "" && Severity(k.Severity) != c.Severity {
		c.note(by, at, KindSeverity, string(c.Severity), k.Severity, reason, "")
		c.Severity = Severity(k.Severity)
	}
	if k.Class != "" && k.Class != c.Class {
		c.note(by, at, KindClass, c.Class, k.Class, reason, "")
		c.Class = k.Class
	}
	if label != "" && label != c.TLP {
		c.note(by, at, KindTLP, string(c.TLP), string(label), reason, "")
		c.TLP = label
	}
	if title := strings.TrimSpace(k.Title); title != "" && title != c.Title {
		c.note(by, at, KindTitle, c.Title, title, reason, "")
		c.Title = title
	}
	if len(c.pending.Entries) == before {
		return fault.New(fault.Conflict, "case %s is classified like that already", c.Reference)
	}
	c.Flags = nil
	return nil
}

// check finds all mistakes of a classification at once.
func (c *Case) check(by By, k Classify) (tlp.Label, error) {
	var f fault.Fields
	reason := strings.TrimSpace(k.Reason)
	if k.Severity+k.Class+k.TLP+strings.TrimSpace(k.Title) == "" {
		f.Add("severity", "triage.err.nothing", "nothing to change was given")
	}
	if k.Severity != "" {
		switch {
		case Severity(k.Severity).Rank() == 0:
			f.Add("severity", "triage.err.severity", "is no severity")
		case Severity(k.Severity) != c.Severity && reason == "":
			f.Add("reason", "triage.err.reason", "is needed to change the severity")
		}
	}
	if k.Class != "" && !ValidClass(k.Class) {
		f.Add("class", "triage.err.class", "is no RSIT class")
	}
	var label tlp.Label
	if k.TLP != "" {
		var err error
		if label, err = tlp.Parse(k.TLP); err != nil {
			f.Add("tlp", "triage.err.tlp", "is no TLP label")
		} else if label.Wider(c.TLP) {
			if !by.May(actor.CaseWiden, c.Object()).Allowed {
				f.Add("tlp", "triage.err.tlp.lead", "can only be widened by the lead")
			}
			if reason == "" {
				f.Add("reason", "triage.err.reason", "is needed to widen the TLP")
			}
		}
	}
	if utf8.RuneCountInString(strings.TrimSpace(k.Title)) > MaxTitle {
		f.Add("title", "triage.err.title.long", "is longer than 120 characters")
	}
	if utf8.RuneCountInString(k.Reason) > MaxReason {
		f.Add("reason", "triage.err.reason.long", "is longer than 1000 characters")
	}
	return label, f.Err()
}

// Verify confirms that the report comes from the organisation: the one it names
// or, for what a guest typed, the one the analyst picks from the register. From
// then on the organisation's own people see the report.
func (c *Case) Verify(by By, at time.Time, org *event.Organisation) error {
	if err := c.workable(); err != nil {
		return err
	}
	if org == nil && c.Organisation.ID == "" {
		return oneField("organisation", "triage.err.organisation", "has to be picked from the register")
	}
	if c.Verified && (org == nil || org.ID == c.Organisation.ID) {
		return fault.New(fault.Conflict, "case %s is verified already", c.Reference)
	}
	from := c.Organisation.Name
	if org != nil {
		c.Organisation = *org
	}
	c.Verified = true
	c.note(by, at, KindVerified, from, c.Organisation.Name, "", c.Organisation.ID)
	return nil
}

// Post is a message of the CERT to the reporter's side.
type Post struct {
	Text  string
	Wait  bool   // the case waits for the answer
	Batch string // id of the order that writes it to many cases
}

// Post writes to the reporter. It meets the promise of a first answer.
func (c *Case) Post(by By, at time.Time, p Post) (Message, error) {
	if c.State == Merged {
		return Message{}, c.workable()
	}
	if err := text("text", p.Text); err != nil {
		return Message{}, err
	}
	if p.Wait && !c.State.CanMove(Waiting) && c.State != Waiting {
		return Message{}, fault.New(fault.Conflict, "case %s is %s and cannot wait for an answer", c.Reference, c.State)
	}
	m := Message{ID: event.NewID(), Case: c.ID, Direction: Out, Author: by.Person(), Text: strings.TrimSpace(p.Text), TLP: c.TLP, At: at}
	c.pending.Messages = append(c.pending.Messages, m)
	c.pending.Facts = append(c.pending.Facts, event.CaseMessagePosted{
		Case: c.ID, Reference: c.Reference, Message: m.ID,
		Organisation: c.Organisation, Reports: c.Reports, Author: m.Author, TLP: string(c.TLP), Text: m.Text, At: at, Batch: p.Batch,
	})
	c.note(by, at, KindMessageOut, "", "", "", m.ID)
	c.answered(at)
	if p.Wait && c.State != Waiting {
		c.move(by, at, Waiting, "")
	}
	c.Flags = nil
	return m, nil
}

// Note writes an internal note. With answered it also records that the reporter
// was reached by phone, which meets the promise of a first answer.
func (c *Case) Note(by By, at time.Time, words string, answered bool) (Note, error) {
	if c.State == Merged {
		return Note{}, c.workable()
	}
	if err := text("text", words); err != nil {
		return Note{}, err
	}
	n := Note{ID: event.NewID(), Case: c.ID, Author: by.Person(), Text: strings.TrimSpace(words), At: at}
	c.pending.Notes = append(c.pending.Notes, n)
	c.note(by, at, KindNote, "", "", "", n.ID)
	if answered {
		c.note(by, at, KindAnswered, "", "", "", n.ID)
		c.answered(at)
	}
	c.Flags = nil
	return n, nil
}

func (c *Case) answered(at time.Time) {
	if c.AnsweredAt == nil {
		c.AnsweredAt = &at
	}
	duty.Meet(c.Clocks, duty.FirstAnswer, at)
}

// workable refuses changes to a case whose work has ended.
func (c *Case) workable() error {
	switch c.State {
	case Merged:
		return fault.New(fault.Conflict, "case %s was merged into another one", c.Reference)
	case Closed:
		return fault.New(fault.Conflict, "case %s is closed; take it up again first", c.Reference)
	case New, Assessing, Working, Waiting, Contained, Recovering, Resolved:
	}
	return nil
}

func text(field, s string) error {
	switch n := utf8.RuneCountInString(strings.TrimSpace(s)); {
	case n == 0:
		return oneField(field, "triage.err.text", "is empty")
	case n > MaxText:
		return oneField(field, "triage.err.text.long", "is longer than 10000 characters")
	}
	return nil
}

func short(reason string) error {
	if utf8.RuneCountInString(reason) > MaxReason {
		return oneField("reason", "triage.err.reason.long", "is longer than 1000 characters")
	}
	return nil
}
