// SPDX-License-Identifier: EUPL-1.2

package register_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

func TestEventsReachEveryReplica(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replica := b.another()
	b.run(b.Register)
	b.run(replica)
	for i := range 50 {
		b.tell(organisation(fmt.Sprint("o", i), fmt.Sprint("Ort ", i), 1))
	}
	for name, r := range map[string]*register.Register{"one": b.Register, "the other": replica} {
		b.eventually(name+" knows all", func() bool { return len(r.Organisations()) == 50 })
	}
	b.tell(organisation("o7", "Umbenannt", 2))
	for name, r := range map[string]*register.Register{"one": b.Register, "the other": replica} {
		b.eventually(name+" knows the change", func() bool { o, _ := r.Organisation("o7"); return o.Name == "Umbenannt" })
	}
}

// D18: an open stream has to close within 5 s; on an idle machine this takes
// milliseconds.
func TestD18ARevocationReachesOpenStreamsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(bus.Sessions, "cookie", signIn(1))
	b.run(b.Register)
	b.eventually("signed in", func() bool { return b.good(b.Register, "cookie") })
	changed := b.Changed() // an open stream waits for it
	start := time.Now()
	b.put(bus.Sessions, "cookie", revoked(2))
	for b.good(b.Register, "cookie") {
		select {
		case <-changed:
			changed = b.Changed()
		case <-time.After(10 * time.Second):
			t.Fatal("the stream never heard of the revocation")
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the revocation took %s, want at most 5 s", took)
	} else {
		t.Logf("the revocation took %s", took)
	}
}

func TestSessionsHoldWhileTheBrokerIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(bus.Sessions, "cookie", signIn(1))
	b.put(bus.Tokens, "lst_token", session.Session{ID: "t1", Kind: session.KindToken, Person: "kim", Version: 1, ExpiresAt: noon.Add(time.Hour)})
	stop := b.run(b.Register)
	b.eventually("in the table", func() bool {
		var n int
		err := b.db.Get(&n, `SELECT count(*) FROM register_record WHERE kind = 'session'`)
		return err == nil && n == 2
	})
	stop()
	b.nats.Stop()
	again := b.another() // a restart without a broker
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.run(again)
	for _, token := range []string{"cookie", "lst_token"} {
		if !b.good(again, token) {
			t.Errorf("%s is not accepted without a broker", token)
		}
	}
	if b.good(again, "unknown") {
		t.Error("an unknown token is accepted without a broker")
	}
	b.clock.set(noon.Add(11 * time.Hour))
	if b.good(again, "cookie") {
		t.Error("an expired session is accepted without a broker")
	}
}

func TestWhoHasJustSignedInIsLookedUp(t *testing.T) {
	t.Parallel()
	b := setup(t) // the copy does not run: it may be late
	b.put(bus.Sessions, "cookie", signIn(1))
	if !b.good(b.Register, "cookie") {
		t.Error("a session that only the bucket has is not accepted")
	}
	if b.good(b.Register, "another") {
		t.Error("an unknown token is accepted")
	}
	b.put(bus.Sessions, "dead", revoked(1))
	if b.good(b.Register, "dead") {
		t.Error("a revoked session that only the bucket has is accepted")
	}
}

// Guessing tokens must not become a load on the broker.
func TestLookUpsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(bus.Sessions, "cookie", signIn(1))
	for i := range 200 {
		b.good(b.Register, fmt.Sprint("guess ", i))
	}
	if b.good(b.Register, "cookie") {
		t.Error("the 201st look-up of a second reached the broker")
	}
	b.clock.set(noon.Add(time.Second))
	if !b.good(b.Register, "cookie") {
		t.Error("the next second's first look-up did not reach the broker")
	}
}

func TestARevocationIsNeverUndone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(bus.Sessions, "cookie", revoked(2))
	b.run(b.Register)
	b.eventually("revoked", func() bool {
		s, ok := b.Session(t.Context(), session.Key("cookie"), bus.Sessions)
		return ok && s.RevokedAt != nil
	})
	// An older copy comes back: a table restored, a bucket written late.
	b.db.MustExec(`UPDATE register_record SET version = 1, body = body::jsonb - 'revoked_at' || '{"version":1}' WHERE kind = 'session'`)
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.put(bus.Sessions, "cookie", signIn(1))
	b.tell(organisation("o", "Ort", 1))
	b.eventually("past it", func() bool { _, ok := b.Organisation("o"); return ok })
	if b.good(b.Register, "cookie") {
		t.Error("the revoked session is accepted again")
	}
}

func TestF17AWipedBrokerTakesNoSessionAwayAndIsWatchedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 { // so that the new bucket's numbers begin below the old ones
		b.put(bus.Sessions, fmt.Sprint("other ", i), signIn(1))
	}
	b.put(bus.Sessions, "cookie", signIn(1))
	b.run(b.Register)
	b.eventually("signed in", func() bool { return b.good(b.Register, "cookie") })
	b.nats.Stop()
	if err := b.nats.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.nats.Start(); err != nil {
		t.Fatal(err)
	}
	b.eventually("connected", b.bus.Connected)
	if !b.good(b.Register, "cookie") {
		t.Error("a wiped bucket ended a session")
	}
	b.put(bus.Sessions, "cookie", revoked(2)) // the directory made the bucket anew
	b.eventually("revoked", func() bool { return !b.good(b.Register, "cookie") })
	if err := b.bus.EnsureStreams(t.Context()); err != nil { // so does the directory's relay
		t.Fatal(err)
	}
	b.tell(organisation("o", "Ort", 1))
	b.eventually("events flow again", func() bool { _, ok := b.Organisation("o"); return ok })
}

func TestOldSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(bus.Sessions, "cookie", signIn(1))
	stop := b.run(b.Register)
	stored := func() int {
		var n int
		if err := b.db.Get(&n, `SELECT count(*) FROM register_record WHERE kind = 'session'`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	b.eventually("stored", func() bool { return stored() == 1 })
	stop()
	b.clock.set(noon.Add(33 * time.Hour)) // expired, but a day has not passed
	stop = b.run(b.Register)
	b.tell(organisation("o", "Ort", 1))
	b.eventually("running", func() bool { _, ok := b.Organisation("o"); return ok })
	if stored() != 1 {
		t.Error("a session that expired just now is forgotten")
	}
	stop()
	b.clock.set(noon.Add(72 * time.Hour))
	b.run(b.another()) // the bucket still shows the old entry
	b.eventually("forgotten", func() bool { return stored() == 0 })
}

func TestABrokenEntryOfABucketHoldsUpNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kv, err := b.bus.Bucket(t.Context(), bus.Sessions)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"broken": "{", "nul": `{"id":"a\u0000b","expires_at":"2027-01-01T00:00:00Z"}`} {
		if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	b.run(b.Register)
	b.put(bus.Sessions, "cookie", signIn(1))
	b.store(person("kim", "Kim", 1), event.PersonChanged{ID: "x", Version: 1})
	b.eventually("stored", func() bool {
		var n int
		err := b.db.Get(&n, `SELECT count(*) FROM register_record WHERE kind = 'session' AND id = $1`, session.Key("cookie"))
		return err == nil && n == 1
	})
}
