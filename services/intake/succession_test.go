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

// merge lets Elxleben take over from Apolda; the person of role heir is its officer.
func (e *env) merge(heir actor.Role) event.OrganisationSucceeded {
	e.t.Helper()
	ended := e.now()
	e.publish(event.OrganisationChanged{
		ID: apolda, Version: 2, AGS: "16071001", Name: "Apolda, Stadt", Level: "gemeinde", Kreis: "16071", EndedAt: &ended, Successor: elxleben1,
	})
	e.publish(event.PersonChanged{
		ID: personID(heir), Version: 2, Name: "Kim Nachfolge", Email: "heir@example.org", Active: true, Language: "de",
		Memberships: []event.Membership{{Organisation: elxleben1, Role: string(actor.Officer)}},
	})
	told := event.OrganisationSucceeded{
		Predecessor: event.Organisation{ID: apolda, AGS: "16071001", Name: "Apolda, Stadt"},
		Successor:   event.Organisation{ID: elxleben1, AGS: "16068009", Name: "Elxleben"}, Kind: "merged", At: ended,
	}
	e.publish(told)
	e.eventually("the handover", func() bool { return e.count(`SELECT count(*) FROM succession`) == 1 })
	return told
}

func (e *env) reads(c createdReport, as actor.Role) bool {
	return e.do(request{path: reportsPath + "/" + c.ID, as: as}).StatusCode == http.StatusOK
}

func TestTheSuccessorSeesWhatIsOpenUnderItsOldName(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	open, done, typed := e.submit(actor.Officer, "1", good), e.submit(actor.Officer, "2", good), e.submit("", "", with(`"affected":["16071001"]`, `"affected_text":"Rathaus Apolda"`))
	working := caseOf(open, 1, "working", "in_progress")
	closed := caseOf(done, 1, "closed", "closed")
	at := start.Add(time.Hour)
	closed.ID, closed.Reference, closed.ClosedAt = "0190e000-0000-7000-8000-000000000002", "V-2026-000148", &at
	confirmed := caseOf(typed, 1, "assessing", "in_progress")
	confirmed.ID, confirmed.Reference = "0190e000-0000-7000-8000-000000000003", "V-2026-000149"
	for _, c := range []event.Case{working, closed, confirmed} {
		e.publish(event.CaseUpdated{Case: c})
	}
	e.eventually("the cases", func() bool { return e.count(`SELECT count(*) FROM case_copy`) == 3 })

	told := e.merge(actor.Editor)
	e.eventually("the successor sees it", func() bool { return e.reads(open, actor.Editor) && e.reads(typed, actor.Editor) })
	if e.reads(done, actor.Editor) {
		t.Error("the successor sees what was closed")
	}
	for _, c := range []createdReport{open, done, typed} {
		if e.reads(c, actor.Officer) {
			t.Error("the predecessor's people see it still")
		}
		e.do(request{path: reportsPath + "/" + c.ID, as: actor.Analyst})
	}
	b := e.visitor("de", actor.Editor)
	page := b.get("/melden/vorgang/" + open.Reference)
	has(t, page, "Apolda, Stadt", "Fall V-2026-000147")
	has(t, e.do(request{path: reportsPath, as: actor.Editor}), open.Reference, typed.Reference, "V-2026-000147")
	b.follow("/melden/vorgang/"+open.Reference+"/nachricht", url.Values{"text": {"Wir führen das weiter"}, "key": {"k1"}})
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.message.posted' AND body LIKE $1`, "%"+apolda+"%"); n != 1 {
		t.Errorf("%d messages name the body that the case is about, want 1", n)
	}
	e.publish(event.CaseMessagePosted{
		Case: working.ID, Reference: working.Reference, Message: event.NewID(), Organisation: working.Organisation,
		Reports: working.Reports, Author: event.Person{Name: "Robin"}, TLP: "AMBER", Text: "Danke für die Übernahme", At: at,
	})
	e.eventually("the CERT's answer", func() bool { return e.count(`SELECT count(*) FROM report_message WHERE side = 'cert'`) == 1 })
	has(t, b.get("/melden/vorgang/"+open.Reference), "Danke für die Übernahme", "Wir führen das weiter")

	lines := e.count(`SELECT count(*) FROM audit WHERE action = 'report.succeeded'`)
	told.At = told.At.Add(time.Second)
	e.publish(told) // the second time is nothing
	confirmed.Version = 2
	e.publish(event.CaseUpdated{Case: confirmed})
	e.eventually("both", func() bool {
		return e.count(`SELECT count(*) FROM inbox WHERE consumer = 'intake-successions'`) == 2 && e.count(`SELECT count(*) FROM case_copy WHERE version = 2`) == 1
	})
	if n := e.count(`SELECT count(*) FROM audit WHERE action = 'report.succeeded'`); lines != 2 || n != lines {
		t.Errorf("%d lines of the audit, then %d; want 2 and no more", lines, n)
	}
	if !e.reads(typed, actor.Editor) {
		t.Error("a new snapshot of the case gave the report back to the predecessor")
	}
	e.invariants(nil)
}

func TestACaseThatIsOpenAgainFollowsToo(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	closed := caseOf(c, 1, "closed", "closed")
	at := start.Add(time.Hour)
	closed.ClosedAt = &at
	e.publish(event.CaseClosed{Case: closed})
	e.eventually("the case", func() bool { return e.count(`SELECT count(*) FROM case_copy`) == 1 })
	e.merge(actor.Editor)
	if e.reads(c, actor.Editor) {
		t.Fatal("the successor sees what was closed")
	}
	e.publish(event.CaseUpdated{Case: caseOf(c, 2, "working", "in_progress")})
	e.eventually("the successor sees it", func() bool { return e.reads(c, actor.Editor) })
}
