// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Statement is what an affected body said to a report that its provider sent:
// that it deals with it itself (with whom to ask), or that it does not agree (in
// its own words). The report stays as it was sent.
type Statement struct {
	Author   event.Person  `json:"author"`
	Callback event.Contact `json:"callback,omitzero"`
	Text     string        `json:"text,omitempty"`
	At       time.Time     `json:"at"`
}

// TakeOver notes that the body deals with the report itself from now on: the
// CERT asks the body's own contact. Returned gives it back to the provider. The
// newest statement counts, in whatever order they come.
func (c *Case) TakeOver(by By, at time.Time, o event.ReportTakenOver) {
	kind := KindTakenOver
	if o.Returned {
		kind = KindReturned
	}
	c.note(by, at, kind, "", o.Author.Name, "", o.Reference)
	if c.OverAt.After(o.At) {
		return
	}
	c.OverAt, c.TakenOver = o.At, nil
	if !o.Returned {
		c.TakenOver = &Statement{Author: o.Author, Callback: o.Callback, At: o.At}
	}
	c.heard(by, at)
}

// Contradict notes that the body does not agree with what its provider reported.
func (c *Case) Contradict(by By, at time.Time, o event.ReportContradicted) {
	c.note(by, at, KindContradict, "", o.Author.Name, o.Text, o.Reference)
	if c.Contradicted == nil || !c.Contradicted.At.After(o.At) {
		c.Contradicted = &Statement{Author: o.Author, Text: o.Text, At: o.At}
	}
	c.heard(by, at)
}

// heard is what anything the reporter's side says does to a case: it ends
// waiting and asks for a look (design §7).
func (c *Case) heard(by By, at time.Time) {
	if c.State == Waiting {
		c.move(by, at, Working, "")
	}
	c.flag(FlagMessage)
}

// Join puts the case into a campaign. It may be in one at a time.
func (c *Case) Join(by By, at time.Time, k event.CampaignRef) {
	if c.Campaign != nil && c.Campaign.ID == k.ID {
		return
	}
	from := ""
	if c.Campaign != nil {
		from = c.Campaign.Reference
	}
	c.Campaign = &k
	c.note(by, at, KindJoined, from, k.Reference, "", k.ID)
}

// Leave takes the case out of its campaign.
func (c *Case) Leave(by By, at time.Time, reason string) {
	if c.Campaign == nil {
		return
	}
	c.note(by, at, KindLeft, c.Campaign.Reference, "", reason, c.Campaign.ID)
	c.Campaign = nil
}

// Let answers whether by might do action on the case at a time, as the desk does.
func (c *Case) Let(by By, at time.Time, action actor.Action) error {
	return may(by, at, action, c.Object())
}
