// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// system is who acts when an event changes a case.
var system = By{Actor: actor.System("triage")}

// Reported opens the case of one report of one body, and adds what came before it.
func (d *Desk) Reported(ctx context.Context, r event.ReportSubmitted) error {
	if err := CheckReport(r); err != nil {
		return err
	}
	known, err := d.Store.Opened(ctx, r.Report, r.Affected)
	if err != nil {
		return err
	}
	if known {
		return nil // the same fact under another event id
	}
	at := d.now()
	var together *event.CampaignRef
	if d.Campaigns != nil {
		if together, err = d.Campaigns.Gather(ctx, r); err != nil {
			return err
		}
	}
	if err := d.Store.Open(ctx, system, at, func(id, reference string) *Case {
		c := Open(system, at, id, reference, d.Rules, r)
		if together != nil {
			c.Join(system, at, *together)
		}
		return c
	}); err != nil {
		return err
	}
	waiting, err := d.Store.Parked(ctx, r.Report)
	if err != nil {
		return err
	}
	for _, e := range waiting {
		if err := d.Fact(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Fact adds a fact of the reporter's side to the cases that hold its report. A
// fact that comes before its report waits for it.
func (d *Desk) Fact(ctx context.Context, e event.Event) error {
	f, err := factOf(e)
	if err != nil {
		return err
	}
	ids, err := d.Store.Holding(ctx, f.report, f.affected)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return d.Store.Park(ctx, f.report, e)
	}
	at := d.now()
	return d.Store.Update(ctx, system, at, ids, func(cs []*Case) error {
		for _, c := range cs {
			if c.State == Merged { // a moment ago: the next try finds the other case
				return fault.New(fault.Unavailable, "case %s was merged just now", c.Reference)
			}
			f.apply(c, at)
		}
		return nil
	})
}

// fact is what the facts about a report have in common.
type fact struct {
	report   string
	affected event.Organisation
	apply    func(c *Case, at time.Time)
}

func factOf(e event.Event) (fact, error) {
	switch e.Type {
	case event.ReportMessagePosted{}.Type():
		m, err := event.Decode[event.ReportMessagePosted](e)
		return fact{m.Report, m.Affected, func(c *Case, at time.Time) { c.Receive(system, at, m) }}, err
	case event.ReportAttachmentAdded{}.Type():
		a, err := event.Decode[event.ReportAttachmentAdded](e)
		return fact{a.Report, a.Affected, func(c *Case, at time.Time) { c.Attach(system, at, a) }}, err
	case event.ReportTakenOver{}.Type():
		o, err := event.Decode[event.ReportTakenOver](e)
		return fact{o.Report, o.Affected, func(c *Case, at time.Time) { c.TakeOver(system, at, o) }}, err
	case event.ReportContradicted{}.Type():
		o, err := event.Decode[event.ReportContradicted](e)
		return fact{o.Report, o.Affected, func(c *Case, at time.Time) { c.Contradict(system, at, o) }}, err
	}
	s, err := event.Decode[event.ReportSupplemented](e)
	return fact{s.Report, s.Affected, func(c *Case, at time.Time) { c.Supplement(system, at, s) }}, err
}

// Alerted keeps the copy of an alert, and tells the case it grew out of.
func (d *Desk) Alerted(ctx context.Context, a event.Alert) error {
	if err := d.Store.PutAlert(ctx, a); err != nil {
		return err
	}
	return d.tell(ctx, a.CaseID, func(c *Case, at time.Time) { c.Alerted(system, at, a) })
}

// Answered keeps the copy of an answer to a poll.
func (d *Desk) Answered(ctx context.Context, p event.PollAnswered) error {
	return d.Store.PutAnswer(ctx, p)
}

// Undelivered flags the case whose message did not arrive. A delivery that is
// about no case of ours is notification's business alone.
func (d *Desk) Undelivered(ctx context.Context, f event.DeliveryFailed) error {
	return d.tell(ctx, f.Case, func(c *Case, at time.Time) { c.Undelivered(system, at, f) })
}

// Succeeded tells the open cases of a body that is gone who took over: whoever
// works on them asks there from now on. The name stays, as do the closed ones.
func (d *Desk) Succeeded(ctx context.Context, e event.OrganisationSucceeded) error {
	ids, err := d.Store.OpenOf(ctx, e.Predecessor.ID, e.Successor.ID)
	if err != nil || len(ids) == 0 {
		return err
	}
	at := d.now()
	return d.Store.Update(ctx, system, at, ids, func(cs []*Case) error {
		for _, c := range cs {
			c.note(system, at, KindSucceeded, e.Predecessor.Name, e.Successor.Name, "", e.Successor.ID)
		}
		return nil
	})
}

// tell changes the case with the id, when there is one.
func (d *Desk) tell(ctx context.Context, id string, change func(c *Case, at time.Time)) error {
	if id == "" {
		return nil
	}
	id, err := d.Store.Find(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	at := d.now()
	return d.Store.Update(ctx, system, at, []string{id}, func(cs []*Case) error {
		change(cs[0], at)
		return nil
	})
}
