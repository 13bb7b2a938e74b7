// SPDX-License-Identifier: EUPL-1.2

// Package feed turns what happens elsewhere into notices: the receipt of a
// report, the word to a body that its provider reported for, the pointer to a
// message, the call to the duty, the invitation, what the directory wants said.
// It keeps only what a mail or a draft needs, and no description of any incident.
package feed

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

// Notes is where notices and copies are kept.
type Notes interface {
	Say(ctx context.Context, n message.Notice, to []message.To) error
	KeepContact(ctx context.Context, c message.Contact) error
	Contacts(ctx context.Context, reports []string) ([]message.Contact, error)
	KeepCase(ctx context.Context, c event.Case) (fresh bool, err error)
	// Bodies that a provider reported for, and whom they want asked.
	KeepMember(ctx context.Context, m message.Member) error
	// A body's takeovers and the questions about it wait for each other: KeepTakeover
	// and Member keep the body in line until the transaction ends. KeepTakeover
	// reports whether nothing newer was known.
	KeepTakeover(ctx context.Context, m message.Member, at time.Time) (bool, error)
	Member(ctx context.Context, report, organisation string) (message.Member, bool, error)
	// Succeed gives the settings about warnings to the body that took over.
	Succeed(ctx context.Context, e event.OrganisationSucceeded) error
	// SayTogether is Say to one recipient; said before, the notice also points to what it asks now.
	SayTogether(ctx context.Context, n message.Notice, to message.To) error
	// Asked are the messages about a body that were written after since and told already.
	Asked(ctx context.Context, report, organisation string, since time.Time) ([]message.Told, error)
}

// People knows who somebody is and what they may; the register.
type People interface {
	Person(id string) (register.Person, bool)
	ActorOf(person string) (actor.Actor, bool)
	Organisation(id string) (register.Organisation, bool)
	Successor(agsOrID string) (former, successor register.Organisation, ok bool)
	People(organisation string, roles ...actor.Role) []register.Person
}

// Feed handles events. On binds the notes to the transaction of the event.
type Feed struct {
	On     func(tx pg.DB) Notes
	People People
	Now    func() time.Time
}

// Consumers are the durable readers of this service, without their database.
func (f Feed) Consumers() []bus.Consumer {
	return []bus.Consumer{
		{Name: "notification-reports", Stream: bus.Reports, Subjects: []string{"report.submitted.>", "report.taken_over.>"}, Handle: f.Handle},
		{
			Name: "notification-cases", Stream: bus.Cases, Handle: f.Handle,
			Subjects: []string{"case.opened.>", "case.updated.>", "case.closed.>", "case.message.posted.>"},
		},
		{Name: "notification-invitations", Stream: bus.Directory, Subjects: []string{"directory.person.invited.>"}, Handle: f.Handle},
		{Name: "notification-successions", Stream: bus.Directory, Subjects: []string{"directory.organisation.succeeded.>"}, Handle: f.Handle},
		{Name: "notification-notices", Stream: bus.Directory, Subjects: []string{"directory.notice.wanted.>"}, Handle: f.Handle},
	}
}

// Handle takes one event inside the transaction that notes it as done.
func (f Feed) Handle(ctx context.Context, tx pg.DB, e event.Event) error {
	notes := f.On(tx)
	switch e.Type {
	case event.ReportSubmitted{}.Type():
		return with(e, func(r event.ReportSubmitted) error { return f.report(ctx, notes, r) })
	case event.ReportTakenOver{}.Type():
		return with(e, func(o event.ReportTakenOver) error { return f.takeover(ctx, notes, o) })
	case event.CaseOpened{}.Type():
		return with(e, func(c event.CaseOpened) error { return f.snapshot(ctx, notes, c.Case) })
	case event.CaseUpdated{}.Type():
		return with(e, func(c event.CaseUpdated) error { return f.snapshot(ctx, notes, c.Case) })
	case event.CaseClosed{}.Type():
		return with(e, func(c event.CaseClosed) error { return f.snapshot(ctx, notes, c.Case) })
	case event.CaseMessagePosted{}.Type():
		return with(e, func(m event.CaseMessagePosted) error { return f.question(ctx, notes, m) })
	case event.OrganisationSucceeded{}.Type():
		return with(e, func(s event.OrganisationSucceeded) error { return notes.Succeed(ctx, s) })
	case event.PersonInvited{}.Type():
		return with(e, func(p event.PersonInvited) error { return f.invitation(ctx, notes, e.ID, p) })
	case event.NoticeWanted{}.Type():
		return with(e, func(w event.NoticeWanted) error { return f.wanted(ctx, notes, w) })
	}
	return fault.New(fault.Invalid, "event %s of type %s is not for this service", e.ID, e.Type)
}

func with[T event.Payload](e event.Event, do func(T) error) error {
	p, err := event.Decode[T](e)
	if err != nil {
		return err
	}
	return do(p)
}

// report confirms a report to its reporter and remembers how to reach them.
// Triage takes no part in it.
func (f Feed) report(ctx context.Context, notes Notes, r event.ReportSubmitted) error {
	reporter := f.person(r.Reporter.ID)
	if r.Channel == "phone" || r.Channel == "mail" {
		reporter = nil // the CERT typed it: the receipt goes to who called
	}
	c := message.ContactOf(r, reporter)
	if err := notes.KeepContact(ctx, c); err != nil {
		return err
	}
	if !r.AddedLater { // the receipt of the report went out when it came
		if err := notes.Say(ctx, message.ReceiptOf(event.NewID(), r, f.Now()), c.To); err != nil {
			return err
		}
	}
	return f.member(ctx, notes, r)
}

func (f Feed) person(id string) *message.To {
	p, ok := f.People.Person(id)
	if !ok || !p.Active {
		return nil
	}
	to := recipient(p)
	return &to
}

func recipient(p register.Person) message.To {
	to := message.To{Email: p.Email, Name: p.Name, Language: p.Language, Person: p.ID}
	if to.Language != "en" {
		to.Language = "de"
	}
	if len(p.Memberships) > 0 {
		to.Organisation = p.Memberships[0].Organisation
	}
	return to
}

// snapshot keeps the newest state of a case and calls the duty when it is or
// becomes critical. Exercises call too: that is what they are for.
func (f Feed) snapshot(ctx context.Context, notes Notes, c event.Case) error {
	fresh, err := notes.KeepCase(ctx, c)
	if err != nil || !fresh || !message.NeedsCall(c) {
		return err
	}
	return notes.Say(ctx, message.OnCallOf(event.NewID(), c, f.Now()), f.duty(c))
}

// duty is who is called: everybody on duty, and who stands in for one who is
// away and may take cases; to a locked one only who may read it.
func (f Feed) duty(c event.Case) []message.To {
	o := actor.Object{Organisation: c.Organisation.ID, Locked: c.Locked}
	if c.Assignee != nil {
		o.Assignee = c.Assignee.ID
	}
	var to []message.To
	add := func(p register.Person) {
		known := slices.ContainsFunc(to, func(x message.To) bool { return strings.EqualFold(x.Email, p.Email) })
		if !known && alert.ValidEmail(p.Email) {
			to = append(to, recipient(p))
		}
	}
	for _, p := range f.People.People("", actor.Duty) {
		add(p)
		if d, ok := f.People.Person(p.StandIn(f.Now())); ok {
			if a, ok := f.People.ActorOf(d.ID); ok && a.May(actor.CaseTake, o).Allowed {
				add(d)
			}
		}
	}
	return to
}

// question points the reporters of a case to a new message.
func (f Feed) question(ctx context.Context, notes Notes, m event.CaseMessagePosted) error {
	reports := make([]string, len(m.Reports))
	for i, r := range m.Reports {
		reports[i] = r.ID
	}
	contacts, err := notes.Contacts(ctx, reports)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		if err := f.ask(ctx, notes, m, c); err != nil {
			return err
		}
	}
	return nil
}

// withDeputies adds who stands in for those who are away, if they may read the
// reports of the body that it is about: a colleague there, or at the agent. Where
// else the absent one works does not count.
func (f Feed) withDeputies(to []message.To, organisation string) []message.To {
	out := slices.Clone(to)
	for _, t := range to {
		p, ok := f.People.Person(t.Person)
		if !ok {
			continue
		}
		d, ok := f.People.Person(p.StandIn(f.Now()))
		known := slices.ContainsFunc(out, func(x message.To) bool { return strings.EqualFold(x.Email, d.Email) })
		if ok && !known && alert.ValidEmail(d.Email) && f.reads(d.ID, organisation) {
			x := recipient(d)
			if slices.ContainsFunc(d.Memberships, func(m event.Membership) bool { return m.Organisation == organisation }) {
				x.Organisation = organisation // whatever other bodies they work for
			}
			out = append(out, x)
		}
	}
	return out
}

// reads reports whether a person may read the reports of a body now.
func (f Feed) reads(person, organisation string) bool {
	a, ok := f.People.ActorOf(person)
	return ok && a.May(actor.ReportRead, actor.Object{Organisation: organisation}).Allowed
}

func (f Feed) invitation(ctx context.Context, notes Notes, eventID string, p event.PersonInvited) error {
	if !alert.ValidEmail(p.Email) {
		return fault.New(fault.Invalid, "person %s has no usable address", p.Person)
	}
	if f.Now().After(p.ExpiresAt) {
		return nil // a replay after a rebuild: the token opens nothing any more
	}
	to := message.To{Email: p.Email, Name: p.Name, Language: p.Language, Person: p.Person, Organisation: p.Organisation.ID}
	return notes.Say(ctx, message.InvitationOf(event.NewID(), eventID, p, f.Now()), []message.To{to})
}

// wanted mails what the directory wants said to one person or mailbox.
func (f Feed) wanted(ctx context.Context, notes Notes, w event.NoticeWanted) error {
	if !alert.ValidEmail(w.Email) || w.ID == "" || w.Kind == "" {
		return fault.New(fault.Invalid, "a notice of kind %q has no id or no usable address", w.Kind)
	}
	if w.ExpiresAt != nil && f.Now().After(*w.ExpiresAt) {
		return nil // a replay: what it says is over
	}
	to := message.To{Email: w.Email, Name: w.Name, Language: w.Language, Person: w.Person, Organisation: w.Organisation.ID}
	if to.Language != "en" {
		to.Language = "de"
	}
	return notes.Say(ctx, message.WantedOf(event.NewID(), w, f.Now()), []message.To{to})
}
