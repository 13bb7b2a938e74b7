// SPDX-License-Identifier: EUPL-1.2

package idem_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/faultproxy"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// things is what an effect writes: no key of its own, so that a second effect
// shows as a second row.
var things = pg.Migrations{Name: "things", FS: fstest.MapFS{"00001_things.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE thing (id text NOT NULL);")}}}

func newDB(t *testing.T) (*sqlx.DB, string) {
	t.Helper()
	return devstack.NewDB(t, idem.Migrations, things)
}

// create is a POST that makes one thing and answers with its new id.
func create(ctx context.Context, db pg.DB, r idem.Request) (idem.Answer, error) {
	return idem.Do(ctx, db, r, func(tx pg.DB) (int, any, error) {
		id := event.NewID()
		_, err := tx.ExecContext(ctx, `INSERT INTO thing (id) VALUES ($1)`, id)
		return 201, map[string]string{"id": id}, err
	})
}

func count(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM thing`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestF30FiftyParallelTwinsHaveOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	r := idem.Request{Scope: "person/org", Key: "k", Body: []byte(`{"a":1}`)}
	answers := make([]idem.Answer, 50)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			a, err := create(t.Context(), db, r)
			if err != nil {
				t.Errorf("twin %d: %v", i, err)
			}
			answers[i] = a
		})
	}
	wg.Wait()
	if got := count(t, db); got != 1 {
		t.Errorf("effects = %d, want 1", got)
	}
	first := 0
	for i, a := range answers {
		if string(a.Body) != string(answers[0].Body) || a.Status != 201 {
			t.Errorf("twin %d got %d %s, want %d %s", i, a.Status, a.Body, answers[0].Status, answers[0].Body)
		}
		if !a.Replayed {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d twins say that they were first, want 1", first)
	}
}

func TestF30TheSameKeyWithAnotherBodyIsInvalid(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	r := idem.Request{Scope: "s", Key: "k", Body: []byte(`{"a":1}`)}
	if _, err := create(t.Context(), db, r); err != nil {
		t.Fatal(err)
	}
	r.Body = []byte(`{"a":2}`) // one byte
	if _, err := create(t.Context(), db, r); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another body = %v, want invalid", err)
	}
	if got := count(t, db); got != 1 {
		t.Errorf("effects = %d, want 1", got)
	}
}

func TestF30KeysOfDifferentScopesAreApart(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	a, err := create(t.Context(), db, idem.Request{Scope: "kim/klettbach", Key: "k", Body: []byte(`1`)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := create(t.Context(), db, idem.Request{Scope: "kim/weimar", Key: "k", Body: []byte(`2`)})
	if err != nil || b.Replayed || string(a.Body) == string(b.Body) {
		t.Errorf("the other scope got %s (replayed %v), %v; want an answer of its own", b.Body, b.Replayed, err)
	}
	if got := count(t, db); got != 2 {
		t.Errorf("effects = %d, want 2", got)
	}
}

func TestF3AnUnknownOutcomeIsLookedUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   faultproxy.Fault
		effects int
		want    fault.Kind
	}{
		"committed: the client gets its answer":                 {faultproxy.CutReply, 1, ""},
		"not committed: the client comes back, nothing is kept": {faultproxy.CutRequest, 0, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, url := newDB(t)
			proxy, url := faultproxy.Postgres(t, url)
			db, err := pg.Open(url, pg.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			proxy.Next(faultproxy.Commit, tt.fault, 1)
			r := idem.Request{Scope: "s", Key: "k", Body: []byte(`1`)}
			a, err := create(t.Context(), db, r)
			if fault.KindOf(err) != tt.want || a.Replayed {
				t.Errorf("Do = %+v, %v; want kind %q and no replay", a, err, tt.want)
			}
			if got := count(t, direct); got != tt.effects {
				t.Errorf("effects = %d, want %d", got, tt.effects)
			}
			again, err := create(t.Context(), db, r)
			if err != nil || again.Replayed != (tt.effects == 1) || tt.effects == 1 && string(again.Body) != string(a.Body) {
				t.Errorf("the next try = %+v, %v; first %+v", again, err, a)
			}
			if got := count(t, direct); got != 1 {
				t.Errorf("effects after the next try = %d, want 1", got)
			}
		})
	}
}

func TestAFailedEffectLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	r := idem.Request{Scope: "s", Key: "k", Body: []byte(`1`)}
	boom := errors.New("boom")
	a, err := idem.Do(t.Context(), db, r, func(pg.DB) (int, any, error) { return 0, nil, boom })
	if !errors.Is(err, boom) || a.Status != 0 {
		t.Errorf("Do = %+v, %v; want the effect's error and no answer", a, err)
	}
	if a, err := create(t.Context(), db, r); err != nil || a.Replayed {
		t.Errorf("the next try = %+v, %v; want the effect", a, err)
	}
}

func TestAnUnusableKeyIsMalformed(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"none": "", "too long": strings.Repeat("k", idem.MaxKey+1), "a NUL": "a\x00b", "not UTF-8": "a\xff", "a line break": "a\nb", "an umlaut": "ä",
	} {
		if err := (idem.Request{Scope: "s", Key: key}).Check(); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
	if err := (idem.Request{Key: strings.Repeat("k", idem.MaxKey)}).Check(); err != nil {
		t.Errorf("the longest key: %v, want it accepted", err)
	}
}

func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t)
	r := idem.Request{Scope: "s", Key: "k", Body: []byte(`1`)}
	if _, err := create(t.Context(), db, r); err != nil {
		t.Fatal(err)
	}
	if err := idem.Prune(t.Context(), db, time.Now().Add(-idem.Keep)); err != nil {
		t.Fatal(err)
	}
	if a, err := create(t.Context(), db, r); err != nil || !a.Replayed {
		t.Errorf("a young key = %+v, %v; want it remembered", a, err)
	}
	if err := idem.Prune(t.Context(), db, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if a, err := create(t.Context(), db, r); err != nil || a.Replayed {
		t.Errorf("an old key = %+v, %v; want it forgotten", a, err)
	}
}
