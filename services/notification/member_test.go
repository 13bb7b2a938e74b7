// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
)

// providerReport is one report of the provider about three members: one with an
// officer, one with only an address of its own, one that nobody reaches.
func providerReport() []event.ReportSubmitted {
	r := event.ReportSubmitted{
		Report: event.NewID(), Reference: "M-2026-000123", AffectedTotal: 3, Channel: "portal", Verified: true,
		Reporter: event.Person{ID: personID("provider"), Name: "Kim provider"}, Agent: &event.Organisation{ID: kiv, Name: "KIV Thüringen GmbH"},
		What: "ransomware", Description: "GEHEIM", Impact: "very_high", TLP: "AMBER", Language: "de",
		Callback: event.Contact{Name: "Kim provider", Phone: "0361 1", Email: "provider@example.org"}, ReceivedAt: start, CallbackBy: start.Add(time.Hour),
	}
	var out []event.ReportSubmitted
	for _, o := range []event.Organisation{{ID: muster, AGS: "16071043", Name: "Stadt Musterhausen"}, {ID: mailOnly, Name: "Gemeinde Postfach"}, {ID: elsewhere, AGS: "16068009", Name: "Elxleben"}} {
		r.Affected, r.OnBehalf = o, o.ID
		out = append(out, r)
	}
	return out
}

const mailOnly = "0190a000-0000-7000-8000-0000000000e1"

// memberEnv knows a body that has an address but no people.
func memberEnv(t *testing.T) *env {
	t.Helper()
	o := body(mailOnly, "16071099", "Gemeinde Postfach", "gemeinde")
	o.Email = "post@postfach.example"
	m := event.MandateChanged{
		ID: "0190c000-0000-7000-8000-0000000000e1", Version: 1, Principal: mailOnly, Agent: kiv,
		Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0),
	}
	return newEnv(t, o, m)
}

func (e *env) told(reports []event.ReportSubmitted) {
	e.t.Helper()
	for _, r := range reports {
		e.publish(r)
	}
}

// caseOf is the case that triage opened of a report's event.
func caseOf(n int, r event.ReportSubmitted, k *event.CampaignRef) event.Case {
	return event.Case{
		ID: event.NewID(), Reference: fmt.Sprintf("V-2026-%06d", n), Version: 1, State: "new", Severity: "critical", TLP: r.TLP,
		Organisation: r.Affected, Reports: []event.ReportRef{{ID: r.Report, Reference: r.Reference}}, Campaign: k, OpenedAt: start,
	}
}

// The contact that the provider gave for one member is told of that member's
// case, whether or not the member has people here, and once.
func TestWhomTheProviderNamedForAMemberIsToldOfItOnce(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	provider := reports[0].Callback
	for i, email := range []string{"Officer@example.org", "hausmeister@postfach.example", "amt@elxleben.example"} {
		reports[i].Callback, reports[i].ReportContact = event.Contact{Name: "Vor Ort", Phone: "03641 1", Email: email}, &provider
	}
	e.told(reports)
	e.told(reports)
	for to, own := range map[string]string{
		"officer@example.org": "Stadt Musterhausen", "post@postfach.example": "Gemeinde Postfach", "hausmeister@postfach.example": "Gemeinde Postfach", "amt@elxleben.example": "Elxleben",
	} {
		m := e.mails(to, 1)[0]
		all := strings.Join(strings.Fields(m.Subject()+" "+m.Text()), " ")
		if !strings.Contains(all, "hat für Sie einen Vorfall gemeldet") || !strings.Contains(all, own) || strings.Contains(all, "GEHEIM") {
			t.Errorf("the mail to %s, want it told of %s and no content:\n%s", to, own, all)
		}
	}
	e.count(`SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'reported'`, 4)
	e.count(`SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'receipt'`, 1)
}

// One receipt for the provider, one word for each member, and no member's mail
// knows of another member.
func TestAProviderReportTellsEachMemberAboutItself(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	e.told(reports)
	e.told(reports) // the same facts under other event ids
	receipt := e.mails("provider@example.org", 1)[0].Text()
	if !strings.Contains(receipt, "3 Stellen") {
		t.Errorf("the receipt does not say for how many:\n%s", receipt)
	}
	for to, own := range map[string]string{"officer@example.org": "Stadt Musterhausen", "post@postfach.example": "Gemeinde Postfach"} {
		m := e.mails(to, 1)[0]
		all := strings.Join(strings.Fields(m.Subject()+" "+m.Text()), " ")
		for _, want := range []string{"KIV Thüringen GmbH hat für Sie einen Vorfall gemeldet", own, "/melden/vorgang/M-2026-000123"} {
			if !strings.Contains(all, want) {
				t.Errorf("the mail to %s lacks %q:\n%s", to, want, all)
			}
		}
		for _, bad := range []string{"GEHEIM", "Elxleben", "3 Stellen", " 3 ", "Stadt Musterhausen", "Gemeinde Postfach"} {
			if bad != own && strings.Contains(strings.ReplaceAll(all, own, ""), bad) {
				t.Errorf("the mail to %s knows %q:\n%s", to, bad, all)
			}
		}
	}
	e.count(`SELECT count(*) FROM inbox WHERE consumer = 'notification-reports'`, 6)
	e.count(`SELECT count(*) FROM notices WHERE kind = 'receipt'`, 1)
	e.count(`SELECT count(*) FROM notices WHERE kind = 'reported'`, 2)
	later := reports[2]
	later.AddedLater, later.AffectedTotal, later.Affected, later.OnBehalf = true, 4, event.Organisation{ID: landkreis, Name: "Weimarer Land"}, landkreis
	e.publish(later)
	e.count(`SELECT count(*) FROM inbox WHERE consumer = 'notification-reports'`, 7)
	e.count(`SELECT count(*) FROM notices WHERE kind = 'receipt'`, 1)
}

// A member's own contact, named by the provider, is told nothing that is about
// all members: neither the receipt with their number nor questions about others.
// It hears of its own part alone.
func TestTheContactOfOneMemberLearnsNothingOfTheOthers(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	whole := reports[0].Callback
	reports[0].Callback, reports[0].ReportContact = event.Contact{Name: "Uta Eigen", Phone: "1", Email: "uta@ort.example"}, &whole
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 3)
	r := reports[1]
	e.publish(event.CaseMessagePosted{
		Case: event.NewID(), Reference: "V-2026-000002", Message: event.NewID(), Organisation: r.Affected,
		Reports: []event.ReportRef{{ID: r.Report, Reference: r.Reference}}, TLP: "AMBER", Text: "GEHEIM", At: start,
	})
	e.count(`SELECT count(*) FROM notices WHERE kind = 'question'`, 1)
	e.count(`SELECT count(*) FROM deliveries WHERE recipient = 'provider@example.org'`, 2)
	e.count(`SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE d.recipient = 'uta@ort.example' AND n.kind = 'reported'`, 1)
	e.count(`SELECT count(*) FROM deliveries WHERE recipient = 'uta@ort.example'`, 1)
}

// count waits for a number.
func (e *env) count(query string, want int) {
	e.t.Helper()
	devstack.Eventually(e.t, 10*time.Second, fmt.Sprintf("%d: %s", want, query), func() bool {
		var n int
		return e.db.Get(&n, query) == nil && n == want
	})
}

// A question goes to the provider, with a copy for the member; to the member
// alone once it took over; and back when it gave the report back. 3 critical
// cases of a campaign call the duty once.
func TestAQuestionGoesToWhoAnswersForTheMember(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	reports := providerReport()
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 3)
	k := &event.CampaignRef{ID: event.NewID(), Reference: "L-2026-0001"}
	for i, r := range reports {
		e.publish(event.CaseOpened{Case: caseOf(i+1, r, k)})
	}
	e.count(`SELECT count(*) FROM cases`, 3)
	e.count(`SELECT count(*) FROM notices WHERE kind = 'on_call'`, 1)
	ask := func(n int) {
		t.Helper()
		r := reports[0]
		e.publish(event.CaseMessagePosted{
			Case: event.NewID(), Reference: "V-2026-000001", Message: event.NewID(), Organisation: r.Affected,
			Reports: []event.ReportRef{{ID: r.Report, Reference: r.Reference}}, TLP: "AMBER", Text: "GEHEIM", At: start,
		})
		e.count(`SELECT count(*) FROM notices WHERE kind = 'question'`, n)
	}
	to := func(kind, email string) string {
		return `SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = '` + kind + `' AND d.recipient = '` + email + `'`
	}
	ask(1)
	e.count(to("question", "provider@example.org"), 1)
	e.count(to("copy", "officer@example.org"), 1)
	over := event.ReportTakenOver{
		Report: reports[0].Report, Reference: "M-2026-000123", Affected: reports[0].Affected,
		Author: event.Person{ID: personID("officer"), Name: "Kim officer"}, Callback: event.Contact{Name: "Kim officer", Phone: "1", Email: "notfall@muster.example"}, At: start,
	}
	e.publish(over)
	e.count(`SELECT count(*) FROM report_members WHERE recipients <> '[]'`, 1)
	ask(2)
	e.count(to("question", "notfall@muster.example"), 1)
	e.count(to("question", "officer@example.org"), 1)
	e.count(to("question", "provider@example.org"), 1)
	e.count(to("copy", "officer@example.org"), 1)
	over.Returned, over.At = true, start.Add(time.Minute)
	e.publish(over)
	e.count(`SELECT count(*) FROM report_members WHERE recipients <> '[]'`, 0)
	ask(3)
	e.count(to("question", "provider@example.org"), 2)
	e.wantChain()
}
