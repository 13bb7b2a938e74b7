// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// withCode asks as somebody who only holds a code.
func (e *env) withCode(c createdReport, code, what, key, body string) response {
	e.t.Helper()
	r := request{path: reportsPath + "/" + c.ID + what, header: map[string]string{"Report-Code": code}}
	if body != "" {
		r.method, r.key, r.body = "POST", key, body
	}
	return e.do(r)
}

// Who took over is asked alone: the provider's code writes to it no more than
// the provider's account does.
func TestTheProvidersCodeWritesNothingForWhoTookOver(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/takeover", as: officerOf(0), key: "t", body: `{"callback":{"name":"Rike Rathaus","phone":"03601 4711 00"}}`})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if res := e.withCode(c, c.Code, "/messages", "m", `{"text":"an alle übrigen"}`); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.message.posted'`); n != 2 {
		t.Errorf("the message went to %d, want 2", n)
	}
	if res := e.withCode(c, c.Code, "/messages", "m2", `{"text":"x","affected":["`+memberAGS(0)+`"]}`); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("to who took over: %d %s", res.StatusCode, res.body)
	}
	part := e.detail(officerOf(0), c.ID).Part.Code
	if res := e.withCode(c, part, "/messages", "m3", `{"text":"vom Rathaus"}`); res.StatusCode != http.StatusCreated {
		t.Errorf("the body's own code: %d %s", res.StatusCode, res.body)
	}
}

// A file that is added with the provider's code stays with the provider, too.
func TestAFileByTheProvidersCodeStaysAtHome(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	kind, body := multipartOf(t, "kunden.txt", []byte("alle Kunden"))
	res := e.do(request{
		method: "POST", path: reportsPath + "/" + c.ID + "/attachments", key: "f", body: string(body),
		header: map[string]string{"Content-Type": kind, "Report-Code": c.Code},
	})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	for as, want := range map[actor.Role]int{actor.Provider: 1, officerOf(0): 0, officerOf(1): 0} {
		if d := e.detail(as, c.ID); len(d.Attachments) != want {
			t.Errorf("%s sees %d files, want %d", as, len(d.Attachments), want)
		}
	}
}

// Somebody may serve a town and a provider: what they add for several as the
// provider is the provider's, and not the town's where they also belong.
func TestAFileIsTheProvidersWhateverElseThePersonIs(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	e.both()
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	kind, body := multipartOf(t, "kunden.txt", []byte("alle Kunden"))
	res := e.do(request{
		method: "POST", path: reportsPath + "/" + c.ID + "/attachments", as: actor.Provider, key: "f", body: string(body), header: map[string]string{"Content-Type": kind},
	})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	for as, want := range map[actor.Role]int{actor.Provider: 1, officerOf(0): 0, officerOf(1): 0} {
		if d := e.detail(as, c.ID); len(d.Attachments) != want {
			t.Errorf("%s sees %d files, want %d", as, len(d.Attachments), want)
		}
	}
	if n := e.count(`SELECT count(*) FROM report WHERE home = $1`, kiv); n != 1 {
		t.Error("the report is not the provider's")
	}
}

// That a body joined later would tell it that others were there before.
func TestWhoJoinedLaterIsNotToldSo(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(2)...))
	res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/affected", as: actor.Provider, key: "x", body: `{"affected":["` + memberAGS(2) + `"]}`})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	d := e.detail(officerOf(2), c.ID)
	if len(d.Affected) != 1 || d.Affected[0].AddedAt != nil {
		t.Errorf("%+v", d.Affected)
	}
	with := map[string]string{"Report-Code": d.Part.Code}
	for _, path := range []string{reportsPath, reportsPath + "/" + c.ID, reportsPath + "/" + c.ID + "/affected"} {
		hasNot(t, e.do(request{path: path, as: officerOf(2)}), "added_at")
	}
	hasNot(t, e.do(request{path: reportsPath + "/" + c.ID, header: with}), "added_at")
}

// The provider's code opens no more than its mandate: without the scope "read"
// there is nothing to read, without "report" nothing to write.
func TestTheProvidersCodeOpensNoMoreThanTheScopes(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(2)...))
	scopes := func(i int, list ...string) {
		e.publish(event.MandateChanged{ID: mandateID(i), Version: 2, Principal: memberID(i), Agent: kiv, Scopes: list, From: start.AddDate(-1, 0, 0)})
	}
	scopes(0, "alerts")
	scopes(1, "read")
	e.eventually("the scopes", func() bool {
		res := e.withCode(c, c.Code, "", "", "")
		return res.StatusCode == http.StatusOK && !strings.Contains(res.body, memberName(0)) && strings.Contains(res.body, memberName(1))
	})
	e.eventually("the end of writing", func() bool {
		return e.do(request{method: "POST", path: reportsPath, as: actor.Provider, key: "p", body: goodFor(memberAGS(1))}).StatusCode == http.StatusForbidden
	})
	if res := e.withCode(c, c.Code, "/messages", "m", `{"text":"x"}`); res.StatusCode != http.StatusNotFound {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// Each principal's log shows that its agent looked, not only the first one's,
// though the audit needs one line for it; and none names another principal.
func TestEachPrincipalsLogShowsThatItsAgentLooked(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(4))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(4)...))
	e.detail(actor.Provider, c.ID)
	const read = ` FROM audit WHERE action = 'report.read' AND object_id = $1 AND result = 'ok'`
	if n := e.count(`SELECT count(*)`+read, c.ID); n != 1 {
		t.Errorf("%d lines in the audit, want one", n)
	}
	if n := e.count(`SELECT jsonb_array_length(convert_from(body, 'UTF8')::jsonb -> 'principals')`+read, c.ID); n != 4 {
		t.Errorf("it names %d principals, want 4", n)
	}
	for i := range 4 {
		log := e.do(request{path: "/api/intake/v1/accesses?beauftragt=alle", as: officerOf(i)})
		has(t, log, `"action":"report.read"`, `"on_behalf_of":"`+memberName(i)+`"`)
		hasNot(t, log, memberName((i+1)%4))
	}
	e.invariants(map[string]string{"k": c.ID})
}

// both makes the provider's person an officer of the first member, too.
func (e *env) both() {
	e.t.Helper()
	e.publish(event.PersonChanged{
		ID: personID(actor.Provider), Version: 9, Name: "Kim provider", Email: "provider@example.org", Active: true, Language: "de",
		Memberships: []event.Membership{{Organisation: memberID(0), Role: string(actor.Officer)}, {Organisation: kiv, Role: string(actor.Provider)}},
	})
	e.eventually("the second function", func() bool {
		return e.do(request{path: "/api/intake/v1/accesses", as: actor.Provider}).StatusCode == http.StatusOK
	})
}

// Somebody looks at a report of the own town and of a principal: the principal's
// log shows the agent, the town's log its officer, whichever comes first.
func TestALookForTheOwnBodyAndAPrincipalStandsInBothLogs(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"own body first": {memberAGS(0), memberAGS(1), memberAGS(2)}, "principals first": {memberAGS(2), memberAGS(1), memberAGS(0)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newIntake(t, members(3))
			c := e.submit(actor.Provider, "k", goodFor(order[0], order[1], order[2]))
			e.both()
			e.publish(event.MandateChanged{ID: mandateID(2), Version: 2, Principal: memberID(2), Agent: kiv, Scopes: []string{"alerts"}, From: start.AddDate(-1, 0, 0)})
			e.eventually("one principal left", func() bool { // the list is no look
				return !strings.Contains(e.do(request{path: reportsPath, as: actor.Provider}).body, memberName(2))
			})
			if d := e.detail(actor.Provider, c.ID); len(d.Affected) != 2 {
				t.Fatalf("the person sees %d bodies, want the own one and a principal", len(d.Affected))
			}
			look := func(as actor.Role, query string) (found []accessLine) {
				for _, l := range e.accesses(as, query).Items {
					if l.Action == "report.read" && l.Who == "Kim provider" {
						found = append(found, l)
					}
				}
				return found
			}
			for as, want := range map[actor.Role]string{officerOf(0): "", officerOf(1): memberName(1)} {
				l := look(as, "")
				if len(l) != 1 || l[0].OnBehalfOf != want || want != "" && l[0].Organisation != "KIV Thüringen GmbH" {
					t.Errorf("the log that %s reads: %+v, want the look on behalf of %q", as, l, want)
				}
				if agents := look(as, "?beauftragt=alle"); (len(agents) == 1) != (want != "") {
					t.Errorf("what agents did, to %s: %+v", as, agents)
				}
			}
			if l := look(officerOf(2), ""); len(l) > 0 {
				t.Errorf("who has no part in it reads %+v", l)
			}
			if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m", body: `{"text":"an alle"}`}); res.StatusCode != http.StatusCreated {
				t.Fatalf("a message to both: %d %s", res.StatusCode, res.body)
			}
			for as, want := range map[actor.Role]string{officerOf(0): "", officerOf(1): memberName(1)} {
				if l := e.accesses(as, "").Items; len(l) == 0 || l[0].Action != "report.message" || l[0].OnBehalfOf != want {
					t.Errorf("the log that %s reads begins with %+v, want the message on behalf of %q", as, l, want)
				}
			}
			e.invariants(map[string]string{"k": c.ID})
		})
	}
}

// Who took over the own body's part still writes as agent of the others.
func TestWhoTookTheOwnPartOverStillWritesForPrincipals(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/takeover", as: officerOf(0), key: "t", body: `{"callback":{"name":"Rike Rathaus","phone":"03601 4711 00"}}`})
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	e.both()
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m", body: `{"text":"an alle"}`}); res.StatusCode != http.StatusCreated {
		t.Errorf("to all: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT cardinality(bodies) FROM report_message`); n != 3 {
		t.Errorf("it reached %d bodies, want 3", n)
	}
}

// An officer who opened the own part by its code and then signs in may do what
// officers may.
func TestACodeTakesNothingFromWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(2)...))
	part := e.detail(officerOf(0), c.ID).Part.Code
	res := e.do(request{
		method: "POST", path: reportsPath + "/" + c.ID + "/takeover", as: officerOf(0), key: "t",
		body: `{"callback":{"name":"Rike Rathaus","phone":"03601 4711 00"}}`, header: map[string]string{"Report-Code": part},
	})
	if res.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// What holds for one body alone goes to that body's case, and what is about the
// whole report never to that body's contact.
func TestTheReportsOwnContactGoesWithEachBody(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(2))
	e.submit(actor.Provider, "k", strings.Replace(goodFor(allMembers(2)...), `"exercise":false`, `"exercise":false,"members":[{"affected":"`+memberAGS(0)+
		`","callback":{"name":"Uta Eigen","phone":"03601 4711 00","email":"uta@ort.example"}}]`, 1))
	for i, p := range e.submitted() {
		if own := i == 0; own != (p.ReportContact != nil) || own && (p.Callback.Name != "Uta Eigen" || p.ReportContact.Name != "Kim Beispiel") {
			t.Error(fmt.Sprint(i), p.Callback, p.ReportContact)
		}
	}
}
