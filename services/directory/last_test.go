// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

const peoplePath = "/verzeichnis/verwaltung/personen/"

func (b *bench) locks(as, name string) answer {
	b.t.Helper()
	return b.do(ask{method: "POST", path: peoplePath + b.people[name].ID + "/sperren", as: as, form: url.Values{}})
}

func (b *bench) unlocks(as, name string) answer {
	b.t.Helper()
	return b.do(ask{method: "POST", path: peoplePath + b.people[name].ID + "/entsperren", as: as, form: url.Values{}})
}

// takesRoles takes every role within the reach of as, through the API.
func (b *bench) takesRoles(as, name string) answer {
	b.t.Helper()
	path := "/api/directory/v1/people/" + b.people[name].ID
	version := b.do(ask{path: path, as: as}).Header.Get("ETag")
	return b.do(ask{method: "PATCH", path: path, as: as, header: map[string]string{"If-Match": version}, json: map[string]any{"memberships": []any{}}})
}

// erases lets two people erase somebody and returns the answer to the second.
func (b *bench) erases(first, second, name string) answer {
	b.t.Helper()
	path := "/api/directory/v1/erasures"
	var wish struct{ ID string }
	b.want(ask{
		method: "POST", path: path, as: first, header: map[string]string{"Idempotency-Key": event.NewID()},
		json: map[string]any{"person": b.people[name].ID, "reason": "ist ausgeschieden"},
	}, 201).decode(b.t, &wish)
	return b.do(ask{method: "POST", path: path + "/" + wish.ID + "/confirm", as: second})
}

func (b *bench) active(name string) bool {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM person WHERE id = $1 AND active`, b.people[name].ID) == 1
}

// takesPart makes the organisation one that takes part.
func (b *bench) takesPart(organisation string) {
	b.t.Helper()
	if _, err := b.db.Exec(`INSERT INTO onboarding (organisation, stage, held, note, document, version, changed_at)
		VALUES ($1, 'active', '', '', '', 1, now())`, b.body(organisation)); err != nil {
		b.t.Fatal(err)
	}
}

var (
	otherAdmin = person("zweite", directory.Membership{Organisation: "thueringencert", Role: actor.Admin})
	otherCare  = person("vertretung", directory.Membership{Organisation: "thueringencert", Role: actor.Constituency})
)

// Two administrators who take each other's access at the same moment: one of
// them stays.
func TestOfTheLastTwoAdministratorsOneStaysAlsoAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func(b *bench, as, of string) answer{
		"locking":      (*bench).locks,
		"taking roles": (*bench).takesRoles,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "admin")
			b.load([]directory.Person{otherAdmin})
			var wg sync.WaitGroup
			wg.Go(func() { try(b, "admin", "zweite") })
			wg.Go(func() { try(b, "zweite", "admin") })
			wg.Wait()
			if n := b.count(`SELECT count(*) FROM person p JOIN membership m ON m.person = p.id WHERE m.role = 'admin' AND p.active`); n != 1 {
				t.Errorf("%d administrators are left, want 1", n)
			}
			b.chain()
		})
	}
}

func TestTheLastAdministratorIsNotErased(t *testing.T) {
	t.Parallel()
	b := setup(t, "admin", "pflege")
	b.load([]directory.Person{otherCare})
	if a := b.erases("pflege", "vertretung", "admin"); a.StatusCode != 409 || !strings.Contains(a.body, "last administrator") || !b.active("admin") {
		t.Fatalf("the last administrator: %d %s; want 409 and nothing changed", a.StatusCode, a.body)
	}
	w := b.browser()
	w.enter("vertretung")
	id := b.one(`SELECT id::text FROM person_erasure WHERE state = 'proposed'`)
	if a := w.post("/verzeichnis/verwaltung/loeschungen/"+id+"/bestaetigen", url.Values{}); a.StatusCode != 409 || !strings.Contains(a.body, "Das ist die letzte Person, die Zugänge verwaltet") {
		t.Errorf("the page: %d %.300s; want 409 and what to do first", a.StatusCode, a.body)
	}
	b.load([]directory.Person{otherAdmin})
	b.want(ask{method: "POST", path: "/api/directory/v1/erasures/" + id + "/confirm", as: "vertretung"}, 204)
	if b.active("admin") {
		t.Error("with a second administrator the first is still there")
	}
	b.chain()
}

func TestTheLastManagerOfAnOrganisationThatTakesPartStays(t *testing.T) {
	t.Parallel()
	b := setup(t, "admin", "pflege", "chefin", "fremd")
	b.load([]directory.Person{otherCare})
	b.takesPart("16071043") // the one of chefin; fremd's does not take part
	if a := b.takesRoles("pflege", "chefin"); a.StatusCode != 409 || !strings.Contains(a.body, "nobody else manages") {
		t.Errorf("roles taken: %d %s; want 409", a.StatusCode, a.body)
	}
	care := b.browser()
	care.enter("pflege")
	if a := care.post(peoplePath+b.people["chefin"].ID+"/rollen", url.Values{"version": {"1"}, "roles": {"officer"}}); a.StatusCode != 409 || !strings.Contains(a.body, "Sonst verwaltet niemand") {
		t.Errorf("roles taken on the page: %d %.300s; want 409 and what to do first", a.StatusCode, a.body)
	}
	if a := b.erases("pflege", "vertretung", "chefin"); a.StatusCode != 409 || !b.active("chefin") {
		t.Errorf("erased: %d; want 409", a.StatusCode)
	}
	if n := b.count(`SELECT count(*) FROM membership WHERE person = $1`, b.people["chefin"].ID); n != 2 {
		t.Errorf("%d roles are left, want both", n)
	}
	if a := b.locks("admin", "fremd"); a.StatusCode != 303 || b.active("fremd") {
		t.Errorf("the manager of a body that does not take part: %d, want locked", a.StatusCode)
	}
	if a := b.locks("admin", "chefin"); a.StatusCode != 303 || b.active("chefin") {
		t.Errorf("the last manager, whose account may be stolen: %d, want locked", a.StatusCode)
	}
	b.chain()
}

// Locking is one step: where its last statement fails nothing of it holds.
func TestALockHoldsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t, "admin", "klett")
	cookie := b.signIn("klett")
	if _, err := b.db.Exec(`
		CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON audit FOR EACH ROW WHEN (convert_from(NEW.body, 'UTF8') LIKE '%token.revoke%') EXECUTE FUNCTION fail()`); err != nil {
		t.Fatal(err)
	}
	before := b.count(`SELECT count(*) FROM outbox`)
	if a := b.locks("admin", "klett"); a.StatusCode < 500 {
		t.Errorf("the lock: %d, want a failure", a.StatusCode)
	}
	if !b.active("klett") || b.count(`SELECT count(*) FROM session WHERE ended_at IS NOT NULL`)+b.count(`SELECT count(*) FROM token WHERE revoked_at IS NOT NULL`) != 0 {
		t.Error("a part of the lock holds")
	}
	if n := b.count(`SELECT count(*) FROM outbox`); n != before {
		t.Errorf("%d events of a lock that did not happen", n-before)
	}
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 200)
	if _, err := b.db.Exec(`DROP TRIGGER fail ON audit`); err != nil {
		t.Fatal(err)
	}
	b.locks("admin", "klett")
	b.want(ask{path: "/api/directory/v1/me", cookie: cookie}, 401)
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 401)
	if b.active("klett") || b.count(`SELECT count(*) FROM audit WHERE action IN ('person.active', 'session.locked', 'token.revoke')`) != 3 {
		t.Error("the lock does not hold whole")
	}
	b.chain()
}

// one runs a query for one text.
func (b *bench) one(query string, args ...any) string {
	b.t.Helper()
	var s string
	if err := b.db.Get(&s, query, args...); err != nil {
		b.t.Fatal(err)
	}
	return s
}
