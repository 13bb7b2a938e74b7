// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

// casesAt waits until a report has a case for each of n bodies.
func (w *world) casesAt(t *testing.T, report string, n int) {
	t.Helper()
	db := w.open(t, "triage")
	devstack.Eventually(t, 90*time.Second, "a case for each body", func() bool {
		var cases int
		if err := db.GetContext(t.Context(), &cases, `SELECT count(DISTINCT case_id) FROM case_reports WHERE report_id = $1`, report); err != nil {
			t.Fatal(err)
		}
		return cases == n
	})
}

// A provider reports for 72 members through the form, in one step; each becomes
// a case of its own, and a member sees only itself.
func TestAProviderReportsFor72MembersInTheForm(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{})
	cookie := w.cookie(t, w.person(t, actor.Provider))
	begin := w.get(t, client(t), "/melden", cookie)
	path := strings.TrimSuffix(begin.Header.Get("Location"), "/was")
	step := func(name string, v url.Values) {
		t.Helper()
		if res := w.form(t, path+name, v, cookie); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d", name, res.StatusCode)
		}
	}
	step("/was", url.Values{"what": {"outage"}, "description": {"Das Rechenzentrum steht"}})
	step("/stellen", url.Values{"do": {"all"}})
	step("/stellen", url.Values{"go": {"next"}})
	step("/betroffen", url.Values{"impact": {"high"}, "noticed_at": {time.Now().Add(-2 * time.Hour).Format("2006-01-02T15:04")}})
	step("/kontakt", url.Values{"picked": {"yes"}, "name": {"Paul Netz"}, "phone": {"0361 1234567"}})
	step("/absenden", nil)
	done := w.get(t, client(t), path+"/fertig", cookie)
	ref := regexp.MustCompile(`M-\d{4}-\d{6}`).FindString(done.Text)
	if ref == "" || !strings.Contains(done.Text, "72 Stellen") {
		t.Fatalf("the confirmation names %q", ref)
	}
	var d struct {
		ID            string
		AffectedTotal int `json:"affected_total"`
	}
	must(t, w.as(t, actor.Provider), http.MethodGet, "/api/intake/v1/reports/"+ref, http.StatusOK, nil, &d)
	if d.AffectedTotal != 72 {
		t.Errorf("the report is about %d bodies", d.AffectedTotal)
	}
	w.casesAt(t, d.ID, 72)
	officer := w.person(t, actor.Officer)
	own := w.get(t, client(t), "/melden/vorgang/"+ref, w.cookie(t, officer))
	if own.StatusCode != http.StatusOK || !strings.Contains(own.Text, "in Ihrem Auftrag gemeldet") || strings.Contains(own.Text, "72 ") {
		t.Errorf("the member's page: %d", own.StatusCode)
	}
	must(t, w.as(t, actor.Officer), http.MethodGet, "/api/intake/v1/reports/"+ref, http.StatusOK, nil, &d)
	if d.AffectedTotal != 1 {
		t.Errorf("the member sees %d bodies", d.AffectedTotal)
	}
	must(t, w.of(t, w.named(t, "it-sicherheit@weimarer-land.example")), http.MethodGet, "/api/intake/v1/reports/"+ref, http.StatusNotFound, nil, nil)
	w.holds(t)
}

// All 605 municipalities in one request.
func TestAProviderReportsFor605MembersAtOnce(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{})
	firm := w.person(t, actor.Provider).Organisation.ID
	db := w.open(t, "intake")
	var towns []struct {
		ID  string `db:"id"`
		AGS string `db:"ags"`
	}
	if err := db.SelectContext(t.Context(), &towns, `
		SELECT id, body::jsonb->>'ags' AS ags FROM register_record WHERE kind = 'organisation'
		AND body::jsonb->>'level' IN ('gemeinde', 'kreisfrei') AND (body::jsonb->>'active')::boolean ORDER BY 2 LIMIT 605`); err != nil || len(towns) != 605 {
		t.Fatalf("%d municipalities, %v", len(towns), err)
	}
	err := pg.InTx(t.Context(), db, func(tx pg.DB) error {
		for _, o := range towns {
			if err := register.Store(t.Context(), tx, event.New(event.MandateChanged{
				ID: event.NewID(), Version: 1, Principal: o.ID, Agent: firm, Scopes: []string{"report", "read"}, From: time.Now().Add(-time.Hour),
			}, event.Meta{At: time.Now(), Actor: "test"})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(towns))
	for i, o := range towns {
		all[i] = o.AGS
	}
	c := w.as(t, actor.Provider)
	var r struct {
		ID       string
		Affected []struct{ AGS string }
	}
	devstack.Eventually(t, 15*time.Second, "the report for 605", func() bool { // the mandates are on their way into memory
		_, err := c.Do(t.Context(), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, reportOf("Alle 605", all...), &r)
		return err == nil
	})
	if len(r.Affected) != 605 {
		t.Fatalf("%d bodies", len(r.Affected))
	}
	w.casesAt(t, r.ID, 605)
	w.holds(t)
}
