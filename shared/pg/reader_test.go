// SPDX-License-Identifier: EUPL-1.2

package pg_test

import (
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Whatever gives the reader more than its role, nothing is read with it: least
// of all when a pooler drops the parameter that sets the role.
func TestNothingIsReadOnBehalfOfPeopleWithoutRowLevelSecurity(t *testing.T) {
	t.Parallel()
	admin, server := devstack.NewDB(t)
	tail := hex.EncodeToString([]byte(event.NewID()[24:]))
	role, owner := "reader_"+tail, "owner_"+tail
	for _, s := range []string{
		`CREATE ROLE ` + role + ` LOGIN`, `CREATE ROLE login_` + tail + ` LOGIN IN ROLE ` + role, `CREATE ROLE other_` + tail + ` LOGIN`,
		`CREATE ROLE bypass_` + tail + ` LOGIN BYPASSRLS IN ROLE ` + role, `CREATE ROLE ` + owner + ` LOGIN IN ROLE ` + role,
		`CREATE ROLE above_` + tail + ` LOGIN IN ROLE ` + owner,
		`CREATE TABLE secret (id int); ALTER TABLE secret OWNER TO ` + owner,
	} {
		if _, err := admin.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, r := range []string{"login_", "other_", "bypass_", "above_", "owner_", "reader_"} {
			if _, err := admin.Exec(`DROP OWNED BY ` + r + tail + `; DROP ROLE ` + r + tail); err != nil {
				t.Error(err)
			}
		}
	})
	as := func(name string) string {
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("role", name)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, tt := range map[string]struct {
		url  string // of its own; "": the role by a start-up parameter
		want string // why it is refused; "": it reads
	}{
		"the role":                     {"", ""},
		"a login in the role":          {as("login_" + tail), ""},
		"the owner, without parameter": {as(owner), "owns the tables"},
		"one in the owner's role":      {as("above_" + tail), "owns the tables"},
		"a superuser":                  {server, "is a superuser"},
		"one with BYPASSRLS":           {as("bypass_" + tail), "has BYPASSRLS"},
		"somebody else":                {as("other_" + tail), "is not in the role"},
	} {
		people, err := pg.OpenReader(server, tt.url, role, pg.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check := pg.CheckReader(t.Context(), people, role)
		read := pg.As(t.Context(), people, actor.Seer{}, func(pg.DB) error { return nil })
		if tt.want == "" && (check != nil || read != nil) {
			t.Errorf("%s: %v, %v; want none", name, check, read)
		}
		if tt.want != "" && (!fault.Is(check, fault.Unavailable) || !strings.Contains(check.Error(), tt.want) || !fault.Is(read, fault.Unavailable)) {
			t.Errorf("%s: %v, %v; want Unavailable: %s", name, check, read, tt.want)
		}
		_ = people.Close()
	}
}
