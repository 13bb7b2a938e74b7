// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// incident is one report of a busy morning and what the CERT made of it.
type incident struct {
	officer, what, impact, words string
	severity, class              string
	by                           actor.Role // who took it; "" nobody yet
	state                        string
}

// morning has every severity and most of the states, so that the pages show
// each chip; the events are invented.
var morning = []incident{
	{"it-sicherheit@klettbach.example", "ransomware", "very_high", "Auf allen Freigaben endet jede Datei auf .locked, auf dem Server liegt README_RESTORE.txt.", "critical", "malicious-code:infected-system", actor.Lead, "contained"},
	{"it@jena.example", "account_takeover", "high", "Aus dem Postfach der Poststelle gehen seit 06:40 Uhr fremde E-Mails hinaus.", "high", "intrusions:unprivileged-account-compromise", actor.Analyst, "working"},
	{"it@gera.example", "phishing", "medium", "Elf Kolleginnen und Kollegen haben ihr Kennwort auf einer nachgebauten Seite eingegeben.", "medium", "fraud:phishing", actor.Duty, "waiting"},
	{"it@erfurt.example", "ddos", "high", "Der Terminservice ist seit 08:10 Uhr nicht erreichbar, der Anbieter meldet Überlast.", "high", "availability:ddos", "", ""},
	{"it@weimar.example", "lost_device", "low", "Ein verschlüsseltes Notebook ist in der Bahn liegen geblieben.", "low", "", "", ""},
	{"it-sicherheit@weimarer-land.example", "vulnerability", "medium", "Ein Scanner meldet eine ausnutzbare Lücke im VPN-Gateway.", "", "", "", ""},
	{"it@unstrut-hainich.example", "outage", "high", "Die Telefonanlage der Leitstelle startet ständig neu.", "", "", actor.Analyst, "assessing"},
}

// play makes the morning happen and returns the cases in its order.
func (w *world) play(t *testing.T) []caseFile {
	t.Helper()
	out := make([]caseFile, len(morning))
	for i, x := range morning {
		p := w.named(t, x.officer)
		in := reportOf(x.words, p.Organisation.ID)
		in["what"], in["impact"] = x.what, x.impact
		in["callback"] = map[string]string{"name": p.Name, "phone": "+49 361 123456"}
		var r submitted
		must(t, w.of(t, p), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &r)
		out[i] = w.casesOf(t, r.ID, 1)[0]
	}
	for i, x := range morning {
		id := out[i].ID
		change := map[string]any{"reason": "nach Rückruf"}
		if x.severity != "" && x.severity != out[i].Severity {
			change["severity"] = x.severity
		}
		if x.class != "" {
			change["class"] = x.class
		}
		if len(change) > 1 {
			w.change(t, actor.Lead, id, "classify", http.StatusOK, change)
		}
		if x.by == "" {
			continue
		}
		w.change(t, x.by, id, "assign", http.StatusOK, map[string]any{"assignee": "me"})
		if x.state == "waiting" {
			w.change(t, x.by, id, "messages", http.StatusCreated, map[string]any{"text": "Wurden Kennwörter schon geändert?", "wait": true})
		} else if x.state != "assessing" {
			w.change(t, x.by, id, "state", http.StatusOK, map[string]any{"state": x.state})
		}
	}
	return out
}
