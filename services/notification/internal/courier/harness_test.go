// SPDX-License-Identifier: EUPL-1.2

package courier_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
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
