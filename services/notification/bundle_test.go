// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/event"
)

// posted is a message of the CERT about a report's body.
func posted(n int, r event.ReportSubmitted, batch string) event.CaseMessagePosted {
	return event.CaseMessagePosted{
		Case: event.NewID(), Reference: fmt.Sprintf("V-2026-%06d", n), Message: event.NewID(), Organisation: r.Affected,
		Reports: []event.ReportRef{{ID: r.Report, Reference: r.Reference}}, TLP: r.TLP, Text: "GEHEIM", At: start, Batch: batch,
	}
}

// An analyst writes to all 72 cases of a provider's report at once: the provider
// gets one mail, each member one about itself, and no mail knows another member.
func TestWhatIsWrittenToManyCasesIsOneMailEach(t *testing.T) {
	t.Parallel()
	const n = 72
	var register []event.Payload
	reports := make([]event.ReportSubmitted, n)
	for i := range reports {
		o := body(fmt.Sprintf("0190a000-0000-7000-9000-%012d", i+1), fmt.Sprintf("16071%03d", i+100), fmt.Sprintf("Mitglied Nr%03d", i+1), "gemeinde")
		p := event.PersonChanged{
			ID: fmt.Sprintf("0190b000-0000-7000-9000-%012d", i+1), Version: 1, Name: "Kim", Email: fmt.Sprintf("it%d@mitglied.example", i+1),
			Language: "de", Active: true, Memberships: []event.Membership{{Organisation: o.ID, Role: string(actor.Officer)}},
		}
		register = append(register, o, p, event.MandateChanged{
			ID: fmt.Sprintf("0190c000-0000-7000-9000-%012d", i+1), Version: 1, Principal: o.ID, Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0),
		})
		reports[i] = providerReport()[0]
		reports[i].Report, reports[i].AffectedTotal, reports[i].Affected, reports[i].OnBehalf = reports[0].Report, n, o.Ref(), o.ID
	}
	for i := range reports {
		reports[i].Report = reports[0].Report
	}
	e := newEnv(t, register...)
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, n)
	over := event.ReportTakenOver{
		Report: reports[0].Report, Reference: reports[0].Reference, Affected: reports[6].Affected, Author: event.Person{Name: "Kim"},
		Callback: event.Contact{Name: "Kim", Phone: "1", Email: "notfall@mitglied.example"}, At: start.Add(-time.Minute),
	}
	e.publish(over)
	e.count(`SELECT count(*) FROM report_members WHERE recipients <> '[]'`, 1)

	batch := event.NewID()
	var messages []event.Payload
	for i, r := range reports {
		messages = append(messages, posted(i+1, r, batch))
	}
	e.publish(messages...)
	e.publish(messages...) // the same facts under other event ids
	e.count(`SELECT count(*) FROM inbox WHERE consumer = 'notification-cases'`, 2*n)
	to := func(kind, where string) string {
		return `SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = '` + kind + `' AND ` + where
	}
	e.count(to("question", `d.recipient = 'provider@example.org'`), 1)
	e.count(to("question", `d.recipient = 'notfall@mitglied.example'`), 1)
	e.count(to("question", `true`), 2)
	e.count(to("copy", `true`), n-1)
	e.count(`SELECT count(DISTINCT recipient) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'copy'`, n-1)
	e.count(`SELECT jsonb_array_length(data -> 'asked') FROM notices n JOIN deliveries d ON d.notice = n.id WHERE n.kind = 'question' AND d.recipient = 'provider@example.org'`, n-1)

	mail := e.mails("provider@example.org", 2)[1]
	if all := mail.Subject() + mail.Text(); !strings.Contains(all, "mehrere Stellen") || strings.Contains(all, "V-2026") || strings.Contains(all, "Nr0") || strings.Contains(all, "GEHEIM") {
		t.Errorf("the provider's mail:\n%s", all)
	}
	for to, own := range map[string]string{"it3@mitglied.example": "Mitglied Nr003", "notfall@mitglied.example": ""} {
		list := e.mails(to, 1)
		all := list[len(list)-1].Subject() + list[len(list)-1].Text()
		if own != "" {
			all = strings.ReplaceAll(all, own, "")
		}
		if strings.Contains(all, "Nr0") || strings.Contains(all, "mehrere Stellen") || strings.Contains(all, " 72 ") {
			t.Errorf("the mail to %s knows of other members:\n%s", to, all)
		}
	}
	e.wantChain()
}

// Each case learns that the one mail about all of them did not arrive.
func TestABundledMailThatFailsIsToldToEachCase(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"after all cases joined it": false, "before the last one joins it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failsBundled(t, early)
		})
	}
}

func failsBundled(t *testing.T, early bool) {
	t.Helper()
	e := newEnv(t, event.MandateChanged{
		ID: "0190c000-0000-7000-9000-000000000001", Version: 1, Principal: elsewhere, Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0),
	})
	reports := providerReport()
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 3)
	joined := make(chan struct{})
	e.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt && c.To == "provider@example.org" {
			return mailsink.Reply{Code: 550, Wait: joined}
		}
		return mailsink.Reply{}
	})
	batch := event.NewID()
	if !early {
		e.publish(posted(1, reports[0], batch), posted(2, reports[2], batch))
		e.count(`SELECT jsonb_array_length(data -> 'asked') FROM notices WHERE kind = 'question'`, 2)
		close(joined)
	} else {
		close(joined)
		e.publish(posted(1, reports[0], batch))
		e.count(sentTo("question", "provider@example.org", "failed"), 1)
		e.publish(posted(2, reports[2], batch))
	}
	e.count(`SELECT count(DISTINCT body::jsonb #>> '{data,case}') FROM outbox WHERE type = 'delivery.failed' AND coalesce(body::jsonb #>> '{data,case}', '') <> ''`, 2)
}

// A message and a takeover that cross: whoever is to be asked when the message
// was written is told, whichever of the two was known here first.
func TestAMessageThatCrossesATakeoverReachesTheNewSide(t *testing.T) {
	t.Parallel()
	to := func(email string) string {
		return `SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.kind = 'question' AND d.recipient = '` + email + `'`
	}
	for name, tt := range map[string]struct {
		batch                 string
		takeoverFirst         bool
		over                  time.Duration // when it was taken over, seen from the message
		wantMember, wantAgent int
	}{
		"the takeover is known first":                                 {"", true, -time.Minute, 1, 0},
		"the message is known first":                                  {"", false, -time.Minute, 1, 1},
		"the message is known first, written to many":                 {event.NewID(), false, -time.Minute, 1, 1},
		"the message was written before the takeover":                 {"", false, time.Minute, 0, 1},
		"the message was written before the takeover, known after it": {"", true, time.Minute, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := memberEnv(t)
			reports := providerReport()
			e.told(reports)
			e.count(`SELECT count(*) FROM report_members`, 3)
			m := posted(1, reports[0], tt.batch)
			over := event.ReportTakenOver{
				Report: reports[0].Report, Reference: "M-2026-000123", Affected: reports[0].Affected, Author: event.Person{Name: "Kim"},
				Callback: event.Contact{Name: "Kim", Phone: "1", Email: "notfall@muster.example"}, At: m.At.Add(tt.over),
			}
			taken, told := `SELECT count(*) FROM report_members WHERE recipients <> '[]'`, `SELECT count(*) FROM inbox WHERE consumer = 'notification-cases'`
			if tt.takeoverFirst {
				e.publish(over)
				e.count(taken, 1)
			}
			e.publish(m)
			e.count(told, 1)
			for range 2 { // twice is once
				e.publish(over)
			}
			e.count(`SELECT count(*) FROM inbox WHERE consumer = 'notification-reports'`, map[bool]int{true: 6, false: 5}[tt.takeoverFirst])
			e.count(to("notfall@muster.example"), tt.wantMember)
			e.count(to("provider@example.org"), tt.wantAgent)
			over.Returned, over.At = true, m.At.Add(2*time.Minute)
			e.publish(over)
			e.count(taken, 0)
			e.count(to("provider@example.org"), tt.wantAgent)
			e.wantChain()
		})
	}
}

// The takeover and the message are handled at the same moment, many times.
func TestATakeoverAndAMessageAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	e := memberEnv(t)
	var reports []event.ReportSubmitted
	for range 20 {
		r := providerReport()[0]
		r.AffectedTotal = 1
		reports = append(reports, r)
	}
	e.told(reports)
	e.count(`SELECT count(*) FROM report_members`, 20)
	var crossing []event.Payload
	for i, r := range reports {
		crossing = append(crossing, posted(i+1, r, ""), event.ReportTakenOver{
			Report: r.Report, Reference: r.Reference, Affected: r.Affected, Author: event.Person{Name: "Kim"},
			Callback: event.Contact{Name: "Kim", Phone: "1", Email: "notfall@muster.example"}, At: start.Add(-time.Minute),
		})
	}
	e.publish(crossing...)
	devstack.Eventually(t, 10*time.Second, "each member told", func() bool {
		var n int
		return e.db.Get(&n, `SELECT count(DISTINCT n.report) FROM deliveries d JOIN notices n ON n.id = d.notice
			WHERE n.kind = 'question' AND d.recipient = 'notfall@muster.example'`) == nil && n == 20
	})
}
