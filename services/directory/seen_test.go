// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var mandateOf = regexp.MustCompile(`/mandates?/([0-9a-f-]{36})`)

// seen is the version of the mandate that a path names, as somebody sees it who
// looks at it now; "" when there is none.
func (b *bench) seen(path string) string {
	b.t.Helper()
	m := mandateOf.FindStringSubmatch(path)
	if m == nil {
		return ""
	}
	return b.one(`SELECT coalesce(max(version)::text, '') FROM mandate WHERE id = $1`, m[1])
}

// decide is want for a decision on a mandate by somebody who has just looked at it.
func (b *bench) decide(a ask, status int) answer {
	b.t.Helper()
	if v := b.seen(a.path); v != "" {
		a.header = map[string]string{"If-Match": strconv.Quote(v)}
	}
	return b.want(a, status)
}

// decides is submit for such a decision on a page.
func (b *bench) decides(cookie, path string, status int, form url.Values) answer {
	b.t.Helper()
	form.Set("version", b.seen(path))
	return b.submit(cookie, path, status, form)
}

// What somebody decides is what they read: without a version a decision on a
// mandate is not taken, and with an older one neither.
func TestADecisionOnAMandateNamesTheVersionThatWasSeen(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	kiv := b.people["kiv"].Organisation.ID
	in := map[string]any{"agent": kiv, "scopes": []string{"report", "read"}, "granted_by": "Ines Bürger", "document": "Akte 8"}
	var granted, asked mandateAnswer
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 201).decode(t, &granted)
	b.want(ask{method: "POST", path: mandate, as: "vertrag", header: idem("2"), json: map[string]any{
		"principal": b.people["fremd"].Organisation.ID, "scopes": []string{"read"},
	}}, 201).decode(t, &asked)
	one := mandate + "/" + granted.ID
	if tag := b.want(ask{path: one, as: "chefin"}, 200).Header.Get("ETag"); tag != `"1"` {
		t.Errorf("ETag %q, want the version", tag)
	}
	terms := map[string]any{"scopes": []string{"read"}}
	for name, a := range map[string]ask{
		"confirm":   {method: "POST", path: one + "/confirm", as: "pflege"},
		"decline":   {method: "POST", path: one + "/decline", as: "pflege", json: map[string]any{"reason": "x"}},
		"revoke":    {method: "DELETE", path: one, as: "chefin"},
		"give back": {method: "DELETE", path: one, as: "vertrag"},
		"grant":     {method: "POST", path: mandate + "/" + asked.ID + "/grant", as: "fremd", json: terms},
	} {
		b.want(a, 428)
		for _, old := range []string{`"7"`, `"0"`, `"-1"`, "nonsense", "*"} {
			a.header = map[string]string{"If-Match": old}
			if got := b.do(a); got.StatusCode != 412 {
				t.Errorf("%s with %s: %d, want 412", name, old, got.StatusCode)
			}
		}
	}
	list := func(version int) map[string]any {
		return map[string]any{"mandates": []map[string]any{{"id": granted.ID, "version": version}}}
	}
	b.want(ask{method: "POST", path: mandate + "/confirm", as: "pflege", json: list(0)}, 428)
	b.want(ask{method: "POST", path: mandate + "/confirm", as: "pflege", json: list(7)}, 412)
	if n := b.count(`SELECT count(*) FROM mandate WHERE version > 1`); n != 0 {
		t.Fatalf("%d mandates changed, want none", n)
	}
	b.want(ask{method: "POST", path: mandate + "/confirm", as: "pflege", json: list(1)}, 200)
	in["replaces"] = granted.ID
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("3")}, 428)
	for _, old := range []string{`"1"`, "*"} {
		b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: map[string]string{"Idempotency-Key": "4" + old, "If-Match": old}}, 412)
	}
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: map[string]string{"Idempotency-Key": "5", "If-Match": `"2"`}}, 201)
	b.chain()
}

func TestAStaleFormAboutAMandateKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	b := mandates(t)
	kiv := b.people["kiv"].Organisation.ID
	in := map[string]any{"agent": kiv, "scopes": []string{"report", "read"}, "granted_by": "Ines Bürger", "document": "Akte 8"}
	var m mandateAnswer
	b.want(ask{method: "POST", path: grants, as: "chefin", json: in, header: idem("1")}, 201).decode(t, &m)
	care, boss := b.signIn("pflege"), b.signIn("chefin")
	page := "/verzeichnis/mandate/" + m.ID
	for _, version := range []string{"", "9", "x"} {
		a := b.submit(care, page+"/ablehnen", 409, url.Values{"reason": {"Die Unterschrift fehlt."}, "version": {version}})
		if !strings.Contains(a.body, "Inzwischen hat jemand anderes entschieden") || !strings.Contains(a.body, "Die Unterschrift fehlt.") {
			t.Errorf("version %q: the page does not say so, or lost the reason: %.300s", version, a.body)
		}
		b.submit(care, page+"/bestaetigen", 303, url.Values{"version": {version}}) // said, not done
		b.submit(care, "/verzeichnis/mandate/bestaetigen", 303, url.Values{"id": {m.ID + "." + version}})
		b.submit(boss, page+"/widerrufen", 303, url.Values{"version": {version}})
	}
	if n := b.count(`SELECT count(*) FROM mandate WHERE version > 1`); n != 0 {
		t.Fatalf("%d mandates changed, want none", n)
	}
	b.decides(care, page+"/bestaetigen", 303, url.Values{})
	replace := url.Values{"mit": {kiv}, "key": {"k"}, "scopes": {"read"}, "from": {"2026-11-21"}, "replaces": {m.ID}, "granted_by": {"Ines Bürger"}, "document": {"Akte 99"}, "version": {"1"}}
	a := b.submit(boss, "/verzeichnis/mandate/neu?stelle="+b.people["chefin"].Organisation.ID, 409, replace)
	if !strings.Contains(a.body, "Inzwischen hat jemand anderes entschieden") || !strings.Contains(a.body, "Akte 99") || !strings.Contains(a.body, `name="version" value="2"`) {
		t.Errorf("replacing: the form lost something: %.300s", a.body)
	}
	b.chain()
}
