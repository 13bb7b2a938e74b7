// SPDX-License-Identifier: EUPL-1.2

package operations_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/operations"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

func TestAPoisonedEventBecomesALetterWithoutItsContent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	event, body := failed(t, "email")
	l := b.dead(body)
	if l.Event != event || l.Tries != inbox.MaxTries || l.Consumer != "triage-deliveries" || l.Stream != bus.Alerts || !l.Readable || l.Type != "delivery.failed" {
		t.Errorf("the letter is %+v", l)
	}
	if l.Error != "no room for … in event "+event {
		t.Errorf("the error says %q", l.Error)
	}
	s, err := b.desk.State(t.Context(), admin)
	if err != nil || s.Level != operations.Stuck || s.Dead != 1 || len(s.Consumers) != 1 || s.Consumers[0].Dead != 1 || s.Consumers[0].Level != operations.Stuck {
		t.Errorf("State = %+v, %v; want one dead event that calls somebody", s, err)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'operations.read' AND object_type = 'dead_event'`); n != 1 {
		t.Errorf("%d looks are in the audit, want 1", n)
	}
}

func TestARetryHasTheEffectOnceTheCauseIsGoneAndASecondOneIsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "email")
	l := b.dead(body)
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) || strings.Contains(err.Error(), canary) {
		t.Errorf("Retry with the cause there = %v, want a Conflict without content", err)
	}
	again, err := b.desk.Letter(t.Context(), admin, id(l))
	if err != nil || again.Tries != l.Tries+1 || again.Settled != nil || b.count(`SELECT count(*) FROM effect`) != 0 {
		t.Errorf("after the failed retry: %+v, %v; want it to wait, one try more, and no effect", again, err)
	}
	b.broken.Store(false)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 8 { // two administrators, and one who clicks twice
		all.Go(func() {
			switch _, err := b.desk.Retry(t.Context(), admin, id(l)); {
			case err == nil:
				good.Add(1)
			case !fault.Is(err, fault.Conflict):
				t.Errorf("Retry = %v", err)
			}
		})
	}
	all.Wait()
	if n := b.count(`SELECT count(*) FROM effect`); n != 1 || good.Load() != 1 || b.after.Load() != 1 {
		t.Errorf("%d effects, %d answers that it is done, %d calls afterwards; want one each", n, good.Load(), b.after.Load())
	}
	b.publish(body) // the broker brings it once more
	b.start()
	devstack.Eventually(t, 10*time.Second, "the broker's delivery", func() bool {
		s, err := b.desk.State(t.Context(), admin)
		return err == nil && s.Level == operations.Fine && s.Consumers[0].Pending == 0 && s.Consumers[0].Unacknowledged == 0
	})
	if n := b.count(`SELECT count(*) FROM effect`); n != 1 {
		t.Errorf("%d effects after the broker's delivery", n)
	}
	if l, err := b.desk.Letter(t.Context(), admin, id(l)); err != nil || l.Outcome != inbox.Repeated || l.Settled == nil {
		t.Errorf("the letter is %+v, %v; want it settled", l, err)
	}
	var results []string
	if err := b.db.Select(&results, `SELECT result FROM audit WHERE action = 'operations.retry' ORDER BY seq`); err != nil || !slices.Equal(results, []string{audit.Failed, audit.OK}) {
		t.Errorf("the audit says %v, %v; want one that failed and one that worked", results, err)
	}
	if r, err := audit.Verify(t.Context(), b.db, nil); err != nil || !r.OK() {
		t.Errorf("the audit does not hold: %+v, %v", r, err)
	}
}

func TestWhatIsDoneAlreadyIsSettledByARetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "known")
	l := b.dead(body)
	b.broken.Store(false)
	got, err := b.desk.Retry(t.Context(), admin, id(l))
	if err != nil || got.Settled == nil || b.count(`SELECT count(*) FROM effect`) != 0 {
		t.Errorf("Retry = %+v, %v; want it settled without an effect", got, err)
	}
}

func TestWhatIsNoEventCanOnlyBeDiscardedWithAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.dead([]byte(`{"id": "` + canary))
	if l.Readable || l.Event != "" || strings.Contains(l.Error, canary) {
		t.Errorf("the letter is %+v", l)
	}
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry = %v, want it to fail again", err)
	}
	for _, reason := range []string{"", "  \n", "x", strings.Repeat("x", 501), "a\x00bc", "\xff\xfe\xfd\xfc"} {
		if _, err := b.desk.Discard(t.Context(), admin, id(l), reason); !fault.Is(err, fault.Invalid) || len(fault.FieldsOf(err)) != 1 {
			t.Errorf("Discard for %q = %v, want the field named", reason, err)
		}
	}
	got, err := b.desk.Discard(t.Context(), admin, id(l), " Testnachricht der Überwachung ")
	if err != nil || got.Outcome != inbox.Discarded || got.Note != "Testnachricht der Überwachung" || got.Settled == nil {
		t.Errorf("Discard = %+v, %v", got, err)
	}
	if _, err := b.desk.Discard(t.Context(), admin, id(l), "noch einmal"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second Discard = %v", err)
	}
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry of what was discarded = %v", err)
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'operations.discard' AND result = 'ok'`); n != 1 {
		t.Errorf("%d entries of the audit, want 1", n)
	}
	if s, err := b.desk.State(t.Context(), admin); err != nil || s.Dead != 0 {
		t.Errorf("State = %+v, %v", s, err)
	}
}

// Row "dead letters, retries" of the reliability model §2.4: the administrator alone.
func TestOnlyTheAdministratorSeesAndDealsWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.dead([]byte("x"))
	for _, role := range actor.Roles() {
		if role == actor.Admin {
			continue
		}
		_, state := b.desk.State(t.Context(), as(role))
		_, list := b.desk.Letters(t.Context(), as(role), 0, 10)
		_, one := b.desk.Letter(t.Context(), as(role), id(l))
		_, retry := b.desk.Retry(t.Context(), as(role), id(l))
		_, discard := b.desk.Discard(t.Context(), as(role), id(l), "weil ich es will")
		for i, err := range []error{state, list, one, retry, discard} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, door %d: %v, want NotFound", role, i, err)
			}
		}
	}
	for _, bad := range []string{"", "0", "-1", "x", "01", "+1", "99999999999999999999", "999999", id(l) + " "} {
		_, one := b.desk.Letter(t.Context(), admin, bad)
		_, retry := b.desk.Retry(t.Context(), admin, bad)
		_, discard := b.desk.Discard(t.Context(), admin, bad, "gibt es nicht")
		for i, err := range []error{one, retry, discard} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("id %q, door %d: %v, want NotFound", bad, i, err)
			}
		}
	}
}

// Failure model F14: the broker is away.
func TestWithoutTheBrokerTheStateComesAtOnceAndSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	_, body := failed(t, "email")
	l := b.dead(body)
	b.nats.Stop()
	if err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error {
		return outbox.Add(t.Context(), tx, event.New(event.DeliveryFailed{Delivery: "d"}, event.Meta{At: time.Now()}))
	}); err != nil {
		t.Fatal(err)
	}
	b.db.MustExec(`UPDATE outbox SET created_at = now() - interval '5 minutes'`)
	start := time.Now()
	s, err := b.desk.State(t.Context(), admin)
	if took := time.Since(start); err != nil || took > 3*time.Second {
		t.Fatalf("State took %s, %v", took, err)
	}
	if s.Connected || s.Consumers[0].Known || s.Dead != 1 || s.Outbox.Waiting != 1 || s.Outbox.Level != operations.Stuck {
		t.Errorf("State = %+v; want the database's part and no figure of the broker", s)
	}
	devstack.Eventually(t, 5*time.Second, "that it is noticed", func() bool {
		s, err := b.desk.State(t.Context(), admin)
		return err == nil && !s.Away.IsZero()
	})
	b.broken.Store(false)
	if _, err := b.desk.Retry(t.Context(), admin, id(l)); err != nil || b.count(`SELECT count(*) FROM effect`) != 1 {
		t.Errorf("Retry without the broker = %v; want the effect", err)
	}
}

func TestTheBrokersFiguresAreThoseOfEachConsumer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if s, err := b.desk.State(t.Context(), admin); err != nil || !s.Connected || s.Consumers[0].Known || s.Consumers[0].Level != operations.Waits {
		t.Errorf("before it was ever made: %+v, %v", s, err)
	}
	c, err := b.bus.JetStream().CreateOrUpdateConsumer(t.Context(), bus.Alerts, jetstream.ConsumerConfig{Durable: "triage-deliveries", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, body := failed(t, "email")
		b.publish(body)
	}
	seen := 0
	for again := false; !again; seen++ { // until one comes for the second time
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if again = meta.NumDelivered == 2; !again && seen == 0 {
			if err := m.Nak(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := b.desk.State(t.Context(), admin)
	if x := s.Consumers[0]; err != nil || !x.Known || int(x.Pending)+x.Unacknowledged != 3 || x.Unacknowledged != seen-1 || x.Redelivered != 1 || x.Level != operations.Waits {
		t.Errorf("State = %+v, %v; want 3 of which %d were delivered, one of them again", s, err, seen-1)
	}
}

func TestLettersComeInPagesAndThoseOfAFormerConsumerToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 7 {
		if err := inbox.Bury(t.Context(), b.db, inbox.Dead{Consumer: "triage-former", Subject: "case.opened", Body: []byte{byte('a' + i)}, Reason: "r", Tries: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []int64
	var before int64
	for range 4 {
		list, err := b.desk.Letters(t.Context(), admin, before, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			seen = append(seen, l.ID)
			before = l.ID
		}
	}
	if len(seen) != 7 || !slices.IsSortedFunc(seen, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("the pages show %v", seen)
	}
	s, err := b.desk.State(t.Context(), admin)
	if err != nil || len(s.Consumers) != 2 || s.Consumers[1].Name != "triage-former" || s.Consumers[1].Dead != 7 {
		t.Errorf("State = %+v, %v", s, err)
	}
	if _, err := b.desk.Retry(t.Context(), admin, strconv.FormatInt(before, 10)); !fault.Is(err, fault.Conflict) {
		t.Errorf("Retry for a consumer that is no more = %v", err)
	}
}

// What is shown of the jobs is what their tables and files say.
func TestJobsSayWhatIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.desk.Audit.AnchorDir, b.desk.Audit.Key = t.TempDir(), key.Public().(ed25519.PublicKey)
	b.desk.Deleting = &retention.Desk{Service: "triage", DB: b.db, Mode: retention.Approved, Now: time.Now}
	job := func(id string) operations.JobState {
		t.Helper()
		s, err := b.desk.State(t.Context(), admin)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Jobs, func(j operations.JobState) bool { return j.ID == id })
		return s.Jobs[i]
	}
	if _, err := b.desk.Letters(t.Context(), admin, 0, 1); err != nil { // an entry of the audit
		t.Fatal(err)
	}
	if j := job(operations.Checkpoints); j.Level != operations.Fine || j.Last != nil || j.Waiting != 1 {
		t.Errorf("before the first checkpoint: %+v", j)
	}
	b.desk.Now = func() time.Time { return time.Now().Add(time.Hour) }
	if j := job(operations.Checkpoints); j.Level != operations.Waits {
		t.Errorf("an hour without a checkpoint: %+v", j)
	}
	b.desk.Now = time.Now
	c := audit.Checkpointer{DB: b.db, Service: "triage", Dir: b.desk.Audit.AnchorDir, Key: key, Now: time.Now}
	if err := c.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j := job(operations.Checkpoints); j.Level != operations.Fine || j.Last == nil || j.Waiting != 0 {
		t.Errorf("after a checkpoint: %+v", j)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "triage.jsonl"), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j := job(operations.Checkpoints); j.Level != operations.Stuck || j.Why == "" {
		t.Errorf("a forged checkpoint: %+v", j)
	}
	b.db.MustExec(`INSERT INTO retention_run (id, class, cutoff, due, held, digest, state, proposed_by, proposed_at, decided_at)
		VALUES (gen_random_uuid(), 'case-content', now(), 1, 0, '', 'approved', 'p', now(), now())`)
	b.db.MustExec(`INSERT INTO person_erased (person, at) VALUES ('p', now())`)
	if j := job(operations.Deletions); j.Level != operations.Fine || j.Waiting != 1 || j.Oldest == nil || j.Last != nil {
		t.Errorf("an approved deletion: %+v", j)
	}
	if j := job(operations.Erasures); j.Waiting != 1 || j.Oldest == nil || j.Last != nil {
		t.Errorf("a person to erase: %+v", j)
	}
}
