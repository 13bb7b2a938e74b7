// SPDX-License-Identifier: EUPL-1.2

package courier_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/invariant"
	"github.com/thueringencert/leitstelle/shared/outbox"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type bench struct {
	t     testing.TB
	clock *clock
	db    *sqlx.DB
	store *store.Store
	sink  *mailsink.Sink
	*courier.Courier
}

func setup(t testing.TB, change ...func(*email.Config)) *bench {
	t.Helper()
	db, _ := devstack.NewDB(t, outbox.Migrations, inbox.Migrations, audit.Migrations, idem.Migrations, store.Migrations)
	sink, err := mailsink.Start(mailsink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	host, port, err := net.SplitHostPort(sink.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	cfg := email.Config{Host: host, Port: n, TLS: "none", From: "lagezentrum@cert.example", FromName: "ThüringenCERT", Helo: "localhost"}
	for _, f := range change {
		f(&cfg)
	}
	c := &clock{at: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)}
	ch, err := email.New(cfg, c.now)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(db, nil, c.now, alert.Keyring{Key: []byte("test")})
	return &bench{t: t, clock: c, db: db, store: s, sink: sink, Courier: &courier.Courier{
		Queue: s, Conns: 4, Now: c.now, Log: zap.NewNop(),
		Dial: func(ctx context.Context) (courier.Conn, error) {
			conn, err := ch.Dial(ctx)
			if err != nil {
				return nil, err // a nil *Conn is no nil Conn
			}
			return conn, nil
		},
		Compose: func(n message.Notice, d message.Delivery) (message.Mail, error) {
			return message.Mail{To: d.Recipient, Subject: "Prüfung " + n.Key, Text: "Guten Tag\n", MessageID: d.MessageID("cert.example")}, nil
		},
	}}
}

// say stores one notice for n recipients of a domain.
func (b *bench) say(n int, domain string) {
	b.t.Helper()
	to := make([]message.To, n)
	for i := range to {
		to[i] = message.To{Email: fmt.Sprintf("p%04d@%s", i, domain), Language: "de", Organisation: event.NewID()}
	}
	id := event.NewID()
	if err := b.store.Say(b.t.Context(), message.Notice{
		ID: id, Key: "test:" + id, Kind: message.Alert,
		Data: []byte(`{}`), CreatedAt: b.clock.now(),
	}, to); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) states() map[string]int {
	b.t.Helper()
	var rows []struct {
		State string `db:"state"`
		N     int    `db:"n"`
	}
	if err := b.db.Select(&rows, `SELECT state, count(*) AS n FROM deliveries GROUP BY state`); err != nil {
		b.t.Fatal(err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out
}

func (b *bench) drain() {
	b.t.Helper()
	if _, err := b.Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// holds runs the one checker over the service's database (I1–I5).
func (b *bench) holds() {
	b.t.Helper()
	checks := append(invariant.Shared(b.db, invariant.Notification, invariant.Settled), invariant.Of(b.db, invariant.Notification)...)
	if found := invariant.Run(b.t.Context(), checks...); found != nil {
		b.t.Errorf("the invariants do not hold:\n%s", invariant.Report(found))
	}
}

// arrived counts messages and different ids by recipient.
func (b *bench) arrived() (messages map[string]int, ids map[string]map[string]bool) {
	messages, ids = map[string]int{}, map[string]map[string]bool{}
	for _, m := range b.sink.Messages("") {
		to := strings.Join(m.To, ",")
		messages[to]++
		if ids[to] == nil {
			ids[to] = map[string]bool{}
		}
		ids[to][m.Header("Message-Id")] = true
	}
	return messages, ids
}

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

func TestWhoLostTheRightGetsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Entitled = func(_ message.Notice, d message.Delivery) bool { return d.Recipient != "p0003@a.example" }
	b.say(10, "a.example")
	b.drain()
	if got := b.states(); got["sent"] != 9 || got["cancelled"] != 1 {
		t.Errorf("states = %v, want 9 sent and 1 cancelled", got)
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
