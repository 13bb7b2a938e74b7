// SPDX-License-Identifier: EUPL-1.2

package figures_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var (
	berlin, _ = time.LoadLocation("Europe/Berlin")
	now       = time.Date(2026, 11, 22, 6, 12, 0, 0, time.UTC)
)

func TestAPeriodIsWholeMonthsOfLocalTime(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.ParseInLocation(time.DateOnly, s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for key, want := range map[string][2]string{
		"":        {"2025-12-01", "2026-12-01"},
		"12m":     {"2025-12-01", "2026-12-01"},
		"2026":    {"2026-01-01", "2027-01-01"},
		"2023":    {"2023-01-01", "2024-01-01"},
		"2026-Q4": {"2026-10-01", "2027-01-01"},
		"2026-Q1": {"2026-01-01", "2026-04-01"},
	} {
		p, err := figures.ParsePeriod(key, now, berlin)
		if err != nil || !p.From.Equal(day(want[0])) || !p.To.Equal(day(want[1])) {
			t.Errorf("%q is %v to %v, %v; want %v", key, p.From, p.To, err, want)
		}
	}
	for _, key := range []string{
		"2027", "2022", "2025-Q5", "2025-Q0", "2025-q1", "2025-1", "1", "12M", "0012m", "-026", "+026", "20 6", "2026-Q", "2026-Q44", "2026-Q4\x00",
		"٢٠٢٦", "9999", "99999999999999999999", "' OR 1=1", "2026;",
	} {
		if p, err := figures.ParsePeriod(key, now, berlin); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q is a period: %+v, %v", key, p, err)
		}
	}
	// A quarter that has not begun is none; one that begins this very moment is.
	october := time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC) // midnight in Berlin
	if _, err := figures.ParsePeriod("2026-Q4", october, berlin); err != nil {
		t.Errorf("the quarter that begins: %v", err)
	}
	if _, err := figures.ParsePeriod("2026-Q4", october.Add(-time.Second), berlin); !fault.Is(err, fault.Malformed) {
		t.Errorf("the quarter that begins in a second: %v", err)
	}
}

func TestEveryPeriodThatIsOfferedIsOne(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{now, time.Date(2026, 1, 1, 0, 0, 0, 0, berlin), time.Date(2028, 2, 29, 23, 59, 0, 0, berlin), time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)} {
		keys := figures.Periods(at, berlin)
		for _, key := range keys {
			if _, err := figures.ParsePeriod(key, at, berlin); err != nil {
				t.Errorf("at %v: %v", at, err)
			}
		}
		if slices.Sort(keys); len(slices.Compact(keys)) != 9 {
			t.Errorf("at %v: %v", at, keys)
		}
	}
}

// line is a report about one body.
func line(id, what string, at time.Time, status report.Status, cases ...report.CaseRef) report.Report {
	return report.Report{
		ID: id, ReceivedAt: at, Content: report.Content{What: what, TLP: "AMBER"},
		Affected: []report.Body{{VisibleTo: "a", Status: status, Cases: cases}},
	}
}

// clock is one that started an hour before now and is due after d.
func clock(rule, state string, due time.Duration, done ...time.Duration) event.Clock {
	start := now.Add(-time.Hour)
	at := start.Add(due)
	c := event.Clock{Rule: rule, State: state, StartAt: &start, DueAt: &at}
	if len(done) > 0 {
		d := start.Add(done[0])
		c.DoneAt = &d
	}
	return c
}

// Two bodies that a report named and that merged since are one: it has one report,
// with the deadlines of both cases.
func TestAReportAboutTwoBodiesThatMergedCountsOnce(t *testing.T) {
	t.Parallel()
	p, err := figures.ParsePeriod("", now, berlin)
	if err != nil {
		t.Fatal(err)
	}
	var lines []report.Report
	for _, id := range []string{"a", "c"} {
		r := report.Report{ID: "r", ReceivedAt: now, Affected: []report.Body{{
			Organisation: event.Organisation{ID: id}, VisibleTo: "c",
			Cases: []report.CaseRef{{ID: "case-" + id, Clocks: []event.Clock{{Rule: "TH-ACK", State: "to_check"}}}},
		}}}
		lines = append(lines, r)
	}
	f := figures.Of(lines, p, now)
	if f.Reports != 1 || len(f.Clocks) != 1 || f.Clocks[0].ToCheck != 2 || f.Months[len(f.Months)-1].Reports != 1 {
		t.Errorf("%d reports, deadlines %+v, months %+v; want one report and both deadlines", f.Reports, f.Clocks, f.Months)
	}
}

func TestFiguresCountReportsAndCasesOnce(t *testing.T) {
	t.Parallel()
	const h = time.Hour
	one := report.CaseRef{ID: "one", Clocks: []event.Clock{clock("TH-ACK", "done", h, h/2), clock("DSGVO-33", "to_check", -h)}}
	two := report.CaseRef{ID: "two", Clocks: []event.Clock{clock("TH-ACK", "done", h/4, h/2+10*time.Minute), clock("DSGVO-33", "waived", h, 0)}}
	late := report.CaseRef{ID: "late", Clocks: []event.Clock{clock("TH-ACK", "running", h/2), clock("DSGVO-33", "done", 3*h, h)}}
	fresh := report.CaseRef{ID: "fresh", Clocks: []event.Clock{clock("TH-ACK", "running", 2*h), clock("NEU-1", "strange", h)}}
	red := line("5", "ransomware", now, report.Received)
	red.TLP = "RED"
	drill := line("6", "ransomware", now, report.Received)
	drill.Exercise = true
	lines := []report.Report{
		line("1", "phishing", now.AddDate(0, -1, 0), report.Closed, one),
		line("1", "phishing", now.AddDate(0, -1, 0), report.WaitingForYou, two),                        // the same report at another body
		line("2", "phishing", time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC), report.InProgress, one), // November in Berlin; feeds the same case
		line("3", "outage", now, report.Received, late),
		line("4", "unknown", now, report.Resolved, fresh),
		red, drill,
	}
	lines[1].Affected[0].VisibleTo = "another body"
	p, err := figures.ParsePeriod("2026-Q4", now, berlin)
	if err != nil {
		t.Fatal(err)
	}
	median := 35 * time.Minute
	first := func(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, berlin) }
	want := figures.Figures{
		Reports: 6, Distinct: 5, Exercises: 1, Open: 4, Waiting: 1, Ended: 2,
		Months:  []figures.Month{{First: first(10), Reports: 2}, {First: first(11), Reports: 4, Running: true}},
		Kinds:   []figures.Kind{{What: "phishing", Reports: 3}, {What: "outage", Reports: 1}, {What: figures.Sealed, Reports: 1}, {What: "unknown", Reports: 1}},
		Answers: 2, Median: &median,
		Clocks: []figures.Clock{{Rule: "TH-ACK", Met: 1, Missed: 2, Running: 1}, {Rule: "DSGVO-33", Met: 1, ToCheck: 1}},
	}
	if d := cmp.Diff(want, figures.Of(lines, p, now)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestNothingIsNothing(t *testing.T) {
	t.Parallel()
	p, err := figures.ParsePeriod("", now, berlin)
	if err != nil {
		t.Fatal(err)
	}
	f := figures.Of(nil, p, now)
	if f.Reports != 0 || f.Median != nil || len(f.Months) != 12 || len(f.Kinds) != 0 || len(f.Clocks) != 0 {
		t.Errorf("%+v", f)
	}
}
