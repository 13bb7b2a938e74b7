// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Before a step-up a TLP:RED report shows nothing but that it is there: not in
// lists, not in the log of who read what, not among one's own data, not in the
// API. After it everything is there.
func TestARedReportShowsNothingButItsReferenceBeforeAStepUp(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "key-1", strings.Replace(strings.Replace(good, `"tlp":"AMBER"`, `"tlp":"RED"`, 1), "Alles verschlüsselt", "KANARIENVOGEL", 1))
	if res := e.attach("/api/intake/v1/reports/"+c.ID, actor.Officer, "file", "KANARIENVOGEL.txt", []byte("x")); res.StatusCode >= 300 {
		t.Fatalf("attach: %d %s", res.StatusCode, res.body)
	} else {
		var a attached
		res.into(t, &a)
		e.do(request{path: "/api/intake/v1/reports/" + c.ID + "/attachments/" + a.ID, as: actor.Officer})
	}
	stale := "stale-" + actor.Officer
	for path, secrets := range map[string][]string{
		"/api/intake/v1/reports":                       {"KANARIENVOGEL", "ransomware", "Klettbach"},
		"/melden/vorgaenge":                            {"KANARIENVOGEL", "Verschlüsselung", "Klettbach"},
		"/melden/protokoll":                            {"KANARIENVOGEL"},
		"/api/intake/v1/accesses":                      {"KANARIENVOGEL"},
		"/melden/meine-daten":                          {"KANARIENVOGEL"},
		"/api/intake/v1/privacy/me":                    {"KANARIENVOGEL"},
		"/melden/vorgang/" + c.Reference:               {"KANARIENVOGEL", "Klettbach"},
		"/melden/vorgang/" + c.Reference + "/druck":    {"KANARIENVOGEL", "Klettbach"},
		"/melden/vorgang/" + c.Reference + "/datei":    {"KANARIENVOGEL"},
		"/api/intake/v1/reports/" + c.ID:               {"KANARIENVOGEL", "Klettbach"},
		"/api/intake/v1/reports/" + c.ID + "/affected": {"KANARIENVOGEL", "Klettbach"},
	} {
		before := e.do(request{path: path, cookie: stale})
		body := before.body
		if i := strings.Index(body, "<main"); i > 0 { // the frame names the person's own organisation
			body = body[i:]
		}
		for _, s := range secrets {
			if strings.Contains(body, s) {
				t.Errorf("%s tells %q before a step-up (%d): %.1500s", path, s, before.StatusCode, body)
			}
		}
		if after := e.do(request{path: path, cookie: actor.Officer}); after.StatusCode != http.StatusOK {
			t.Errorf("%s after a step-up: %d", path, after.StatusCode)
		}
	}
	if res := e.do(request{path: "/melden/protokoll", cookie: actor.Officer}); !strings.Contains(res.body, "KANARIENVOGEL.txt") {
		t.Error("the log does not name the file after a step-up")
	}
}
