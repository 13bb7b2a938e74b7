// SPDX-License-Identifier: EUPL-1.2

//go:build norules

package standalone_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/session"
)

// canary is a word that stands in the rows of one organisation.
const canary = "KANARIENVOGEL-"

// D17: with the application's rules compiled out (every May says yes, every list
// is of everything) row-level security alone shows no foreign row: every route of
// intake and notification that reads, every role, own and foreign objects.
func TestD17WithoutTheRulesTheDatabaseKeepsOrganisationsApart(t *testing.T) {
	w := shared(t)
	if !(actor.Actor{}).May(actor.AuditRead, actor.Object{}).Allowed {
		t.Fatal("the rules are in force: run this test with -tags norules")
	}
	klettbach, jena := w.organisation(t, "16071043"), w.organisation(t, "16053000")
	officer, other := w.person(t, actor.Officer), w.named(t, "it@jena.example")
	reports := map[string]planted{klettbach: w.canaryReport(t, officer, klettbach, "Klettbach"), jena: w.canaryReport(t, other, jena, "Jena")}
	warning := w.draftAlert(t, map[string]any{
		"title": canary + "Klettbach", "tlp": "AMBER", "audience": map[string]any{"organisations": []string{klettbach}},
	})
	must(t, w.as(t, actor.Approver), http.MethodPost, "/api/notification/v1/alerts/"+warning+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", `"1"`)

	f := &fixture{w: w, http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	cert := []actor.Role{actor.Duty, actor.Analyst, actor.Lead}
	warned := append(slices.Clone(cert), actor.Editor, actor.Approver, actor.Constituency, actor.Steering)
	_, mandates := f.me(t, w.person(t, actor.Provider))
	agent := func(org string) bool { // without the rules more mandates of the demo are confirmed than otherwise
		return slices.ContainsFunc(mandates, func(m actor.Mandate) bool { return m.Principal == org })
	}
	asked, shown := 0, 0
	for _, role := range actor.Roles() {
		p := w.person(t, role)
		own := role == actor.Officer || role == actor.Provider && agent(klettbach)
		for _, service := range []string{"intake", "notification"} {
			for _, r := range w.Routes(service) {
				if r.Method != http.MethodGet || r.Stream && !strings.Contains(r.Path, ":file") {
					continue
				}
				kind, _ := f.kind(r)
				for org, x := range reports {
					path, ok := x.path(r.Path, kind, warning)
					if !ok {
						continue
					}
					asked++
					got := f.read(t, p, path)
					if strings.Contains(got, canary) {
						shown++
					}
					everything := slices.Contains(cert, role)
					if strings.Contains(got, canary+"Jena") && !everything && (role != actor.Provider || !agent(jena)) {
						t.Errorf("%s as %s shows Jena's (asked for %s)", path, role, org)
					}
					mayKlettbach := own || everything || service == "notification" && (role == actor.OrgAdmin || slices.Contains(warned, role))
					if strings.Contains(got, canary+"Klettbach") && !mayKlettbach {
						t.Errorf("%s as %s shows Klettbach's", path, role)
					}
				}
			}
		}
	}
	if asked < 200 || shown < 20 {
		t.Errorf("%d requests, %d of them answered with what is theirs: the test asks too little", asked, shown)
	}
	t.Logf("%d requests, %d answered with rows, none foreign", asked, shown)
	for _, role := range actor.Roles() { // a number is made of rows, too
		for org := range reports {
			may := slices.Contains(cert, role) || role == actor.Officer && org == klettbach || role == actor.Provider && agent(org)
			if n := f.counted(t, w.person(t, role), org); n > 0 != may {
				t.Errorf("the figures of %s for %s count %d reports", org, role, n)
			}
		}
	}
	w.holed(t, f, reports[klettbach], other)
}

// holed shows that the test can fail: without the policy the rules would have
// been the only ones to keep them apart.
func (w *world) holed(t *testing.T, f *fixture, x planted, other standalone.DemoPerson) {
	t.Helper()
	path := "/api/intake/v1/reports/" + x.report
	if got := f.read(t, other, path); strings.Contains(got, canary) {
		t.Errorf("the database shows a foreign report: %s", got)
	}
	if _, err := w.open(t, "intake").Exec(`CREATE POLICY hole ON report_body FOR SELECT TO intake_reader USING (true)`); err != nil {
		t.Fatal(err)
	}
	if got := f.read(t, other, path); !strings.Contains(got, canary+"Klettbach") {
		t.Errorf("through a hole in the policies nothing is shown: the rules are not off, or the test looks elsewhere: %s", got)
	}
}

// counted is how many reports of an organisation the figures tell somebody of.
func (f *fixture) counted(t *testing.T, p standalone.DemoPerson, org string) int {
	t.Helper()
	var got struct {
		Organisation struct{ ID string }
		Reports      int
	}
	raw := f.read(t, p, "/api/intake/v1/figures?organisation="+org)
	if err := json.Unmarshal([]byte(raw), &got); err != nil || got.Organisation.ID != org {
		t.Errorf("the figures of %s for %s: %s", org, p.Email, raw)
	}
	return got.Reports
}

// planted is a report with all that can hang on it.
type planted struct{ report, file string }

func (w *world) canaryReport(t *testing.T, p standalone.DemoPerson, org, name string) planted {
	t.Helper()
	c := w.of(t, p)
	r := submit(t, c, canary+name, org)
	api := "/api/intake/v1/reports/" + r.ID
	must(t, c, http.MethodPost, api+"/messages", http.StatusCreated, map[string]any{"text": canary + name}, nil)
	must(t, c, http.MethodPost, api+"/supplements", http.StatusCreated, map[string]any{"description": canary + name}, nil)
	return planted{r.ID, attach(t, c, r.ID, canary+name+".txt", canary+name)}
}

// path fills a route with this object; false for routes that name no such thing.
func (x planted) path(route, kind, warning string) (string, bool) {
	switch kind {
	case "":
		return route, true
	case "report":
		return fill(route, []string{x.report}), true
	case "file":
		return fill(route, []string{x.report, x.file}), true
	case "alert", "public-alert":
		return fill(route, []string{warning}), true
	}
	return "", false
}

// read is what a route answers to a person: a program's token, or for a page the
// session.
func (f *fixture) read(t *testing.T, p standalone.DemoPerson, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.w.Demo.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Authorization", "Bearer "+p.Token)
	} else {
		req.Header.Set("Cookie", session.Cookie+"="+f.w.cookie(t, p))
	}
	res, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode >= http.StatusInternalServerError {
		t.Errorf("%s: %d", path, res.StatusCode)
	}
	return string(b)
}
