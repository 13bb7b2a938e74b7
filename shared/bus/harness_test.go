// SPDX-License-Identifier: EUPL-1.2

package bus_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/invariant"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// effects has no unique key: a second effect of an event is a second row.
var effects = pg.Migrations{Name: "effects", FS: fstest.MapFS{"00001_effects.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE effect (event_id uuid NOT NULL, subject_id text NOT NULL);")}}}

// bundle is a sender (outbox and relay) and a receiver (inbox and effects) with
// a broker between them.
type bundle struct {
	t    *testing.T
	db   *sqlx.DB
	url  string
	nats *devstack.NATS
	bus  *bus.Bus
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db, url := devstack.NewDB(t, outbox.Migrations, inbox.Migrations, audit.Migrations, idem.Migrations, effects)
	n := devstack.NewNATS(t)
	return &bundle{t: t, db: db, url: url, nats: n, bus: devstack.Bus(t, n)}
}

// ensure makes the streams, which the first relay or consumer would do as well.
func (b *bundle) ensure() {
	b.t.Helper()
	if err := b.bus.EnsureStreams(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func failed(id string) event.Event {
	return event.New(event.DeliveryFailed{Delivery: id, Channel: "email"}, event.Meta{At: time.Now(), Actor: "test"})
}

// add writes events into the outbox, each batch in one transaction.
func (b *bundle) add(events ...event.Event) {
	b.t.Helper()
	err := pg.InTx(b.t.Context(), b.db, func(tx pg.DB) error { return outbox.Add(b.t.Context(), tx, events...) })
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) addMany(n int) {
	b.t.Helper()
	events := make([]event.Event, n)
	for i := range events {
		events[i] = failed("d")
	}
	b.add(events...)
}

// take is the effect of an event.
func take(ctx context.Context, tx pg.DB, e event.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO effect (event_id, subject_id) VALUES ($1, $2)`, e.ID, e.SubjectID)
	return err
}

func (b *bundle) consumer(handle bus.Handler) bus.Consumer {
	return bus.Consumer{
		Name: "triage-deliveries", Stream: bus.Alerts, Subjects: []string{"delivery.failed"}, DB: b.db, Handle: handle,
		Backoff: func(int) time.Duration { return 20 * time.Millisecond }, Pause: 50 * time.Millisecond,
	}
}

// start runs parts until the test or stop ends.
func (b *bundle) start(parts ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				b.t.Errorf("a part ended with %v", err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	b.t.Cleanup(stop)
	return stop
}

func (b *bundle) relay() *outbox.Relay {
	return &outbox.Relay{DB: b.db, URL: b.url, Publisher: b.bus, Log: zap.NewNop(), Poll: 50 * time.Millisecond}
}

func (b *bundle) consume(c bus.Consumer) func(context.Context) error {
	return func(ctx context.Context) error { return b.bus.Consume(ctx, c) }
}

func (b *bundle) get(query string) int {
	b.t.Helper()
	var n int
	if err := b.db.Get(&n, query); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bundle) effects() int { b.t.Helper(); return b.get(`SELECT count(*) FROM effect`) }

// drained waits until nothing is unpublished and n events had their effect.
func (b *bundle) drained(n int) {
	b.t.Helper()
	devstack.Eventually(b.t, 30*time.Second, "drained", func() bool {
		return b.get(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) == 0 && b.effects() >= n
	})
}

// once fails the test unless every event of the outbox had its effect exactly once.
func (b *bundle) once() {
	b.t.Helper()
	if lost := b.get(`SELECT count(*) FROM outbox o WHERE NOT EXISTS (SELECT FROM effect e WHERE e.event_id = o.id)`); lost != 0 {
		b.t.Errorf("%d events were lost", lost)
	}
	if twice := b.get(`SELECT count(*) FROM (SELECT event_id FROM effect GROUP BY 1 HAVING count(*) > 1) t`); twice != 0 {
		b.t.Errorf("%d events had their effect more than once", twice)
	}
	if b.get(`SELECT count(*) FROM dead_event`) == 0 {
		b.holds("")
	}
}

// holds runs the one checker over what sender and receiver share, but for the
// check that the fault must break.
func (b *bundle) holds(broken string) {
	b.t.Helper()
	checks := append(invariant.Shared(b.db, "bus", 0), invariant.Delivered(b.db, b.db, "bus", "triage-deliveries", 0, "delivery.failed"))
	checks = slices.DeleteFunc(checks, func(c invariant.Check) bool { return c.Name == broken })
	if found := invariant.Run(b.t.Context(), checks...); found != nil {
		b.t.Errorf("the invariants do not hold:\n%s", invariant.Report(found))
	}
}

// raw publishes without message id, so that the broker cannot drop a duplicate.
func (b *bundle) raw(subject string, body []byte) {
	b.t.Helper()
	if _, err := b.bus.JetStream().Publish(b.t.Context(), subject, body); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) pending(consumer string) int {
	b.t.Helper()
	c, err := b.bus.JetStream().Consumer(b.t.Context(), bus.Alerts, consumer)
	if err != nil {
		return -1
	}
	info, err := c.Info(b.t.Context())
	if err != nil {
		return -1
	}
	return info.NumAckPending + int(info.NumPending)
}

// deliveries is how often the broker handed a message to the consumer.
func (b *bundle) deliveries(consumer string) int {
	b.t.Helper()
	c, err := b.bus.JetStream().Consumer(b.t.Context(), bus.Alerts, consumer)
	if err != nil {
		b.t.Fatal(err)
	}
	return int(c.CachedInfo().Delivered.Consumer)
}
