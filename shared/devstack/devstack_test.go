// SPDX-License-Identifier: EUPL-1.2

package devstack_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
)

func TestADatabaseOfATestIsItsOwn(t *testing.T) {
	t.Parallel()
	a, _ := devstack.NewDB(t, outbox.Migrations, inbox.Migrations, audit.Migrations)
	b, _ := devstack.NewDB(t, outbox.Migrations, inbox.Migrations, audit.Migrations)
	if _, err := a.Exec(`INSERT INTO inbox (consumer, event_id) VALUES ('x', gen_random_uuid())`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := b.Get(&n, `SELECT count(*) FROM inbox`); err != nil || n != 0 {
		t.Errorf("rows of another test's database: %d, %v; want none", n, err)
	}
}

func TestAPrivatePostgresSurvivesACrash(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(devstack.TempDir(t), "pg"), Durable: true, Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	if err := p.CreateDatabase(ctx, "intake"); err != nil {
		t.Fatal(err)
	}
	db := sqlx.MustOpen("postgres", p.URL("intake"))
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	if err := p.Crash(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.Get(&n, `SELECT n FROM kept`); err != nil || n != 1 {
		t.Errorf("after the crash: %d, %v; want the committed 1", n, err)
	}
}
