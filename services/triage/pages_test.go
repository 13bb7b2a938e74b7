// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/web"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

func (e *env) see(path string) string {
	e.t.Helper()
	res := e.do(request{path: path, as: "lead", cookie: true})
	if res.StatusCode != http.StatusOK {
		e.t.Fatalf("%s: %d %s", path, res.StatusCode, res.body)
	}
	return res.body
}

// Two people edit one case: the second sees who changed what, with both values,
// keeps what was typed, and can send it again on the case as it is now.
func TestAConflictKeepsTheInputAndShowsBothValues(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	if res := e.form("lead", ref, "einstufen", 1, "severity", "high", "reason", "nur ein Server"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the first: %d", res.StatusCode)
	}
	res := e.form("duty", ref, "einstufen", 1, "severity", "low", "tlp", "AMBER", "reason", "doch nur ein Test & mehr")
	if res.StatusCode != http.StatusConflict {
		t.Fatalf("the second: %d", res.StatusCode)
	}
	for _, want := range []string{"In der Zwischenzeit geändert", "Lea Leitner", "Schwere: Kritisch → Hoch", "nur ein Server", "Niedrig", "doch nur ein Test &amp; mehr"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if v := hidden(t, res.body, "version"); v != "2" {
		t.Errorf("the form is about version %s, want that of now", v)
	}
	if res := e.form("duty", ref, "einstufen", 2, "severity", "low", "tlp", "AMBER", "reason", "doch"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("again: %d", res.StatusCode)
	}
}

// A note or a message in the meantime is no reason to stop an edit.
func TestWhatOnlyAddsDoesNotConflict(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	e.form("duty", ref, "notiz", 1, "text", "angerufen", "key", "a")
	e.form("lead", ref, "nachricht", 1, "text", "Wir sind dran.", "key", "b")
	if res := e.form("analyst", ref, "uebernehmen", 1); res.StatusCode != http.StatusSeeOther {
		t.Errorf("taking after a note and a message: %d", res.StatusCode)
	}
	if res := e.form("analyst2", ref, "uebernehmen", 3); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "Mara Beispiel") {
		t.Errorf("a colleague was faster: %d", res.StatusCode)
	}
}

func TestAFormWithMistakesKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	for _, tt := range []struct {
		action string
		fields []string
		want   []string
	}{
		{
			"abschliessen",
			[]string{"class", "", "disposition", "", "reason", "Meine Notiz <b>"},
			[]string{"Wählen Sie eine Klasse, bevor Sie abschließen.", "Wählen Sie ein Ergebnis", "Meine Notiz &lt;b&gt;", "Noch offen", `href="#disposition"`, `id="disposition"`},
		},
		{"einstufen", []string{"severity", "low", "tlp", "AMBER", "title", "Neuer Betreff"}, []string{"Geben Sie einen Grund an.", "Neuer Betreff"}},
		{"nachricht", []string{"text", "   "}, []string{"Schreiben Sie einen Text."}},
		{"verbinden", []string{"target", "V-2026-999999", "reason", "gleich"}, []string{"Es gibt keinen Fall mit dieser Nummer.", "gleich"}},
		{"einstufen", []string{"class", "quatsch"}, []string{"Wählen Sie eine Klasse aus der Liste."}},
	} {
		res := e.form("lead", ref, tt.action, 1, tt.fields...)
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", tt.action, res.StatusCode)
		}
		for _, want := range tt.want {
			if !strings.Contains(res.body, want) {
				t.Errorf("%s does not show %q", tt.action, want)
			}
		}
	}
	for _, bad := range []string{"", "x", "0", "-3"} {
		v := url.Values{"version": {bad}}
		if res := e.do(request{method: http.MethodPost, path: "/lage/fall/" + ref + "/uebernehmen", as: "lead", cookie: true, body: v.Encode()}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("version %q: %d, want 400", bad, res.StatusCode)
		}
	}
	if n := e.count(`SELECT version FROM cases`); n != 1 {
		t.Errorf("a refused form changed the case to version %d", n)
	}
}

// Whatever a reporter writes is text: no value of the corpus becomes markup,
// an attribute or a script on any page.
func TestWhatPeopleWriteIsText(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	corpus := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `' onmouseover='alert(1)`,
		`</textarea><svg onload=alert(1)>`, `{{.Secret}}`, `&lt;b&gt;`, "\u202egnp.exe", `<!--`, `]]>`,
	}
	all := strings.Join(corpus, " ")
	r := sample.Report(1)
	r.Description, r.Systems, r.Callback.Name, r.Callback.Phone, r.Callback.Email = all, corpus, all, `javascript:alert(1)`, `"><script>x`
	r.Reporter.Name, r.Affected.Name, r.Verified, r.Affected.ID = all, `<script>alert("Stelle")</script>`, false, ""
	ref := e.open(r)
	e.publish(
		sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: event.Person{Name: all}, Text: all, At: sample.Noon}),
		sample.Event(event.ReportSupplemented{Report: r.Report, Reference: r.Reference, Supplement: event.NewID(), Affected: r.Affected, Description: all, Fields: map[string]any{`<script>k`: all, "list": []any{all, true}, "map": map[string]any{"a": all}}, At: sample.Noon}),
		sample.Event(event.ReportAttachmentAdded{Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected, Name: all, MediaType: all, SHA256: all, At: sample.Noon}))
	e.eventually("all facts", func() bool { return e.count(`SELECT max(version) FROM cases`) == 4 })
	for _, f := range [][]string{{"einstufen", "title", corpus[0]}, {"notiz", "text", all, "key", "1"}, {"nachricht", "text", all, "key", "2"}} {
		if res := e.form("lead", ref, f[0], 4, f[1:]...); res.StatusCode != http.StatusSeeOther && f[0] != "nachricht" {
			t.Fatalf("%s: %d %s", f[0], res.StatusCode, res.body)
		}
	}
	for _, path := range []string{
		"/lage/eingang", "/lage/eingang?fall=" + ref, "/lage/eingang?fall=" + ref + "&t=meldung", "/lage/fall/" + ref + "?t=nachrichten",
		"/lage/fall/" + ref + "?t=dateien", "/lage/fall/" + ref + "?t=protokoll", "/lage/fall/" + ref + "/druck", "/lage/fall/" + ref + "/tun/einstufen",
		"/lage/faelle?q=" + url.QueryEscape(all), "/lage/eingang?schwere=critical&t=" + url.QueryEscape(all),
	} {
		body := e.see(path)
		for _, bad := range []string{"<script>alert", "<img src=x", "<svg onload", ` onmouseover='`, `href="javascript:`, "onerror=alert(1)>"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q as markup", path, bad)
			}
		}
		if strings.Contains(body, "<script>") || inline.MatchString(body) {
			t.Errorf("%s has an inline script or style", path)
		}
	}
	if body := e.see("/lage/fall/" + ref + "?t=meldung"); !strings.Contains(html.UnescapeString(body), corpus[1]) {
		t.Error("the text itself is lost")
	}
}

var inline = regexp.MustCompile(`<style|\sstyle="|\son[a-z]+="`)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)"`)

func hidden(t *testing.T, body, name string) string {
	t.Helper()
	for _, m := range hiddenField.FindAllStringSubmatch(body, -1) {
		if m[1] == name {
			return html.UnescapeString(m[2])
		}
	}
	t.Fatalf("no hidden field %q", name)
	return ""
}

// A form leads back only into the Lagezentrum.
func TestAFormLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	for i, back := range []string{"https://evil.example/", "//evil.example/lage/", "/melden", `/lage/\evil`, "javascript:alert(1)", ""} {
		v := url.Values{"version": {"1"}, "zurueck": {back}, "text": {"x"}}
		res := e.do(request{method: http.MethodPost, path: "/lage/fall/" + ref + "/notiz", as: "lead", cookie: true, body: v.Encode()})
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != "/lage/fall/"+ref {
			t.Errorf("%d %q: %d to %q", i, back, res.StatusCode, got)
		}
	}
	v := url.Values{"version": {"1"}, "text": {"x"}}
	res := e.do(request{
		method: http.MethodPost, path: "/lage/fall/" + ref + "/notiz", as: "lead", cookie: true, body: v.Encode(),
		header: map[string]string{"Sec-Fetch-Site": "cross-site"},
	})
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %d", res.StatusCode)
	}
}

func TestSendingAPageFormTwiceDoesItOnce(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	for range 2 {
		if res := e.form("lead", ref, "nachricht", 1, "text", "Wir rufen an.", "key", "same"); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM case_messages`); n != 1 {
		t.Errorf("%d messages, want one", n)
	}
}

func TestBulkActsOnExactlyTheTickedOnes(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	var refs, ids []string
	for i := range 4 {
		refs = append(refs, e.open(sample.Report(i+1)))
	}
	e.form("analyst2", refs[2], "uebernehmen", 1)
	for _, ref := range refs[:3] {
		var id string
		if err := e.db.Get(&id, `SELECT id FROM cases WHERE reference = $1`, ref); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	bulk := func(v url.Values) response {
		return e.do(request{method: http.MethodPost, path: "/lage/sammel", as: "analyst", cookie: true, body: v.Encode()})
	}
	res := bulk(url.Values{"sel": ids, "do": {"take"}, "zurueck": {"/lage/eingang?schwere=critical"}})
	if got := res.Header.Get("Location"); got != "/lage/eingang?getan=2&nicht=1&schwere=critical" {
		t.Fatalf("%d to %q %s", res.StatusCode, got, res.body)
	}
	if body := e.see(res.Header.Get("Location")); !strings.Contains(body, "2 Fälle geändert. 1 blieb, wie er war.") {
		t.Error("the page does not say how many")
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE assignee_name = 'Mara Beispiel'`); n != 2 {
		t.Errorf("%d cases taken, want 2", n)
	}
	bulk(url.Values{"sel": ids[:2], "do": {"severity"}, "severity": {"low"}, "reason": {"Fehlalarm"}})
	if n := e.count(`SELECT count(*) FROM cases WHERE severity = 'low'`); n != 2 {
		t.Errorf("%d cases low, want 2", n)
	}
	if res := bulk(url.Values{"do": {"take"}}); !strings.Contains(e.see(res.Header.Get("Location")), "Kein Fall war ausgewählt.") {
		t.Error("nothing ticked and nothing said")
	}
	if res := bulk(url.Values{"sel": ids, "do": {"delete"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown action: %d", res.StatusCode)
	}
	e.intact()
}

func TestAGuestsBodyIsConfirmedFromTheRegister(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	r.Affected, r.Verified, r.Channel = event.Organisation{Name: "Musterhausen"}, false, "guest"
	ref := e.open(r)
	if body := e.see("/lage/fall/" + ref); !strings.Contains(body, "unbestätigt") || !strings.Contains(body, "Stadt Musterhausen, Landkreis Weimarer Land (16071043)") {
		t.Error("the page does not offer the body of that name")
	}
	if res := e.form("lead", ref, "bestaetigen", 1, "other", "Nirgendwo"); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, "Keine Stelle heißt so") {
		t.Errorf("a body that is not there: %d", res.StatusCode)
	}
	if res := e.form("lead", ref, "bestaetigen", 1, "other", "16071043"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("by AGS: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE verified AND org_id = $1`, sample.Musterhausen.ID); n != 1 {
		t.Error("the case is not the body's")
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'case.updated' AND subject = 'case.updated.16.071.043'`); n != 1 {
		t.Error("the event does not go to the body's region")
	}
	// From now on intake may name the confirmed body in its events.
	e.publish(sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: sample.Musterhausen, Text: "Danke", At: sample.Noon}))
	e.eventually("the message", func() bool { return e.count(`SELECT count(*) FROM case_messages`) == 1 })
}

func TestHtmxGetsThePaneAlone(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	hx := map[string]string{"HX-Request": "true"}
	for _, path := range []string{"/lage/eingang?fall=" + ref, "/lage/fall/" + ref + "/teil?t=meldung"} {
		res := e.do(request{path: path, as: "lead", cookie: true, header: hx})
		if !strings.HasPrefix(strings.TrimSpace(res.body), `<section class="pane" id="pane"`) || strings.Contains(res.body, "<html") {
			t.Errorf("%s: %.200s", path, res.body)
		}
	}
	var id string
	if err := e.db.Get(&id, `SELECT id FROM cases`); err != nil {
		t.Fatal(err)
	}
	if res := e.do(request{path: "/lage/zeile/" + id, as: "lead", cookie: true, header: hx}); !strings.HasPrefix(res.body, `<tr class="unread" data-row data-case="`+id+`"`) {
		t.Errorf("the row: %.300s", res.body)
	}
	v := url.Values{"version": {"1"}, "zurueck": {"/lage/eingang?fall=" + ref}}
	res := e.do(request{method: http.MethodPost, path: "/lage/fall/" + ref + "/uebernehmen", as: "lead", cookie: true, body: v.Encode(), header: hx})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.body, `data-version="2"`) {
		t.Errorf("after a post: %d %.200s", res.StatusCode, res.body)
	}
}

func TestFiltersStandInTheAddress(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.open(sample.Report(1))
	body := e.see("/lage/eingang?schwere=critical&kreis=16071")
	for _, want := range []string{"Schwere: Kritisch", "Kreis: Landkreis Weimarer Land", "Stadt Musterhausen", "ansicht=meine&amp;kreis=16071&amp;schwere=critical"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if body := e.see("/lage/eingang?schwere=low"); !strings.Contains(body, "Kein offener Fall passt") {
		t.Error("an empty filter is not explained")
	}
	if res := e.do(request{path: "/lage/eingang?schwere=rot", as: "lead", cookie: true}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a severity that is none: %d", res.StatusCode)
	}
	if body := e.see("/lage/suche?q=kollegen"); !strings.Contains(body, "Stadt Musterhausen") {
		t.Error("the search finds nothing")
	}
	if body := e.see("/lage/faelle?q=zuckerwatte"); !strings.Contains(body, "Kein Treffer.") {
		t.Error("no hit is not explained")
	}
}

// Every page in both languages as it was agreed (testdata; write with -update).
func TestGoldens(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	r.Report = "0190d000-0000-7000-8000-000000000001"
	ref := e.open(r)
	e.publish(sample.Event(event.ReportAttachmentAdded{
		Report: r.Report, Reference: r.Reference, Attachment: "0190d000-0000-7000-8000-000000000002",
		Affected: r.Affected, Author: r.Reporter, Name: "Erpresserschreiben.jpg", MediaType: "image/jpeg", Size: 212345, SHA256: strings.Repeat("ab", 32), Blob: "k", At: sample.Noon,
	}))
	e.eventually("the file", func() bool { return e.count(`SELECT max(version) FROM cases`) == 2 })
	e.later(time.Minute)
	e.form("analyst", ref, "uebernehmen", 2)
	e.later(time.Minute)
	e.form("analyst", ref, "nachricht", 3, "text", "Sind die Backups getrennt?", "wait", "yes", "key", "a")
	e.form("analyst", ref, "notiz", 4, "text", "Forensik angefragt", "key", "b")
	a := event.Alert{ID: "0190d000-0000-7000-8000-000000000003", Reference: "W-2026-0018", Version: 1, State: "published", Title: "VPN-Gateway", Poll: &event.Poll{}, AudienceSize: 173, PublishedAt: sample.Noon}
	e.publish(sample.Event(event.AlertPublished{Alert: a}), sample.Event(event.PollAnswered{Alert: a.ID, Organisation: sample.Musterhausen, Answer: "fixed", At: sample.Noon}))
	e.eventually("the alert", func() bool {
		return e.count(`SELECT count(*) FROM alerts`)+e.count(`SELECT count(*) FROM alert_answers`) == 2
	})
	pages := map[string]string{
		"eingang": "/lage/eingang?fall=" + ref, "eingang-leer": "/lage/eingang?ansicht=meine", "fall-meldung": "/lage/fall/" + ref + "?t=meldung",
		"fall-nachrichten": "/lage/fall/" + ref + "?t=nachrichten", "fall-dateien": "/lage/fall/" + ref + "?t=dateien",
		"fall-protokoll": "/lage/fall/" + ref + "?t=protokoll", "fall-druck": "/lage/fall/" + ref + "/druck",
		"abschliessen": "/lage/fall/" + ref + "/tun/abschliessen", "faelle": "/lage/faelle", "faelle-leer": "/lage/faelle?q=nichts",
		"aufbewahrung": "/lage/aufbewahrung", "sperren": "/lage/aufbewahrung/sperren?fall=" + ref,
		"meine-daten": "/lage/meine-daten", "revision": "/lage/audit?pruefen=ja", "revision-leer": "/lage/audit?object=nichts",
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) { // in order: one page counts what was read before
		path := pages[name]
		for _, lang := range []string{"de", "en"} {
			header := map[string]string{}
			if lang == "en" {
				header["X-Forwarded-Prefix"] = "/en"
			}
			res := e.do(request{path: path, as: "lead", cookie: true, header: header})
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d", path, res.StatusCode)
			}
			body := random.ReplaceAllStringFunc(res.body, func(id string) string {
				if id[0] == '<' {
					return "<code>0000<"
				}
				return "00000000-0000-7000-8000-000000000000"
			})
			pagetest.Golden(t, name+"."+lang, []byte(body))
		}
	}
}

// random are the ids and hashes that are new in every run.
var random = regexp.MustCompile(`01[0-9a-f]{6}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|<code class="small(?: muted)?">[0-9a-f]{24,64}<`)

func TestAllTextsAreThereInBothLanguages(t *testing.T) {
	t.Parallel()
	pagetest.CheckMessages(t, "triage", web.Files, os.DirFS("internal"))
}
