// SPDX-License-Identifier: EUPL-1.2

package campaign

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Batch is how many cases one step of a job changes: one transaction.
const Batch = 50

// The kinds of jobs.
const (
	JobMessage  = "message"
	JobClassify = "classify"
	JobState    = "state"
	JobAssign   = "assign"
)

// Order is what a job does to each of its cases.
type Order struct {
	Text        string    `json:"text,omitempty"`
	Wait        bool      `json:"wait,omitempty"`
	Severity    string    `json:"severity,omitempty"`
	Class       string    `json:"class,omitempty"`
	TLP         string    `json:"tlp,omitempty"`
	State       string    `json:"state,omitempty"`
	Disposition string    `json:"disposition,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Assignee    string    `json:"assignee,omitempty"` // person id, "" for nobody
	Name        string    `json:"name,omitempty"`     // of the assignee
	StepUpUntil time.Time `json:"step_up_until,omitzero"`
}

// Job is one change of many cases at once: each case is changed for itself, with
// its own version, timeline, event and audit, in batches. A case that cannot be
// changed is left as it was and counted.
type Job struct {
	ID        string
	Campaign  string
	Kind      string
	Order     Order
	By        event.Person
	Request   string
	Total     int
	Done      int
	Failed    int
	CreatedAt time.Time
	EndedAt   *time.Time
	Left      []Left // of those that failed, the first
}

// Left is a case that a job could not change.
type Left struct {
	Case, Reference, Organisation, Reason string
}

// Which narrows a job to some of a campaign's cases: all unfinished ones that
// fit, or the named ones.
type Which struct {
	Cases    []string
	State    string
	Severity string
	Kreis    string
	Mark     string
}

// action is the row of the matrix that each case is asked about.
func action(kind string) actor.Action {
	switch kind {
	case JobMessage:
		return actor.CaseMessage
	case JobClassify:
		return actor.CaseClassify
	case JobState:
		return actor.CaseEdit
	}
	return actor.CaseAssign
}

// check finds the mistakes of an order before the first case is touched.
func (o Order) check(kind string) error {
	var f fault.Fields
	if utf8.RuneCountInString(o.Reason) > MaxReason {
		f.Add("reason", "triage.err.reason.long", "is longer than 1000 characters")
	}
	switch kind {
	case JobMessage:
		switch n := utf8.RuneCountInString(strings.TrimSpace(o.Text)); {
		case n == 0:
			f.Add("text", "triage.err.text", "is empty")
		case n > MaxText:
			f.Add("text", "triage.err.text.long", "is longer than 10000 characters")
		}
	case JobClassify:
		o.checkClass(&f)
	case JobState:
		o.checkState(&f)
	}
	return f.Err()
}

func (o Order) checkClass(f *fault.Fields) {
	if o.Severity+o.Class+o.TLP == "" {
		f.Add("severity", "triage.err.nothing", "nothing to change was given")
	}
	if o.Severity != "" && casefile.Severity(o.Severity).Rank() == 0 {
		f.Add("severity", "triage.err.severity", "is no severity")
	}
	if o.Class != "" && !casefile.ValidClass(o.Class) {
		f.Add("class", "triage.err.class", "is no RSIT class")
	}
	if strings.TrimSpace(o.Reason) == "" {
		f.Add("reason", "triage.err.reason", "is needed to change many cases")
	}
}

func (o Order) checkState(f *fault.Fields) {
	s, err := casefile.ParseState(o.State)
	switch {
	case err != nil || s == casefile.New:
		f.Add("state", "triage.err.state", "is no state of a case")
	case s == casefile.Merged:
		f.Add("state", "triage.err.state.merged", "is reached by merging, which names the other case")
	case s == casefile.Closed:
		if o.Class != "" && !casefile.ValidClass(o.Class) {
			f.Add("class", "triage.err.class", "is no RSIT class")
		}
		if !slices.Contains(casefile.Dispositions(), o.Disposition) {
			f.Add("disposition", "triage.err.disposition.close", "is needed to close a case")
		}
	}
}

// apply does the order to one case.
func (o Order) apply(by casefile.By, at time.Time, kind, job string, c *casefile.Case) error {
	switch kind {
	case JobMessage:
		_, err := c.Post(by, at, casefile.Post{Text: o.Text, Batch: job, Wait: o.Wait && (c.State == casefile.Waiting || c.State.CanMove(casefile.Waiting))})
		return err
	case JobClassify:
		return c.Classify(by, at, casefile.Classify{Severity: o.Severity, Class: o.Class, TLP: o.TLP, Reason: o.Reason})
	case JobState:
		return c.Move(by, at, casefile.Move{State: casefile.State(o.State), Reason: o.Reason, Class: o.Class, Disposition: o.Disposition})
	}
	var to *event.Person
	if o.Assignee != "" {
		to = &event.Person{ID: o.Assignee, Name: o.Name}
	}
	return c.Assign(by, at, to, o.Reason)
}

// Step does one batch of a job and says of each case why it was left, "" when
// it was changed. Whoever ordered it must still be allowed to.
func (j Job) Step(who func(person string) (actor.Actor, bool), at time.Time, cases []*casefile.Case) []string {
	out := make([]string, len(cases))
	a, ok := who(j.By.ID)
	a.StepUpUntil = j.Order.StepUpUntil
	by := casefile.By{Actor: a, Request: j.Request}
	for i, c := range cases {
		if !ok || may(by, j.CreatedAt, actor.CampaignEdit, actor.Object{}) != nil {
			out[i] = "whoever ordered it may not any more"
			continue
		}
		if c.Campaign == nil || c.Campaign.ID != j.Campaign {
			out[i] = "the case left the campaign"
			continue
		}
		err := c.Let(by, j.CreatedAt, action(j.Kind)) // the second factor counts that was shown for the order
		if err == nil {
			err = j.Order.apply(by, at, j.Kind, j.ID, c)
		}
		if err != nil {
			out[i] = err.Error()
		}
	}
	return out
}
