// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
)

// newFixture plants one object of each kind in Klettbach (own for its people,
// mandated for the provider) and one in Jena (foreign for both).
func newFixture(t *testing.T, w *world) *fixture {
	t.Helper()
	f := &fixture{w: w, http: client(t), sessions: map[string]object{}, tokens: map[string]object{}}
	f.klettbach, f.kreis = w.organisation(t, "16071043"), w.organisation(t, "16071000")
	f.kiv = w.person(t, actor.Provider).Organisation.ID
	jena := w.named(t, "it@jena.example")
	f.jena = jena.Organisation.ID
	f.expireMandate(t)
	f.plantReports(t, jena)
	f.plantCases(t)
	f.plantCampaign(t)
	f.plantMandates(t)
	f.plantContacts(t)
	f.plantServices(t)
	f.plantAlerts(t)
	f.plantPeople(t, jena)
	f.draft = f.newDraft(t)
	return f
}

// plantServices asks for a service of the catalogue in Klettbach's name.
func (f *fixture) plantServices(t *testing.T) {
	t.Helper()
	c := f.w.as(t, actor.Officer)
	var list struct{ Items []struct{ ID, Key string } }
	must(t, c, http.MethodGet, "/api/directory/v1/services", http.StatusOK, nil, &list)
	for _, s := range list.Items {
		if s.Key == "advice" {
			f.service = object{name: "a service", path: []string{s.ID}, open: true}
		}
	}
	var made struct{ ID string }
	must(t, c, http.MethodPost, "/api/directory/v1/services/"+f.service.path[0]+"/requests", http.StatusCreated,
		map[string]any{"organisation": f.klettbach, "wish": "Matrix", "contact": "Kim"}, &made)
	f.wish = object{name: "a request of Klettbach", path: []string{made.ID}, orgs: []string{f.klettbach}}
}

// sentByProvider is the report that its provider may name further bodies in.
const sentByProvider = "a provider's report for Klettbach"

// Reports whose cases are locked: one assigned to the analyst, one to somebody else.
const (
	lockedForAnalyst = "an officer's report whose case is locked, assigned to the analyst"
	lockedForLead    = "an officer's report whose case is locked, assigned to somebody else"
)

// expireMandate lets a Kreis's mandate of the provider run out: what the provider
// might have reached yesterday is foreign today.
func (f *fixture) expireMandate(t *testing.T) {
	t.Helper()
	f.expired = f.w.named(t, "it@unstrut-hainich.example").Organisation.ID
	provider := f.w.person(t, actor.Provider)
	reaches := func() bool {
		_, mandates := f.me(t, provider)
		return slices.ContainsFunc(mandates, func(x actor.Mandate) bool { return x.Principal == f.expired })
	}
	if reaches() {
		t.Fatal("the provider has a mandate already")
	}
	var m struct{ ID string }
	must(t, f.w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/organisations/"+f.expired+"/mandates", http.StatusCreated,
		map[string]any{"agent": f.kiv, "scopes": actor.Scopes(), "document": "Matrix", "to": time.Now().Add(3 * time.Second)}, &m)
	if !reaches() {
		t.Fatal("the mandate was never in force")
	}
	devstack.Eventually(t, 10*time.Second, "the mandate over", func() bool { return !reaches() })
}

func (f *fixture) plantReports(t *testing.T, jena standalone.DemoPerson) {
	t.Helper()
	admin := f.w.person(t, actor.OrgAdmin)
	for _, x := range []struct {
		name string
		by   standalone.DemoPerson
		org  string
	}{
		{"an officer's report of Klettbach", f.w.person(t, actor.Officer), f.klettbach},
		{"the org_admin's own report", admin, f.klettbach},
		{"a report of Jena", jena, f.jena},
		{"a report of a Kreis whose mandate has expired", f.w.named(t, "it@unstrut-hainich.example"), f.expired},
		{sentByProvider, f.w.person(t, actor.Provider), f.klettbach},
		{lockedForAnalyst, f.w.person(t, actor.Officer), f.klettbach},
		{lockedForLead, f.w.person(t, actor.Officer), f.klettbach},
	} {
		c := f.w.of(t, x.by)
		r := submit(t, c, "Matrix: "+x.name, x.org)
		o := object{name: x.name, path: []string{r.ID}, orgs: []string{x.org}, owner: f.w.id(t, x.by)}
		f.reports = append(f.reports, o)
		o.path = []string{r.ID, attach(t, c, r.ID, "matrix.txt", "what stands in the file")}
		f.files = append(f.files, o)
	}
}

// attach adds a file to a report and returns its id.
func attach(t *testing.T, c standalone.Client, report, name, content string) string {
	t.Helper()
	b := upload(name, content)
	var a struct{ ID string }
	post(t, c, "/api/intake/v1/reports/"+report+"/attachments", b, http.StatusCreated, &a)
	return a.ID
}

func (f *fixture) plantCases(t *testing.T) {
	t.Helper()
	analyst := f.w.id(t, f.w.person(t, actor.Analyst))
	for i, r := range f.reports {
		c := f.w.casesOf(t, r.path[0], 1)[0]
		o := object{name: "the case of " + r.name, path: []string{c.ID}, orgs: r.orgs}
		if i == 0 { // one is assigned to the analyst, the others to nobody
			f.w.change(t, actor.Lead, c.ID, "assign", http.StatusOK, map[string]any{"assignee": analyst})
			o.assignee = analyst
		}
		f.lock(t, i, &o, c.ID, analyst)
		f.cases = append(f.cases, o)
		o.path = []string{c.ID, f.w.caseAttachment(t, c.ID)}
		f.caseFiles = append(f.caseFiles, o)
	}
}

// lock locks the case of the reports that are there for it, and waits until intake
// knows: its report is locked with it.
func (f *fixture) lock(t *testing.T, i int, o *object, id, analyst string) {
	t.Helper()
	r := &f.reports[i]
	switch r.name {
	case lockedForAnalyst:
		o.assignee = analyst
	case lockedForLead:
		o.assignee = f.w.id(t, f.w.person(t, actor.Lead))
	default:
		return
	}
	f.w.change(t, actor.Lead, id, "assign", http.StatusOK, map[string]any{"assignee": o.assignee})
	f.w.change(t, actor.Duty, id, "lock", http.StatusOK, map[string]any{"reason": "Matrix"})
	o.locked, r.locked, r.assignee = true, true, o.assignee
	f.files[i].locked, f.files[i].assignee = true, o.assignee
	if o.assignee == analyst {
		return
	}
	devstack.Eventually(t, 10*time.Second, "intake knows that the case is locked", func() bool {
		_, err := f.w.as(t, actor.Analyst).Do(t.Context(), http.MethodGet, "/api/intake/v1/reports/"+r.path[0], http.StatusNotFound, nil, nil)
		return err == nil
	})
}

// plantCampaign puts the cases into a campaign, with an order for them.
func (f *fixture) plantCampaign(t *testing.T) {
	t.Helper()
	var cases, bodies []string
	for _, c := range f.cases {
		cases, bodies = append(cases, c.path[0]), append(bodies, c.orgs...)
	}
	var k, job struct{ ID string }
	must(t, f.w.as(t, actor.Lead), http.MethodPost, "/api/triage/v1/campaigns", http.StatusCreated, map[string]any{"title": "Matrix", "cases": cases}, &k)
	must(t, f.w.as(t, actor.Lead), http.MethodPost, "/api/triage/v1/campaigns/"+k.ID+"/classify", http.StatusAccepted,
		map[string]any{"severity": "medium", "reason": "Matrix"}, &job)
	f.campaign = object{name: "a campaign of all cases", path: []string{k.ID}, orgs: bodies}
	f.job = object{name: "an order for all cases", path: []string{k.ID, job.ID}, orgs: bodies}
}

func (f *fixture) plantMandates(t *testing.T) {
	t.Helper()
	for _, x := range []struct{ name, principal, agent string }{
		{"a mandate of Klettbach", f.klettbach, f.kreis}, {"a mandate of Jena", f.jena, f.kreis},
	} {
		var m struct{ ID string }
		must(t, f.w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/organisations/"+x.principal+"/mandates", http.StatusCreated,
			map[string]any{"agent": x.agent, "scopes": []string{"read"}, "document": "Matrix"}, &m)
		f.mandates = append(f.mandates, object{name: x.name, path: []string{m.ID}, orgs: []string{x.principal}})
	}
	var over struct{ ID string }
	must(t, f.w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/organisations/"+f.klettbach+"/mandates", http.StatusCreated,
		map[string]any{"agent": f.kreis, "scopes": []string{"alerts"}, "document": "Matrix"}, &over)
	must(t, f.w.as(t, actor.Constituency), http.MethodDelete, "/api/directory/v1/mandates/"+over.ID, http.StatusNoContent, nil, nil, "If-Match", `"1"`)
	f.mandates = append(f.mandates, object{name: "a revoked mandate of Klettbach", path: []string{over.ID}, orgs: []string{f.klettbach}})
}

// plantContacts takes a contact of Klettbach and one of Jena.
func (f *fixture) plantContacts(t *testing.T) {
	t.Helper()
	for _, x := range []struct{ name, organisation string }{{"a contact of Klettbach", f.klettbach}, {"a contact of Jena", f.jena}} {
		var c struct{ ID string }
		must(t, f.w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/organisations/"+x.organisation+"/contacts", http.StatusCreated,
			map[string]any{"name": "Matrix " + event.NewID(), "functions": []string{"press"}, "email": "matrix@" + x.organisation + ".example"}, &c)
		f.contacts = append(f.contacts, object{name: x.name, path: []string{x.organisation, c.ID}, orgs: []string{x.organisation}})
	}
	f.plantGone(t)
	b, err := json.Marshal(map[string]string{"name": "Matrix", "mobile": "0151 000"})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.w.Demo.URL+"/api/directory/v1/organisations/"+f.klettbach+"/emergency", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + f.w.person(t, actor.Officer).Token}, "Content-Type": {"application/json"}, "If-Match": {`"0"`}}
	res, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPreconditionFailed { // demo data may have left one
		t.Fatalf("sealing an emergency contact: %d", res.StatusCode)
	}
}

// plantGone takes what was there once: a contact that was removed, and a
// municipality that merged into another one.
func (f *fixture) plantGone(t *testing.T) {
	t.Helper()
	contacts := "/api/directory/v1/organisations/" + f.klettbach + "/contacts"
	var c, o struct{ ID string }
	manager := f.w.as(t, actor.Constituency)
	must(t, manager, http.MethodPost, contacts, http.StatusCreated,
		map[string]any{"name": "Matrix, weg", "functions": []string{"press"}, "email": "weg@klettbach.example"}, &c)
	must(t, manager, http.MethodDelete, contacts+"/"+c.ID, http.StatusNoContent, nil, nil, "If-Match", `"1"`)
	f.contacts = append(f.contacts, object{name: "a removed contact of Klettbach", path: []string{f.klettbach, c.ID}, orgs: []string{f.klettbach}, missing: true})
	must(t, manager, http.MethodGet, "/api/directory/v1/organisations/16061007", http.StatusOK, nil, &o)
	f.gone = object{name: "a municipality that merged", path: []string{o.ID}, orgs: []string{o.ID}}
}

func (f *fixture) plantAlerts(t *testing.T) {
	t.Helper()
	for _, name := range []string{"a draft", "a warning for Klettbach"} {
		id := f.w.draftAlert(t, map[string]any{"audience": map[string]any{"organisations": []string{f.klettbach}}})
		o := object{name: name, path: []string{id}}
		if name != "a draft" {
			must(t, f.w.as(t, actor.Approver), http.MethodPost, "/api/notification/v1/alerts/"+id+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", `"1"`)
			o.orgs = []string{f.klettbach}
		}
		f.alerts = append(f.alerts, o)
	}
}

// draftAlert drafts a warning with some fields changed.
func (w *world) draftAlert(t testing.TB, changes map[string]any) string {
	t.Helper()
	in := map[string]any{
		"title": "Angriffe auf VPN-Gateways", "summary": "Angreifer nutzen eine Lücke aus.", "text": "1. Aktualisieren\n2. Prüfen",
		"severity": "high", "warning_level": 3, "tlp": "GREEN", "category": "advisory",
		"audience": map[string]any{"levels": []string{"gemeinde"}}, "poll": map[string]any{"question": "Sind Sie betroffen?"},
	}
	maps.Copy(in, changes)
	var a struct{ ID string }
	must(t, w.as(t, actor.Editor), http.MethodPost, "/api/notification/v1/alerts", http.StatusCreated, in, &a)
	return a.ID
}

// plantPeople takes people who play no other part, since locking one ends what
// they have, and everybody's sessions and tokens.
func (f *fixture) plantPeople(t *testing.T, jena standalone.DemoPerson) {
	t.Helper()
	other := f.w.named(t, "it@suhl.example")
	f.people = []object{{name: "a person of Suhl", path: []string{f.w.id(t, other)}, orgs: []string{other.Organisation.ID}}}
	admin := f.w.person(t, actor.OrgAdmin)
	// Suhl's officer has a session and a token that only administrators may end.
	f.w.cookie(t, other)
	owner := f.w.id(t, other)
	var sessions struct{ Items []struct{ ID string } }
	must(t, f.w.as(t, actor.Admin), http.MethodGet, "/api/directory/v1/sessions?person="+owner, http.StatusOK, nil, &sessions)
	if len(sessions.Items) == 0 {
		t.Fatal("the sign-in made no session")
	}
	f.sessions[owner] = object{path: []string{sessions.Items[0].ID}, orgs: []string{other.Organisation.ID}, owner: owner}
	for _, p := range []standalone.DemoPerson{other, admin, jena} {
		var made struct{ ID string }
		must(t, f.w.of(t, p), http.MethodPost, "/api/directory/v1/tokens", http.StatusCreated, map[string]any{"name": "Matrix", "step_up": true}, &made)
		id := f.w.id(t, p)
		f.tokens[id] = object{path: []string{made.ID}, orgs: []string{p.Organisation.ID}, owner: id}
	}
	var diff struct{ ID string }
	post(t, f.w.as(t, actor.Constituency), "/api/directory/v1/register/diff", upload("gv100ad.txt", gv100ad(t)), http.StatusOK, &diff)
	f.upload = object{name: "an upload", path: []string{diff.ID}}
}
