// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// The CERT's own roles take two administrators (reliability model §2.4).
func TestRolesOfTheCERTTakeTwoAdministrators(t *testing.T) {
	t.Parallel()
	b := setup(t, "admin", "klett")
	b.load([]directory.Person{person("zweite", directory.Membership{Organisation: "thueringencert", Role: actor.Admin})})
	cert := b.people["admin"].Organisation.ID
	var made struct{ ID, State string }
	a := b.inviteAs("admin", "neu", cert, "analyst")
	a.decode(t, &made)
	if a.StatusCode != 201 || made.State != "waiting" {
		t.Fatalf("%d %s, want waiting", a.StatusCode, a.body)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.person.invited'`); n != 0 {
		t.Error("mailed before the second pair of eyes")
	}
	confirm := "/api/directory/v1/invitations/" + made.ID + "/confirm"
	b.want(ask{method: "POST", path: confirm, as: "admin"}, 403)
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + made.ID + "/resend", as: "admin"}, 409)
	b.want(ask{method: "POST", path: confirm, as: "klett"}, 404)
	b.want(ask{method: "POST", path: confirm, as: "zweite"}, 200)
	b.want(ask{method: "POST", path: confirm, as: "zweite"}, 409)
	w, _ := b.join("neu@example.org")
	if !w.signedIn() {
		t.Error("not signed in")
	}
	// The same for somebody who is here already.
	klett := b.people["klett"].ID
	roles := func(list ...map[string]string) map[string]any { return map[string]any{"memberships": list} }
	got := b.want(ask{
		method: "PATCH", path: "/api/directory/v1/people/" + klett, as: "admin", header: map[string]string{"If-Match": `"1"`},
		json: roles(map[string]string{"organisation": "16071043", "role": "officer"}, map[string]string{"organisation": cert, "role": "lead"}),
	}, 200)
	var waiting struct{ Waiting struct{ ID string } }
	got.decode(t, &waiting)
	if n := b.count(`SELECT count(*) FROM membership WHERE person = $1`, klett); n != 1 {
		t.Errorf("%d memberships before the second word, want 1", n)
	}
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + waiting.Waiting.ID + "/confirm", as: "zweite"}, 200)
	if n := b.count(`SELECT count(*) FROM membership WHERE person = $1 AND role = 'lead'`, klett); n != 1 {
		t.Error("the role does not hold")
	}
	b.chain()
}

// MISP CVE-2026-44380: every way to touch somebody's roles or secrets, for every
// pair of roles. Nobody acts above their own.
func TestNobodyActsOnAHigherRole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	certOrg := "thueringencert"
	home := func(r actor.Role) string {
		switch r {
		case actor.Officer, actor.OrgAdmin:
			return "16071043"
		case actor.Provider:
			return "kiv-thueringen"
		}
		return certOrg
	}
	var people []directory.Person
	for _, r := range actor.Roles() {
		people = append(people, person("a-"+string(r), directory.Membership{Organisation: home(r), Role: r}),
			person("z-"+string(r), directory.Membership{Organisation: home(r), Role: r}))
	}
	b.load(people)
	may := func(who, target actor.Role) bool {
		low := target == actor.Officer || target == actor.OrgAdmin || target == actor.Provider
		switch who {
		case actor.OrgAdmin:
			return low && home(target) == "16071043"
		case actor.Constituency:
			return low
		case actor.Admin:
			return !low
		}
		return false
	}
	for _, who := range actor.Roles() {
		for _, target := range actor.Roles() {
			x := b.people["z-"+string(target)]
			as := "a-" + string(who)
			want := may(who, target)
			for name, a := range map[string]ask{
				"invite": {
					method: "POST", path: "/api/directory/v1/people", header: map[string]string{"Idempotency-Key": event.NewID()},
					json: map[string]any{"name": "N", "email": fmt.Sprintf("n-%s-%s@example.org", who, target), "memberships": []map[string]string{{"organisation": x.Organisation.ID, "role": string(target)}}},
				},
				"take all roles":     {method: "PATCH", path: "/api/directory/v1/people/" + x.ID, header: map[string]string{"If-Match": `"77"`}, json: map[string]any{"memberships": []any{}}},
				"reset the password": {method: "POST", path: "/verzeichnis/verwaltung/personen/" + x.ID + "/zuruecksetzen", form: url.Values{"kind": {"password"}}},
				"reset the app":      {method: "POST", path: "/verzeichnis/verwaltung/personen/" + x.ID + "/zuruecksetzen", form: url.Values{"kind": {"factor"}}},
			} {
				a.as = as
				got := b.do(a)
				// 412: within reach, only the version is another; taking "all" within reach of one who may nothing there changes nothing.
				ok := got.StatusCode < 400 || got.StatusCode == 412
				if name == "take all roles" && !want && got.StatusCode == 412 {
					ok = false
				}
				if ok != want || got.StatusCode >= 500 {
					t.Errorf("%s: %s on %s: %d, want allowed %v: %.200s", name, who, target, got.StatusCode, want, got.body)
				}
			}
		}
	}
	if n := b.count(`SELECT count(*) FROM person WHERE version > 1`); n != 0 {
		t.Errorf("%d people changed, want none", n)
	}
	b.chain()
}

// Nobody gives somebody, or themselves, a role above their own in passing.
func TestRolesAreNotChangedInPassing(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "pflege", "analyst")
	klett, chefin := b.people["klett"], b.people["chefin"]
	home, cert := klett.Organisation.ID, b.people["analyst"].Organisation.ID
	patch := func(as, person, version string, list ...map[string]string) answer {
		return b.do(ask{
			method: "PATCH", path: "/api/directory/v1/people/" + person, as: as, header: map[string]string{"If-Match": version}, json: map[string]any{"memberships": list},
		})
	}
	m := func(o, r string) map[string]string { return map[string]string{"organisation": o, "role": r} }
	for name, try := range map[string]struct {
		got  answer
		want int
	}{
		"a role of the CERT":       {patch("chefin", klett.ID, `"1"`, m(home, "officer"), m(cert, "analyst")), 403},
		"a CERT role in own body":  {patch("chefin", klett.ID, `"1"`, m(home, "officer"), m(home, "admin")), 403},
		"another body":             {patch("chefin", klett.ID, `"1"`, m(home, "officer"), m(b.body("16067029"), "officer")), 403},
		"an unknown role":          {patch("chefin", klett.ID, `"1"`, m(home, "god")), 403},
		"one's own":                {patch("chefin", chefin.ID, `"1"`, m(home, "org_admin")), 409},
		"somebody of another body": {patch("chefin", b.people["analyst"].ID, `"1"`), 404},
		"with an old version":      {patch("chefin", klett.ID, `"0"`, m(home, "org_admin")), 412},
		"more than roles":          {b.do(ask{method: "PATCH", path: "/api/directory/v1/people/" + klett.ID, as: "chefin", header: map[string]string{"If-Match": `"1"`}, json: map[string]any{"memberships": []any{}, "email": "x@example.org", "is_admin": true}}), 400},
		"me":                       {b.do(ask{method: "PATCH", path: "/api/directory/v1/me", as: "klett", json: map[string]any{"role": "admin", "org_id": cert, "is_admin": true}}), 400},
		"a provider without one":   {patch("pflege", klett.ID, `"1"`, m(home, "officer"), m(home, "provider")), 422},
	} {
		if try.got.StatusCode != try.want {
			t.Errorf("%s: %d %.200s, want %d", name, try.got.StatusCode, try.got.body, try.want)
		}
	}
	if n := b.count(`SELECT count(*) FROM person WHERE version > 1`); n != 0 {
		t.Errorf("%d people changed, want none", n)
	}
	if a := patch("chefin", klett.ID, `"1"`, m(home, "org_admin")); a.StatusCode != 200 || a.Header.Get("ETag") == `"1"` {
		t.Errorf("what is allowed: %d %s", a.StatusCode, a.body)
	}
	var me struct{ Roles []string }
	b.want(ask{path: "/api/directory/v1/me", as: "klett"}, 200).decode(t, &me)
	if len(me.Roles) != 1 || me.Roles[0] != "org_admin" {
		t.Errorf("roles %v, want org_admin", me.Roles)
	}
	b.chain()
}

// body is the id of an organisation.
func (b *bench) body(reference string) string {
	b.t.Helper()
	o, err := b.Resolve(b.t.Context(), reference)
	if err != nil {
		b.t.Fatal(err)
	}
	return o.ID
}
