// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
)

// Reliability model §2.5: TLP:RED is for named people after a step-up, in every
// page, list, search, export and answer of the API. What is in the case appears
// nowhere before, but nobody overlooks that there is one.
func TestARedCaseIsReadOnlyAfterAStepUp(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	r.TLP, r.Description = "RED", "KANARIENVOGEL im Keller"
	ref := e.open(r)
	plain := e.open(sample.Report(2))
	e.form("lead", ref, "einstufen", 1, "title", "KANARIENVOGEL", "severity", "critical", "tlp", "RED", "class", "malicious-code:infected-system")

	for path, to := range map[string]string{
		"/lage/fall/" + ref:                "/konto/bestaetigen?next=%2Flage%2Ffall%2F" + ref,
		"/lage/fall/" + ref + "/druck":     "/konto/bestaetigen?next=%2Flage%2Ffall%2F" + ref + "%2Fdruck",
		"/lage/eingang?fall=" + ref:        "/konto/bestaetigen?next=%2Flage%2Feingang%3Ffall%3D" + ref,
		"/lage/fall/" + ref + "/tun/notiz": "/konto/bestaetigen?next=%2Flage%2Ffall%2F" + ref + "%2Ftun%2Fnotiz",
	} {
		res := e.do(request{path: path, as: "lead", stale: true})
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != to {
			t.Errorf("%s: %d to %s, want %s", path, res.StatusCode, res.Header.Get("Location"), to)
		}
	}
	for _, path := range []string{cases + "/" + ref, "/lage/fall/" + ref + "/teil"} {
		res := e.do(request{path: path, as: "lead", stale: true, header: map[string]string{"HX-Request": "true"}})
		if res.StatusCode != http.StatusForbidden || strings.Contains(res.body, "KANARIENVOGEL") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
	for _, path := range []string{"/lage/eingang", "/lage/faelle", cases, "/lage/zeile/" + ref, "/lage/fall/" + plain} {
		res := e.do(request{path: path, as: "lead", stale: true})
		if res.StatusCode != http.StatusOK || strings.Contains(res.body, "KANARIENVOGEL") || !strings.Contains(res.body, ref) && !strings.Contains(res.body, "0001") {
			t.Errorf("%s: %d, want the case without what it is about: %s", path, res.StatusCode, res.body)
		}
	}
	for _, path := range []string{"/lage/suche?q=KANARIENVOGEL", cases + "?q=KANARIENVOGEL"} {
		if res := e.do(request{path: path, as: "lead", stale: true}); res.StatusCode != http.StatusOK || strings.Contains(res.body, ref) {
			t.Errorf("%s finds it: %s", path, res.body)
		}
		if res := e.do(request{path: path, as: "lead", cookie: true}); !strings.Contains(res.body, ref) {
			t.Errorf("%s does not find it after a step-up: %s", path, res.body)
		}
	}
	if res := e.do(request{path: "/lage/suche?q=KANARIENVOGEL", as: "lead", stale: true}); !strings.Contains(res.body, "/konto/bestaetigen?next=") {
		t.Error("the search does not say what it leaves out")
	}
	if res := e.do(request{path: cases + "/" + ref, as: "lead"}); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "KANARIENVOGEL") {
		t.Errorf("a token counts as confirmed: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_type = 'case'`); n < 5 {
		t.Errorf("%d refusals in the audit, want one each", n)
	}
	e.intact()
}

// Nobody changes what they may not read, nor hides a case from themselves.
func TestARedCaseIsChangedOnlyAfterAStepUp(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	r.TLP = "RED"
	ref, plain := e.open(r), e.open(sample.Report(2))
	old := func(path, body string) response {
		return e.do(request{method: http.MethodPost, path: path, as: "lead", stale: true, body: body})
	}
	for name, res := range map[string]response{
		"taking it":              old("/lage/fall/"+ref+"/uebernehmen", "version=1"),
		"merging another":        old("/lage/fall/"+plain+"/verbinden", "version=1&reason=x&target="+ref),
		"making another one RED": old("/lage/fall/"+plain+"/einstufen", "version=1&tlp=RED"),
	} {
		if res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "/konto/bestaetigen") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE version <> 1`); n != 0 {
		t.Errorf("%d cases changed", n)
	}
}
