// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"net/http"
	"regexp"
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
	for _, path := range []string{"/lage/eingang", "/lage/faelle", cases, "/lage/zeile/" + ref} {
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
	// Whose it is stands at no other case of the same body.
	for stale, want := range map[bool]bool{true: false, false: true} {
		if res := e.do(request{path: "/lage/fall/" + plain, as: "lead", stale: stale, cookie: !stale}); res.StatusCode != http.StatusOK || strings.Contains(res.body, ref) != want {
			t.Errorf("stale %v: the body's other case names the TLP:RED one: %v, want %v", stale, !want, want)
		}
	}
	// Nor do the figures beside the list say which district, or which class, is meant.
	for stale, want := range map[bool]string{true: "1 1 1", false: "2 2 0"} {
		body := e.do(request{path: "/lage/eingang", as: "lead", stale: stale, cookie: !stale}).body
		got := figure(body, `kreis=16071">[^<]*</a></th><td>(\d+)</td>`) + " " + figure(body, `<th scope="row">47</th><td>(\d+)</td>`) + " " +
			figure(body, `<th scope="row">47</th>(?:<td>\d+</td>){3}<td>(\d+)</td>`)
		if got != want {
			t.Errorf("stale %v: the district has, the week has of malicious code and of the rest: %s, want %s", stale, got, want)
		}
	}
	// A row without its words must not be told by what it is filtered by.
	for path, red := range map[string]string{
		"/lage/eingang": "TLP:RED – zum Lesen bestätigen", "/lage/faelle": "TLP:RED – zum Lesen bestätigen", cases: ref,
	} {
		for _, filter := range []string{"klasse=malicious-code&class=malicious-code", "kreis=16071", "organisation=" + sample.Musterhausen.ID} {
			if path != cases && strings.HasPrefix(filter, "organisation") {
				continue
			}
			path := path + "?" + filter
			if res := e.do(request{path: path, as: "lead", stale: true}); res.StatusCode != http.StatusOK || strings.Contains(res.body, red) {
				t.Errorf("%s tells what the TLP:RED case is about: %d %s", path, res.StatusCode, res.body)
			} else if strings.HasPrefix(path, "/lage") && !strings.Contains(res.body, "/konto/bestaetigen?next=") {
				t.Errorf("%s does not say what it leaves out", path)
			}
			if res := e.do(request{path: path, as: "lead", cookie: true}); !strings.Contains(res.body, "KANARIENVOGEL") {
				t.Errorf("%s does not find it after a step-up: %s", path, res.body)
			}
		}
		if res := e.do(request{path: path + "?schwere=critical&severity=critical", as: "lead", stale: true}); !strings.Contains(res.body, red) {
			t.Errorf("%s overlooks it by what its line says: %s", path, res.body)
		}
	}
	if res := e.do(request{path: cases + "/" + ref, as: "lead"}); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "KANARIENVOGEL") {
		t.Errorf("a token counts as confirmed: %d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND object_type = 'case'`); n < 5 {
		t.Errorf("%d refusals in the audit, want one each", n)
	}
	e.intact()
}

func figure(body, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return "-"
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

// A campaign with such a case is read and changed, and its cases gathered, only
// after a step-up; how far an order is says of no case whose it is before.
func TestACampaignWithARedCaseIsWorkedOnOnlyAfterAStepUp(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	red, plain, other, alone := e.open(sample.Report(1)), e.open(sample.Report(2)), e.open(sample.Report(3)), e.open(sample.Report(4))
	for _, ref := range []string{red, alone} {
		e.form("lead", ref, "einstufen", 1, "tlp", "RED", "severity", "critical", "class", "fraud")
	}
	for _, of := range [][]string{{red, plain}, {other}} {
		if res := e.send(http.MethodPost, "/api/triage/v1/campaigns", "lead", map[string]any{"title": "KANARIENWELLE", "cases": of}); res.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
	}
	if body := e.do(request{path: "/lage/eingang?sort=eingang", as: "lead", stale: true}).body; !strings.Contains(body, "L-2026-0001") || strings.Contains(body, "KANARIENWELLE") {
		t.Errorf("the line of the campaign in the queue: %s", body)
	}
	if body := e.do(request{path: "/lage/eingang?sort=eingang", as: "lead", cookie: true}).body; !strings.Contains(body, "KANARIENWELLE") {
		t.Errorf("the line of the campaign after a step-up: %s", body)
	}
	old := func(path, body string) response {
		return e.do(request{method: http.MethodPost, path: "/lage/lagen/" + path, as: "lead", stale: true, body: body})
	}
	for name, res := range map[string]response{
		"renaming it":               old("L-2026-0001/tun/umbenennen", "version=1&title=x"),
		"taking the case out":       old("L-2026-0001/tun/fall-heraus", "version=1&reason=x&cases="+red),
		"moving it to another":      old("L-2026-0002/tun/fall-dazu", "version=1&reason=x&cases="+red),
		"putting one into another":  old("L-2026-0002/tun/fall-dazu", "version=1&cases="+alone),
		"putting one beside it":     old("L-2026-0001/tun/fall-dazu", "version=1&reason=x&cases="+other),
		"writing to all":            old("L-2026-0001/tun/nachricht", "version=1&text=An+alle"),
		"gathering it with another": e.do(request{method: http.MethodPost, path: "/lage/sammel", as: "lead", stale: true, body: "do=campaign&sel=" + alone}),
	} {
		if res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "/konto/bestaetigen") {
			t.Errorf("%s: %d to %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if n := e.count(`SELECT count(*) FROM campaigns WHERE version <> 1`); n != 0 {
		t.Errorf("%d campaigns changed", n)
	}
	res := e.do(request{method: http.MethodPost, path: "/lage/lagen/L-2026-0001/tun/status", as: "lead", cookie: true, body: "version=1&state=resolved"})
	job := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.Contains(job, "/arbeit/") {
		t.Fatalf("the order: %d to %s", res.StatusCode, job)
	}
	e.eventually("the order", func() bool { return e.count(`SELECT count(*) FROM campaign_jobs WHERE failed = 2`) == 1 }) // new ones are not resolved at once
	if res := e.do(request{path: job, as: "lead", stale: true}); res.StatusCode != http.StatusSeeOther || !strings.Contains(res.Header.Get("Location"), "/konto/bestaetigen") {
		t.Errorf("how far it is: %d %s", res.StatusCode, res.body)
	}
	if res := e.do(request{path: job, as: "lead", cookie: true}); !strings.Contains(res.body, sample.Musterhausen.Name) {
		t.Errorf("after a step-up: %d %s", res.StatusCode, res.body)
	}
	e.intact()
}
