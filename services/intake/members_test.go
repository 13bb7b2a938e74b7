// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

var shownIDs = regexp.MustCompile(`name="shown" value="([0-9a-f-]{36})"`)

// ticks is the picking step's form as a browser sends it: what the page shows,
// and of it what is ticked.
func ticks(res response, ticked ...string) url.Values {
	v := url.Values{}
	for _, m := range shownIDs.FindAllStringSubmatch(res.body, -1) {
		v.Add("shown", m[1])
		if slices.Contains(ticked, m[1]) {
			v.Add("affected", m[1])
		}
	}
	return v
}

func also(v url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// A provider picks over several pages, with filters, and loses no tick.
func TestAProviderPicksMembersInTheForm(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(120))
	b := e.visitor("de", actor.Provider)
	path := b.begin("")
	first := b.follow(path+"/was", wasForm())
	has(t, first, "Schritt 2 von 5", "Welche Stellen sind betroffen?", "0 Stellen ausgewählt", "von 121", "Weitere Stellen")
	if n := len(shownIDs.FindAllString(first.body, -1)); n != 50 {
		t.Errorf("the first page shows %d bodies", n)
	}
	if res := b.post(path+"/stellen", also(ticks(first), "go", "next")); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing picked: %d", res.StatusCode)
	}
	id := shownIDs.FindStringSubmatch(first.body)[1]
	next := regexp.MustCompile(`value="(page:[^"]+)"`).FindStringSubmatch(first.body)[1]
	second := b.follow(path+"/stellen", also(ticks(first, id), "do", next))
	has(t, second, "1 Stelle ausgewählt", "Zum Anfang der Liste")
	other := shownIDs.FindStringSubmatch(second.body)[1]
	if other == id {
		t.Error("the second page begins like the first")
	}
	filtered := b.follow(path+"/stellen", also(ticks(second, other), "do", "filter", "kreis", "16063", "q", "Ort"))
	has(t, filtered, "2 Stellen ausgewählt", "Alle gefilterten auswählen (7)")
	all := b.follow(path+"/stellen", also(ticks(filtered), "do", "all", "kreis", "16063", "q", "Ort"))
	has(t, all, "checked")
	whole := b.follow(path+"/stellen", also(url.Values{}, "do", "kreis:16064"))
	count := regexp.MustCompile(`(\d+) Stellen ausgewählt`).FindStringSubmatch(whole.body)[1]
	if count != "16" && count != "15" {
		t.Errorf("%s picked after two whole Kreise and two more", count)
	}
	has(t, b.get(path+"/stellen?gewaehlt=yes"), count+" Stellen ausgewählt")
	b.follow(path+"/stellen", also(url.Values{}, "do", "none"))
	has(t, b.get(path+"/stellen"), "0 Stellen ausgewählt")
	b.follow(path+"/stellen", also(url.Values{}, "do", "all"))
	has(t, b.follow(path+"/stellen", also(url.Values{}, "go", "next")), "Was ist betroffen?", "Schritt 3 von 5")
	contact := b.follow(path+"/betroffen", betroffenForm())
	has(t, contact, "121 Stellen ausgewählt", `name="picked"`)
	form := kontaktForm()
	form.Set("picked", "yes")
	form.Del("body")
	check := b.follow(path+"/kontakt", form)
	has(t, check, "121 Stellen ausgewählt", "Angaben je Stelle", "Kreis 16064", memberName(3), "wie alle")
	own := path + "/angaben"
	has(t, b.get(own+"?stelle="+memberID(3)), "Eigene Angaben für "+memberName(3))
	bad := b.post(own, url.Values{"stelle": {memberID(3)}, "name": {"Uta Eigen"}, "phone": {"x"}})
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", bad.StatusCode)
	}
	has(t, bad, `value="Uta Eigen"`, "Geben Sie eine Telefonnummer mit Vorwahl an")
	back := b.post(own, url.Values{"stelle": {memberID(3)}, "name": {"Uta Eigen"}, "phone": {"03601 4711 00"}, "description": {"hier auch das Standesamt"}, "impact": {"very_high"}})
	if back.StatusCode != http.StatusSeeOther || !strings.HasSuffix(back.Header.Get("Location"), "/pruefen#stelle-"+memberID(3)) {
		t.Errorf("%d %s", back.StatusCode, back.Header.Get("Location"))
	}
	has(t, b.get(path+"/pruefen"), "eigene Angaben")
	has(t, b.follow(path+"/absenden", nil), "Ihre Meldung ist eingegangen", "121 Stellen")
	events := e.submitted()
	if len(events) != 121 {
		t.Fatalf("%d events", len(events))
	}
	for _, p := range events {
		if own := p.Affected.ID == memberID(3); own != (p.Callback.Name == "Uta Eigen") || own != strings.Contains(p.Description, "Standesamt") {
			t.Errorf("%s: %s, %q", p.Affected.Name, p.Callback.Name, p.Description)
		}
	}
	e.invariants(nil)
}

// A list is recognised, asked about where it is not clear, and changes nothing
// for bodies without a mandate.
func TestAProviderPastesAList(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(30))
	b := e.visitor("de", actor.Provider)
	path := b.begin("")
	b.follow(path+"/was", wasForm())
	has(t, b.follow(path+"/stellen", also(url.Values{}, "do", "list")), "Liste einfügen oder hochladen")
	send := func(list string, file []byte) response {
		t.Helper()
		kind, body := multipartOf(t, "liste.csv", file, "list", list)
		return b.send("POST", path+"/liste", kind, bytes.NewReader(body))
	}
	for list, want := range map[string]string{"  \n": "In der Liste steht keine Stelle", strings.Repeat("x\n", 2500): "zu viele Einträge", strings.Repeat("x", 300<<10): "zu groß"} {
		res := send(list, nil)
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", list[:3], res.StatusCode)
		}
		has(t, res, want)
	}
	if res := send("Apolda", []byte("PK\x03\x04\x00\x00")); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, "Apolda") {
		t.Errorf("a ZIP: %d", res.StatusCode)
	}
	list := strings.Join([]string{memberAGS(0), "MUSTERORT 001", "musterort 1", "Elxleben", "Entenhausen", "=1+1", memberAGS(0), "Apolda, Stadt"}, "\n")
	res := send(list, []byte("AGS;Name\n"+memberAGS(2)+";Musterort 002\n"))
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", res.StatusCode, errorsIn(res.body))
	}
	found := b.get(res.Header.Get("Location"))
	has(t, found, "4 Stellen erkannt", "Für 1 Stelle fehlt das Mandat", "Elxleben", "Entenhausen", "sieht wie eine Formel aus", "1 Eintrag war doppelt", "nicht gefunden")
	taken := b.follow(path+"/ergebnis", url.Values{"do": {"take"}})
	has(t, taken, "4 Stellen ausgewählt")
	if n := e.count(`SELECT count(*) FROM draft WHERE form ? 'list'`); n != 0 {
		t.Error("the list stays in the draft")
	}
	if res := b.get(path + "/ergebnis"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("without a list: %d", res.StatusCode)
	}
}

// Who reports for one body has nothing to pick.
func TestOnlyProvidersOfSeveralPick(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	for _, as := range []actor.Role{"", actor.Officer, actor.Provider, actor.Duty} {
		b := e.visitor("de", as)
		path := b.begin("")
		has(t, b.get(path+"/was"), "Schritt 1 von 4")
		for _, page := range []string{"/stellen", "/liste", "/ergebnis", "/angaben"} {
			if res := b.get(path + page); res.StatusCode != http.StatusSeeOther {
				t.Errorf("%s as %q: %d", page, as, res.StatusCode)
			}
		}
	}
}
