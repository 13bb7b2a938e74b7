// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/actor"
)

const auditAPI = "/api/triage/v1/audit"

// Reliability model §2.4, row "audit read": lead and auditor, without content.
func TestTheAuditIsReadByLeadAndAuditorsOnlyAndNeverShowsContent(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	ref := e.open(r)
	e.form("analyst", ref, "uebernehmen", 1)
	e.form("analyst", ref, "notiz", 2, "text", "Geheimes Wort", "key", "k")
	for name, role := range people {
		want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[role == actor.Lead || role == actor.Auditor]
		for _, path := range []string{auditAPI, auditAPI + "/chain", "/lage/audit", "/lage/audit.csv"} {
			if res := e.do(request{path: path, as: name, cookie: !strings.HasPrefix(path, "/api/")}); res.StatusCode != want || strings.Contains(res.body, "Geheimes Wort") {
				t.Errorf("%s of %s: %d, want %d", path, name, res.StatusCode, want)
			}
		}
	}
	var list struct {
		Items []struct{ Action, Name, Result string }
		Next  string
	}
	res := e.do(request{path: auditAPI + "?actor=mara&action=case.note&limit=1", as: "auditor"})
	if err := json.Unmarshal([]byte(res.body), &list); err != nil || len(list.Items) != 1 || list.Items[0].Name != "Mara Beispiel" || list.Items[0].Action != "case.note.added" {
		t.Errorf("the notes of Mara: %s", res.body)
	}
	res = e.do(request{path: auditAPI + "/chain", as: "auditor"})
	if !strings.Contains(res.body, `"ok":true`) {
		t.Errorf("the chain: %s", res.body)
	}
	if res := e.do(request{path: "/lage/audit.csv", as: "auditor", stale: true}); res.StatusCode == http.StatusOK {
		t.Error("a file without a fresh second factor")
	}
	res = e.do(request{path: "/lage/audit.csv?action=case.note", as: "lead", cookie: true})
	if lines := strings.Count(res.body, "\n"); lines != 2 || !strings.Contains(res.body, "Notiz geschrieben;case.note.added") {
		t.Errorf("the file: %s", res.body)
	}
}

func TestTheAuditsFiltersSayWhatIsNotClearAndKeepIt(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	for query, want := range map[string]int{
		"from=x": http.StatusUnprocessableEntity, "to=2026-13-01": http.StatusUnprocessableEntity, "organisation=gibtesnicht": http.StatusUnprocessableEntity,
		"action=" + strings.Repeat("a", 300): http.StatusUnprocessableEntity, "object=%00": http.StatusUnprocessableEntity,
		"after=x": http.StatusBadRequest, "limit=0": http.StatusBadRequest, "object=%FF%FE": http.StatusUnprocessableEntity,
		"action=%25": http.StatusOK, "after=99999999999": http.StatusOK, "actor=niemand": http.StatusOK, "from=2026-11-21&to=2026-11-21": http.StatusOK,
	} {
		if res := e.do(request{path: auditAPI + "?" + query, as: "auditor"}); res.StatusCode != want {
			t.Errorf("API %s: %d, want %d", query, res.StatusCode, want)
		}
		if res := e.do(request{path: "/lage/audit?" + query, as: "lead", cookie: true}); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, res.StatusCode, want)
		}
	}
	res := e.do(request{path: "/lage/audit?from=x&actor=kim", as: "lead", cookie: true})
	if !strings.Contains(res.body, `value="kim"`) || !strings.Contains(res.body, `id="from-e"`) {
		t.Error("what was typed is lost, or no mistake stands at its field")
	}
}
