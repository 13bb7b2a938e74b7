// SPDX-License-Identifier: EUPL-1.2

package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// TestPostgres names the environment variable with the socket URL of a server
// that a whole test run shares (withstack sets it).
const TestPostgres = "LEITSTELLE_TEST_POSTGRES"

var own struct {
	sync.Once
	server *Postgres // kept: its pipe must stay open
	url    string
	err    error
}

// serverURL returns the shared server, or starts one for this test binary,
// which ends with it.
func serverURL() (string, error) {
	if u := os.Getenv(TestPostgres); u != "" {
		return u, nil
	}
	own.Do(func() {
		dir, err := Folder("lst-test-")
		if err != nil {
			own.err = err
			return
		}
		p, err := StartPostgres(context.Background(), PostgresOptions{Dir: dir + "/data", Discard: dir})
		if err != nil {
			own.err = err
			return
		}
		own.server, own.url = p, p.SocketURL("postgres")
	})
	return own.url, own.err
}

// NewDB returns a fresh database with the migrations applied: a clone of a
// template that is migrated once. It goes with the test. The second value is
// its URL.
func NewDB(t testing.TB, sets ...pg.Migrations) (*sqlx.DB, string) {
	t.Helper()
	server, err := serverURL()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	admin, err := sqlx.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	admin.SetMaxOpenConns(2)
	t.Cleanup(func() { _ = admin.Close() })
	name := "t_" + hex.EncodeToString([]byte(event.NewID()[24:]))
	if err := clone(ctx, admin, server, name, sets); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	u := withDatabase(server, name)
	db, err := pg.Open(u, pg.Options{Name: t.Name(), MaxConns: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = db.Close()
		if _, err := admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Logf("drop the test database: %v", err)
		}
	})
	return db, u
}

// clone makes the database from its template; a lock lets one process at a time
// touch a template.
func clone(ctx context.Context, admin *sqlx.DB, server, name string, sets []pg.Migrations) error {
	template, err := templateName(sets)
	if err != nil {
		return err
	}
	conn, err := admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext($1))`, template); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(ctx, `SELECT pg_advisory_unlock(hashtext($1))`, template) }()
	var there bool
	if err := conn.QueryRowContext(ctx, `SELECT exists(SELECT FROM pg_database WHERE datname = $1)`, template).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := makeTemplate(ctx, admin, server, template, sets); err != nil {
			return fmt.Errorf("template: %w", err)
		}
	}
	_, err = conn.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template)
	return err
}

func makeTemplate(ctx context.Context, admin *sqlx.DB, server, template string, sets []pg.Migrations) error {
	raw := template + "_raw"
	if _, err := admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+raw+` WITH (FORCE)`); err != nil {
		return err
	}
	if _, err := admin.ExecContext(ctx, `CREATE DATABASE `+raw); err != nil {
		return err
	}
	db, err := pg.Open(withDatabase(server, raw), pg.Options{Name: "template"})
	if err != nil {
		return err
	}
	err = pg.Migrate(ctx, db, sets...)
	_ = db.Close()
	if err != nil {
		return err
	}
	if _, err := admin.ExecContext(ctx,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, raw); err != nil {
		return err
	}
	// Renaming last: a half-made template never has the name that is looked for.
	_, err = admin.ExecContext(ctx, `ALTER DATABASE `+raw+` RENAME TO `+template)
	return err
}

func templateName(sets []pg.Migrations) (string, error) {
	h := sha256.New()
	for _, s := range sets {
		_, _ = fmt.Fprintf(h, "%s\x00", s.Name)
		err := fs.WalkDir(s.FS, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(s.FS, path)
			_, _ = fmt.Fprintf(h, "%s\x00%s\x00", path, b)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return "tpl_" + hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic("devstack: " + TestPostgres + " is no URL: " + err.Error())
	}
	u.Path = "/" + name
	return u.String()
}

// TempDir is a folder for a private PostgreSQL, which runs as another user and
// could not enter t.TempDir.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := Folder("lst-t-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = RemoveFolder(dir) })
	return dir
}

// Reader opens a test's database as the role that reads on behalf of people.
func Reader(t testing.TB, url, role string) *sqlx.DB {
	t.Helper()
	db, err := pg.OpenReader(url, "", role, pg.Options{Name: t.Name(), MaxConns: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
