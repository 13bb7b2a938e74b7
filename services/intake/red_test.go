// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Reliability model §2.5: TLP:RED is read after a step-up only, by whom it
// belongs to as well; the list says that there is a report.
func TestARedReportIsReadOnlyAfterAStepUp(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	red := strings.Replace(strings.Replace(good, `"tlp":"AMBER"`, `"tlp":"RED"`, 1), "Alles verschlüsselt", "KANARIENVOGEL", 1)
	c := e.submit(actor.Officer, "key-1", red)
	const api = "/api/intake/v1/reports"
	stale := "stale-" + actor.Officer
	if res := e.do(request{path: "/melden/vorgang/" + c.Reference, cookie: stale}); res.StatusCode != http.StatusSeeOther ||
		!strings.HasPrefix(res.Header.Get("Location"), "/konto/bestaetigen?next=") {
		t.Errorf("the page: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res := e.do(request{path: api + "/" + c.ID, cookie: stale}); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "/problems/step-up-required") {
		t.Errorf("the API: %d %s", res.StatusCode, res.body)
	}
	for _, path := range []string{api, "/melden/vorgaenge"} {
		res := e.do(request{path: path, cookie: stale})
		if res.StatusCode != http.StatusOK || !strings.Contains(res.body, c.Reference) || strings.Contains(res.body, "KANARIENVOGEL") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
	for name, r := range map[string]request{
		"after a step-up":       {path: api + "/" + c.ID, cookie: actor.Officer},
		"with a token":          {path: api + "/" + c.ID, as: actor.Officer},
		"a guest with its code": {path: api + "/" + c.ID, header: map[string]string{"Report-Code": c.Code}},
	} {
		if res := e.do(r); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "KANARIENVOGEL") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_id = $1`, c.ID); n != 2 {
		t.Errorf("%d refusals in the audit, want 2", n)
	}
}

// §2.5: TLP:RED that a body reported itself is for its own people and the CERT,
// whatever its provider may read otherwise. What the provider reported itself it
// knows, under any label.
func TestARedReportOfABodyItselfIsNotItsProviders(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	with := func(label string) string { return strings.Replace(good, `"tlp":"AMBER"`, `"tlp":"`+label+`"`, 1) }
	for label, want := range map[string]int{"RED": http.StatusNotFound, "AMBER+STRICT": http.StatusOK} {
		c := e.submit(actor.Officer, "own"+label, with(label))
		for _, r := range []request{
			{path: reportsPath + "/" + c.ID, as: actor.Provider},
			{path: reportsPath + "/" + c.ID + "/affected", as: actor.Provider},
			{path: "/melden/vorgang/" + c.Reference, cookie: actor.Provider},
			{path: "/melden/vorgang/" + c.Reference + "/druck", cookie: actor.Provider},
		} {
			if res := e.do(r); res.StatusCode != want {
				t.Errorf("%s: the provider at %s: %d, want %d", label, r.path, res.StatusCode, want)
			}
		}
		if listed := strings.Contains(e.do(request{path: reportsPath, as: actor.Provider}).body, c.ID); listed != (want == http.StatusOK) {
			t.Errorf("%s: in the provider's list: %v", label, listed)
		}
		if res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/messages", as: actor.Provider, key: "m" + label, body: `{"text":"x"}`}); (res.StatusCode == http.StatusCreated) != (want == http.StatusOK) {
			t.Errorf("%s: the provider writes: %d", label, res.StatusCode)
		}
	}
	c := e.submit(actor.Provider, "agent", with("RED"))
	if res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Provider}); res.StatusCode != http.StatusOK {
		t.Errorf("what the provider reported: %d, want it readable", res.StatusCode)
	}
}

// A guest has the one report of a code, and no list.
func TestWithoutCredentialsThereIsNoList(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit("", "key-1", good)
	if res := e.do(request{path: "/api/intake/v1/reports"}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the list without credentials: %d %s, want 401", res.StatusCode, res.body)
	}
	if res := e.do(request{path: "/api/intake/v1/reports/" + c.ID, header: map[string]string{"Report-Code": c.Code}}); res.StatusCode != http.StatusOK {
		t.Errorf("the report with its code: %d %s", res.StatusCode, res.body)
	}
}
