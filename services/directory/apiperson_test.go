// SPDX-License-Identifier: EUPL-1.2

package directory_test

import "testing"

const peopleAPI = "/api/directory/v1/people/"

// What the pages of a person can do, a program can do as well, within the same limits.
func TestAProgramPlansAnAbsenceAsThePageDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd")
	klett, chefin, fremd := b.people["klett"].ID, b.people["chefin"].ID, b.people["fremd"].ID
	const own = "/api/directory/v1/me/absence"
	days := map[string]any{"from": "2026-12-01", "to": "2026-12-05", "deputy": chefin}
	seen := b.want(ask{path: own, as: "klett"}, 200)
	tag := map[string]string{"If-Match": seen.Header.Get("ETag")}
	b.want(ask{method: "PUT", path: own, as: "klett", json: days}, 428)
	b.want(ask{method: "PUT", path: own, as: "klett", json: days, header: map[string]string{"If-Match": `"77"`}}, 412)
	b.want(ask{method: "PUT", path: own, as: "klett", json: map[string]any{"from": "2026-12-01", "to": "2026-12-05", "deputy": fremd}, header: tag}, 422)
	b.want(ask{method: "PUT", path: own, as: "klett", json: map[string]any{"from": "bald", "to": ""}, header: tag}, 422)
	planned := b.want(ask{method: "PUT", path: own, as: "klett", json: days, header: tag}, 200)
	if want := `{"from":"2026-12-01","to":"2026-12-05","deputy":"` + chefin + `"}` + "\n"; planned.body != want {
		t.Errorf("planned %s, want %s", planned.body, want)
	}
	if got := b.want(ask{path: peopleAPI + klett + "/absence", as: "chefin"}, 200); got.body != planned.body || got.Header.Get("ETag") != planned.Header.Get("ETag") {
		t.Errorf("the administrator of the organisation sees %s in %s", got.body, got.Header.Get("ETag"))
	}
	tag["If-Match"] = planned.Header.Get("ETag")
	b.want(ask{method: "DELETE", path: peopleAPI + klett + "/absence", as: "fremd", header: tag}, 404)
	b.want(ask{method: "DELETE", path: peopleAPI + klett + "/absence", as: "chefin"}, 428)
	if got := b.want(ask{method: "DELETE", path: peopleAPI + klett + "/absence", as: "chefin", header: tag}, 200); got.body != `{"from":"","to":"","deputy":""}`+"\n" {
		t.Errorf("ended: %s", got.body)
	}
	b.chain()
}

func TestAProgramLocksUnlocksAndResetsAsThePagesDo(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "admin", "fremd")
	klett := b.people["klett"].ID
	at := peopleAPI + klett
	b.want(ask{method: "PATCH", path: "/api/directory/v1/me", as: "klett", json: map[string]any{"language": "xx"}}, 422)
	b.want(ask{method: "PATCH", path: "/api/directory/v1/me", as: "klett", json: map[string]any{"language": "en"}}, 200)
	if n := b.count(`SELECT count(*) FROM person WHERE language = 'en' AND id = $1`, klett); n != 1 {
		t.Error("the language was not chosen")
	}
	b.want(ask{method: "POST", path: at + "/lock", as: "chefin"}, 404)
	b.want(ask{method: "POST", path: at + "/lock", as: "admin"}, 204)
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 401)
	b.want(ask{method: "POST", path: at + "/unlock", as: "admin"}, 204)
	if n := b.count(`SELECT count(*) FROM person WHERE active AND id = $1`, klett); n != 1 {
		t.Error("the person is locked still")
	}
	b.want(ask{method: "POST", path: peopleAPI + b.people["admin"].ID + "/lock", as: "admin"}, 409)
	key := map[string]string{"Idempotency-Key": "k"}
	reset := ask{method: "POST", path: at + "/reset", as: "chefin", json: map[string]any{"kind": "password"}, header: key}
	b.want(reset, 201)
	if again := b.want(reset, 201); again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the same key sent a second link")
	}
	b.want(ask{method: "POST", path: at + "/reset", as: "chefin", json: map[string]any{"kind": "both"}, header: map[string]string{"Idempotency-Key": "l"}}, 400)
	b.want(ask{method: "POST", path: at + "/reset", as: "fremd", json: map[string]any{"kind": "password"}, header: map[string]string{"Idempotency-Key": "m"}}, 404)
	b.chain()
}
