// SPDX-License-Identifier: EUPL-1.2

package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Store keeps campaigns. Every change is one transaction with the cases it
// touches, the timelines, the events and the audit.
type Store interface {
	// Find returns the id of the case that an id or reference names. NotFound when none does.
	Find(ctx context.Context, idOrReference string) (string, error)
	// Summary returns one line of the list of cases.
	Summary(ctx context.Context, id string) (casefile.Summary, error)
	// FindCampaign returns the id of the campaign that an id or reference names. NotFound when none does.
	FindCampaign(ctx context.Context, idOrReference string) (string, error)
	// OpenCampaign stores the campaign that build makes of a new reference and the locked cases.
	OpenCampaign(ctx context.Context, by casefile.By, at time.Time, cases []string, build func(reference string, cases []*casefile.Case) (*Campaign, error)) (*Campaign, error)
	// ChangeCampaign locks the campaign and the named cases and stores what change did.
	ChangeCampaign(ctx context.Context, by casefile.By, at time.Time, id string, cases []string, change func(k *Campaign, cases []*casefile.Case) error) error
	// GatheredCampaign returns the campaign of a report, nil when there is none, and
	// the report's cases that are in none. The caller has the report in line.
	GatheredCampaign(ctx context.Context, id, report string) (*Campaign, []string, error)
	// HoldsRed reports whether a case of the campaign is TLP:RED.
	HoldsRed(ctx context.Context, id string) (bool, error)
	// OpenCases counts a campaign's cases that have not ended, and names the first
	// few that the reader may read.
	OpenCases(ctx context.Context, r casefile.Reader, id string) (n int, refs []string, err error)
	// Campaign reads a campaign with its figures and timeline, and writes that it
	// was read. Of cases that by may not read it says nothing.
	Campaign(ctx context.Context, by casefile.By, at time.Time, id string) (Overview, error)
	// Campaigns returns a page of the list, newest first.
	Campaigns(ctx context.Context, f Filter) (List, error)
	// Order stores a job for the cases that fit.
	Order(ctx context.Context, by casefile.By, at time.Time, j Job, w Which, change func(k *Campaign, total int) error) (Job, error)
	// Count returns how many cases an order would touch.
	Count(ctx context.Context, r casefile.Reader, id string, w Which) (int, error)
	// Job reads a job of a campaign, and of its cases those that the reader may read. NotFound.
	Job(ctx context.Context, r casefile.Reader, campaign, id string) (Job, error)
	// Jobs are the newest of a campaign.
	Jobs(ctx context.Context, campaign string) ([]Job, error)
	// Work does one batch of the oldest job that waits, and reports whether there was one.
	Work(ctx context.Context, at time.Time, step func(j Job, cases []*casefile.Case) []string) (bool, error)
}

// Directory knows who may work on cases, who somebody is, and whom a body can
// be reached by.
type Directory interface {
	Worker(id string) (event.Person, bool)
	ActorOf(person string) (actor.Actor, bool)
}

// Desk is what can be done with campaigns. Pages, the API and events come here.
type Desk struct {
	Store     Store
	Directory Directory
	Now       func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

var system = casefile.By{Actor: actor.System("triage")}

// Gather returns the campaign of a report about several bodies, and makes it
// with the first of its events, whichever that is. A body that was added to a
// report about one makes one too, and the first case joins. A closed campaign
// opens again.
func (d *Desk) Gather(ctx context.Context, r event.ReportSubmitted) (*event.CampaignRef, error) {
	id := IDOf(r.Report)
	k, alone, err := d.Store.GatheredCampaign(ctx, id, r.Report)
	if err != nil || k == nil && !Gathers(r) {
		return nil, err
	}
	at := d.now()
	if k == nil {
		k, err = d.Store.OpenCampaign(ctx, system, at, alone, func(reference string, cases []*casefile.Case) (*Campaign, error) {
			k := FromReport(system, at, reference, r)
			for _, c := range cases {
				c.Join(system, at, k.Ref())
			}
			return k, nil
		})
		if err != nil {
			return nil, err
		}
	} else if k.State == Closed || r.AddedLater || r.AffectedTotal > k.Expected {
		err = d.Store.ChangeCampaign(ctx, system, at, id, nil, func(k *Campaign, _ []*casefile.Case) error {
			return k.grow(system, at, r)
		})
		if err != nil {
			return nil, err
		}
	}
	ref := k.Ref()
	return &ref, nil
}

// grow takes in that one more body is affected.
func (k *Campaign) grow(by casefile.By, at time.Time, r event.ReportSubmitted) error {
	k.Expected = max(k.Expected, r.AffectedTotal)
	if k.State == Closed {
		if err := k.Reopen(by, at, ""); err != nil {
			return err
		}
	}
	k.note(by, at, KindAdded, "", r.Affected.Name, "", r.Reference)
	return nil
}

// Create makes a campaign of cases that belong together.
func (d *Desk) Create(ctx context.Context, by casefile.By, title string, cases []string) (*Campaign, error) {
	if err := may(by, d.now(), actor.CampaignEdit, actor.Object{}); err != nil {
		return nil, err
	}
	ids, err := d.ids(ctx, by, cases)
	if err != nil {
		return nil, err
	}
	at := d.now()
	return d.Store.OpenCampaign(ctx, by, at, ids, func(reference string, cs []*casefile.Case) (*Campaign, error) {
		if err := readable(by, cs); err != nil {
			return nil, err
		}
		for _, c := range cs {
			if c.Campaign != nil {
				return nil, field("cases", "triage.campaign.err.taken", "case "+c.Reference+" belongs to "+c.Campaign.Reference)
			}
			if c.State == casefile.Merged {
				return nil, fault.New(fault.Conflict, "case %s was merged into another one", c.Reference)
			}
		}
		return ByHand(by, at, reference, title, cs)
	})
}

// ids are those of the cases that a person named, each once.
func (d *Desk) ids(ctx context.Context, by casefile.By, refs []string) ([]string, error) {
	if len(refs) == 0 {
		return nil, field("cases", "triage.campaign.err.nocase", "name at least one case")
	}
	if len(refs) > MaxByHand {
		return nil, field("cases", "triage.campaign.err.many", fmt.Sprintf("at most %d cases at once", MaxByHand))
	}
	var out []string
	for _, ref := range refs {
		id, err := d.find(ctx, by, strings.TrimSpace(ref))
		if fault.Is(err, fault.NotFound) {
			return nil, field("cases", "triage.err.merge.target", "there is no case "+fmt.Sprintf("%.40q", ref))
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// find returns the id of a case. One that by may not read looks like one that is
// not there.
func (d *Desk) find(ctx context.Context, by casefile.By, ref string) (string, error) {
	id, err := d.Store.Find(ctx, ref)
	if err != nil || by.Reader(actor.CaseRead) == casefile.AllReaders {
		return id, err
	}
	s, err := d.Store.Summary(ctx, id)
	if err == nil && s.Locked && !by.May(actor.CaseRead, s.Object()).Allowed {
		return "", fault.New(fault.NotFound, "there is no such case")
	}
	return id, err
}

// readable asks again when the cases are held: one may have been locked meanwhile.
func readable(by casefile.By, cs []*casefile.Case) error {
	for _, c := range cs {
		if c.Locked && !by.May(actor.CaseRead, c.Object()).Allowed {
			return fault.New(fault.NotFound, "there is no such case")
		}
	}
	return nil
}

// reach returns the id of the campaign that an id or reference names, to who may
// do action there. One that holds a TLP:RED case is read, and changed, only by who
// showed the second factor a moment ago.
func (d *Desk) reach(ctx context.Context, by casefile.By, ref string, action actor.Action) (string, error) {
	if err := may(by, d.now(), action, actor.Object{}); err != nil {
		return "", err
	}
	id, err := d.Store.FindCampaign(ctx, ref)
	if err != nil {
		return "", err
	}
	red, err := d.Store.HoldsRed(ctx, id)
	if err != nil {
		return "", err
	}
	return id, may(by, d.now(), action, actor.Object{Red: red})
}

// change does one step on a campaign and some cases.
func (d *Desk) change(ctx context.Context, by casefile.By, ref string, seen int, cases []string, step func(k *Campaign, cs []*casefile.Case, at time.Time) error) (string, error) {
	id, err := d.reach(ctx, by, ref, actor.CampaignEdit)
	if err != nil {
		return "", err
	}
	at := d.now()
	return id, d.Store.ChangeCampaign(ctx, by, at, id, cases, func(k *Campaign, cs []*casefile.Case) error {
		if err := readable(by, cs); err != nil {
			return err
		}
		if err := k.Seen(seen); err != nil {
			return err
		}
		return step(k, cs, at)
	})
}

// Add puts cases into the campaign.
func (d *Desk) Add(ctx context.Context, by casefile.By, ref string, seen int, cases []string, reason string) (string, error) {
	if err := may(by, d.now(), actor.CampaignEdit, actor.Object{}); err != nil {
		return "", err
	}
	ref, err := d.Store.FindCampaign(ctx, ref)
	if err != nil {
		return "", err
	}
	ids, err := d.ids(ctx, by, cases)
	if err != nil {
		return "", err
	}
	return d.change(ctx, by, ref, seen, ids, func(k *Campaign, cs []*casefile.Case, at time.Time) error {
		return k.Take(by, at, cs, reason)
	})
}

// Remove takes a case out of the campaign.
func (d *Desk) Remove(ctx context.Context, by casefile.By, ref string, seen int, oneCase, reason string) (string, error) {
	if err := may(by, d.now(), actor.CampaignEdit, actor.Object{}); err != nil {
		return "", err
	}
	id, err := d.find(ctx, by, oneCase)
	if err != nil {
		return "", err
	}
	return d.change(ctx, by, ref, seen, []string{id}, func(k *Campaign, cs []*casefile.Case, at time.Time) error {
		return k.Release(by, at, cs[0], reason)
	})
}

// Rename gives the campaign another title.
func (d *Desk) Rename(ctx context.Context, by casefile.By, ref string, seen int, title string) (string, error) {
	return d.change(ctx, by, ref, seen, nil, func(k *Campaign, _ []*casefile.Case, at time.Time) error { return k.Rename(by, at, title) })
}

// Assign makes a person the one who leads the work; "" makes it nobody.
func (d *Desk) Assign(ctx context.Context, by casefile.By, ref string, seen int, person string) (string, error) {
	to, err := d.worker(person)
	if err != nil {
		return "", err
	}
	return d.change(ctx, by, ref, seen, nil, func(k *Campaign, _ []*casefile.Case, at time.Time) error { return k.Assign(by, at, to) })
}

func (d *Desk) worker(person string) (*event.Person, error) {
	if person == "" {
		return nil, nil
	}
	p, ok := d.Directory.Worker(person)
	if !ok {
		return nil, field("assignee", "triage.err.assignee", "is nobody who works on cases")
	}
	return &p, nil
}

// Note writes an internal note.
func (d *Desk) Note(ctx context.Context, by casefile.By, ref, text string) (string, error) {
	return d.change(ctx, by, ref, 0, nil, func(k *Campaign, _ []*casefile.Case, at time.Time) error { return k.Note(by, at, text) })
}

// Close ends the campaign, when all its cases have ended.
func (d *Desk) Close(ctx context.Context, by casefile.By, ref string, seen int, reason string) (string, error) {
	return d.change(ctx, by, ref, seen, nil, func(k *Campaign, _ []*casefile.Case, at time.Time) error {
		n, open, err := d.Store.OpenCases(ctx, by.Reader(actor.CaseRead), k.ID)
		if err != nil {
			return err
		}
		return k.Close(by, at, reason, n, open)
	})
}

// Reopen takes the work up again.
func (d *Desk) Reopen(ctx context.Context, by casefile.By, ref string, seen int, reason string) (string, error) {
	return d.change(ctx, by, ref, seen, nil, func(k *Campaign, _ []*casefile.Case, at time.Time) error { return k.Reopen(by, at, reason) })
}

// Read opens a campaign, or exports it: one line in the audit.
func (d *Desk) Read(ctx context.Context, by casefile.By, ref string) (Overview, error) {
	action := actor.CampaignRead
	if by.Export {
		action = actor.CaseExport
	}
	id, err := d.reach(ctx, by, ref, action)
	if err != nil {
		return Overview{}, err
	}
	return d.Store.Campaign(ctx, by, d.now(), id)
}

// List returns a page of campaigns.
func (d *Desk) List(ctx context.Context, by casefile.By, f Filter) (List, error) {
	if err := may(by, d.now(), actor.CampaignRead, actor.Object{}); err != nil {
		return List{}, err
	}
	if err := f.check(); err != nil {
		return List{}, err
	}
	f.Now, f.Reader = d.now(), by.Reader(actor.CaseRead)
	l, err := d.Store.Campaigns(ctx, f)
	for i := range l.Items {
		if l.Items[i].Red > 0 && by.MustStepUp(actor.CampaignRead, actor.Object{Red: true}, f.Now) {
			l.Items[i].Title = "" // as the queue shows a TLP:RED case
		}
	}
	return l, err
}

// Order begins a change of many cases at once. Desk.Work does it, batch by batch.
func (d *Desk) Order(ctx context.Context, by casefile.By, ref, kind string, o Order, w Which) (Job, error) {
	id, err := d.reach(ctx, by, ref, actor.CampaignEdit)
	if err != nil {
		return Job{}, err
	}
	if err := may(by, d.now(), action(kind), actor.Object{}); err != nil {
		return Job{}, err
	}
	if err := o.check(kind); err != nil {
		return Job{}, err
	}
	if kind == JobAssign && o.Assignee != "" {
		p, err := d.worker(o.Assignee)
		if err != nil {
			return Job{}, err
		}
		o.Name = p.Name
	}
	o.StepUpUntil = by.StepUpUntil
	at := d.now()
	j := Job{ID: event.NewID(), Campaign: id, Kind: kind, Order: o, By: by.Person(), Request: by.Request, CreatedAt: at}
	return d.Store.Order(ctx, by, at, j, w, func(k *Campaign, total int) error {
		if total == 0 {
			return field("cases", "triage.campaign.err.none", "no case of the campaign fits")
		}
		k.note(by, at, KindOrdered, fmt.Sprint(total), kind, o.Reason, j.ID)
		return nil
	})
}

// Count says how many cases an order would touch.
func (d *Desk) Count(ctx context.Context, by casefile.By, ref string, w Which) (int, error) {
	id, err := d.reach(ctx, by, ref, actor.CampaignRead)
	if err != nil {
		return 0, err
	}
	return d.Store.Count(ctx, by.Reader(actor.CaseRead), id, w)
}

// Job reads how far a change of many cases is.
func (d *Desk) Job(ctx context.Context, by casefile.By, ref, job string) (Job, error) {
	id, err := d.reach(ctx, by, ref, actor.CampaignRead)
	if err != nil {
		return Job{}, err
	}
	return d.Store.Job(ctx, by.Reader(actor.CaseRead), id, job)
}

// Work does one batch of what was ordered and reports whether there was any.
func (d *Desk) Work(ctx context.Context) (bool, error) {
	at := d.now()
	return d.Store.Work(ctx, at, func(j Job, cases []*casefile.Case) []string { return j.Step(d.Directory.ActorOf, at, cases) })
}
