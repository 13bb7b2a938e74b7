// SPDX-License-Identifier: EUPL-1.2

package mandate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestMandateCheck(t *testing.T) {
	t.Parallel()
	late := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		m     mandate.Mandate
		field string // "" when it is right
	}{
		"a right one":           {mandate.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read", "report"}, From: noon}, ""},
		"not with oneself":      {mandate.Mandate{Principal: "a", Agent: "a", Scopes: []actor.Scope{"read"}, From: noon}, "agent"},
		"not without an agent":  {mandate.Mandate{Principal: "a", Scopes: []actor.Scope{"read"}, From: noon}, "agent"},
		"not without scopes":    {mandate.Mandate{Principal: "a", Agent: "b", From: noon}, "scopes"},
		"no made-up scope":      {mandate.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read", "delete"}, From: noon}, "scopes"},
		"not without a start":   {mandate.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}}, "from"},
		"no end before a start": {mandate.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}, From: noon, To: &late}, "to"},
		"no novel as document":  {mandate.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}, From: noon, Document: strings.Repeat("x", 501)}, "document"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.m.Check()
			if tt.field == "" {
				if err != nil || tt.m.Scopes[0] != actor.ScopeReport {
					t.Errorf("Check = %v, scopes %v; want none and report first", err, tt.m.Scopes)
				}
				return
			}
			if f := fault.FieldsOf(err); len(f) != 1 || f[0].Name != tt.field {
				t.Errorf("fields %v, want one at %s", f, tt.field)
			}
		})
	}
}

func TestAMandateIsInForce(t *testing.T) {
	t.Parallel()
	hour := func(n int) *time.Time { x := noon.Add(time.Duration(n) * time.Hour); return &x }
	for name, tt := range map[string]struct {
		m    mandate.Mandate
		want bool
	}{
		"from its first moment":    {mandate.Mandate{State: mandate.Active, From: noon}, true},
		"not a moment earlier":     {mandate.Mandate{State: mandate.Active, From: noon.Add(time.Microsecond)}, false},
		"until before its end":     {mandate.Mandate{State: mandate.Active, From: *hour(-2), To: hour(1)}, true},
		"not at its end":           {mandate.Mandate{State: mandate.Active, From: *hour(-2), To: &noon}, false},
		"never when it is revoked": {mandate.Mandate{State: mandate.Active, From: *hour(-2), RevokedAt: hour(-1)}, false},
	} {
		if got := tt.m.InForce(noon); got != tt.want {
			t.Errorf("%s: InForce = %v, want %v", name, got, tt.want)
		}
	}
	m := mandate.Mandate{ID: "1", State: mandate.Active, From: *hour(-2), Version: 1}
	if err := m.Revoke(noon); err != nil || m.InForce(noon) || m.Version != 2 {
		t.Errorf("Revoke = %v, %+v; want ended in version 2", err, m)
	}
	if err := m.Revoke(noon); fault.KindOf(err) != fault.Conflict {
		t.Errorf("second Revoke = %v, want Conflict", err)
	}
}

func TestAMandateGoesFromTheQuestionToTheEnd(t *testing.T) {
	t.Parallel()
	late := noon.Add(time.Hour)
	asked := func() mandate.Mandate {
		return mandate.Mandate{ID: "1", Principal: "a", Agent: "b", Scopes: actor.Scopes(), From: noon, State: mandate.Requested, Version: 1}
	}
	m := asked()
	if m.InForce(noon) || !m.Waiting(noon) || !m.Event().Pending {
		t.Errorf("a question allows something: %+v", m)
	}
	if err := m.Confirm(noon); fault.KindOf(err) != fault.Conflict {
		t.Errorf("confirmed before the principal said yes: %v", err)
	}
	if err := m.Grant(mandate.Mandate{Scopes: []actor.Scope{"read"}, To: &late}, noon); err != nil || len(m.Scopes) != 1 || m.State != mandate.Granted {
		t.Errorf("Grant = %v, %+v; want the principal's scopes, not the agent's", err, m)
	}
	if m.InForce(noon) || !m.Event().Pending {
		t.Error("a grant counts before the CERT has confirmed it")
	}
	if err := m.Grant(mandate.Mandate{Scopes: actor.Scopes()}, noon); fault.KindOf(err) != fault.Conflict {
		t.Errorf("granted twice: %v", err)
	}
	if err := m.Confirm(noon); err != nil || !m.InForce(noon) || m.Event().Pending || m.Version != 3 {
		t.Errorf("Confirm = %v, %+v", err, m)
	}
	if got := m.StateAt(late); got != mandate.Expired || m.InForce(late) {
		t.Errorf("at its end it is %s, in force %v", got, m.InForce(late))
	}
	if !m.GiveWay(noon) || m.State != mandate.Revoked || m.GiveWay(noon) {
		t.Errorf("what gave way: %+v", m)
	}
	over := asked()
	over.To = &late
	if err := over.Grant(mandate.Mandate{Scopes: actor.Scopes()}, late); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a question whose time is over was granted: %v", err)
	}
	no := asked()
	if err := no.Decline("", noon); fault.FieldsOf(err) == nil || no.State != mandate.Requested {
		t.Errorf("declined without a reason: %v", err)
	}
	if err := no.Decline(strings.Repeat("x", 501), noon); fault.FieldsOf(err) == nil {
		t.Errorf("declined with a novel: %v", err)
	}
	if err := no.Decline("kennen wir nicht", noon); err != nil || no.RevokedAt == nil || no.InForce(noon) || !no.Event().Pending {
		t.Errorf("Decline = %v, %+v", err, no)
	}
	if err := no.Decline("nochmal", noon); fault.KindOf(err) != fault.Conflict {
		t.Errorf("declined twice: %v", err)
	}
}

func TestServicesAndNamesAreTidiedUp(t *testing.T) {
	t.Parallel()
	m := mandate.Mandate{
		Principal: "a", Agent: "b", Scopes: actor.Scopes(), From: noon, GrantedBy: "  Ines \t Bürger ",
		Services: []string{" Fachverfahren  Meldewesen ", "", "Fachverfahren Meldewesen", "E-Mail"},
	}
	if err := m.Check(); err != nil || strings.Join(m.Services, "|") != "Fachverfahren Meldewesen|E-Mail" || m.GrantedBy != "Ines Bürger" {
		t.Errorf("Check = %v, %q, %q", err, m.Services, m.GrantedBy)
	}
	m.Services, m.GrantedBy = []string{strings.Repeat("x", 201)}, strings.Repeat("x", 201)
	if got := fault.FieldsOf(m.Check()); len(got) != 2 {
		t.Errorf("fields %v, want services and granted_by", got)
	}
}
