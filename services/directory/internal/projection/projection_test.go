// SPDX-License-Identifier: EUPL-1.2

package projection_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/projection"
	"github.com/thueringencert/leitstelle/services/directory/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type bench struct {
	t      *testing.T
	store  *store.Store
	nats   *devstack.NATS
	bus    *bus.Bus
	person string
	act    constituency.Act
	*projection.Projector
}

func setup(t *testing.T) *bench {
	t.Helper()
	db, _ := devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	n := devstack.NewNATS(t)
	b := &bench{t: t, store: &store.Store{DB: db, AuditKey: []byte("k")}, nats: n, bus: devstack.Bus(t, n), person: event.NewID()}
	b.act = constituency.Act{Actor: actor.System("test"), At: noon}
	b.Projector = &projection.Projector{Store: b.store, Bus: b.bus, Log: zap.NewNop(), Now: func() time.Time { return noon }, Tick: 10 * time.Millisecond}
	err := b.store.AddPeople(context.Background(), b.act, []account.Added{{Person: account.Person{
		ID: b.person, Name: "Kim", Email: "kim@example.org",
		Language: "de", Active: true, Version: 1, ChangedAt: noon,
	}, PasswordHash: "-", SealedTOTP: []byte{0}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
}

func (b *bench) session(secret string, step int64) account.Session {
	b.t.Helper()
	sum := sha256.Sum256([]byte(secret))
	s := account.Session{ID: event.NewID(), Sum: sum[:], Person: b.person, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour), StepUpAt: noon, Version: 1}
	if err := b.store.StartSession(context.Background(), b.act, account.Start{Action: "account.signin", Session: s, Proof: account.Proof{Step: step}, Try: account.Try{ID: event.NewID()}}); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// entry returns what the bucket says about a secret.
func (b *bench) entry(bucket, secret string) (session.Session, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	kv, err := b.bus.JetStream().KeyValue(ctx, bucket)
	if err != nil {
		return session.Session{}, false
	}
	e, err := kv.Get(ctx, session.Key(secret))
	if err != nil {
		return session.Session{}, false
	}
	var s session.Session
	return s, json.Unmarshal(e.Value(), &s) == nil
}

func TestASessionIsInTheBucketWhenTellReturns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	devstack.Eventually(t, 5*time.Second, "connected", b.bus.Connected)
	s := b.session("one", 1)
	b.Tell(context.Background(), []account.Session{s}, nil)
	got, ok := b.entry(bus.Sessions, "one")
	if !ok || got.ID != s.ID || got.Kind != session.KindPerson || got.Person != b.person || got.Version != 1 || !got.ExpiresAt.Equal(s.ExpiresAt) || got.RevokedAt != nil {
		t.Errorf("bucket has %+v, %v; want the session", got, ok)
	}
	ended, err := b.store.EndSessions(context.Background(), b.act, b.person, s.ID, "ended")
	if err != nil || len(ended) != 1 {
		t.Fatal(ended, err)
	}
	b.Tell(context.Background(), ended, nil)
	if got, _ = b.entry(bus.Sessions, "one"); got.RevokedAt == nil || got.Version != 2 {
		t.Errorf("bucket has %+v, want it revoked in version 2", got)
	}
}

func TestWhatTellMissedComesLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.nats.Stop()
	b.session("one", 1)
	if err := b.store.CreateToken(context.Background(), b.act, account.Token{
		ID: event.NewID(), Sum: sum("tok"), Person: b.person, Name: "x",
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Version: 1,
	}); err != nil {
		t.Fatal(err)
	}
	b.Tell(context.Background(), nil, nil)
	b.run()
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 20*time.Second, "told", func() bool {
		_, s := b.entry(bus.Sessions, "one")
		tok, k := b.entry(bus.Tokens, "tok")
		return s && k && tok.Kind == session.KindToken
	})
}

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func TestAWipedBrokerIsFilledAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.session("one", 1)
	b.session("two", 2)
	b.run()
	republished := func() (n int) {
		if err := b.store.DB.GetContext(context.Background(), &n, `SELECT count(*) FROM outbox WHERE type = 'directory.person.changed'`); err != nil {
			t.Error(err)
		}
		return n
	}
	all := func() bool {
		_, one := b.entry(bus.Sessions, "one")
		_, two := b.entry(bus.Sessions, "two")
		return one && two
	}
	devstack.Eventually(t, 20*time.Second, "filled at start", all)
	devstack.Eventually(t, 20*time.Second, "republished to a new stream", func() bool { return republished() == 2 })
	b.nats.Stop()
	if err := b.nats.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 20*time.Second, "filled again", all)
	devstack.Eventually(t, 20*time.Second, "republished again", func() bool { return republished() == 3 })
}

func TestTheStreamIsRepublishedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := context.Background()
	for i, want := range []int{1, 0, 0} {
		if n, err := b.store.RepublishIfNew(ctx, b.act, noon); n != want || err != nil {
			t.Errorf("time %d: %d records, %v; want %d", i, n, err, want)
		}
	}
	if n, err := b.store.RepublishIfNew(ctx, b.act, noon.Add(time.Second)); n != 1 || err != nil {
		t.Errorf("another stream: %d records, %v; want 1", n, err)
	}
}

func TestIdleSessionsEndWhileTheBrokerIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := noon
	b.Now = func() time.Time { return now }
	b.session("idle", 1)
	b.session("used", 2)
	ctx := context.Background()
	b.Step(ctx, 0)
	now = noon.Add(account.Idle + time.Minute)
	if err := b.bus.JetStream().Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	b.Touch(session.Key("used"))
	b.Touch("not a key")
	b.Step(ctx, 10)
	devstack.Eventually(t, 5*time.Second, "ended", func() bool {
		s, ok := b.entry(bus.Sessions, "idle")
		return ok && s.RevokedAt != nil
	})
	if s, ok := b.entry(bus.Sessions, "used"); !ok || s.RevokedAt != nil {
		t.Errorf("the used session: %+v, %v; want it alive", s, ok)
	}
	now = now.Add(48 * time.Hour)
	b.Step(ctx, 60)
	if _, ok := b.entry(bus.Sessions, "idle"); ok {
		t.Error("a session that expired long ago is still in the bucket")
	}
}

// The other services say over the broker which sessions are used.
func TestOtherServicesKeepASessionAlive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.session("one", 1)
	b.Now = func() time.Time { return noon.Add(10 * time.Minute) }
	b.run()
	devstack.Eventually(t, 20*time.Second, "seen", func() bool {
		if err := b.bus.JetStream().Conn().Publish(session.SeenSubject, []byte(session.Key("one"))); err != nil {
			return false
		}
		got, err := b.store.Session(context.Background(), s.ID)
		return err == nil && got.SeenAt.After(noon)
	})
}
