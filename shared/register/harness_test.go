// SPDX-License-Identifier: EUPL-1.2

package register_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time  { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.at = t }

type bundle struct {
	t     *testing.T
	db    *sqlx.DB
	url   string
	nats  *devstack.NATS
	bus   *bus.Bus
	clock *clock
	*register.Register
}

// setup makes an empty register without its parts.
func setup(t *testing.T) *bundle {
	t.Helper()
	db, url := devstack.NewDB(t, register.Migrations, inbox.Migrations)
	n := devstack.NewNATS(t)
	b := &bundle{t: t, db: db, url: url, nats: n, bus: devstack.Bus(t, n), clock: &clock{at: noon}}
	b.Register = b.another()
	if err := b.bus.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// another is a register on the same database: a restart, or a replica.
func (b *bundle) another() *register.Register {
	return register.New(b.db, b.url, "intake", b.bus, zap.NewNop(), b.clock.now)
}

// run starts the register's parts until the test or stop ends.
func (b *bundle) run(r *register.Register) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			b.t.Errorf("the register ended with %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	b.t.Cleanup(stop)
	return stop
}

// store hands records to the register's own table, as its consumer does.
func (b *bundle) store(payloads ...event.Payload) {
	b.t.Helper()
	for _, p := range payloads {
		err := pg.InTx(b.t.Context(), b.db, func(tx pg.DB) error {
			return register.Store(b.t.Context(), tx, event.New(p, event.Meta{At: noon}))
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// load fills the register from the table.
func (b *bundle) load(payloads ...event.Payload) {
	b.t.Helper()
	b.store(payloads...)
	if err := b.Load(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// tell publishes records as the directory does.
func (b *bundle) tell(payloads ...event.Payload) {
	b.t.Helper()
	for _, p := range payloads {
		e := event.New(p, event.Meta{At: noon})
		body, err := json.Marshal(e)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.bus.JetStream().Publish(b.t.Context(), e.Subject(), body); err != nil {
			b.t.Fatal(err)
		}
	}
}

// put writes a session or token into its bucket, as the directory does.
func (b *bundle) put(bucket, token string, s session.Session) {
	b.t.Helper()
	kv, err := b.bus.Bucket(b.t.Context(), bucket)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err := json.Marshal(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := kv.Put(b.t.Context(), session.Key(token), body); err != nil {
		b.t.Fatal(err)
	}
}

// good reports whether the token would be accepted now.
func (b *bundle) good(r *register.Register, token string) bool {
	s, ok := r.Session(b.t.Context(), session.Key(token), bus.Sessions)
	return ok && s.Valid(b.clock.now())
}

func (b *bundle) eventually(what string, ok func() bool) {
	b.t.Helper()
	devstack.Eventually(b.t, 20*time.Second, what, ok)
}

func organisation(id, name string, version int) event.OrganisationChanged {
	return event.OrganisationChanged{ID: id, Version: version, Name: name, Level: "gemeinde", Active: true, ChangedAt: noon}
}

func person(id, name string, version int, memberships ...event.Membership) event.PersonChanged {
	return event.PersonChanged{ID: id, Version: version, Name: name, Active: true, Memberships: memberships, ChangedAt: noon}
}

func signIn(version int64) session.Session {
	return session.Session{ID: "s1", Kind: session.KindPerson, Person: "kim", Version: version, CreatedAt: noon, ExpiresAt: noon.Add(10 * time.Hour)}
}

func revoked(version int64) session.Session {
	s := signIn(version)
	s.RevokedAt = &noon
	return s
}
