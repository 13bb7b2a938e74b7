// SPDX-License-Identifier: EUPL-1.2

package courier_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification/internal/channel/email"
	"github.com/thueringencert/leitstelle/services/notification/internal/courier"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

// F21: the courier dies after some of 2,000; another goes on with the rest.
func TestF21ADeadCourierLeavesTheRestToAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.say(2000, "a.example")
	dead, kill := context.WithCancel(t.Context())
	defer kill()
	killed := &deadly{Queue: b.store, after: 700, kill: kill}
	first := b.Courier
	one := courier.Courier{Queue: killed, Dial: first.Dial, Compose: first.Compose, Conns: 4, Now: b.clock.now, Log: zap.NewNop()}
	_, _ = one.Drain(dead) // it dies, whatever it says
	if got := b.states(); got["sent"] < 600 || got["pending"] < 1000 {
		t.Fatalf("after the crash: %v, want about 700 sent", got)
	}
	b.clock.add(courier.Lease + time.Second)
	b.drain()
	if got := b.states(); got["sent"] != 2000 {
		t.Errorf("states = %v, want 2000 sent", got)
	}
	messages, ids := b.arrived()
	for to, n := range messages {
		if n > 1 && len(ids[to]) != 1 {
			t.Errorf("%s got %d mails with %d message ids, want one id", to, n, len(ids[to]))
		}
	}
	if len(messages) != 2000 {
		t.Errorf("%d mailboxes have mail, want 2000", len(messages))
	}
	b.holds()
}

// deadly is a queue whose process dies: from then on nothing is noted.
type deadly struct {
	courier.Queue
	after int
	kill  context.CancelFunc
	mu    sync.Mutex
}

func (d *deadly) Mark(ctx context.Context, r []message.Result) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.after -= len(r); d.after < 0 {
		d.kill()
		return errors.New("the process is dead")
	}
	return d.Queue.Mark(ctx, r)
}

// F22: the mail server is closed for 20 minutes; nothing is lost.
func TestF22AClosedMailServerLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sink.Close()
	b.say(150, "a.example")
	for range 20 {
		b.drain()
		b.clock.add(time.Minute)
	}
	if got := b.states(); got["pending"] != 150 || len(got) != 1 {
		t.Fatalf("states = %v, want all pending", got)
	}
	var reason string
	if err := b.db.Get(&reason, `SELECT DISTINCT reason FROM deliveries`); err != nil || !strings.Contains(reason, "does not take connections") {
		t.Errorf("reason = %q, %v; want why it waits", reason, err)
	}
	if err := b.sink.Open(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		b.clock.add(time.Minute)
		b.drain()
	}
	if got := b.states(); got["sent"] != 150 {
		t.Errorf("states = %v, want all sent", got)
	}
	messages, ids := b.arrived()
	for to, n := range messages {
		if n != 1 || len(ids[to]) != 1 {
			t.Errorf("%s got %d mails", to, n)
		}
	}
	if len(messages) != 150 {
		t.Errorf("%d mailboxes have mail, want 150", len(messages))
	}
	b.holds()
}

// F22: while the first relay takes no connections the second one does.
func TestF22TheSecondRelaySendsWhileTheFirstIsClosed(t *testing.T) {
	t.Parallel()
	second, err := mailsink.Start(mailsink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	b := setup(t, func(c *email.Config) {
		host, port, err := net.SplitHostPort(second.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.SecondHost = host
		if c.SecondPort, err = strconv.Atoi(port); err != nil {
			t.Fatal(err)
		}
	})
	b.say(20, "a.example")
	b.drain()
	if n := len(second.Messages("")); n != 0 {
		t.Errorf("the second relay got %d mails while the first one works", n)
	}
	b.sink.Close()
	b.say(30, "b.example")
	b.drain()
	if n := len(second.Messages("")); n != 30 {
		t.Errorf("the second relay got %d mails, want 30", n)
	}
	if got := b.states(); got["sent"] != 50 {
		t.Errorf("states = %v, want 50 sent", got)
	}
	b.holds()
}

func TestAStopGivesBackWhatWasNotTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.say(300, "a.example")
	ctx, stop := context.WithCancel(t.Context())
	b.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.To == "p0020@a.example" {
			stop()
		}
		return mailsink.Reply{}
	})
	_, _ = b.Drain(ctx)
	b.drain() // no wait for the end of a claim
	if got := b.states(); got["sent"] != 300 {
		t.Errorf("states = %v, want 300 sent", got)
	}
	messages, _ := b.arrived()
	for to, n := range messages {
		if n != 1 {
			t.Errorf("%s got %d mails, want 1", to, n)
		}
	}
	b.holds()
}
