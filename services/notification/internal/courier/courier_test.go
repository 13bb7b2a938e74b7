// SPDX-License-Identifier: EUPL-1.2

package courier_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

func TestEveryRecipientGetsOneMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.say(250, "a.example")
	b.say(30, "b.example")
	b.drain()
	if got := b.states(); got["sent"] != 280 || len(got) != 1 {
		t.Errorf("states = %v, want 280 sent", got)
	}
	messages, _ := b.arrived()
	if len(messages) != 280 {
		t.Errorf("%d mailboxes have mail, want 280", len(messages))
	}
	var chained int
	if err := b.db.Get(&chained, `SELECT count(*) FROM audit WHERE action = 'delivery.sent'`); err != nil || chained != 280 {
		t.Errorf("audit has %d entries, %v; want 280", chained, err)
	}
	b.holds()
}

// F23: one domain that answers nothing does not hold up the others.
func TestF23ASlowDomainDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wait := make(chan struct{})
	answer := sync.OnceFunc(func() { close(wait) })
	defer answer()
	b.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt && strings.HasSuffix(c.To, "@slow.example") {
			return mailsink.Reply{Wait: wait}
		}
		return mailsink.Reply{}
	})
	b.say(20, "slow.example")
	b.say(200, "quick.example")
	done := make(chan error, 1)
	go func() { _, err := b.Drain(t.Context()); done <- err }()
	devstack.Eventually(t, 20*time.Second, "all quick ones noted while the slow domain is silent", func() bool { return b.states()["sent"] == 200 })
	b.say(1, "later.example") // becomes due while the slow domain holds the round
	devstack.Eventually(t, 20*time.Second, "a later one sent too", func() bool { return b.states()["sent"] == 201 })
	answer()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := b.states(); got["sent"] != 221 {
		t.Errorf("states = %v, want all sent in the end", got)
	}
	b.holds()
}

// F24: a server that says "later" twice gets the same message again.
func TestF24AServerThatSaysLaterIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt && c.Attempt <= 2 {
			return mailsink.Reply{Code: 451, Text: "greylisted"}
		}
		return mailsink.Reply{}
	})
	b.say(20, "a.example")
	b.drain()
	b.clock.add(59 * time.Second)
	b.drain() // too early: nothing is tried
	b.clock.add(2 * time.Second)
	b.drain()
	b.clock.add(2*time.Minute + time.Second)
	b.drain()
	if got := b.states(); got["sent"] != 20 {
		t.Errorf("states = %v, want 20 sent", got)
	}
	var attempts []int
	if err := b.db.Select(&attempts, `SELECT DISTINCT attempts FROM deliveries`); err != nil || len(attempts) != 1 || attempts[0] != 3 {
		t.Errorf("attempts = %v, %v; want 3 each", attempts, err)
	}
	b.holds()
}

// F25: refused recipients are given up and told; the others get their mail.
func TestF25ARefusedRecipientIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sink.Script(func(c mailsink.Command) mailsink.Reply {
		if c.Stage == mailsink.Rcpt && c.To < "p0005" {
			return mailsink.Reply{Code: 550, Text: "no such user"}
		}
		return mailsink.Reply{}
	})
	b.say(50, "a.example")
	b.drain()
	if got := b.states(); got["sent"] != 45 || got["failed"] != 5 {
		t.Errorf("states = %v, want 45 sent and 5 failed", got)
	}
	var told int
	if err := b.db.Get(&told, `SELECT count(*) FROM outbox WHERE type = 'delivery.failed' AND body LIKE '%no such user%'`); err != nil || told != 5 {
		t.Errorf("%d events delivery.failed, %v; want 5 with the reason", told, err)
	}
	b.holds()
}

// F26: the answer after the final dot is lost; the mail comes again with its id.
func TestF26ALostAnswerRepeatsTheMessageID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sink.Script(func(c mailsink.Command) mailsink.Reply {
		return mailsink.Reply{Drop: c.Stage == mailsink.Data && c.Attempt == 1}
	})
	b.say(5, "a.example")
	b.drain()
	if got := b.states(); got["pending"] != 5 {
		t.Fatalf("states = %v, want all waiting", got)
	}
	b.clock.add(time.Minute + time.Second)
	b.drain()
	messages, ids := b.arrived()
	for to, n := range messages {
		if n != 2 || len(ids[to]) != 1 {
			t.Errorf("%s got %d mails with %d ids, want 2 with the same id", to, n, len(ids[to]))
		}
	}
	if got := b.states(); got["sent"] != 5 {
		t.Errorf("states = %v, want 5 sent", got)
	}
	b.holds()
}

func TestAMailWaitsWhileItCannotBeFoundOutWhetherItMayGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Entitled = func(_ message.Notice, d message.Delivery) (bool, error) {
		if d.Recipient == "p0003@a.example" {
			return false, errors.New("the database is away")
		}
		return true, nil
	}
	b.say(10, "a.example")
	b.drain()
	if got := b.states(); got["sent"] != 9 || got["cancelled"] != 0 || got["pending"] != 1 {
		t.Errorf("states = %v, want 9 sent and one that waits", got)
	}
}

func TestWhoLostTheRightGetsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Entitled = func(_ message.Notice, d message.Delivery) (bool, error) {
		return d.Recipient != "p0003@a.example", nil
	}
	b.say(10, "a.example")
	b.drain()
	if got := b.states(); got["sent"] != 9 || got["cancelled"] != 1 {
		t.Errorf("states = %v, want 9 sent and 1 cancelled", got)
	}
	b.holds()
}
