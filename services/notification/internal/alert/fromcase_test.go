// SPDX-License-Identifier: EUPL-1.2

package alert_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

func TestADraftTakesOverNoTitleFromAMBERSTRICTOn(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"CLEAR": "Verschlüsselung", "GREEN": "Verschlüsselung", "AMBER": "Verschlüsselung", "AMBER+STRICT": "", "RED": "", "": "", "nonsense": "",
	} {
		c := alert.CaseCopy{ID: "c", TLP: label, Title: "Verschlüsselung – Stadt Musterhausen", Organisation: event.Organisation{Name: "Stadt Musterhausen"}}
		if got := alert.FromCase(c).Title; got != want {
			t.Errorf("TLP %q: title %q, want %q", label, got, want)
		}
		if c.Locked = true; alert.FromCase(c).Title != "" {
			t.Errorf("TLP %q: the title of a locked case", label)
		}
	}
}

func TestALockedCaseGivesItsDraftsOnlyToWhoMayReadIt(t *testing.T) {
	t.Parallel()
	for role, want := range map[actor.Role][2]bool{ // nobody's, one's own
		actor.Analyst: {false, true}, actor.Editor: {false, false}, actor.Duty: {true, true}, actor.Lead: {true, true},
	} {
		a := actor.Actor{Person: "p", Memberships: []actor.Membership{{Organisation: "o", Role: role}}}
		if !(alert.CaseCopy{}).ReadableBy(a) {
			t.Errorf("%s may not use an open case", role)
		}
		got := [2]bool{alert.CaseCopy{Locked: true}.ReadableBy(a), alert.CaseCopy{Locked: true, Assignee: "p"}.ReadableBy(a)}
		if got != want {
			t.Errorf("%s: %v, want %v", role, got, want)
		}
	}
}
