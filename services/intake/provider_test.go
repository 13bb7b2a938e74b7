// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// detail is a report as the API tells it.
type detail struct {
	ID            string `json:"id"`
	Description   string `json:"description"`
	Impact        string `json:"impact"`
	SHA256        string `json:"sha256"`
	AffectedTotal int    `json:"affected_total"`
	Agent         *struct{ Name string }
	Callback      *event.Contact `json:"callback"`
	Affected      []struct {
		ID, AGS, Name, Status string
		TakenOverAt           *time.Time `json:"taken_over_at"`
		AddedAt               *time.Time `json:"added_at"`
	}
	Messages    []struct{ Text, Author string }
	Supplements []struct{ Description string }
	Attachments []struct {
		ID, Name string
		Private  bool
	}
	Steps []struct{ Kind, Text string }
	Part  *struct{ Code, Receipt string }
}

func (e *env) detail(as actor.Role, id string) detail {
	e.t.Helper()
	res := e.do(request{path: reportsPath + "/" + id, as: as})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("GET report as %s: %d %s", as, res.StatusCode, res.body)
	}
	var d detail
	res.into(e.t, &d)
	return d
}

func (e *env) submitted() []event.ReportSubmitted {
	e.t.Helper()
	var bodies []string
	if err := e.db.SelectContext(e.t.Context(), &bodies, `SELECT body FROM outbox WHERE type = 'report.submitted' ORDER BY seq`); err != nil {
		e.t.Fatal(err)
	}
	out := make([]event.ReportSubmitted, len(bodies))
	for i, b := range bodies {
		ev, err := event.Parse([]byte(b))
		if err != nil {
			e.t.Fatal(err)
		}
		if out[i], err = event.Decode[event.ReportSubmitted](ev); err != nil {
			e.t.Fatal(err)
		}
	}
	return out
}

// One report, one part for each member: own event, own line in the audit, in
// the member's name, by the agent, under the mandate.
func TestAProvidersReportBecomesAPartForEachMember(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(72))
	body := strings.Replace(goodFor(allMembers(72)...), `"exercise":false`, `"exercise":false,"members":[{"affected":"`+memberAGS(3)+
		`","callback":{"name":"Uta Eigen","phone":"03601 4711 00"},"description":"Hier auch das Standesamt","impact":"very_high"}]`, 1)
	c := e.submit(actor.Provider, "k", body)
	events := e.submitted()
	if len(events) != 72 || len(c.Affected) != 72 {
		t.Fatalf("%d events, %d bodies", len(events), len(c.Affected))
	}
	for i, p := range events {
		if p.Affected.ID != memberID(i) || p.OnBehalf != memberID(i) || p.Mandate != mandateID(i) || p.Agent == nil || p.Agent.ID != kiv || p.AffectedTotal != 72 || p.AddedLater {
			t.Fatalf("event %d: %+v", i, p)
		}
		own := i == 3
		if own != (p.Callback.Name == "Uta Eigen") || own != strings.Contains(p.Description, "Standesamt") || own != (p.Impact == "very_high") || !strings.Contains(p.Description, "Alles verschlüsselt") {
			t.Errorf("event %d says %q, %q, %q", i, p.Callback.Name, p.Description, p.Impact)
		}
	}
	if n := e.count(`SELECT count(DISTINCT on_behalf_of) FROM audit WHERE action = 'report.create' AND object_id = $1`, c.ID); n != 72 {
		t.Errorf("the logs of %d principals show it, want 72", n)
	}
	if d := e.detail(actor.Provider, c.ID); d.AffectedTotal != 72 || d.Part != nil {
		t.Errorf("the provider sees %d bodies and the part %v", d.AffectedTotal, d.Part)
	}
	e.invariants(map[string]string{"k": c.ID})
}

// Nothing of a member shows for another one, in no answer.
func TestNoMemberSeesAnother(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(6))
	body := strings.Replace(goodFor(allMembers(6)...), `"exercise":false`, `"exercise":false,"members":[{"affected":"`+memberAGS(1)+
		`","callback":{"name":"KANARI Name","phone":"03601 4711 00"},"description":"KANARI Text"}]`, 1)
	c := e.submit(actor.Provider, "k", body)
	to := func(what, key, in string) {
		t.Helper()
		if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + what, as: actor.Provider, key: key, body: in}); res.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %d %s", what, res.StatusCode, res.body)
		}
	}
	to("/messages", "m1", `{"text":"KANARI Nachricht","affected":["`+memberAGS(1)+`"]}`)
	to("/supplements", "s1", `{"description":"KANARI Nachtrag","affected":["`+memberAGS(1)+`"]}`)
	to("/messages", "m2", `{"text":"an alle"}`)
	first, second := officerOf(0), officerOf(1)
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: second, key: "m3", body: `{"text":"KANARI eigene"}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("the member writes: %d %s", res.StatusCode, res.body)
	}
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/contradiction", as: second, key: "c1", body: `{"text":"KANARI stimmt nicht"}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("the member contradicts: %d %s", res.StatusCode, res.body)
	}
	for _, other := range []string{memberAGS(1), memberID(1), "16068009"} { // who names another body does not act for the own one
		for what, body := range map[string]string{"takeover": `"callback":{"name":"a","phone":"0361 1234567"}`, "contradiction": `"text":"x"`} {
			res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/" + what, as: first, key: what + other, body: `{"affected":"` + other + `",` + body + `}`})
			if res.StatusCode != http.StatusUnprocessableEntity || strings.Contains(res.body, memberName(1)) {
				t.Errorf("%s in the name of %s: %d %s", what, other, res.StatusCode, res.body)
			}
		}
	}
	words := []string{"KANARI", memberName(1), memberID(1), memberAGS(1), `"affected_total":6`, "5 weitere", "6 Stellen", memberName(4)}
	mine := e.do(request{path: reportsPath + "/" + c.ID, as: first})
	hasNot(t, mine, words...)
	has(t, mine, memberName(0), "an alle")
	hasNot(t, e.do(request{path: reportsPath, as: first}), words...)
	hasNot(t, e.do(request{path: reportsPath + "/" + c.ID + "/affected", as: first}), words...)
	b := e.visitor("de", first)
	for _, page := range []string{"", "/druck", "/nachtragen", "/datei", "/uebernehmen", "/widersprechen"} {
		hasNot(t, b.get("/melden/vorgang/"+c.Reference+page), words...)
	}
	hasNot(t, b.get("/melden/vorgaenge"), words...)
	d := e.detail(first, c.ID)
	if d.Part == nil || d.AffectedTotal != 1 || d.Agent == nil {
		t.Fatalf("the member's part: %+v", d)
	}
	r, err := report.VerifyReceipt(d.Part.Receipt, e.receiptKey())
	if err != nil || r.Affected != memberID(0) || r.SHA256 != d.SHA256 {
		t.Errorf("receipt %+v %v, sum %s", r, err, d.SHA256)
	}
	if other := e.detail(second, c.ID); other.Part.Code == d.Part.Code || other.SHA256 == d.SHA256 || len(other.Messages) != 3 || len(other.Steps) != 1 {
		t.Errorf("the second member's part: %+v", other)
	}
	e.guestPart(c, d.Part.Code, words)
	e.invariants(nil)
}

// guestPart opens a part by its code alone.
func (e *env) guestPart(c createdReport, code string, words []string) {
	e.t.Helper()
	with := map[string]string{"Report-Code": code}
	res := e.do(request{path: reportsPath + "/" + c.Reference, header: with})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("by the part's code: %d %s", res.StatusCode, res.body)
	}
	hasNot(e.t, res, words...)
	has(e.t, res, memberName(0))
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", header: with, key: "g", body: `{"text":"vom Rathaus"}`}); res.StatusCode != http.StatusCreated {
		e.t.Errorf("a message by the part's code: %d %s", res.StatusCode, res.body)
	}
	for _, what := range []string{"takeover", "contradiction"} {
		if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/" + what, header: with, key: "g" + what, body: `{"text":"x","callback":{"name":"a","phone":"0361 1234567"}}`}); res.StatusCode < 400 {
			e.t.Errorf("%s by a code: %d %s", what, res.StatusCode, res.body)
		}
	}
	var told []string
	if err := e.db.SelectContext(e.t.Context(), &told, `SELECT body::jsonb->'data'->'affected'->>'id' FROM outbox WHERE type = 'report.message.posted' AND body LIKE '%vom Rathaus%'`); err != nil {
		e.t.Fatal(err)
	}
	if diff := cmp.Diff([]string{memberID(0)}, told); diff != "" {
		e.t.Errorf("the message went to: %s", diff)
	}
}

func TestEveryBadBodyIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(4))
	expired := event.MandateChanged{ID: mandateID(3), Version: 2, Principal: memberID(3), Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0), To: new(start.Add(-time.Hour))}
	e.publish(expired)
	e.eventually("the end of the mandate", func() bool {
		return strings.Contains(e.do(request{method: "POST", path: reportsPath, as: actor.Provider, key: "probe", body: goodFor(memberAGS(3), "99999999")}).body, "affected.mandate")
	})
	in := strings.Replace(goodFor(memberAGS(0), "99999999", memberAGS(1), memberID(0), "16068009", memberAGS(3)), `"exercise":false`,
		`"exercise":false,"members":[{"affected":"16068009x"},{"affected":"`+memberAGS(1)+`","impact":"huge","callback":{"name":"x","phone":"1"}}]`, 1)
	res := e.do(request{method: "POST", path: reportsPath, as: actor.Provider, key: "k", body: in})
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	var p struct {
		Errors []struct{ Field, Code string }
	}
	res.into(t, &p)
	var got []string
	for _, f := range p.Errors {
		got = append(got, f.Field+" "+strings.TrimPrefix(f.Code, "intake.err."))
	}
	want := []string{
		"affected[1] affected.unknown", "affected[3] affected.twice", "affected[4] affected.mandate", "affected[5] affected.mandate",
		"members[0].affected affected.unknown", "members[1].impact choice", "members[1].callback.phone phone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := e.count(`SELECT count(*) FROM report`) + e.count(`SELECT count(*) FROM outbox`); n != 0 {
		t.Error("something was stored")
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE action = 'report.create' AND result = 'denied'`); n == 0 {
		t.Error("the attempt is in no log")
	}
}

// A file that a provider adds is for its own people and the CERT, unless it is
// marked for all.
func TestAProvidersFileStaysAtHomeUnlessMarked(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	officer, other := officerOf(0), officerOf(1)
	for key, fields := range map[string][]string{"private": nil, "shared": {"for_all", "yes"}, "one": {"affected", memberAGS(0)}} {
		kind, body := multipartOf(t, key+".txt", []byte(key), fields...)
		res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/attachments", as: actor.Provider, key: key, body: string(body), header: map[string]string{"Content-Type": kind}})
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %d %s", key, res.StatusCode, res.body)
		}
	}
	for as, want := range map[actor.Role]int{actor.Provider: 3, officer: 2, other: 1} {
		d := e.detail(as, c.ID)
		if len(d.Attachments) != want {
			t.Errorf("%s sees %d files, want %d", as, len(d.Attachments), want)
		}
	}
	for _, a := range e.detail(actor.Provider, c.ID).Attachments {
		if a.Private {
			if res := e.do(request{path: reportsPath + "/" + c.ID + "/attachments/" + a.ID, as: other}); res.StatusCode != http.StatusNotFound {
				t.Errorf("a member takes the provider's file: %d", res.StatusCode)
			}
		}
	}
}

// D18 for many: a mandate that ends is over at once, for that body alone.
func TestARevokedMandateTakesOneOf72Away(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(72))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(72)...))
	e.publish(event.MandateChanged{ID: mandateID(7), Version: 2, Principal: memberID(7), Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0), RevokedAt: new(e.now())})
	e.eventually("71 bodies", func() bool { return e.detail(actor.Provider, c.ID).AffectedTotal == 71 })
	res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Provider})
	hasNot(t, res, memberName(7), memberID(7))
	with := map[string]string{"Report-Code": c.Code}
	hasNot(t, e.do(request{path: reportsPath + "/" + c.ID, header: with}), memberName(7))
	if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m", body: `{"text":"an alle"}`}); res.StatusCode != http.StatusCreated {
		t.Fatalf("%d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.message.posted'`); n != 71 {
		t.Errorf("the message went to %d, want 71", n)
	}
	if d := e.detail(officerOf(7), c.ID); len(d.Messages) != 0 || d.AffectedTotal != 1 {
		t.Errorf("who revoked sees %+v", d)
	}
}

func TestTheBodiesOfAReportAreListedInPages(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(40))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(40)...))
	var got []string
	for after := ""; ; {
		var p struct {
			Items []struct{ Name string }
			Next  string
		}
		e.do(request{path: reportsPath + "/" + c.ID + "/affected?limit=15&after=" + after, as: actor.Provider}).into(t, &p)
		for _, b := range p.Items {
			got = append(got, b.Name)
		}
		if after = p.Next; after == "" {
			break
		}
	}
	want := make([]string, 40)
	for i := range want {
		want[i] = fmt.Sprintf("Musterort %03d", i)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]int{"q=ort%20003": 1, "q=" + memberAGS(1): 1, "kreis=16061": 3, "status=closed": 0, "status=received": 40} {
		var p struct{ Items []struct{ Name string } }
		e.do(request{path: reportsPath + "/" + c.ID + "/affected?" + query, as: actor.Provider}).into(t, &p)
		if len(p.Items) != want {
			t.Errorf("%s: %d bodies, want %d", query, len(p.Items), want)
		}
	}
	for _, query := range []string{"status=lost", "after=%21", "limit=0"} {
		if res := e.do(request{path: reportsPath + "/" + c.ID + "/affected?" + query, as: actor.Provider}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
}
