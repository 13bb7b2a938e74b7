// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Reliability model §2.5: TLP:RED is for named people after a step-up. The list
// says that there is a warning, and nothing of it.
func TestARedWarningIsReadOnlyAfterAStepUp(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := e.released(strings.ReplaceAll(named(with("RED"), muster), "Muster-VPN", "KANARIENVOGEL"))
	const api = "/api/notification/v1/alerts"
	for _, role := range []actor.Role{actor.Officer, actor.Lead} {
		stale := "stale-" + role
		if res := e.do(request{path: "/warnungen/" + w.Reference, cookie: stale}); res.StatusCode != http.StatusSeeOther ||
			res.Header.Get("Location") != "/konto/bestaetigen?next=%2Fwarnungen%2F"+w.Reference {
			t.Errorf("%s: %d to %s", role, res.StatusCode, res.Header.Get("Location"))
		}
		e.want(http.StatusForbidden, request{path: api + "/" + w.ID, cookie: stale})
		for _, path := range []string{"/warnungen", api} {
			res := e.want(http.StatusOK, request{path: path, cookie: stale})
			if strings.Contains(res.body, "KANARIENVOGEL") || !strings.Contains(res.body, w.Reference) {
				t.Errorf("%s for %s: %s", path, role, res.body)
			}
		}
		e.want(http.StatusOK, request{path: "/warnungen/" + w.Reference, cookie: role})
		e.want(http.StatusOK, request{path: api + "/" + w.ID, as: role})
	}
	for _, path := range []string{"", "/bearbeiten", "/vorschau", "/anrufliste", "/zustellungen", "/stand"} {
		if res := e.do(request{path: "/warnungen/redaktion/" + w.Reference + path, cookie: "stale-" + actor.Lead}); res.StatusCode != http.StatusSeeOther {
			t.Errorf("the desk's %s: %d", path, res.StatusCode)
		}
	}
	if res := e.want(http.StatusOK, request{path: "/warnungen/redaktion", cookie: "stale-" + actor.Lead}); strings.Contains(res.body, "KANARIENVOGEL") {
		t.Error("the desk's list says what a RED warning is about")
	}
}

// Two taps are one answer.
func TestASecondTapSaysNothingNew(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := e.released(named(draft, muster))
	path := "/api/notification/v1/alerts/" + w.ID + "/answers"
	count := func(query string) int {
		t.Helper()
		var n int
		if err := e.db.Get(&n, query); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		e.want(http.StatusCreated, request{method: http.MethodPost, path: path, as: actor.Officer, json: `{"organisation":"16071043","answer":"fixed"}`})
	}
	if answers, events := count(`SELECT count(*) FROM answers`), count(`SELECT count(*) FROM outbox WHERE subject LIKE 'poll.%'`); answers != 1 || events != 1 {
		t.Errorf("%d versions and %d events of one answer, want 1 and 1", answers, events)
	}
	e.want(http.StatusCreated, request{method: http.MethodPost, path: path, as: actor.Officer, json: `{"organisation":"16071043","answer":"fixed","text":"seit heute"}`})
	e.want(http.StatusCreated, request{method: http.MethodPost, path: path, as: actor.Provider, json: `{"organisation":"16071043","answer":"fixed","text":"seit heute"}`})
	if answers := count(`SELECT count(*) FROM answers`); answers != 3 {
		t.Errorf("%d versions, want 3: another text and another person say something new", answers)
	}
}
