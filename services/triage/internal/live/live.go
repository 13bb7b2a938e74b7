// SPDX-License-Identifier: EUPL-1.2

// Package live tells the open streams of this process what happened to cases.
// One hub follows the database, woken by its notifications, and hands each
// change to every subscriber; who may see it is the stream's business. A
// subscriber that does not keep up is let go: it comes back with the last id it
// saw and misses nothing.
package live

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Source is where changes come from: the store.
type Source interface {
	Changes(ctx context.Context, seq int64, limit int) ([]casefile.Change, error)
	Last(ctx context.Context) (int64, error)
}

const (
	batch  = 500
	buffer = 256 // changes that a slow stream may be behind
	poll   = time.Second
)

// MaxStreams bounds the open streams of a process: whoever opens more, such as a
// program that never closes one, waits.
const MaxStreams = 1000

// Hub is the one follower of a process.
type Hub struct {
	Source Source
	// Wake has a value whenever something may have changed.
	Wake <-chan struct{}
	Log  *zap.Logger

	mu    sync.Mutex
	ready bool
	last  int64
	subs  map[*Subscription]struct{}
}

// Subscription is one open stream. C is closed when the stream has to end.
type Subscription struct {
	C    <-chan casefile.Change
	From int64 // C brings what came after it
	c    chan casefile.Change
}

// Subscribe begins a subscription; too many are Limited. Until the hub has found the end of the
// stream it is Unavailable.
func (h *Hub) Subscribe() (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ready {
		return nil, fault.New(fault.Unavailable, "the stream is not ready yet").WithRetry(time.Second)
	}
	if len(h.subs) >= MaxStreams {
		return nil, fault.New(fault.Limited, "too many streams are open").WithRetry(10 * time.Second)
	}
	c := make(chan casefile.Change, buffer)
	s := &Subscription{C: c, c: c, From: h.last}
	if h.subs == nil {
		h.subs = map[*Subscription]struct{}{}
	}
	h.subs[s] = struct{}{}
	return s, nil
}

// At is the last change that the hub knows: whoever asks before reading the
// cases reads at least as much. Until the hub is ready it says so.
func (h *Hub) At() (int64, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.ready
}

// Unsubscribe ends a subscription.
func (h *Hub) Unsubscribe(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
}

// drop closes a subscription once; the caller holds the lock.
func (h *Hub) drop(s *Subscription) {
	if _, there := h.subs[s]; there {
		delete(h.subs, s)
		close(s.c)
	}
}

// Run follows the changes until ctx ends, and ends all streams then.
func (h *Hub) Run(ctx context.Context) error {
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ready = false
		for s := range h.subs {
			h.drop(s)
		}
	}()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	failing := false
	for {
		err := h.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if (err != nil) != failing {
			failing = err != nil
			h.Log.Info("live: following the changes", zap.Bool("failing", failing), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.Wake:
		case <-tick.C:
		}
	}
}

// step hands out everything new.
func (h *Hub) step(ctx context.Context) error {
	if !h.isReady() {
		last, err := h.Source.Last(ctx)
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.last, h.ready = last, true
		h.mu.Unlock()
	}
	for {
		changes, err := h.Source.Changes(ctx, h.position(), batch)
		if err != nil {
			return err
		}
		h.publish(changes)
		if len(changes) < batch {
			return nil
		}
	}
}

func (h *Hub) isReady() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready
}

func (h *Hub) position() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func (h *Hub) publish(changes []casefile.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		h.last = c.Seq
		for s := range h.subs {
			select {
			case s.c <- c:
			default:
				h.drop(s)
			}
		}
	}
}
