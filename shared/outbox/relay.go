// SPDX-License-Identifier: EUPL-1.2

package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Keep is how long published rows stay, so that a lost broker can be filled again.
const Keep = 90 * 24 * time.Hour

const (
	batchSize = 64         // the broker syncs each: more would keep the disk busy for too long at a time
	lockKey   = 0x4c535442 // "LSTB": one relay a database at a time keeps the order

	restFactor = 8
	minRest    = 10 * time.Millisecond
	maxRest    = 100 * time.Millisecond
)

// Message is one row on its way out.
type Message struct {
	Seq     int64  `db:"seq"`
	ID      string `db:"id"`
	Subject string `db:"subject"`
	Body    string `db:"body"`
}

// Publisher hands messages to the broker and returns the seqs it acknowledged.
// An error with some seqs means the rest is tried again.
type Publisher interface {
	Publish(ctx context.Context, messages []Message) (acknowledged []int64, err error)
}

// Relay publishes what the outbox holds. It uses a pool of its own so that it
// never starves requests.
type Relay struct {
	DB        *sqlx.DB
	URL       string // for LISTEN; empty: poll only
	Publisher Publisher
	Log       *zap.Logger
	Poll      time.Duration // default 1 s
}

// Run publishes until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	poll := r.Poll
	if poll == 0 {
		poll = time.Second
	}
	wake, stop := Listen(r.URL, "outbox", r.Log)
	defer stop()
	prune := time.NewTicker(time.Hour)
	defer prune.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	failing := false
	for {
		start := time.Now()
		n, err := r.Step(ctx)
		took := time.Since(start)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			failing = true
			r.Log.Warn("outbox: cannot publish, events wait", zap.Error(err))
		case err == nil && failing:
			failing = false
			r.Log.Info("outbox: publishing again")
		}
		if n > 0 && err == nil && (rest(ctx, wake, took) || n == batchSize) {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-tick.C:
		case <-prune.C:
			if err := Prune(ctx, r.DB, time.Now().Add(-Keep)); err != nil {
				r.Log.Warn("outbox: prune", zap.Error(err))
			}
		}
	}
}

// rest waits a multiple of what the last step took when new events came during
// it: the disk and the processors belong first to the requests that make them,
// and what comes meanwhile shares the next step. An event that comes alone goes
// at once, and a backlog without new events goes at full speed. It returns
// whether there is something new.
func rest(ctx context.Context, wake <-chan struct{}, took time.Duration) bool {
	select {
	case <-wake:
	default:
		return false
	}
	t := time.NewTimer(min(max(restFactor*took, minRest), maxRest))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
	return true
}

// Step publishes one batch and returns its size. A crash between the broker's
// acknowledgement and the mark publishes again; the message id makes that harmless.
func (r *Relay) Step(ctx context.Context) (int, error) {
	n := 0
	var publishErr error
	err := pg.InTx(ctx, r.DB, func(tx pg.DB) error {
		var mine bool
		if err := tx.GetContext(ctx, &mine, `SELECT pg_try_advisory_xact_lock($1)`, lockKey); err != nil || !mine {
			return err
		}
		var batch []Message
		if err := tx.SelectContext(ctx, &batch, `
			SELECT seq, id, subject, body FROM outbox
			WHERE published_at IS NULL ORDER BY seq LIMIT $1`, batchSize); err != nil || len(batch) == 0 {
			return err
		}
		pubCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var seqs []int64
		seqs, publishErr = r.Publisher.Publish(pubCtx, batch)
		if len(seqs) == 0 {
			return publishErr
		}
		n = len(batch)
		_, err := tx.ExecContext(ctx,
			`UPDATE outbox SET published_at = clock_timestamp() WHERE seq = ANY($1)`, pq.Array(seqs))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	return n, publishErr
}

// Prune deletes published rows older than before.
func Prune(ctx context.Context, db pg.DB, before time.Time) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM outbox WHERE published_at < $1`, before)
		return err
	})
}

// Listen returns a channel that gets a value when the database channel is
// notified, and after every reconnect, when something may have been missed.
func Listen(url, channel string, log *zap.Logger) (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	if url == "" {
		return c, func() {}
	}
	l := pq.NewListener(pg.ListenURL(url), 100*time.Millisecond, 5*time.Second, nil)
	if err := l.Listen(channel); err != nil {
		log.Debug("listen: will connect later", zap.String("channel", channel), zap.Error(err))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range l.Notify { // nil after a reconnect
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}()
	return c, func() {
		_ = l.Close()
		<-done
	}
}
