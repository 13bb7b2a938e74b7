// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Summary is a case in a list: no bodies, no timeline.
type Summary struct {
	ID           string
	Reference    string
	Version      int
	State        State
	Severity     Severity
	TLP          tlp.Label
	Class        string
	Suggested    string
	Title        string
	Organisation event.Organisation
	Verified     bool
	Exercise     bool
	Assignee     *event.Person
	ReceivedAt   time.Time
	NextDue      *time.Time
	AnsweredAt   *time.Time
	ClosedAt     *time.Time
	Flags        []string
	Campaign     *event.CampaignRef
	TakenOver    bool
	Contradicted bool
	Locked       bool
	Fold         *Fold // the line stands for all cases of its campaign
}

// Fold is what a line says that stands for the cases of a campaign which the
// list would show one by one.
type Fold struct {
	Title string
	Total int
	New   int
	Worst Severity
	Red   bool // a case of the campaign is TLP:RED: then its title is, too
}

// Object is what the matrix is asked about.
func (s Summary) Object() actor.Object {
	o := actor.Object{Organisation: s.Organisation.ID, Red: s.TLP == tlp.Red, Locked: s.Locked}
	if s.Assignee != nil {
		o.Assignee = s.Assignee.ID
	}
	return o
}

// For is the line as by may read it: a TLP:RED case stays in every queue, so
// that nobody overlooks it, but says what and whom it is about only after a step-up.
func (s Summary) For(by By, at time.Time) Summary {
	if by.MustStepUp(actor.CaseQueue, s.Object(), at) {
		s.Title, s.Class, s.Suggested, s.Organisation, s.Exercise = "", "", "", event.Organisation{}, false
	}
	if s.Fold != nil && s.Fold.Red && by.MustStepUp(actor.CaseQueue, actor.Object{Red: true}, at) {
		s.Fold = &Fold{Total: s.Fold.Total, New: s.Fold.New, Worst: s.Fold.Worst, Red: true}
	}
	return s
}

// Shown is the class the list shows: the analyst's, else the suggestion.
func (s Summary) Shown() string {
	if s.Class != "" {
		return s.Class
	}
	return s.Suggested
}

// Unread reports whether somebody has to look: nobody did yet, or something new came.
func (s Summary) Unread() bool { return s.State == New || len(s.Flags) > 0 }

// The views of the queue.
const (
	ViewOpen       = "open"       // everything unfinished, the default
	ViewMine       = "mine"       // assigned to the person
	ViewUnassigned = "unassigned" // unfinished, assigned to nobody
	ViewAll        = "all"        // also closed and merged
)

// The orders of a list. By deadline is the queue's; the archive goes by arrival.
const (
	SortDue      = "due"
	SortSeverity = "severity"
	SortReceived = "received"
)

// Filter narrows a list. Empty fields do not.
type Filter struct {
	View         string
	State        string // a state, or StateOpen
	Severity     string
	Class        string // a class or class:type
	Kreis        string // 5 digits
	Assignee     string // person id, "none"
	Organisation string // id
	Due          string // overdue, soon
	Campaign     string // id
	Mark         string // one of Marks
	Fold         bool   // one line for all cases of a campaign; the archive never folds
	Query        string
	NoRed        bool   // what asks for something that a line hides leaves out TLP:RED: a hit would tell it (Hides)
	Reader       Reader // whose locked cases it may show
	Sort         string
	Limit        int
	After        string // cursor of the page before
	Mine         string // who "mine" is
	Now          time.Time
}

// Hides reports whether f asks for what the line of a TLP:RED case does not say
// before a step-up.
func (f Filter) Hides() bool { return f.Query+f.Class+f.Kreis+f.Organisation != "" }

// What the affected body said about its provider's report, whether something new
// came, and whether the case is locked.
const (
	MarkContradicted = "contradicted"
	MarkTakenOver    = "taken_over"
	MarkMessage      = "message"
	MarkLocked       = "locked"
)

// Marks lists what a list can be filtered by beside the case's own values.
func Marks() []string { return []string{MarkContradicted, MarkTakenOver, MarkMessage, MarkLocked} }

// StateOpen filters by all states in which somebody works.
const StateOpen = "open"

// SoonIs the distance from which on a deadline counts as near; the lists' SQL
// says it in hours.
const SoonIs = 4 * time.Hour

// Check refuses identifiers that do not exist: a typing mistake must not look
// like an empty queue.
func (f Filter) Check() error {
	var bad fault.Fields
	if f.State != "" && f.State != StateOpen && !slices.Contains(States(), State(f.State)) {
		bad.Add("state", "triage.err.state", "is no state of a case")
	}
	if f.Severity != "" && Severity(f.Severity).Rank() == 0 {
		bad.Add("severity", "triage.err.severity", "is no severity")
	}
	if f.Class != "" && !ValidClass(f.Class) {
		bad.Add("class", "triage.err.class", "is no RSIT class")
	}
	if !slices.Contains([]string{"", ViewOpen, ViewMine, ViewUnassigned, ViewAll}, f.View) {
		bad.Add("view", "triage.err.view", "is no view")
	}
	if !slices.Contains([]string{"", SortDue, SortSeverity, SortReceived}, f.Sort) {
		bad.Add("sort", "triage.err.sort", "is no order")
	}
	if !slices.Contains([]string{"", "overdue", "soon"}, f.Due) {
		bad.Add("due", "triage.err.due", "is no deadline filter")
	}
	if f.Mark != "" && !slices.Contains(Marks(), f.Mark) {
		bad.Add("mark", "triage.err.mark", "is no mark")
	}
	return bad.Err()
}

// List is one page of summaries. Next is the cursor of the page after, "" at the end.
type List struct {
	Items []Summary
	Next  string
}

// Numbers are the figures above the queue.
type Numbers struct {
	Unassigned int // new, nobody has it
	Overdue    int
	Soon       int // due within SoonIs
	Working    int // open states
	Active     int // the view "open"
	Mine       int
	Nobody     int            // unfinished without assignee
	Median     *time.Duration // first answer, last 7 days; nil without any
}

// Weeks are the cases received per ISO week and RSIT class, oldest first.
type Weeks []Week

// Week is one ISO week.
type Week struct {
	Year, Week int
	Classes    map[string]int // RSIT class → cases
}

// Total is the number of cases of the week.
func (w Week) Total() int {
	n := 0
	for _, x := range w.Classes {
		n += x
	}
	return n
}

// Alert is the small copy of an alert that the bar above the queue shows.
type Alert struct {
	ID        string
	Reference string
	Title     string
	Audience  int
	Done      int // not affected or fixed
	Working   int // mitigating or checking
	Help      int
}

// Answered is how many organisations answered.
func (a Alert) Answered() int { return a.Done + a.Working + a.Help }

// Change is one line of the stream: something happened to a case.
type Change struct {
	Seq          int64 // of the audit: gapless in commit order
	Opened       bool
	Case         string
	Reference    string
	Version      int
	Severity     Severity
	Organisation string
	Assignee     string
	Locked       bool
	Left         string    // whose sight it left with this change: AllReaders, a person's id, "" for nobody's
	Campaign     string    // its reference, "" for none: pages count it in one line
	At           time.Time // when the case changed last
}
