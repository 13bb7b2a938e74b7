// SPDX-License-Identifier: EUPL-1.2

package campaign

import (
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Filter narrows the list of campaigns.
type Filter struct {
	State string // open, closed; "" both
	Limit int
	After string // cursor of the page before
	Now   time.Time

	Reader casefile.Reader // whose locked cases count
}

func (f Filter) check() error {
	if !slices.Contains([]string{"", string(Open), string(Closed)}, f.State) {
		return field("state", "triage.campaign.err.state", "is no state of a campaign")
	}
	return nil
}

// Line is a campaign in a list.
type Line struct {
	Campaign
	Numbers
}

// List is one page. Next is the cursor of the page after, "" at the end.
type List struct {
	Items []Line
	Next  string
}

// Numbers count a campaign's cases; merged ones count where they went.
type Numbers struct {
	Total        int
	New          int
	Open         int // new and in work
	Resolved     int
	Closed       int
	Overdue      int
	Contradicted int
	TakenOver    int
	Unread       int // something new came from the reporter's side
	Unassigned   int // open, nobody has it
	Red          int // TLP:RED: the title is for who showed the second factor a moment ago
	NextDue      *time.Time
	Worst        casefile.Severity // of the open ones
}

// Overview is what the page of a campaign shows beside its cases.
type Overview struct {
	Campaign
	Numbers
	States     map[casefile.State]int
	Severities map[casefile.Severity]int
	Kreise     map[string]int // 5 digits → cases
	Bodies     []Body         // whose case has not ended
	Timeline   []Entry
	Jobs       []Job
}

// Body is an affected body with its case.
type Body struct {
	Organisation event.Organisation
	Case         string // reference
}
