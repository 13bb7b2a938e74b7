// SPDX-License-Identifier: EUPL-1.2

package audit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

var things = pg.Migrations{Name: "things", FS: fstest.MapFS{"00001_things.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE thing (id text NOT NULL);")}}}

func newDB(t *testing.T) *sqlx.DB {
	t.Helper()
	db, _ := devstack.NewDB(t, audit.Migrations, things)
	return db
}

func entry(object string) audit.Entry {
	return audit.Entry{
		At: noon, Action: "report.create", ObjectType: "report", ObjectID: object, RequestID: "r1",
		Digests: map[string]string{"phone": audit.Digest([]byte("key"), "+49361")},
	}.By(actor.Actor{Person: "kim"}, "org")
}

// write appends n entries, each in a transaction of its own.
func write(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	for i := range n {
		if err := change(t.Context(), db, fmt.Sprint("object-", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// change is a business change with its entry.
func change(ctx context.Context, db *sqlx.DB, id string) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO thing (id) VALUES ($1)`, id); err != nil {
			return err
		}
		_, err := audit.Append(ctx, tx, entry(id))
		return err
	})
}

func verify(t *testing.T, db pg.DB, anchors ...audit.Anchor) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), db, anchors)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAChainHoldsFromGenesisToHead(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	if r := verify(t, db); !r.OK() || r.Entries != 0 || r.Head != strings.Repeat("00", 32) {
		t.Errorf("an empty chain = %+v, want ok with the genesis as head", r)
	}
	write(t, db, 3)
	var first int64
	err := pg.InTx(t.Context(), db, func(tx pg.DB) (err error) {
		first, err = audit.Append(t.Context(), tx, entry("a"), entry("b"))
		return err
	})
	if err != nil || first != 4 {
		t.Errorf("Append = %d, %v; want the first new seq 4", first, err)
	}
	if r := verify(t, db); !r.OK() || r.Entries != 5 {
		t.Errorf("Verify = %+v, want 5 good entries", r)
	}
}

func TestSixteenWritersLeaveNoGap(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 10 {
				if err := change(t.Context(), db, fmt.Sprintf("%d-%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	// A verification in the middle of it all finds nothing wrong either.
	for range 5 {
		if r := verify(t, db); !r.OK() {
			t.Errorf("while they write: entry %d bad: %s", r.Bad, r.Why)
		}
	}
	wg.Wait()
	if r := verify(t, db); !r.OK() || r.Entries != 160 {
		t.Errorf("Verify = %+v, want 160 entries without a gap", r)
	}
}

// asOwner does what only the owner of the tables can: the triggers are off.
func asOwner(t *testing.T, db *sqlx.DB, statements ...string) {
	t.Helper()
	for _, s := range append([]string{`ALTER TABLE audit DISABLE TRIGGER ALL`}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestD13TheVerifierNamesTheFirstBadEntry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tamper []string
		bad    int64
	}{
		"a column edited":            {[]string{`UPDATE audit SET actor = 'nobody' WHERE seq = 3`}, 3},
		"the result edited":          {[]string{`UPDATE audit SET result = 'denied' WHERE seq = 4`}, 4},
		"the time edited":            {[]string{`UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 2`}, 2},
		"the body edited":            {[]string{`UPDATE audit SET body = convert_to(replace(convert_from(body, 'UTF8'), 'kim', 'tom'), 'UTF8') WHERE seq = 3`}, 3},
		"body and column edited":     {[]string{`UPDATE audit SET actor = 'tom', body = convert_to(replace(convert_from(body, 'UTF8'), 'kim', 'tom'), 'UTF8') WHERE seq = 5`}, 5},
		"entry and hash edited":      {[]string{`UPDATE audit SET actor = 'tom', body = convert_to(replace(convert_from(body, 'UTF8'), 'kim', 'tom'), 'UTF8') WHERE seq = 3`, `UPDATE audit SET hash = sha256('\x00'::bytea || prev || body) WHERE seq = 3`}, 4},
		"one deleted":                {[]string{`DELETE FROM audit WHERE seq = 4`}, 4},
		"the first deleted":          {[]string{`DELETE FROM audit WHERE seq = 1`}, 1},
		"two changed places":         {[]string{`UPDATE audit SET seq = -seq WHERE seq IN (2, 3)`, `UPDATE audit SET seq = 5 + seq WHERE seq < 0`}, 2},
		"one slipped in":             {[]string{`UPDATE audit SET seq = -seq WHERE seq > 3`, `UPDATE audit SET seq = 1 - seq WHERE seq < 0`, `INSERT INTO audit SELECT 4, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash FROM audit WHERE seq = 3`}, 4},
		"one put before the first":   {[]string{`INSERT INTO audit SELECT 0, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash FROM audit WHERE seq = 1`}, 1},
		"the tail cut":               {[]string{`DELETE FROM audit WHERE seq > 4`}, 5},
		"the head set back":          {[]string{`UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit WHERE seq = 5)`}, 7},
		"the head gone":              {[]string{`DELETE FROM audit_head`}, 7},
		"everything gone but a head": {[]string{`DELETE FROM audit`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			write(t, db, 6)
			asOwner(t, db, tt.tamper...)
			if r := verify(t, db); r.Bad != tt.bad || r.Why == "" {
				t.Errorf("Verify = %+v, want entry %d to be bad", r, tt.bad)
			}
		})
	}
}

func TestTheAuditOnlyGrows(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	write(t, db, 2)
	for _, s := range []string{`UPDATE audit SET actor = 'x' WHERE seq = 1`, `DELETE FROM audit WHERE seq = 1`, `TRUNCATE audit`} {
		if _, err := db.Exec(s); err == nil || !strings.Contains(err.Error(), "only grows") {
			t.Errorf("%s = %v, want it refused", s, err)
		}
	}
	if r := verify(t, db); !r.OK() || r.Entries != 2 {
		t.Errorf("Verify = %+v, want 2 good entries", r)
	}
}

// checkpointer is one with a folder and a key of the test.
func checkpointer(t *testing.T, db *sqlx.DB) (audit.Checkpointer, func() ([]audit.Anchor, error)) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Checkpointer{DB: db, Service: "intake", Dir: t.TempDir(), Key: private, Log: zap.NewNop(), Now: func() time.Time { return noon }}
	return c, func() ([]audit.Anchor, error) { return audit.ReadAnchors(c.Dir, "intake", public) }
}

func checkpoint(t *testing.T, c audit.Checkpointer) {
	t.Helper()
	if err := c.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestD13OnlyAnAnchorShowsARewrittenChain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entries int  // of the chain that replaces the six
		again   bool // the owner lets a new checkpoint be made of it
		bad     int64
	}{
		"rewritten":                          {6, false, 4},
		"rewritten and checkpointed anew":    {6, true, 4},
		"rewritten and grown":                {8, true, 4},
		"cut, with a head that fits":         {3, false, 4},
		"cut, and checkpointed anew":         {3, true, 4},
		"emptied":                            {0, true, 1},
		"rewritten behind the last anchor":   {5, false, 4},
		"rewritten shorter, then grown long": {9, true, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			c, anchors := checkpointer(t, db)
			write(t, db, 3)
			checkpoint(t, c)
			write(t, db, 1)
			checkpoint(t, c)
			write(t, db, 2)
			// The first three stay as they were, what follows is made up and linked well.
			asOwner(t, db, `CREATE TABLE old AS TABLE audit`, `DELETE FROM audit`,
				`UPDATE audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')`)
			if tt.entries > 0 {
				asOwner(t, db, `INSERT INTO audit SELECT * FROM old WHERE seq <= 3`,
					`UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM old WHERE seq = 3)`)
			}
			for i := 3; i < tt.entries; i++ {
				if err := change(t.Context(), db, fmt.Sprint("invented-", i)); err != nil {
					t.Fatal(err)
				}
			}
			if r := verify(t, db); !r.OK() {
				t.Fatalf("without anchors: %+v; the test's own chain is bad", r)
			}
			if tt.again {
				checkpoint(t, c)
			}
			kept, err := anchors()
			if err != nil {
				t.Fatal(err)
			}
			if r := verify(t, db, kept...); r.Bad != tt.bad {
				t.Errorf("Verify = %+v, want entry %d to be bad", r, tt.bad)
			}
		})
	}
}

func TestAForgedAnchorIsAnError(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(line string) string{
		"another seq":        func(s string) string { return strings.Replace(s, `"seq":2`, `"seq":1`, 1) },
		"another head":       func(s string) string { return strings.Replace(s, `"head":"`, `"head":"00`, 1) },
		"another time":       func(s string) string { return strings.Replace(s, "2026", "2027", 1) },
		"another service":    func(s string) string { return strings.Replace(s, "intake", "triage", 1) },
		"no signature":       func(s string) string { return s[:strings.Index(s, `,"sig"`)] + "}" },
		"half a line":        func(s string) string { return s[:len(s)/2] },
		"no hex in the sign": func(s string) string { return strings.Replace(s, `"sig":"`, `"sig":"zz`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			write(t, db, 2)
			c, anchors := checkpointer(t, db)
			checkpoint(t, c)
			path := filepath.Join(c.Dir, "intake.jsonl")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := anchors(); err != nil || len(got) != 1 {
				t.Fatalf("the honest file = %v, %v", got, err)
			}
			if err := os.WriteFile(path, []byte(forge(string(b))), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := anchors(); err == nil {
				t.Errorf("ReadAnchors = %v, want an error", got)
			}
		})
	}
}

func TestACheckpointIsMadeAtTheEndToo(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	write(t, db, 2)
	c, anchors := checkpointer(t, db)
	if got, err := anchors(); err != nil || got != nil {
		t.Fatalf("before the first checkpoint: %v, %v; want none", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := anchors()
	if err != nil || len(got) != 1 || got[0].Seq != 2 || !got[0].At.Equal(noon) {
		t.Errorf("anchors = %+v, %v; want one of 2 entries", got, err)
	}
	if r := verify(t, db, got...); !r.OK() {
		t.Errorf("Verify = %+v, want ok", r)
	}
}

func TestF11AMissingFolderForCheckpointsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	c, _ := checkpointer(t, db)
	c.Dir = filepath.Join(c.Dir, "gone")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Errorf("Run = %v, want it only logged", err)
	}
	write(t, db, 1)
}

func TestF10WithoutItsEntryNoChangeHappens(t *testing.T) {
	t.Parallel()
	t.Run("the insert fails", func(t *testing.T) {
		t.Parallel()
		db := newDB(t)
		for _, s := range []string{
			`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk of the audit'; END $$`,
			`CREATE TRIGGER broken BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION broken()`,
		} {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := change(t.Context(), db, "a"); err == nil {
			t.Error("the change passes without its entry")
		}
		nothing(t, db)
	})
	t.Run("the head of the chain is locked", func(t *testing.T) {
		t.Parallel()
		_, url := devstack.NewDB(t, audit.Migrations, things)
		db, err := pg.Open(url, pg.Options{Lock: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		held := db.MustBegin()
		held.MustExec(`SELECT seq FROM audit_head FOR UPDATE`)
		if err := change(t.Context(), db, "a"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("change = %v, want unavailable", err)
		}
		if err := held.Rollback(); err != nil {
			t.Fatal(err)
		}
		nothing(t, db)
	})
	t.Run("the head of the chain is gone", func(t *testing.T) {
		t.Parallel()
		db := newDB(t)
		asOwner(t, db, `DELETE FROM audit_head`)
		if err := change(t.Context(), db, "a"); err == nil {
			t.Error("the change passes without a chain")
		}
		nothing(t, db)
	})
}

func nothing(t *testing.T, db *sqlx.DB) {
	t.Helper()
	var n int
	if err := db.Get(&n, `SELECT (SELECT count(*) FROM thing) + (SELECT count(*) FROM audit)`); err != nil || n != 0 {
		t.Errorf("%d rows were left, %v; want neither change nor entry", n, err)
	}
}

func TestADigestShowsAValueOnlyToWhoHasTheKey(t *testing.T) {
	t.Parallel()
	a, b := audit.Digest([]byte("k1"), "v"), audit.Digest([]byte("k2"), "v")
	if a == b || a != audit.Digest([]byte("k1"), "v") || len(a) != 64 {
		t.Errorf("digests %q and %q: want stable ones that depend on the key", a, b)
	}
}
