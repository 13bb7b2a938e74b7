// SPDX-License-Identifier: EUPL-1.2

package courier

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// round is one Drain: a queue in memory between the claims, the connections and
// the marks, so that the three run beside each other.
type round struct {
	c       *Courier
	results chan message.Result

	mu    sync.Mutex
	cond  *sync.Cond
	queue []message.Delivery
	busy  map[string][]time.Time // by domain: when its running sends began
	more  bool                   // another claim may bring something
	down  error                  // the channel takes no connections: the rest of the round waits
	tried int
	err   error
}

func (r *round) add(list []message.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, list...)
	r.cond.Broadcast()
}

// refill claims the next batch as soon as less than one waits. While a send is
// still running it asks again now and then: what becomes due meanwhile, such as
// a call to the duty, does not wait for a slow server.
func (r *round) refill(ctx context.Context) {
	var asked time.Time
	for r.wantsMore(ctx, asked) {
		list, err := r.c.claim(ctx)
		asked = time.Time{}
		if len(list) == 0 {
			asked = time.Now()
		}
		r.mu.Lock()
		r.err = errors.Join(r.err, err)
		if err != nil {
			r.more = false
		}
		r.mu.Unlock()
		r.add(list)
	}
	r.mu.Lock()
	r.more = false
	r.cond.Broadcast()
	r.mu.Unlock()
}

// wantsMore waits until another claim makes sense. False: the round is over.
func (r *round) wantsMore(ctx context.Context, empty time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case !r.more || ctx.Err() != nil || r.down != nil:
			return false
		case empty.IsZero() && len(r.queue) < Batch:
			return true
		case !empty.IsZero() && len(r.queue) == 0 && len(r.busy) == 0:
			return false
		case !empty.IsZero() && time.Since(empty) > again:
			return true
		}
		r.cond.Wait()
	}
}

// tick wakes whoever waits, for domains that became slow and for the end.
func (r *round) tick(ctx context.Context, stop <-chan struct{}) {
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	done := ctx.Done()
	for {
		select {
		case <-stop:
			return
		case <-done:
			done = nil
		case <-t.C:
		}
		r.cond.Broadcast()
	}
}

// next waits for a delivery whose domain may have another connection. All but
// one connection may serve one domain; a slow domain gets a single one, so that
// it never holds up the rest. False: the round is over.
func (r *round) next(ctx context.Context) (d message.Delivery, began time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return d, began, false
		}
		for i := range r.queue {
			d = r.queue[i]
			dom := domain(d.Recipient)
			if r.mayStart(dom) {
				r.queue = append(r.queue[:i], r.queue[i+1:]...)
				began = time.Now()
				r.busy[dom] = append(r.busy[dom], began)
				r.tried++
				r.cond.Broadcast()
				return d, began, true
			}
		}
		if len(r.queue) == 0 && !r.more {
			return d, began, false
		}
		r.cond.Wait()
	}
}

func (r *round) mayStart(dom string) bool {
	running := r.busy[dom]
	if len(running) == 0 {
		return true
	}
	for _, since := range running {
		if time.Since(since) > slow {
			return false
		}
	}
	return len(running) < max(1, r.c.Conns-1)
}

func (r *round) finish(dom string, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.busy[dom], began)
	if r.busy[dom] = slices.Delete(r.busy[dom], i, i+1); len(r.busy[dom]) == 0 {
		delete(r.busy, dom)
	}
	r.cond.Broadcast()
}

func domain(address string) string {
	_, d, _ := strings.Cut(address, "@")
	return strings.ToLower(d)
}

// work is one connection's life: it sends what next gives until the round is over.
func (r *round) work(ctx context.Context) {
	var conn Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for {
		d, began, ok := r.next(ctx)
		if !ok {
			return
		}
		conn = r.one(ctx, conn, d)
		r.finish(domain(d.Recipient), began)
	}
}

func (r *round) one(ctx context.Context, conn Conn, d message.Delivery) Conn {
	if d.ClaimedUntil.Sub(r.c.Now()) < margin {
		r.results <- message.Result{Delivery: d, State: message.Pending, Next: r.c.Now(), Released: true}
		return conn
	}
	m, ended := r.c.prepare(ctx, d)
	if ended != nil {
		r.results <- *ended
		return conn
	}
	if conn == nil {
		var err error
		if conn, err = r.dial(ctx); err != nil {
			if ctx.Err() != nil { // not tried: the stop came first
				r.results <- message.Result{Delivery: d, State: message.Pending, Next: r.c.Now(), Released: true}
			} else {
				r.results <- *r.c.later(d, err)
			}
			return nil
		}
	}
	err := conn.Send(ctx, m)
	if err != nil && ctx.Err() != nil && !fault.Is(err, fault.Invalid) {
		r.results <- message.Result{Delivery: d, State: message.Pending, Next: r.c.Now(), Released: true}
	} else {
		r.results <- r.c.outcome(d, err)
	}
	if conn.Broken() {
		conn.Close()
		return nil
	}
	return conn
}

// dial connects; when the server is down the whole round knows and nobody
// knocks again for each of 2,000 recipients.
func (r *round) dial(ctx context.Context) (Conn, error) {
	r.mu.Lock()
	down := r.down
	r.mu.Unlock()
	if down != nil {
		return nil, down
	}
	conn, err := r.c.Dial(ctx)
	if err != nil {
		r.mu.Lock()
		r.down = err
		r.cond.Broadcast()
		r.mu.Unlock()
		return nil, err
	}
	return conn, nil
}

// release gives back what was claimed and not tried when the service stops. It
// runs when nobody claims any more.
func (r *round) release() {
	for _, d := range r.queue {
		r.results <- message.Result{Delivery: d, State: message.Pending, Next: r.c.Now(), Released: true}
	}
}

// mark notes results in batches: up to a hundred, or what came within a moment.
func (r *round) mark(ctx context.Context) {
	ctx = context.WithoutCancel(ctx) // what was sent is noted also while stopping
	batch := make([]message.Result, 0, Batch)
	flush := func() {
		if len(batch) == 0 {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := r.c.Queue.Mark(bounded, batch); err != nil {
			// Not noted: the claim ends and they are sent again with the same id.
			r.mu.Lock()
			r.err = errors.Join(r.err, err)
			r.mu.Unlock()
		}
		batch = batch[:0]
	}
	t := time.NewTimer(linger)
	defer t.Stop()
	for {
		select {
		case res, ok := <-r.results:
			if !ok {
				flush()
				return
			}
			if batch = append(batch, res); len(batch) == Batch {
				flush()
			}
			if len(batch) == 1 {
				t.Reset(linger)
			}
		case <-t.C:
			flush()
		}
	}
}
