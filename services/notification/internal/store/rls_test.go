// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// open are the tables without row-level security, and why.
var open = map[string]string{
	"outbox":             "events on their way; the service's own work",
	"inbox":              "which events were seen; the service's own work",
	"inbox_try":          "which events failed; the service's own work",
	"dead_event":         "for operators, by the service itself",
	"audit":              "the chain; read as a whole or not at all",
	"audit_head":         "the end of the chain",
	"idempotency":        "answers under a key of the asker; read by the service itself",
	"register_record":    "the register's copy, kept in memory",
	"retention_run":      "when the rules of deletion ran; for the CERT, by the service itself",
	"retention_key":      "the key of pseudonyms; the service's own work",
	"delivery_count":     "numbers by day, of nobody",
	"person_erased":      "ids of who was erased; the service's own work",
	"due":                "ids of what waits to be sent; the courier's own work",
	"goose_privacy":      "numbers of migrations",
	"goose_retention":    "numbers of migrations",
	"goose_outbox":       "numbers of migrations",
	"goose_inbox":        "numbers of migrations",
	"goose_audit":        "numbers of migrations",
	"goose_idem":         "numbers of migrations",
	"goose_register":     "numbers of migrations",
	"goose_notification": "numbers of migrations",
}

// An organisation's reader sees its own rows and nobody else's; without saying
// who reads there are none. As in production, the owner is no superuser.
func TestTheDatabaseShowsPeopleTheirOwnRowsOnly(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewOwnedDB(t, store.Reader, append(service.Migrations(), store.Migrations)...)
	devstack.CheckRLS(t, db, store.Reader, open)
	people := devstack.Reader(t, url, store.Reader)
	s := store.New(db, people, func() time.Time { return noon }, alert.Keyring{Key: []byte("test")})
	mine, strict := sent(t, s, tlp.Amber), sent(t, s, tlp.AmberStrict)
	own, other := mine.who.Organisations[0].ID, mine.who.Organisations[1].ID
	for _, x := range []subscription.Setting{
		{Organisation: own, Person: "officer", Off: true}, {Organisation: other, Person: "stranger", Off: true}, {Organisation: other, Mailbox: "x@example.org"},
	} {
		if _, err := s.PutSetting(t.Context(), x, who("x")); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		seer   actor.Seer
		alerts int
		bodies int
	}{
		"nobody":                      {actor.Seer{}, 0, 0},
		"an organisation":             {actor.Seer{Organisations: []string{own}}, 1, 1},
		"its agent":                   {actor.Seer{Mandated: []string{own}}, 1, 1},
		"an agent, of a strict one":   {actor.Seer{Mandated: []string{strict.who.Organisations[0].ID}}, 0, 0},
		"the people of a strict one":  {actor.Seer{Organisations: []string{strict.who.Organisations[0].ID}}, 1, 0},
		"one that was not addressed":  {actor.Seer{Organisations: []string{event.NewID()}}, 0, 0},
		"the CERT":                    {actor.Seer{Everything: true}, 2, 3},
		"an answer link of the alert": {actor.Seer{Object: mine.alert.ID}, 1, 0},
	} {
		all, _, err := s.As(tt.seer).Alerts(t.Context(), alert.Filter{Everything: true, Limit: 10})
		if err != nil || len(all) != tt.alerts {
			t.Errorf("%s sees %d alerts, %v; want %d", name, len(all), err, tt.alerts)
		}
		bodies, _, err := s.As(tt.seer).Bodies(t.Context(), mine.alert.ID, alert.BodyFilter{Limit: 10})
		if err != nil || len(bodies) != tt.bodies {
			t.Errorf("%s sees %d bodies, %v; want %d", name, len(bodies), err, tt.bodies)
		}
		list, _, err := s.As(tt.seer).Deliveries(t.Context(), mine.alert.ID, alert.DeliveryFilter{Limit: 10})
		if want := map[bool]int{true: 3}[tt.seer.Everything]; err != nil || len(list) != want {
			t.Errorf("%s sees %d deliveries, %v; want %d", name, len(list), err, want)
		}
	}
	if got, err := s.Settings(t.Context(), actor.Seer{Person: "officer", Organisations: []string{own}}, "stranger", []string{other}); err != nil || len(got) != 0 {
		t.Errorf("a foreign setting is seen: %+v, %v", got, err)
	}
	nothingWithoutSeer(t, people)
	theTestCanFail(t, db, s, mine.alert.ID)
}

type sending struct {
	alert alert.Alert
	who   *alert.Audience
}

// sent is a released alert to three bodies.
func sent(t *testing.T, s *store.Store, label tlp.Label) sending {
	t.Helper()
	out := sending{alert: drafted(t, s), who: town(3)}
	_, err := s.Update(t.Context(), out.alert.ID, who("approver"), func(x *alert.Alert) (alert.Effect, error) {
		x.Draft.TLP = label
		e, err := x.Release(event.Person{ID: "approver"}, 3, 3, noon)
		return alert.Effect{Action: "alert.release", Events: []event.Payload{e}, Audience: out.who}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// nothingWithoutSeer: who forgets to say for whom reads nothing, also after
// another transaction on the same connection said it.
func nothingWithoutSeer(t *testing.T, people *sqlx.DB) {
	t.Helper()
	for _, table := range []string{"alerts", "alert_versions", "alert_bodies", "answers", "answer_tokens", "notices", "deliveries", "cases", "subscriptions"} {
		if n := count(t, people, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows of %s without a reader", n, table)
		}
	}
	for _, forbidden := range []string{`SELECT 1 FROM contacts`, `SELECT 1 FROM audit`, `SELECT 1 FROM outbox`, `UPDATE alerts SET state = 'draft'`} {
		if _, err := people.Exec(forbidden); err == nil {
			t.Errorf("the reader may %s", forbidden)
		}
	}
}

// theTestCanFail: with a policy that lets everything through the same question
// shows foreign rows.
func theTestCanFail(t *testing.T, db *sqlx.DB, s *store.Store, id string) {
	t.Helper()
	if _, err := db.Exec(`CREATE POLICY hole ON alert_bodies FOR SELECT TO ` + store.Reader + ` USING (true)`); err != nil {
		t.Fatal(err)
	}
	if bodies, _, err := s.As(actor.Seer{}).Bodies(t.Context(), id, alert.BodyFilter{Limit: 10}); err != nil || len(bodies) != 3 {
		t.Errorf("without the policy %d rows, %v; want all three", len(bodies), err)
	}
}

// A link opens itself; guessing shows nothing, not even to the CERT.
func TestAnAnswerLinkIsFoundByItsHashAlone(t *testing.T) {
	t.Parallel()
	s, db := newStore(t)
	sent(t, s, tlp.Green)
	if n := count(t, db, `SELECT count(*) FROM answer_tokens`); n != 3 {
		t.Fatalf("%d links, want 3", n)
	}
	if _, err := s.Grant(t.Context(), alert.HashToken("0123456789abcdef")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a guess: %v", err)
	}
}
