// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// with replaces one field of the good report.
func with(old, new string) string { return strings.Replace(good, old, new, 1) }

func TestBadJSONIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	for name, tt := range map[string]struct {
		body   string
		status int
	}{
		"50 MB":                     {`{"description":"` + strings.Repeat("a", 50<<20) + `"}`, 413},
		"a byte over the limit":     {`{"description":"` + strings.Repeat("a", 256<<10) + `"}`, 413},
		"depth 100000":              {strings.Repeat("[", 100000) + strings.Repeat("]", 100000), 400},
		"deep objects":              {strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000), 400},
		"duplicate keys":            {with(`"what":"ransomware"`, `"what":"tip","what":"ransomware"`), 400},
		"duplicate inner keys":      {with(`"name":"Kim Beispiel"`, `"name":"a","name":"Kim Beispiel"`), 400},
		"unknown field":             {with(`"exercise":false`, `"exercise":false,"is_admin":true`), 400},
		"mass assignment":           {with(`"exercise":false`, `"id":"x","verified":true`), 400},
		"invalid UTF-8":             {with("Alles", "\xff\xfe"), 400},
		"NUL":                       {with("Alles", `\u0000`), 400},
		"raw NUL":                   {with("Alles", "\x00"), 400},
		"1e999":                     {with(`false`, `1e999`), 400},
		"number for text":           {with(`"ransomware"`, `5`), 400},
		"text for a list":           {with(`["16071001"]`, `"16071001"`), 400},
		"no time":                   {with(`2026-11-22T06:00:00Z`, `gestern`), 400},
		"year 10000":                {with(`2026-11-22`, `9999-12-31`), 422},
		"trailing data":             {good + "{}", 400},
		"empty":                     {"", 400},
		"null":                      {"null", 422},
		"a list":                    {"[]", 400},
		"control characters":        {with("Kim Beispiel", `Kim\u001b[31m`), 422},
		"very long name":            {with("Kim Beispiel", strings.Repeat("x", 5000)), 422},
		"very long text":            {with("Alles", strings.Repeat("ä", 5000)), 422},
		"a thousand bodies":         {with(`["16071001"]`, `["`+strings.Repeat(`16071001","`, 1000)+`x"]`), 422},
		"a thousand distinct":       {with(`["16071001"]`, many(1000)), 422},
		"SQL for an id":             {with("16071001", `' OR 1=1 --`), 422},
		"a million keys, too large": {"{" + strings.Repeat(`"a":1,`, 1000000) + `"b":1}`, 413},
	} {
		began := time.Now()
		res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: name, body: tt.body})
		if res.StatusCode != tt.status || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %.200s, want %d", name, res.StatusCode, res.body, tt.status)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
	if res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "gz", body: good, header: map[string]string{"Content-Encoding": "gzip"}}); res.StatusCode != 400 {
		t.Errorf("compressed: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 0 {
		t.Errorf("%d reports were stored", n)
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&b, `"9%07d",`, i)
	}
	return "[" + strings.TrimSuffix(b.String(), ",") + "]"
}

func TestHostileTextIsShownAsText(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	evil := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `{{.Code}}`, `${7*7}`, "<svg/onload=alert(1)>", "' OR 1=1 --", "<!--", "]]>"}
	b := e.visitor("de", "")
	path := b.begin("")
	form := wasForm()
	form.Set("description", strings.Join(evil, "\n"))
	b.follow(path+"/was", form)
	b.follow(path+"/betroffen", betroffenForm())
	contact := kontaktForm()
	contact.Set("name", evil[1])
	contact.Set("body", evil[0])
	check := b.follow(path+"/kontakt", contact)
	done := b.follow(path+"/absenden", nil)
	own := b.get("/melden/vorgang/" + referenceText.FindString(done.body))
	again := b.get(own.Request.URL.Path + "/druck")
	for _, page := range []response{check, done, own, again} {
		for _, x := range []string{"<script>alert", "<img src=x", "<svg/onload"} {
			if strings.Contains(page.body, x) {
				t.Errorf("%s has %q as markup", page.Request.URL.Path, x)
			}
		}
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-inline") {
			t.Errorf("%s: %q", page.Request.URL.Path, csp)
		}
		if strings.Contains(page.body, "<script") || strings.Contains(page.body, " style=") {
			t.Errorf("%s has inline script or style", page.Request.URL.Path)
		}
	}
	has(t, own, evil...)
}

func TestFormsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path := b.begin("")
	for name, form := range map[string]url.Values{
		"NUL": {"what": {"tip"}, "description": {"a\x00b"}}, "broken UTF-8": {"description": {"\xff"}}, "very long": {"description": {strings.Repeat("x", 70<<10)}},
	} {
		if res := b.post(path+"/was", form); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	for _, code := range []string{"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00", "..%2f..", "'%20OR%201=1"} {
		if res := b.get("/melden/" + code + "/was"); res.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", code, res.StatusCode)
		}
	}
	for _, ref := range []string{"x", "M-2026-999999", "M-2026-", "' OR 1=1", "0190a000-0000-7000-8000-000000000001", "urn:uuid:0190a000-0000-7000-8000-000000000001", "x0190a000-0000-7000-8000-000000000001x", "\x00"} {
		if res := e.do(request{path: reportsPath + "/" + url.PathEscape(ref), as: actor.Lead}); res.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", ref, res.StatusCode)
		}
	}
	for _, q := range []string{"?limit=0", "?limit=x", "?after=x", "?after=" + strings.Repeat("a", 300), "?limit=-1", "?after=urn:uuid:0190a000-0000-7000-8000-000000000001"} {
		if res := e.do(request{path: reportsPath + q, as: actor.Lead}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", q, res.StatusCode)
		}
	}
	for _, query := range []string{"?warnung=%00", "?warnung=%ff"} {
		if res := b.get("/melden" + query); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", query, res.StatusCode)
		}
	}
	own := e.submit(actor.Officer, "files", good)
	notes := e.count(`SELECT count(*) FROM audit`)
	for _, file := range []string{"%00", "%ff", "urn:uuid:0190a000-0000-7000-8000-000000000001", "..%2f.."} {
		if res := e.do(request{path: reportsPath + "/" + own.ID + "/attachments/" + file, as: actor.Officer}); res.StatusCode != http.StatusNotFound {
			t.Errorf("file %q: %d, want 404", file, res.StatusCode)
		}
	}
	if n := e.count(`SELECT count(*) FROM audit`); n != notes {
		t.Errorf("%d files that cannot be are in the audit as taken", n-notes)
	}
	cross := e.do(request{method: "POST", path: reportsPath, cookie: actor.Officer, body: good, header: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	if cross.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", cross.StatusCode)
	}
}

// TestRealBadInput throws the files of LEITSTELLE_SAMPLES (mails, feeds, CSAF,
// STIX, MISP …) at the JSON parser and at the upload.
func TestRealBadInput(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LEITSTELLE_SAMPLES")
	if dir == "" {
		t.Log("LEITSTELLE_SAMPLES is not set: only the built-in corpus was tried")
		return
	}
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	n := 0
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		n++
		res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: p, body: string(raw)})
		if res.StatusCode != 400 && res.StatusCode != 413 && res.StatusCode != 422 {
			t.Errorf("%s as a report: %d", p, res.StatusCode)
		}
		up := e.attach(reportsPath+"/"+c.ID, actor.Officer, p[max(0, len(p)-200):], filepath.Base(p), raw)
		if up.StatusCode != http.StatusCreated {
			t.Errorf("%s as a file: %d %s", p, up.StatusCode, up.body)
			return nil
		}
		var a attached
		up.into(t, &a)
		if down := e.do(request{path: reportsPath + "/" + c.ID + "/attachments/" + a.ID, as: actor.Officer}); down.body != string(raw) {
			t.Errorf("%s came back changed", p)
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files, %v", n, err)
	}
	t.Logf("%d real files", n)
	e.invariants(nil)
}
