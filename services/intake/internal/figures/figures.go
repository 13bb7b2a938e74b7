// SPDX-License-Identifier: EUPL-1.2

// Package figures counts what was reported about an organisation, for its own
// officers and for the provider that acts for it (reliability model §2.4, row
// "aggregate dashboard", cells O and M). It counts what the reader may read and
// nothing else: no number tells of a report that is not theirs. It knows no
// database, no HTTP and no page.
package figures

import (
	"cmp"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// FirstAnswer is the clock of the CERT's own promise: an answer or a call-back.
const FirstAnswer = "TH-ACK"

// Sealed is the kind of a TLP:RED report: of what it is about no figure tells
// (reliability model §2.5: no export, no API; the list says that it is there).
const Sealed = "sealed"

// Figures are what is counted. A report about several bodies counts at each; an
// exercise counts nowhere but in Exercises.
type Figures struct {
	Reports   int
	Distinct  int // each report once
	Exercises int
	Open      int // the CERT or the body still works on it
	Waiting   int // of these, how many wait for an answer of the body
	Ended     int
	Months    []Month
	Kinds     []Kind // most first
	Answers   int    // cases whose reporter was answered
	Median    *time.Duration
	Clocks    []Clock
}

// Month is how much was reported in a month.
type Month struct {
	First   time.Time
	Reports int
	Running bool // it is not over yet
}

// Kind is how much of one kind was reported, in the reporter's words or Sealed.
type Kind struct {
	What    string
	Reports int
}

// Clock is how often a duty was kept. What does not apply is not counted.
type Clock struct {
	Rule    string
	Met     int
	Missed  int // met too late, or past its time and still open
	Running int
	ToCheck int // whether it applies is still to be checked
}

// Of counts lines, each a report with one of its bodies.
func Of(lines []report.Report, p Period, now time.Time) Figures {
	c := counter{now: now, reports: map[string]bool{}, bodies: map[string]bool{}, kinds: map[string]int{}, cases: map[string]bool{}, clocks: map[string]*Clock{}}
	months := map[time.Time]int{}
	for _, r := range lines {
		if r.Exercise {
			c.Exercises++
			continue
		}
		if c.count(r) {
			at := r.ReceivedAt.In(p.From.Location())
			months[time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, at.Location())]++
		}
	}
	f := c.Figures
	for _, m := range p.Months(now) {
		f.Months = append(f.Months, Month{First: m, Reports: months[m], Running: now.Before(m.AddDate(0, 1, 0))})
	}
	for what, n := range c.kinds {
		f.Kinds = append(f.Kinds, Kind{what, n})
	}
	slices.SortFunc(f.Kinds, func(a, b Kind) int { return cmp.Or(b.Reports-a.Reports, cmp.Compare(a.What, b.What)) })
	for _, k := range c.clocks {
		f.Clocks = append(f.Clocks, *k)
	}
	slices.SortFunc(f.Clocks, func(a, b Clock) int { // the CERT's own promise first, then the duties of the law
		switch {
		case a.Rule == b.Rule:
			return 0
		case a.Rule == FirstAnswer:
			return -1
		case b.Rule == FirstAnswer:
			return 1
		}
		return cmp.Compare(a.Rule, b.Rule)
	})
	f.Distinct, f.Answers, f.Median = len(c.reports), len(c.answers), median(c.answers)
	return f
}

// counter is what is known while counting.
type counter struct {
	Figures
	now     time.Time
	reports map[string]bool
	bodies  map[string]bool // of reports
	kinds   map[string]int
	cases   map[string]bool
	clocks  map[string]*Clock
	answers []time.Duration
}

// count counts a report and reports whether it is a new one of the body.
func (c *counter) count(r report.Report) bool {
	for _, b := range r.Affected {
		c.about(b)
	}
	if len(r.Affected) == 1 && r.Affected[0].VisibleTo != "" {
		body := r.ID + " " + r.Affected[0].VisibleTo
		if c.bodies[body] {
			return false // two bodies of the report are one by now
		}
		c.bodies[body] = true
	}
	c.Reports++
	c.reports[r.ID] = true
	kind := r.What
	if r.TLP == string(tlp.Red) {
		kind = Sealed
	}
	c.kinds[kind]++
	switch s := r.Status(); s {
	case report.Resolved, report.Closed:
		c.Ended++
	case report.Received, report.InProgress, report.WaitingForYou:
		c.Open++
		if s == report.WaitingForYou {
			c.Waiting++
		}
	}
	return true
}

// about counts the deadlines of a body's cases.
func (c *counter) about(b report.Body) {
	for _, k := range b.Cases {
		if c.cases[k.ID] {
			continue // several reports feed one case
		}
		c.cases[k.ID] = true
		for _, x := range k.Clocks {
			c.clock(x)
		}
	}
}

func (c *counter) clock(x event.Clock) {
	k := c.clocks[x.Rule]
	if k == nil {
		k = &Clock{Rule: x.Rule}
	}
	late := func(at *time.Time) bool { return x.DueAt != nil && at != nil && at.After(*x.DueAt) }
	switch x.State {
	case "done":
		if x.Rule == FirstAnswer && x.StartAt != nil && x.DoneAt != nil {
			c.answers = append(c.answers, max(x.DoneAt.Sub(*x.StartAt), 0))
		}
		if late(x.DoneAt) {
			k.Missed++
		} else {
			k.Met++
		}
	case "running", "overdue":
		if late(&c.now) {
			k.Missed++
		} else {
			k.Running++
		}
	case "to_check":
		k.ToCheck++
	default: // waived, or something newer than this version
		return
	}
	c.clocks[x.Rule] = k
}

// median is the middle one, of an even number the mean of the two.
func median(list []time.Duration) *time.Duration {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	m := list[len(list)/2]
	if len(list)%2 == 0 {
		m = (m + list[len(list)/2-1]) / 2
	}
	return &m
}
