// SPDX-License-Identifier: EUPL-1.2

package inbox_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var things = pg.Migrations{Name: "things", FS: fstest.MapFS{"00001_things.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE thing (id text NOT NULL);")}}}

func newDB(t *testing.T) *sqlx.DB {
	t.Helper()
	db, _ := devstack.NewDB(t, inbox.Migrations, things)
	return db
}

func count(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM thing`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestF18AnEventHasItsEffectOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	id := event.NewID()
	var wg sync.WaitGroup
	var mu sync.Mutex
	ran := 0
	for range 20 { // two replicas and redeliveries, all at the same moment
		wg.Go(func() {
			did, err := inbox.Once(t.Context(), db, "triage-reports", id, effect(t))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if did {
				ran++
			}
		})
	}
	wg.Wait()
	if got := count(t, db); got != 1 || ran != 1 {
		t.Errorf("effects = %d, %d callers say they had it; want 1 and 1", got, ran)
	}
	if did, err := inbox.Once(t.Context(), db, "notification-reports", id, effect(t)); err != nil || !did {
		t.Errorf("another consumer: %v, %v; want an effect of its own", did, err)
	}
}

func effect(t *testing.T) func(pg.DB) error {
	return func(tx pg.DB) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO thing (id) VALUES ('x')`)
		return err
	}
}

func TestAFailedEffectIsNotDone(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	id, boom := event.NewID(), errors.New("boom")
	did, err := inbox.Once(t.Context(), db, "c", id, func(tx pg.DB) error {
		return errors.Join(effect(t)(tx), boom)
	})
	if did || !errors.Is(err, boom) || count(t, db) != 0 {
		t.Errorf("Once = %v, %v with %d rows; want nothing done", did, err, count(t, db))
	}
	if did, err := inbox.Once(t.Context(), db, "c", id, effect(t)); !did || err != nil {
		t.Errorf("the next delivery: %v, %v; want the effect", did, err)
	}
}

func TestFailuresAreCountedPerConsumerAndEvent(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	id := event.NewID()
	for want := 1; want <= 3; want++ {
		if got, err := inbox.Failed(t.Context(), db, "c", id, "why"); err != nil || got != want {
			t.Errorf("Failed = %d, %v; want %d", got, err, want)
		}
	}
	if got, err := inbox.Failed(t.Context(), db, "other", id, "why"); err != nil || got != 1 {
		t.Errorf("another consumer's count = %d, %v; want 1", got, err)
	}
}

// A poison whose failure cannot be noted would come again for ever.
func TestF20AnyReasonCanBeNoted(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for name, reason := range map[string]string{
		"a NUL": "a\x00b", "not UTF-8": "a\xff\xfeb", "a very long stack": strings.Repeat("ä", 1<<20), "empty": "",
	} {
		if _, err := inbox.Failed(t.Context(), db, "c", event.NewID(), reason); err != nil {
			t.Errorf("Failed with %s: %v", name, err)
		}
		err := inbox.Bury(t.Context(), db, inbox.Dead{
			Consumer: "c", EventID: "id " + reason, Subject: "report." + reason, Body: []byte(reason), Reason: reason, Tries: 1,
		})
		if err != nil {
			t.Errorf("Bury with %s: %v", name, err)
		}
	}
	if err := inbox.Bury(t.Context(), db, inbox.Dead{Consumer: "c", Tries: 1}); err != nil {
		t.Errorf("Bury of an empty message: %v", err)
	}
}

func TestADeadEventWaitsOnceForAnOperator(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	d := inbox.Dead{Consumer: "c", EventID: event.NewID(), Subject: "report.submitted", Body: []byte("{"), Reason: "broken", Tries: 5}
	for range 2 { // the broker did not hear the first time
		if err := inbox.Bury(t.Context(), db, d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := inbox.Failed(t.Context(), db, "c", d.EventID, "why"); err != nil {
		t.Fatal(err)
	}
	list, err := inbox.Buried(t.Context(), db, 10)
	if err != nil || len(list) != 1 || list[0].Reason != "broken" || list[0].Tries != 5 || string(list[0].Body) != "{" {
		t.Fatalf("Buried = %+v, %v; want the one", list, err)
	}
	if err := inbox.Retried(t.Context(), db, list[0]); err != nil {
		t.Fatal(err)
	}
	if list, err := inbox.Buried(t.Context(), db, 10); err != nil || len(list) != 0 {
		t.Errorf("after the retry: %+v, %v; want none", list, err)
	}
	if tries, err := inbox.Failed(t.Context(), db, "c", d.EventID, "again"); err != nil || tries != 1 {
		t.Errorf("tries after the retry = %d, %v; want them counted anew", tries, err)
	}
	if err := inbox.Bury(t.Context(), db, d); err != nil {
		t.Fatal(err)
	}
	if list, err := inbox.Buried(t.Context(), db, 10); err != nil || len(list) != 1 {
		t.Errorf("dead again after the retry: %+v, %v; want it listed again", list, err)
	}
}

func TestOldNotesAreForgotten(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	id := event.NewID()
	if _, err := inbox.Once(t.Context(), db, "c", id, effect(t)); err != nil {
		t.Fatal(err)
	}
	if err := inbox.Prune(t.Context(), db, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if did, err := inbox.Once(t.Context(), db, "c", id, effect(t)); err != nil || did {
		t.Errorf("a young note: %v, %v; want it kept", did, err)
	}
	if err := inbox.Prune(t.Context(), db, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if did, err := inbox.Once(t.Context(), db, "c", id, effect(t)); err != nil || !did {
		t.Errorf("an old note: %v, %v; want it gone", did, err)
	}
}
