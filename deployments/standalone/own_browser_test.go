// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// What one has about oneself, the catalogue, who is responsible and the register
// are accessible in light and dark and reflow, on a phone and on a desk.
func TestPagesOfTheRegisterAndAboutOneselfAreAccessible(t *testing.T) {
	w := shared(t)
	officer := w.person(t, actor.Officer)
	var list struct{ Items []struct{ ID string } }
	must(t, w.of(t, officer), http.MethodGet, "/api/directory/v1/services", http.StatusOK, nil, &list)
	if len(list.Items) == 0 {
		t.Fatal("the catalogue is empty")
	}
	one := list.Items[0].ID
	var asked struct{ ID string }
	must(t, w.of(t, officer), http.MethodPost, "/api/directory/v1/services/"+one+"/requests", http.StatusCreated,
		map[string]any{"wish": "Barrierefrei", "contact": "Kim Beispiel"}, &asked, "Idempotency-Key", newKey())
	submit(t, w.of(t, officer), "Barrierefrei: für die Zahlen", officer.Organisation.ID)
	const catalogue = "/verzeichnis/leistungen"
	phone, desk := []int64{390, 1440}, []int64{1440}
	for _, x := range []struct {
		who    standalone.DemoPerson // nobody is a guest
		widths []int64
		paths  []string
	}{
		{standalone.DemoPerson{}, phone, []string{"/verzeichnis/zustaendig", "/verzeichnis/zustaendig?q=Klettbach", "/verzeichnis/zustaendig?q=gibtesnicht", "/en/verzeichnis/zustaendig"}},
		{officer, phone, []string{
			"/melden/protokoll", "/melden/zahlen", "/en/melden/zahlen?zeitraum=2026", "/melden/zahlen/druck", catalogue, catalogue + "/" + one, catalogue + "/anfragen", catalogue + "/anfragen/" + asked.ID,
			"/konto/sicherheit", "/konto/daten", "/konto/abwesenheit", "/melden/meine-daten",
		}},
		{w.person(t, actor.Provider), phone, []string{"/konto/sicherheit", "/melden/vorgaenge", "/melden/zahlen"}},
		{w.person(t, actor.Constituency), desk, []string{
			"/verzeichnis/beteiligung", catalogue + "/anfragen", catalogue + "/neu", "/verzeichnis/isb", "/verzeichnis/isb?state=no_officer", "/verzeichnis/aufbewahrung",
		}},
		{w.person(t, actor.Lead), desk, []string{"/lage/aufbewahrung", "/lage/aufbewahrung/sperren", "/lage/meine-daten", "/konto/sicherheit", "/lage/audit?pruefen=ja", "/verzeichnis/audit"}},
		{w.person(t, actor.Auditor), desk, []string{"/melden/audit", "/warnungen/audit", "/verzeichnis/audit?action=account", "/en/lage/audit?object=nichts"}},
		{w.person(t, actor.Admin), phone, []string{"/verzeichnis/betrieb", "/melden/betrieb", "/lage/betrieb", "/en/warnungen/betrieb"}},
	} {
		for _, width := range x.widths {
			b := newTab(t, w, width, 900)
			if x.who.Email != "" {
				b.signedIn(w.cookie(t, x.who))
			}
			for _, path := range x.paths {
				if status := b.open(path); status != http.StatusOK {
					t.Errorf("%s as %q: %d", path, x.who.Email, status)
					continue
				}
				b.accessible(path + " as " + x.who.Email)
				b.reflows(path + " as " + x.who.Email)
			}
		}
	}
}
