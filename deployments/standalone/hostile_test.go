// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

// hostileBodies are tried at every route that takes a body, each as JSON, as a
// form and as an upload without a boundary.
var hostileBodies = []string{
	"", "null", "[]", "{", `"x"`, "-1", "\x00", "\xff\xfe{\x00}\x00", "\ufeff{}", `{"a":1}{"b":2}`, `{"id":"../../etc/passwd","is_admin":true}`,
	`{"text":"\u0000"}`, `{"text":"` + "\xff" + `"}`, `{"version":1e999}`, `{"version":"1"}`, `{"organisation":{"id":[]}}`, `{"affected":[[]],"text":{}}`,
	strings.Repeat("[", 100_000), `{"text":"` + strings.Repeat("a", 300<<10) + `"}`, "%zz=1&text=%ff", "text=%00&version=%00", "version=-9223372036854775809&key=%00",
	"text=a%0d%0aBcc:x@example.org&version=x&key=x", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"..\\..\\x\"\r\n\r\n",
}

// hostileTexts stand in addresses, queries and headers.
var hostileTexts = []string{
	"\x00", "\xff", "\xc3\x28", "a\r\nSet-Cookie: x=y", "../../etc/passwd", `..\..\x`, "' OR 1=1 --", `"); DROP TABLE x; --`, "%", "_", `\`, "& | ! : * ( )", "a:*b<->", "<->",
	"-1", "0", "99999999999999999999", "1e309", "NaN", "0001-01-01", "9999-12-31T23:59:59Z", "2026-13-45", "\u202ea\u200b", "٣", "ſ", "İ", "💥", strings.Repeat("ä", 150), strings.Repeat("9", 3000),
	"urn:uuid:0190a000-0000-7000-8000-000000000001", "{0190a000-0000-7000-8000-000000000001}", "0190A000-0000-7000-8000-000000000001", "0190a000000070008000000000000001", "//fremd.example", `/\fremd.example`, "javascript:alert(1)",
	"eyJhIjoxfQ==", "MDE5MGEwMDA", "0190a000-0000-7000-8000-000000000001|0190a000-0000-7000-8000-000000000001", "2026-11-22T06:00:00Z_0190a000-0000-7000-8000-000000000001", "[]", "null", "true", " ", "new,new,new", "M-2026-99999999999999999999", "V-0-0",
}

// asked are the names that any page or list reads from its query.
var asked = []string{
	"q", "after", "limit", "state", "severity", "kreis", "stelle", "organisation", "person", "status", "shared", "next", "zurueck", "mit", "e", "id", "fuer", "an", "ags", "to", "t", "mark", "einladung",
	"beauftragt", "warnung", "view", "v", "uebung", "teil", "stand", "stage", "sort", "reason", "open", "offen", "nummer", "nr", "notfall", "nicht", "nach", "level", "last_event_id", "getan", "ganz", "fall",
	"ersetzt", "erledigt", "due", "done", "class", "case", "campaign", "assignee", "antwort", "answer", "anders", "aendern", "ansicht", "schwere", "klasse", "tab", "druck", "from", "seite",
}

// attack is one request that nobody of good will sends.
type attack struct {
	what, method, target, body, kind string
	header                           map[string]string
	who                              asker
}

// Whatever stands in a body, an address, a query or a header: the answer says
// what is wrong (4xx, as problem+json for programs) or ignores it; no route
// breaks (5xx). The routes are those that are registered, so that a new one is
// tried, too; the bodies are those above and the files of LEITSTELLE_SAMPLES.
func TestNoRouteBreaksOnHostileInput(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	f := newFixture(t, w)
	askers := f.askers(t)
	bodies := append(slices.Clone(hostileBodies), samples(t)...)
	var all []attack
	n := 0
	for _, service := range serviceNames {
		for _, r := range w.Routes(service) {
			if !slices.Contains(endsSessions, r.Method+" "+r.Path) {
				n++
				all = append(all, f.attacks(t, r, askers, bodies, n)...)
			}
		}
	}
	t.Logf("%d routes, %d requests", n, len(all))
	work := make(chan attack)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for a := range work {
				f.withstand(t, a)
			}
		})
	}
	for _, a := range all {
		work <- a
	}
	close(work)
	wg.Wait()
	must(t, w.of(t, standalone.DemoPerson{}), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, reportOf("Danach", "16071043"), nil)
	w.holds(t)
}

// samples are real files of other formats, those that LEITSTELLE_SAMPLES names.
func samples(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("LEITSTELLE_SAMPLES")
	if dir == "" {
		t.Log("LEITSTELLE_SAMPLES is not set: only the built-in corpus is tried")
		return nil
	}
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err == nil {
			out = append(out, string(b))
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("LEITSTELLE_SAMPLES: %d files, %v", len(out), err)
	}
	return out
}

// fields are the texts that forms read, whatever the form.
var fields = []string{"text", "name", "title", "summary", "description", "list", "reason", "email", "phone", "note", "organisation", "wish", "document", "version", "revision", "key", "from", "to", "code", "password"}

// attacks are the requests for one route: by somebody who may, on something that
// is there, each part hostile in turn. n lets routes differ in what they get.
func (f *fixture) attacks(t *testing.T, r httpserver.Route, askers []asker, bodies []string, n int) []attack {
	t.Helper()
	kind, _ := f.kind(r)
	who, path := f.whoMay(t, r, kind, askers)
	base := attack{method: r.Method, target: path, who: who}
	var out []attack
	if r.Method != http.MethodGet {
		taken := f.bodyOf(r, object{path: []string{f.klettbach, f.klettbach}})
		for i, b := range bodies {
			a := base
			a.what, a.body, a.kind = "body", b, oddKinds[(i+n)%len(oddKinds)]
			switch {
			case strings.HasPrefix(taken.kind, "multipart/") && i%4 > 0:
				x := upload("../../x\r\n.txt", b)
				a.kind, a.body = x.kind, x.text
			case strings.HasPrefix(path, "/api/") && i%2 == 0:
				a.kind = "application/json"
			case i%2 == 0:
				v := url.Values{}
				for _, name := range fields {
					v.Set(name, b)
				}
				a.kind, a.body = "application/x-www-form-urlencoded", v.Encode()
			}
			out = append(out, a)
		}
	}
	for i, name := range asked {
		if r.Method == http.MethodGet && i%3 == n%3 || i%20 == n%20 {
			a := base
			a.what, a.target = "query", path+"?"+url.Values{name: {hostileTexts[(i+n)%len(hostileTexts)]}}.Encode()
			out = append(out, a)
		}
	}
	for i, text := range hostileTexts {
		if i%4 == n%4 && strings.ContainsAny(r.Path, ":*") {
			a := base
			a.what, a.target = "address", hostileAddress(r.Path, path, text, i%8 == n%8)
			out = append(out, a)
		}
	}
	for i, name := range read {
		if i%2 == n%2 {
			a := base
			a.what, a.header = "header "+name, map[string]string{name: inHeader(hostileTexts[(i+n)%len(hostileTexts)])}
			out = append(out, a)
		}
	}
	return out
}

// oddKinds are what a body may say that it is.
var oddKinds = []string{
	"application/json", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "application/json; charset=utf-16", "",
}

// read are the headers that somebody reads.
var read = []string{"If-Match", "Idempotency-Key", "Accept-Language", "Last-Event-ID", "Report-Code", "Cookie", "X-Forwarded-For", "X-Forwarded-Prefix", "Accept", "Range", "traceparent", "HX-Request", "Referer"}

// hostileAddress puts the text where the route names something: in all places,
// or in the last one of a path that is there.
func hostileAddress(route, path, text string, all bool) string {
	parts, last := strings.Split(path, "/"), true
	names := strings.Split(route, "/")
	for j, name := range slices.Backward(names) {
		if j < len(parts) && (strings.HasPrefix(name, ":") || name == "*") && (all || last) {
			parts[j], last = url.PathEscape(text), false
		}
	}
	return strings.Join(parts, "/")
}

// inHeader is what a client can send of a text in a header at all.
func inHeader(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '\t'
		}
		return r
	}, text)
}

// whoMay is somebody who may use the route, and its path with something that
// they reach; else the first of both.
func (f *fixture) whoMay(t *testing.T, r httpserver.Route, kind string, askers []asker) (asker, string) {
	t.Helper()
	for _, who := range askers {
		if who.bad {
			continue
		}
		for _, o := range f.objects(t, kind, r, who) {
			if !o.missing && f.expect(r, kind, who, o) == let {
				return who, fill(r.Path, o.path)
			}
		}
	}
	for _, who := range askers {
		if !who.bad && who.anywhere(r.Action) {
			return who, fill(r.Path, f.objects(t, kind, r, who)[0].path)
		}
	}
	return askers[0], fill(r.Path, f.objects(t, kind, r, askers[0])[0].path)
}

// withstand sends one attack and looks at the answer.
func (f *fixture) withstand(t *testing.T, a attack) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), a.method, f.w.Demo.URL+a.target, strings.NewReader(a.body))
	if err != nil {
		return // a client cannot send it
	}
	api := strings.HasPrefix(a.target, "/api/")
	if api {
		req.Header.Set("Idempotency-Key", newKey())
		req.Header.Set("If-Match", `"999999"`)
		if a.who.token != "" {
			req.Header.Set("Authorization", "Bearer "+a.who.token)
		}
	} else {
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Origin", f.w.Demo.URL)
		if a.who.cookie != "" {
			req.Header.Set("Cookie", session.Cookie+"="+a.who.cookie)
		}
	}
	if a.kind != "" {
		req.Header.Set("Content-Type", a.kind)
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	began := time.Now()
	res, err := plain.Do(req)
	if err != nil {
		t.Errorf("%s %.200q, %s %.60q %v: %v", a.method, a.target, a.what, a.body, a.header, err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	var text []byte
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		if text, err = io.ReadAll(res.Body); err != nil {
			t.Errorf("%s %.200q: %v", a.method, a.target, err)
		}
	}
	where := func() string {
		return a.method + " " + cut(a.target) + " (" + a.kind + ", " + a.what + " " + cut(a.body) + ")"
	}
	if res.StatusCode >= 500 {
		t.Errorf("%s %v as %s: %d %.300s", where(), a.header, a.who.name, res.StatusCode, text)
	}
	if api && res.StatusCode >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d as %s, want application/problem+json", where(), res.StatusCode, res.Header.Get("Content-Type"))
	}
	if to := res.Header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
		t.Errorf("%s: leads to %q", where(), to)
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || len(res.Cookies()) > 0 && bytes.Contains([]byte(res.Header.Get("Set-Cookie")), []byte("x=y")) {
		t.Errorf("%s: %v", where(), res.Header)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%s took %s", where(), took)
	}
}

// plain is a client that follows nothing and checks nothing.
var plain = &http.Client{
	Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func cut(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
