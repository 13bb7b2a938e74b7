// SPDX-License-Identifier: EUPL-1.2

package devstack

import (
	"context"
	"encoding/hex"
	"net/url"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// CheckRLS fails t unless every table of the database is under forced row-level
// security or stands in open with the reason why it need not be. reader, the
// role that reads on behalf of people, has no right to the open ones and may
// change nothing; nothing else in the database leads around the policies.
func CheckRLS(t testing.TB, db *sqlx.DB, reader string, open map[string]string) {
	t.Helper()
	var tables []struct {
		Name   string `db:"name"`
		Forced bool   `db:"forced"`
		Reads  bool   `db:"reads"`
		Writes bool   `db:"writes"`
	}
	if err := db.Select(&tables, `
		SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
			has_any_column_privilege($1, c.oid, 'SELECT') AS reads,
			has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR c.relowner = $1::regrole AS writes
		FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relnamespace = 'public'::regnamespace`, reader); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, x := range tables {
		known[x.Name] = true
		switch reason := open[x.Name]; {
		case x.Writes:
			t.Errorf("%s may change %s", reader, x.Name)
		case x.Forced:
		case reason == "":
			t.Errorf("the table %s is without forced row-level security, and nothing says why", x.Name)
		case x.Reads:
			t.Errorf("%s may read %s, which no policy guards", reader, x.Name)
		}
	}
	for name := range open {
		if !known[name] {
			t.Errorf("there is no table %s to be open", name)
		}
	}
	for what, query := range map[string]string{
		"roles that are bound by nothing": `SELECT rolname FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)`,
		"views with their owner's eyes": `SELECT c.relname FROM pg_class c WHERE $1 <> '' AND c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace
			AND NOT coalesce(c.reloptions::text LIKE '%security_invoker=true%', false)`,
		"functions with their owner's eyes and anybody's search path": `SELECT p.proname FROM pg_proc p WHERE $1 <> '' AND p.prosecdef
			AND p.pronamespace = 'public'::regnamespace AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false)`,
	} {
		var names []string
		if err := db.Select(&names, query, reader); err != nil {
			t.Fatal(err)
		}
		if len(names) > 0 {
			t.Errorf("%s: %v", what, names)
		}
	}
}

// NewOwnedDB is NewDB with an owner as in production: a login without any
// privilege of its own, bound by the policies too. role is the service's reader,
// which an administrator made and gave to the login.
func NewOwnedDB(t testing.TB, role string, sets ...pg.Migrations) (*sqlx.DB, string) {
	t.Helper()
	server, err := serverURL()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	admin, err := sqlx.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	admin.SetMaxOpenConns(2)
	t.Cleanup(func() { _ = admin.Close() })
	name := "o_" + hex.EncodeToString([]byte(event.NewID()[24:]))
	for _, s := range []string{
		`DO $$ BEGIN CREATE ROLE ` + role + ` LOGIN NOSUPERUSER NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		`CREATE ROLE ` + name + ` LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS IN ROLE ` + role,
		`CREATE DATABASE ` + name + ` OWNER ` + name + ` TEMPLATE template0`,
	} {
		if _, err := admin.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	u, err := url.Parse(withDatabase(server, name))
	if err != nil {
		t.Fatal(err)
	}
	owner, err := sqlx.Open("postgres", u.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Exec(`ALTER SCHEMA public OWNER TO ` + name + `; REVOKE ALL ON SCHEMA public FROM PUBLIC`); err != nil {
		t.Fatal(err)
	}
	_ = owner.Close()
	u.User = url.User(name)
	db, err := pg.Open(u.String(), pg.Options{Name: t.Name(), MaxConns: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = db.Close()
		for _, s := range []string{`DROP DATABASE ` + name + ` WITH (FORCE)`, `DROP ROLE ` + name} {
			if _, err := admin.Exec(s); err != nil {
				t.Logf("%s: %v", s, err)
			}
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := pg.Migrate(ctx, db, sets...); err != nil {
		t.Fatalf("migrate as the owner: %v", err)
	}
	return db, u.String()
}
