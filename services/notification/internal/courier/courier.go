// SPDX-License-Identifier: EUPL-1.2

// Package courier takes the deliveries that are due, has them composed and hands
// them to their channel: at least once, in parallel, so that no slow server and
// no crash delays the others. What was sent and not noted is sent again with
// the same Message-ID.
package courier

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Batch is how many deliveries are claimed, and marked, at a time (design §7).
const Batch = 100

const (
	// Lease is how long a claim holds; a courier that died gives its rows back then.
	Lease = 3 * time.Minute
	// margin is what a send may take: with less left of the claim it is given back.
	margin = 2*time.Minute + 30*time.Second
	poll   = time.Second
	linger = 50 * time.Millisecond  // how long results wait for company before they are marked
	again  = 500 * time.Millisecond // between claims while sends run
	slow   = 3 * time.Second        // a domain with a send older than this gets one connection
	// markers are batches that are marked at a time: while one waits for the
	// disk the next is filled, and no connection waits for either.
	markers = 2
)

// Queue is the table of deliveries.
type Queue interface {
	Claim(ctx context.Context, now, until time.Time, limit int) ([]message.Delivery, error)
	Notice(ctx context.Context, id string) (message.Notice, error)
	Mark(ctx context.Context, results []message.Result) error
}

// Conn is an open connection of a channel. Errors are classified: Invalid gives
// the recipient up, anything else is tried again.
type Conn interface {
	Send(ctx context.Context, m message.Mail) error
	Broken() bool
	Close()
}

// Courier sends. All fields but Wake and Entitled are needed.
type Courier struct {
	Queue   Queue
	Dial    func(ctx context.Context) (Conn, error)
	Compose func(n message.Notice, d message.Delivery) (message.Mail, error)
	// Entitled is asked in the moment of sending: who lost the right since the
	// alert was released gets nothing (reliability §2.5). Where it cannot be found
	// out it is asked again later.
	Entitled func(n message.Notice, d message.Delivery) (bool, error)
	Conns    int
	Now      func() time.Time
	Wake     <-chan struct{} // something may be due
	Log      *zap.Logger

	notices noticeCache
}

// Run sends until ctx ends.
func (c *Courier) Run(ctx context.Context) error {
	t := time.NewTicker(poll)
	defer t.Stop()
	for {
		if _, err := c.Drain(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("courier: deliveries wait", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.Wake:
		case <-t.C:
		}
	}
}

// Drain works until nothing is due any more and returns how many deliveries it
// tried. It is what Run repeats, and what benchmarks call.
func (c *Courier) Drain(ctx context.Context) (int, error) {
	first, err := c.claim(ctx)
	if err != nil || len(first) == 0 {
		return 0, err
	}
	r := &round{c: c, results: make(chan message.Result, markers*Batch), busy: map[string][]time.Time{}, more: true}
	r.cond = sync.NewCond(&r.mu)
	r.add(first)
	var workers, marker sync.WaitGroup
	for range markers {
		marker.Go(func() { r.mark(ctx) })
	}
	for range max(1, c.Conns) {
		workers.Go(func() { r.work(ctx) })
	}
	workers.Go(func() { r.refill(ctx) })
	// The one that waits for a slow domain looks again after a while.
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { r.tick(ctx, stop) })
	workers.Wait()
	r.release()
	close(stop)
	ticking.Wait()
	close(r.results)
	marker.Wait()
	return r.tried, r.err
}

func (c *Courier) claim(ctx context.Context) ([]message.Delivery, error) {
	now := c.Now()
	return c.Queue.Claim(ctx, now, now.Add(Lease), Batch)
}

// prepare makes the mail of a delivery, or the result that ends it.
func (c *Courier) prepare(ctx context.Context, d message.Delivery) (message.Mail, *message.Result) {
	n, err := c.notices.get(ctx, c.Queue, d.Notice)
	if err != nil {
		return message.Mail{}, c.later(d, err)
	}
	may := true
	if c.Entitled != nil {
		may, err = c.Entitled(n, d)
	}
	switch {
	case err != nil:
		return message.Mail{}, c.later(d, err)
	case !may:
		return message.Mail{}, &message.Result{Delivery: d, State: message.Cancelled, Reason: "no longer entitled", At: c.Now()}
	}
	m, err := c.Compose(n, d)
	if err != nil {
		return m, &message.Result{Delivery: d, State: message.Failed, Reason: "cannot be written: " + err.Error(), At: c.Now()}
	}
	return m, nil
}

// outcome turns what the channel said into a result.
func (c *Courier) outcome(d message.Delivery, err error) message.Result {
	switch {
	case err == nil:
		return message.Result{Delivery: d, State: message.Sent, At: c.Now()}
	case fault.Is(err, fault.Invalid):
		return message.Result{Delivery: d, State: message.Failed, Reason: err.Error(), At: c.Now()}
	}
	return *c.later(d, err)
}

func (c *Courier) later(d message.Delivery, err error) *message.Result {
	now := c.Now()
	next, ok := message.After(d.Attempts+1, d.CreatedAt, now)
	if !ok {
		return &message.Result{Delivery: d, State: message.Failed, Reason: "given up: " + err.Error(), At: now}
	}
	return &message.Result{Delivery: d, State: message.Pending, Next: next, Reason: err.Error(), At: now}
}

// noticeCache keeps the alerts of the last batches: 2,000 deliveries share one.
type noticeCache struct {
	mu    sync.Mutex
	known map[string]message.Notice
}

func (n *noticeCache) get(ctx context.Context, q Queue, id string) (message.Notice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if x, ok := n.known[id]; ok {
		return x, nil
	}
	x, err := q.Notice(ctx, id)
	if err != nil {
		return x, err
	}
	if x.Kind != message.Alert && x.Kind != message.AllClear {
		return x, nil // for one or a few, and a question may still come to point to more
	}
	if n.known == nil || len(n.known) >= 64 {
		n.known = map[string]message.Notice{}
	}
	n.known[id] = x
	return x, nil
}
