// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

const figuresAPI = "/api/intake/v1/figures"

// counted is what the API tells of figures.
type counted struct {
	Organisation  *struct{ ID, Name string }
	Organisations int
	Reports       int
	Distinct      int `json:"distinct_reports"`
	Exercises     int
	Open, Ended   int
	Waiting       int  `json:"waiting_for_you"`
	Median        *int `json:"median_seconds"`
	Months        []struct {
		Month   string
		Reports int
	}
	Kinds []struct {
		What    string
		Reports int
	}
	Clocks []countedClock
}

type countedClock struct {
	Rule                 string
	Met, Missed, Running int
	ToCheck              int `json:"to_check"`
}

// kinds is what was counted of each kind.
func (c counted) kinds() map[string]int {
	out := map[string]int{}
	for _, k := range c.Kinds {
		out[k.What] = k.Reports
	}
	return out
}

func (e *env) figures(as actor.Role, query string) (c counted) {
	e.t.Helper()
	res := e.do(request{path: figuresAPI + query, as: as})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("figures for %s%s: %d %s", as, query, res.StatusCode, res.body)
	}
	res.into(e.t, &c)
	return c
}

// instead is a good report with something else in it.
func instead(body string, change ...string) string {
	return strings.NewReplacer(change...).Replace(body)
}

// red and drill are reports of Apolda that a provider may not read, or that do not count.
var (
	red   = instead(good, `"tlp":"AMBER"`, `"tlp":"RED"`, "ransomware", "data_leak")
	drill = instead(good, `"exercise":false`, `"exercise":true`)
)

// Reliability model §2.4, "aggregate dashboard": O for the officer, M for the
// provider; §2.5: no figure tells a provider of a TLP:RED report that the body sent
// itself, and none tells a member of the others in its provider's report.
func TestFiguresCountWhatTheReaderMayRead(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	e.submit(actor.Officer, "1", good)
	e.submit(actor.Officer, "2", red)
	e.submit(actor.Officer, "3", drill)
	e.submit(actor.Provider, "4", instead(goodFor("16071001", memberAGS(0), memberAGS(1)), "ransomware", "outage"))
	e.submit(officerOf(2), "5", instead(goodFor(memberAGS(2)), `"tlp":"AMBER"`, `"tlp":"RED"`))

	own := e.figures(actor.Officer, "")
	if own.Organisation == nil || own.Organisation.ID != apolda || own.Reports != 3 || own.Distinct != 3 || own.Exercises != 1 || own.Open != 3 {
		t.Errorf("the officer's: %+v", own)
	}
	if k := own.kinds(); k["ransomware"] != 1 || k["outage"] != 1 || k["sealed"] != 1 || k["data_leak"] != 0 {
		t.Errorf("the officer's kinds: %v", k)
	}
	all := e.figures(actor.Provider, "")
	if all.Organisation != nil || all.Organisations != 4 || all.Reports != 4 || all.Distinct != 2 || all.Exercises != 1 {
		t.Errorf("the provider's: %+v", all)
	}
	if k := all.kinds(); k["outage"] != 3 || k["ransomware"] != 1 || k["sealed"] != 0 {
		t.Errorf("the provider's kinds: %v", k)
	}
	if one := e.figures(actor.Provider, "?organisation=16071001"); one.Organisation.ID != apolda || one.Reports != 2 {
		t.Errorf("the provider's of Apolda: %+v", one)
	}
	if quiet := e.figures(actor.Provider, "?organisation="+memberID(2)); quiet.Reports != 0 || quiet.Exercises != 0 || len(quiet.Kinds) != 0 {
		t.Errorf("the provider is told of a TLP:RED report that is not for it: %+v", quiet)
	}
	if member := e.figures(officerOf(0), ""); member.Reports != 1 || member.Organisations != 1 {
		t.Errorf("a member's: %+v", member)
	}
	// The CERT reads all reports, and so their number; it has none of its own.
	if theirs := e.figures(actor.Lead, "?organisation="+apolda); theirs.Reports != 3 {
		t.Errorf("the CERT's of Apolda: %+v", theirs)
	}
	if house := e.figures(actor.Lead, ""); house.Reports != 0 || house.Organisations != 1 {
		t.Errorf("the CERT's own: %+v", house)
	}
	for _, role := range []actor.Role{actor.Steering, actor.Editor, actor.Constituency, actor.Auditor} { // the whole state, no single body
		if none := e.figures(role, ""); none.Organisations != 0 || none.Reports != 0 {
			t.Errorf("%s: %+v", role, none)
		}
	}
}

// Who may not read an organisation's reports is told 404, as if there were no such
// organisation; the attempt is in the audit.
func TestForeignFiguresAreNotThere(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	e.submit(actor.Officer, "1", good)
	for _, who := range []actor.Role{actor.Provider, officerOf(0), actor.Steering, actor.Constituency, actor.Editor, actor.Approver, actor.Auditor} {
		foreign := []string{landkreis, elxleben1, "16070013", "x", event.NewID(), "%27%20OR%20%271%27=%271", "0190b000-0000-7000-8000-0000000000aa"}
		if who != actor.Provider {
			foreign = append(foreign, apolda, "16071001")
		}
		for _, org := range foreign {
			for _, path := range []string{figuresAPI + "?organisation=", "/melden/zahlen?stelle=", "/melden/zahlen/druck?stelle=", "/melden/zahlen.csv?stelle="} {
				if res := e.do(request{path: path + org, as: who}); res.StatusCode != http.StatusNotFound {
					t.Errorf("%s%s for %s: %d %.300s", path, org, who, res.StatusCode, res.body)
				}
			}
		}
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND action = 'aggregate.read' AND object_id = $1 AND actor = $2`, elxleben1, personID(actor.Provider)); n == 0 {
		t.Error("the attempt is not in the audit")
	}
	for _, path := range []string{figuresAPI, figuresAPI + "/organisations", "/melden/zahlen", "/melden/zahlen/druck", "/melden/zahlen.csv"} {
		for who, want := range map[actor.Role]int{actor.OrgAdmin: http.StatusNotFound, actor.Admin: http.StatusNotFound, "": http.StatusUnauthorized} {
			if res := e.do(request{path: path, as: who}); res.StatusCode != want && (who != "" || !strings.HasPrefix(res.Header.Get("Location"), "/konto/anmelden")) {
				t.Errorf("%s for %q: %d, want %d", path, who, res.StatusCode, want)
			}
		}
	}
	for _, bad := range []string{"2019", "2099", "2026-Q9", "1m", "%00", strings.Repeat("9", 5000), "2026-Q1%27"} {
		for path, want := range map[string]int{figuresAPI + "?period=": http.StatusBadRequest, "/melden/zahlen?zeitraum=": http.StatusBadRequest} {
			if res := e.do(request{path: path + bad, as: actor.Officer}); res.StatusCode != want {
				t.Errorf("%s%.20s: %d", path, bad, res.StatusCode)
			}
		}
	}
}

// Before a step-up no figure says whose a TLP:RED report is, but to its own people.
func TestFiguresOfAnotherBodyKeepATLPREDReportBeforeAStepUp(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(1))
	e.submit(actor.Provider, "1", instead(goodFor("16071001", memberAGS(0)), `"tlp":"AMBER"`, `"tlp":"RED"`))
	for _, tt := range []struct {
		who          actor.Role
		query        string
		before, then int
	}{{actor.Provider, "", 0, 2}, {actor.Analyst, "?organisation=" + apolda, 0, 1}, {actor.Officer, "", 1, 1}} {
		for cookie, want := range map[actor.Role]int{"stale-" + tt.who: tt.before, tt.who: tt.then} {
			var c counted
			e.do(request{path: figuresAPI + tt.query, cookie: cookie}).into(t, &c)
			if c.Reports != want {
				t.Errorf("%s counts %d, want %d", cookie, c.Reports, want)
			}
		}
	}
}

// A mandate that ends takes the figures with it within five seconds; one without
// the scope read gives none.
func TestFiguresEndWithTheMandate(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(1))
	e.submit(actor.Provider, "1", goodFor("16071001", memberAGS(0)))
	if all := e.figures(actor.Provider, ""); all.Reports != 2 {
		t.Fatalf("with both mandates: %+v", all)
	}
	began := time.Now()
	e.revoke()
	e.eventually("the figures without Apolda", func() bool {
		return e.do(request{path: figuresAPI + "?organisation=" + apolda, as: actor.Provider}).StatusCode == http.StatusNotFound
	})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the figures were there for %v more", took)
	}
	if left := e.figures(actor.Provider, ""); left.Reports != 1 || left.Organisation == nil || left.Organisation.ID != memberID(0) {
		t.Errorf("after one mandate ended: %+v", left)
	}
	e.publish(event.MandateChanged{ID: mandateID(0), Version: 2, Principal: memberID(0), Agent: kiv, Scopes: []string{"report", "alerts", "polls"}, From: start.AddDate(-1, 0, 0)})
	e.eventually("no figures without the scope read", func() bool {
		return e.do(request{path: figuresAPI, as: actor.Provider}).StatusCode == http.StatusNotFound
	})
	if own := e.figures(actor.Officer, ""); own.Reports != 1 {
		t.Errorf("the body's own: %+v", own)
	}
}

// What the cases say: status, first answer, duties, each case once.
func TestFiguresFollowTheCases(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c, other := e.submit(actor.Officer, "1", good), e.submit(actor.Officer, "2", good)
	at := func(d time.Duration) *time.Time { x := start.Add(d); return &x }
	one := caseOf(c, 2, "waiting", "waiting_for_you")
	one.Clocks = []event.Clock{{Rule: "TH-ACK", State: "done", StartAt: at(0), DueAt: at(time.Hour), DoneAt: at(38 * time.Minute)}, {Rule: "DSGVO-33", State: "to_check", StartAt: at(0), DueAt: at(72 * time.Hour)}}
	two := caseOf(other, 2, "closed", "closed")
	two.ID, two.Reference = event.NewID(), "V-2026-000148"
	two.Clocks = []event.Clock{{Rule: "TH-ACK", State: "done", StartAt: at(0), DueAt: at(time.Hour), DoneAt: at(2 * time.Hour)}, {Rule: "DSGVO-33", State: "done", DueAt: at(72 * time.Hour), DoneAt: at(3 * time.Hour)}}
	e.publish(event.CaseUpdated{Case: one})
	e.publish(event.CaseClosed{Case: two})
	e.eventually("both cases", func() bool { return e.count(`SELECT count(*) FROM case_report`) == 2 })
	f := e.figures(actor.Officer, "")
	if f.Open != 1 || f.Waiting != 1 || f.Ended != 1 || f.Median == nil || *f.Median != int((79*time.Minute).Seconds()) {
		t.Errorf("%+v", f)
	}
	if want := []countedClock{{Rule: "TH-ACK", Met: 1, Missed: 1}, {Rule: "DSGVO-33", Met: 1, ToCheck: 1}}; !slices.Equal(f.Clocks, want) {
		t.Errorf("clocks %+v, want %+v", f.Clocks, want)
	}
	if p := e.do(request{path: "/melden/zahlen", cookie: actor.Officer}); !strings.Contains(p.body, "<b>79 min</b>") {
		t.Error("the page does not say the median")
	}
}

// Before a step-up the own TLP:RED report counts, its deadlines and the answer do not.
func TestFiguresOfTheOwnTLPREDReportHaveNoDeadlinesBeforeAStepUp(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", red)
	at := func(d time.Duration) *time.Time { x := start.Add(d); return &x }
	k := caseOf(c, 2, "working", "in_progress")
	k.Clocks = []event.Clock{{Rule: "TH-ACK", State: "done", StartAt: at(0), DueAt: at(time.Hour), DoneAt: at(time.Minute)}}
	e.publish(event.CaseUpdated{Case: k})
	e.eventually("the case", func() bool { return e.count(`SELECT count(*) FROM case_report`) == 1 })
	for cookie, want := range map[actor.Role]int{"stale-" + actor.Officer: 0, actor.Officer: 1} {
		var f counted
		e.do(request{path: figuresAPI, cookie: cookie}).into(t, &f)
		if f.Reports != 1 || len(f.Clocks) != want || (f.Median != nil) != (want == 1) {
			t.Errorf("%s: %+v, want one report and %d kinds of deadlines", cookie, f, want)
		}
	}
}

// What the CERT locked for those who need to know is counted for no other analyst.
func TestFiguresLeaveLockedCasesOut(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	e.submit(actor.Officer, "2", good)
	of := func(version int, assignee actor.Role, org string) {
		k := caseOf(c, version, "working", "in_progress")
		k.Locked, k.Organisation.ID, k.Assignee = true, org, &event.Person{ID: personID(assignee)}
		e.publish(event.CaseUpdated{Case: k})
		e.eventually("the case", func() bool { return e.count(`SELECT count(*) FROM case_copy WHERE version = $1`, version) == 1 })
	}
	query := "?organisation=" + apolda
	for version, want := range []struct {
		assignee actor.Role
		org      string
		analyst  int
	}{{actor.Lead, apolda, 1}, {actor.Analyst, apolda, 2}, {actor.Lead, landkreis, 1}} { // the last one fits no body: it locks the whole report
		of(version+2, want.assignee, want.org)
		if n := e.figures(actor.Analyst, query).Reports; n != want.analyst {
			t.Errorf("assigned to %s, of %s: an analyst counts %d, want %d", want.assignee, want.org, n, want.analyst)
		}
		for _, all := range []actor.Role{actor.Lead, actor.Duty, actor.Officer, actor.Provider} {
			if n := e.figures(all, query).Reports; n != 2 {
				t.Errorf("%s counts %d, want 2", all, n)
			}
		}
	}
}

// A report counts when it was taken in, a body that joined later when it joined;
// another period does not have them.
func TestAPeriodHasWhatWasTakenInThen(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	c := e.submit(actor.Provider, "1", goodFor(memberAGS(0)))
	e.later(15 * 24 * time.Hour) // December
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/affected", as: actor.Provider, key: "2", body: `{"affected":["` + memberAGS(1) + `"]}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("a member that joins: %d %s", res.StatusCode, res.body)
	}
	f := e.figures(actor.Provider, "?period=2026-Q4")
	if f.Reports != 2 || f.Distinct != 1 || len(f.Months) != 3 || f.Months[1].Reports != 1 || f.Months[2].Reports != 1 || f.Months[2].Month != "2026-12" {
		t.Errorf("the quarter: %+v", f)
	}
	for _, other := range []string{"2025", "2026-Q3", "2025-Q4"} {
		if f := e.figures(actor.Provider, "?period="+other); f.Reports != 0 {
			t.Errorf("%s: %+v", other, f)
		}
	}
	if f := e.figures(officerOf(1), "?period=2026"); f.Reports != 1 || f.Months[11].Reports != 1 {
		t.Errorf("the one that joined: %+v", f)
	}
}

// Of several organisations each has a line, by name and in pages.
func TestFiguresOfEachOrganisationComeInPages(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(7))
	e.submit(actor.Provider, "1", goodFor(allMembers(5)...))
	var names []string
	for next, pages := "", 0; ; pages++ {
		var list struct {
			Items []struct {
				Organisation struct{ ID, AGS, Name string }
				Reports      int
			}
			Next string
		}
		e.do(request{path: figuresAPI + "/organisations?limit=2&after=" + next, as: actor.Provider}).into(t, &list)
		for _, x := range list.Items {
			if x.Reports != 1 || x.Organisation.AGS == "" {
				t.Errorf("%+v", x)
			}
			names = append(names, x.Organisation.Name)
		}
		if next = list.Next; next == "" {
			break
		}
		if pages > 5 {
			t.Fatal("the pages do not end")
		}
	}
	if got := strings.Join(names, ", "); got != "Musterort 000, Musterort 001, Musterort 002, Musterort 003, Musterort 004" {
		t.Errorf("the list is %s", got)
	}
	page := e.do(request{path: "/melden/zahlen?limit=2", cookie: actor.Provider}).body
	for _, want := range []string{"8 Stellen zusammen", "bei 5 von 8 Stellen", "aus einer Meldung an das CERT", "3 weitere Stellen", `href="/melden/zahlen?stelle=` + memberID(0), `after=` + memberID(1)} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if strings.Contains(page, memberName(3)) {
		t.Error("the page shows more than was asked for")
	}
	one := e.do(request{path: "/melden/zahlen?stelle=" + memberID(3), cookie: actor.Provider}).body
	if !strings.Contains(one, memberName(3)) || strings.Contains(one, memberName(0)) || !strings.Contains(one, "Alle Stellen zusammen") {
		t.Error("the page of one organisation")
	}
}

// The download asks for a second factor, is in the audit with all on whose behalf it
// was made, and has no formula.
func TestTheDownloadOfFiguresIsAnExport(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	e.submit(actor.Provider, "1", goodFor(allMembers(2)...))
	const path = "/melden/zahlen.csv"
	if res := e.do(request{path: path, cookie: "stale-" + actor.Officer}); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/konto/bestaetigen") {
		t.Errorf("without a step-up: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	res := e.do(request{path: path, cookie: actor.Provider})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Disposition"), `filename="zahlen-12m.csv"`) {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Disposition"))
	}
	for _, want := range []string{"Zusammen;12 Monate;2;2;0;0;", "Monat;2026-11;2;", "Stelle;Musterort 000;1;1;"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the file does not have %q:\n%s", want, res.body)
		}
	}
	if n := e.count(`SELECT count(DISTINCT on_behalf_of) FROM audit WHERE action = 'aggregate.export' AND result = 'ok' AND actor = $1
		AND on_behalf_of IN ($2, $3, $4)`, personID(actor.Provider), apolda, memberID(0), memberID(1)); n != 3 {
		t.Errorf("%d principals have a line of the audit, want all 3", n)
	}
	log := e.do(request{path: "/api/intake/v1/accesses", as: officerOf(0)})
	has(t, log, `"action":"aggregate.export"`, `"on_behalf_of":"`+memberName(0)+`"`)
	if strings.Contains(log.body, memberName(1)) {
		t.Errorf("a member's log names another one:\n%s", log.body)
	}
	if page := e.do(request{path: "/melden/protokoll", cookie: officerOf(0)}); !strings.Contains(page.body, "Zahlen heruntergeladen") {
		t.Errorf("the page of who looked does not show the download:\n%s", page.body)
	}
}

// The pages: for somebody without a report, an officer, a provider.
func TestGoldensOfFigures(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"de", "en"} {
		e := newIntake(t, members(2))
		officer, provider := e.visitor(lang, actor.Officer), e.visitor(lang, actor.Provider)
		golden(t, officer, "zahlen-leer", officer.get("/melden/zahlen?zeitraum=2026-Q4"))
		golden(t, officer, "zahlen-keine", e.visitor(lang, actor.Steering).get("/melden/zahlen"))
		c := e.submit(actor.Officer, "1", good)
		e.submit(actor.Officer, "2", red)
		e.submit(actor.Officer, "3", drill)
		e.submit(actor.Provider, "4", goodFor(allMembers(1)...))
		at := func(d time.Duration) *time.Time { x := start.Add(d); return &x }
		k := caseOf(c, 2, "waiting", "waiting_for_you")
		k.Clocks = []event.Clock{{Rule: "TH-ACK", State: "done", StartAt: at(0), DueAt: at(time.Hour), DoneAt: at(38 * time.Minute)}, {Rule: "DSGVO-33", State: "to_check", StartAt: at(0), DueAt: at(72 * time.Hour)}}
		e.publish(event.CaseUpdated{Case: k})
		e.eventually("the case", func() bool { return e.count(`SELECT count(*) FROM case_report`) == 1 })
		e.later(2 * time.Hour)
		golden(t, officer, "zahlen", officer.get("/melden/zahlen"))
		golden(t, officer, "zahlen-druck", officer.get("/melden/zahlen/druck?zeitraum=2026"))
		golden(t, provider, "zahlen-stellen", provider.get("/melden/zahlen?zeitraum=2026-Q4"))
		golden(t, provider, "zahlen-stelle", provider.get("/melden/zahlen?stelle="+memberID(0)))
	}
}
