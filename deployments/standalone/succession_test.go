// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// Suhl is merged into Weimar: Weimar's officer sees the open report under its old
// name, answers it and gets the next warning; Suhl's sees and gets nothing more.
func TestAMergedBodysReportsAndWarningsGoToItsSuccessor(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true})
	susi, willi, karla := w.named(t, "it@suhl.example"), w.named(t, "it@weimar.example"), w.person(t, actor.Constituency)
	weimar := w.organisation(t, "16055000")
	r := submit(t, w.of(t, susi), "Suhl meldet sich", "16054000")
	c := w.casesOf(t, r.ID, 1)[0]
	report := "/api/intake/v1/reports/" + r.ID
	must(t, w.of(t, willi), http.MethodGet, report, http.StatusNotFound, nil, nil)
	warn := func(title string) {
		t.Helper()
		id := w.draftAlert(t, map[string]any{"title": title, "audience": map[string]any{"organisations": []string{w.organisation(t, "16054000"), weimar}}})
		must(t, w.as(t, actor.Approver), http.MethodPost, "/api/notification/v1/alerts/"+id+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", "1")
	}
	warn("Vor der Fusion")
	w.mail(t, susi.Email, "Vor der Fusion")

	// The register's next state no longer lists Suhl.
	w.run(t, "directory", `UPDATE organisation SET gone_at = now(), version = version + 1 WHERE ags = '16054000'`)
	cookie := w.cookie(t, karla)
	const at = "/verzeichnis/kommunen/16054000/"
	if p := w.form(t, at+"nachfolge", url.Values{"successor": {"16055000"}, "kind": {"incorporated"}}, cookie); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("naming the successor: %d %s", p.StatusCode, p.Text)
	}
	if p := w.get(t, client(t), at+"nachfolge", cookie); !strings.Contains(p.Text, "Susi Suhl") || !strings.Contains(p.Text, "Offene Meldungen") {
		t.Errorf("the page does not say what goes over: %d", p.StatusCode)
	}
	must(t, w.of(t, willi), http.MethodGet, report, http.StatusNotFound, nil, nil) // nobody has decided yet
	if p := w.form(t, at+"uebernahme", url.Values{}, cookie); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("handing over: %d %s", p.StatusCode, p.Text)
	}

	answers := func(p standalone.DemoPerson, want int) bool {
		_, err := w.of(t, p).Do(t.Context(), http.MethodGet, report, want, nil, nil)
		return err == nil
	}
	devstack.Eventually(t, 15*time.Second, "the successor sees the open report", func() bool { return answers(willi, http.StatusOK) })
	if !answers(susi, http.StatusNotFound) {
		t.Error("the predecessor's officer still gets an answer, want 404")
	}
	var seen struct {
		Affected []struct{ Name string }
	}
	must(t, w.of(t, willi), http.MethodGet, report, http.StatusOK, nil, &seen)
	if len(seen.Affected) != 1 || !strings.Contains(seen.Affected[0].Name, "Suhl") {
		t.Errorf("the report is about %+v, want Suhl as before", seen.Affected)
	}
	must(t, w.of(t, willi), http.MethodPost, report+"/messages", http.StatusCreated, map[string]any{"text": "Weimar führt das weiter"}, nil, "Idempotency-Key", newKey())
	triage := w.open(t, "triage")
	devstack.Eventually(t, 15*time.Second, "the case says who took over, and has the answer", func() bool {
		var n int
		return triage.Get(&n, `SELECT count(*) FROM case_entries WHERE case_id = $1 AND (kind = 'succeeded' OR kind = 'message.received')`, c.ID) == nil && n == 2
	})
	must(t, w.of(t, susi), http.MethodGet, "/api/notification/v1/alerts", http.StatusNotFound, nil, nil)

	id := w.draftAlert(t, map[string]any{"title": "Nach der Fusion", "audience": map[string]any{"organisations": []string{weimar}}})
	must(t, w.as(t, actor.Approver), http.MethodPost, "/api/notification/v1/alerts/"+id+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", "1")
	w.mail(t, willi.Email, "Nach der Fusion")
	must(t, w.of(t, willi), http.MethodPost, "/api/notification/v1/alerts/"+id+"/answers", http.StatusCreated,
		map[string]any{"organisation": weimar, "answer": "fixed"}, nil, "Idempotency-Key", newKey())
	devstack.Eventually(t, 15*time.Second, "the statistics count the answer to the last warning", func() bool {
		var share struct{ Total struct{ Asked, Answered int } }
		must(t, w.of(t, karla), http.MethodGet, "/api/directory/v1/participation", http.StatusOK, nil, &share)
		return share.Total.Asked == 1 && share.Total.Answered == 1
	})
	var n int
	if err := w.open(t, "notification").Get(&n, `SELECT count(*) FROM deliveries WHERE recipient = $1`, susi.Email); err != nil || n == 0 {
		t.Fatalf("%d deliveries to the predecessor before, %v", n, err)
	}
	if err := w.open(t, "notification").Get(&n, `SELECT count(*) FROM deliveries d JOIN notices x ON x.id = d.notice WHERE d.recipient = $1 AND x.alert = $2`, susi.Email, id); err != nil || n != 0 {
		t.Errorf("%d warnings to the predecessor, %v", n, err)
	}
}
