// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

type admission struct {
	Organisation struct{ ID, AGS, Name string }
	Stage, Held  string
	Next         string
	Document     string
	Invitable    bool
	Version      int
}

type admissions struct {
	Items  []admission
	Next   string
	Counts map[string]int
}

const admissionsAPI = "/api/directory/v1/onboarding"

func TestProgramsInviteAListAllOrNone(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege", "analyst")
	if _, err := b.db.Exec(`UPDATE organisation SET email = 'post@' || ags || '.example' WHERE ags IN ('16071043', '16053000')`); err != nil {
		t.Fatal(err)
	}
	invite := func(k string, in map[string]any, status int) answer {
		t.Helper()
		return b.want(ask{method: "POST", path: admissionsAPI + "/invitations", as: "pflege", header: key(k), json: in}, status)
	}
	for name, in := range map[string]map[string]any{
		"nobody": {}, "both": {"kreis": "16071", "organisations": []string{"16071043"}}, "no kreis": {"kreis": "16"}, "a kreis that is not there": {"kreis": "16999"},
		"one that is not there": {"organisations": []string{"16071043", "16999999"}}, "no number at all": {"organisations": []string{"'; DROP TABLE onboarding"}},
	} {
		invite("bad "+name, in, 422)
	}
	if n := len(b.links("onboarding_welcome")); n != 0 {
		t.Fatalf("a refused order sent %d invitations", n)
	}
	invite("", map[string]any{"kreis": "16071"}, 400)
	list := map[string]any{"organisations": []string{"16071043", "16071043", "16053000", "16067029"}}
	for range 2 { // the same key is the same order
		var got struct {
			Invited        int
			WithoutAddress int `json:"without_address"`
			Already        int
		}
		invite("list", list, 200).decode(t, &got)
		if got.Invited != 2 || got.WithoutAddress != 1 || got.Already != 0 {
			t.Errorf("%+v; want two invited and one without an address", got)
		}
	}
	invite("list", map[string]any{"kreis": "16071"}, 422) // the key stands for another order
	if a := invite("again", list, 200); !strings.Contains(a.body, `"already":2`) {
		t.Errorf("%s; want that two were invited already", a.body)
	}
	if n := len(b.links("onboarding_welcome")); n != 2 {
		t.Errorf("%d invitations, want 2", n)
	}
	for _, as := range []string{"klett", "analyst"} {
		b.want(ask{method: "POST", path: admissionsAPI + "/invitations", as: as, header: key("x"), json: list}, 404)
		b.want(ask{path: admissionsAPI, as: as}, 404)
		b.want(ask{path: "/api/directory/v1/organisations/16071043/onboarding", as: as}, 404)
	}
	b.chain()
}

func TestProgramsFollowAdmissionsAndHoldThem(t *testing.T) {
	t.Parallel()
	b := setup(t, "pflege")
	var first, second admissions
	b.want(ask{path: admissionsAPI + "?stage=none&limit=3", as: "pflege"}, 200).decode(t, &first)
	b.want(ask{path: admissionsAPI + "?stage=none&limit=3&after=" + url.QueryEscape(first.Next), as: "pflege"}, 200).decode(t, &second)
	if len(first.Items) != 3 || len(second.Items) != 3 || first.Items[2].Organisation.ID == second.Items[0].Organisation.ID || first.Counts["none"] != 687 {
		t.Errorf("pages of %d and %d, %d at the first stage; want 3, 3 and 687", len(first.Items), len(second.Items), first.Counts["none"])
	}
	b.want(ask{path: admissionsAPI + "?stage=wrong", as: "pflege"}, 400)
	b.want(ask{path: admissionsAPI + "?after=wrong", as: "pflege"}, 400)
	at := "/api/directory/v1/organisations/16071043/onboarding"
	b.want(ask{path: "/api/directory/v1/organisations/16999999/onboarding", as: "pflege"}, 404)
	var a admission
	b.want(ask{path: at, as: "pflege"}, 200).decode(t, &a)
	if a.Stage != "none" || a.Next != "invite" || a.Invitable {
		t.Errorf("%+v; want nothing done, and no address to invite", a)
	}
	patch := func(version string, in map[string]any, status int) admission {
		t.Helper()
		var out admission
		got := b.want(ask{method: "PATCH", path: at, as: "pflege", header: ifMatch(version), json: in}, status)
		if status == 200 {
			got.decode(t, &out)
		}
		return out
	}
	b.want(ask{method: "PATCH", path: at, as: "pflege", json: map[string]any{"held": "paused"}}, 428)
	patch("7", map[string]any{"held": "paused"}, 412)
	patch("0", map[string]any{"held": "active"}, 422)
	patch("0", map[string]any{"stage": "active"}, 400) // the stage follows, nobody sets it
	paused := patch("0", map[string]any{"held": "paused", "document": "Akte 7"}, 200)
	if paused.Stage != "paused" || paused.Next != "held" {
		t.Errorf("%+v; want paused", paused)
	}
	on := patch(strconv.Itoa(paused.Version), map[string]any{"held": ""}, 200)
	if on.Stage != "none" || on.Document != "Akte 7" {
		t.Errorf("%+v; want it to go on, with the document kept", on)
	}
	b.chain()
}

func TestProgramsReadTheRegisterOfOfficersByPages(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "pflege", "analyst")
	b.load([]directory.Person{person("gremium", directory.Membership{Organisation: "tmdi", Role: actor.Steering})})
	town := b.people["fremd"].Organisation.ID
	var c contactBody
	b.want(ask{method: "POST", path: "/api/directory/v1/organisations/" + town + "/contacts", as: "pflege", header: key("c"), json: map[string]any{
		"name": "Kim Muster", "functions": []string{"isb"}, "email": "isb@example.org",
	}}, 201).decode(t, &c)
	at := "/api/directory/v1/organisations/" + town + "/contacts/" + c.ID + "/qualifications"
	proof := map[string]any{"kind": "certificate", "name": "Praktiker", "obtained_on": "2024-01-01", "valid_until": "2026-12-24"}
	add := func(as, k string, in map[string]any, status int) answer {
		t.Helper()
		return b.want(ask{method: "POST", path: at, as: as, header: key(k), json: in}, status)
	}
	add("fremd", "bad", map[string]any{"kind": "diploma", "name": "", "obtained_on": "gestern", "valid_until": "x"}, 422)
	add("fremd", "", proof, 400)
	var made struct{ ID string }
	add("fremd", "one", proof, 201).decode(t, &made)
	add("fremd", "one", proof, 201) // twice is once
	add("klett", "two", proof, 404)
	if n := b.count(`SELECT count(*) FROM audit WHERE result = 'denied' AND action = 'officers.edit'`); n != 1 {
		t.Errorf("%d refusals in the audit, want the one", n)
	}
	if n := b.count(`SELECT count(*) FROM qualification`); n != 1 {
		t.Fatalf("%d qualifications, want 1", n)
	}
	if a := b.want(ask{path: at, as: "fremd"}, 200); !strings.Contains(a.body, `"valid_until":"2026-12-24"`) {
		t.Errorf("the list lacks it: %s", a.body)
	}
	b.want(ask{path: at, as: "klett"}, 404)

	type officers struct {
		Items []struct {
			Organisation struct{ ID string }
			State        string
			Officer      *struct{ Name, Email string }
		}
		Next  string
		Total int
	}
	seen, after, total := map[string]bool{}, "", 0
	for {
		var part officers
		b.want(ask{path: "/api/directory/v1/officers?limit=100&after=" + url.QueryEscape(after), as: "pflege"}, 200).decode(t, &part)
		for _, x := range part.Items {
			if seen[x.Organisation.ID] {
				t.Fatal("a body is on two pages")
			}
			seen[x.Organisation.ID] = true
		}
		if after, total = part.Next, part.Total; after == "" {
			break
		}
	}
	if len(seen) != total || total < 200 {
		t.Errorf("the pages have %d bodies of %d", len(seen), total)
	}
	if page := b.want(ask{path: "/verzeichnis/isb", as: "pflege"}, 200); strings.Count(page.body, "<tr") != 51 || !strings.Contains(page.body, strconv.Itoa(total)+" Stellen") || !strings.Contains(page.body, "after=") {
		t.Errorf("the page has %d rows, or lacks the count or the way on; want 50 and a head", strings.Count(page.body, "<tr"))
	}
	var named, blind officers
	b.want(ask{path: "/api/directory/v1/officers?state=expiring", as: "pflege"}, 200).decode(t, &named)
	b.want(ask{path: "/api/directory/v1/officers?state=expiring", as: "gremium"}, 200).decode(t, &blind)
	if named.Total != 1 || named.Items[0].Officer == nil || named.Items[0].Officer.Name != "Kim Muster" {
		t.Errorf("%+v; want the one with the name", named)
	}
	if blind.Total != 1 || blind.Items[0].Officer != nil {
		t.Errorf("%+v; want the one without a name", blind)
	}
	for query, status := range map[string]int{"state=wrong": 400, "after=wrong": 400, "kreis=1": 400} {
		b.want(ask{path: "/api/directory/v1/officers?" + query, as: "pflege"}, status)
	}
	b.want(ask{path: "/api/directory/v1/officers", as: "fremd"}, 404)
	b.want(ask{method: "DELETE", path: at + "/" + made.ID, as: "fremd"}, 204)
	b.want(ask{method: "DELETE", path: at + "/" + made.ID, as: "fremd"}, 404)
	b.chain()
}
