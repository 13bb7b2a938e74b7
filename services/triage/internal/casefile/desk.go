// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Store keeps cases. Every change is one transaction with its timeline, its
// events and its audit.
type Store interface {
	// Open stores the case that build makes of a new id and reference.
	Open(ctx context.Context, by By, at time.Time, build func(id, reference string) *Case) error
	// Update locks the named cases, lets change work on them in the given order
	// and stores those that changed. NotFound when one is missing.
	Update(ctx context.Context, by By, at time.Time, ids []string, change func(cases []*Case) error) error
	// Find returns the id of the case that an id or reference names. NotFound when none does.
	Find(ctx context.Context, idOrReference string) (string, error)
	// Opened reports whether the report of the affected body has its case. It
	// keeps everything about the report in line until the transaction ends.
	Opened(ctx context.Context, report string, affected event.Organisation) (bool, error)
	// Holding returns the cases that hold the report of the affected body now,
	// after merges; all of the report when the body is unknown. It keeps the
	// report in line as Opened does.
	Holding(ctx context.Context, report string, affected event.Organisation) ([]string, error)
	// OpenOf returns the unfinished cases of an organisation that do not say yet
	// that successor took over from it.
	OpenOf(ctx context.Context, organisation, successor string) ([]string, error)
	// Park keeps a fact that came before its report; Parked takes what waited.
	Park(ctx context.Context, report string, e event.Event) error
	Parked(ctx context.Context, report string) ([]event.Event, error)
	// Dossier reads everything about a case, and writes that it was read.
	Dossier(ctx context.Context, by By, at time.Time, id string, w Window) (Dossier, error)
	// Attachment reads where a file lies, and writes that it was opened.
	Attachment(ctx context.Context, by By, at time.Time, id, attachment string) (Attachment, error)
	// List returns a page of summaries; a search writes that it was made.
	List(ctx context.Context, by By, f Filter) (List, error)
	// Summary returns one line of the list.
	Summary(ctx context.Context, id string) (Summary, error)
	// Since returns the timeline of a case after a version.
	Since(ctx context.Context, id string, version int) ([]Entry, error)
	// Numbers, Weeks, Kreise and Alert feed the figures around the queue.
	Numbers(ctx context.Context, r Reader, person string, now time.Time) (Numbers, error)
	// With noRed they count a TLP:RED case without its class and its Kreis.
	Weeks(ctx context.Context, r Reader, noRed bool, from time.Time) (Weeks, error)
	Kreise(ctx context.Context, r Reader, noRed bool) (map[string]int, error)
	Alert(ctx context.Context, now time.Time) (*Alert, error)
	// PutAlert and PutAnswer keep the copy of alerts and answers; an older one is a no-op.
	PutAlert(ctx context.Context, a event.Alert) error
	PutAnswer(ctx context.Context, p event.PollAnswered) error
	// Changes returns what happened after seq, oldest first, and Last the end.
	Changes(ctx context.Context, seq int64, limit int) ([]Change, error)
	Last(ctx context.Context) (int64, error)
	HoldStore
	LockStore
}

// Directory knows who may work on cases and which bodies there are.
type Directory interface {
	Worker(id string) (event.Person, bool)
	Body(agsOrID string) (event.Organisation, bool)
}

// Campaigns says which campaign the case of a report belongs to, and makes it
// when the report is about more than one body. nil: none.
type Campaigns interface {
	Gather(ctx context.Context, r event.ReportSubmitted) (*event.CampaignRef, error)
}

// Desk is what can be done with cases. Pages, the API and events all come here,
// so that each rule and each permission is checked once.
type Desk struct {
	Store     Store
	Directory Directory
	Campaigns Campaigns // nil: no report makes a campaign
	Rules     duty.Rules
	Now       func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// may answers NotFound to who may not even know that cases exist, and Forbidden
// to a colleague whose role does not reach this far. TLP:RED is for who showed
// the second factor a moment ago.
func may(by By, at time.Time, action actor.Action, o actor.Object) error {
	switch {
	case by.May(action, o).Allowed && by.MustStepUp(action, o, at):
		return fault.New(fault.StepUpRequired, "this case is TLP:RED: please confirm with your second factor first")
	case by.May(action, o).Allowed:
		return nil
	case by.May(actor.CaseRead, o).Allowed:
		return fault.New(fault.Forbidden, "your role does not allow this on the case")
	}
	return notThere()
}

// change does one step on one case.
func (d *Desk) change(ctx context.Context, by By, idOrRef string, seen int, action actor.Action, step func(c *Case, at time.Time) error) (string, error) {
	id, err := d.find(ctx, by, idOrRef)
	if err != nil {
		return "", err
	}
	at := d.now()
	return id, d.Store.Update(ctx, by, at, []string{id}, func(cs []*Case) error {
		c := cs[0]
		if err := may(by, at, action, c.Object()); err != nil {
			return err
		}
		if err := c.Seen(seen); err != nil {
			return err
		}
		return step(c, at)
	})
}

// Take gives the case to by.
func (d *Desk) Take(ctx context.Context, by By, ref string, seen int) (string, error) {
	return d.change(ctx, by, ref, seen, actor.CaseTake, func(c *Case, at time.Time) error { return c.Take(by, at) })
}

// Assign gives the case to a person, "" to nobody. To oneself it is Take, unless
// somebody else has the case.
func (d *Desk) Assign(ctx context.Context, by By, ref string, seen int, person, reason string) (string, error) {
	var to *event.Person
	if person != "" {
		p, ok := d.Directory.Worker(person)
		if !ok {
			return "", oneField("assignee", "triage.err.assignee", "is nobody who works on cases")
		}
		to = &p
	}
	return d.change(ctx, by, ref, seen, actor.CaseAssign, func(c *Case, at time.Time) error {
		if to != nil && to.ID == by.Actor.Person && c.Assignee == nil {
			return c.Take(by, at)
		}
		return c.Assign(by, at, to, reason)
	})
}

// Move takes a step of the state machine.
func (d *Desk) Move(ctx context.Context, by By, ref string, seen int, m Move) (string, error) {
	return d.change(ctx, by, ref, seen, actor.CaseEdit, func(c *Case, at time.Time) error { return c.Move(by, at, m) })
}

// Classify overrides severity, class, TLP or title.
func (d *Desk) Classify(ctx context.Context, by By, ref string, seen int, k Classify) (string, error) {
	return d.change(ctx, by, ref, seen, actor.CaseClassify, func(c *Case, at time.Time) error {
		if err := c.Classify(by, at, k); err != nil {
			return err
		}
		return may(by, at, actor.CaseClassify, c.Object()) // who makes it RED must be able to read on
	})
}

// Verify confirms the organisation; body is empty or one of the register.
func (d *Desk) Verify(ctx context.Context, by By, ref string, seen int, body string) (string, error) {
	var org *event.Organisation
	if body != "" {
		o, ok := d.Directory.Body(body)
		if !ok {
			return "", oneField("organisation", "triage.err.organisation", "is no body of the register")
		}
		org = &o
	}
	return d.change(ctx, by, ref, seen, actor.CaseClassify, func(c *Case, at time.Time) error { return c.Verify(by, at, org) })
}

// Post writes to the reporter.
func (d *Desk) Post(ctx context.Context, by By, ref string, seen int, p Post) (m Message, err error) {
	_, err = d.change(ctx, by, ref, seen, actor.CaseMessage, func(c *Case, at time.Time) error {
		m, err = c.Post(by, at, p)
		return err
	})
	return m, err
}

// Note writes an internal note.
func (d *Desk) Note(ctx context.Context, by By, ref string, seen int, words string, answered bool) (n Note, err error) {
	_, err = d.change(ctx, by, ref, seen, actor.CaseNote, func(c *Case, at time.Time) error {
		n, err = c.Note(by, at, words, answered)
		return err
	})
	return n, err
}

// Merge joins a case into target, both locked together. It returns the target's id.
func (d *Desk) Merge(ctx context.Context, by By, ref string, seen int, target, reason string) (string, error) {
	id, err := d.find(ctx, by, ref)
	if err != nil {
		return "", err
	}
	into, err := d.find(ctx, by, target)
	if fault.Is(err, fault.NotFound) {
		return "", oneField("target", "triage.err.merge.target", "names no case")
	}
	if err != nil {
		return "", err
	}
	if id == into {
		return "", oneField("target", "triage.err.merge.self", "is the case itself")
	}
	return into, d.together(ctx, by, []string{id, into}, reason, func(cs []*Case, at time.Time) error {
		for _, c := range cs {
			if err := may(by, at, actor.CaseMerge, c.Object()); err != nil {
				return err
			}
		}
		if err := cs[0].Seen(seen); err != nil {
			return err
		}
		return cs[0].Merge(by, at, cs[1], reason)
	})
}

// Dossier opens a case, or exports it: everything about it, of its lists a
// window, and one line in the audit.
func (d *Desk) Dossier(ctx context.Context, by By, ref string, w Window) (Dossier, error) {
	action := actor.CaseRead
	if by.Export {
		action = actor.CaseExport
	}
	at := d.now()
	if err := may(by, at, action, actor.Object{}); err != nil {
		return Dossier{}, err
	}
	id, err := d.Store.Find(ctx, ref)
	if err != nil {
		return Dossier{}, err
	}
	s, err := d.Store.Summary(ctx, id)
	if err != nil {
		return Dossier{}, err
	}
	if err := may(by, at, action, s.Object()); err != nil {
		return Dossier{}, err
	}
	out, err := d.Store.Dossier(ctx, by, at, id, w)
	if err == nil { // it may have been locked, or become RED, since
		err = may(by, at, action, out.Object())
	}
	if err != nil {
		return Dossier{}, err
	}
	// That a TLP:RED case is of the same organisation would say whose it is.
	out.Siblings = slices.DeleteFunc(out.Siblings, func(s Summary) bool { return by.MustStepUp(action, s.Object(), at) })
	return out, nil
}

// Attachment opens a file of a case: who may, and where it lies.
func (d *Desk) Attachment(ctx context.Context, by By, ref, attachment string) (Attachment, error) {
	id, err := d.Store.Find(ctx, ref)
	if err != nil {
		return Attachment{}, err
	}
	s, err := d.Store.Summary(ctx, id)
	if err != nil {
		return Attachment{}, err
	}
	at := d.now()
	if err := may(by, at, actor.CaseAttachment, s.Object()); err != nil {
		return Attachment{}, err
	}
	a, err := d.Store.Attachment(ctx, by, at, id, attachment)
	if err == nil && a.DestroyedAt != nil {
		return Attachment{}, fault.New(fault.NotFound, "the file was destroyed when its period ended")
	}
	return a, err
}

// List returns a page of the queue or of all cases.
func (d *Desk) List(ctx context.Context, by By, f Filter) (List, error) {
	action := actor.CaseQueue
	if f.Query != "" {
		action = actor.CaseSearch
	}
	if !by.View(action).Everything {
		return List{}, fault.New(fault.NotFound, "there is nothing here")
	}
	if err := f.Check(); err != nil {
		return List{}, err
	}
	f.Now, f.Mine = d.now(), by.Actor.Person
	f.NoRed, f.Reader = f.Hides() && by.MustStepUp(action, actor.Object{Red: true}, f.Now), by.Reader(action)
	l, err := d.Store.List(ctx, by, f)
	for i := range l.Items {
		l.Items[i] = l.Items[i].For(by, f.Now)
	}
	return l, err
}

// Line returns one line of the list as it is now.
func (d *Desk) Line(ctx context.Context, by By, ref string) (Summary, error) {
	id, err := d.find(ctx, by, ref)
	if err != nil {
		return Summary{}, err
	}
	s, err := d.Store.Summary(ctx, id)
	if err != nil {
		return Summary{}, err
	}
	if s.Locked && !by.May(actor.CaseRead, s.Object()).Allowed { // since it was found
		return Summary{}, notThere()
	}
	return s.For(by, d.now()), nil
}
