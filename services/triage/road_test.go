// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
)

// form posts a page's form with the version the page showed.
func (e *env) form(as, ref, action string, version int, fields ...string) response {
	e.t.Helper()
	v := url.Values{"version": {strconv.Itoa(version)}, "zurueck": {"/lage/eingang?fall=" + ref}}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return e.do(request{method: http.MethodPost, path: "/lage/fall/" + ref + "/" + action, as: as, cookie: true, body: v.Encode()})
}

// The road of a report through the Lagezentrum, with plain forms.
func TestAReportIsTakenAnsweredAndClosed(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	queue := e.do(request{path: "/lage/eingang", as: "analyst", cookie: true})
	if queue.StatusCode != http.StatusOK || !strings.Contains(queue.body, "Verschlüsselung oder Erpressung") || !strings.Contains(queue.body, "Stadt Musterhausen") {
		t.Fatalf("queue: %d %s", queue.StatusCode, queue.body)
	}
	pane := e.do(request{path: "/lage/eingang?fall=" + ref, as: "analyst", cookie: true})
	for _, want := range []string{"README_RESTORE.txt", "0152 000 000 00", "TLP:AMBER", "DSGVO Art. 33", "Infiziertes System"} {
		if !strings.Contains(pane.body, want) {
			t.Errorf("the pane does not show %q", want)
		}
	}
	for i, step := range []struct {
		action string
		fields []string
	}{
		{"uebernehmen", nil},
		{"einstufen", []string{"class", "malicious-code:infected-system"}},
		{"nachricht", []string{"text", "Sind die Backups getrennt?", "wait", "yes", "key", "k1"}},
		{"notiz", []string{"text", "Forensik angefragt", "key", "k2"}},
		{"status", []string{"state", "contained"}},
		{"abschliessen", []string{"class", "malicious-code:infected-system", "disposition", "confirmed", "reason", "Wiederhergestellt"}},
	} {
		res := e.form("analyst", ref, step.action, i+1, step.fields...)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/lage/eingang?fall="+ref {
			t.Fatalf("%s: %d to %q %s", step.action, res.StatusCode, res.Header.Get("Location"), res.body)
		}
	}
	var c struct {
		State, Disposition string
		Version            int
		Messages, Notes    []struct{ Text string }
		Timeline           []struct{ Kind string }
	}
	e.do(request{path: "/api/triage/v1/cases/" + ref, as: "lead"}).into(t, &c)
	if c.State != "closed" || c.Disposition != "confirmed" || c.Version != 7 || len(c.Messages) != 1 || len(c.Notes) != 1 {
		t.Errorf("the case is %+v", c)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'case.closed'`); n != 1 {
		t.Errorf("%d case.closed, want one", n)
	}
	if n := e.count(`SELECT count(*) FROM outbox WHERE body LIKE '%Forensik angefragt%'`); n != 0 {
		t.Error("a note left the CERT")
	}
	e.intact()
}
