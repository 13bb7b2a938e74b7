// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

const secretWord = "Nachtigallenwort"

// secret is a case of Musterhausen that says secretWord wherever it can: assigned
// to the analyst, in a campaign with another case, and locked.
func (e *env) secret() (ref, id, other string) {
	e.t.Helper()
	r := sample.Report(1)
	r.Description = secretWord
	ref = e.open(r)
	plain := sample.Report(2)
	plain.What = "phishing"
	other = e.open(plain)
	if err := e.db.Get(&id, `SELECT id FROM cases WHERE reference = $1`, ref); err != nil {
		e.t.Fatal(err)
	}
	e.publish(sample.Event(event.ReportAttachmentAdded{
		Report: r.Report, Reference: r.Reference, Attachment: "0190f000-0000-7000-8000-00000000000a", Affected: r.Affected, Author: r.Reporter, Name: secretWord + ".txt", Blob: "k", SHA256: "00", At: sample.Noon,
	}))
	e.eventually("the file", func() bool { return e.count(`SELECT version FROM cases WHERE id = $1`, id) == 2 })
	e.must(http.StatusCreated, e.send(http.MethodPost, "/api/triage/v1/campaigns", "lead", map[string]any{"title": "Zwei Fälle", "cases": []string{ref, other}}))
	e.must(http.StatusOK, e.change("lead", ref, "classify", map[string]any{"title": secretWord, "severity": "critical", "class": "other:other"}))
	e.must(http.StatusOK, e.change("lead", ref, "assign", map[string]any{"assignee": personID("analyst")}))
	e.must(http.StatusOK, e.change("duty", ref, "lock", map[string]any{"reason": secretWord + ": betrifft das eigene Haus"}))
	return ref, id, other
}

func (e *env) must(want int, res response) response {
	e.t.Helper()
	if res.StatusCode != want {
		e.t.Fatalf("%s %s: %d, want %d: %s", res.Request.Method, res.Request.URL.Path, res.StatusCode, want, res.body)
	}
	return res
}

// change posts to a case at the version that is there now.
func (e *env) change(as, ref, what string, in any) response {
	e.t.Helper()
	version := e.count(`SELECT version FROM cases WHERE reference = $1 OR id::text = $1`, ref)
	return e.send(http.MethodPost, cases+"/"+ref+"/"+what, as, in, "If-Match", strconv.Quote(strconv.Itoa(version)))
}

// Reliability model §2.4, "report/case read: Analyst * (locked: A)": for an analyst
// who does not have it assigned a locked case is not there, wherever they look.
// Who has it, duty and lead see it everywhere.
func TestALockedCaseIsThereOnlyForThoseWhoNeedToKnow(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref, id, other := e.secret()
	short := "0001"
	for _, path := range []string{
		cases + "/" + ref, cases + "/" + id, cases + "/" + id + "/attachments/0190f000-0000-7000-8000-00000000000a",
		"/lage/fall/" + ref, "/lage/fall/" + ref + "?t=protokoll", "/lage/fall/" + ref + "/teil", "/lage/fall/" + ref + "/druck",
		"/lage/fall/" + ref + "/tun/notiz", "/lage/fall/" + ref + "/datei/0190f000-0000-7000-8000-00000000000a", "/lage/eingang?fall=" + ref, "/lage/zeile/" + id,
	} {
		nothing := strings.ReplaceAll(strings.ReplaceAll(path, ref, "V-2026-000099"), id, event.NewID())
		hidden, absent := e.do(request{path: path, as: "analyst2", cookie: true}), e.do(request{path: nothing, as: "analyst2", cookie: true})
		if hidden.StatusCode != http.StatusNotFound || absent.StatusCode != http.StatusNotFound || len(hidden.body) == 0 || len(hidden.body) != len(absent.body) {
			t.Errorf("%s: %d with %d bytes, what is not there %d with %d", path, hidden.StatusCode, len(hidden.body), absent.StatusCode, len(absent.body))
		}
		if strings.Contains(path, "attachment") || strings.Contains(path, "datei") {
			continue // there are no bytes behind it
		}
		for _, as := range []string{"analyst", "duty", "lead"} {
			if res := e.do(request{path: path, as: as, cookie: true}); res.StatusCode != http.StatusOK {
				t.Errorf("%s as %s: %d", path, as, res.StatusCode)
			}
		}
	}
	for _, path := range []string{
		"/lage/eingang?ansicht=alle", "/lage/eingang?lage=L-2026-0001", "/lage/eingang?sort=schwere&ansicht=alle", "/lage/faelle", "/lage/faelle?schwere=critical",
		"/lage/faelle?merkmal=locked", "/lage/suche?q=" + secretWord, "/lage/faelle?kreis=16071", "/lage/lagen/L-2026-0001?ansicht=alle",
		"/lage/lagen/L-2026-0001/druck", cases, cases + "?view=open", cases + "?q=" + secretWord, cases + "?severity=critical", cases + "?mark=locked",
		cases + "?campaign=L-2026-0001", cases + "?organisation=" + sample.Musterhausen.AGS, "/api/triage/v1/campaigns/L-2026-0001", "/api/triage/v1/campaigns/L-2026-0001/cases",
		"/lage/fall/" + other, "/lage/fall/" + other + "/tun/verbinden",
	} {
		says := func(as string) bool {
			res := e.do(request{path: path, as: as, cookie: true})
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s as %s: %d", path, as, res.StatusCode)
			}
			body := strings.ReplaceAll(res.body, "q="+secretWord, "")
			body = strings.ReplaceAll(strings.ReplaceAll(body, `value="`+secretWord+`"`, ""), "„"+secretWord+"“", "")
			return strings.Contains(body, ref) || strings.Contains(body, id) || strings.Contains(body, `<span>`+short+` `) || strings.Count(body, secretWord) > 0 && !strings.Contains(path, "q=")
		}
		if says("analyst2") {
			t.Errorf("%s tells an analyst of the locked case", path)
		}
		for _, as := range []string{"analyst", "duty", "lead"} {
			if !says(as) {
				t.Errorf("%s does not tell %s of the case", path, as)
			}
		}
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_id = $1`, id); n < 10 {
		t.Errorf("%d refusals in the audit, want one each", n)
	}
	e.intact()
}

// No count around the lists tells that there is one more.
func TestNoCountTellsOfALockedCase(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.secret()
	var mine, theirs campaignBody
	e.do(request{path: "/api/triage/v1/campaigns/L-2026-0001", as: "analyst"}).into(t, &mine)
	e.do(request{path: "/api/triage/v1/campaigns/L-2026-0001", as: "analyst2"}).into(t, &theirs)
	if mine.Cases.Total != 2 || theirs.Cases.Total != 1 {
		t.Errorf("the campaign has %d cases for who may, %d for who may not; want 2 and 1", mine.Cases.Total, theirs.Cases.Total)
	}
	for as, want := range map[string]int{"analyst": 2, "lead": 2, "analyst2": 1} {
		body := e.do(request{path: "/lage/eingang", as: as, cookie: true}).body
		for _, figure := range []string{`>Offen %d</a>`, `Weimarer Land</a></th><td>%d</td>`} {
			if figure = fmt.Sprintf(figure, want); !strings.Contains(body, figure) {
				t.Errorf("the queue of %s does not say %s", as, figure)
			}
		}
	}
	for as, want := range map[string]string{"analyst": "2 Fälle der Lage", "analyst2": ""} {
		body := e.do(request{path: "/lage/lagezeile/L-2026-0001", as: as, cookie: true, header: map[string]string{"HX-Request": "true"}}).body
		if got := strings.Contains(body, "Fälle der Lage"); got != (want != "") {
			t.Errorf("the line of the campaign for %s: %s", as, body)
		}
	}
}

// Nobody changes what is not there for them, and no answer differs from that to
// what does not exist.
func TestALockedCaseIsChangedOnlyByThoseWhoNeedToKnow(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref, id, other := e.secret()
	version := e.count(`SELECT version FROM cases WHERE id = $1`, id)
	at := func(target string) []response {
		var out []response
		for what, in := range map[string]any{
			"assign": map[string]any{"assignee": "me"}, "state": map[string]any{"state": "working"}, "classify": map[string]any{"severity": "low", "reason": "x"},
			"messages": map[string]any{"text": "x"}, "notes": map[string]any{"text": "x"}, "lock": map[string]any{"reason": "x"}, "unlock": map[string]any{"reason": "x"},
		} {
			out = append(out, e.send(http.MethodPost, cases+"/"+target+"/"+what, "analyst2", in, "If-Match", strconv.Quote(strconv.Itoa(version))))
		}
		for _, in := range []map[string]any{{"target": other, "reason": "x"}, {"target": "V-2026-000098", "reason": "x"}, {"target": target, "reason": "x"}} {
			out = append(out, e.send(http.MethodPost, cases+"/"+target+"/merge", "analyst2", in, "If-Match", `"1"`))
		}
		for _, name := range []string{"uebernehmen", "zuweisen", "einstufen", "status", "abschliessen", "nachricht", "notiz", "verbinden", "bestaetigen", "sperren", "freigeben"} {
			out = append(out, e.form("analyst2", target, name, version, "reason", "x", "text", "x", "state", "working", "severity", "low", "assignee", personID("analyst2"), "target", other))
		}
		out = append(out, e.send(http.MethodDelete, "/api/triage/v1/campaigns/L-2026-0001/cases/"+target+"?reason=x", "analyst2", nil, "If-Match", `"1"`))
		return out
	}
	for _, res := range at(ref) {
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %d %s, want 404", res.Request.Method, res.Request.URL.Path, res.StatusCode, res.body)
		}
	}
	for name, pair := range map[string][2]response{
		"merging into it": {
			e.send(http.MethodPost, cases+"/"+other+"/merge", "analyst2", map[string]any{"target": ref, "reason": "x"}, "If-Match", `"2"`),
			e.send(http.MethodPost, cases+"/"+other+"/merge", "analyst2", map[string]any{"target": "V-2026-000099", "reason": "x"}, "If-Match", `"2"`),
		},
		"a campaign of it": {
			e.send(http.MethodPost, "/api/triage/v1/campaigns", "analyst2", map[string]any{"title": "x", "cases": []string{ref}}),
			e.send(http.MethodPost, "/api/triage/v1/campaigns", "analyst2", map[string]any{"title": "x", "cases": []string{"V-2026-000099"}}),
		},
		"an order for it": {
			e.send(http.MethodPost, "/api/triage/v1/campaigns/L-2026-0001/messages", "analyst2", map[string]any{"text": "x", "cases": []string{id}}),
			e.send(http.MethodPost, "/api/triage/v1/campaigns/L-2026-0001/messages", "analyst2", map[string]any{"text": "x", "cases": []string{event.NewID()}}),
		},
	} {
		hidden, absent := pair[0], pair[1]
		a, b := strings.ReplaceAll(hidden.body, ref, "V-2026-000099"), absent.body
		cut := func(s string) string { s, _, _ = strings.Cut(s, `"request_id"`); return s }
		if hidden.StatusCode != http.StatusUnprocessableEntity || absent.StatusCode != hidden.StatusCode || cut(a) != cut(b) {
			t.Errorf("%s: %d %s\nwhat is not there: %d %s", name, hidden.StatusCode, hidden.body, absent.StatusCode, absent.body)
		}
	}
	bulk := url.Values{"do": {"take"}, "sel": {id}, "zurueck": {"/lage/eingang"}}
	if res := e.do(request{method: http.MethodPost, path: "/lage/sammel", as: "analyst2", cookie: true, body: bulk.Encode()}); !strings.Contains(res.Header.Get("Location"), "getan=0") {
		t.Errorf("taking many: %s", res.Header.Get("Location"))
	}
	if n := e.count(`SELECT version FROM cases WHERE id = $1`, id); n != version {
		t.Errorf("the case is at version %d, want %d", n, version)
	}
	done, left := e.ordered("/api/triage/v1/campaigns/L-2026-0001", "classify", "analyst2", map[string]any{"severity": "low", "reason": "x"})
	if done != 1 || left != 0 || e.count(`SELECT version FROM cases WHERE id = $1`, id) != version {
		t.Errorf("an order for all changed %d and left %d, want the one that is there for its author", done, left)
	}
	if res := e.change("analyst", ref, "notes", map[string]any{"text": "weiter"}); res.StatusCode != http.StatusCreated {
		t.Errorf("who has it assigned: %d %s", res.StatusCode, res.body)
	}
	if res := e.change("analyst", ref, "unlock", map[string]any{"reason": "x"}); res.StatusCode != http.StatusNotFound {
		t.Errorf("an analyst opens it: %d, want 404", res.StatusCode)
	}
	e.intact()
}

// Locking is a change like any other: with a reason, on the version that was seen,
// in the timeline, told to the other services and in the audit. Opening undoes it.
func TestLockingIsAChangeWithAReason(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	lock := cases + "/" + ref + "/lock"
	for name, tt := range map[string]struct {
		res  response
		want int
	}{
		"without a reason":         {e.send(http.MethodPost, lock, "lead", map[string]any{"reason": "  "}, "If-Match", `"1"`), 422},
		"with a long one":          {e.send(http.MethodPost, lock, "lead", map[string]any{"reason": strings.Repeat("ä", 1001)}, "If-Match", `"1"`), 422},
		"without having seen":      {e.send(http.MethodPost, lock, "lead", map[string]any{"reason": "x"}), 428},
		"on another version":       {e.send(http.MethodPost, lock, "lead", map[string]any{"reason": "x"}, "If-Match", `"7"`), 412},
		"opening what is open":     {e.send(http.MethodPost, cases+"/"+ref+"/unlock", "lead", map[string]any{"reason": "x"}, "If-Match", `"1"`), 409},
		"by an analyst":            {e.send(http.MethodPost, lock, "analyst", map[string]any{"reason": "x"}, "If-Match", `"1"`), 404},
		"a case that is not there": {e.send(http.MethodPost, cases+"/V-2026-000099/lock", "lead", map[string]any{"reason": "x"}, "If-Match", `"1"`), 404},
		"with an unknown field":    {e.send(http.MethodPost, lock, "lead", map[string]any{"reason": "x", "who": "y"}, "If-Match", `"1"`), 400},
	} {
		if tt.res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, tt.res.StatusCode, tt.want, tt.res.body)
		}
	}
	if res := e.form("duty", ref, "sperren", 1, "reason", ""); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, "aria-invalid") {
		t.Errorf("the form without a reason: %d", res.StatusCode)
	}
	if res := e.form("duty", ref, "sperren", 1, "reason", "Az. 7 Js 1/26"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("locking: %d %s", res.StatusCode, res.body)
	}
	var snapshot string
	if err := e.db.Get(&snapshot, `SELECT body FROM outbox WHERE type LIKE 'case.%' ORDER BY seq DESC LIMIT 1`); err != nil || !strings.Contains(snapshot, `"locked":true`) || strings.Contains(snapshot, "7 Js") {
		t.Errorf("the others are told %v %s", err, snapshot)
	}
	body := e.see("/lage/fall/" + ref + "?t=protokoll")
	for _, want := range []string{"Gesperrt: nur für Befugte", "Zugriff gesperrt: nur für Zugewiesene, Bereitschaft und Leitung", "Az. 7 Js 1/26", "/freigeben"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, as := range []string{"analyst", "analyst2"} { // nobody has it
		if res := e.do(request{path: "/lage/fall/" + ref, as: as, cookie: true}); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s reads what is nobody's: %d", as, res.StatusCode)
		}
	}
	if res := e.form("lead", ref, "sperren", 2, "reason", "noch einmal"); res.StatusCode != http.StatusSeeOther || e.count(`SELECT version FROM cases`) != 2 {
		t.Errorf("locking again changes something: %d", res.StatusCode)
	}
	e.must(http.StatusOK, e.change("lead", ref, "state", map[string]any{"state": "closed", "class": "other:other", "disposition": "confirmed"}))
	if res := e.form("lead", ref, "freigeben", 3, "reason", "Verfahren beendet"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("opening a closed one: %d", res.StatusCode)
	}
	if res := e.do(request{path: "/lage/fall/" + ref, as: "analyst", cookie: true}); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE action IN ('case.locked', 'case.unlocked')`); n != 2 {
		t.Errorf("%d lines in the audit, want 2", n)
	}
	e.intact()
}

// Who passes a locked case on has done so, and is told that it is gone.
func TestPassingALockedCaseOnIsNoError(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref, id, _ := e.secret()
	if res := e.change("analyst", ref, "assign", map[string]any{"assignee": personID("analyst2"), "reason": "Urlaub"}); res.StatusCode != http.StatusNoContent || res.body != "" {
		t.Errorf("passing it on: %d %s", res.StatusCode, res.body)
	}
	res := e.form("analyst2", ref, "zuweisen", e.count(`SELECT version FROM cases WHERE id = $1`, id), "assignee", personID("lead"), "zurueck", "/lage/eingang?fall="+ref)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/lage/eingang" {
		t.Errorf("by the form: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE id = $1 AND assignee_id = $2`, id, personID("lead")); n != 1 {
		t.Error("the lead does not have it")
	}
}

func (e *env) ids(query string) (out []string) {
	e.t.Helper()
	if err := e.db.Select(&out, query); err != nil {
		e.t.Fatal(err)
	}
	return out
}

func TestLockGoldens(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	e.must(http.StatusOK, e.change("lead", ref, "assign", map[string]any{"assignee": personID("analyst")}))
	e.must(http.StatusOK, e.change("duty", ref, "lock", map[string]any{"reason": "Betrifft eine Person aus dem eigenen Haus"}))
	for name, path := range map[string]string{
		"gesperrt-fall": "/lage/fall/" + ref + "?t=protokoll", "gesperrt-faelle": "/lage/faelle?merkmal=locked", "gesperrt-form": "/lage/fall/" + ref + "/tun/freigeben",
	} {
		for _, lang := range []string{"de", "en"} {
			header := map[string]string{}
			if lang == "en" {
				header["X-Forwarded-Prefix"] = "/en"
			}
			res := e.must(http.StatusOK, e.do(request{path: path, as: "duty", cookie: true, header: header}))
			pagetest.Golden(t, name+"."+lang, []byte(random.ReplaceAllString(res.body, "00000000-0000-7000-8000-000000000000")))
		}
	}
}
