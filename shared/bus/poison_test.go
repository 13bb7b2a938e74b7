// SPDX-License-Identifier: EUPL-1.2

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// picky decodes as a service does and panics or fails on command.
func picky(ctx context.Context, tx pg.DB, e event.Event) error {
	d, err := event.Decode[event.DeliveryFailed](e)
	if err != nil {
		return err
	}
	switch d.Reason {
	case "panic":
		var nobody *event.Alert
		_ = nobody.Title
	case "panic with a NUL":
		panic("a\x00b\xff")
	case "error":
		return errors.New("a rule that no retry helps")
	case "conflict":
		return fault.New(fault.Conflict, "done already")
	case "too long for the database":
		_, err := tx.ExecContext(ctx, `INSERT INTO effect (event_id, subject_id) VALUES ('not a uuid', $1)`, e.ID)
		return err
	}
	return take(ctx, tx, e)
}

// with is an event with the reason, as bytes.
func with(t *testing.T, reason string, change func(map[string]any)) []byte {
	t.Helper()
	e := event.New(event.DeliveryFailed{Delivery: "poison", Reason: reason}, event.Meta{At: time.Now()})
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return b
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestF20PoisonBetweenGoodEventsBecomesADeadEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	poison := map[string]struct {
		body  []byte
		tries int // after which it is dead
	}{
		"no JSON":                  {[]byte(`{"id": "0`), 1},
		"empty":                    {[]byte{}, 1},
		"binary":                   {[]byte("\x00\xff\xfe"), 1},
		"no envelope":              {[]byte(`[1,2,3]`), 1},
		"no id":                    {with(t, "", func(m map[string]any) { m["id"] = "" }), 1},
		"an id nobody can store":   {with(t, "", func(m map[string]any) { m["id"] = "urn:uuid:" + event.NewID() }), 1},
		"another type":             {with(t, "", func(m map[string]any) { m["type"] = "case.opened" }), 1},
		"data of another shape":    {with(t, "", func(m map[string]any) { m["data"] = map[string]any{"delivery": 7} }), 1},
		"panic":                    {with(t, "panic", nil), inbox.MaxTries},
		"panic with a NUL":         {with(t, "panic with a NUL", nil), inbox.MaxTries},
		"an error":                 {with(t, "error", nil), inbox.MaxTries},
		"an error of the database": {with(t, "too long for the database", nil), inbox.MaxTries},
	}
	start := time.Now()
	good := 0
	for _, p := range poison {
		b.add(failed("good"))
		good++
		b.raw("delivery.failed", p.body)
	}
	b.raw("delivery.failed", with(t, "conflict", nil))
	b.start(b.relay().Run, b.consume(b.consumer(picky)))
	b.drained(good)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the good ones took %s, want them not to wait for the bad ones", took)
	}
	devstack.Eventually(t, 20*time.Second, "all poison dead", func() bool {
		return b.get(`SELECT count(*) FROM dead_event`) >= len(poison) && b.pending("triage-deliveries") == 0
	})
	b.once()
	dead, err := inbox.Buried(t.Context(), b.db, 100)
	if err != nil || len(dead) != len(poison) {
		t.Fatalf("%d dead events, %v; want %d: %+v", len(dead), err, len(poison), dead)
	}
	for name, p := range poison {
		found := false
		for _, d := range dead {
			if string(d.Body) != string(p.body) {
				continue
			}
			found = true
			if d.Tries != p.tries || d.Reason == "" || d.Consumer != "triage-deliveries" || d.Subject != "delivery.failed" {
				t.Errorf("%s: dead after %d tries (%q, %s, %s), want %d", name, d.Tries, d.Reason, d.Consumer, d.Subject, p.tries)
			}
		}
		if !found {
			t.Errorf("%s: not among the dead", name)
		}
	}
	if got := b.get(`SELECT count(*) FROM effect WHERE subject_id = 'poison'`); got != 0 {
		t.Errorf("poison had %d effects", got)
	}
	b.holds("I8 no event is dead") // the poison is
}

func TestADeadEventCanBeSentRoundAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	stop := b.start(b.consume(b.consumer(picky)))
	b.raw("delivery.failed", with(t, "error", nil))
	devstack.Eventually(t, 10*time.Second, "dead", func() bool { return b.get(`SELECT count(*) FROM dead_event`) == 1 })
	stop()
	dead, err := inbox.Buried(t.Context(), b.db, 1)
	if err != nil {
		t.Fatal(err)
	}
	redo := func(c bus.Consumer) error {
		return pg.InTx(t.Context(), b.db, func(tx pg.DB) error {
			if _, err := c.Redo(t.Context(), tx, dead[0]); err != nil {
				return err
			}
			return inbox.Retried(t.Context(), tx, dead[0])
		})
	}
	if redo(b.consumer(picky)) == nil {
		t.Error("Redo hides that it failed again")
	}
	if list, err := inbox.Buried(t.Context(), b.db, 1); err != nil || len(list) != 1 {
		t.Errorf("after a failed retry: %v, %v; want it to stay", list, err)
	}
	for range 2 { // an operator clicks twice
		if err := redo(b.consumer(take)); err != nil {
			t.Errorf("Redo = %v", err)
		}
	}
	if got := b.effects(); got != 1 {
		t.Errorf("effects = %d, want 1", got)
	}
	if list, err := inbox.Buried(t.Context(), b.db, 1); err != nil || len(list) != 0 {
		t.Errorf("after the retry: %v, %v; want none", list, err)
	}
}

func TestTheBackoffIsAskedAfterEachFailureButTheLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	c := b.consumer(picky)
	var asked []int
	c.Backoff = func(tries int) time.Duration { asked = append(asked, tries); return time.Millisecond }
	stop := b.start(b.consume(c))
	b.raw("delivery.failed", with(t, "error", nil))
	devstack.Eventually(t, 10*time.Second, "dead", func() bool { return b.get(`SELECT count(*) FROM dead_event`) == 1 })
	stop()
	if got, want := fmt.Sprint(asked), "[1 2 3 4]"; got != want {
		t.Errorf("asked for the wait after %s failures, want %s: the fifth is the last", got, want)
	}
}

func TestARefusedPublishNamesWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.addMany(3)
	b.db.MustExec(`UPDATE outbox SET subject = 'nobody.listens' WHERE seq = 2`)
	if _, err := b.relay().Step(t.Context()); err == nil || strings.Contains(err.Error(), "relay:") {
		t.Errorf("Step = %v, want the broker's refusal", err)
	}
	if got := b.get(`SELECT seq FROM outbox WHERE published_at IS NULL`); got != 2 {
		t.Errorf("seq %d waits, want only 2", got)
	}
}

func TestStreamsAreMadeOnceAndKeepWhatTheyHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ensure()
	b.raw("delivery.failed", []byte("x"))
	b.ensure() // a second replica
	for _, name := range []string{bus.Directory, bus.Reports, bus.Cases, bus.Alerts} {
		st, err := b.bus.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Errorf("stream %s: %v", name, err)
			continue
		}
		c := st.CachedInfo().Config
		if c.Duplicates != 10*time.Minute || c.Storage.String() != "File" || c.Retention.String() != "Limits" {
			t.Errorf("%s has duplicates %s, storage %s, retention %s", name, c.Duplicates, c.Storage, c.Retention)
		}
		if name == bus.Directory && (c.MaxMsgsPerSubject != 1 || c.MaxAge != 0) {
			t.Errorf("%s keeps %d a record for %s, want the last one for ever", name, c.MaxMsgsPerSubject, c.MaxAge)
		}
		if c.AllowMsgTTL != (name == bus.Directory) {
			t.Errorf("%s lets single messages end: %v", name, c.AllowMsgTTL)
		}
		if name == bus.Alerts && st.CachedInfo().State.Msgs != 1 {
			t.Errorf("%s lost what it held", name)
		}
	}
}

// What asks for a mail names a person and is no record: the broker forgets it
// as it forgets reports, though the records beside it stay.
func TestWhatAsksForAMailEndsInTheBrokerAndRecordsStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := jetstream.StreamConfig{Name: bus.Directory, Subjects: []string{"directory.>"}, MaxMsgsPerSubject: 1}
	if _, err := b.bus.JetStream().CreateStream(t.Context(), old); err != nil { // as an older version made it
		t.Fatal(err)
	}
	b.ensure()
	ends := map[string]string{
		"directory.person.invited.a": "720h0m0s", "directory.notice.wanted.a": "720h0m0s", "directory.person.changed.a": "", "directory.person.erased.a": "", "directory.mandate.changed.a": "",
	}
	var messages []outbox.Message
	for subject := range ends {
		messages = append(messages, outbox.Message{Seq: int64(len(messages)), ID: subject, Subject: subject, Body: "{}"})
	}
	if done, err := b.bus.Publish(t.Context(), messages); err != nil || len(done) != len(messages) {
		t.Fatalf("%d of %d published: %v", len(done), len(messages), err)
	}
	s, err := b.bus.JetStream().Stream(t.Context(), bus.Directory)
	if err != nil {
		t.Fatal(err)
	}
	for subject, want := range ends {
		m, err := s.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Errorf("%s: %v", subject, err)
			continue
		}
		if got := m.Header.Get(jetstream.MsgTTLHeader); got != want {
			t.Errorf("%s ends after %q, want %q", subject, got, want)
		}
	}
}
