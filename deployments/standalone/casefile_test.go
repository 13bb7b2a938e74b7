// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// reportOf is a report of ransomware at the bodies; words is its description.
func reportOf(words string, affected ...string) map[string]any {
	return map[string]any{
		"affected": affected, "what": "ransomware", "impact": "high", "tlp": "AMBER", "description": words,
		"noticed_at": time.Now().UTC().Add(-10 * time.Minute).Format(time.RFC3339), "noticed_approx": true,
		"callback": map[string]string{"name": "Kim Beispiel", "phone": "+49 152 0000000"},
	}
}

// submitted is the answer to a report.
type submitted struct {
	ID, Reference, Code, Receipt string
	Affected                     []struct{ ID, AGS, Name string }
}

// submit reports as c.
func submit(t testing.TB, c standalone.Client, words string, affected ...string) submitted {
	t.Helper()
	var out submitted
	must(t, c, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, reportOf(words, affected...), &out)
	return out
}

// caseFile is what tests read of a case.
type caseFile struct {
	ID, Reference, State, Severity, Title string
	Verified                              bool
	Version                               int
	Organisation                          struct{ ID, AGS, Name string }
	Assignee                              *struct{ ID, Name string }
	Reports                               []struct{ ID, Reference, Description string }
	Messages                              []struct{ Text, Direction string }
	Notes                                 []struct{ Text string }
	Supplements                           []struct{ Description string }
	Attachments                           []struct{ ID, Name, SHA256 string }
}

// casesOf waits until n cases hold the report and returns them.
func (w *world) casesOf(t testing.TB, report string, n int) []caseFile {
	t.Helper()
	db := w.open(t, "triage")
	var ids []string
	devstack.Eventually(t, 20*time.Second, fmt.Sprintf("%d cases of report %s", n, report), func() bool {
		ids = nil
		if err := db.SelectContext(t.Context(), &ids, `SELECT case_id::text FROM case_reports WHERE report_id = $1 ORDER BY 1`, report); err != nil {
			t.Fatal(err)
		}
		return len(ids) >= n
	})
	out := make([]caseFile, len(ids))
	for i, id := range ids {
		out[i] = w.caseByID(t, id)
	}
	return out
}

// caseByID opens a case as the duty officer.
func (w *world) caseByID(t testing.TB, id string) caseFile {
	t.Helper()
	var v caseFile
	must(t, w.as(t, actor.Duty), http.MethodGet, "/api/triage/v1/cases/"+id, http.StatusOK, nil, &v)
	return v
}

// change posts to a case at the version that is there now; what the reporter
// added in between is no reason to fail.
func (w *world) change(t testing.TB, r actor.Role, id, what string, want int, in any) {
	t.Helper()
	c := w.as(t, r)
	for range 20 {
		tag := fmt.Sprintf("%q", fmt.Sprint(w.caseByID(t, id).Version))
		_, err := c.Do(t.Context(), http.MethodPost, "/api/triage/v1/cases/"+id+"/"+what, want, in, nil, "If-Match", tag)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "got 412") {
			t.Fatal(err)
		}
	}
	t.Fatalf("the case %s never stands still", id)
}

// id is the person's id.
func (w *world) id(t testing.TB, p standalone.DemoPerson) string {
	t.Helper()
	var me struct{ Person struct{ ID string } }
	must(t, w.of(t, p), http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me)
	return me.Person.ID
}

// organisation is the id of a body.
func (w *world) organisation(t testing.TB, ags string) string {
	t.Helper()
	var o struct{ ID string }
	must(t, w.as(t, actor.Constituency), http.MethodGet, "/api/directory/v1/organisations/"+ags, http.StatusOK, nil, &o)
	return o.ID
}

// post sends a body that is no JSON and reads the answer into out.
func post(t testing.TB, c standalone.Client, path string, b body, want int, out any, headers ...string) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+path, strings.NewReader(b.text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", b.kind)
	req.Header.Set("Idempotency-Key", newKey())
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("POST %s: %d, want %d (%v): %.400s", path, res.StatusCode, want, err, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("POST %s: %v: %.200s", path, err, text)
		}
	}
	return res.Header
}

// caseAttachment waits for the file of a case.
func (w *world) caseAttachment(t testing.TB, id string) string {
	t.Helper()
	var file string
	devstack.Eventually(t, 15*time.Second, "the file in the case", func() bool {
		c := w.caseByID(t, id)
		if len(c.Attachments) > 0 {
			file = c.Attachments[0].ID
		}
		return file != ""
	})
	return file
}
