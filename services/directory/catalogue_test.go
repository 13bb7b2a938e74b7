// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"
)

type services struct {
	Items []struct {
		ID, Key, Status string
		Available       bool
		Version         int
	}
}

func (b *bench) serviceBy(key, as string) string {
	b.t.Helper()
	var list services
	b.want(ask{path: "/api/directory/v1/services", as: as}, 200).decode(b.t, &list)
	for _, s := range list.Items {
		if s.Key == key {
			return s.ID
		}
	}
	b.t.Fatalf("no service %s", key)
	return ""
}

func idemKey(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }

func TestAServiceIsRequestedAndAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "pflege", "analyst")
	const api = "/api/directory/v1/"
	id := b.serviceBy("awareness", "klett")
	wish := map[string]any{"wish": "Schulung für 20 Personen", "wanted_on": "2026-12-15", "contact": "Kim, 036209 1"}
	b.want(ask{method: "POST", path: api + "services/" + id + "/requests", as: "analyst", json: wish, header: idemKey("a")}, 404)
	b.want(ask{method: "POST", path: api + "services/" + id + "/requests", as: "klett", json: wish}, 400)
	var made struct {
		ID, State    string
		Organisation struct{ AGS string }
		Version      int
	}
	b.want(ask{method: "POST", path: api + "services/" + id + "/requests", as: "klett", json: wish, header: idemKey("a")}, 201).decode(t, &made)
	if made.State != "received" || made.Organisation.AGS != "16071043" {
		t.Errorf("made %+v", made)
	}
	again := b.want(ask{method: "POST", path: api + "services/" + id + "/requests", as: "klett", json: wish, header: idemKey("a")}, 201)
	if again.Header.Get("Idempotent-Replayed") != "true" || b.count(`SELECT count(*) FROM service_request`) != 1 {
		t.Error("the same request twice made two")
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.notice.wanted' AND body LIKE '%service_requested%' AND body LIKE '%pflege@example.org%'`); n != 1 {
		t.Errorf("the managers are told %d times, want once", n)
	}
	b.want(ask{path: api + "service-requests/" + made.ID, as: "fremd"}, 404)
	b.want(ask{method: "POST", path: api + "services/" + id + "/requests", as: "fremd", json: map[string]any{"organisation": "16071043", "wish": "x", "contact": "y"}, header: idemKey("b")}, 404)
	for who, want := range map[string]int{"klett": 1, "fremd": 0, "pflege": 1} {
		var list struct{ Items []struct{ ID string } }
		b.want(ask{path: api + "service-requests?open=true", as: who}, 200).decode(t, &list)
		if len(list.Items) != want {
			t.Errorf("%s sees %d requests, want %d", who, len(list.Items), want)
		}
	}
	answer := ask{method: "POST", path: api + "service-requests/" + made.ID + "/answer", as: "pflege", json: map[string]any{"state": "promised", "text": "Gern am 15.12."}}
	b.want(answer, 428)
	answer.header = map[string]string{"If-Match": `"7"`}
	b.want(answer, 412)
	answer.header = map[string]string{"If-Match": `"1"`}
	stranger := answer
	stranger.as = "klett"
	b.want(stranger, 404)
	b.want(answer, 200)
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.notice.wanted' AND body LIKE '%service_answered%' AND body LIKE '%klett@example.org%'`); n != 1 {
		t.Errorf("the requester is told %d times, want once", n)
	}
	body := b.want(ask{path: "/verzeichnis/leistungen/anfragen/" + made.ID, as: "klett"}, 200).body
	if !strings.Contains(body, "Gern am 15.12.") || !strings.Contains(body, "Zugesagt") || strings.Contains(body, `name="state"`) {
		t.Error("the requester's page lacks the answer, or lets them answer")
	}
	done := ask{method: "POST", path: api + "service-requests/" + made.ID + "/answer", as: "pflege", json: map[string]any{"state": "done", "text": "War schön."}, header: map[string]string{"If-Match": `"2"`}}
	b.want(done, 200)
	done.header = map[string]string{"If-Match": `"3"`}
	b.want(done, 409)
	b.chain()
}

func TestAServiceIsOnlyForItsLevels(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege")
	const api = "/api/directory/v1/"
	wish := map[string]any{"wish": "x", "contact": "y"}
	for _, key := range []string{"exercise", "soc"} { // not for municipalities; not offered
		b.want(ask{method: "POST", path: api + "services/" + b.serviceBy(key, "klett") + "/requests", as: "klett", json: wish, header: idemKey(key)}, 409)
	}
	body := b.want(ask{path: "/verzeichnis/leistungen", as: "klett"}, 200).body
	if !strings.Contains(body, "Für Klettbach verfügbar:") || !strings.Contains(body, "Für Klettbach nicht vorgesehen.") {
		t.Error("the page does not say what Klettbach can have")
	}
	if n := b.count(`SELECT count(*) FROM service_request`); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestTheCatalogueIsKeptByTheManager(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege")
	const path = "/api/directory/v1/services"
	text := func(s string) map[string]string { return map[string]string{"de": s, "en": s} }
	fresh := map[string]any{
		"key": "dns", "name": text("DNS-Schutz"), "description": text("Filter"), "status": "offered", "position": 5,
		"conditions": map[string]any{"gemeinde": text("kostenfrei")},
	}
	b.want(ask{method: "POST", path: path, as: "klett", json: fresh}, 404)
	b.want(ask{method: "POST", path: path, as: "pflege", json: fresh}, 201)
	b.want(ask{method: "POST", path: path, as: "pflege", json: fresh}, 422) // the key is taken
	b.want(ask{method: "POST", path: path, as: "pflege", json: map[string]any{"key": "X!"}}, 422)
	id := b.serviceBy("dns", "klett")
	patch := func(v string, body map[string]any, status int) {
		t.Helper()
		a := ask{method: "PATCH", path: path + "/" + id, as: "pflege", json: body}
		if v != "" {
			a.header = map[string]string{"If-Match": v}
		}
		b.want(a, status)
	}
	patch("", map[string]any{"status": "ended"}, 428)
	patch(`"9"`, map[string]any{"status": "ended"}, 412)
	patch(`"1"`, map[string]any{"status": "sold"}, 422)
	patch(`"1"`, map[string]any{"conditions": map[string]any{"village": text("x")}}, 422)
	patch(`"1"`, map[string]any{"status": "ended"}, 200)
	cookie := b.signIn("pflege")
	form := url.Values{
		"version": {"1"}, "name": {"A"}, "name_en": {"B"}, "description": {"C"}, "description_en": {"D"}, "status": {"offered"}, "position": {"7"},
		"de-vg": {"im Verbund"},
	}
	if body := b.want(ask{method: "POST", path: "/verzeichnis/leistungen/" + id, cookie: cookie, form: form}, 409).body; !strings.Contains(body, `value="im Verbund"`) {
		t.Error("what was typed against an old version is lost")
	}
	form.Set("version", "2")
	b.want(ask{method: "POST", path: "/verzeichnis/leistungen/" + id, cookie: cookie, form: form}, 303)
	b.want(ask{method: "POST", path: "/verzeichnis/leistungen/neu", cookie: cookie, form: url.Values{"key": {"x"}}}, 422)
	b.chain()
}
