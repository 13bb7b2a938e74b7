// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// membersOf are the bodies that a person may report for.
func (w *world) membersOf(t *testing.T, role actor.Role) []string {
	t.Helper()
	var me struct {
		Mandates []struct {
			Principal struct{ ID string }
			Scopes    []string
		}
	}
	must(t, w.as(t, role), http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me)
	var ids []string
	for _, m := range me.Mandates {
		for _, s := range m.Scopes {
			if s == "report" {
				ids = append(ids, m.Principal.ID)
			}
		}
	}
	return ids
}

// A provider's report about 72 members comes while the queue is open: it is one
// thing in the news, one line that counts by itself, and no news any more on a
// page that was loaded with it.
func TestManyCasesOfOneReportAreOneLineOfTheLiveQueue(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	members := w.membersOf(t, actor.Provider)
	if len(members) < 72 {
		t.Fatalf("the provider reports for %d bodies, the test needs 72", len(members))
	}
	members = members[:72]
	submit(t, w.as(t, actor.Officer), "Etwas anderes", "16071043")
	b := newTab(t, w, 1440, 900)
	b.signedIn(w.cookie(t, w.person(t, actor.Duty)))
	b.open("/lage/eingang")
	b.want("the stream is live", live)

	first := submit(t, w.as(t, actor.Provider), "Rechenzentrum steht", members[:70]...)
	w.casesOf(t, first.ID, 70)
	count := `document.querySelector('[data-live=count]')?.textContent`
	b.want("one campaign with 70 cases in the news", count+`?.endsWith(': neue Fälle: 70')`)
	if !b.js(`document.title.startsWith('(1) ')`) {
		t.Errorf("the title counts the cases one by one: %q", b.read(`document.title`))
	}
	b.shot("desk-1440-lage-neu")
	b.follow(`[data-live=new] a`)
	line := `document.querySelector('tr[data-campaign]')`
	b.want("one line for the campaign", `document.querySelectorAll('tr[data-campaign]').length === 1 && `+line+`.dataset.count === '70'`)
	b.want("the stream is live again", live)

	for _, m := range members[70:] {
		must(t, w.as(t, actor.Provider), http.MethodPost, "/api/intake/v1/reports/"+first.ID+"/affected", http.StatusCreated, map[string]any{"affected": []string{m}}, nil)
	}
	b.want("the line counts by itself", line+`?.dataset.count === '72' && `+line+`.innerText.includes('72')`)
	bar := `document.querySelector('[data-live=new]')`
	if !b.js(`document.querySelectorAll('tr[data-campaign]').length === 1 && ` + bar + `.hidden && !document.title.startsWith('(')`) {
		t.Errorf("members of a campaign that the page shows are news: %q, %q", b.read(count), b.read(`document.title`))
	}
	b.accessible("the queue with a campaign that counts")
	b.shot("desk-1440-lage-zeile")

	// Loaded a moment after: nothing of what it shows is news.
	b.open("/lage/eingang")
	b.want("the stream is live once more", live)
	second := submit(t, w.as(t, actor.Officer), "Danach", "16071043")
	w.casesOf(t, second.ID, 1)
	b.want("only the later report is news", count+` === '1 neue Meldung'`)
	other := newTab(t, w, 1440, 900)
	other.signedIn(w.cookie(t, w.person(t, actor.Lead)))
	other.open("/lage/eingang")
	other.want("the stream is live", live)
	third := submit(t, w.as(t, actor.Officer), "Und noch eine", "16071043")
	w.casesOf(t, third.ID, 1)
	other.want("a tab beside hears the same", count+` === '1 neue Meldung'`)
	b.want("and the first counts on", count+` === '2 neue Meldungen'`)
}
