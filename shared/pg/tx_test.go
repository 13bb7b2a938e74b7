// SPDX-License-Identifier: EUPL-1.2

package pg_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/faultproxy"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

const schema = `-- +goose Up
CREATE TABLE kept (
    key text NOT NULL CONSTRAINT kept_key_key UNIQUE,
    ref text CONSTRAINT kept_ref_fkey REFERENCES kept (key) DEFERRABLE INITIALLY DEFERRED
);`

var migrations = pg.Migrations{Name: "pgtest", FS: fstest.MapFS{"00001_kept.sql": {Data: []byte(schema)}}}

// stack is a database, and the same one behind a proxy.
type stack struct {
	direct, through *sqlx.DB
	proxy           *faultproxy.Proxy
}

func setup(t *testing.T, o pg.Options) stack {
	t.Helper()
	direct, url := devstack.NewDB(t, migrations)
	proxy, url := faultproxy.Postgres(t, url)
	through, err := pg.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = through.Close() })
	return stack{direct: direct, through: through, proxy: proxy}
}

func keep(ctx context.Context, db pg.DB, key string) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO kept (key) VALUES ($1)`, key)
		return err
	})
}

// kept counts the rows of a key.
func kept(t *testing.T, db *sqlx.DB, key string) int {
	t.Helper()
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM kept WHERE key = $1`, key); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestF3ALostAnswerToCommitIsUnknown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault faultproxy.Fault
		rows  int
	}{
		"the server had committed":     {faultproxy.CutReply, 1},
		"the server never heard of it": {faultproxy.CutRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, pg.Options{})
			s.proxy.Next(faultproxy.Commit, tt.fault, 1)
			err := keep(t.Context(), s.through, "a")
			if !errors.Is(err, pg.ErrOutcomeUnknown) || fault.KindOf(err) != fault.Unavailable {
				t.Errorf("InTx = %v, want an unknown outcome of kind unavailable", err)
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Retry == 0 || f.Retry > 2*time.Second {
				t.Errorf("Retry = %v, want at most 2 s", f)
			}
			// The one allowed way on: look up the key on a new connection.
			if got := kept(t, s.through, "a"); got != tt.rows {
				t.Errorf("rows = %d, want %d", got, tt.rows)
			}
		})
	}
}

func TestF4AStatementCutInsideATransactionIsNeitherDoneNorRepeated(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{})
	s.proxy.Next("INSERT INTO kept", faultproxy.CutReply, 1)
	err := keep(t.Context(), s.through, "a")
	if errors.Is(err, pg.ErrOutcomeUnknown) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("InTx = %v, want unavailable and surely not done", err)
	}
	if got := kept(t, s.direct, "a"); got != 0 {
		t.Errorf("rows = %d, want none: lib/pq repeated the statement or it was committed", got)
	}
	if err := keep(t.Context(), s.through, "a"); err != nil {
		t.Errorf("the client's next try: %v", err)
	}
	if got := kept(t, s.direct, "a"); got != 1 {
		t.Errorf("rows = %d, want 1", got)
	}
}

func TestF6ASilentServerIsLeftAtTheDeadline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		words   string
		warm    bool
		unknown bool
	}{
		"while it connects":   {"leitstelle", false, false},
		"at a statement":      {"INSERT INTO kept", true, false},
		"at the commit":       {faultproxy.Commit, true, true},
		"at the begin of all": {"BEGIN", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, pg.Options{Silence: time.Minute, Stmt: time.Minute})
			if tt.warm {
				if err := s.through.PingContext(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.proxy.Next(tt.words, faultproxy.HoldReply, 1)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := keep(ctx, s.through, "a")
			if took := time.Since(start); took > 2500*time.Millisecond {
				t.Errorf("it took %s, want the deadline of 300 ms and little more", took)
			}
			if fault.KindOf(err) != fault.Unavailable || errors.Is(err, pg.ErrOutcomeUnknown) != tt.unknown {
				t.Errorf("InTx = %v, want unavailable, unknown: %v", err, tt.unknown)
			}
			if s.proxy.Hits() != 1 {
				t.Error("the proxy held no reply: the test tests nothing")
			}
			s.proxy.Resume()
			if err := keep(t.Context(), s.through, "b"); err != nil {
				t.Errorf("when the server speaks again: %v", err)
			}
		})
	}
}

func TestF6ASilentServerIsLeftWithoutADeadlineToo(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{Silence: 200 * time.Millisecond})
	s.proxy.Next("INSERT INTO kept", faultproxy.HoldReply, 1)
	start := time.Now()
	err := keep(context.Background(), s.through, "a")
	if took := time.Since(start); took > 3*time.Second || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("InTx = %v after %s, want unavailable after 200 ms of silence", err, took)
	}
}

func TestF7ALockThatNobodyGivesUpIsUnavailable(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{Lock: 100 * time.Millisecond})
	held := s.direct.MustBegin()
	defer func() { _ = held.Rollback() }()
	held.MustExec(`LOCK TABLE kept`)
	if err := keep(t.Context(), s.through, "a"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("InTx = %v, want unavailable", err)
	}
}

func TestF7AStatementThatTakesTooLongIsUnavailable(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{Stmt: 100 * time.Millisecond})
	err := pg.InTx(t.Context(), s.through, func(tx pg.DB) error {
		_, err := tx.ExecContext(t.Context(), `SELECT pg_sleep(30)`)
		return err
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("InTx = %v, want unavailable", err)
	}
}

func TestF5AfterACrashTheSamePoolWorksAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: devstack.TempDir(t) + "/pg", Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	db, err := pg.Open(server.SocketURL("postgres"), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := pg.Migrate(ctx, db, migrations); err != nil {
		t.Fatal(err)
	}
	if err := keep(ctx, db, "before"); err != nil {
		t.Fatal(err)
	}
	if err := server.Crash(ctx); err != nil {
		t.Fatal(err)
	}
	if err := keep(ctx, db, "while down"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while it is down: %v, want unavailable", err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	devstack.Eventually(t, 10*time.Second, "writing again", func() bool { return keep(ctx, db, "after") == nil })
	t.Logf("wrote again %s after the restart", time.Since(start))
	if got := kept(t, db, "before"); got != 1 {
		t.Errorf("acknowledged rows after the crash = %d, want 1", got)
	}
}

func TestInTxIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{})
	ctx := t.Context()
	t.Run("an error takes everything back and keeps its kind", func(t *testing.T) {
		err := pg.InTx(ctx, s.through, func(tx pg.DB) error {
			if err := keep(ctx, tx, "a"); err != nil { // joins
				return err
			}
			return fault.New(fault.Conflict, "no")
		})
		if fault.KindOf(err) != fault.Conflict || kept(t, s.direct, "a") != 0 {
			t.Errorf("InTx = %v with %d rows, want the conflict and none", err, kept(t, s.direct, "a"))
		}
	})
	t.Run("a panic takes everything back", func(t *testing.T) {
		func() {
			defer func() { _ = recover() }()
			_ = pg.InTx(ctx, s.through, func(tx pg.DB) error {
				if err := keep(ctx, tx, "b"); err != nil {
					return err
				}
				panic("in the middle")
			})
		}()
		if kept(t, s.direct, "b") != 0 || s.through.Stats().InUse != 0 {
			t.Errorf("%d rows, %d connections in use; want none", kept(t, s.direct, "b"), s.through.Stats().InUse)
		}
	})
	t.Run("a swallowed error of a statement is no success, and no unknown outcome", func(t *testing.T) {
		err := pg.InTx(ctx, s.through, func(tx pg.DB) error {
			_, _ = tx.ExecContext(ctx, `SELECT 1/0`)
			return nil
		})
		if err == nil || errors.Is(err, pg.ErrOutcomeUnknown) {
			t.Errorf("InTx = %v, want a certain failure", err)
		}
	})
	t.Run("a rule that breaks only at the commit is a certain failure", func(t *testing.T) {
		err := pg.InTx(ctx, s.through, func(tx pg.DB) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO kept (key, ref) VALUES ('c', 'nobody')`)
			return err
		})
		if !pg.Violates(err, "kept_ref_fkey") || errors.Is(err, pg.ErrOutcomeUnknown) || kept(t, s.direct, "c") != 0 {
			t.Errorf("InTx = %v, want the foreign key", err)
		}
	})
	t.Run("the index names the duplicate", func(t *testing.T) {
		if err := keep(ctx, s.through, "d"); err != nil {
			t.Fatal(err)
		}
		if err := keep(ctx, s.through, "d"); !pg.Violates(err, "kept_key_key") || fault.KindOf(err) != fault.Internal {
			t.Errorf("InTx = %v, want the violation, unclassified", err)
		}
	})
	t.Run("a caller that went away is unavailable, not our mistake", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		err := keep(gone, s.through, "e")
		if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("InTx = %v, want unavailable and the context's error", err)
		}
	})
}

func TestAPreparedStatementOutlivesTheContextThatPreparedIt(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{})
	conn, err := s.through.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	stmt, err := conn.PreparexContext(short, `SELECT 1`)
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stmt.Close() }()
	var one int
	if err := stmt.GetContext(t.Context(), &one); err != nil || one != 1 {
		t.Errorf("the statement later = %d, %v; want 1", one, err)
	}
}

func TestNoRowsIsNotFound(t *testing.T) {
	t.Parallel()
	if err := pg.NoRows(t.Context(), sql.ErrNoRows, "no report %s", "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("NoRows = %v, want not-found", err)
	}
	if err := pg.NoRows(t.Context(), nil, "no report"); err != nil {
		t.Errorf("NoRows(nil) = %v, want nil", err)
	}
}

func TestWhatIsNoTextIsMalformed(t *testing.T) {
	t.Parallel()
	s := setup(t, pg.Options{})
	for _, bad := range []string{"a\x00b", "\xff"} {
		if err := keep(t.Context(), s.direct, bad); fault.KindOf(err) != fault.Malformed {
			t.Errorf("keep(%q) = %v, want malformed", bad, err)
		}
	}
}

func TestReplicasMayMigrateTogether(t *testing.T) {
	t.Parallel()
	_, url := devstack.NewDB(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := pg.Open(url, pg.Options{MaxConns: 3})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = db.Close() }()
			if err := pg.Migrate(t.Context(), db, migrations); err != nil {
				t.Errorf("Migrate = %v, want every replica to find a migrated database", err)
			}
		})
	}
	wg.Wait()
}

func TestOpenRefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	if _, err := pg.Open("postgres://%zz", pg.Options{}); err == nil {
		t.Error("Open accepts nonsense")
	}
	db, err := pg.Open("postgres://nobody@127.0.0.1:1/x", pg.Options{})
	if err != nil {
		t.Fatalf("Open = %v, want a pool: the database may come later", err)
	}
	defer func() { _ = db.Close() }()
	if err := pg.Classify(t.Context(), db.PingContext(t.Context())); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a database that is not there = %v, want unavailable", err)
	}
}
