// SPDX-License-Identifier: EUPL-1.2

package actor_test

import (
	"slices"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// The actions of reliability model §5 that need a fresh second factor.
func TestWhatNeedsAFreshSecondFactor(t *testing.T) {
	t.Parallel()
	want := []actor.Action{
		actor.AlertApprove, actor.CaseExport, actor.SealedOpen, actor.RoleChange, actor.TokenMake, actor.MandateGrant, actor.MandateConfirm,
		actor.RetentionApprove, actor.PrivacyRead, actor.PersonErase, actor.FactorChange,
		actor.OfficersExport, actor.RegisterHandOver, actor.AggregateExport, actor.AuditExport,
	}
	for _, a := range actor.Actions() {
		if got := actor.NeedsStepUp(a); got != slices.Contains(want, a) {
			t.Errorf("%s needs a step-up: %v", a, got)
		}
	}
}

func TestARedObjectAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	red, plain := actor.Object{Red: true}, actor.Object{}
	for name, tt := range map[string]struct {
		a      actor.Actor
		action actor.Action
		o      actor.Object
		want   bool
	}{
		"red, never shown":        {actor.Actor{Person: me}, actor.CaseRead, red, true},
		"red, shown too long ago": {actor.Actor{Person: me, StepUpUntil: noon}, actor.CaseRead, red, true},
		"red, shown just now":     {actor.Actor{Person: me, StepUpUntil: noon.Add(1)}, actor.CaseRead, red, false},
		"anything else":           {actor.Actor{Person: me}, actor.CaseRead, plain, false},
		"a release":               {actor.Actor{Person: me}, actor.AlertApprove, plain, true},
		"a service":               {actor.System("triage"), actor.CaseRead, red, false},
		"a guest with its code":   {actor.Actor{}, actor.ReportRead, actor.Object{Red: true, Code: true}, false},
		"a guest without":         {actor.Actor{}, actor.ReportRead, red, true},
		"a code spares nobody it": {actor.Actor{Person: me}, actor.ReportRead, actor.Object{Red: true, Code: true}, true},
	} {
		if got := tt.a.MustStepUp(tt.action, tt.o, noon); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
