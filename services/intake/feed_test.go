// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

func caseOf(c createdReport, version int, state, status string) event.Case {
	return event.Case{
		ID: "0190e000-0000-7000-8000-000000000001", Reference: "V-2026-000147", Version: version, State: state, ReportStatus: status,
		Severity: "high", TLP: "AMBER", Title: "x", What: "ransomware", Organisation: event.Organisation{ID: apolda, AGS: "16071001", Name: "Apolda, Stadt"},
		Verified: true, Reports: []event.ReportRef{{ID: c.ID, Reference: c.Reference}}, ReceivedAt: start, OpenedAt: start, ChangedAt: start,
	}
}

func (e *env) status(c createdReport, as actor.Role) string {
	var d struct{ Status string }
	e.do(request{path: reportsPath + "/" + c.ID, as: as}).into(e.t, &d)
	return d.Status
}

func TestTheCaseMovesTheReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	if got := e.status(c, actor.Officer); got != "received" {
		t.Errorf("before: %q", got)
	}
	due := start.Add(time.Hour)
	opened := caseOf(c, 1, "new", "received")
	opened.Clocks = []event.Clock{{Rule: "TH-ACK", State: "running", DueAt: &due}, {Rule: "DSGVO-33", State: "to_check", DueAt: &due}}
	e.publish(event.CaseOpened{Case: opened})
	waiting := caseOf(c, 3, "waiting", "waiting_for_you")
	e.publish(event.CaseUpdated{Case: waiting})
	e.publish(event.CaseUpdated{Case: caseOf(c, 2, "working", "in_progress")}) // late: an older one does nothing
	e.publish(event.CaseMessagePosted{
		Case: waiting.ID, Reference: waiting.Reference, Message: event.NewID(), Organisation: waiting.Organisation,
		Reports: waiting.Reports, Author: event.Person{ID: "a", Name: "Robin Analyst"}, TLP: "AMBER", Text: "Welche Endung haben die Dateien?", At: start.Add(time.Minute),
	})
	e.eventually("the message", func() bool { return e.count(`SELECT count(*) FROM report_message`) == 1 })
	e.eventually("all snapshots", func() bool {
		return e.count(`SELECT count(*) FROM inbox WHERE consumer = 'intake-cases'`) == 4
	})
	if got := e.status(c, actor.Officer); got != "waiting_for_you" {
		t.Errorf("status %q", got)
	}
	b := e.visitor("de", actor.Officer)
	page := b.get("/melden/vorgang/" + c.Reference)
	has(t, page, "Wartet auf Sie", "Fall V-2026-000147", "Welche Endung haben die Dateien?", "Robin Analyst", "Wir brauchen etwas von Ihnen")

	sent := b.follow("/melden/vorgang/"+c.Reference+"/nachricht", url.Values{"text": {"Die Endung ist .locked"}, "key": {"k1"}})
	has(t, sent, "Die Endung ist .locked", "Ihre Nachricht ist beim Lagezentrum.")
	b.follow("/melden/vorgang/"+c.Reference+"/nachricht", url.Values{"text": {"Die Endung ist .locked"}, "key": {"k1"}})
	if n := e.count(`SELECT count(*) FROM report_message WHERE side = 'reporter'`); n != 1 {
		t.Errorf("%d messages of one form", n)
	}
	empty := b.post("/melden/vorgang/"+c.Reference+"/nachricht", url.Values{"text": {" "}, "key": {"k2"}})
	if empty.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an empty message: %d", empty.StatusCode)
	}
	has(t, empty, "Schreiben Sie eine Nachricht")

	closed := caseOf(c, 9, "closed", "closed")
	at := start.Add(2 * time.Hour)
	closed.ClosedAt = &at
	e.publish(event.CaseClosed{Case: closed})
	e.eventually("the end", func() bool { return e.status(c, actor.Officer) == "closed" })
}

// A guest's report is seen by the named body only after an analyst confirmed it,
// and the guest's contact never leaves the CERT.
func TestAGuestsReportWaitsForConfirmation(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit("", "", good)
	typed := e.submit("", "", with(`"affected":["16071001"]`, `"affected_text":"Rathaus Apolda"`))
	unconfirmed := caseOf(c, 1, "new", "received")
	unconfirmed.Verified = false
	e.publish(event.CaseOpened{Case: unconfirmed})
	e.eventually("the case", func() bool { return e.count(`SELECT count(*) FROM case_copy`) == 1 })
	if res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer}); res.StatusCode != http.StatusNotFound {
		t.Fatalf("before the confirmation: %d", res.StatusCode)
	}
	if res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Analyst}); res.StatusCode != http.StatusOK {
		t.Errorf("the CERT sees it: %d", res.StatusCode)
	}
	e.publish(event.CaseUpdated{Case: caseOf(c, 2, "assessing", "in_progress")})
	second := caseOf(typed, 1, "assessing", "in_progress")
	second.ID, second.Reference = "0190e000-0000-7000-8000-000000000002", "V-2026-000148"
	e.publish(event.CaseUpdated{Case: second})
	for _, r := range []createdReport{c, typed} {
		e.eventually("the confirmation", func() bool {
			return e.do(request{path: reportsPath + "/" + r.ID, as: actor.Officer}).StatusCode == http.StatusOK
		})
		res := e.do(request{path: reportsPath + "/" + r.ID, as: actor.Officer})
		hasNot(t, res, "Kim Beispiel", "+49 152", "kim@example.org")
	}
	code := map[string]string{"Report-Code": c.Code}
	has(t, e.do(request{path: reportsPath + "/" + c.ID, header: code}), "Kim Beispiel")
	e.publish(event.CaseMessagePosted{
		Case: second.ID, Reference: second.Reference, Message: event.NewID(), Organisation: second.Organisation,
		Reports: second.Reports, Author: event.Person{Name: "Robin"}, TLP: "AMBER", Text: "Danke", At: start,
	})
	e.eventually("the message", func() bool { return e.count(`SELECT count(*) FROM report_message`) == 1 })
	has(t, e.do(request{path: reportsPath + "/" + typed.ID, header: map[string]string{"Report-Code": typed.Code}}), "Danke")
	has(t, e.do(request{path: reportsPath + "/" + typed.ID, as: actor.Officer}), "Danke")
	withdrawn := caseOf(c, 3, "assessing", "in_progress")
	withdrawn.Verified = false
	e.publish(event.CaseUpdated{Case: withdrawn})
	e.eventually("the end of the confirmation", func() bool {
		return e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer}).StatusCode == http.StatusNotFound
	})
}

// A guest's code works until 90 days after the last case closed.
func TestAGuestsCodeEnds(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit("", "", good)
	closed := caseOf(c, 1, "closed", "closed")
	at := start.Add(time.Hour)
	closed.ClosedAt = &at
	e.publish(event.CaseClosed{Case: closed})
	e.eventually("the end", func() bool { return e.count(`SELECT count(*) FROM case_copy`) == 1 })
	code := map[string]string{"Report-Code": c.Code}
	e.later(90 * 24 * time.Hour)
	if res := e.do(request{path: reportsPath + "/" + c.ID, header: code}); res.StatusCode != http.StatusOK {
		t.Errorf("after 90 days less an hour: %d", res.StatusCode)
	}
	e.later(time.Hour)
	if res := e.do(request{path: reportsPath + "/" + c.ID, header: code}); res.StatusCode != http.StatusNotFound {
		t.Errorf("after that: %d", res.StatusCode)
	}
}

// One member of a provider's report for several bodies hears nothing of the others.
func TestAMessageToOneBodyStaysThere(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Duty, "1", with(`["16071001"]`, `["16071001","16068009"]`))
	other := caseOf(c, 1, "working", "in_progress")
	other.Organisation = event.Organisation{ID: elxleben1, AGS: "16068009", Name: "Elxleben"}
	e.publish(event.CaseOpened{Case: other})
	e.publish(event.CaseMessagePosted{
		Case: other.ID, Reference: other.Reference, Message: event.NewID(), Organisation: other.Organisation,
		Reports: other.Reports, Author: event.Person{Name: "Robin"}, Text: "Nur für Elxleben", At: start,
	})
	e.eventually("the message and the case, in any order", func() bool {
		return e.count(`SELECT count(*) FROM report_message`) == 1 && e.count(`SELECT count(*) FROM case_copy`) == 1
	})
	hasNot(t, e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer}), "Nur für Elxleben", "Elxleben", "V-2026-000147")
	has(t, e.do(request{path: reportsPath + "/" + c.ID, as: actor.Lead}), "Nur für Elxleben", "V-2026-000147")
	if got := e.status(c, actor.Officer); got != "received" {
		t.Errorf("the status of another body: %q", got)
	}
}

// The outbox reaches the broker, once and in order.
func TestReportsReachTheBroker(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	for i := range 5 {
		e.submit(actor.Officer, string(rune('a'+i)), good)
	}
	e.eventually("the relay", func() bool { return e.count(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) == 0 })
	s, err := e.bus.JetStream().Stream(t.Context(), "REPORTS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.State.Msgs != 5 {
		t.Errorf("%+v %v", info, err)
	}
}
