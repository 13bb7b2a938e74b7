// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// TestEveryRouteAsksTheMatrix asks every registered route as every role and as a
// guest: who has no cell in the route's row never gets an answer of it. A route
// without a row fails.
func TestEveryRouteAsksTheMatrix(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	guest := e.submit("", "2", good)
	known := map[actor.Action]bool{}
	for _, a := range actor.Actions() {
		known[a] = true
	}
	for _, r := range e.Routes() {
		if !known[r.Action] {
			t.Errorf("%s %s has no row in the matrix", r.Method, r.Path)
		}
		path := strings.NewReplacer(":id", c.ID, ":file", c.ID, ":code", "AAA-AAA-AAAA", "*", "css/leitstelle.css").Replace(r.Path)
		for _, role := range append(actor.Roles(), actor.Guest) {
			reach, _ := actor.Cell(r.Action, role)
			q := request{method: r.Method, path: path, as: role, key: "m-" + string(role) + path, body: "{}"}
			if role == actor.Guest {
				q.as = ""
			}
			res := e.do(q)
			if res.StatusCode >= 500 {
				t.Errorf("%s %s as %s: %d %s", r.Method, r.Path, role, res.StatusCode, res.body)
			}
			if reach == actor.None && r.Action != actor.Public && res.StatusCode == http.StatusOK && aboutOne(r.Path) {
				t.Errorf("%s %s as %s: %d though the matrix denies", r.Method, r.Path, role, res.StatusCode)
			}
			if reach != actor.None && strings.HasSuffix(r.Path, "/reports/:id") && mayRead(role) != (res.StatusCode == http.StatusOK) {
				t.Errorf("%s %s as %s: %d", r.Method, r.Path, role, res.StatusCode)
			}
		}
	}
	// The swapped id: what a role may do to its own it may not do to another's.
	for _, p := range []string{"", "/messages", "/supplements"} {
		method, body := "GET", ""
		if p != "" {
			method, body = "POST", `{"text":"x"}`
		}
		for _, role := range []actor.Role{actor.Officer, actor.Provider, actor.OrgAdmin} {
			res := e.do(request{method: method, path: reportsPath + "/" + guest.ID + p, as: role, key: "swap" + p, body: body})
			if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s of a report that is not confirmed, as %s: %d", method, p, role, res.StatusCode)
			}
		}
	}
}

// aboutOne reports whether a route shows or changes one report.
func aboutOne(path string) bool { return strings.Contains(path, ":id") }

func mayRead(role actor.Role) bool {
	switch role {
	case actor.Officer, actor.Provider, actor.Duty, actor.Analyst, actor.Lead:
		return true
	default:
		return false
	}
}

// D18: a mandate that ends is over at once.
func TestD18ARevokedMandateShowsNothing(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Provider, "1", good)
	if res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Provider}); res.StatusCode != http.StatusOK {
		t.Fatalf("under the mandate: %d", res.StatusCode)
	}
	e.revoke()
	e.eventually("the revocation", func() bool {
		return e.do(request{path: reportsPath + "/" + c.ID, as: actor.Provider}).StatusCode == http.StatusNotFound
	})
	if res := e.do(request{method: "POST", path: reportsPath, as: actor.Provider, key: "2", body: good}); res.StatusCode != http.StatusForbidden {
		t.Errorf("reports without a mandate: %d", res.StatusCode)
	}
	if res := e.do(request{path: reportsPath + "/" + c.ID, as: actor.Officer}); res.StatusCode != http.StatusOK {
		t.Errorf("the principal keeps reading: %d", res.StatusCode)
	}
}
