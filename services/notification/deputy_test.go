// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

func TestADeputyGetsTheQuestionsAsWellWhileSomebodyIsAway(t *testing.T) {
	t.Parallel()
	const deputy, stranger = "0190b000-0000-7000-8000-000000000091", "0190b000-0000-7000-8000-000000000092"
	person := func(id, name, home string) event.PersonChanged {
		return event.PersonChanged{
			ID: id, Version: 1, Name: name, Email: name + "@example.org", Active: true, Language: "de",
			Memberships: []event.Membership{{Organisation: home, Role: string(actor.Officer)}},
		}
	}
	away := func(version int, from, to time.Duration, who string) event.PersonChanged {
		p := person(personID(actor.Officer), "officer", muster)
		a, b := start.Add(from), start.Add(to)
		p.Version, p.AbsentFrom, p.AbsentTo, p.Deputy = version, &a, &b, who
		return p
	}
	for name, tt := range map[string]struct {
		absence event.PersonChanged
		deputy  int
	}{
		"away":                      {away(2, -time.Hour, time.Hour, deputy), 1},
		"back again":                {away(2, -2*time.Hour, -time.Hour, deputy), 0},
		"still there":               {away(2, time.Hour, 2*time.Hour, deputy), 0},
		"who may not read it: none": {away(2, -time.Hour, time.Hour, stranger), 0},
		"a colleague elsewhere: none": {func() event.PersonChanged {
			p := away(2, -time.Hour, time.Hour, stranger)
			p.Memberships = append(p.Memberships, event.Membership{Organisation: elsewhere, Role: string(actor.Officer)})
			return p
		}(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, person(deputy, "deputy", muster), person(stranger, "stranger", elsewhere), tt.absence)
			id := event.NewID()
			o := body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref()
			e.publish(report(id, "", actor.Officer, o, 1))
			e.mails("officer@example.org", 1)
			e.publish(event.CaseMessagePosted{
				Case: event.NewID(), Reference: "V-2026-000147", Message: event.NewID(), Reports: []event.ReportRef{{ID: id}},
				Organisation: o, TLP: "AMBER", Text: "?", At: start,
			})
			e.mails("officer@example.org", 2)
			if got := len(e.mails("deputy@example.org", tt.deputy)) + len(e.sink.Messages("stranger@example.org")); got != tt.deputy {
				t.Errorf("%d mails to who stands in, want %d", got, tt.deputy)
			}
		})
	}
}
