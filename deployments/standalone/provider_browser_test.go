// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// A provider picks its members on a phone, without JavaScript: tick, filter, a
// list with a name that two places have, details of one, and what a member sees.
func TestAProviderPicksMembersOnAPhone(t *testing.T) {
	w := shared(t)
	b := newTab(t, w, 390, 844)
	b.withoutScript()
	b.signedIn(w.cookie(t, w.person(t, actor.Provider)))
	b.open("/melden")
	b.choose("what", "outage")
	b.submit()
	b.pageIs("the picking step", "/stellen")
	b.shot("portal-390-stellen")
	b.follow(`button[value="list"]`)
	b.pageIs("the list", "/liste")
	b.write(`textarea[name=list]`, "16071043\nEntenhausen\n=1+1\nLandkreis Gotha")
	b.submit()
	b.pageIs("what was found", "/ergebnis")
	b.shot("portal-390-ergebnis")
	if !b.has("1 Stelle erkannt") || !b.has("fehlt das Mandat") {
		t.Errorf("the list was not recognised\n%s", b.where())
	}
	b.follow(`button[value="take"]`)
	if !b.has("1 Stelle ausgewählt") {
		t.Errorf("nothing was taken over\n%s", b.where())
	}
	b.follow(`button[value="all"]`)
	b.follow(`button[value="next"]`)
	b.choose("impact", "high")
	b.submit()
	b.pageIs("the contact", "/kontakt")
	b.write(`input[name=name]`, "Paul Netz")
	b.write(`input[name=phone]`, "0361 123456")
	b.submit()
	b.pageIs("the check page", "/pruefen")
	b.shot("portal-390-pruefen-stellen")
	b.click(`#stellen details summary`)
	b.accessible("the check page with a group open")
	if status := b.open(b.read(`document.querySelector('#stellen li a').getAttribute('href')`)); status != http.StatusOK {
		t.Fatalf("the details of one: %d", status)
	}
	b.pageIs("the details of one", "/angaben")
	b.open(strings.Replace(b.read(`location.pathname`), "/angaben", "/pruefen", 1))
	b.follow(`main form[action$="/absenden"] button[type=submit]`)
	b.pageIs("the confirmation", "/fertig")
	ref := reference.FindString(b.read(`document.body.innerText`))
	own := "/melden/vorgang/" + ref
	b.open(own)
	b.pageIs("the provider's table", own)
	b.shot("portal-390-vorgang-stellen")
	b.open(own + "/stellen")
	b.pageIs("further members", "/stellen")
	desk := newTab(t, w, 1440, 900)
	desk.signedIn(w.cookie(t, w.person(t, actor.Provider)))
	for _, path := range []string{own, own + "/stellen"} {
		desk.open(path)
		desk.pageIs("on a desk", path)
	}
	b.signedIn(w.cookie(t, w.person(t, actor.Officer)))
	b.open(own)
	b.pageIs("the member's part", own)
	b.shot("portal-390-vorgang-stelle")
	for _, page := range []string{"/uebernehmen", "/widersprechen"} {
		b.open(own + page)
		b.pageIs("the page "+page, page)
	}
}
