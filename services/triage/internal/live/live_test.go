// SPDX-License-Identifier: EUPL-1.2

package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/live"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// source is a stream in memory that can fail.
type source struct {
	mu   sync.Mutex
	n    int64
	fail bool
}

func (s *source) add(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += n
}

func (s *source) broken(b bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = b
}

// Changes returns one change for each number after seq.
func (s *source) Changes(_ context.Context, seq int64, limit int) ([]casefile.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return nil, errors.New("the database is away")
	}
	var out []casefile.Change
	for seq < s.n && len(out) < limit {
		seq++
		out = append(out, casefile.Change{Seq: seq})
	}
	return out, nil
}

// Last is the end.
func (s *source) Last(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return 0, errors.New("the database is away")
	}
	return s.n, nil
}

func start(t *testing.T, s *source) (*live.Hub, chan struct{}, func()) {
	t.Helper()
	wake := make(chan struct{}, 1)
	h := &live.Hub{Source: s, Wake: wake, Log: zap.NewNop()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return h, wake, stop
}

func subscribe(t *testing.T, h *live.Hub) *live.Subscription {
	t.Helper()
	var sub *live.Subscription
	devstack.Eventually(t, 10*time.Second, "a subscription", func() bool {
		var err error
		sub, err = h.Subscribe()
		return err == nil
	})
	return sub
}

func TestASlowReaderIsLetGoAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	s := &source{n: 7}
	h, wake, _ := start(t, s)
	slow, quick := subscribe(t, h), subscribe(t, h)
	if slow.From != 7 {
		t.Errorf("the subscription begins after %d, want 7", slow.From)
	}
	want := int64(7)
	for range 20 {
		s.add(50)
		wake <- struct{}{}
		for range 50 {
			want++
			select {
			case c, ok := <-quick.C:
				if !ok || c.Seq != want {
					t.Fatalf("the quick reader got %d (open %t), want %d", c.Seq, ok, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing came")
			}
		}
	}
	n := 0
	for range slow.C { // ends because the hub closed it
		n++
	}
	if n == 0 || n >= 1000 {
		t.Errorf("the slow reader got %d before it was let go", n)
	}
	h.Unsubscribe(slow) // twice is fine
	h.Unsubscribe(quick)
}

func TestTheHubOutlivesItsDatabaseAndEndsAllStreams(t *testing.T) {
	t.Parallel()
	s := &source{fail: true}
	h, wake, stop := start(t, s)
	if _, err := h.Subscribe(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("before the database answers: %v, want Unavailable", err)
	}
	s.broken(false)
	wake <- struct{}{}
	sub := subscribe(t, h)
	s.broken(true)
	s.add(3)
	wake <- struct{}{}
	s.broken(false)
	for want := int64(1); want <= 3; want++ {
		select {
		case c := <-sub.C:
			if c.Seq != want {
				t.Errorf("got %d, want %d", c.Seq, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("what happened while the database was away is lost")
		}
	}
	stop()
	if _, open := <-sub.C; open {
		t.Error("a stream is open after the hub's end")
	}
	if _, err := h.Subscribe(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after the end: %v, want Unavailable", err)
	}
}

func TestTheNumberOfStreamsIsBounded(t *testing.T) {
	t.Parallel()
	h, _, _ := start(t, &source{})
	first := subscribe(t, h)
	for range live.MaxStreams - 1 {
		if _, err := h.Subscribe(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Subscribe(); !fault.Is(err, fault.Limited) {
		t.Errorf("one more than %d streams: %v, want Limited", live.MaxStreams, err)
	}
	h.Unsubscribe(first)
	if _, err := h.Subscribe(); err != nil {
		t.Errorf("after one left: %v", err)
	}
}
