// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// The pages of a provider that picks, of its report, and of a member.
func TestGoldensOfAProvidersReport(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"de", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			e := newIntake(t, members(8))
			b := e.visitor(lang, actor.Provider)
			path := b.begin("")
			golden(t, b, "stellen", b.follow(path+"/was", wasForm()))
			golden(t, b, "liste", b.get(path+"/liste"))
			kind, body := multipartOf(t, "", nil, "list", memberAGS(0)+"\n"+memberAGS(1)+"\n"+memberAGS(1)+"\nMustrort 003\nElxleben\nEntenhausen\n=1+1\nApo\u202elda")
			if res := b.send("POST", path+"/liste", kind, bytes.NewReader(body)); res.StatusCode != http.StatusSeeOther {
				t.Fatalf("%d %s", res.StatusCode, errorsIn(res.body))
			}
			golden(t, b, "ergebnis", b.get(path+"/ergebnis"))
			b.follow(path+"/ergebnis", url.Values{"do": {"take"}})
			b.follow(path+"/stellen", url.Values{"do": {"all"}})
			b.follow(path+"/betroffen", betroffenForm())
			form := kontaktForm()
			form.Set("picked", "yes")
			form.Del("body")
			b.follow(path+"/kontakt", form)
			golden(t, b, "angaben", b.get(path+"/angaben?stelle="+memberID(2)))
			b.follow(path+"/angaben", url.Values{"stelle": {memberID(2)}, "name": {"Uta Eigen"}, "phone": {"03601 4711 00"}})
			golden(t, b, "pruefen-stellen", b.get(path+"/pruefen"))
			golden(t, b, "fertig-stellen", b.follow(path+"/absenden", nil))
			const own = "/melden/vorgang/M-2026-000001"
			m := e.visitor(lang, officerOf(2))
			golden(t, m, "vorgang-stelle", m.get(own))
			golden(t, m, "druck-stelle", m.get(own+"/druck"))
			golden(t, m, "uebernehmen", m.get(own+"/uebernehmen"))
			golden(t, m, "widersprechen", m.get(own+"/widersprechen"))
			golden(t, m, "widersprechen-fehler", m.post(own+"/widersprechen", url.Values{"key": {"k1"}}))
			m.follow(own+"/uebernehmen", url.Values{"key": {"k2"}, "name": {"Rike Rathaus"}, "phone": {"03601 4711 00"}})
			m.follow(own+"/widersprechen", url.Values{"key": {"k3"}, "text": {"Bei uns läuft alles."}})
			golden(t, m, "vorgang-uebernommen", m.get(own))
			golden(t, b, "vorgang-stellen", b.get(own))
			golden(t, b, "stellen-dazu", b.get(own+"/stellen"))
		})
	}
}

func TestAMemberTakesOverOnThePages(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(3))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	own := "/melden/vorgang/" + c.Reference
	m := e.visitor("de", officerOf(0))
	has(t, m.get(own), "KIV Thüringen GmbH hat diesen Vorfall in Ihrem Auftrag gemeldet.", "Selbst übernehmen", "Widersprechen", "Etwas nachtragen")
	bad := m.post(own+"/uebernehmen", url.Values{"key": {"a"}, "name": {"Rike"}, "phone": {""}})
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", bad.StatusCode)
	}
	has(t, bad, `value="Rike"`, "Geben Sie eine Telefonnummer mit Vorwahl an")
	has(t, m.follow(own+"/uebernehmen", url.Values{"key": {"b"}, "name": {"Rike"}, "phone": {"03601 4711 00"}}), "Sie bearbeiten ihn seit", "zurückgeben", "Selbst übernommen")
	has(t, m.follow(own+"/zurueckgeben", url.Values{"key": {"c"}}), "Selbst übernehmen", "Ihr Dienstleister bearbeitet den Vorgang wieder.")
	b := e.visitor("de", actor.Provider)
	for _, page := range []string{"/uebernehmen", "/widersprechen"} {
		if res := b.get(own + page); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s as the provider: %d", page, res.StatusCode)
		}
	}
	guest := e.visitor("de", "")
	if res := guest.get(own + "/uebernehmen"); res.StatusCode != http.StatusSeeOther || !strings.Contains(res.Header.Get("Location"), "/konto/anmelden") {
		t.Errorf("as a guest: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestAProviderWritesToSomeMembersOnThePages(t *testing.T) {
	t.Parallel()
	e := newIntake(t, members(4))
	c := e.submit(actor.Provider, "k", goodFor(allMembers(3)...))
	own := "/melden/vorgang/" + c.Reference
	b := e.visitor("de", actor.Provider)
	has(t, b.get(own), "3 Stellen", memberName(0), "Für welche Stellen?", "an="+memberID(1))
	has(t, b.get(own+"?an="+memberID(1)), memberAGS(1)+" "+memberName(1))
	hasNot(t, b.get(own+"?q=002"), "an="+memberID(1))
	bad := b.post(own+"/nachricht", url.Values{"key": {"a"}, "text": {"Bitte melden"}, "to": {"Entenhausen"}})
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", bad.StatusCode)
	}
	has(t, bad, "Entenhausen", "Bitte melden", "nicht bekannt oder nicht eindeutig")
	if res := b.post(own+"/nachricht", url.Values{"key": {"a2"}, "text": {"x"}, "to": {memberName(3)}}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("to one that is not in the report: %d", res.StatusCode)
	}
	has(t, b.follow(own+"/nachricht", url.Values{"key": {"b"}, "text": {"nur für eine"}, "to": {memberName(1)}}), "nur für eine")
	has(t, e.visitor("de", officerOf(1)).get(own), "nur für eine")
	hasNot(t, e.visitor("de", officerOf(0)).get(own), "nur für eine")
	for list, want := range map[string]string{"Entenhausen": "steht nicht im Verzeichnis", "Elxleben": "kein gültiges Mandat", memberAGS(0): "schon dabei", "": "keine Stelle"} {
		res := b.post(own+"/stellen", url.Values{"key": {"x" + list}, "list": {list}})
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", list, res.StatusCode)
		}
		has(t, res, want)
	}
	has(t, b.follow(own+"/stellen", url.Values{"key": {"y"}, "list": {memberName(3)}}), "4 Stellen", "später dazugekommen", "Die Stellen sind dazugekommen.")
	has(t, e.visitor("de", officerOf(3)).get(own), memberName(3), "hat diesen Vorfall in Ihrem Auftrag gemeldet")
}
