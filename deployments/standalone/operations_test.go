// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
)

type operation struct {
	Service, Level string
	Broker         struct{ Connected bool }
	Consumers      []consumer
}

type consumer struct {
	Name, Level string
	Known       bool
}

// Every consumer that a service has at the broker is on its page, and none is
// there that the broker does not know; a dead event of each service is tried
// again by the administrator, once.
func TestEachServiceShowsWhatItReadsAndTriesDeadEventsAgain(t *testing.T) {
	w := shared(t)
	admin := w.of(t, w.person(t, actor.Admin))
	town := event.OrganisationChanged{ID: event.NewID(), Version: 1, Name: "Prüfstadt", Level: "gemeinde"}
	for _, service := range serviceNames {
		base := "/api/" + service + "/v1/operations"
		var o operation
		must(t, admin, http.MethodGet, base, http.StatusOK, nil, &o)
		if o.Service != service || !o.Broker.Connected {
			t.Errorf("%s: %+v", service, o)
		}
		for _, c := range o.Consumers {
			if !c.Known || !strings.HasPrefix(c.Name, service+"-") {
				t.Errorf("%s: the broker does not know %s", service, c.Name)
			}
		}
		if !slices.ContainsFunc(o.Consumers, func(c consumer) bool { return c.Name == service+"-register" }) {
			t.Errorf("%s does not show that it reads the register", service)
		}
		e := event.New(town, event.Meta{At: time.Now(), Actor: "test"})
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		db := w.open(t, service)
		var id int64
		if err := db.Get(&id, `INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries) VALUES ($1, $2, $3, $4, 'no room', 5) RETURNING id`,
			service+"-register", e.ID, e.Subject(), body); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			db.MustExec(`DELETE FROM dead_event WHERE id = $1`, id)
			db.MustExec(`DELETE FROM register_record WHERE id = $1`, town.ID)
		})
		letter := fmt.Sprintf("%s/dead-letters/%d", base, id)
		must(t, w.of(t, w.person(t, actor.Lead)), http.MethodPost, letter+"/retry", http.StatusNotFound, nil, nil)
		var list struct{ Items []struct{ ID int64 } }
		if must(t, admin, http.MethodGet, base+"/dead-letters?limit=1", http.StatusOK, nil, &list); len(list.Items) != 1 || list.Items[0].ID != id {
			t.Errorf("%s lists %+v, want the one", service, list)
		}
		must(t, admin, http.MethodPost, letter+"/discard", http.StatusUnprocessableEntity, map[string]string{"reason": " "}, nil)
		must(t, admin, http.MethodPost, letter+"/retry", http.StatusOK, nil, nil)
		must(t, admin, http.MethodPost, letter+"/retry", http.StatusConflict, nil, nil)
		must(t, admin, http.MethodPost, letter+"/discard", http.StatusConflict, map[string]string{"reason": "zu spät"}, nil)
		must(t, admin, http.MethodGet, letter, http.StatusOK, nil, nil)
		var n int
		if err := db.Get(&n, `SELECT count(*) FROM register_record WHERE id = $1`, town.ID); err != nil || n != 1 {
			t.Errorf("%s: %d effects, %v; want 1", service, n, err)
		}
	}
}

func TestTheCommandSendsADeadEventRoundAgainAndTheAuditSaysSo(t *testing.T) {
	w := shared(t)
	db := w.open(t, "triage")
	bury := func(subject string) (id int64, e string) {
		t.Helper()
		e = event.NewID()
		body := fmt.Sprintf(`{"id":%q,"type":"report.nothing","version":1,"data":{}}`, e)
		if err := db.Get(&id, `INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries)
			VALUES ('triage-reports', $1, $2, $3, 'no room', 5) RETURNING id`, e, subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.MustExec(`DELETE FROM dead_event WHERE id = $1`, id) })
		return id, e
	}
	record, _ := bury("directory.organisation.changed.x")
	if err := standalone.DeadEvents(t.Context(), w.Options.Data, "triage", record, io.Discard); err == nil || !strings.Contains(err.Error(), "Betrieb") {
		t.Errorf("a record that would replace its newest version in the stream: %v", err)
	}
	id, e := bury("report.nothing.x")
	if err := standalone.DeadEvents(t.Context(), w.Options.Data, "triage", id, io.Discard); err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 10*time.Second, "the event at its consumer", func() bool {
		var n int
		err := db.Get(&n, `SELECT count(*) FROM inbox WHERE consumer = 'triage-reports' AND event_id = $1`, e)
		return err == nil && n == 1
	})
	var by string
	if err := db.Get(&by, `SELECT actor FROM audit WHERE action = 'operations.retry' AND object_id = $1`, strconv.FormatInt(id, 10)); err != nil || by != "service:operator" {
		t.Errorf("the audit names %q, %v", by, err)
	}
}
