// SPDX-License-Identifier: EUPL-1.2

package feed_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
)

// together wraps the events of one report, shuffled, each given times.
func together(reports []event.ReportSubmitted, times int) []event.Event {
	var events []event.Event
	for _, r := range reports {
		e := sample.Event(r)
		for range times {
			events = append(events, e)
		}
	}
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// Southern Westphalia twice over: all municipalities of the Land at once, in any
// order, some of the events twice.
func TestAReportAbout605BodiesIsOneCampaignWith605Cases(t *testing.T) {
	t.Parallel()
	e := start(t)
	const n = 605
	reports := sample.Together(n)
	events := together(reports, 1)
	events = append(events, together(reports[:100], 1)...) // and again under other event ids
	began := time.Now()
	e.send(events...)
	e.send(events[:200]...) // and the same ones once more
	e.wait(n, `SELECT count(*) FROM cases WHERE campaign_ref = 'L-2026-0001'`)
	t.Logf("%d cases of one report after %.1f s", n, time.Since(began).Seconds())
	e.wait(n+100, `SELECT count(*) FROM inbox`)
	for query, want := range map[string]int{
		`SELECT count(*) FROM cases`:               n,
		`SELECT count(DISTINCT org_id) FROM cases`: n,
		`SELECT count(*) FROM campaigns WHERE id = '` + campaign.IDOf(reports[0].Report) + `'`: 1,
		`SELECT count(*) FROM campaigns`:                                                        1,
		`SELECT expected FROM campaigns`:                                                        n,
		`SELECT count(*) FROM cases WHERE version <> 1`:                                         0,
		`SELECT count(*) FROM campaign_entries`:                                                 1,
		`SELECT count(*) FROM outbox WHERE type = 'case.opened'`:                                n,
		`SELECT count(*) FROM outbox WHERE body::jsonb #>> '{data,campaign,reference}' IS NULL`: 0,
		`SELECT count(*) FROM dead_event`:                                                       0,
		`SELECT count(*) FROM case_entries WHERE kind = 'campaign.joined'`:                      n,
	} {
		if got := e.count(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	e.intact()
}

// A member that the provider names later joins; where it makes the second body,
// the first case joins with it, and a closed campaign opens again.
func TestAMemberThatIsAddedLaterJoins(t *testing.T) {
	t.Parallel()
	e := start(t)
	reports := sample.Together(4)
	for i := range reports {
		reports[i].AffectedTotal = max(1, i+1)
		reports[i].AddedLater = i > 0
	}
	e.send(sample.Event(reports[0]))
	e.wait(1, `SELECT count(*) FROM cases WHERE campaign_id IS NULL`)
	e.send(sample.Event(reports[1]))
	e.wait(2, `SELECT count(*) FROM cases WHERE campaign_ref = 'L-2026-0001'`)
	if n := e.count(`SELECT version FROM cases WHERE org_id = '` + reports[0].Affected.ID + `'`); n != 2 {
		t.Errorf("the first case is at version %d, want 2: it joined", n)
	}
	if _, err := e.db.Exec(`UPDATE campaigns SET state = 'closed', closed_at = now()`); err != nil {
		t.Fatal(err)
	}
	e.send(sample.Event(reports[2]), sample.Event(reports[3]))
	e.wait(4, `SELECT count(*) FROM cases WHERE campaign_ref = 'L-2026-0001'`)
	if n := e.count(`SELECT count(*) FROM campaigns WHERE state = 'open' AND expected = 4`); n != 1 {
		t.Error("the campaign did not open again for a new member")
	}
	e.intact()
}

// Facts of one member stay in its file, whenever they come: also before its case.
func TestWhatOneMemberSaysIsInItsFileOnly(t *testing.T) {
	t.Parallel()
	e := start(t)
	reports := sample.Together(3)
	late := reports[2]
	late.AddedLater = true
	for i := range reports[:2] {
		reports[i].AffectedTotal = 2
	}
	said := func(r event.ReportSubmitted) []event.Event {
		return append(facts(r, 1),
			sample.Event(event.ReportTakenOver{Report: r.Report, Reference: r.Reference, Affected: r.Affected, Author: event.Person{ID: "m", Name: "Mia Mitglied"}, Callback: event.Contact{Name: "Mia Mitglied", Phone: "0361 1", Email: "mia@mitglied.example"}, At: sample.Noon}),
			sample.Event(event.ReportContradicted{Report: r.Report, Reference: r.Reference, Affected: r.Affected, Author: event.Person{ID: "m", Name: "Mia Mitglied"}, Text: "Bei uns ist nichts.", At: sample.Noon}))
	}
	e.send(sample.Event(reports[0]), sample.Event(reports[1]))
	e.wait(2, `SELECT count(*) FROM cases`)
	e.send(said(late)...)
	e.wait(5, `SELECT count(*) FROM parked_facts`)
	e.send(sample.Event(late))
	e.wait(3, `SELECT count(*) FROM cases`)
	e.wait(6, `SELECT version FROM cases WHERE org_id = '`+late.Affected.ID+`'`)
	for query, want := range map[string]int{
		`SELECT count(*) FROM cases WHERE version <> 1`:                                            1,
		`SELECT count(*) FROM case_messages`:                                                       1,
		`SELECT count(*) FROM cases WHERE taken_over ->> 'callback' LIKE '%mia@mitglied.example%'`: 1,
		`SELECT count(*) FROM cases WHERE contradicted ->> 'text' = 'Bei uns ist nichts.'`:         1,
		`SELECT count(*) FROM parked_facts`:                                                        0,
	} {
		if got := e.count(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	e.send(sample.Event(event.ReportTakenOver{Report: late.Report, Reference: late.Reference, Affected: late.Affected, Author: event.Person{Name: "Mia Mitglied"}, Returned: true, At: sample.Noon.Add(time.Minute)}))
	e.wait(0, `SELECT count(*) FROM cases WHERE taken_over IS NOT NULL`)
	e.intact()
}

// BenchmarkCampaign opens the 605 cases of one report again and again and says
// how long the last took.
func BenchmarkCampaign(b *testing.B) {
	e := start(b)
	n := 0
	for b.Loop() {
		n += 605
		began := time.Now()
		e.send(together(sample.Together(605), 1)...)
		e.wait(n, `SELECT count(*) FROM cases`)
		b.ReportMetric(time.Since(began).Seconds(), "s/605-cases")
	}
}
