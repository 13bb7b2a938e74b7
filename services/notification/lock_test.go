// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Reliability model §2.4, "locked: A": of a locked case no mail goes to an analyst
// who does not have it assigned, no draft takes anything from it for them, and no
// answer of the API names it.
func TestALockedCaseIsToldOnlyToThoseWhoNeedToKnow(t *testing.T) {
	t.Parallel()
	const backup = "0190b000-0000-7000-8000-0000000000a2"
	person := func(id, name string, role actor.Role) event.PersonChanged {
		return event.PersonChanged{
			ID: id, Version: 2, Name: name, Email: name + "@example.org", Active: true, Language: "de",
			Memberships: []event.Membership{{Organisation: cert, Role: string(role)}},
		}
	}
	onDuty := person(personID(actor.Duty), "duty", actor.Duty)
	from, to := start.Add(-time.Hour), start.Add(time.Hour)
	onDuty.AbsentFrom, onDuty.AbsentTo, onDuty.Deputy = &from, &to, backup
	e := newEnv(t, person(backup, "backup", actor.Analyst), onDuty)
	c := event.Case{
		ID: event.NewID(), Reference: "V-2026-000147", Version: 1, State: "new", Severity: "critical", TLP: "GREEN", Title: "Verschlüsselung", Locked: true,
		Organisation: body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), OpenedAt: start,
	}
	e.publish(event.CaseUpdated{Case: c})
	e.count(sentTo("on_call", "duty@example.org", "sent"), 1)
	e.count(`SELECT count(*) FROM deliveries WHERE recipient = 'backup@example.org'`, 0)
	const draft = "/warnungen/redaktion/neu?case="
	for role, want := range map[actor.Role]int{actor.Analyst: http.StatusNotFound, actor.Editor: http.StatusNotFound, actor.Lead: http.StatusOK} {
		res := e.want(want, request{path: draft + c.ID, cookie: role})
		if strings.Contains(res.body, "V-2026-000147") != (want == http.StatusOK) || strings.Contains(res.body, `value="Verschlüsselung"`) {
			t.Errorf("the draft of the %s: %s", role, short(res.body))
		}
	}
	c.Version, c.Assignee = 2, &event.Person{ID: personID(actor.Analyst), Name: "Mara"}
	e.publish(event.CaseUpdated{Case: c})
	e.count(`SELECT count(*) FROM cases WHERE version = 2`, 1)
	e.want(http.StatusOK, request{path: draft + c.ID, cookie: actor.Analyst})
	e.want(http.StatusNotFound, request{path: draft + c.ID, cookie: actor.Editor})
}

// Entitlement is asked in the moment of sending: a call that the mail server put
// off goes to nobody whom the case was locked away from meanwhile.
func TestACallThatWaitsIsNotSentOnceTheCaseIsLocked(t *testing.T) {
	t.Parallel()
	const backup = "0190b000-0000-7000-8000-0000000000a2"
	from, to := start.Add(-time.Hour), start.Add(time.Hour)
	person := func(id, name string, role actor.Role) event.PersonChanged {
		return event.PersonChanged{
			ID: id, Version: 2, Name: name, Email: name + "@example.org", Active: true, Language: "de",
			Memberships: []event.Membership{{Organisation: cert, Role: string(role)}},
		}
	}
	onDuty := person(personID(actor.Duty), "duty", actor.Duty)
	onDuty.AbsentFrom, onDuty.AbsentTo, onDuty.Deputy = &from, &to, backup
	e := newEnv(t, person(backup, "backup", actor.Analyst), onDuty)
	e.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt {
			return mailsink.Reply{Code: 450}
		}
		return mailsink.Reply{}
	})
	c := event.Case{
		ID: event.NewID(), Reference: "V-2026-000147", Version: 1, State: "new", Severity: "critical", TLP: "GREEN", Title: "Verschlüsselung",
		Organisation: body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), OpenedAt: start,
	}
	e.publish(event.CaseOpened{Case: c})
	e.count(`SELECT count(*) FROM deliveries WHERE state = 'pending' AND attempts = 1`, 2)
	c.Version, c.Locked = 2, true
	e.publish(event.CaseUpdated{Case: c})
	e.count(`SELECT count(*) FROM cases WHERE version = 2`, 1)
	e.sink.Script(nil)
	if _, err := e.db.Exec(`UPDATE due SET next_at = $1`, start); err != nil {
		t.Fatal(err)
	}
	e.count(sentTo("on_call", "duty@example.org", "sent"), 1)
	e.count(sentTo("on_call", "backup@example.org", "cancelled"), 1)
	if n := len(e.sink.Messages("backup@example.org")); n != 0 {
		t.Errorf("%d mails to who may not know", n)
	}
}
