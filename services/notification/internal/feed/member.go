// SPDX-License-Identifier: EUPL-1.2

package feed

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// member tells a body that its provider reported for it, and remembers it: the
// body's people and whom the provider named there. Who cannot be reached by mail
// stands on the campaign's page of the CERT.
func (f Feed) member(ctx context.Context, notes Notes, r event.ReportSubmitted) error {
	if r.OnBehalf == "" || r.Affected.ID == "" {
		return nil
	}
	m := message.Member{Report: r.Report, Organisation: r.Affected.ID, Agent: f.agent(r)}
	if err := notes.KeepMember(ctx, m); err != nil {
		return err
	}
	return notes.Say(ctx, message.ReportedOf(event.NewID(), r, m.Agent, f.Now()), f.named(r, f.reach(r.Affected.ID)))
}

// named adds whom the provider named as this body's own contact: who is called
// should know why.
func (f Feed) named(r event.ReportSubmitted, to []message.To) []message.To {
	c := r.Callback
	known := slices.ContainsFunc(to, func(t message.To) bool { return strings.EqualFold(t.Email, c.Email) })
	if r.ReportContact == nil || known || !alert.ValidEmail(c.Email) || strings.EqualFold(c.Email, r.ReportContact.Email) {
		return to
	}
	own := message.To{Email: c.Email, Name: c.Name, Language: "de", Organisation: r.Affected.ID}
	if r.Language == "en" {
		own.Language = "en"
	}
	return append(to, own)
}

// agent is the name of who reported on a body's behalf.
func (f Feed) agent(r event.ReportSubmitted) string {
	if r.Agent != nil {
		return r.Agent.Name
	}
	if p, ok := f.People.Person(r.Reporter.ID); ok && len(p.Memberships) > 0 {
		if o, ok := f.People.Organisation(p.Memberships[0].Organisation); ok {
			return o.Name
		}
	}
	return r.Reporter.Name
}

// reach is how a body, or who took over from it, is told of something: its officers and who stands in for
// them, else who administers it, else the body's own address.
func (f Feed) reach(organisation string) []message.To {
	organisation, _ = f.heir(organisation)
	for _, role := range []actor.Role{actor.Officer, actor.OrgAdmin} {
		var to []message.To
		for _, p := range f.People.People(organisation, role) {
			if alert.ValidEmail(p.Email) {
				t := recipient(p)
				t.Organisation = organisation
				to = append(to, t)
			}
		}
		if len(to) > 0 {
			return f.withDeputies(to, organisation)
		}
	}
	o, ok := f.People.Organisation(organisation)
	if !ok || !alert.ValidEmail(o.Email) {
		return nil
	}
	return []message.To{{Email: o.Email, Name: o.Name, Language: "de", Organisation: organisation}}
}

// takeover makes the body's own contact the one that is asked; given back, it is
// the provider's again.
func (f Feed) takeover(ctx context.Context, notes Notes, o event.ReportTakenOver) error {
	m := message.Member{Report: o.Report, Organisation: o.Affected.ID}
	if !o.Returned {
		c := message.ContactOf(event.ReportSubmitted{Report: o.Report, Reference: o.Reference, Callback: o.Callback}, f.person(o.Author.ID))
		if m.To = c.To; len(m.To) == 0 {
			m.To = f.reach(o.Affected.ID)
		}
		for i := range m.To {
			m.To[i].Organisation = o.Affected.ID
		}
	}
	fresh, err := notes.KeepTakeover(ctx, m, o.At)
	if err != nil || !fresh {
		return err
	}
	return f.again(ctx, notes, m, o.At)
}

// again tells who is asked from now on what was written since the change and had
// gone to the other side before the change was known here.
func (f Feed) again(ctx context.Context, notes Notes, m message.Member, since time.Time) error {
	told, err := notes.Asked(ctx, m.Report, m.Organisation, since)
	if err != nil || len(told) == 0 {
		return err
	}
	contacts, err := notes.Contacts(ctx, []string{m.Report})
	if err != nil || len(contacts) == 0 {
		return err
	}
	member, known, err := notes.Member(ctx, m.Report, m.Organisation)
	if err != nil {
		return err
	}
	to, _ := f.answering(member, known, contacts[0])
	for _, q := range told {
		for _, t := range to {
			if slices.ContainsFunc(q.To, func(known string) bool { return strings.EqualFold(known, t.Email) }) {
				continue
			}
			if err := notes.Say(ctx, message.AgainOf(event.NewID(), q.Asked, contacts[0], t, f.Now()), []message.To{t}); err != nil {
				return err
			}
		}
	}
	return nil
}

// answering is who answers for a body, with who stands in for them: the body's
// own contact once it took over, else the reporter. Whether that is an agent.
func (f Feed) answering(member message.Member, known bool, c message.Contact) (to []message.To, agent bool) {
	to, agent = c.To, known && member.Agent != "" && !member.TakenOver()
	switch {
	case member.TakenOver():
		to = member.To
	case agent && !f.stillAgent(c, member.Organisation):
		// The mandate is over: it is the body's own business again. Without anybody
		// to mail the message waits in the report, and the CERT calls.
		if to, agent = f.reach(member.Organisation), false; len(to) == 0 {
			return nil, false
		}
	}
	heir, gone := f.heir(member.Organisation)
	if gone {
		to, agent = f.asked(to, heir), false
	}
	return f.withDeputies(to, heir), agent
}

// ask points who answers for a body to a new message; where that is its agent,
// the body gets a copy.
func (f Feed) ask(ctx context.Context, notes Notes, m event.CaseMessagePosted, c message.Contact) error {
	member, known, err := notes.Member(ctx, c.Report, m.Organisation.ID)
	if err != nil {
		return err
	}
	member.Organisation = m.Organisation.ID
	to, agent := f.answering(member, known, c)
	if err := f.point(ctx, notes, m, c, to, agent); err != nil || !agent {
		return err
	}
	return notes.Say(ctx, message.CopyOf(event.NewID(), m, c, member.Agent, f.Now()), f.reach(m.Organisation.ID))
}

// point says that there is a message: once to each of them, also where it was
// written to many cases at once.
func (f Feed) point(ctx context.Context, notes Notes, m event.CaseMessagePosted, c message.Contact, to []message.To, agent bool) error {
	if m.Batch == "" {
		return notes.Say(ctx, message.QuestionOf(event.NewID(), m, c, f.Now()), to)
	}
	for _, t := range to {
		if err := notes.SayTogether(ctx, message.BundleOf(event.NewID(), m, c, t, agent, f.Now()), t); err != nil {
			return err
		}
	}
	return nil
}

// stillAgent reports whether one of those who reported for a body may still read
// its reports: a mandate that ended, or lost that scope, ends the questions, too.
// An address that the agent gave without naming a person goes by the others'.
func (f Feed) stillAgent(c message.Contact, organisation string) bool {
	people := 0
	for _, t := range c.To {
		if t.Person == "" {
			continue
		}
		if people++; f.reads(t.Person, organisation) {
			return true
		}
	}
	return people == 0
}
