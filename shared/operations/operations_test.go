// SPDX-License-Identifier: EUPL-1.2

package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go/jetstream"

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

func TestAPoisonedEventBecomesALetterWithoutItsContent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	event, body := failed(t, "email")
	l := b.dead(body)
	if l.Event != event || l.Tries != inbox.MaxTries || l.Consumer != "triage-deliveries" || l.Stream != bus.Alerts || !l.Readable || l.Type != "delivery.failed" {
		t.Errorf("the letter is %+v", l)
	}
	if l.Error != "no room for … in event "+event {
		t.Errorf("the error says %q", l.Error)
	}
	s, err := b.desk.State(t.Context(), admin)
	if err != nil || s.Level != operations.Stuck || s.Dead != 1 || len(s.Consumers) != 1 || s.Consumers[0].Dead != 1 || s.Consumers[0].Level != operations.Stuck {
		t.Errorf("State = %+v, %v; want one dead event that calls somebody", s, err)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'operations.read' AND object_type = 'dead_event'`); n != 1 {
		t.Errorf("%d looks are in the audit, want 1", n)
	}
}

func TestARetryHasTheEffectOnceTheCauseIsGoneAndASecondOneIsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "email")
	l := b.dead(body)
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) || strings.Contains(err.Error(), canary) {
		t.Errorf("Retry with the cause there = %v, want a Conflict without content", err)
	}
	again, err := b.desk.Letter(t.Context(), admin, id(l))
	if err != nil || again.Tries != l.Tries+1 || again.Settled != nil || b.count(`SELECT count(*) FROM effect`) != 0 {
		t.Errorf("after the failed retry: %+v, %v; want it to wait, one try more, and no effect", again, err)
	}
	b.broken.Store(false)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 8 { // two administrators, and one who clicks twice
		all.Go(func() {
			switch _, err := b.desk.Retry(t.Context(), admin, id(l)); {
			case err == nil:
				good.Add(1)
			case !fault.Is(err, fault.Conflict):
				t.Errorf("Retry = %v", err)
			}
		})
	}
	all.Wait()
	if n := b.count(`SELECT count(*) FROM effect`); n != 1 || good.Load() != 1 || b.after.Load() != 1 {
		t.Errorf("%d effects, %d answers that it is done, %d calls afterwards; want one each", n, good.Load(), b.after.Load())
	}
	b.publish(body) // the broker brings it once more
	b.start()
	devstack.Eventually(t, 10*time.Second, "the broker's delivery", func() bool {
		s, err := b.desk.State(t.Context(), admin)
		return err == nil && s.Level == operations.Fine && s.Consumers[0].Pending == 0 && s.Consumers[0].Unacknowledged == 0
	})
	if n := b.count(`SELECT count(*) FROM effect`); n != 1 {
		t.Errorf("%d effects after the broker's delivery", n)
	}
	if l, err := b.desk.Letter(t.Context(), admin, id(l)); err != nil || l.Outcome != inbox.Repeated || l.Settled == nil {
		t.Errorf("the letter is %+v, %v; want it settled", l, err)
	}
	var results []string
	if err := b.db.Select(&results, `SELECT result FROM audit WHERE action = 'operations.retry' ORDER BY seq`); err != nil || !slices.Equal(results, []string{audit.Failed, audit.OK}) {
		t.Errorf("the audit says %v, %v; want one that failed and one that worked", results, err)
	}
	if r, err := audit.Verify(t.Context(), b.db, nil); err != nil || !r.OK() {
		t.Errorf("the audit does not hold: %+v, %v", r, err)
	}
}

func TestWhatIsDoneAlreadyIsSettledByARetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "known")
	l := b.dead(body)
	b.broken.Store(false)
	got, err := b.desk.Retry(t.Context(), admin, id(l))
	if err != nil || got.Settled == nil || b.count(`SELECT count(*) FROM effect`) != 0 {
		t.Errorf("Retry = %+v, %v; want it settled without an effect", got, err)
	}
}

func TestWhatIsNoEventCanOnlyBeDiscardedWithAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.dead([]byte(`{"id": "` + canary))
	if l.Readable || l.Event != "" || strings.Contains(l.Error, canary) {
		t.Errorf("the letter is %+v", l)
	}
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry = %v, want it to fail again", err)
	}
	for _, reason := range []string{"", "  \n", "x", strings.Repeat("x", 501), "a\x00bc", "\xff\xfe\xfd\xfc"} {
		if _, err := b.desk.Discard(t.Context(), admin, id(l), reason); !fault.Is(err, fault.Invalid) || len(fault.FieldsOf(err)) != 1 {
			t.Errorf("Discard for %q = %v, want the field named", reason, err)
		}
	}
	got, err := b.desk.Discard(t.Context(), admin, id(l), " Testnachricht der Überwachung ")
	if err != nil || got.Outcome != inbox.Discarded || got.Note != "Testnachricht der Überwachung" || got.Settled == nil {
		t.Errorf("Discard = %+v, %v", got, err)
	}
	if _, err := b.desk.Discard(t.Context(), admin, id(l), "noch einmal"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second Discard = %v", err)
	}
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry of what was discarded = %v", err)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'operations.discard' AND result = 'ok'`); n != 1 {
		t.Errorf("%d entries of the audit, want 1", n)
	}
	if s, err := b.desk.State(t.Context(), admin); err != nil || s.Dead != 0 {
		t.Errorf("State = %+v, %v", s, err)
	}
}

// Row "dead letters, retries" of the reliability model §2.4: the administrator alone.
func TestOnlyTheAdministratorSeesAndDealsWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.dead([]byte("x"))
	for _, role := range actor.Roles() {
		if role == actor.Admin {
			continue
		}
		_, state := b.desk.State(t.Context(), as(role))
		_, list := b.desk.Letters(t.Context(), as(role), 0, 10)
		_, one := b.desk.Letter(t.Context(), as(role), id(l))
		_, retry := b.desk.Retry(t.Context(), as(role), id(l))
		_, discard := b.desk.Discard(t.Context(), as(role), id(l), "weil ich es will")
		for i, err := range []error{state, list, one, retry, discard} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, door %d: %v, want NotFound", role, i, err)
			}
		}
	}
	for _, bad := range []string{"", "0", "-1", "x", "01", "+1", "99999999999999999999", "999999", id(l) + " "} {
		_, one := b.desk.Letter(t.Context(), admin, bad)
		_, retry := b.desk.Retry(t.Context(), admin, bad)
		_, discard := b.desk.Discard(t.Context(), admin, bad, "gibt es nicht")
		for i, err := range []error{one, retry, discard} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("id %q, door %d: %v, want NotFound", bad, i, err)
			}
		}
	}
}

// Failure model F14: the broker is away.
func TestWithoutTheBrokerTheStateComesAtOnceAndSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "email")
	l := b.dead(body)
	b.nats.Stop()
	if err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error {
		return outbox.Add(t.Context(), tx, event.New(event.DeliveryFailed{Delivery: "d"}, event.Meta{At: time.Now()}))
	}); err != nil {
		t.Fatal(err)
	}
	b.db.MustExec(`UPDATE outbox SET created_at = now() - interval '5 minutes'`)
	start := time.Now()
	s, err := b.desk.State(t.Context(), admin)
	if took := time.Since(start); err != nil || took > 3*time.Second {
		t.Fatalf("State took %s, %v", took, err)
	}
	if s.Connected || s.Consumers[0].Known || s.Dead != 1 || s.Outbox.Waiting != 1 || s.Outbox.Level != operations.Stuck {
		t.Errorf("State = %+v; want the database's part and no figure of the broker", s)
	}
	devstack.Eventually(t, 5*time.Second, "that it is noticed", func() bool {
		s, err := b.desk.State(t.Context(), admin)
		return err == nil && !s.Away.IsZero()
	})
	b.broken.Store(false)
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); err != nil || b.count(`SELECT count(*) FROM effect`) != 1 {
		t.Errorf("Retry without the broker = %v; want the effect", err)
	}
}

func TestTheBrokersFiguresAreThoseOfEachConsumer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if s, err := b.desk.State(t.Context(), admin); err != nil || !s.Connected || s.Consumers[0].Known || s.Consumers[0].Level != operations.Waits {
		t.Errorf("before it was ever made: %+v, %v", s, err)
	}
	c, err := b.bus.JetStream().CreateOrUpdateConsumer(t.Context(), bus.Alerts, jetstream.ConsumerConfig{Durable: "triage-deliveries", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, body := failed(t, "email")
		b.publish(body)
	}
	seen := 0
	for again := false; !again; seen++ { // until one comes for the second time
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if again = meta.NumDelivered == 2; !again && seen == 0 {
			if err := m.Nak(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := b.desk.State(t.Context(), admin)
	if x := s.Consumers[0]; err != nil || !x.Known || int(x.Pending)+x.Unacknowledged != 3 || x.Unacknowledged != seen-1 || x.Redelivered != 1 || x.Level != operations.Waits {
		t.Errorf("State = %+v, %v; want 3 of which %d were delivered, one of them again", s, err, seen-1)
	}
}

func TestLettersComeInPagesAndThoseOfAFormerConsumerToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 7 {
		if err := inbox.Bury(t.Context(), b.db, inbox.Dead{Consumer: "triage-former", Subject: "case.opened", Body: []byte{byte('a' + i)}, Reason: "r", Tries: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []int64
	var before int64
	for range 4 {
		list, err := b.desk.Letters(t.Context(), admin, before, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			seen = append(seen, l.ID)
			before = l.ID
		}
	}
	if len(seen) != 7 || !slices.IsSortedFunc(seen, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("the pages show %v", seen)
	}
	s, err := b.desk.State(t.Context(), admin)
	if err != nil || len(s.Consumers) != 2 || s.Consumers[1].Name != "triage-former" || s.Consumers[1].Dead != 7 {
		t.Errorf("State = %+v, %v", s, err)
	}
	if _, err := b.desk.Retry(t.Context(), admin, strconv.FormatInt(before, 10)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry for a consumer that is no more = %v", err)
	}
}
