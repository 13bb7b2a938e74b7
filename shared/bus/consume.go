// SPDX-License-Identifier: EUPL-1.2

package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Handler is the effect of one event, inside the transaction that also notes
// that it is done. Its error decides: Invalid is dead at once, Conflict counts
// as done, Unavailable pauses the consumer and is never counted, any other is
// tried again up to inbox.MaxTries.
type Handler func(ctx context.Context, tx pg.DB, e event.Event) error

// Consumer is one durable reader of a stream.
type Consumer struct {
	Name     string   // <service>-<what>; replicas share it
	Stream   string   // one of the stream names
	Subjects []string // filters, such as "report.submitted.>"
	DB       *sqlx.DB
	Handle   Handler
	After    func(e event.Event) // optional: after the commit, in this process only

	// What follows has good defaults; tests shorten it.
	AckWait time.Duration                 // when the broker delivers again what nobody answered, default 60 s
	Backoff func(tries int) time.Duration // the wait after the tries-th failure, default 1 s doubling to 5 min
	Pause   time.Duration                 // the wait while the database is away, default 2 s
}

const (
	ackWait   = 60 * time.Second
	firstWait = time.Second
	maxWait   = 5 * time.Minute
	pause     = 2 * time.Second
	atATime   = 4 // events of one consumer
)

func (c Consumer) withDefaults() Consumer {
	if c.AckWait == 0 {
		c.AckWait = ackWait
	}
	if c.Backoff == nil {
		c.Backoff = func(tries int) time.Duration { return min(firstWait<<(tries-1), maxWait) }
	}
	if c.Pause == 0 {
		c.Pause = pause
	}
	return c
}

// Consume reads until ctx ends. It creates the stream and the consumer when they
// are missing, also in the middle (a wiped store), and waits for a broker that is away.
func (b *Bus) Consume(ctx context.Context, c Consumer) error {
	c = c.withDefaults()
	for ctx.Err() == nil {
		if err := b.consumeOnce(ctx, c); err != nil && ctx.Err() == nil {
			b.log.Warn("bus: consumer starts again", zap.String("consumer", c.Name), zap.Error(err))
			wait(ctx, 500*time.Millisecond)
		}
	}
	return nil
}

func (b *Bus) consumeOnce(ctx context.Context, c Consumer) error {
	setup, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := b.ensure(setup, c.Stream); err != nil {
		return err
	}
	cons, err := b.js.CreateOrUpdateConsumer(setup, c.Stream, jetstream.ConsumerConfig{
		Durable: c.Name, FilterSubjects: c.Subjects, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: c.AckWait, MaxAckPending: 100, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, err)
	}
	messages, err := cons.Messages(jetstream.PullMaxMessages(50), jetstream.PullHeartbeat(2*time.Second), jetstream.PullExpiry(10*time.Second))
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	// The events of one reader are as little in order as those of several
	// replicas: effects have to stand that, so a few may run at a time and wait
	// for the disk together.
	work := make(chan jetstream.Msg)
	var workers sync.WaitGroup
	for range atATime {
		workers.Go(func() {
			for m := range work {
				b.one(ctx, c, m)
			}
		})
	}
	defer workers.Wait()
	defer close(work)
	for {
		m, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("consumer %s: %w", c.Name, err)
		}
		work <- m
	}
}

// one handles one delivery and answers the broker. Nothing here is lost when an
// answer is lost: the inbox knows what is done.
func (b *Bus) one(ctx context.Context, c Consumer, m jetstream.Msg) {
	if ctx.Err() != nil {
		return // delivered again after the restart
	}
	log := b.log.With(zap.String("consumer", c.Name), zap.String("subject", m.Subject()))
	e, err := event.Parse(m.Data())
	if err == nil {
		err = handle(ctx, c, e)
	}
	switch kind := fault.KindOf(err); {
	case err == nil || kind == fault.Conflict:
		answer(log, m.Ack())
	case kind == fault.Unavailable || ctx.Err() != nil:
		if ctx.Err() == nil { // at the end everything is cut off, which says nothing
			log.Warn("bus: paused, the database does not answer", zap.Error(err))
		}
		answer(log, m.NakWithDelay(c.Pause))
		wait(ctx, c.Pause)
	case kind == fault.Invalid || kind == fault.Malformed:
		b.bury(ctx, log, c, m, e, err, 1)
	default:
		b.again(ctx, log, c, m, e, err)
	}
}

func (b *Bus) again(ctx context.Context, log *zap.Logger, c Consumer, m jetstream.Msg, e event.Event, cause error) {
	tries, err := inbox.Failed(ctx, c.DB, c.Name, e.ID, cause.Error())
	if err != nil {
		answer(log, m.NakWithDelay(c.Pause))
		return
	}
	if tries >= inbox.MaxTries {
		b.bury(ctx, log, c, m, e, cause, tries)
		return
	}
	log.Warn("bus: event failed, will be tried again", zap.String("event", e.ID), zap.Int("tries", tries), zap.Error(cause))
	answer(log, m.NakWithDelay(c.Backoff(tries)))
}

func (b *Bus) bury(ctx context.Context, log *zap.Logger, c Consumer, m jetstream.Msg, e event.Event, cause error, tries int) {
	err := inbox.Bury(ctx, c.DB, inbox.Dead{
		Consumer: c.Name, EventID: e.ID, Subject: m.Subject(),
		Body: m.Data(), Reason: cause.Error(), Tries: tries,
	})
	if err != nil {
		answer(log, m.NakWithDelay(c.Pause))
		return
	}
	log.Error("bus: event is dead, an operator has to look at it", zap.String("event", e.ID), zap.Error(cause))
	answer(log, m.TermWithReason("dead event"))
}

func handle(ctx context.Context, c Consumer, e event.Event) error {
	ran, err := c.once(ctx, c.DB, e)
	if ran && c.After != nil {
		c.After(e)
	}
	return err
}

// once has the event's effect, unless the consumer had it before.
func (c Consumer) once(ctx context.Context, db pg.DB, e event.Event) (ran bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			ran, err = false, fmt.Errorf("panic in consumer %s: %v\n%s", c.Name, p, debug.Stack())
		}
	}()
	return inbox.Once(ctx, db, c.Name, e.ID, func(tx pg.DB) error { return c.Handle(ctx, tx, e) })
}

// Redo has the effect of a dead event inside tx, unless the consumer had it
// before. The caller commits, and calls after then.
func (c Consumer) Redo(ctx context.Context, tx pg.DB, d inbox.Dead) (after func(), err error) {
	e, err := event.Parse(d.Body)
	if err != nil {
		return nil, err
	}
	ran, err := c.once(ctx, tx, e)
	return func() {
		if ran && c.After != nil {
			c.After(e)
		}
	}, err
}

func answer(log *zap.Logger, err error) {
	if err != nil {
		log.Debug("bus: answer to the broker was lost, the inbox knows", zap.Error(err))
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
