// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// Everything about mandates works on a phone and on a large screen.
func TestMandatePagesAreAccessible(t *testing.T) {
	w := shared(t)
	boss, firm, care := w.person(t, actor.OrgAdmin), w.named(t, "vertrag@kiv.example"), w.person(t, actor.Constituency)
	of := func(p standalone.DemoPerson) (first string) {
		var list struct{ Items []struct{ ID, State string } }
		must(t, w.of(t, p), http.MethodGet, "/api/directory/v1/organisations/"+p.Organisation.ID+"/mandates", http.StatusOK, nil, &list)
		for _, m := range list.Items {
			if m.State == "active" {
				return m.ID
			}
		}
		t.Fatalf("%s has no mandate", p.Email)
		return ""
	}
	var queue struct{ Items []struct{ ID string } }
	must(t, w.of(t, care), http.MethodGet, "/api/directory/v1/mandates", http.StatusOK, nil, &queue)
	if len(queue.Items) == 0 {
		t.Fatal("nothing waits for the CERT")
	}
	const at = "/verzeichnis/mandate"
	for _, x := range []struct {
		who   standalone.DemoPerson
		paths []string
	}{
		{boss, []string{at, at + "/neu", at + "/neu?q=Gotha", at + "/neu?mit=" + firm.Organisation.ID, at + "/" + of(boss), at + "/" + of(boss) + "/druck"}},
		{firm, []string{at, at + "?q=gibtesnicht", at + "/anfragen", at + "/anfragen?mit=" + boss.Organisation.ID, at + "/" + of(firm)}},
		{care, []string{at + "/bestaetigen", at + "/bestaetigen?q=gibtesnicht", at + "/" + queue.Items[0].ID, at + "/neu"}},
	} {
		for _, width := range []int64{390, 1440} {
			b := newTab(t, w, width, 900)
			b.signedIn(w.cookie(t, x.who))
			for _, path := range x.paths {
				if status := b.open(path); status != http.StatusOK {
					t.Errorf("%s as %s: %d", path, x.who.Email, status)
					continue
				}
				b.accessible(path + " as " + x.who.Email)
				b.reflows(path + " as " + x.who.Email)
			}
		}
	}
}
