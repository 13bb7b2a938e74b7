// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

const (
	operationsAPI  = "/api/triage/v1/operations"
	operationsPage = "/lage/betrieb"
)

// poison lets no case be opened, for a reason that no retry helps.
func (e *env) poison() {
	e.exec(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '22021'; END $$`)
	e.exec(`CREATE TRIGGER poison BEFORE INSERT ON cases FOR EACH ROW EXECUTE FUNCTION poison()`)
}

func (e *env) cure() { e.exec(`DROP TRIGGER poison ON cases`) }

func (e *env) press(as, path string, values url.Values) response {
	return e.do(request{method: http.MethodPost, path: path, as: as, cookie: true, body: values.Encode()})
}

// Reliability model §2.4, row "dead letters, retries", and failure model F20.
func TestAPoisonedReportIsALineOfTheOperationAndItsCaseComesWithARetry(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.poison()
	r := sample.Report(1)
	r.Description = canary + " in der Meldung"
	ev := sample.Event(r)
	e.publish(ev)
	var id int64
	devstack.Eventually(t, 15*time.Second, "a dead event", func() bool { return e.db.Get(&id, `SELECT id FROM dead_event`) == nil })
	letter := fmt.Sprintf("%s/%d", operationsPage, id)
	for name, role := range people {
		want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[role == actor.Admin]
		for _, path := range []string{operationsPage, letter, operationsAPI, operationsAPI + "/dead-letters", fmt.Sprintf("%s/dead-letters/%d", operationsAPI, id)} {
			res := e.do(request{path: path, as: name, cookie: !strings.HasPrefix(path, "/api/")})
			if res.StatusCode != want || strings.Contains(res.body, canary) || strings.Contains(res.body, r.Reporter.Name) {
				t.Errorf("%s of %s: %d, want %d and no content", path, name, res.StatusCode, want)
			}
			if role == actor.Admin && strings.Contains(path, "betrieb") && !strings.Contains(res.body, ev.ID) {
				t.Errorf("%s does not name the event", path)
			}
		}
		if role != actor.Admin {
			for _, path := range []string{letter + "/erneut", letter + "/verwerfen"} {
				if res := e.press(name, path, url.Values{"reason": {"weil ich es will"}}); res.StatusCode != http.StatusNotFound {
					t.Errorf("%s of %s: %d", path, name, res.StatusCode)
				}
			}
		}
	}
	if res := e.press("admin", letter+"/erneut", nil); res.StatusCode != http.StatusConflict || !strings.Contains(res.body, "wirkte wieder nicht") {
		t.Errorf("a retry with the cause there: %d", res.StatusCode)
	}
	e.cure()
	if res := e.press("admin", letter+"/erneut", nil); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != operationsPage {
		t.Errorf("a retry: %d %s", res.StatusCode, res.body)
	}
	if res := e.press("admin", letter+"/erneut", nil); res.StatusCode != http.StatusConflict {
		t.Errorf("a second retry: %d", res.StatusCode)
	}
	if n := e.count(`SELECT count(*) FROM case_reports WHERE report_id = $1`, r.Report); n != 1 {
		t.Errorf("%d cases of the report, want 1", n)
	}
	if res := e.do(request{path: operationsPage, as: "admin", cookie: true}); !strings.Contains(res.body, "Es wartet kein aufgegebenes Ereignis") {
		t.Error("the line is still there")
	}
	e.intact()
}

func TestADeadEventIsDiscardedWithAReasonOnly(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	if _, err := e.bus.JetStream().Publish(t.Context(), "report.submitted.x", []byte("no event")); err != nil {
		t.Fatal(err)
	}
	var id int64
	devstack.Eventually(t, 15*time.Second, "a dead event", func() bool { return e.db.Get(&id, `SELECT id FROM dead_event`) == nil })
	letter := fmt.Sprintf("%s/%d", operationsPage, id)
	if body := e.do(request{path: letter, as: "admin", cookie: true}).body; strings.Contains(body, "/erneut") || !strings.Contains(body, "kein lesbares Ereignis") {
		t.Error("what is no event can be tried again")
	}
	res := e.press("admin", letter+"/verwerfen", url.Values{"reason": {"so"}})
	if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.body, `id="reason-e"`) || !strings.Contains(res.body, ">so</textarea>") {
		t.Errorf("without a reason: %d, or what was typed is lost", res.StatusCode)
	}
	api := fmt.Sprintf("%s/dead-letters/%d", operationsAPI, id)
	for body, want := range map[string]int{`{"reason":""}`: http.StatusUnprocessableEntity, `{}`: http.StatusUnprocessableEntity, `{`: http.StatusBadRequest, `{"reason":7}`: http.StatusBadRequest} {
		if res := e.do(request{method: http.MethodPost, path: api + "/discard", as: "admin", body: body}); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", body, res.StatusCode, want)
		}
	}
	res = e.do(request{method: http.MethodPost, path: api + "/discard", as: "admin", body: `{"reason":"Testnachricht der Überwachung"}`})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.body, `"outcome":"discarded"`) {
		t.Errorf("with a reason: %d %s", res.StatusCode, res.body)
	}
	for _, end := range []string{"/retry", "/discard"} {
		if res := e.do(request{method: http.MethodPost, path: api + end, as: "admin", body: `{"reason":"noch einmal"}`}); res.StatusCode != http.StatusConflict {
			t.Errorf("%s afterwards: %d", end, res.StatusCode)
		}
	}
	if body := e.do(request{path: letter, as: "admin", cookie: true}).body; !strings.Contains(body, "Testnachricht der Überwachung") || strings.Contains(body, "<textarea") {
		t.Error("the page does not say that it was discarded")
	}
	for _, path := range []string{"?after=x", "?after=-1", "?limit=0"} {
		if res := e.do(request{path: operationsPage + path, as: "admin", cookie: true}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

// Failure model F14.
func TestTheOperationIsThereWithoutTheBrokerAndSaysSo(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.nats.Stop()
	for path, want := range map[string]string{
		operationsPage: "Nachrichtenverteiler (NATS)", "/en" + operationsPage: "message broker (NATS)", operationsAPI: `"connected":false`,
	} {
		header := map[string]string{}
		if local, english := strings.CutPrefix(path, "/en"); english {
			path, header["X-Forwarded-Prefix"] = local, "/en"
		}
		start := time.Now()
		res := e.do(request{path: path, as: "admin", cookie: !strings.HasPrefix(path, "/api/"), header: header})
		if took := time.Since(start); res.StatusCode != http.StatusOK || !strings.Contains(res.body, want) || took > 3*time.Second {
			t.Errorf("%s: %d after %s; want %q in it", path, res.StatusCode, took, want)
		}
	}
}

// The pages of the operation in both languages as they were agreed.
func TestGoldensOfTheOperation(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	devstack.Eventually(t, 15*time.Second, "all consumers", func() bool {
		res := e.do(request{path: operationsAPI, as: "admin"})
		return strings.Contains(res.body, `"known":true`) && !strings.Contains(res.body, `"known":false`)
	})
	shown := func(name, path string, status int, send url.Values) {
		t.Helper()
		for _, lang := range []string{"de", "en"} {
			r := request{path: path, as: "admin", cookie: true, header: map[string]string{}}
			if lang == "en" {
				r.header["X-Forwarded-Prefix"] = "/en"
			}
			if send != nil {
				r.method, r.body = http.MethodPost, send.Encode()
			}
			res := e.do(r)
			if res.StatusCode != status {
				t.Fatalf("%s: %d", path, res.StatusCode)
			}
			pagetest.Golden(t, name+"."+lang, since.ReplaceAll([]byte(res.body), []byte("$1 JETZT")))
		}
	}
	shown("betrieb-leer", operationsPage, http.StatusOK, nil)
	r := sample.Report(1)
	r.Report = "0190d000-0000-7000-8000-000000000001"
	ev := sample.Event(r)
	ev.ID = "0190d000-0000-7000-8000-000000000002"
	body, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	e.exec(`INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries, at) VALUES ('triage-reports', $2, 'report.submitted.16.071.043', $3, $4, 5, $1)`,
		sample.Noon, ev.ID, body, "casefile: no place for "+r.Description)
	e.exec(`INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries, at) VALUES
		('triage-alerts', '', 'alert.published', 'kein Ereignis', 'not an event: invalid character ''k'' looking for beginning of value', 1, $1)`, sample.Noon)
	e.exec(`INSERT INTO outbox (id, type, subject, body, created_at, published_at)
		VALUES ('0190d000-0000-7000-8000-000000000004', 'case.opened', 'case.opened', '{}', $1, $1)`, sample.Noon)
	shown("betrieb", operationsPage, http.StatusOK, nil)
	shown("betrieb-ereignis", operationsPage+"/1", http.StatusOK, nil)
	shown("betrieb-unlesbar", operationsPage+"/2", http.StatusOK, nil)
	shown("betrieb-fehler", operationsPage+"/1/verwerfen", http.StatusUnprocessableEntity, url.Values{"reason": {"so"}})
	e.exec(`UPDATE dead_event SET retried_at = $1, outcome = 'discarded', note = 'Testnachricht der Überwachung' WHERE id = 2`, sample.Noon)
	shown("betrieb-verworfen", operationsPage+"/2", http.StatusOK, nil)
	e.nats.Stop()
	devstack.Eventually(t, 5*time.Second, "that the broker is gone", func() bool { return !e.bus.Away().IsZero() })
	shown("betrieb-gestoert", operationsPage, http.StatusOK, nil)
}

// since is when the broker went: the clock on the wall.
var since = regexp.MustCompile(`(seit|since) \d\d?(\.| \w+ )[^:]*:\d\d`)
