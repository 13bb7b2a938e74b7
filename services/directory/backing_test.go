// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

var coAdmin = person("mitverwaltung", directory.Membership{Organisation: "16071043", Role: actor.OrgAdmin})

// Whoever lost the right to give roles must not have them given by a link that
// is still out.
func TestAnInvitationEndsWithTheRightOfWhoStandsBehindIt(t *testing.T) {
	t.Parallel()
	gone := func(t *testing.T, b *bench, path string) {
		t.Helper()
		w := b.browser()
		if a := w.get(path); a.StatusCode != 404 {
			t.Errorf("the link: %d, want 404 like one that ended", a.StatusCode)
		}
		if a := w.post(path, url.Values{"password": {good}, "code": {"000000"}}); a.StatusCode != 404 {
			t.Errorf("taking it up: %d, want 404", a.StatusCode)
		}
		if n := b.count(`SELECT count(*) FROM person WHERE email = 'neu@example.org'`); n != 0 {
			t.Error("somebody came in")
		}
		if n := b.count(`SELECT count(*) FROM audit WHERE action = 'invitation.void'`); n != 1 {
			t.Errorf("%d entries in the audit, want one", n)
		}
		b.chain()
	}
	for name, lose := range map[string]func(b *bench){
		"locked":        func(b *bench) { b.locks("admin", "chefin") },
		"without role":  func(b *bench) { b.takesRoles("mitverwaltung", "chefin") },
		"erased":        func(b *bench) { b.erases("pflege", "vertretung", "chefin") },
		"not by a desk": func(b *bench) { b.exec(`DELETE FROM membership WHERE person = $1`, b.people["chefin"].ID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "chefin", "admin", "pflege")
			b.load([]directory.Person{coAdmin, otherCare})
			b.inviteAs("chefin", "neu", "16071043", "officer")
			path := "/konto/einladung/" + b.invited("neu@example.org")
			if a := b.browser().get(path); a.StatusCode != 200 {
				t.Fatalf("before: %d", a.StatusCode)
			}
			lose(b)
			gone(t, b, path)
			var list struct{ Items []struct{ State string } }
			b.want(ask{path: "/api/directory/v1/invitations", as: "mitverwaltung"}, 200).decode(t, &list)
			if len(list.Items) != 1 || list.Items[0].State != "void" {
				t.Errorf("the list %+v, want one that is void", list.Items)
			}
			w := b.browser()
			w.enter("mitverwaltung")
			if body := w.get("/verzeichnis/verwaltung/personen").body; !strings.Contains(body, "darf diese Rollen nicht mehr vergeben") {
				t.Error("the page does not say why it ended")
			}
			if a := b.inviteAs("mitverwaltung", "neu", "16071043", "officer"); a.StatusCode != 201 {
				t.Errorf("inviting anew: %d %s", a.StatusCode, a.body)
			}
		})
	}
	t.Run("the second administrator of a role of the CERT", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "admin")
		b.load([]directory.Person{otherAdmin, person("dritte", directory.Membership{Organisation: "thueringencert", Role: actor.Admin})})
		invite := func(name string) string {
			var made struct{ ID string }
			b.inviteAs("admin", name, b.people["admin"].Organisation.ID, "analyst").decode(t, &made)
			b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + made.ID + "/confirm", as: "zweite"}, 200)
			return "/konto/einladung/" + b.invited(name+"@example.org")
		}
		path := invite("neu")
		b.locks("dritte", "admin") // who asked may go: the approver stands behind it
		if a := b.browser().get(path); a.StatusCode != 200 {
			t.Errorf("without who asked: %d, want 200", a.StatusCode)
		}
		b.locks("dritte", "zweite")
		gone(t, b, path)
	})
	t.Run("a reset", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "klett", "chefin", "admin")
		b.load([]directory.Person{coAdmin})
		b.want(ask{method: "POST", path: peoplePath + b.people["klett"].ID + "/zuruecksetzen", as: "chefin", form: url.Values{"kind": {"password"}}}, 303)
		path := b.linkOf("password_reset", "klett@example.org")
		b.locks("admin", "chefin")
		gone(t, b, path)
	})
}

// Who sends an invitation again stands behind it from then on.
func TestWhoSendsAnInvitationAgainStandsBehindIt(t *testing.T) {
	t.Parallel()
	b := setup(t, "chefin", "admin")
	b.load([]directory.Person{coAdmin})
	b.inviteAs("chefin", "neu", "16071043", "officer")
	id := b.one(`SELECT id::text FROM invitation`)
	b.want(ask{method: "POST", path: "/api/directory/v1/invitations/" + id + "/resend", as: "mitverwaltung"}, 200)
	b.locks("admin", "chefin")
	if w, _ := b.join("neu@example.org"); !w.signedIn() {
		t.Error("the invitation does not hold")
	}
	b.chain()
}

// A reset that somebody may send for an officer is void for the administrator
// they became meanwhile: no link lifts anybody above who sent it.
func TestAResetEndsWhenThePersonRoseAboveWhoSentIt(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin")
	b.want(ask{method: "POST", path: peoplePath + b.people["klett"].ID + "/zuruecksetzen", as: "chefin", form: url.Values{"kind": {"factor"}}}, 303)
	path := b.linkOf("factor_reset", "klett@example.org")
	b.exec(`INSERT INTO membership (person, organisation, role, position) SELECT $1, id, 'analyst', 5 FROM organisation WHERE id = $2`,
		b.people["klett"].ID, b.body("thueringencert"))
	if a := b.browser().get(path); a.StatusCode != 404 {
		t.Errorf("the link: %d, want 404", a.StatusCode)
	}
	b.chain()
}

// Somebody who was erased is never anybody again, by whatever was theirs.
func TestSomebodyErasedNeverComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "admin", "pflege")
	b.load([]directory.Person{otherCare, otherAdmin})
	klett := b.people["klett"].ID
	cookie := b.signIn("klett")
	codes := b.recoveryCodes("klett")
	b.exec(`INSERT INTO identity (id, person, issuer, subject, provider, label, linked_at) VALUES (gen_random_uuid(), $1, 'https://idp.example', 's', 'one', 'k', now())`, klett)
	b.exec(`INSERT INTO passkey (id, person, credential, record, name, created_at) VALUES (gen_random_uuid(), $1, '\x01', '{}', 'k', now())`, klett)
	b.want(ask{method: "POST", path: peoplePath + klett + "/zuruecksetzen", as: "chefin", form: url.Values{"kind": {"password"}}}, 303)
	reset := b.linkOf("password_reset", "klett@example.org")
	if a := b.erases("pflege", "vertretung", "klett"); a.StatusCode != 204 {
		t.Fatalf("erase: %d %s", a.StatusCode, a.body)
	}
	b.clock.pass(30 * time.Second)
	cert, home := b.body("thueringencert"), b.body("16071043")
	role := func(as, organisation, r string) answer {
		path := "/api/directory/v1/people/" + klett
		version := b.one(`SELECT '"' || version || '"' FROM person WHERE id = $1`, klett)
		return b.do(ask{
			method: "PATCH", path: path, as: as, header: map[string]string{"If-Match": version},
			json: map[string]any{"memberships": []map[string]string{{"organisation": organisation, "role": r}}},
		})
	}
	b.exec(`INSERT INTO invitation (id, kind, person, name, email, function, language, memberships, organisation, invited_by, made_at, four_eyes, expires_at, version)
		VALUES ('99999999-0000-7000-8000-000000000001', 'roles', $1, '', 'x@example.org', '', 'de', jsonb_build_array(jsonb_build_object('organisation', $2::text, 'role', 'analyst')), $3, $4, $5, true, $6, 1)`,
		klett, cert, cert, b.people["admin"].ID, b.clock.Now(), b.clock.Now().Add(time.Hour))
	for name, try := range map[string]struct {
		got answer
		ok  []int
	}{
		"unlocking":           {b.unlocks("admin", "klett"), []int{409}},
		"a role":              {role("pflege", home, "officer"), []int{409}},
		"a role of the CERT":  {role("admin", cert, "analyst"), []int{409}},
		"the second word":     {b.do(ask{method: "POST", path: "/api/directory/v1/invitations/99999999-0000-7000-8000-000000000001/confirm", as: "zweite"}), []int{404, 409}},
		"the session":         {b.do(ask{path: "/api/directory/v1/me", cookie: cookie}), []int{401}},
		"the token":           {b.do(ask{path: "/api/directory/v1/me", as: "klett"}), []int{401}},
		"password and app":    {b.tryToSignIn("klett@example.org", password, b.code()), []int{401}},
		"a recovery code":     {b.tryToSignIn("klett@example.org", password, codes[0]), []int{401}},
		"the erased address":  {b.tryToSignIn(klett+"@erased.invalid", password, b.code()), []int{401}},
		"a reset on its way":  {b.browser().post(reset, url.Values{"password": {good}, "second": {b.code()}}), []int{404}},
		"a new reset":         {b.do(ask{method: "POST", path: peoplePath + klett + "/zuruecksetzen", as: "chefin", form: url.Values{"kind": {"password"}}}), []int{403, 404}},
		"an absence":          {b.do(ask{method: "POST", path: peoplePath + klett + "/abwesenheit", as: "pflege", form: url.Values{"version": {"2"}}}), []int{404, 409, 422}},
		"a second erasure":    {b.do(ask{method: "POST", path: "/api/directory/v1/erasures", as: "pflege", header: map[string]string{"Idempotency-Key": "k"}, json: map[string]any{"person": klett, "reason": "x"}}), []int{422}},
		"an invitation to it": {b.inviteAs("chefin", "zurueck", "16071043", "officer"), []int{201}},
	} {
		fine := false
		for _, s := range try.ok {
			fine = fine || s == try.got.StatusCode
		}
		if !fine {
			t.Errorf("%s: %d %.300s; want %v", name, try.got.StatusCode, try.got.body, try.ok)
		}
	}
	// Invited by the address that stands in the record now: a link that makes nobody.
	b.exec(`UPDATE invitation SET email = $1 WHERE email = 'zurueck@example.org'`, klett+"@erased.invalid")
	w := b.browser()
	path := "/konto/einladung/" + b.invited("zurueck@example.org")
	if a := w.get(path); a.StatusCode == 200 {
		if a := w.post(path, url.Values{"password": {good}, "code": {b.codeOf(secretOn(t, a.body))}}); a.StatusCode != 404 {
			t.Errorf("taken up: %d, want 404", a.StatusCode)
		}
	}
	for what, query := range map[string]string{
		"roles": `SELECT count(*) FROM membership WHERE person = $1`, "account": `SELECT count(*) FROM account WHERE person = $1`,
		"passkeys": `SELECT count(*) FROM passkey WHERE person = $1`, "links": `SELECT count(*) FROM identity WHERE person = $1`,
		"codes":    `SELECT count(*) FROM recovery_code WHERE person = $1`,
		"sessions": `SELECT count(*) FROM session WHERE ended_at IS NULL AND person = $1`,
		"tokens":   `SELECT count(*) FROM token WHERE revoked_at IS NULL AND person = $1`,
		"access":   `SELECT count(*) FROM person WHERE active AND id = $1`,
	} {
		if n := b.count(query, klett); n != 0 {
			t.Errorf("%d %s of somebody erased, want none", n, what)
		}
	}
	b.chain()
}

func (b *bench) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(query, args...); err != nil {
		b.t.Fatal(err)
	}
}

var recoveryCode = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}`)

// recoveryCodes makes a fresh set for somebody.
func (b *bench) recoveryCodes(name string) []string {
	b.t.Helper()
	w := b.browser()
	w.enter(name)
	w.post("/konto/sicherheit/notfallcodes", url.Values{})
	codes := recoveryCode.FindAllString(w.get("/konto/sicherheit/notfallcodes").body, -1)
	if len(codes) != 10 {
		b.t.Fatalf("%d recovery codes, want 10", len(codes))
	}
	return codes
}
