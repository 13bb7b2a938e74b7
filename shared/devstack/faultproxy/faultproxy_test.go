// SPDX-License-Identifier: EUPL-1.2

package faultproxy_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/faultproxy"
)

// open returns a direct connection, a proxied one and the proxy.
func open(t *testing.T) (direct, through *sqlx.DB, p *faultproxy.Proxy) {
	t.Helper()
	direct, url := devstack.NewDB(t)
	if _, err := direct.Exec(`CREATE TABLE kept (n int)`); err != nil {
		t.Fatal(err)
	}
	p, url = faultproxy.Postgres(t, url)
	through = sqlx.MustOpen("postgres", url)
	t.Cleanup(func() { _ = through.Close() })
	return direct, through, p
}

func count(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM kept`); err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(db *sqlx.DB) error {
	tx, err := db.Beginx()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`INSERT INTO kept VALUES (1)`); err != nil {
		return err
	}
	return tx.Commit()
}

func TestTheServerCommitsWhenTheReplyIsCut(t *testing.T) {
	t.Parallel()
	direct, through, p := open(t)
	p.Next(faultproxy.Commit, faultproxy.CutReply, 1)
	if err := insert(through); err == nil {
		t.Error("the client got an answer, want an error")
	}
	if got := count(t, direct); got != 1 {
		t.Errorf("rows = %d, want the committed one", got)
	}
	if err := insert(through); err != nil {
		t.Errorf("the next one: %v, want it to pass", err)
	}
	if got := p.Hits(); got != 1 {
		t.Errorf("hits = %d, want 1", got)
	}
}

func TestTheServerNeverSeesACutRequest(t *testing.T) {
	t.Parallel()
	direct, through, p := open(t)
	p.Next(faultproxy.Commit, faultproxy.CutRequest, 1)
	if err := insert(through); err == nil {
		t.Error("the client got an answer, want an error")
	}
	if got := count(t, direct); got != 0 {
		t.Errorf("rows = %d, want none", got)
	}
}

func TestAHeldReplyComesWithResume(t *testing.T) {
	t.Parallel()
	direct, through, p := open(t)
	p.Next(faultproxy.Commit, faultproxy.HoldReply, 1)
	done := make(chan error, 1)
	go func() { done <- insert(through) }()
	devstack.Eventually(t, 10*time.Second, "committed at the server", func() bool { return count(t, direct) == 1 })
	select {
	case err := <-done:
		t.Fatalf("the client got its answer (%v) before Resume", err)
	default:
	}
	p.Resume()
	if err := <-done; err != nil {
		t.Errorf("after Resume: %v, want the answer", err)
	}
}

func TestDownRefusesUntilUp(t *testing.T) {
	t.Parallel()
	_, through, p := open(t)
	if err := through.Ping(); err != nil {
		t.Fatal(err)
	}
	p.Down()
	if err := through.Ping(); err == nil {
		t.Error("Ping passes while the proxy is down")
	}
	p.Up()
	if err := through.Ping(); err != nil {
		t.Errorf("after Up: %v", err)
	}
}

func TestStallHoldsEverythingUntilResume(t *testing.T) {
	t.Parallel()
	_, through, p := open(t)
	p.Stall()
	done := make(chan error, 1)
	go func() { done <- through.Ping() }()
	p.Resume()
	if err := <-done; err != nil {
		t.Errorf("after Resume: %v, want the answer", err)
	}
}
