// SPDX-License-Identifier: EUPL-1.2

package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var things = pg.Migrations{Name: "things", FS: fstest.MapFS{"00001_things.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE thing (id text NOT NULL);")}}}

func newDB(t *testing.T) (*sqlx.DB, string) {
	t.Helper()
	return devstack.NewDB(t, outbox.Migrations, things)
}

// posted is an event about a thing.
func posted(id string) event.Event {
	return event.New(event.DeliveryFailed{Delivery: id}, event.Meta{At: time.Now(), Actor: "test"})
}

// change is a business change with its event.
func change(ctx context.Context, db pg.DB, id string) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO thing (id) VALUES ($1)`, id); err != nil {
			return err
		}
		return outbox.Add(ctx, tx, posted(id))
	})
}

// broker is a publisher that remembers what it got; refuse says which it does
// not acknowledge.
type broker struct {
	mu     sync.Mutex
	got    []int64
	refuse func(outbox.Message) bool
}

func (b *broker) Publish(_ context.Context, messages []outbox.Message) ([]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var done []int64
	for _, m := range messages {
		if b.refuse != nil && b.refuse(m) {
			return done, errors.New("the broker is away")
		}
		b.got = append(b.got, m.Seq)
		done = append(done, m.Seq)
	}
	return done, nil
}

func (b *broker) published() []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func step(t *testing.T, r *outbox.Relay) int {
	t.Helper()
	n, err := r.Step(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func waiting(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	n, _, err := outbox.Waiting(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheEventCommitsWithTheChangeOrNotAtAll(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	boom := errors.New("boom")
	err := pg.InTx(t.Context(), db, func(tx pg.DB) error {
		return errors.Join(change(t.Context(), tx, "a"), boom)
	})
	if !errors.Is(err, boom) || waiting(t, db) != 0 {
		t.Errorf("after a rollback: %v, %d events; want none", err, waiting(t, db))
	}
	e := posted("b")
	for i, want := range []bool{true, false} {
		err := pg.InTx(t.Context(), db, func(tx pg.DB) error { return outbox.Add(t.Context(), tx, e) })
		if (err == nil) != want || !want && !pg.Violates(err, "outbox_id_key") {
			t.Errorf("adding the same event for the %d. time: %v", i+1, err)
		}
	}
	if got := waiting(t, db); got != 1 {
		t.Errorf("waiting = %d, want 1", got)
	}
	if err := outbox.Add(t.Context(), db); err != nil {
		t.Errorf("adding nothing: %v", err)
	}
}

// F13/D10: a relay that remembers the last seq it saw would lose the first one.
func TestF13AnEarlierSeqThatCommitsLaterIsNotLost(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	b := &broker{}
	r := &outbox.Relay{DB: db, Publisher: b, Log: zap.NewNop()}
	early := db.MustBegin()
	defer func() { _ = early.Rollback() }()
	if err := outbox.Add(t.Context(), early, posted("first seq, second commit")); err != nil {
		t.Fatal(err)
	}
	if err := change(t.Context(), db, "second seq, first commit"); err != nil {
		t.Fatal(err)
	}
	if n := step(t, r); n != 1 {
		t.Errorf("the first step published %d, want the committed one", n)
	}
	if err := early.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := step(t, r); n != 1 {
		t.Errorf("the second step published %d, want the one that came later", n)
	}
	if got := b.published(); !slices.Equal(got, []int64{2, 1}) || waiting(t, db) != 0 {
		t.Errorf("published %v, %d wait; want 2, then 1", got, waiting(t, db))
	}
}

func TestOnlyWhatWasAcknowledgedIsMarked(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	for range 5 {
		if err := change(t.Context(), db, "x"); err != nil {
			t.Fatal(err)
		}
	}
	b := &broker{refuse: func(m outbox.Message) bool { return m.Seq > 2 }}
	r := &outbox.Relay{DB: db, Publisher: b, Log: zap.NewNop()}
	if _, err := r.Step(t.Context()); err == nil {
		t.Error("Step hides that the broker refused")
	}
	if got := waiting(t, db); got != 3 {
		t.Errorf("waiting = %d, want the 3 that were refused", got)
	}
	b.refuse = nil
	if n := step(t, r); n != 3 {
		t.Errorf("the next step published %d, want 3", n)
	}
	if got := b.published(); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("published %v, want each once and in order", got)
	}
}

func TestManyRelaysKeepTheOrder(t *testing.T) {
	t.Parallel()
	db, url := newDB(t)
	b := &broker{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := (&outbox.Relay{DB: db, URL: url, Publisher: b, Log: zap.NewNop(), Poll: 20 * time.Millisecond}).Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for range 50 {
		if err := change(t.Context(), db, "x"); err != nil {
			t.Error(err)
		}
	}
	devstack.Eventually(t, 10*time.Second, "all published", func() bool { return waiting(t, db) == 0 })
	cancel()
	wg.Wait()
	if got := b.published(); len(got) != 50 || !slices.IsSorted(got) {
		t.Errorf("published %v, want 50 in order", got)
	}
}

func TestTheRelayIsWokenByTheCommit(t *testing.T) {
	t.Parallel()
	db, url := newDB(t)
	b := &broker{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = (&outbox.Relay{DB: db, URL: url, Publisher: b, Log: zap.NewNop(), Poll: time.Hour}).Run(ctx)
	})
	devstack.Eventually(t, 10*time.Second, "listening", func() bool {
		var n int
		err := db.Get(&n, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'`)
		return err == nil && n == 1
	})
	if err := change(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 5*time.Second, "published long before the next poll", func() bool { return len(b.published()) == 1 })
	cancel()
	wg.Wait()
}

func TestF17RepublishSendsTheSameEventsAgain(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	b := &broker{}
	r := &outbox.Relay{DB: db, Publisher: b, Log: zap.NewNop()}
	for range 4 {
		if err := change(t.Context(), db, "x"); err != nil {
			t.Fatal(err)
		}
	}
	step(t, r)
	db.MustExec(`UPDATE outbox SET created_at = now() - interval '2 days' WHERE seq <= 2`)
	n, err := outbox.Republish(t.Context(), db, time.Now().Add(-24*time.Hour))
	if err != nil || n != 2 || waiting(t, db) != 2 {
		t.Errorf("Republish = %d, %v with %d waiting; want the 2 of today", n, err, waiting(t, db))
	}
	step(t, r)
	if got := b.published(); !slices.Equal(got, []int64{1, 2, 3, 4, 3, 4}) {
		t.Errorf("published %v, want 3 and 4 again under their seqs", got)
	}
}

func TestPruneLeavesWhatWasNotPublished(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	r := &outbox.Relay{DB: db, Publisher: &broker{}, Log: zap.NewNop()}
	if err := change(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	step(t, r)
	if err := change(t.Context(), db, "y"); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Prune(t.Context(), db, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var left []int64
	if err := db.Select(&left, `SELECT seq FROM outbox`); err != nil || !slices.Equal(left, []int64{2}) {
		t.Errorf("left %v, %v; want only the one that waits", left, err)
	}
}

func TestWaitingTellsHowOldTheOldestIs(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	if err := change(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	db.MustExec(`UPDATE outbox SET created_at = now() - interval '90 seconds'`)
	n, age, err := outbox.Waiting(t.Context(), db)
	if err != nil || n != 1 || age < 90*time.Second || age > 5*time.Minute {
		t.Errorf("Waiting = %d, %s, %v; want 1 of 90 s", n, age, err)
	}
}
