// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// archive fills the table with n cases, one in ten unfinished.
func archive(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	if _, err := db.Exec(`
		INSERT INTO cases (id, reference, version, state, severity, severity_rank, tlp, class, suggested, disposition, title, what,
			org_id, org_ags, org_name, org_level, org_kreis, verified, exercise, assignee_id, assignee_name, clocks, flags,
			before_merge, received_at, opened_at, changed_at, next_due, active, words)
		SELECT gen_random_uuid(), 'V-2025-' || lpad(i::text, 6, '0'), 1, CASE WHEN i % 10 = 0 THEN 'working' ELSE 'closed' END,
			(ARRAY['critical','high','medium','low'])[1 + i % 4], 1 + i % 4, 'AMBER', 'fraud:phishing', 'fraud:phishing', 'confirmed',
			'Fall ' || i, 'phishing', 'org' || i % 600, '', 'Gemeinde ' || i, 'gemeinde', '160' || 61 + i % 17, true, false,
			'', '', '[]', '{}', '', t, t, t, CASE WHEN i % 20 = 0 THEN t + interval '1 hour' END, i % 10 = 0, 'Text ' || i
		FROM generate_series(1, $1::int) AS i, LATERAL (SELECT $2::timestamptz - i * interval '1 minute' AS t) AS x`,
		n, sample.Noon.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`ANALYZE cases`); err != nil {
		t.Fatal(err)
	}
}

func walk(t *testing.T, b bench, f casefile.Filter) []string {
	t.Helper()
	var out []string
	for {
		l, err := b.List(t.Context(), sample.Mara, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range l.Items {
			out = append(out, s.Reference)
		}
		if f.After = l.Next; f.After == "" {
			return out
		}
	}
}

// Every page begins where the one before ended, and no page misses a line.
func TestPagesJoinWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	archive(t, b.db, 400)
	for name, f := range map[string]casefile.Filter{
		"queue by deadline":  {View: casefile.ViewOpen, Sort: casefile.SortDue},
		"queue by severity":  {View: casefile.ViewOpen, Sort: casefile.SortSeverity},
		"queue by arrival":   {View: casefile.ViewOpen, Sort: casefile.SortReceived},
		"all":                {View: casefile.ViewAll},
		"all of a severity":  {Severity: "critical"},
		"all that a word is": {Query: "gemeinde"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Limit = 200
			want := walk(t, b, f)
			f.Limit = 7
			got := walk(t, b, f)
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("%d lines, by sevens (-want +got):\n%s", len(want), diff)
			}
			seen := map[string]bool{}
			for _, ref := range got {
				if seen[ref] {
					t.Errorf("%s is there twice", ref)
				}
				seen[ref] = true
			}
		})
	}
}

func TestFiltersAndSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	report := func(n int, change func(r *event.ReportSubmitted)) string {
		r := sample.Report(n)
		change(&r)
		return b.report(t, r)
	}
	late := report(1, func(r *event.ReportSubmitted) { r.ReceivedAt = sample.Noon.Add(-2 * time.Hour) })
	other := report(2, func(r *event.ReportSubmitted) {
		r.Affected, r.What, r.Impact, r.Description = sample.Beispielroda, "phishing", "medium", "Gefälschte Rechnungen an mehrere Rathäuser"
	})
	third := report(3, func(r *event.ReportSubmitted) {
		r.What, r.Impact, r.Description = "ddos", "low", "Bürgerportal langsam"
	})
	if _, err := b.Take(t.Context(), sample.Mara, third, 0); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		f    casefile.Filter
		want []string
	}{
		"the next deadline first":        {casefile.Filter{View: casefile.ViewOpen}, []string{late, other, third}},
		"newest first in the archive":    {casefile.Filter{}, []string{third, other, late}},
		"overdue":                        {casefile.Filter{View: casefile.ViewOpen, Due: "overdue"}, []string{late}},
		"soon":                           {casefile.Filter{View: casefile.ViewOpen, Due: "soon"}, []string{other, third}},
		"mine":                           {casefile.Filter{View: casefile.ViewMine}, []string{third}},
		"nobody's":                       {casefile.Filter{View: casefile.ViewUnassigned}, []string{late, other}},
		"nobody's, asked for by the API": {casefile.Filter{Assignee: "none"}, []string{other, late}},
		"a state":                        {casefile.Filter{State: "assessing"}, []string{third}},
		"all open states":                {casefile.Filter{State: "open"}, []string{third}},
		"a severity":                     {casefile.Filter{Severity: "critical"}, []string{late}},
		"a class as suggested":           {casefile.Filter{Class: "fraud"}, []string{other}},
		"a type":                         {casefile.Filter{Class: "fraud:phishing"}, []string{other}},
		"another type of the class":      {casefile.Filter{Class: "fraud:copyright"}, nil},
		"a district":                     {casefile.Filter{Kreis: "16063"}, []string{other}},
		"an organisation":                {casefile.Filter{Organisation: sample.Beispielroda.ID}, []string{other}},
		"a word in another form":         {casefile.Filter{Query: "Rathaus Rechnung"}, []string{other}},
		"the beginning of a name":        {casefile.Filter{Query: "beispielr"}, []string{other}},
		"a case's reference":             {casefile.Filter{Query: other}, []string{other}},
		"its last digits":                {casefile.Filter{Query: strings.TrimLeft(other[7:], "0")}, []string{other}},
		"a report's reference":           {casefile.Filter{Query: "M-2026-000002"}, []string{other}},
		"a system":                       {casefile.Filter{Query: "workplace", Severity: "critical"}, []string{late}},
		"nothing like it":                {casefile.Filter{Query: "Zuckerwatte"}, nil},
		"operators are only text":        {casefile.Filter{Query: `':* & | ! ( "`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.f.Limit = 10
			if diff := cmp.Diff(tt.want, walk(t, b, tt.f)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoFilterIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tt := range map[string]struct {
		f    casefile.Filter
		want fault.Kind
	}{
		"state":    {casefile.Filter{State: "offen"}, fault.Invalid},
		"severity": {casefile.Filter{Severity: "1"}, fault.Invalid},
		"class":    {casefile.Filter{Class: "x"}, fault.Invalid},
		"view":     {casefile.Filter{View: "x"}, fault.Invalid},
		"sort":     {casefile.Filter{View: "open", Sort: "title; DROP TABLE cases"}, fault.Invalid},
		"cursor":   {casefile.Filter{After: "!!"}, fault.Malformed},
		"json":     {casefile.Filter{After: "e30"}, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.f.Limit = 10
			if _, err := b.List(t.Context(), sample.Mara, tt.f); fault.KindOf(err) != tt.want {
				t.Errorf("List = %v, want kind %s", err, tt.want)
			}
		})
	}
}

// The queue reads an index of what is unfinished and stops after a page: its
// cost does not grow with the archive.
func TestTheQueueReadsAPageByIndexHoweverLongTheArchive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	archive(t, b.db, 10000)
	for name, tt := range map[string]struct {
		f     casefile.Filter
		index string
	}{
		"by deadline":         {casefile.Filter{View: casefile.ViewOpen, Sort: casefile.SortDue}, "cases_queue_due"},
		"by severity":         {casefile.Filter{View: casefile.ViewOpen, Sort: casefile.SortSeverity}, "cases_queue_severity"},
		"by arrival":          {casefile.Filter{View: casefile.ViewOpen, Sort: casefile.SortReceived}, "cases_queue_received"},
		"all":                 {casefile.Filter{View: casefile.ViewAll}, "cases_received"},
		"all of a body":       {casefile.Filter{Organisation: "org5"}, "cases_by_org"},
		"all of a state":      {casefile.Filter{State: "working"}, "cases_by_state"},
		"all open ones":       {casefile.Filter{State: "open"}, "cases_queue_received"},
		"all of a district":   {casefile.Filter{Kreis: "16071"}, "cases_by_kreis"},
		"the search by words": {casefile.Filter{Query: "4711"}, "cases_search"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.f.Limit, tt.f.Now = 50, sample.Noon
			query, args, err := store.ListQuery(tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			if err := b.db.SelectContext(t.Context(), &lines, `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) `+query, args...); err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "\n")
			if !strings.Contains(plan, tt.index) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("plan does not use %s:\n%s", tt.index, plan)
			}
		})
	}
}

func TestNumbersAndCharts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, r := range []func(r *event.ReportSubmitted){
		func(r *event.ReportSubmitted) { r.ReceivedAt = sample.Noon.Add(-2 * time.Hour) },
		func(r *event.ReportSubmitted) { r.Affected = sample.Beispielroda },
		func(r *event.ReportSubmitted) {},
	} {
		rep := sample.Report(i + 1)
		r(&rep)
		ref := b.report(t, rep)
		if i == 2 {
			if _, err := b.Take(t.Context(), sample.Mara, ref, 0); err != nil {
				t.Fatal(err)
			}
			b.Now = func() time.Time { return sample.Noon.Add(38 * time.Minute) }
			if _, err := b.Post(t.Context(), sample.Mara, ref, 0, casefile.Post{Text: "Wir sind dran."}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := b.Store.Numbers(t.Context(), casefile.AllReaders, sample.Mara.Actor.Person, sample.Noon.Add(38*time.Minute))
	median := 38 * time.Minute
	want := casefile.Numbers{Unassigned: 2, Overdue: 1, Soon: 1, Working: 1, Active: 3, Mine: 1, Nobody: 2, Median: &median}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	kreise, err := b.Store.Kreise(t.Context(), casefile.AllReaders, false)
	if diff := cmp.Diff(map[string]int{"16071": 2, "16063": 1}, kreise); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	weeks, err := b.Store.Weeks(t.Context(), casefile.AllReaders, false, sample.Noon.Add(-13*7*24*time.Hour))
	if err != nil || len(weeks) != 1 || weeks[0].Week != 47 || weeks[0].Classes["malicious-code"] != 3 {
		t.Errorf("weeks %+v, %v", weeks, err)
	}
	if s := fmt.Sprint(weeks[0].Total()); s != "3" {
		t.Errorf("total %s", s)
	}
}
