// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/intake/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

var random = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`eyJ[\w-]{100,}\.[\w-]{86}`), "RECEIPT"},
	{codeText, "7K4-9QD-M2XT"},
	{regexp.MustCompile(`value="[A-Z2-7]{26}"`), `value="KEY"`},
	{regexp.MustCompile(`value="[0-9a-f]{64}"`), `value="KEY"`},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`[0-9a-f]{24}`), "REQUEST"},
}

// golden compares a page, without what is random in it.
func golden(t *testing.T, b *browser, name string, res response) {
	t.Helper()
	body := []byte(res.body)
	for _, r := range random {
		body = r.find.ReplaceAll(body, []byte(r.put))
	}
	pagetest.Golden(t, b.lang+"/"+name, body)
	if !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%s: CSP %q", name, res.Header.Get("Content-Security-Policy"))
	}
	if bytes.Contains(body, []byte("<script")) || bytes.Contains(body, []byte(" style=")) || bytes.Contains(body, []byte("⟦")) {
		t.Errorf("%s has a script, an inline style or a missing text", name)
	}
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"de", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			e := newIntake(t)
			b := e.visitor(lang, "")
			goldenForm(t, b)
			goldenReport(t, b)
			goldenMore(t, e, lang)
		})
	}
}

// The page that gives back what was typed when it cannot be taken just now.
func TestGoldenOfTryingAgain(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"de", "en"} {
		e := newIntake(t, func(c *intake.Config, _ *env) { c.Limits.AdditionsPerMinute = 1 })
		b := e.visitor(lang, "")
		path, _ := b.fillIn()
		b.follow(path+"/absenden", nil)
		var res response
		for i := range 5 {
			res = b.post("/melden/vorgang/M-2026-000001/nachricht", url.Values{"key": {fmt.Sprint("k", i)}, "text": {"Die Endung ist <.locked>"}})
			if res.StatusCode != http.StatusSeeOther {
				break
			}
		}
		if res.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("too many messages: %d, want 429", res.StatusCode)
		}
		golden(t, b, "nochmal", res)
	}
}

func goldenForm(t *testing.T, b *browser) {
	t.Helper()
	golden(t, b, "start", b.get("/"))
	golden(t, b, "notfallkarte", b.get("/notfallkarte"))
	path := b.begin("")
	golden(t, b, "was", b.get(path+"/was"))
	golden(t, b, "was-fehler", b.post(path+"/was", url.Values{"description": {"Text bleibt"}}))
	golden(t, b, "betroffen", b.follow(path+"/was", wasForm()))
	golden(t, b, "betroffen-fehler", b.post(path+"/betroffen", url.Values{"noticed_at": {"2027-01-01T00:00"}, "systems": {"mail"}}))
	golden(t, b, "kontakt", b.follow(path+"/betroffen", betroffenForm()))
	bad := url.Values{"body": {"Elxleben"}, "name": {"Kim Beispiel"}, "phone": {"4711"}, "email": {"kim.example.org"}}
	golden(t, b, "kontakt-fehler", b.post(path+"/kontakt", bad))
	golden(t, b, "pruefen", b.follow(path+"/kontakt", kontaktForm()))
	golden(t, b, "fertig", b.follow(path+"/absenden", nil))
	golden(t, b, "weiter", b.get("/melden/weiter"))
	golden(t, b, "weiter-fehler", b.post("/melden/weiter", url.Values{"code": {"AAA-AAA-AAAA"}}))
}

func goldenReport(t *testing.T, b *browser) {
	t.Helper()
	e := b.e
	const own = "/melden/vorgang/M-2026-000001"
	golden(t, b, "vorgang-neu", b.get(own))
	var c createdReport
	if err := e.db.GetContext(t.Context(), &c.ID, `SELECT id FROM report`); err != nil {
		t.Fatal(err)
	}
	c.Reference = "M-2026-000001"
	k := caseOf(c, 2, "waiting", "waiting_for_you")
	due := start.Add(time.Hour)
	k.Clocks = []event.Clock{{Rule: "TH-ACK", State: "done", DueAt: &due}, {Rule: "DSGVO-33", State: "to_check", DueAt: &due}, {Rule: "NEU-1", State: "strange", DueAt: &due}}
	e.publish(event.CaseUpdated{Case: k})
	e.publish(event.CaseMessagePosted{
		Case: k.ID, Reference: k.Reference, Message: event.NewID(), Organisation: k.Organisation, Reports: k.Reports,
		Author: event.Person{Name: "Robin Analyst"}, Text: "Welche Endung haben die Dateien?\nBitte nichts löschen.", At: start.Add(time.Minute),
	})
	e.eventually("case and message", func() bool {
		return e.count(`SELECT count(*) FROM report_message`)+e.count(`SELECT count(*) FROM case_copy`) == 2
	})
	golden(t, b, "nachtragen", b.get(own+"/nachtragen"))
	golden(t, b, "nachtragen-fehler", b.post(own+"/nachtragen", url.Values{"key": {"k"}}))
	b.follow(own+"/nachtragen", url.Values{
		"key": {"k"}, "description": {"Auch die Sicherung"}, "status_now": {"ongoing"}, "personal_data": {"unclear"},
		"services_affected": {"registry", "treasury"}, "informed": {"head", "police"}, "help_needed": {"on_site"}, "impact": {"very_high"}, "reporter_role": {"ciso"},
	})
	golden(t, b, "datei", b.get(own+"/datei"))
	kind, body := multipartOf(t, "Erpresser <schreiben>.txt", []byte("pay"), "key", "k-file")
	if res := b.send("POST", own+"/datei", kind, bytes.NewReader(body)); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("upload: %d", res.StatusCode)
	}
	golden(t, b, "vorgang", b.get(own))
	golden(t, b, "druck", b.get(own+"/druck"))
	var file string
	if err := e.db.GetContext(t.Context(), &file, `SELECT id FROM report_attachment`); err != nil {
		t.Fatal(err)
	}
	golden(t, b, "herunterladen", b.get(own+"/datei/"+file))
	golden(t, b, "vorgang-code", e.visitor(b.lang, "").get("/melden/vorgang?nr=M-2026-000001"))
	golden(t, b, "vorgang-code-fehler", b.post("/melden/vorgang", url.Values{"reference": {"M-2026-000001"}, "code": {"AAA-AAA-AAAA"}}))
}

func goldenMore(t *testing.T, e *env, lang string) {
	t.Helper()
	p := e.visitor(lang, actor.Officer)
	golden(t, p, "vorgaenge-leer", p.get("/melden/vorgaenge"))
	e.submit(actor.Officer, "x", good)
	golden(t, p, "vorgaenge", p.get("/melden/vorgaenge"))
	golden(t, p, "protokoll", p.get("/melden/protokoll"))
	golden(t, p, "protokoll-leer", p.get("/melden/protokoll?beauftragt=alle"))
	q := e.visitor(lang, actor.Officer)
	path := q.begin("")
	golden(t, q, "kontakt-angemeldet", q.get(path+"/kontakt"))
}

// What is typed survives a database that is away, with the phone number.
func TestAStepKeepsTheInputWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path := b.begin("")
	tx, err := e.db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE draft IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	res := b.post(path+"/was", wasForm())
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d", res.StatusCode)
	}
	has(t, res, "Alle Dateien heißen .locked", "rufen Sie an: 0361 000 00 00", "Noch einmal versuchen", `value="ransomware" checked`)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	has(t, b.follow(path+"/was", wasForm()), "Schritt 2 von 4")

	c := e.submit(actor.Officer, "1", good)
	o := e.visitor("de", actor.Officer)
	if tx, err = e.db.BeginTxx(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE report_message IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	res = o.post("/melden/vorgang/"+c.Reference+"/nachricht", url.Values{"text": {"Ganz langer Text"}, "key": {"k"}})
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d", res.StatusCode)
	}
	has(t, res, "Ganz langer Text", "Noch nicht gesendet", "rufen Sie an: 0361 000 00 00")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestThePagesThatEveryInstallationHas(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	for path, text := range map[string]string{
		"/barrierefreiheit": "Barrierefreiheit", "/datenschutz": "Datenschutz", "/impressum": "Impressum",
		"/leichte-sprache": "Leichte", "/hilfe": "Hilfe", "/hilfe/sofortmassnahmen": "Sofortmaßnahmen", "/problems/invalid": "", "/notfallkarte": "<svg",
	} {
		res := b.get(path)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		has(t, res, text)
	}
	res := b.get("/.well-known/security.txt")
	has(t, res, "Contact: mailto:security@example.org", "Expires: 2027-05-22T06:12:00Z", "Canonical: https://cert.example.org/.well-known/security.txt")
	if res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%v", res.Header)
	}
	css := b.get("/assets/css/leitstelle.css")
	if css.StatusCode != http.StatusOK || !strings.HasPrefix(css.Header.Get("Content-Type"), "text/css") {
		t.Errorf("css: %d %s", css.StatusCode, css.Header.Get("Content-Type"))
	}
	lost := b.get("/gibt-es-nicht")
	if lost.StatusCode != http.StatusNotFound {
		t.Errorf("%d", lost.StatusCode)
	}
	out := b.get("/melden/vorgaenge")
	if out.StatusCode != http.StatusSeeOther || out.Header.Get("Location") != "/melden/vorgang" {
		t.Errorf("a guest's list: %d %s", out.StatusCode, out.Header.Get("Location"))
	}
}

func TestMessagesAreComplete(t *testing.T) {
	t.Parallel()
	pagetest.CheckMessages(t, "intake", web.Files, os.DirFS("internal"))
	for _, lang := range []string{"de", "en"} {
		aid, err := web.LoadAid("")
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{
			"ransomware", "malware", "phishing", "account_takeover", "intrusion", "ddos", "data_leak", "lost_device",
			"outage", "mistake", "vulnerability", "tip", "unknown", "general", "card",
		} {
			if len(aid[lang][what]) < 3 {
				t.Errorf("%s: %d first-aid steps for %s", lang, len(aid[lang][what]), what)
			}
		}
	}
}

// An installation may replace the first-aid steps of single tiles.
func TestTheFirstAidIsTheInstallationsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/de.json", []byte(`{"ransomware":[{"do":"Rufen Sie uns an."}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	aid, err := web.LoadAid(dir)
	if err != nil || len(aid["de"]["ransomware"]) != 1 || len(aid["de"]["phishing"]) < 3 || len(aid["en"]["ransomware"]) < 3 {
		t.Errorf("%v %v", aid["de"]["ransomware"], err)
	}
	if err := os.WriteFile(dir+"/en.json", []byte(`[`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := web.LoadAid(dir); err == nil {
		t.Error("a broken file passes")
	}
}
