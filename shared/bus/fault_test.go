// SPDX-License-Identifier: EUPL-1.2

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// killer publishes, and kills its relay between the broker's acknowledgement
// and the mark, the first time a batch is sent.
type killer struct {
	inner outbox.Publisher
	kill  context.CancelFunc
	mu    sync.Mutex
	seen  map[int64]bool
	kills int
}

func (k *killer) Publish(ctx context.Context, messages []outbox.Message) ([]int64, error) {
	done, err := k.inner.Publish(ctx, messages)
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.seen[messages[0].Seq] {
		k.seen[messages[0].Seq] = true
		k.kills++
		k.kill()
	}
	return done, err
}

func TestF12ARelayKilledBeforeTheMarkLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	const n = 1000
	b.addMany(n)
	b.start(b.consume(b.consumer(take)))
	k := &killer{inner: b.bus, seen: map[int64]bool{}}
	relays := 0
	for b.get(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) > 0 {
		if relays++; relays > 50 {
			t.Fatal("the outbox does not drain")
		}
		ctx, cancel := context.WithCancel(t.Context())
		k.kill = cancel
		r := &outbox.Relay{DB: b.db, Publisher: k, Log: zap.NewNop()}
		for ctx.Err() == nil && b.get(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) > 0 {
			if _, err := r.Step(ctx); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
		}
		cancel()
	}
	b.drained(n)
	b.once()
	if k.kills < n/200 {
		t.Errorf("%d kills, want one a batch: the test tests nothing", k.kills)
	}
}

// What the broker still drops within its window reaches the consumer after it.
func TestF18ADuplicateAfterTheWindowHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.start(b.consume(b.consumer(take)))
	e := failed("d")
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.raw("delivery.failed", body)
	}
	last := failed("last")
	b.add(last)
	b.start(b.relay().Run)
	devstack.Eventually(t, 10*time.Second, "all handled", func() bool {
		return b.get(`SELECT count(*) FROM effect WHERE subject_id = 'last'`) == 1
	})
	if got := b.deliveries("triage-deliveries"); got != 4 {
		t.Errorf("deliveries = %d, want 4: the test tests nothing", got)
	}
	if got := b.get(`SELECT count(*) FROM effect WHERE subject_id = 'd'`); got != 1 {
		t.Errorf("effects = %d, want 1 of 3 deliveries", got)
	}
	b.once()
}

func TestF18ALostAckHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.addMany(20)
	c := b.consumer(take)
	c.AckWait = 500 * time.Millisecond
	lost := make(chan struct{})
	var once sync.Once
	c.After = func(event.Event) { // the effect is committed, the broker goes before it hears
		once.Do(func() {
			b.nats.Stop()
			close(lost)
		})
	}
	b.start(b.relay().Run, b.consume(c))
	<-lost
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	b.drained(20)
	devstack.Eventually(t, 15*time.Second, "all acknowledged", func() bool { return b.pending(c.Name) == 0 })
	b.once()
	if got := b.deliveries(c.Name); got <= 20 {
		t.Errorf("deliveries = %d, want some twice: the test tests nothing", got)
	}
}

func TestF14EventsWaitWhileTheBrokerIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.start(b.relay().Run, b.consume(b.consumer(take)))
	b.addMany(1)
	b.drained(1)
	b.nats.Stop()
	devstack.Eventually(t, 5*time.Second, "noticed", func() bool { return !b.bus.Connected() })
	const n = 600
	for range n / 20 {
		b.addMany(20) // the sender does not notice anything
	}
	if got, _, err := outbox.Waiting(t.Context(), b.db); err != nil || got != n {
		t.Errorf("waiting = %d, %v; want all %d", got, err, n)
	}
	start := time.Now()
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	b.drained(n + 1)
	b.once()
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("drained after %s", took)
	}
}

func TestF15ABrokerThatRestartsAgainAndAgainLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	c := b.consumer(take)
	c.AckWait = time.Second
	b.start(b.relay().Run, b.consume(c))
	total := 0
	for range 3 {
		for range 10 {
			b.addMany(10)
			total += 10
		}
		devstack.Eventually(t, 10*time.Second, "begun", func() bool { return b.effects() > 0 })
		b.nats.Stop()
		b.addMany(10)
		total += 10
		if err := b.nats.Start(); err != nil {
			t.Fatal(err)
		}
	}
	b.drained(total)
	b.once()
}

func TestF17AWipedBrokerIsBuiltUpAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(b.relay().Run, b.consume(b.consumer(take))) // they make what they need themselves
	b.addMany(100)
	b.drained(100)
	b.nats.Stop()
	if err := b.nats.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	b.addMany(10) // goes out though the stream is gone
	b.drained(110)
	if n, err := outbox.Republish(t.Context(), b.db, time.Time{}); err != nil || n != 110 {
		t.Errorf("Republish = %d, %v; want all 110", n, err)
	}
	b.drained(110)
	devstack.Eventually(t, 15*time.Second, "every event seen again and dropped", func() bool { return b.pending("triage-deliveries") == 0 })
	b.once()
	st, err := b.bus.JetStream().Stream(t.Context(), bus.Alerts)
	if err != nil {
		t.Fatal(err)
	}
	if info := st.CachedInfo(); info.State.Msgs != 110 {
		t.Errorf("the new stream holds %d messages, want 110", info.State.Msgs)
	}
}

func TestF17AConsumerThatWasDeletedComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.start(b.relay().Run, b.consume(b.consumer(take)))
	b.addMany(5)
	b.drained(5)
	if err := b.bus.JetStream().DeleteConsumer(t.Context(), bus.Alerts, "triage-deliveries"); err != nil {
		t.Fatal(err)
	}
	b.addMany(5)
	b.drained(10)
	b.once()
}

func TestADatabaseThatIsAwayPausesAndBuriesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	var tries atomic.Int32
	away := func(ctx context.Context, tx pg.DB, e event.Event) error {
		if tries.Add(1) <= 8 { // more often than an event may fail
			return pg.Classify(ctx, errors.Join(errors.New("the server is gone"), context.DeadlineExceeded))
		}
		return take(ctx, tx, e)
	}
	c := b.consumer(away)
	c.Pause = 10 * time.Millisecond
	b.start(b.relay().Run, b.consume(c))
	b.addMany(3)
	b.drained(3)
	b.once()
	if dead, counted := b.get(`SELECT count(*) FROM dead_event`), b.get(`SELECT count(*) FROM inbox_try`); dead != 0 || counted != 0 {
		t.Errorf("%d dead events, %d counted failures; want none: an outage is nobody's fault", dead, counted)
	}
}
