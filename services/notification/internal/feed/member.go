// SPDX-License-Identifier: EUPL-1.2

package feed

import (
	"context"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// member tells a body that its provider reported for it, and remembers it. Who
// cannot be reached by mail stands on the campaign's page of the CERT.
func (f Feed) member(ctx context.Context, notes Notes, r event.ReportSubmitted) error {
	if r.OnBehalf == "" || r.Affected.ID == "" {
		return nil
	}
	m := message.Member{Report: r.Report, Organisation: r.Affected.ID, Agent: f.agent(r)}
	if err := notes.KeepMember(ctx, m); err != nil {
		return err
	}
	return notes.Say(ctx, message.ReportedOf(event.NewID(), r, m.Agent, f.Now()), f.reach(r.Affected.ID))
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
	return notes.KeepTakeover(ctx, m, o.At)
}

// ask points who answers for a body to a new message: the body's own contact
// once it took over, else the reporter; then the body gets a copy.
func (f Feed) ask(ctx context.Context, notes Notes, m event.CaseMessagePosted, c message.Contact) error {
	member, known, err := notes.Member(ctx, c.Report, m.Organisation.ID)
	if err != nil {
		return err
	}
	to := c.To
	switch {
	case member.TakenOver():
		to = member.To
	case known && member.Agent != "" && !f.stillAgent(c, m.Organisation.ID):
		// The mandate is over: it is the body's own business again.
		if to, member.Agent = f.reach(m.Organisation.ID), ""; len(to) == 0 {
			return nil // nobody to mail: the message waits in the report, and the CERT calls
		}
	}
	heir, gone := f.heir(m.Organisation.ID)
	if gone {
		to = f.asked(to, heir)
	}
	if err := notes.Say(ctx, message.QuestionOf(event.NewID(), m, c, f.Now()), f.withDeputies(to, heir)); err != nil {
		return err
	}
	if gone || !known || member.TakenOver() || member.Agent == "" {
		return nil
	}
	return notes.Say(ctx, message.CopyOf(event.NewID(), m, c, member.Agent, f.Now()), f.reach(m.Organisation.ID))
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
