// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

// together opens a campaign of n cases, one of the reports of each member.
func (e *env) together(n int) (reports []event.ReportSubmitted, path string) {
	e.t.Helper()
	reports = sample.Together(n)
	for _, r := range reports {
		e.publish(sample.Event(r))
	}
	e.eventually("the cases", func() bool { return e.count(`SELECT count(*) FROM cases WHERE campaign_ref = 'L-2026-0001'`) == n })
	return reports, "/api/triage/v1/campaigns/L-2026-0001"
}

type campaignBody struct {
	ID, Reference, State, Title string
	Version                     int
	Expected                    int
	Cases                       struct{ Total, New, Open, Contradicted, TakenOver int }
	Unreachable                 []struct{ Case string }
	Timeline                    []struct{ Kind string }
}

func (e *env) campaign(path string) (campaignBody, string) {
	e.t.Helper()
	res := e.do(request{path: path, as: "analyst"})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("%s: %d %s", path, res.StatusCode, res.body)
	}
	var k campaignBody
	res.into(e.t, &k)
	return k, res.Header.Get("ETag")
}

func (e *env) send(method, path, as string, in any, header ...string) response {
	e.t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		e.t.Fatal(err)
	}
	h := map[string]string{"Idempotency-Key": event.NewID()}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return e.do(request{method: method, path: path, as: as, body: string(b), header: h})
}

// ordered begins a change of many cases and waits for its end.
func (e *env) ordered(path, what, as string, in any) (done, failed int) {
	e.t.Helper()
	res := e.send(http.MethodPost, path+"/"+what, as, in)
	if res.StatusCode != http.StatusAccepted {
		e.t.Fatalf("%s: %d %s", what, res.StatusCode, res.body)
	}
	var job struct {
		ID           string
		Total        int
		Done, Failed int
		EndedAt      *time.Time `json:"ended_at"`
	}
	res.into(e.t, &job)
	e.eventually("the order "+what, func() bool {
		e.do(request{path: path + "/jobs/" + job.ID, as: as}).into(e.t, &job)
		return job.EndedAt != nil
	})
	if job.Done+job.Failed != job.Total {
		e.t.Errorf("%s: %d done and %d left of %d", what, job.Done, job.Failed, job.Total)
	}
	return job.Done, job.Failed
}

// The work on a campaign: figures, one message for each case, a rating, closing
// when all cases are closed.
func TestACampaignIsWorkedAsOneAndEachCaseForItself(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	reports, path := e.together(72)
	k, _ := e.campaign(path)
	if k.Cases.Total != 72 || k.Cases.New != 72 || k.Expected != 72 || len(k.Unreachable) != 72 || !strings.Contains(k.Title, "Rechenhaus") {
		t.Fatalf("campaign = %+v", k)
	}
	if done, left := e.ordered(path, "messages", "analyst", map[string]any{"text": "Bitte trennen Sie die Server.", "wait": true}); done+left != 72 {
		t.Errorf("%d messages, %d left", done, left)
	}
	for query, want := range map[string]int{
		`SELECT count(DISTINCT case_id) FROM case_messages`:                                      72,
		`SELECT count(*) FROM outbox WHERE type = 'case.message.posted'`:                         72,
		`SELECT count(*) FROM cases WHERE version = 2`:                                           72,
		`SELECT count(*) FROM campaign_jobs WHERE body ? 'text'`:                                 0,
		`SELECT count(*) FROM outbox WHERE body LIKE '%Bitte trennen%' AND body LIKE '%L-2026%'`: 0,
	} {
		if got := e.count(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	e.ordered(path, "classify", "analyst", map[string]any{"severity": "high", "class": "malicious-code:infected-system", "reason": "gleiche Ursache"})
	if n := e.count(`SELECT count(*) FROM cases WHERE severity = 'high' AND class = 'malicious-code:infected-system'`); n != 72 {
		t.Errorf("%d cases rated, want 72", n)
	}
	// An analyst edits only what is assigned to them: the rest is left and said.
	if done, left := e.ordered(path, "state", "analyst", map[string]any{"state": "working"}); done != 0 || left != 72 {
		t.Errorf("an analyst moved %d cases of nobody, %d left", done, left)
	}
	_, tag := e.campaign(path)
	if res := e.send(http.MethodPatch, path, "lead", map[string]any{"state": "closed"}, "If-Match", tag); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, "V-2026-000001") {
		t.Errorf("closing with open cases: %d %s", res.StatusCode, res.body)
	}
	e.ordered(path, "state", "lead", map[string]any{"state": "closed", "disposition": "confirmed", "reason": "wiederhergestellt"})
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'case.closed'`); n != 72 {
		t.Errorf("%d cases closed, want 72", n)
	}
	if res := e.send(http.MethodPatch, path, "lead", map[string]any{"state": "closed"}); res.StatusCode != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d", res.StatusCode)
	}
	if res := e.send(http.MethodPatch, path, "lead", map[string]any{"state": "closed"}, "If-Match", tag); res.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("a stale If-Match: %d", res.StatusCode)
	}
	_, tag = e.campaign(path)
	if res := e.send(http.MethodPatch, path, "lead", map[string]any{"state": "closed"}, "If-Match", tag); res.StatusCode != http.StatusOK {
		t.Errorf("closing: %d %s", res.StatusCode, res.body)
	}
	later := reports[0]
	later.Affected, later.AddedLater, later.AffectedTotal = sample.Musterhausen, true, 73
	e.publish(sample.Event(later))
	e.eventually("the campaign to open again", func() bool { k, _ := e.campaign(path); return k.State == "open" && k.Cases.Total == 73 })
	e.intact()
}

// The queue shows one line for a campaign, and its cases one by one where they
// are asked for.
func TestACampaignIsOneLineOfTheQueue(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.together(60)
	alone := e.open(sample.Report(7))
	for _, sort := range []string{"", "schwere", "eingang"} {
		body := e.see("/lage/eingang?sort=" + sort)
		if n := strings.Count(body, "<tr data-row") + strings.Count(body, `<tr class="unread" data-row`); n != 2 {
			t.Errorf("sorted by %q: %d lines, want the campaign's and the other case's", sort, n)
		}
		if !strings.Contains(body, "60 Fälle der Lage L-2026-0001") || !strings.Contains(body, "fall="+alone) {
			t.Errorf("sorted by %q the queue lacks a line", sort)
		}
	}
	body := e.see("/lage/eingang?kreis=16063")
	if !strings.Contains(body, "20 Fälle der Lage L-2026-0001") {
		t.Error("a filter does not count")
	}
	body = e.see("/lage/eingang?lage=L-2026-0001")
	if n := strings.Count(body, "data-row data-case"); n != 50 || !strings.Contains(body, `rel="next"`) {
		t.Errorf("one by one: %d lines, want a page of 50", n)
	}
	if res := e.do(request{path: "/lage/eingang?lage=L-2026-0099", as: "lead", cookie: true}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a campaign that is not there: %d", res.StatusCode)
	}
}

func TestAnalystsPutCasesTogether(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	refs := []string{e.open(sample.Report(1)), e.open(sample.Report(2)), e.open(sample.Report(3))}
	in := map[string]any{"title": "Phishing-Welle", "cases": refs[:2]}
	key := event.NewID()
	res := e.send(http.MethodPost, "/api/triage/v1/campaigns", "analyst", in, "Idempotency-Key", key)
	again := e.send(http.MethodPost, "/api/triage/v1/campaigns", "analyst", in, "Idempotency-Key", key)
	if res.StatusCode != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("%d %s, again %d", res.StatusCode, res.body, again.StatusCode)
	}
	path := "/api/triage/v1/campaigns/L-2026-0001"
	for name, tt := range map[string]struct {
		method, path string
		in           any
		header       []string
		want         int
	}{
		"no case":                         {http.MethodPost, "/api/triage/v1/campaigns", map[string]any{"title": "x"}, nil, 422},
		"no title":                        {http.MethodPost, "/api/triage/v1/campaigns", map[string]any{"cases": refs[2:]}, nil, 422},
		"a case of another campaign":      {http.MethodPost, "/api/triage/v1/campaigns", map[string]any{"title": "x", "cases": refs[:1]}, nil, 422},
		"a case that is not there":        {http.MethodPost, path + "/cases", map[string]any{"cases": []string{"V-2026-999999"}}, nil, 422},
		"a message without a text":        {http.MethodPost, path + "/messages", map[string]any{}, nil, 422},
		"a rating without a reason":       {http.MethodPost, path + "/classify", map[string]any{"severity": "low"}, nil, 422},
		"closing without a result":        {http.MethodPost, path + "/state", map[string]any{"state": "closed"}, nil, 422},
		"back to new":                     {http.MethodPost, path + "/state", map[string]any{"state": "new"}, nil, 422},
		"cases that are no ids":           {http.MethodPost, path + "/messages", map[string]any{"text": "x", "cases": []string{"a'b"}}, nil, 400},
		"cases of others only":            {http.MethodPost, path + "/messages", map[string]any{"text": "x", "cases": []string{event.NewID()}}, nil, 422},
		"to nobody who works on cases":    {http.MethodPost, path + "/assign", map[string]any{"assignee": event.NewID()}, nil, 422},
		"two changes at once":             {http.MethodPatch, path, map[string]any{"title": "x", "state": "closed"}, []string{"If-Match", `"1"`}, 422},
		"a state that is none":            {http.MethodPatch, path, map[string]any{"state": "gone"}, []string{"If-Match", `"1"`}, 422},
		"out without a reason":            {http.MethodDelete, path + "/cases/" + refs[0], nil, []string{"If-Match", `"1"`}, 422},
		"out of a campaign it is not in":  {http.MethodDelete, path + "/cases/" + refs[2] + "?reason=x", nil, []string{"If-Match", `"1"`}, 404},
		"out without having seen":         {http.MethodDelete, path + "/cases/" + refs[0] + "?reason=x", nil, nil, 428},
		"of a campaign that is not there": {http.MethodPost, "/api/triage/v1/campaigns/L-2026-0077/notes", map[string]any{"text": "x"}, nil, 404},
		"a note that is empty":            {http.MethodPost, path + "/notes", map[string]any{"text": "  "}, nil, 422},
		"a cursor that somebody made up":  {http.MethodGet, "/api/triage/v1/campaigns?after=eyJ", nil, nil, 400},
		"a state filter that is none":     {http.MethodGet, "/api/triage/v1/campaigns?state=x", nil, nil, 422},
		"a job that is not there":         {http.MethodGet, path + "/jobs/" + event.NewID(), nil, nil, 404},
		"a job with an id that is none":   {http.MethodGet, path + "/jobs/x", nil, nil, 404},
	} {
		if res := e.send(tt.method, tt.path, "analyst", tt.in, tt.header...); res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, res.StatusCode, tt.want, res.body)
		}
	}
	if k, _ := e.campaign(path); k.Version != 1 || k.Cases.Total != 2 {
		t.Errorf("what was refused changed the campaign: %+v", k)
	}
	if res := e.send(http.MethodPost, path+"/cases", "duty", map[string]any{"cases": refs[2:]}); res.StatusCode != http.StatusCreated {
		t.Errorf("adding: %d %s", res.StatusCode, res.body)
	}
	if res := e.send(http.MethodDelete, path+"/cases/"+refs[0]+"?reason=andere+Ursache", "duty", nil, "If-Match", `"2"`); res.StatusCode != http.StatusNoContent {
		t.Errorf("taking out: %d %s", res.StatusCode, res.body)
	}
	k, _ := e.campaign(path)
	if k.Cases.Total != 2 || len(k.Timeline) != 5 {
		t.Errorf("campaign = %+v, want 2 cases and 5 lines", k)
	}
	for _, as := range []string{"officer", "org_admin", "provider", "editor", "approver", "constituency", "auditor", "admin", "steering"} {
		if res := e.do(request{path: path, as: as}); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", as, res.StatusCode)
		}
	}
	e.intact()
}

// An order ends where whoever gave it may not any more.
func TestAnOrderStopsForWhoLeft(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	_, path := e.together(3)
	k, _ := e.campaign(path)
	if _, err := e.db.Exec(`
		INSERT INTO campaign_jobs (id, campaign_id, kind, actor_id, actor_name, request, body, total, created_at)
		VALUES ($1, $2, 'message', $3, 'Wer Ging', '', '{"text":"x"}', 3, now())`, event.NewID(), k.ID, event.NewID()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.db.Exec(`
		INSERT INTO campaign_job_cases (job_id, n, case_id) SELECT j.id, row_number() OVER (), c.id FROM campaign_jobs j, cases c`); err != nil {
		t.Fatal(err)
	}
	e.eventually("the order to end", func() bool {
		return e.count(`SELECT count(*) FROM campaign_jobs WHERE failed = 3 AND ended_at IS NOT NULL`) == 1
	})
	if n := e.count(`SELECT count(*) FROM case_messages`); n != 0 {
		t.Errorf("%d messages of somebody who left", n)
	}
}

// The pages do all of it with plain forms.
func TestTheCampaignsFormsWorkWithoutAScript(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	reports, _ := e.together(5)
	const path = "/lage/lagen/L-2026-0001"
	post := func(name string, fields ...string) response {
		t.Helper()
		v := url.Values{"version": {"1"}, "key": {event.NewID()}, "zurueck": {path}}
		for i := 0; i+1 < len(fields); i += 2 {
			v.Set(fields[i], fields[i+1])
		}
		return e.do(request{method: http.MethodPost, path: path + "/tun/" + name, as: "lead", cookie: true, body: v.Encode()})
	}
	res := post("nachricht", "text", "   ", "kreis", "16071")
	if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, "Schreiben Sie einen Text.") || !strings.Contains(res.body, "Betrifft 1 Fall") {
		t.Errorf("an empty message: %d\n%s", res.StatusCode, res.body)
	}
	res = post("einstufen", "severity", "low", "kreis", "16071", "reason", "nur am Rand betroffen")
	job := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(job, path+"/arbeit/") {
		t.Fatalf("rating: %d to %q\n%s", res.StatusCode, job, res.body)
	}
	e.eventually("the rating", func() bool { return e.count(`SELECT count(*) FROM cases WHERE severity = 'low'`) == 1 })
	if body := e.see(job); !strings.Contains(body, "1 von 1 Fällen bearbeitet") || !strings.Contains(body, "<progress") {
		t.Errorf("the page of the order:\n%s", body)
	}
	ref := ""
	if err := e.db.Get(&ref, `SELECT reference FROM cases WHERE org_id = $1`, reports[1].Affected.ID); err != nil {
		t.Fatal(err)
	}
	if res := post("fall-heraus", "cases", ref, "reason", ""); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, ref) {
		t.Errorf("out without a reason: %d", res.StatusCode)
	}
	if res := post("umbenennen", "title", "Alter Stand"); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "Alter Stand") {
		t.Errorf("on an old version: %d, want the form with what was typed", res.StatusCode)
	}
	if res := post("notiz", "text", "KIV hat Rücksprache gehalten"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != path {
		t.Errorf("a note: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	e.publish(sample.Event(event.ReportContradicted{Report: reports[1].Report, Reference: reports[1].Reference, Affected: reports[1].Affected, Author: event.Person{Name: "Mia Mitglied"}, Text: "Bei uns läuft alles.", At: sample.Noon}),
		sample.Event(event.ReportTakenOver{Report: reports[2].Report, Reference: reports[2].Reference, Affected: reports[2].Affected, Author: event.Person{Name: "Max Mitglied"}, Callback: event.Contact{Name: "Max Mitglied", Phone: "036450 1"}, At: sample.Noon}))
	e.eventually("both", func() bool {
		return e.count(`SELECT count(*) FROM cases WHERE contradicted IS NOT NULL OR taken_over IS NOT NULL`) == 2
	})
	body := e.see(path)
	for _, want := range []string{"1 Widerspruch", "selbst übernommen 1", "KIV hat Rücksprache gehalten", "5 Stellen ohne Kontakt", "Rechenhaus Thüringen GmbH"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if body := e.see("/lage/fall/" + ref); !strings.Contains(body, "Bei uns läuft alles.") || !strings.Contains(body, "/lage/lagen/L-2026-0001") {
		t.Error("the case does not show the disagreement and its campaign")
	}
	var ids []string
	if err := e.db.Select(&ids, `SELECT id FROM cases LIMIT 2`); err != nil {
		t.Fatal(err)
	}
	res = e.do(request{method: http.MethodPost, path: "/lage/sammel", as: "lead", cookie: true, body: url.Values{"do": {"campaign"}, "sel": ids, "zurueck": {"/lage/eingang"}}.Encode()})
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/lage/eingang" {
		t.Errorf("cases of a campaign into a new one: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	e.intact()
}

func TestCampaignGoldens(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	reports, campaign := e.together(4)
	for i := range reports { // the numbers follow from the order in which they came
		if _, err := e.db.Exec(`UPDATE cases SET reference = $1 WHERE org_id = $2`, fmt.Sprintf("V-2026-1%05d", i+1), reports[i].Affected.ID); err != nil {
			t.Fatal(err)
		}
	}
	e.publish(sample.Event(event.ReportContradicted{Report: reports[1].Report, Reference: reports[1].Reference, Affected: reports[1].Affected, Author: event.Person{Name: "Mia Mitglied"}, Text: "Bei uns läuft alles.", At: sample.Noon}))
	e.eventually("the disagreement", func() bool { return e.count(`SELECT count(*) FROM cases WHERE contradicted IS NOT NULL`) == 1 })
	e.publish(sample.Event(event.ReportTakenOver{Report: reports[1].Report, Reference: reports[1].Reference, Affected: reports[1].Affected, Author: event.Person{Name: "Mia Mitglied"}, Callback: event.Contact{Name: "Mia Mitglied", Phone: "036450 1"}, At: sample.Noon}))
	e.eventually("the takeover", func() bool { return e.count(`SELECT count(*) FROM cases WHERE taken_over IS NOT NULL`) == 1 })
	if _, err := e.db.Exec(`UPDATE cases SET received_at = received_at + right(reference, 1)::int * interval '1 second', next_due = next_due + right(reference, 1)::int * interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	see := func(name, path string) {
		for _, lang := range []string{"de", "en"} {
			header := map[string]string{}
			if lang == "en" {
				header["X-Forwarded-Prefix"] = "/en"
			}
			res := e.do(request{path: path, as: "lead", cookie: true, header: header})
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", path, res.StatusCode, res.body)
			}
			pagetest.Golden(t, name+"."+lang, []byte(random.ReplaceAllString(res.body, "00000000-0000-7000-8000-000000000000")))
		}
	}
	for name, path := range map[string]string{
		"lagen": "/lage/lagen", "lagen-leer": "/lage/lagen?status=closed", "lage": "/lage/lagen/L-2026-0001", "lage-druck": "/lage/lagen/L-2026-0001/druck",
		"lage-nachricht": "/lage/lagen/L-2026-0001/tun/nachricht?kreis=16071", "eingang-lage": "/lage/eingang", "fall-lage": "/lage/fall/V-2026-100002",
	} {
		see(name, path)
	}
	var job struct{ ID string }
	e.send(http.MethodPost, campaign+"/state", "analyst", map[string]any{"state": "working"}).into(t, &job) // left undone: they are nobody's
	e.eventually("the order", func() bool { return e.count(`SELECT count(*) FROM campaign_jobs WHERE ended_at IS NOT NULL`) == 1 })
	see("lage-auftrag", "/lage/lagen/L-2026-0001/arbeit/"+job.ID)
}
