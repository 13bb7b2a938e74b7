// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// asks is a question of the CERT about one body's report.
func (e *env) asks(report string, o event.Organisation) {
	e.t.Helper()
	e.publish(event.CaseMessagePosted{
		Case: event.NewID(), Reference: "V-2026-000147", Message: event.NewID(), Reports: []event.ReportRef{{ID: report, Reference: "M-2026-000123"}},
		Organisation: o, TLP: "AMBER", Text: "?", At: start,
	})
}

// sentTo counts the deliveries of a kind to an address in a state.
func sentTo(kind, email, state string) string {
	return `SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice
		WHERE n.kind = '` + kind + `' AND d.recipient = '` + email + `' AND d.state = '` + state + `'`
}

// reliability §2.5: who may get a mail is asked in the moment of sending, and
// the matrix answers. Who reported and may not read the report any more gets no
// pointer to it.
func TestAQuestionIsNotMailedToWhoMayNotReadItAnyMore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*event.PersonChanged){
		"works elsewhere now": func(p *event.PersonChanged) { p.Memberships[0].Organisation = elsewhere },
		"has another role":    func(p *event.PersonChanged) { p.Memberships[0].Role = string(actor.Steering) },
		"reported it and manages people elsewhere now": func(p *event.PersonChanged) {
			p.Memberships[0].Organisation, p.Memberships[0].Role = elsewhere, string(actor.OrgAdmin)
		},
		"is locked out":         func(p *event.PersonChanged) { p.Active = false },
		"belongs to no body":    func(p *event.PersonChanged) { p.Memberships = nil },
		"may read it as before": func(*event.PersonChanged) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			id, o := event.NewID(), body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref()
			e.publish(report(id, "", actor.Officer, o, 1))
			e.mails("officer@example.org", 1)
			p := event.PersonChanged{
				ID: personID(actor.Officer), Version: 2, Name: "Kim officer", Email: "officer@example.org", Active: true, Language: "de",
				Memberships: []event.Membership{{Organisation: muster, Role: string(actor.Officer)}},
			}
			change(&p)
			e.learn(p)
			e.knows(p)
			e.asks(id, o)
			want := "cancelled"
			if name == "may read it as before" || name == "reported it and manages people elsewhere now" { // one's own stays readable
				want = "sent"
			}
			e.count(sentTo("question", "officer@example.org", want), 1)
		})
	}
}

// Who took a part over reads it as an officer of the body, not as the reporter:
// with that role the questions end.
func TestWhoTookOverIsAskedNoMoreOnceTheyLeave(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 3)
	e.publish(event.ReportTakenOver{
		Report: reports[0].Report, Reference: reports[0].Reference, Affected: reports[0].Affected, Author: event.Person{ID: personID(actor.Officer)}, At: start,
	})
	e.count(`SELECT count(*) FROM report_members WHERE over_at IS NOT NULL`, 1)
	p := event.PersonChanged{
		ID: personID(actor.Officer), Version: 2, Name: "Kim officer", Email: "officer@example.org", Active: true, Language: "de",
		Memberships: []event.Membership{{Organisation: elsewhere, Role: string(actor.OrgAdmin)}},
	}
	e.learn(p)
	e.knows(p)
	e.asks(reports[0].Report, reports[0].Affected)
	e.count(sentTo("question", "officer@example.org", "cancelled"), 1)
}

// knows waits until the running service has the record.
func (e *env) knows(p event.PersonChanged) {
	e.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		if got, ok := e.Register.Person(p.ID); ok && got.Version == p.Version {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatal("the register does not learn the person")
		}
		<-e.Register.Changed()
	}
}

// A mandate that ends takes the questions with it: they go to the body's own
// people, also for a report that its agent sent.
func TestQuestionsLeaveTheAgentWithTheMandate(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 3)
	e.asks(reports[0].Report, reports[0].Affected)
	e.count(sentTo("question", "provider@example.org", "sent"), 1)
	e.count(sentTo("copy", "officer@example.org", "sent"), 1)
	ended := start.Add(-time.Minute)
	e.learn(event.MandateChanged{
		ID: "0190c000-0000-7000-8000-000000000000", Version: 2, Principal: muster, Agent: kiv,
		Scopes: []string{"report", "read", "alerts", "polls"}, From: start.AddDate(-1, 0, 0), RevokedAt: &ended,
	})
	for a, ok := e.Register.ActorOf(personID(actor.Provider)); ok && a.May(actor.ReportRead, actor.Object{Organisation: muster}).Allowed; {
		<-e.Register.Changed()
		a, ok = e.Register.ActorOf(personID(actor.Provider))
	}
	e.asks(reports[0].Report, reports[0].Affected)
	e.count(sentTo("question", "officer@example.org", "sent"), 1)
	e.count(sentTo("question", "provider@example.org", "sent"), 1)
	e.count(`SELECT count(*) FROM notices WHERE kind = 'copy'`, 1)
}

// Who stands in for one of a provider, or of the duty, gets the mails as well.
func TestDeputiesOfProvidersAndOfTheDutyAreMailed(t *testing.T) {
	t.Parallel()
	const second, backup, nobody = "0190b000-0000-7000-8000-0000000000a1", "0190b000-0000-7000-8000-0000000000a2", "0190b000-0000-7000-8000-0000000000a3"
	person := func(id, name, home string, role actor.Role) event.PersonChanged {
		return event.PersonChanged{
			ID: id, Version: 2, Name: name, Email: name + "@example.org", Active: true, Language: "de",
			Memberships: []event.Membership{{Organisation: home, Role: string(role)}},
		}
	}
	away := func(p event.PersonChanged, deputy string) event.PersonChanged {
		from, to := start.Add(-time.Hour), start.Add(time.Hour)
		p.AbsentFrom, p.AbsentTo, p.Deputy = &from, &to, deputy
		return p
	}
	other := person("0190b000-0000-7000-8000-0000000000a4", "duty2", cert, actor.Duty)
	e := newEnv(t,
		person(second, "second", kiv, actor.Provider), person(backup, "backup", cert, actor.Analyst), person(nobody, "nobody", cert, actor.Steering),
		away(person(personID(actor.Provider), "provider", kiv, actor.Provider), second),
		away(person(personID(actor.Duty), "duty", cert, actor.Duty), backup), away(other, nobody),
	)
	r := providerReport()[0]
	e.publish(r)
	e.count(`SELECT count(*) FROM report_members`, 1)
	e.asks(r.Report, r.Affected)
	e.count(sentTo("question", "provider@example.org", "sent"), 1)
	e.count(sentTo("question", "second@example.org", "sent"), 1)
	e.publish(event.CaseOpened{Case: caseOf(1, r, nil)})
	e.count(sentTo("on_call", "duty@example.org", "sent"), 1)
	e.count(sentTo("on_call", "backup@example.org", "sent"), 1)
	e.count(`SELECT count(*) FROM deliveries WHERE recipient = 'nobody@example.org'`, 0)
	e.released(draft)
	e.count(sentTo("alert", "provider@example.org", "sent"), 1)
	e.count(sentTo("alert", "second@example.org", "sent"), 1)
}
