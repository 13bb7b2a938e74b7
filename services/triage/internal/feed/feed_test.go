// SPDX-License-Identifier: EUPL-1.2

package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/feed"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

type env struct {
	t   testing.TB
	db  *sqlx.DB
	bus *bus.Bus
}

// start runs the consumers on a clean database and an own broker.
func start(t testing.TB) *env {
	t.Helper()
	e := &env{t: t, bus: devstack.NewBus(t)}
	e.db, _ = devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	f := &feed.Feed{Desk: func(tx pg.DB) *casefile.Desk {
		now := func() time.Time { return sample.Noon }
		return &casefile.Desk{
			Store: store.New(tx), Directory: sample.Directory{}, Now: now,
			Campaigns: &campaign.Desk{Store: store.New(tx), Directory: sample.Directory{}, Now: now},
		}
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ends := make(chan struct{})
		consumers := f.Consumers()
		for _, c := range consumers {
			c.DB = e.db
			go func() { _ = e.bus.Consume(ctx, c); ends <- struct{}{} }()
		}
		for range consumers {
			<-ends
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return e
}

// send publishes with a message id of its own each time, as after the broker's
// window for duplicates.
func (e *env) send(events ...event.Event) {
	e.t.Helper()
	for i, ev := range events {
		b, err := json.Marshal(ev)
		if err != nil {
			e.t.Fatal(err)
		}
		e.raw(ev.Subject(), string(b), fmt.Sprintf("%s-%d-%s", ev.ID, i, event.NewID()))
	}
}

func (e *env) raw(subject, body, id string) {
	e.t.Helper()
	if err := e.bus.EnsureStreams(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.bus.Publish(e.t.Context(), []outbox.Message{{Seq: 1, ID: id, Subject: subject, Body: body}}); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) count(query string) int {
	e.t.Helper()
	var n int
	if err := e.db.Get(&n, query); err != nil {
		e.t.Fatal(err)
	}
	return n
}

func (e *env) wait(want int, query string) {
	e.t.Helper()
	devstack.Eventually(e.t, 20*time.Second, fmt.Sprintf("%d: %s", want, query), func() bool { return e.count(query) == want })
}

func (e *env) intact() {
	e.t.Helper()
	if r, err := audit.Verify(e.t.Context(), e.db, nil); err != nil || !r.OK() {
		e.t.Errorf("the audit does not hold: %+v, %v", r, err)
	}
}

// facts are a message, a supplement and a file on a report.
func facts(r event.ReportSubmitted, n int) []event.Event {
	return []event.Event{
		sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: r.Reporter, Text: fmt.Sprint("Nachricht ", n), At: sample.Noon}),
		sample.Event(event.ReportSupplemented{Report: r.Report, Reference: r.Reference, Supplement: event.NewID(), Affected: r.Affected, Author: r.Reporter, Description: fmt.Sprint("Nachtrag ", n), At: sample.Noon}),
		sample.Event(event.ReportAttachmentAdded{Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected, Author: r.Reporter, Name: "a.txt", Size: 1, SHA256: "x", Blob: "k", At: sample.Noon}),
	}
}

func TestAnEventThatComesThreeTimesHasOneEffect(t *testing.T) {
	t.Parallel()
	e := start(t)
	r := sample.Report(1)
	events := append([]event.Event{sample.Event(r)}, facts(r, 1)...)
	for range 3 {
		e.send(events...)
	}
	last := sample.Report(2)
	e.send(sample.Event(last))
	e.wait(2, `SELECT count(*) FROM cases`)
	e.wait(4, `SELECT max(version) FROM cases`) // a few events are worked on at a time
	for _, table := range []string{"case_messages", "case_supplements", "case_attachments"} {
		if n := e.count(`SELECT count(*) FROM ` + table); n != 1 {
			t.Errorf("%d rows in %s, want one", n, table)
		}
	}
	if n := e.count(`SELECT max(version) FROM cases`); n != 4 {
		t.Errorf("version %d, want 4: one for each fact", n)
	}
	e.intact()
}

// The order of arrival does not matter: nothing is lost, nothing is dead.
func TestAnyOrderOfArrivalGivesTheSameCases(t *testing.T) {
	t.Parallel()
	e := start(t)
	var all []event.Event
	const reports = 12
	for i := range reports {
		r := sample.Report(i + 1)
		all = append(all, sample.Event(r))
		all = append(all, facts(r, i)...)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	e.send(all...)
	e.wait(reports, `SELECT count(*) FROM cases WHERE version >= 1`)
	e.wait(len(all), `SELECT count(*) FROM inbox WHERE consumer = 'triage-reports'`)
	for _, table := range []string{"case_messages", "case_supplements", "case_attachments"} {
		if n := e.count(`SELECT count(*) FROM ` + table); n != reports {
			t.Errorf("%d rows in %s, want %d", n, table, reports)
		}
	}
	if n := e.count(`SELECT count(*) FROM parked_facts`) + e.count(`SELECT count(*) FROM dead_event`) + e.count(`SELECT count(*) FROM inbox_try`); n != 0 {
		t.Errorf("%d facts are parked, failed or dead", n)
	}
	e.intact()
}

// What cannot be read is put aside for an operator, and what comes after it goes on.
func TestPoisonIsPutAsideAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	e := start(t)
	broken := sample.Event(sample.Report(1))
	broken.Data = json.RawMessage(`{"report":5}`)
	empty := sample.Event(event.ReportSubmitted{Affected: sample.Musterhausen})
	good := sample.Event(sample.Report(2))
	e.raw("report.submitted.16.071.043", `this is no JSON`, "poison-1")
	e.raw("report.submitted.16.071.043", `{"id":"x"}`, "poison-2")
	b, err := json.Marshal(broken)
	if err != nil {
		t.Fatal(err)
	}
	e.raw("report.submitted.16.071.043", string(b), "poison-3")
	e.send(empty, good)
	e.wait(1, `SELECT count(*) FROM cases`)
	e.wait(4, `SELECT count(*) FROM dead_event`)
	e.intact()
}

func TestAlertsAnswersAndFailedDeliveries(t *testing.T) {
	t.Parallel()
	e := start(t)
	r := sample.Report(1)
	e.send(sample.Event(r))
	e.wait(1, `SELECT count(*) FROM cases`)
	var id string
	if err := e.db.Get(&id, `SELECT id FROM cases`); err != nil {
		t.Fatal(err)
	}
	a := event.Alert{ID: event.NewID(), Reference: "W-2026-0018", Version: 1, State: "published", Title: "VPN", CaseID: id, Poll: &event.Poll{}, AudienceSize: 9, PublishedAt: sample.Noon}
	e.send(sample.Event(event.AlertPublished{Alert: a}),
		sample.Event(event.PollAnswered{Alert: a.ID, Organisation: sample.Musterhausen, Answer: "help", At: sample.Noon}),
		sample.Event(event.DeliveryFailed{Delivery: event.NewID(), Case: id, Channel: "email", Reason: "550", At: sample.Noon}),
		sample.Event(event.DeliveryFailed{Delivery: event.NewID(), Case: event.NewID(), Channel: "email", Reason: "550", At: sample.Noon}))
	e.wait(4, `SELECT count(*) FROM inbox WHERE consumer = 'triage-alerts'`)
	if n := e.count(`SELECT count(*) FROM cases WHERE flags = '{delivery_failed}' AND version = 3`); n != 1 {
		t.Error("the failed delivery does not flag its case")
	}
	a.Version, a.State = 2, "withdrawn"
	e.send(sample.Event(event.AlertWithdrawn{Alert: a}))
	e.wait(1, `SELECT count(*) FROM alerts WHERE state = 'withdrawn'`)
	if n := e.count(`SELECT count(*) FROM alert_answers WHERE answer = 'help'`) + e.count(`SELECT count(*) FROM case_entries WHERE kind = 'alerted'`); n != 3 {
		t.Errorf("answers and lines of the alert: %d, want 1 and 2", n)
	}
	e.intact()
}
