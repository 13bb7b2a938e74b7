// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

func TestAReportIsTakenInWithReceiptEventAndAudit(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "key-1", good)
	if !regexp.MustCompile(`^M-2026-\d{6}$`).MatchString(c.Reference) || !regexp.MustCompile(`^[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{4}$`).MatchString(c.Code) {
		t.Errorf("reference %q, code %q", c.Reference, c.Code)
	}
	if c.StatusURL != "https://cert.example.org/melden/vorgang/"+c.Reference || len(c.Affected) != 1 || c.Affected[0].Name != "Apolda, Stadt" {
		t.Errorf("answer %+v", c)
	}
	key, err := e.cfg.Key()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.Public().(ed25519.PublicKey)
	r, err := report.VerifyReceipt(c.Receipt, public)
	if err != nil || r.ID != c.ID || r.Reference != c.Reference || !r.ReceivedAt.Equal(c.ReceivedAt) || r.TLP != "AMBER" {
		t.Errorf("receipt %+v, %v", r, err)
	}
	if n := e.count(`SELECT count(*) FROM report WHERE digest = $1`, r.SHA256); n != 1 {
		t.Errorf("the receipt signs another content than is stored")
	}
	var body string
	if err := e.db.GetContext(t.Context(), &body, `SELECT body FROM outbox WHERE type = 'report.submitted'`); err != nil {
		t.Fatal(err)
	}
	ev, err := event.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	p, err := event.Decode[event.ReportSubmitted](ev)
	if err != nil {
		t.Fatal(err)
	}
	want := event.ReportSubmitted{
		Report: c.ID, Reference: c.Reference, AffectedTotal: 1, Channel: "api", Verified: true,
		Affected: event.Organisation{ID: apolda, AGS: "16071001", Name: "Apolda, Stadt", Level: "gemeinde", Kreis: "16071"},
		Reporter: event.Person{ID: personID(actor.Officer), Name: "Kim officer"},
		What:     "ransomware", Description: "Alles verschlüsselt", NoticedAt: p.NoticedAt, NoticedApprox: true, Impact: "high",
		Callback: event.Contact{Name: "Kim Beispiel", Phone: "+49 152 000 000 00", Email: "kim@example.org"},
		TLP:      "AMBER", HelpNeeded: []string{"callback"}, Language: "de", ReceivedAt: start, CallbackBy: p.CallbackBy,
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if d := p.CallbackBy.Sub(start).Minutes(); d != 60 {
		t.Errorf("call-back promised after %v minutes", d)
	}
	e.invariants(map[string]string{"key-1": c.ID})
}

func TestTheSameKeyGivesTheSameAnswer(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	first := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: good})
	again := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: good})
	if again.StatusCode != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("replay: %d %v", again.StatusCode, again.Header)
	}
	if first.body != again.body {
		t.Errorf("another answer:\n%s\n%s", first.body, again.body)
	}
	changed := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: strings.Replace(good, "Alles", "alles", 1)})
	if changed.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("same key, other body: %d %s", changed.StatusCode, changed.body)
	}
	missing := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, body: good})
	if missing.StatusCode != http.StatusBadRequest {
		t.Errorf("a Bearer without a key: %d", missing.StatusCode)
	}
	other := e.submit(actor.OrgAdmin, "k", good)
	guest := e.submit("", "k", good)
	guestAgain := e.submit("", "k", good)
	guestOther := e.submit("", "k", strings.Replace(good, "Alles", "alles", 1))
	if other.ID == guest.ID || guestOther.ID == guest.ID {
		t.Error("keys of different people met")
	}
	if guest.ID != guestAgain.ID {
		t.Error("a guest's repeated request made a second report")
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 4 {
		t.Errorf("%d reports, want 4", n)
	}
	e.invariants(nil)
}

func TestSeveralBodiesMakeOneEventEach(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Duty, "k", strings.Replace(good, `["16071001"]`, `["16071001","16068009","`+kiv+`"]`, 1))
	if len(c.Affected) != 3 {
		t.Errorf("affected %+v", c.Affected)
	}
	var subjects []string
	if err := e.db.SelectContext(t.Context(), &subjects, `SELECT subject FROM outbox ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	want := []string{"report.submitted.16.071.001", "report.submitted.16.068.009", "report.submitted.16.000.000"}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Error(diff)
	}
	if n := e.count(`SELECT count(DISTINCT id) FROM outbox`); n != 3 {
		t.Errorf("%d event ids", n)
	}
	e.invariants(nil)
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: `{"affected":["99999999"],"what":"fire","noticed_at":"2027-01-01T00:00:00Z",` +
		`"impact":"","callback":{"name":"","phone":"4711","email":"kim.example.org"},"tlp":"PURPLE","help_needed":["pizza"]}`})
	if res.StatusCode != http.StatusUnprocessableEntity || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s %s", res.StatusCode, res.Header.Get("Content-Type"), res.body)
	}
	var p struct {
		Type   string
		Errors []struct{ Field, Code, Detail string }
	}
	res.into(t, &p)
	var got []string
	for _, f := range p.Errors {
		got = append(got, f.Field)
	}
	want := []string{"what", "noticed_at", "impact", "help_needed", "callback.name", "callback.phone", "callback.email", "tlp", "affected[0]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Type != "/problems/invalid" {
		t.Errorf("type %q", p.Type)
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 0 {
		t.Error("something was stored")
	}
}

func TestAReportForAMunicipalityThatMergedNamesTheSuccessor(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	res := e.do(request{method: "POST", path: reportsPath, as: actor.Duty, key: "merged", body: `{"affected":["16071099"],"what":"ransomware",` +
		`"callback":{"name":"Kim","phone":"03644 1"}}`})
	var p struct {
		Errors []struct{ Field, Code, Detail string }
	}
	res.into(t, &p)
	if res.StatusCode != http.StatusUnprocessableEntity || !slices.ContainsFunc(p.Errors, func(f struct{ Field, Code, Detail string }) bool {
		return f.Field == "affected[0]" && f.Code == "intake.err.affected.merged" && strings.Contains(f.Detail, "16071001")
	}) {
		t.Errorf("%d %s; want 422 with the AGS of the successor", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 0 {
		t.Error("something was stored")
	}
}

func TestWhoMayReportForWhom(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	for name, tt := range map[string]struct {
		as     actor.Role
		body   string
		status int
	}{
		"an officer for the own body":               {actor.Officer, "16071001", 201},
		"an officer not for another":                {actor.Officer, "16068009", 403},
		"a provider under a mandate":                {actor.Provider, "16071001", 201},
		"a provider not without one":                {actor.Provider, "16068009", 403},
		"the duty officer for all":                  {actor.Duty, "16068009", 201},
		"an auditor for none":                       {actor.Auditor, "16071001", 403},
		"a guest for all":                           {"", "16068009", 201},
		"nobody for what is not there":              {actor.Duty, "16071999", 422},
		"a Landkreis is its own body":               {actor.Duty, "16071000", 201},
		"a body without AGS is named by id":         {actor.Duty, kiv, 201},
		"an officer of another role, same question": {actor.OrgAdmin, "16071001", 201},
	} {
		res := e.do(request{method: "POST", path: reportsPath, as: tt.as, key: name, body: strings.Replace(good, "16071001", tt.body, 1)})
		if res.StatusCode != tt.status {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE action = 'report.create' AND result = 'denied'`); n != 3 {
		t.Errorf("%d denials in the audit, want 3", n)
	}
	if n := e.count(`SELECT count(*) FROM report_body WHERE on_behalf = $1`, apolda); n != 1 {
		t.Errorf("%d reports say in whose name", n)
	}
	if res := e.do(request{method: "POST", path: reportsPath, header: map[string]string{"Authorization": "Bearer lst_wrong"}, body: good}); res.StatusCode != 401 {
		t.Errorf("an invalid Bearer: %d", res.StatusCode)
	}
}

func TestAListShowsOwnAndMandated(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	mine := e.submit(actor.Officer, "1", good)
	e.submit(actor.Duty, "2", strings.Replace(good, "16071001", "16068009", 1))
	guest := e.submit("", "3", good)
	both := e.submit(actor.Duty, "4", strings.Replace(good, `"16071001"`, `"16071001","16068009"`, 1))
	e.submit(actor.OrgAdmin, "5", good)
	for role, want := range map[actor.Role]int{actor.Officer: 3, actor.Provider: 3, actor.Duty: 5, actor.OrgAdmin: 1} {
		var l struct{ Items []struct{ ID string } }
		e.do(request{path: reportsPath, as: role}).into(t, &l)
		if len(l.Items) != want {
			t.Errorf("%s sees %d reports, want %d", role, len(l.Items), want)
		}
	}
	for role, want := range map[actor.Role]int{actor.Officer: 200, actor.Provider: 200, actor.Lead: 200, actor.Steering: 404, actor.Admin: 404, actor.OrgAdmin: 404} {
		if res := e.do(request{path: reportsPath + "/" + mine.ID, as: role}); res.StatusCode != want {
			t.Errorf("%s reads a report: %d, want %d", role, res.StatusCode, want)
		}
	}
	if res := e.do(request{path: reportsPath + "/" + guest.ID, as: actor.Officer}); res.StatusCode != 404 {
		t.Errorf("an unverified report is visible: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_id = $1`, guest.ID); n != 1 {
		t.Errorf("%d denials in the audit, want 1", n)
	}
	var d struct{ Affected []struct{ Name string } }
	e.do(request{path: reportsPath + "/" + both.Reference, as: actor.Officer}).into(t, &d)
	if len(d.Affected) != 1 || d.Affected[0].Name != "Apolda, Stadt" {
		t.Errorf("a member sees the other victims: %+v", d.Affected)
	}
	var page struct {
		Items []struct{ Reference string }
		Next  string
	}
	seen := map[string]bool{}
	after := ""
	for range 5 {
		e.do(request{path: reportsPath + "?limit=1&after=" + after, as: actor.Lead}).into(t, &page)
		for _, i := range page.Items {
			seen[i.Reference] = true
		}
		after = page.Next
	}
	if len(seen) != 5 || after != "" {
		t.Errorf("paging saw %d of 5, next %q", len(seen), after)
	}
}

func TestASupplementAndAMessageReachTriage(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	path := reportsPath + "/" + c.ID
	sup := `{"description":"Auch die Sicherung","status_now":"ongoing","personal_data":"unclear","services_affected":[{"service":"registry","degree":"full"}],"informed":[{"who":"head"}]}`
	for range 2 {
		if res := e.do(request{method: "POST", path: path + "/supplements", as: actor.Officer, key: "s", body: sup}); res.StatusCode != 201 {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		if res := e.do(request{method: "POST", path: path + "/messages", as: actor.Provider, key: "m", body: `{"text":"Wir sind dran"}`}); res.StatusCode != 201 {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type IN ('report.supplemented','report.message.posted')`); n != 2 {
		t.Errorf("%d events", n)
	}
	var d struct {
		Status      string
		Messages    []struct{ Side, Author, Text string }
		Supplements []struct {
			Description string
			Fields      map[string]any
		}
		Deadlines []struct{ Rule, State string }
	}
	e.do(request{path: path, as: actor.Officer}).into(t, &d)
	if d.Status != "received" || len(d.Messages) != 1 || d.Messages[0].Author != "Kim provider" || len(d.Supplements) != 1 ||
		d.Supplements[0].Fields["status_now"] != "ongoing" || len(d.Deadlines) != 2 {
		t.Errorf("%+v", d)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE action = 'report.message' AND on_behalf_of = $1`, apolda); n != 1 {
		t.Errorf("the audit does not say in whose name: %d", n)
	}
	for body, want := range map[string]int{`{}`: 422, `{"status_now":"burning"}`: 422, `{"nonsense":1}`: 400} {
		if res := e.do(request{method: "POST", path: path + "/supplements", as: actor.Officer, key: "x" + body, body: body}); res.StatusCode != want {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if res := e.do(request{method: "POST", path: path + "/messages", as: actor.Duty, key: "m", body: `{"text":"x"}`}); res.StatusCode != 404 {
		t.Errorf("the CERT writes at the case, not here: %d", res.StatusCode)
	}
	e.invariants(nil)
}

// D18: what a mandate opened closes with it, also by the code or the cookie that
// the agent kept.
func TestD18ACodeDoesNotOutliveTheMandate(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	mandated := e.submit(actor.Provider, "m", good)
	own := e.submit(actor.Officer, "o", good)
	b := e.visitor("de", "")
	b.follow("/melden/vorgang", url.Values{"reference": {mandated.Reference}, "code": {mandated.Code}})
	read := func(c createdReport) int {
		return e.do(request{path: reportsPath + "/" + c.ID, header: map[string]string{"Report-Code": c.Code}}).StatusCode
	}
	page := func() int { return b.get("/melden/vorgang/" + mandated.Reference).StatusCode }
	if read(mandated) != 200 || read(own) != 200 || page() != 200 {
		t.Fatalf("before: %d, %d, page %d", read(mandated), read(own), page())
	}
	e.revoke()
	e.eventually("the code closed", func() bool { return read(mandated) == 404 })
	if p := page(); p != 303 {
		t.Errorf("with the cookie: %d, want the page that asks for a code", p)
	}
	if read(own) != 200 {
		t.Error("the code of an own report closed too")
	}
}

func TestAGuestReadsByCode(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit("", "g", good)
	path := reportsPath + "/" + c.Reference
	if res := e.do(request{path: path}); res.StatusCode != 404 {
		t.Errorf("without the code: %d", res.StatusCode)
	}
	code := map[string]string{"Report-Code": strings.ToLower(c.Code)}
	var d struct {
		Reference string
		Callback  *struct{ Phone string }
	}
	e.do(request{path: path, header: code}).into(t, &d)
	if d.Reference != c.Reference || d.Callback == nil {
		t.Errorf("%+v", d)
	}
	if res := e.do(request{method: "POST", path: path + "/messages", header: code, body: `{"text":"Hallo"}`}); res.StatusCode != 201 {
		t.Errorf("a guest writes: %d %s", res.StatusCode, res.body)
	}
	if res := e.do(request{path: path, header: map[string]string{"Report-Code": "AAAAAAAAAA"}}); res.StatusCode != 404 {
		t.Errorf("a wrong code: %d", res.StatusCode)
	}
	other := e.submit("", "h", good)
	if res := e.do(request{path: reportsPath + "/" + other.Reference, header: code}); res.StatusCode != 404 {
		t.Errorf("the code of another report: %d", res.StatusCode)
	}
}

func TestADetailHasNoNullLists(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer})
	var raw map[string]json.RawMessage
	res.into(t, &raw)
	for _, name := range []string{"systems", "help_needed", "messages", "supplements", "attachments", "deadlines", "affected"} {
		if !strings.HasPrefix(string(raw[name]), "[") {
			t.Errorf("%s is %s", name, raw[name])
		}
	}
}
