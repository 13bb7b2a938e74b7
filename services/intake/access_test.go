// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

type accessLine struct {
	Who, Organisation, Action, Reference, File string
	CERT                                       bool
	OnBehalfOf                                 string `json:"on_behalf_of"`
}

type accessLog struct {
	Items []accessLine
	Next  string
}

func (e *env) accesses(as actor.Role, query string) accessLog {
	e.t.Helper()
	res := e.do(request{path: "/api/intake/v1/accesses" + query, as: as})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("GET accesses as %s: %d %s", as, res.StatusCode, res.body)
	}
	var l accessLog
	res.into(e.t, &l)
	return l
}

// Every act of an agent is the principal's to see: who, for whom, what.
func TestThePrincipalSeesWhatItsAgentDid(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Provider, "1", good)
	at := reportsPath + "/" + c.ID
	for path, body := range map[string]string{"/messages": `{"text":"vom Dienstleister"}`, "/supplements": `{"description":"mehr"}`} {
		if res := e.do(request{method: "POST", path: at + path, as: actor.Provider, key: path, body: body}); res.StatusCode != http.StatusCreated {
			t.Fatalf("POST %s: %d %s", path, res.StatusCode, res.body)
		}
	}
	if res := e.do(request{method: "POST", path: at + "/messages", as: actor.Officer, key: "own", body: `{"text":"von uns selbst"}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("own message: %d %s", res.StatusCode, res.body)
	}
	e.do(request{path: at, as: actor.Analyst})

	page := e.do(request{path: "/melden/vorgang/" + c.Reference, cookie: actor.Officer}).body
	for _, want := range []string{
		"Gemeldet von KIV Thüringen GmbH im Auftrag von Apolda, Stadt", "Kim provider, KIV Thüringen GmbH im Auftrag von Apolda, Stadt", "von uns selbst",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the principal's page does not say %q", want)
		}
	}
	if n := strings.Count(page, "im Auftrag von"); n != 3 { // report, message, supplement; not the own message
		t.Errorf("%d times on behalf, want 3", n)
	}
	own := e.accesses(actor.Officer, "")
	if len(own.Items) < 5 || own.Items[0].Action != "report.read" || own.Items[0].Who != "Kim officer" {
		t.Errorf("the log: %+v", own.Items)
	}
	if !slices.ContainsFunc(own.Items, func(l accessLine) bool { return l.CERT && l.Who == "" && l.Action == "report.read" }) {
		t.Errorf("the analyst's look is missing or named: %+v", own.Items)
	}
	agents := e.accesses(actor.OrgAdmin, "?beauftragt=alle")
	var done []string
	for _, l := range agents.Items {
		if l.Who != "Kim provider" || l.Organisation != "KIV Thüringen GmbH" || l.OnBehalfOf != "Apolda, Stadt" || l.Reference != c.Reference {
			t.Errorf("an act of the agent: %+v", l)
		}
		done = append(done, l.Action)
	}
	slices.Sort(done)
	if got := strings.Join(done, " "); got != "report.create report.message report.supplement" {
		t.Errorf("the agent did %q", got)
	}
	first := e.accesses(actor.Officer, "?limit=2")
	second := e.accesses(actor.Officer, "?limit=200&after="+first.Next)
	if len(first.Items) != 2 || len(first.Items)+len(second.Items) != len(own.Items) || second.Next != "" {
		t.Errorf("pages of %d and %d lines, want %d together", len(first.Items), len(second.Items), len(own.Items))
	}
	if log := e.do(request{path: "/melden/protokoll", cookie: actor.Officer}).body; !strings.Contains(log, "Kim provider, KIV Thüringen GmbH im Auftrag von Apolda, Stadt") || strings.Contains(log, "Kim analyst") {
		t.Error("the page of the log")
	}
	e.agentEvents(2)
}

// agentEvents checks that the events of additions name the agent.
func (e *env) agentEvents(want int) {
	e.t.Helper()
	n := e.count(`SELECT count(*) FROM outbox WHERE type IN ('report.message.posted', 'report.supplemented')
		AND body::jsonb -> 'data' -> 'agent' ->> 'name' = 'KIV Thüringen GmbH' AND body::jsonb -> 'data' ->> 'on_behalf' = $1`, apolda)
	if n != want {
		e.t.Errorf("%d events of the agent, want %d", n, want)
	}
}

// An agent that adds to what the principal reported itself is named as well.
func TestAnAgentThatAddsToAnOwnReportIsNamed(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "1", body: `{"text":"wir helfen"}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("message: %d %s", res.StatusCode, res.body)
	}
	e.agentEvents(1)
	if got := e.accesses(actor.Officer, "?beauftragt=alle"); len(got.Items) != 1 || got.Items[0].Action != "report.message" {
		t.Errorf("the log: %+v", got.Items)
	}
	var d struct {
		Messages []struct{ Author, Agent string }
	}
	e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer}).into(t, &d)
	if len(d.Messages) != 1 || d.Messages[0].Agent != "KIV Thüringen GmbH" {
		t.Errorf("messages: %+v", d.Messages)
	}
}

// With the scope report alone an agent adds to what it reported itself; what the
// principal reported it may read, and no more (reliability model §2.4).
func TestWithoutTheScopeEditAnAgentAddsOnlyToItsOwnReports(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	own, agents := e.submit(actor.Officer, "1", good), e.submit(actor.Provider, "2", good)
	add := func(c createdReport, key string) int {
		return e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: key, body: `{"text":"x"}`}).StatusCode
	}
	if got := add(own, "a"); got != http.StatusCreated {
		t.Fatalf("with the scope edit: %d", got)
	}
	e.publish(event.MandateChanged{
		ID: "0190c000-0000-7000-8000-000000000001", Version: 2, Principal: apolda, Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0),
	})
	e.eventually("the end of the scope", func() bool { return add(own, "b"+event.NewID()) == http.StatusNotFound })
	if got := add(agents, "c"); got != http.StatusCreated {
		t.Errorf("to what the agent reported itself: %d", got)
	}
	if res := e.do(request{path: reportsPath + "/" + own.ID, as: actor.Provider}); res.StatusCode != http.StatusOK {
		t.Errorf("reading: %d", res.StatusCode)
	}
	page := e.do(request{path: "/melden/vorgang/" + own.Reference, cookie: actor.Provider})
	if page.StatusCode != http.StatusOK || strings.Contains(page.body, "/nachricht\"") || strings.Contains(page.body, "/nachtragen\"") {
		t.Errorf("the page offers what is not allowed: %d", page.StatusCode)
	}
}

// The log is the organisation's own: no agent, no CERT, no other member reads it.
func TestTheLogIsTheOrganisationsOwn(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	c := e.submit(actor.Provider, "k", goodFor("16071001", memberAGS(0), memberAGS(1)))
	e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer})
	for _, who := range []actor.Role{actor.Provider, actor.Analyst, actor.Lead, actor.Constituency, actor.Auditor, ""} {
		if res := e.do(request{path: "/api/intake/v1/accesses", as: who}); res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the log for %q: %d", who, res.StatusCode)
		}
	}
	for _, foreign := range []string{landkreis, elxleben1, "x", "' OR '1'='1"} {
		res := e.do(request{path: "/api/intake/v1/accesses?stelle=" + strings.ReplaceAll(foreign, " ", "%20"), as: actor.Officer})
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("the log of %q: %d %s", foreign, res.StatusCode, res.body)
		}
	}
	for _, bad := range []string{"x", "-1", "0", "99999999999999999999"} {
		if res := e.do(request{path: "/api/intake/v1/accesses?after=" + bad, as: actor.Officer}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("after=%s: %d", bad, res.StatusCode)
		}
	}
	// Two members of the same report: what one reads is no line of the other.
	e.do(request{path: reportsPath + "/" + c.ID, as: officerOf(0)})
	for _, l := range e.accesses(officerOf(1), "").Items {
		if l.Who != "Kim provider" {
			t.Errorf("another member's look: %+v", l)
		}
	}
}
