// SPDX-License-Identifier: EUPL-1.2

package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestMandateCheck(t *testing.T) {
	t.Parallel()
	late := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		m     account.Mandate
		field string // "" when it is right
	}{
		"a right one":           {account.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read", "report"}, From: noon}, ""},
		"not with oneself":      {account.Mandate{Principal: "a", Agent: "a", Scopes: []actor.Scope{"read"}, From: noon}, "agent"},
		"not without an agent":  {account.Mandate{Principal: "a", Scopes: []actor.Scope{"read"}, From: noon}, "agent"},
		"not without scopes":    {account.Mandate{Principal: "a", Agent: "b", From: noon}, "scopes"},
		"no made-up scope":      {account.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read", "delete"}, From: noon}, "scopes"},
		"not without a start":   {account.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}}, "from"},
		"no end before a start": {account.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}, From: noon, To: &late}, "to"},
		"no novel as document":  {account.Mandate{Principal: "a", Agent: "b", Scopes: []actor.Scope{"read"}, From: noon, Document: strings.Repeat("x", 501)}, "document"},
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
		m    account.Mandate
		want bool
	}{
		"from its first moment":    {account.Mandate{From: noon}, true},
		"not a moment earlier":     {account.Mandate{From: noon.Add(time.Microsecond)}, false},
		"until before its end":     {account.Mandate{From: *hour(-2), To: hour(1)}, true},
		"not at its end":           {account.Mandate{From: *hour(-2), To: &noon}, false},
		"never when it is revoked": {account.Mandate{From: *hour(-2), RevokedAt: hour(-1)}, false},
	} {
		if got := tt.m.InForce(noon); got != tt.want {
			t.Errorf("%s: InForce = %v, want %v", name, got, tt.want)
		}
	}
	m := account.Mandate{ID: "1", From: *hour(-2), Version: 1}
	if err := m.Revoke(noon); err != nil || m.InForce(noon) || m.Version != 2 {
		t.Errorf("Revoke = %v, %+v; want ended in version 2", err, m)
	}
	if err := m.Revoke(noon); fault.KindOf(err) != fault.Conflict {
		t.Errorf("second Revoke = %v, want Conflict", err)
	}
}

func TestTriesCheck(t *testing.T) {
	t.Parallel()
	later := noon.Add(7 * time.Minute)
	for name, tt := range map[string]struct {
		tries account.Tries
		wait  time.Duration // 0: let in
	}{
		"the fifth try":            {account.Tries{Account: 4, Address: 19}, 0},
		"the sixth of an account":  {account.Tries{Account: 5, AccountFree: later}, 7 * time.Minute},
		"the 21st of a network":    {account.Tries{Address: 20, AddressFree: later}, 7 * time.Minute},
		"the longer wait counts":   {account.Tries{Account: 5, AccountFree: noon.Add(time.Minute), Address: 20, AddressFree: later}, 7 * time.Minute},
		"never less than a second": {account.Tries{Account: 5, AccountFree: noon}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.tries.Check(noon)
			if tt.wait == 0 {
				if err != nil {
					t.Errorf("Check = %v, want none", err)
				}
				return
			}
			f, ok := err.(*fault.Error) //nolint:errorlint // made right there
			if !ok || f.Kind != fault.Limited || f.Retry != tt.wait {
				t.Errorf("Check = %v, want Limited for %v", err, tt.wait)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "::ffff:10.1.2.3": "10.1.2.3", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "nonsense": "nonsense",
	} {
		if got := account.Network(in); got != want {
			t.Errorf("Network(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTokenCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		t     account.Token
		field string
	}{
		"a day":        {account.Token{Name: "x", CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 1)}, ""},
		"no name":      {account.Token{Name: " ", CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 1)}, "name"},
		"for ever":     {account.Token{Name: "x", CreatedAt: noon, ExpiresAt: noon.AddDate(2, 0, 0)}, "expires_at"},
		"over already": {account.Token{Name: "x", CreatedAt: noon, ExpiresAt: noon}, "expires_at"},
	} {
		f := fault.FieldsOf(tt.t.Check())
		if (tt.field == "") != (len(f) == 0) || len(f) > 0 && f[0].Name != tt.field {
			t.Errorf("%s: fields %v, want %q", name, f, tt.field)
		}
	}
}

func TestPersonCheck(t *testing.T) {
	t.Parallel()
	ok := account.Person{
		Name: "Kim Beispiel", Email: "kim@example.org", Language: "de",
		Memberships: []account.Membership{{Organisation: "o", Role: actor.Officer}},
	}
	if err := ok.Check(); err != nil {
		t.Errorf("Check = %v, want none", err)
	}
	for name, change := range map[string]func(*account.Person){
		"name": func(p *account.Person) { p.Name = " " }, "email": func(p *account.Person) { p.Email = "Kim@Example.org" },
		"phone": func(p *account.Person) { p.Phone = "call me" }, "language": func(p *account.Person) { p.Language = "fr" },
		"memberships": func(p *account.Person) { p.Memberships = []account.Membership{{Organisation: "o", Role: "king"}} },
	} {
		p := ok
		change(&p)
		if f := fault.FieldsOf(p.Check()); len(f) != 1 || f[0].Name != name {
			t.Errorf("%s: fields %v", name, f)
		}
	}
}
