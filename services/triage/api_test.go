// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"archive/zip"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

const cases = "/api/triage/v1/cases"

// post is a JSON call with a version and an idempotency key, "" for none.
func (e *env) post(as, path, ifMatch, key, body string) response {
	e.t.Helper()
	h := map[string]string{}
	if ifMatch != "" {
		h["If-Match"] = ifMatch
	}
	if key != "" {
		h["Idempotency-Key"] = key
	}
	return e.do(request{method: http.MethodPost, path: path, as: as, body: body, header: h})
}

func TestTheShapeOfACase(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	ref := e.open(r)
	res := e.do(request{path: cases + "/" + ref, as: "duty"})
	if res.StatusCode != http.StatusOK || res.Header.Get("ETag") != `"1"` {
		t.Fatalf("%d, ETag %s: %s", res.StatusCode, res.Header.Get("ETag"), res.body)
	}
	var c map[string]any
	res.into(t, &c)
	for _, field := range []string{
		"id", "reference", "state", "severity", "tlp", "class", "title", "organisation", "reports", "assignee",
		"clocks", "timeline", "messages", "observables", "tasks", "version",
	} {
		if _, ok := c[field]; !ok {
			t.Errorf("the shape of design §5 lacks %q", field)
		}
	}
	if c["severity"] != "critical" || c["suggested_class"] != "malicious-code:infected-system" || c["class"] != "" {
		t.Errorf("severity %v, suggested %v, class %v", c["severity"], c["suggested_class"], c["class"])
	}
	var l struct {
		Items []map[string]any
		Next  string
	}
	e.do(request{path: cases + "?state=new&limit=1", as: "duty"}).into(t, &l)
	var got []string
	for k := range l.Items[0] {
		got = append(got, k)
	}
	for _, field := range []string{"id", "reference", "state", "severity", "tlp", "class", "title", "organisation", "assignee", "received_at", "next_due", "version"} {
		if _, ok := l.Items[0][field]; !ok {
			t.Errorf("a case in a list lacks %q: %v", field, got)
		}
	}
	if strings.Contains(fmt.Sprint(l.Items[0]), "README_RESTORE") {
		t.Error("the list carries the body")
	}
}

func TestChangesNeedTheVersionTheClientSaw(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	path := cases + "/" + ref
	for _, tt := range []struct {
		name, as, action, ifMatch, body string
		want                            int
	}{
		{"without If-Match", "analyst", "assign", "", `{}`, 428},
		{"an older version", "analyst", "assign", `"7"`, `{}`, 412},
		{"no version at all", "analyst", "assign", `"0"`, `{}`, 412},
		{"something that is no version", "analyst", "assign", `"x"`, `{}`, 412},
		{"take", "analyst", "assign", `"1"`, `{"assignee":"me"}`, 200},
		{"the version of before", "analyst2", "classify", `"1"`, `{"class":"fraud"}`, 412},
		{"a colleague's case", "analyst2", "assign", `"2"`, `{}`, 409},
		{"a colleague's case to oneself, expressly", "analyst2", "assign", `"2"`, `{"assignee":"` + personID("analyst2") + `"}`, 200},
		{"to nobody who works on cases", "analyst2", "assign", `"3"`, `{"assignee":"` + personID("officer") + `"}`, 422},
		{"a state of somebody else's case", "analyst", "state", `"3"`, `{"state":"working"}`, 403},
		{"an unknown state", "analyst2", "state", `"3"`, `{"state":"open"}`, 422},
		{"merged is no state one sets", "analyst2", "state", `"3"`, `{"state":"merged"}`, 422},
		{"a severity without a reason", "duty", "classify", `"3"`, `{"severity":"low"}`, 422},
		{"a severity with one", "duty", "classify", `"3"`, `{"severity":"low","reason":"nur ein Gerät"}`, 200},
		{"a wider TLP by the analyst", "analyst2", "classify", `"4"`, `{"tlp":"GREEN","reason":"x"}`, 422},
		{"closing without an outcome", "analyst2", "state", `"4"`, `{"state":"closed"}`, 422},
		{"closing", "analyst2", "state", `"4"`, `{"state":"closed","class":"malicious-code","disposition":"confirmed"}`, 200},
		{"what is closed", "analyst2", "state", `"5"`, `{"state":"contained"}`, 409},
		{"back to work", "analyst2", "state", `"5"`, `{"state":"working","reason":"neue Spuren"}`, 200},
		{"two changes in one", "analyst2", "classify", `"6"`, `{"verified":true,"class":"fraud"}`, 422},
		{"a body without the word", "analyst2", "classify", `"6"`, `{"organisation":"16071043","class":"fraud"}`, 422},
		{"a field that is not there", "analyst2", "state", `"6"`, `{"status":"working"}`, 400},
		{"broken JSON", "analyst2", "state", `"6"`, `{`, 400},
		{"nothing to do", "analyst2", "state", `"6"`, `{"state":"working"}`, 409},
		{"a window that is none, which only reading knows", "duty", "classify?limit=x&before=y", `"6"`, `{"severity":"high","reason":"doch mehr Geräte"}`, 200},
	} {
		res := e.post(tt.as, path+"/"+tt.action, tt.ifMatch, "", tt.body)
		if res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d: %s", tt.name, res.StatusCode, tt.want, res.body)
		}
		if tt.want >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", tt.name, res.Header.Get("Content-Type"))
		}
	}
	e.intact()
}

// reliability §2.3: every refusal of somebody who is signed in is in the audit.
func TestDenialsAreInTheAudit(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	var id string
	if err := e.db.Get(&id, `SELECT id FROM cases WHERE id::text = $1 OR reference = $1`, ref); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		as, action, on, object string
		status                 int
	}{
		"a case of nobody":    {"analyst", "case.edit", "case", id, 403},
		"the whole CERT's":    {"officer", "case.edit", "route", "POST " + cases + "/" + ref + "/state", 404},
		"nobody is signed in": {"", "case.edit", "", "", 401},
	} {
		if res := e.post(tt.as, cases+"/"+ref+"/state", `"1"`, "", `{"state":"assessing"}`); res.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tt.status)
		}
		if tt.as == "" {
			continue
		}
		if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND actor = $1 AND action = $2 AND object_type = $3 AND object_id = $4`,
			personID(tt.as), tt.action, tt.on, tt.object); n != 1 {
			t.Errorf("%s: %d denials in the audit, want 1", name, n)
		}
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied'`); n != 2 {
		t.Errorf("%d denials in the audit, want 2", n)
	}
	for range 120 { // who probes does not fill the chain
		e.do(request{path: cases + "/" + ref, as: "officer"})
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied'`); n > 102 {
		t.Errorf("%d denials of one moment in the audit, want at most 100 a second", n)
	}
	e.intact()
}

func TestAKeyMakesARepeatedPostHarmless(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	path := cases + "/" + ref
	if res := e.post("duty", path+"/notes", "", "", `{"text":"ohne Schlüssel"}`); res.StatusCode != 400 {
		t.Errorf("a program without a key: %d %s", res.StatusCode, res.body)
	}
	first := e.post("duty", path+"/messages", "", "k1", `{"text":"Sind die Backups getrennt?","wait":true}`)
	second := e.post("duty", path+"/messages", "", "k1", `{"text":"Sind die Backups getrennt?","wait":true}`)
	if first.StatusCode != 201 || second.StatusCode != 201 || first.body != strings.TrimSpace(second.body) && first.body != second.body {
		t.Errorf("first %d %s, second %d %s", first.StatusCode, first.body, second.StatusCode, second.body)
	}
	if second.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the replay does not say that it is one")
	}
	if res := e.post("duty", path+"/messages", "", "k1", `{"text":"Etwas anderes"}`); res.StatusCode != 422 {
		t.Errorf("another body under the key: %d", res.StatusCode)
	}
	if res := e.post("lead", path+"/messages", "", "k1", `{"text":"Von mir"}`); res.StatusCode != 201 || res.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("another person's key of the same name: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'case.message.posted'`); n != 2 {
		t.Errorf("%d messages went out, want 2", n)
	}
	var c struct{ State string }
	e.do(request{path: path, as: "duty"}).into(t, &c)
	if c.State != "waiting" {
		t.Errorf("after the question the case is %s", c.State)
	}
}

func TestMergeOverTheAPI(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	target := e.open(sample.Report(1))
	e.post("analyst", cases+"/"+target+"/assign", `"1"`, "", `{}`)
	source := e.open(sample.Report(2))
	body := `{"target":"` + target + `","reason":"derselbe Server"}`
	if res := e.post("analyst", cases+"/"+source+"/merge", "", "m", body); res.StatusCode != 428 {
		t.Errorf("without If-Match: %d", res.StatusCode)
	}
	res := e.post("analyst", cases+"/"+source+"/merge", `"1"`, "m", body)
	again := e.post("analyst", cases+"/"+source+"/merge", `"1"`, "m", body)
	if res.StatusCode != 201 || again.StatusCode != 201 || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("%d %s, again %d %s", res.StatusCode, res.body, again.StatusCode, again.body)
	}
	var c struct {
		State      string
		MergedInto string `json:"merged_into"`
		Reports    []struct{ Reference string }
	}
	e.do(request{path: cases + "/" + source, as: "analyst"}).into(t, &c)
	if c.State != "merged" || c.MergedInto == "" {
		t.Errorf("source is %+v", c)
	}
	e.do(request{path: cases + "/" + target, as: "analyst"}).into(t, &c)
	if len(c.Reports) != 2 {
		t.Errorf("target has %d reports", len(c.Reports))
	}
	if res := e.post("analyst", cases+"/"+source+"/messages", "", "x", `{"text":"noch etwas"}`); res.StatusCode != 409 {
		t.Errorf("writing on a merged case: %d", res.StatusCode)
	}
}

// nothingThere are addresses of things that this test has none of.
var nothingThere = regexp.MustCompile(":attachment|:hold|:run|:job|:letter")

// Every address of the service against every role: who reaches nothing of its
// action gets 404, as if it were not there.
func TestEveryRouteAgainstEveryRole(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	e.send(http.MethodPost, "/api/triage/v1/campaigns", "lead", map[string]any{"title": "Eine Lage", "cases": []string{ref}})
	for _, r := range e.Routes() {
		for name, role := range people {
			about := ref
			if strings.Contains(r.Path, "/campaigns/") || strings.Contains(r.Path, "/lagen/") || strings.Contains(r.Path, "/lagezeile/") {
				about = "L-2026-0001"
			}
			path := strings.NewReplacer(":ref", about, ":id", about, ":case", ref, ":attachment", "x", ":name", "notiz").Replace(r.Path)
			if r.Stream && strings.HasSuffix(path, "/stream") && (role == actor.Duty || role == actor.Analyst || role == actor.Lead) {
				continue // open for ever; the stream has tests of its own
			}
			res := e.do(request{method: r.Method, path: path, as: name, body: `{}`})
			reach, _ := actor.Cell(r.Action, role)
			hidden := res.StatusCode == http.StatusNotFound
			if reach == actor.None && !hidden || reach != actor.None && hidden && !nothingThere.MatchString(r.Path) {
				t.Errorf("%s %s as %s: %d with reach %d", r.Method, r.Path, name, res.StatusCode, reach)
			}
			if res.StatusCode >= 500 {
				t.Errorf("%s %s as %s: %d %.200s", r.Method, r.Path, name, res.StatusCode, res.body)
			}
		}
		if res := e.do(request{method: r.Method, path: strings.ReplaceAll(r.Path, ":", ""), header: map[string]string{"Accept": "application/json"}}); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s as nobody: %d, want 401", r.Method, r.Path, res.StatusCode)
		}
	}
	if res := e.do(request{path: "/lage/eingang", header: map[string]string{"Accept": "text/html"}}); res.StatusCode != http.StatusSeeOther ||
		!strings.HasPrefix(res.Header.Get("Location"), "/konto/anmelden?next=") {
		t.Errorf("a browser without a session: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestReadingIsAudited(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	before := e.count(`SELECT count(*) FROM audit WHERE action LIKE '%.read' OR action IN ('case.search', 'case.export')`)
	e.do(request{path: cases, as: "auditor"})
	e.do(request{path: cases, as: "analyst"})
	e.do(request{path: "/lage/eingang", as: "analyst", cookie: true})
	e.do(request{path: cases + "/" + ref, as: "analyst"})
	e.do(request{path: "/lage/eingang?fall=" + ref, as: "analyst", cookie: true})
	e.do(request{path: cases + "?q=server", as: "analyst"})
	e.do(request{path: "/lage/fall/" + ref + "/druck", as: "analyst", cookie: true})
	var rows []struct{ Actor, Action string }
	if err := e.db.Select(&rows, `SELECT actor, action FROM audit WHERE action LIKE '%.read' OR action IN ('case.search', 'case.export') ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	want := []struct{ Actor, Action string }{{personID("analyst"), "case.read"}, {personID("analyst"), "case.read"}, {personID("analyst"), "case.search"}, {personID("analyst"), "case.export"}}
	if diff := cmp.Diff(want, rows[before:]); diff != "" {
		t.Errorf("audit of reading (-want +got):\n%s", diff)
	}
	e.intact()
}

func TestAttachmentsAreHandedOutAsDangerous(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	ref := e.open(r)
	const content = "<script>alert(1)</script>"
	stored, err := e.files.Put(t.Context(), strings.NewReader(content), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	a := event.ReportAttachmentAdded{
		Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected, Author: r.Reporter,
		Name: "../böse \"Datei\"\r\nX: y.html", MediaType: "text/html", Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key, At: sample.Noon,
	}
	e.publish(sample.Event(a))
	path := cases + "/" + ref + "/attachments/" + a.Attachment
	e.eventually("the attachment", func() bool { return e.count(`SELECT count(*) FROM case_attachments`) == 1 })
	for as, want := range map[string]int{"analyst": 403, "duty": 404, "lead": 200, "officer": 404} {
		if res := e.do(request{path: path, as: as}); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", as, res.StatusCode, want)
		}
	}
	e.post("analyst", cases+"/"+ref+"/assign", `"2"`, "", `{}`)
	res := e.do(request{path: "/lage/fall/" + ref + "/datei/" + a.Attachment, as: "analyst", cookie: true})
	if res.StatusCode != 200 || strings.Contains(res.body, content) || !strings.HasPrefix(res.body, "PK") {
		t.Fatalf("the one who works the case: %d %q, want an encrypted ZIP", res.StatusCode, res.body)
	}
	z, err := zip.NewReader(strings.NewReader(res.body), int64(len(res.body)))
	if err != nil || len(z.File) != 1 || z.File[0].Flags&1 == 0 || z.File[0].UncompressedSize64 != uint64(len(content)) || strings.ContainsAny(z.File[0].Name, "/\\\r\n") {
		t.Fatalf("the ZIP: %v %+v", err, z)
	}
	if tab := e.do(request{path: "/lage/fall/" + ref + "?t=dateien", as: "analyst", cookie: true}); !strings.Contains(tab.body, "<code>"+stored.SHA256[:12]+"</code>") {
		t.Error("the page does not show the password of the ZIP")
	}
	if raw := e.do(request{path: path, as: "analyst"}); raw.StatusCode != 200 || raw.body != content {
		t.Errorf("a program: %d %q", raw.StatusCode, raw.body)
	}
	for header, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Security-Policy": "sandbox; default-src 'none'",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
	} {
		if got := res.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if d := res.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || strings.Contains(d, "..") && strings.Contains(d, "/") || strings.ContainsAny(d, "\r\n") {
		t.Errorf("Content-Disposition: %q", d)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE action = 'attachment.read' AND object_id = $1`, a.Attachment); n != 3 {
		t.Errorf("%d downloads in the audit, want 3", n)
	}
}

func (e *env) eventually(what string, ok func() bool) {
	e.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			e.t.Fatalf("still not %s", what)
		}
		<-tick.C
	}
}
