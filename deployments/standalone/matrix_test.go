// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

var serviceNames = []string{"directory", "intake", "triage", "notification"}

// asker is one of those who knock at every door: a person of each role, a
// guest, and credentials that do not hold.
type asker struct {
	name     string
	role     actor.Role
	id       string // of the person
	home     string // organisation
	mandates []actor.Mandate
	token    string
	cookie   string
	bad      bool // the Bearer does not hold
}

// reaches answers from the cells of the matrix alone, so that a mistake in
// actor.May shows as well.
func (a asker) reaches(action actor.Action, o object) bool {
	if action == actor.Public {
		return true
	}
	if a.id == "" {
		return actor.GuestByCode(action) && o.open
	}
	cell, scope := actor.Cell(action, a.role)
	switch cell {
	case actor.All:
		return true
	case actor.Own:
		return slices.Contains(o.orgs, a.home)
	case actor.Assigned:
		return o.assignee == a.id
	case actor.Unlocked:
		return !o.locked || o.assignee == a.id
	case actor.Mine:
		return o.owner == a.id
	case actor.Mandated:
		return slices.ContainsFunc(a.mandates, func(m actor.Mandate) bool {
			return slices.Contains(o.orgs, m.Principal) && slices.Contains(m.Scopes, scope)
		})
	case actor.None:
	}
	return false
}

// anywhere reports whether the role reaches anything at all of the action.
func (a asker) anywhere(action actor.Action) bool {
	if action == actor.Public || actor.GuestByCode(action) && a.id == "" {
		return true
	}
	cell, scope := actor.Cell(action, a.role)
	if cell == actor.Mandated {
		return slices.ContainsFunc(a.mandates, func(m actor.Mandate) bool { return slices.Contains(m.Scopes, scope) })
	}
	return a.id != "" && cell != actor.None
}

// call is one request of the matrix and what must come of it.
type call struct {
	who    asker
	method string
	path   string
	what   string // the object in words
	route  httpserver.Route
	body   body
	want   expectation
	known  bool // the asker may see the object, so that 403 tells nothing
}

type expectation int

const (
	let      expectation = iota // not 401, 404 or a server's error
	deny                        // 404, as if it were not there
	signIn                      // 401, a page leads to the sign-in
	showCode                    // a guest is asked for the code, or 404
	absent                      // 404 for who may, too
)

func TestEveryRouteTimesEveryRole(t *testing.T) {
	w := shared(t)
	f := newFixture(t, w)
	askers := f.askers(t)
	var denied, allowed []call
	for _, service := range serviceNames {
		routes := w.Routes(service)
		if len(routes) < 10 {
			t.Fatalf("%s has only %d routes", service, len(routes))
		}
		for _, r := range routes {
			if !slices.Contains(actor.Actions(), r.Action) {
				t.Errorf("%s %s needs %q, which has no row in the matrix", r.Method, r.Path, r.Action)
				continue
			}
			for _, c := range f.calls(t, r, askers) {
				if c.want == let {
					allowed = append(allowed, c)
				} else {
					denied = append(denied, c)
				}
			}
		}
	}
	t.Logf("%d calls that must be denied, %d that must not", len(denied), len(allowed))
	before := f.rows(t)
	f.run(t, denied)
	for table, sum := range f.rows(t) {
		if before[table] != sum {
			t.Errorf("denied calls changed %s: %s, then %s", table, before[table], sum)
		}
	}
	f.run(t, slices.DeleteFunc(slices.Clone(allowed), func(c call) bool { return slices.Contains(endsSessions, c.route.Method+" "+c.route.Path) }))
	for _, route := range endsSessions {
		f.run(t, slices.DeleteFunc(slices.Clone(allowed), func(c call) bool { return c.route.Method+" "+c.route.Path != route }))
	}
	w.forget()
}

// endsSessions are routes after which the askers' own sessions are gone: they
// come last, and in this order.
var endsSessions = []string{"POST /konto/sitzungen/beenden", "DELETE /api/directory/v1/sessions", "POST /konto/abmelden"}

// calls are a route's requests: each asker with each object that its path names.
func (f *fixture) calls(t *testing.T, r httpserver.Route, askers []asker) []call {
	t.Helper()
	kind, known := f.kind(r)
	if !known {
		t.Errorf("%s %s: the test does not know what its path names; tell it in kinds", r.Method, r.Path)
		return nil
	}
	var out []call
	for _, who := range askers {
		for _, o := range f.objects(t, kind, r, who) {
			c := call{who: who, method: r.Method, route: r, what: o.name, path: fill(r.Path, o.path)}
			c.body = f.bodyOf(r, o)
			c.want = f.expect(r, kind, who, o)
			if c.want == let && o.missing {
				c.want = absent
			}
			c.known = !o.missing && who.id != "" && who.reaches(sees[kind], o)
			out = append(out, c)
		}
	}
	return out
}

// expect is the answer of the matrix for one route, asker and object.
func (f *fixture) expect(r httpserver.Route, kind string, who asker, o object) expectation {
	action := r.Action
	if o.as != "" {
		action = o.as
	}
	switch {
	case who.bad, who.id == "" && personal[r.Method+" "+r.Path]:
		return signIn
	case who.id == "" && action != actor.Public && !actor.GuestByCode(action):
		return signIn
	case who.id != "" && !who.anywhere(r.Action) && !actor.GuestByCode(r.Action) && r.Action != actor.Public:
		return deny
	case kind == "" || o.open: // the route is its own object, or whoever has the address may
		return let
	case o.also != "" && who.reaches(o.also, o):
		return let
	case who.reaches(action, o):
		return let
	case who.id == "":
		return showCode
	}
	return deny
}

// run sends the calls, a few at a time.
func (f *fixture) run(t *testing.T, calls []call) {
	t.Helper()
	work := make(chan call)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for c := range work {
				f.judge(t, c)
			}
		})
	}
	for _, c := range calls {
		work <- c
	}
	close(work)
	wg.Wait()
}

// judge sends one call and holds the answer against what must come.
func (f *fixture) judge(t *testing.T, c call) {
	t.Helper()
	status, to, err := f.send(t, c)
	if err != nil {
		t.Errorf("%s %s as %s: %v", c.method, c.path, c.who.name, err)
		return
	}
	api := strings.HasPrefix(c.path, "/api/")
	guest := strings.HasPrefix(to, "/konto/anmelden")
	ok, route := false, c.route.Method+" "+c.route.Path
	switch c.want {
	case let:
		ok = status < 500 && status != http.StatusUnauthorized && status != http.StatusNotFound && status != http.StatusForbidden && !guest
		ok = ok || notFoundIsFine[route] && (status == http.StatusNotFound || status == http.StatusUnauthorized)
		ok = ok || forbiddenIsFine[route] && status == http.StatusForbidden || slices.Contains(endsSessions, route) && status == http.StatusSeeOther
	case deny, absent:
		ok = status == http.StatusNotFound || status == http.StatusForbidden && (c.known || forbiddenIsFine[route])
	case signIn:
		ok = status == http.StatusUnauthorized || !api && status == http.StatusSeeOther && guest
	case showCode:
		ok = status == http.StatusNotFound || !api && status == http.StatusSeeOther && (guest || strings.HasPrefix(to, "/melden/vorgang"))
		ok = ok || status == http.StatusForbidden && forbiddenIsFine[route]
	}
	if !ok {
		names := [...]string{"let in", "denied with 404", "asked to sign in", "asked for the code or 404", "404, it is not there"}
		t.Errorf("%s %s (%s) as %s on %s: %d %s, want: %s", c.method, c.route.Path, c.route.Action, c.who.name, c.what, status, to, names[c.want])
	}
}

// send makes the request as the asker's program or browser would.
func (f *fixture) send(t *testing.T, c call) (status int, location string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var in io.Reader
	if c.body.text != "" {
		in = strings.NewReader(c.body.text)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, f.w.Demo.URL+c.path, in)
	if err != nil {
		return 0, "", err
	}
	if c.body.kind != "" {
		req.Header.Set("Content-Type", c.body.kind)
	}
	if strings.HasPrefix(c.path, "/api/") {
		req.Header.Set("If-Match", `"999999"`)
		req.Header.Set("Idempotency-Key", newKey())
		if c.who.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.who.token)
		}
	} else {
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Origin", f.w.Demo.URL)
		switch {
		case c.who.bad:
			req.Header.Set("Authorization", "Bearer "+c.who.token)
		case c.who.cookie != "":
			req.Header.Set("Cookie", session.Cookie+"="+c.who.cookie)
		}
	}
	res, err := f.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return 0, "", err
		}
	}
	return res.StatusCode, strings.TrimPrefix(res.Header.Get("Location"), "/en"), nil
}

// askers are one of each role, a guest, and three Bearers that do not hold.
func (f *fixture) askers(t *testing.T) []asker {
	t.Helper()
	var out []asker
	for _, r := range actor.Roles() {
		p := f.w.person(t, r)
		a := asker{name: string(r), role: r, token: p.Token, cookie: f.w.cookie(t, p), home: p.Organisation.ID}
		a.id, a.mandates = f.me(t, p)
		out = append(out, a)
	}
	return append(out, asker{name: "a guest"},
		asker{name: "an invalid Bearer", token: "lst_" + strings.Repeat("0", 40), bad: true},
		asker{name: "a revoked Bearer", token: f.revokedToken(t), bad: true},
		asker{name: "a Bearer without prefix", token: "x", bad: true})
}

func (f *fixture) me(t *testing.T, p standalone.DemoPerson) (string, []actor.Mandate) {
	t.Helper()
	var me struct {
		Person   struct{ ID string }
		Mandates []struct {
			ID        string
			Principal struct{ ID string }
			Scopes    []actor.Scope
		}
	}
	must(t, f.w.of(t, p), http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me)
	var mandates []actor.Mandate
	for _, m := range me.Mandates {
		mandates = append(mandates, actor.Mandate{ID: m.ID, Principal: m.Principal.ID, Scopes: m.Scopes})
	}
	return me.Person.ID, mandates
}

// quiet are tables that change by being looked at, or by the rounds that run meanwhile.
var quiet = []string{"audit", "audit_head", "audit_anchor", "session", "sign_in_try", "draft", "outbox", "inbox", "deliveries", "notices", "contact_check", "participation_snapshot"}

// rows is a fingerprint of every table with business data.
func (f *fixture) rows(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, service := range serviceNames {
		db := f.w.open(t, service)
		var tables []string
		if err := db.SelectContext(t.Context(), &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`); err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			if slices.Contains(quiet, table) || strings.HasPrefix(table, "register_") && table != "register_upload" || strings.Contains(table, "goose") || strings.Contains(table, "_version") && table != "alert_versions" {
				continue
			}
			out[service+"."+table] = fingerprint(t, db, table)
		}
	}
	return out
}

func fingerprint(t *testing.T, db *sqlx.DB, table string) string {
	t.Helper()
	var s string
	q := fmt.Sprintf(`SELECT count(*) || ' rows ' || coalesce(sum(hashtextextended(x::text, 0)), 0) FROM %q x`, table)
	if err := db.GetContext(t.Context(), &s, q); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
	return s
}

// fill puts values into a route's path.
func fill(path string, values []string) string {
	parts := strings.Split(path, "/")
	i := 0
	for j, p := range parts {
		if (strings.HasPrefix(p, ":") || p == "*") && i < len(values) {
			parts[j] = url.PathEscape(values[i])
			if p == "*" {
				parts[j] = values[i]
			}
			i++
		}
	}
	return strings.Join(parts, "/")
}
