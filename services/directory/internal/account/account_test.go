// SPDX-License-Identifier: EUPL-1.2

package account_test

import (
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

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
			err := tt.tries.Check(noon, account.Limits{})
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
