// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T) (*store.Store, *sqlx.DB) {
	t.Helper()
	db, url := devstack.NewDB(t, outbox.Migrations, audit.Migrations, store.Migrations)
	return store.New(db, devstack.Reader(t, url, store.Reader), func() time.Time { return noon }, alert.Keyring{Key: []byte("test")}), db
}

// all is the store as the service itself reads it.
func all(s *store.Store) alert.Reading { return s.As(actor.System("notification").Seer()) }

func who(name string) alert.By {
	return alert.By{Actor: actor.Actor{Person: name, Name: name}, RequestID: "r"}
}

func content() alert.Content {
	return alert.Content{Title: "Lücke", Summary: "Schlimm", Severity: "high", WarningLevel: 2, TLP: tlp.Green, Poll: &event.Poll{}}
}

func drafted(t *testing.T, s *store.Store) alert.Alert {
	t.Helper()
	a, err := s.Create(t.Context(), 2026, who("editor"), func(id, ref string) (alert.Alert, error) {
		return alert.New(id, ref, event.Person{ID: "editor", Name: "Kim"}, content(), noon)
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// town is an audience of n bodies with a recipient each.
func town(n int) *alert.Audience {
	var out alert.Audience
	for i := range n {
		id := event.NewID()
		out.Organisations = append(out.Organisations, alert.Organisation{Organisation: event.Organisation{ID: id, Name: fmt.Sprintf("Ort %04d", i), Level: "gemeinde"}})
		out.Recipients = append(out.Recipients, alert.Recipient{Email: fmt.Sprintf("p%d@x.example", i), Person: event.NewID(), Language: "de", Organisation: id, Bodies: []string{id}, Principals: []string{}})
	}
	return &out
}

func release(s *store.Store, t *testing.T, id string, a *alert.Audience) alert.Alert {
	t.Helper()
	out, err := s.Update(t.Context(), id, who("approver"), func(x *alert.Alert) (alert.Effect, error) {
		e, err := x.Release(event.Person{ID: "approver"}, len(a.Organisations), len(a.Recipients), noon)
		return alert.Effect{Action: "alert.release", Events: []event.Payload{e}, Audience: a}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func count(t *testing.T, db *sqlx.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.Get(&n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAReleaseWritesEverythingInOneTransaction(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	a := drafted(t, s)
	began := time.Now()
	release(s, t, a.Reference, town(2000))
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("2,000 recipients took %s", d)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM alert_bodies`: 2000, `SELECT count(*) FROM answer_tokens`: 2000,
		`SELECT count(*) FROM deliveries WHERE state = 'pending' AND salt IS NOT NULL`: 2000, `SELECT count(*) FROM notices`: 1,
		`SELECT count(*) FROM outbox WHERE type = 'alert.published'`: 1, `SELECT count(*) FROM audit`: 2,
	} {
		if got := count(t, db, query); got != want {
			t.Errorf("%s = %d, want %d", query, got, want)
		}
	}
	if got := count(t, db, `SELECT count(*) FROM answer_tokens t JOIN deliveries d ON d.person = t.person AND d.salt = t.salt`); got != 2000 {
		t.Errorf("%d deliveries carry their token's salt, want 2000", got)
	}
}

func TestAFailedReleaseLeavesNothing(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	a := drafted(t, s)
	twice := town(1)
	twice.Organisations[0].ID = "no id"
	_, err := s.Update(t.Context(), a.ID, who("approver"), func(x *alert.Alert) (alert.Effect, error) {
		e, err := x.Release(event.Person{ID: "approver"}, 1, 1, noon)
		return alert.Effect{Action: "alert.release", Events: []event.Payload{e}, Audience: twice}, err
	})
	if err == nil {
		t.Fatal("a broken audience was stored")
	}
	got, err := all(s).Alert(t.Context(), a.ID)
	if err != nil || got.State != alert.Draft || got.Draft == nil || count(t, db, `SELECT count(*) FROM outbox`) != 0 {
		t.Errorf("alert after the failure = %+v, %v; want the draft and no event", got, err)
	}
}

func TestTwoEditorsAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	a := drafted(t, s)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, err := s.Update(t.Context(), a.ID, who("editor"), func(x *alert.Alert) (alert.Effect, error) {
				if x.Revision != 1 {
					return alert.Effect{}, fault.New(fault.Stale, "changed")
				}
				return alert.Effect{Action: "alert.edit"}, x.Edit(event.Person{ID: "editor"}, content(), noon)
			})
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.Stale) {
			t.Errorf("Update = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d edits of the same revision won, want 1", won)
	}
}

func TestWhatWasSaidIsNotSaidAgain(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	to := []message.To{{Email: "a@x.example", Language: "de"}, {Email: "b@x.example", Language: "de"}}
	for range 3 {
		n := message.Notice{ID: event.NewID(), Key: "receipt:1", Kind: message.Receipt, Data: []byte(`{}`), CreatedAt: noon}
		if err := s.Say(t.Context(), n, to); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, db, `SELECT count(*) FROM deliveries`); got != 2 {
		t.Errorf("%d deliveries, want 2", got)
	}
}

func TestClaimsNeverOverlap(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	var to []message.To
	for i := range 500 {
		to = append(to, message.To{Email: fmt.Sprintf("p%d@x.example", i), Language: "de"})
	}
	if err := s.Say(t.Context(), message.Notice{ID: event.NewID(), Key: "k", Kind: message.Alert, Data: []byte(`{}`), CreatedAt: noon}, to); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for range 8 {
		wg.Go(func() {
			for {
				list, err := s.Claim(t.Context(), noon, noon.Add(time.Minute), 50)
				if err != nil {
					t.Error(err)
				}
				if len(list) == 0 {
					return
				}
				mu.Lock()
				for _, d := range list {
					seen[d.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("delivery %s was claimed %d times", id, n)
		}
	}
	if len(seen) != 500 {
		t.Errorf("%d claimed, want 500", len(seen))
	}
	again, err := s.Claim(t.Context(), noon.Add(time.Minute+time.Second), noon.Add(2*time.Minute), 50)
	if err != nil || len(again) != 50 {
		t.Errorf("after the claim ended %d, %v; want 50 due again", len(again), err)
	}
}

func TestTheDutyComesBeforeTwoThousandWarnings(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	a := drafted(t, s)
	release(s, t, a.ID, town(300))
	if err := s.Say(t.Context(), message.Notice{ID: event.NewID(), Key: "on_call:1", Kind: message.OnCall, Data: []byte(`{}`), CreatedAt: noon}, []message.To{{Email: "duty@x.example", Language: "de"}}); err != nil {
		t.Fatal(err)
	}
	list, err := s.Claim(t.Context(), noon, noon.Add(time.Minute), 1)
	if err != nil || len(list) != 1 || list[0].Recipient != "duty@x.example" {
		t.Errorf("first claim = %+v, %v; want the duty", list, err)
	}
}

func TestAMarkTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	if err := s.Say(t.Context(), message.Notice{ID: event.NewID(), Key: "k", Kind: message.Receipt, Data: []byte(`{}`), CreatedAt: noon}, []message.To{{Email: "a@x.example", Language: "de"}}); err != nil {
		t.Fatal(err)
	}
	list, err := s.Claim(t.Context(), noon, noon.Add(time.Minute), 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Mark(t.Context(), []message.Result{{Delivery: list[0], State: message.Failed, Reason: "550", At: noon}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM outbox WHERE type = 'delivery.failed'`); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	if n := count(t, db, `SELECT count(*) FROM audit WHERE action = 'delivery.failed' AND result = 'failed'`); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
	if n, _, err := s.Backlog(t.Context()); err != nil || n != 0 {
		t.Errorf("backlog = %d, %v; want none", n, err)
	}
}

func TestEveryAnswerIsAVersion(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	a := drafted(t, s)
	who2 := town(3)
	a = release(s, t, a.ID, who2)
	org := who2.Organisations[0].ID
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			_, err := s.Answer(t.Context(), a.ID, org, who("officer"), func(x *alert.Alert, b *alert.Body) (event.PollAnswered, error) {
				return x.Answer(b, alert.Reply{Answer: alert.Answers()[i%5]}, event.Person{ID: "officer"}, "", nil, noon)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db, `SELECT count(DISTINCT version) FROM answers`); n != 6 {
		t.Errorf("%d versions, want 6", n)
	}
	counts, err := s.Counts(t.Context(), a.ID)
	c := counts[a.ID]
	if err != nil || c.Total != 3 || c.Answered != 1 || c.Silent() != 2 {
		t.Errorf("count = %+v, %v", c, err)
	}
	bodies, next, err := all(s).Bodies(t.Context(), a.ID, alert.BodyFilter{Answer: "none", Limit: 1})
	if err != nil || len(bodies) != 1 || next == "" || bodies[0].Mails.Pending != 1 {
		t.Errorf("silent = %+v, %q, %v; want the first of two", bodies, next, err)
	}
	more, next, err := all(s).Bodies(t.Context(), a.ID, alert.BodyFilter{Answer: "none", Limit: 1, After: next})
	if err != nil || len(more) != 1 || next != "" || more[0].Organisation.ID == bodies[0].Organisation.ID {
		t.Errorf("next page = %+v, %q, %v", more, next, err)
	}
	_, err = s.Answer(t.Context(), a.ID, event.NewID(), who("x"), func(*alert.Alert, *alert.Body) (event.PollAnswered, error) { return event.PollAnswered{}, nil })
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("an answer of a body that was not asked = %v, want NotFound", err)
	}
}

func TestAnOlderSnapshotChangesNothing(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	c := event.Case{ID: event.NewID(), Version: 3, Title: "neu"}
	old := event.Case{ID: c.ID, Version: 2, Title: "alt"}
	for _, step := range []struct {
		c     event.Case
		fresh bool
	}{{c, true}, {old, false}, {c, false}} {
		if fresh, err := s.KeepCase(t.Context(), step.c); err != nil || fresh != step.fresh {
			t.Errorf("KeepCase(version %d) = %v, %v; want %v", step.c.Version, fresh, err, step.fresh)
		}
	}
	if got, err := all(s).Case(t.Context(), c.ID); err != nil || got.Title != "neu" {
		t.Errorf("case = %+v, %v", got, err)
	}
	if _, err := all(s).Case(t.Context(), "V-2026-1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown case = %v, want NotFound", err)
	}
}

func TestTheFirstOfTwoSettingsWins(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	set := subscription.Setting{Organisation: event.NewID(), Person: event.NewID(), Off: true, ChangedAt: noon}
	first, err := s.PutSetting(t.Context(), set, who("officer"))
	if err != nil || first.Version != 1 {
		t.Fatalf("PutSetting = %+v, %v", first, err)
	}
	if _, err := s.PutSetting(t.Context(), set, who("officer")); !fault.Is(err, fault.Stale) {
		t.Errorf("the same version again = %v, want Stale", err)
	}
	if second, err := s.PutSetting(t.Context(), first, who("officer")); err != nil || second.Version != 2 {
		t.Errorf("PutSetting = %+v, %v", second, err)
	}
	w, err := s.Wishes(t.Context())
	if err != nil || w.Wants(set.Organisation, set.Person, "critical", "") || !w.Wants(set.Organisation, "somebody else", "low", "") {
		t.Errorf("wishes = %+v, %v", w, err)
	}
}

func TestAnOuterTransactionDecides(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	boom := errors.New("boom")
	err := pg.InTx(t.Context(), db, func(tx pg.DB) error {
		bound := s.On(tx)
		if err := bound.KeepContact(t.Context(), message.Contact{Report: event.NewID(), Reference: "M-1", To: []message.To{{Email: "a@x.example"}}}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || count(t, db, `SELECT count(*) FROM contacts`) != 0 {
		t.Errorf("the rollback of the owner kept a contact: %v", err)
	}
}
