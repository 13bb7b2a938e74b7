// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// atCheck walks a provider's report up to the check page.
func (b *browser) atCheck() string {
	path := b.begin("")
	b.follow(path+"/was", wasForm())
	b.follow(path+"/stellen", url.Values{"do": {"all"}})
	b.follow(path+"/betroffen", betroffenForm())
	form := kontaktForm()
	form.Set("picked", "yes")
	form.Del("body")
	b.follow(path+"/kontakt", form)
	return path
}

// The check page counts by kind, takes single members out, and names those whose
// mandate ended since before anything else.
func TestTheCheckPageCountsAndTakesMembersOut(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(605))
	b := e.visitor("de", actor.Provider)
	path := b.atCheck()
	check := b.get(path + "/pruefen")
	has(t, check, "606 Stellen ausgewählt", "Gemeinde: 606", "Herausnehmen", "<details")
	if n := strings.Count(check.body, "<details class=\"further\" open"); n != 0 {
		t.Errorf("%d groups stand open before anything of them is special", n)
	}
	out := b.follow(path+"/stellen", url.Values{"zurueck": {"pruefen"}, "do": {"ohne:" + memberID(3)}})
	has(t, out, "605 Stellen ausgewählt", "Angaben prüfen und absenden")
	hasNot(t, out, memberID(3))
	e.publish(event.MandateChanged{ID: mandateID(7), Version: 2, Principal: memberID(7), Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0), RevokedAt: new(e.now())})
	e.eventually("the end of a mandate", func() bool {
		return strings.Contains(b.get(path+"/pruefen").body, "1 Stelle können Sie nicht mehr melden")
	})
	if res := b.post(path+"/absenden", nil); res.StatusCode == http.StatusSeeOther {
		t.Error("sent for a member without a mandate")
	}
	has(t, b.follow(path+"/stellen", url.Values{"zurueck": {"pruefen"}, "do": {"ohne:" + memberID(7)}}), "604 Stellen ausgewählt")
	for _, strange := range []string{"ohne:", "ohne:nobody", "ohne:" + memberID(3) + "' OR 1=1"} {
		has(t, b.follow(path+"/stellen", url.Values{"zurueck": {"pruefen"}, "do": {strange}}), "604 Stellen ausgewählt")
	}
	has(t, b.follow(path+"/absenden", nil), "Ihre Meldung ist eingegangen", "604 Stellen")
	if n := len(e.submitted()); n != 604 {
		t.Errorf("%d events, want 604", n)
	}
}

// Who adds members later may say what holds for single ones, typed once and
// kept when something is wrong.
func TestMembersAddedLaterMayHaveDetailsOfTheirOwn(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(4))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(1)...))
	own := "/melden/vorgang/" + c.Reference
	b := e.visitor("de", actor.Provider)
	list := memberName(1) + "\n" + memberAGS(2)
	if res := b.post(own+"/stellen", url.Values{"key": {"a"}, "list": {"Entenhausen"}, "do": {"own"}}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a list that is not clear: %d", res.StatusCode)
	}
	asked := b.post(own+"/stellen", url.Values{"key": {"b"}, "list": {list}, "do": {"own"}})
	has(t, asked, "Eigene Angaben (freiwillig)", memberName(1), memberName(2), `name="phone-`+memberID(2)+`"`, memberAGS(2))
	long := b.post(own+"/stellen", url.Values{"key": {"l"}, "list": {"Entenhausen\nNirgendwo\n" + manyPlaces(300)}})
	has(t, long, "„Entenhausen“ steht nicht im Verzeichnis", "und 282 weitere Einträge")
	if n := e.count(`SELECT count(*) FROM report_body`); n != 1 {
		t.Fatalf("asking alone added bodies: %d", n)
	}
	form := url.Values{"key": {"c"}, "list": {list}, "own": {"yes"}, "name-" + memberID(2): {"Uta Eigen"}, "phone-" + memberID(2): {"x"}, "description-" + memberID(2): {"auch das Standesamt"}}
	bad := b.post(own+"/stellen", form)
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a wrong number: %d", bad.StatusCode)
	}
	has(t, bad, `value="Uta Eigen"`, "auch das Standesamt", "Geben Sie eine Telefonnummer mit Vorwahl an", `href="#phone-`+memberID(2)+`"`, "further\" open")
	form.Set("phone-"+memberID(2), "03601 4711 00")
	form.Set("name-"+memberID(3), "Nicht dabei")
	has(t, b.follow(own+"/stellen", form), "Die Stellen sind dazugekommen.", "3 Stellen")
	for _, p := range e.submitted()[1:] {
		if own := p.Affected.ID == memberID(2); own != (p.Callback.Name == "Uta Eigen") || own != strings.Contains(p.Description, "Standesamt") {
			t.Errorf("%s: %s, %q", p.Affected.Name, p.Callback.Name, p.Description)
		}
	}
	e.invariants(nil)
}

// manyPlaces is a list of places that do not exist.
func manyPlaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Nirgends %d\n", i)
	}
	return b.String()
}

// 72 members in one step under three minutes of work: what a provider has to do
// when the list is at hand, counted as clicks and keys. A click counts 3 s, a
// typed key 0.3 s (slow hands), reading a page 8 s.
func TestAReportFor72MembersIsUnderThreeMinutesOfWork(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(72))
	b := e.visitor("de", actor.Provider)
	pages, clicks, keys := 0, 0, 0
	step := func(address string, form url.Values, chosen int, typed ...string) response {
		t.Helper()
		pages, clicks = pages+1, clicks+chosen+1 // and the button
		for _, field := range typed {
			keys += len(form.Get(field)) + 1
		}
		return b.follow(address, form)
	}
	path := b.begin("")
	step(path+"/was", wasForm(), 1, "description")
	step(path+"/stellen", url.Values{"do": {"list"}}, 0)
	kind, body := multipartOf(t, "", nil, "list", strings.Join(allMembers(72), "\n"))
	if res := b.send("POST", path+"/liste", kind, strings.NewReader(string(body))); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.StatusCode)
	}
	pages, clicks, keys = pages+1, clicks+2, keys+2 // into the field, paste, the button
	has(t, step(path+"/ergebnis", url.Values{"do": {"take"}}, 0), "72 Stellen ausgewählt")
	step(path+"/stellen", url.Values{"go": {"next"}, "do": {""}}, 0)
	step(path+"/betroffen", betroffenForm(), 2)
	form := kontaktForm()
	form.Set("picked", "yes")
	form.Del("body")
	step(path+"/kontakt", form, 2, "name", "phone", "email")
	has(t, step(path+"/absenden", nil, 0), "72 Stellen")
	seconds := float64(pages*8+clicks*3) + float64(keys)*0.3
	t.Logf("%d pages, %d clicks, %d keys: %.0f s", pages, clicks, keys, seconds)
	if seconds > 180 {
		t.Errorf("a report for 72 members takes %.0f s of work, want under 180", seconds)
	}
}
