// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// An administrator in a browser: the lists with dead events, one of them, and
// the mistake of giving no reason.
func TestTheOperationIsAccessibleAlsoWithDeadEvents(t *testing.T) {
	w := shared(t)
	db := w.open(t, "triage")
	t.Cleanup(func() {
		db.MustExec(`DELETE FROM dead_event WHERE consumer LIKE 'triage-%' AND subject = 'alert.published'`)
	})
	db.MustExec(`INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries)
		SELECT 'triage-alerts', '', 'alert.published', n::text::bytea, 'not an event: ' || repeat('averylongwordwithoutabreak', 3), 1 FROM generate_series(1, 60) n`)
	var id int64
	if err := db.Get(&id, `SELECT max(id) FROM dead_event`); err != nil {
		t.Fatal(err)
	}
	letter := fmt.Sprintf("/lage/betrieb/%d", id)
	for _, width := range []int64{390, 1440} {
		b := newTab(t, w, width, 900)
		b.signedIn(w.cookie(t, w.person(t, actor.Admin)))
		for _, path := range []string{"/lage/betrieb", fmt.Sprintf("/en/lage/betrieb?after=%d", id-50), letter, "/en" + letter} {
			if status := b.open(path); status != http.StatusOK {
				t.Errorf("%s: %d", path, status)
				continue
			}
			b.accessible(path)
			b.reflows(path)
		}
		b.open(letter)
		b.follow(`form[action$="/verwerfen"] button`)
		if !b.js(`document.querySelector('#reason-e') !== null && document.activeElement.classList.contains('errsum')`) {
			t.Errorf("at %d px nothing leads to the mistake", width)
		}
		b.accessible("a discard without a reason")
	}
	b := newTab(t, w, 1440, 900)
	b.signedIn(w.cookie(t, w.person(t, actor.Admin)))
	b.open(letter)
	b.write("#reason", "Nachricht einer Prüfung")
	b.follow(`form[action$="/verwerfen"] button`)
	if !b.js(`location.pathname === '/lage/betrieb' && document.querySelector('.note--success') !== null`) {
		t.Error("after the discard nothing says that it is done")
	}
	if b.open(letter); !b.js(`document.querySelector('textarea') === null && document.body.innerText.includes('Nachricht einer Prüfung')`) {
		t.Error("the event does not say why it was discarded")
	}
}
