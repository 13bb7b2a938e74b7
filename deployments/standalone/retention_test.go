// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// oldCase is a closed case with a file, whose periods have ended.
func (w *world) oldCase(t *testing.T, name string) string {
	t.Helper()
	r := guestReport(t, w, name, "0361 123456", "")
	post(t, w.of(t, standalone.DemoPerson{}), "/api/intake/v1/reports/"+r.Reference+"/attachments", upload(name+".txt", name), http.StatusCreated, nil, "Report-Code", r.Code)
	id := w.casesOf(t, r.ID, 1)[0].ID
	devstack.Eventually(t, 15*time.Second, "the file in the case", func() bool { return len(w.caseByID(t, id).Attachments) == 1 })
	w.closeCase(t, id)
	w.run(t, "triage", `UPDATE cases SET closed_at = closed_at - interval '4 years' WHERE id = '`+id+`'`)
	return id
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// The operator's command counts what the page counts and deletes what two
// people released, never more: no proposal, and nothing on hold.
func TestTheCommandDeletesOnlyWhatTwoPeopleReleased(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	gone, held := w.oldCase(t, "Fällig"), w.oldCase(t, "Gesperrt")
	w.run(t, "triage", `UPDATE cases SET hold = true WHERE id = '`+held+`'`)
	data, blobs := w.Options.Data, filepath.Join(w.Options.Data, "attachments")
	count := func(o standalone.Retention) string {
		var out bytes.Buffer
		if err := standalone.CountRetention(t.Context(), o, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	line := func(out, service, class, rest string) {
		t.Helper()
		if !regexp.MustCompile(`(?m)^` + service + ` +` + class + ` +` + rest + `$`).MatchString(out) {
			t.Errorf("no line %s %s %s in\n%s", service, class, rest, out)
		}
	}
	work := func() string {
		var out bytes.Buffer
		if err := standalone.RunRetention(t.Context(), data, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		return out.String()
	}
	redacted := func(id string) bool {
		var n int
		if err := w.open(t, "triage").Get(&n, `SELECT count(*) FROM cases WHERE id = $1 AND redacted_at IS NOT NULL`, id); err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
	nothing := func(when string, before int) {
		t.Helper()
		if out := work(); strings.Contains(out, "case-") || redacted(gone) || redacted(held) || files(t, blobs) != before {
			t.Errorf("%s: the run deleted something\n%s", when, out)
		}
	}

	const day = `\d{4}-\d\d-\d\d`
	before := files(t, blobs)
	out := count(standalone.Retention{Data: data})
	line(out, "triage", "case-content", `1 +1 +`+day+` +`+day+` +not proposed`)
	line(out, "triage", "case-files", `1 +1 +`+day+` +`+day+` +not proposed`)
	line(out, "directory", "tokens", `0 +0 +`+day+` +- +by itself`)
	if redacted(gone) || files(t, blobs) != before {
		t.Error("the dry run changed something")
	}
	nothing("without a proposal", before)

	url := map[string]string{"triage": w.Demo.Database("triage")}
	longer := count(standalone.Retention{Databases: url, Environ: []string{"TRIAGE_RETENTION_KEEP=case-content=3650"}})
	line(longer, "triage", "case-content", `0 +0 +`+day+` +- +not proposed`)
	if strings.Contains(longer, "intake") {
		t.Errorf("a database that nobody named is counted\n%s", longer)
	}

	lead := w.as(t, actor.Lead)
	var run struct{ ID string }
	must(t, lead, http.MethodPost, "/api/triage/v1/retention/runs", http.StatusCreated, map[string]any{"class": "case-content"}, &run)
	line(count(standalone.Retention{Data: data}), "triage", "case-content", `1 +1 .*waits for a second person`)
	nothing("with one person's proposal", before)

	// Released, but the running instance has not been told: its next hour.
	second := unknownID()
	w.run(t, "triage", `UPDATE retention_run SET state = 'approved', decided_by = '`+second+`', decided_at = now() WHERE id = '`+run.ID+`'`)
	line(count(standalone.Retention{Data: data}), "triage", "case-content", `1 +1 .*released`)
	if out := work(); !strings.Contains(out, "triage case-content: 1 deleted\n") {
		t.Errorf("the run:\n%s", out)
	}
	if !redacted(gone) || redacted(held) || files(t, blobs) >= before {
		t.Errorf("redacted: due %v, on hold %v; %d files of %d", redacted(gone), redacted(held), files(t, blobs), before)
	}
	nothingMore := files(t, blobs)
	if out := work(); strings.Contains(out, "case-") || files(t, blobs) != nothingMore {
		t.Errorf("a second run deletes again:\n%s", out)
	}
	var n int
	if err := w.open(t, "triage").Get(&n, `SELECT count(*) FROM audit WHERE action = 'retention.delete' AND object_id = 'case-content' AND actor LIKE '%'||$1`, second); err != nil || n != 1 {
		t.Errorf("%d audit entries in the name of who released it (%v), want 1", n, err)
	}
	var chain bytes.Buffer
	if err := standalone.VerifyAudit(t.Context(), data, &chain); err != nil {
		t.Errorf("the audit afterwards: %v\n%s", err, chain.String())
	}
}

// Every service's rules are listed, and a folder that is none is refused.
func TestTheCommandListsTheRulesOfEveryService(t *testing.T) {
	t.Parallel()
	out, code := tool(t, "retention", "rules")
	for _, want := range []string{`directory +tokens +90 +by itself`, `intake +report-content +1095 +by two people`, `triage +case-files +90 +by two people`, `notification +deliveries +365 +by two people`} {
		if code != 0 || !regexp.MustCompile(`(?m)^`+want).MatchString(out) {
			t.Errorf("exit %d, no line %s in\n%s", code, want, out)
		}
	}
	for _, args := range [][]string{
		{"retention", "run"},
		{"retention", "dry-run"},
		{"retention", "run", "--data", t.TempDir(), "case-content"},
		{"retention", "run", "--database", "triage=postgres://x"},
		{"retention", "delete"},
		{"retention", "dry-run", "--database", "traige=postgres://x"},
		{"retention", "dry-run", "--data", t.TempDir(), "--database", "triage=postgres://x"},
	} {
		if out, code := tool(t, args...); code == 0 {
			t.Errorf("%v: exit 0\n%s", args, out)
		}
	}
}
