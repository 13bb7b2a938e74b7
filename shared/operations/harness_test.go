// SPDX-License-Identifier: EUPL-1.2

package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/operations"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	"github.com/thueringencert/leitstelle/shared/retention"
)

const canary = "Kanarienvogelwort"

// effects has no unique key: a second effect of an event is a second row.
var effects = pg.Migrations{Name: "effects", FS: fstest.MapFS{"00001_effects.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE effect (event_id uuid NOT NULL);")}}}

// bench is a receiver with a broker before it and the desk beside it.
type bench struct {
	t      *testing.T
	db     *sqlx.DB
	nats   *devstack.NATS
	bus    *bus.Bus
	desk   *operations.Desk
	broken atomic.Bool // the cause of all failures
	after  atomic.Int32
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, nats: devstack.NewNATS(t)}
	b.db, _ = devstack.NewDB(t, outbox.Migrations, inbox.Migrations, audit.Migrations, retention.Migrations, privacy.Migrations, effects)
	b.bus = devstack.Bus(t, b.nats)
	if err := b.bus.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.desk = &operations.Desk{
		Service: "triage", DB: b.db, Bus: b.bus, Now: time.Now, Audit: &audit.Desk{Service: "triage", DB: b.db, Now: time.Now},
		Consumers: func() []bus.Consumer { return []bus.Consumer{b.consumer()} },
	}
	return b
}

func (b *bench) consumer() bus.Consumer {
	return bus.Consumer{
		Name: "triage-deliveries", Stream: bus.Alerts, Subjects: []string{"delivery.failed"}, DB: b.db, Handle: b.take,
		After:   func(event.Event) { b.after.Add(1) },
		Backoff: func(int) time.Duration { return 10 * time.Millisecond }, Pause: 50 * time.Millisecond,
	}
}

// take fails while the cause is there, and says more than it should.
func (b *bench) take(ctx context.Context, tx pg.DB, e event.Event) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO effect (event_id) VALUES ($1)`, e.ID); err != nil {
		return err
	}
	if b.broken.Load() {
		return errors.New("no room for " + canary + " in event " + e.ID)
	}
	d, err := event.Decode[event.DeliveryFailed](e)
	if err == nil && d.Channel == "known" {
		return fault.New(fault.Conflict, "known already")
	}
	return err
}

// start reads from the broker until the test or stop ends.
func (b *bench) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = b.bus.Consume(ctx, b.consumer()) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) publish(body []byte) {
	b.t.Helper()
	if _, err := b.bus.JetStream().Publish(b.t.Context(), "delivery.failed", body); err != nil {
		b.t.Fatal(err)
	}
}

func failed(t *testing.T, channel string) (id string, body []byte) {
	t.Helper()
	e := event.New(event.DeliveryFailed{Delivery: event.NewID(), Channel: channel, Reason: canary}, event.Meta{At: time.Now()})
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID, body
}

// dead lets one event die and returns its letter.
func (b *bench) dead(body []byte) operations.Letter {
	b.t.Helper()
	n := b.count(`SELECT count(*) FROM dead_event`)
	stop := b.start()
	b.publish(body)
	devstack.Eventually(b.t, 15*time.Second, "a dead event", func() bool { return b.count(`SELECT count(*) FROM dead_event`) > n })
	stop()
	list, err := b.desk.Letters(b.t.Context(), admin, 0, 10)
	if err != nil || len(list) == 0 {
		b.t.Fatalf("Letters = %+v, %v", list, err)
	}
	return list[0]
}

func (b *bench) count(query string, args ...any) int {
	b.t.Helper()
	var n int
	if err := b.db.Get(&n, query, args...); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func as(role actor.Role) operations.By {
	return operations.By{Request: "r", Actor: actor.Actor{Person: "0190b000-0000-7000-8000-00000000000a", Memberships: []actor.Membership{{Organisation: "o", Role: role}}}}
}

var admin = as(actor.Admin)

func id(l operations.Letter) string { return strconv.FormatInt(l.ID, 10) }
