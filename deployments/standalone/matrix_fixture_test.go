// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// object is what a path names, with what the matrix asks about it.
type object struct {
	name     string
	path     []string // values of the path's parameters
	orgs     []string // the organisations concerned
	owner    string
	assignee string
	locked   bool         // need to know: §2.4, "* (locked: A)"
	missing  bool         // it is not there
	open     bool         // whoever has the address may (a draft's code)
	as       actor.Action // the row that the handler asks instead of the route's
	also     actor.Action // another row that gives the same right
}

// fixture is what the matrix test looks for behind the doors.
type fixture struct {
	w    *world
	http *http.Client

	klettbach, jena, kiv, kreis string // organisations
	expired                     string // gave the provider a mandate that is over
	reports                     []object
	files                       []object // report and file
	cases                       []object
	campaign, job               object
	caseFiles                   []object
	mandates                    []object
	contacts                    []object // organisation and contact
	gone                        object   // a municipality that merged into another
	alerts                      []object
	people                      []object
	upload, draft               object
	service, wish               object            // of the catalogue, and one of Klettbach for it
	sessions                    map[string]object // by person's id
	tokens                      map[string]object
}

// kinds says what the parameters of a path are, by the part before them.
var kinds = []struct{ pattern, kind string }{
	{`/(reports|vorgang)/:id/(attachments|datei)/:file$`, "file"},
	{`/(reports|vorgang)/:id\b`, "report"},
	{`^/melden/:code/`, "draft"},
	{`/(cases/:id/attachments|fall/:ref/datei)/:attachment$`, "case-file"},
	{`/fall/:ref/tun/:name$`, "case-form"},
	{`/lagen/:ref/tun/:name$`, "campaign-form"},
	{`/(campaigns/:id/jobs|lagen/:ref/arbeit)/:job$`, "campaign-job"},
	{`/campaigns/:id/cases/:case$`, "campaign-case"},
	{`/(campaigns/:id|lagen/:ref|lagezeile/:ref)\b`, "campaign"},
	{`/(cases/:id|fall/:ref|zeile/:id)\b`, "case"},
	{`/(nachweise|qualifications)/:qualification\b`, "nobody's"},
	{`/(contacts|kontakte)/:contact\b`, "contact"},
	{`/(runs|lauf)/:run\b|/(holds|sperren)/:hold\b|/(erasures|loeschungen)/:erasure\b`, "proposal"},
	{`^/verzeichnis/bestaetigen/:link$|/(tasks|aufgaben)/:task\b`, "nobody's"},
	{`/(service-requests|anfragen)/:id\b`, "service-request"},
	{`/(services|leistungen)/:id\b`, "service"},
	{`/(dead-letters|betrieb)/:letter\b`, "nobody's"},
	{`/(organisations|kommunen)/:id\b`, "organisation"},
	{`/(mandates|mandate)/:id\b`, "mandate"},
	{`/(sessions|sitzungen)/:id\b`, "session"},
	{`/tokens/:id\b`, "token"},
	{`/(personen|people)/:id\b`, "person"},
	{`^/konto/(oidc/:provider|einladung/:token)\b`, "nothing"},
	{`^/konto/sicherheit/(passkeys|verknuepft)/:id\b`, "nothing"},
	{`/(einladungen|invitations)/:id\b`, "nothing"},
	{`/verwaltung/register/:id$`, "upload"},
	{`/alerts/:id\b|^/warnungen/redaktion/:ref\b`, "alert"},
	{`^/warnungen/:ref\b`, "public-alert"},
	{`^/assets/\*$`, "asset"},
}

// inBody are routes whose object stands in the body.
var inBody = map[string]string{"POST /api/intake/v1/reports": "affected", "PUT /api/notification/v1/subscriptions": "subscription"}

// statewide are routes about the whole state: who has figures of the own
// organisation alone is not let in.
var statewide = map[string]bool{
	"GET /verzeichnis/beteiligung": true, "GET /verzeichnis/beteiligung.csv": true, "GET /api/directory/v1/participation": true,
}

// personal are routes of an action that a code opens, where a code opens nothing:
// a guest has one report and no list.
var personal = map[string]bool{"GET /api/intake/v1/reports": true}

// notFoundIsFine are routes that say 404 to somebody who may, since a form
// without values names nothing.
var notFoundIsFine = map[string]bool{
	"POST /melden/weiter": true, "POST /melden/vorgang": true, // an empty code opens nothing
	"POST /konto/anmelden":                         true, // 401: nothing was typed
	"POST /konto/anmelden/passkey":                 true, // 401: nothing was begun
	"GET /konto/zweiter-faktor":                    true, // 401: the first one is missing
	"POST /konto/zweiter-faktor":                   true,
	"POST /konto/bestaetigen":                      true, // 401: nothing was typed
	"POST /konto/bestaetigen/passkey":              true,
	"POST /konto/passkeys/anfrage":                 true, // browsers take no passkeys at an IP address
	"POST /konto/sicherheit/passkeys/anfrage":      true,
	"POST /konto/einladung/:token/passkey":         true,
	"POST /api/directory/v1/register/apply":        true, // no such upload
	"GET /melden/:code/fertig":                     true, // the draft was not sent yet
	"POST /warnungen/abo":                          true, // no organisation named
	"GET /lage/fall/:ref/tun/:name":                true, // not every form fits every state
	"GET /lage/lagezeile/:ref":                     true, // no case of the campaign is unfinished
	"POST /api/notification/v1/alerts/:id/answers": true,
	"GET /warnungen/redaktion/:ref/stand":          true, // a draft has no answers yet
	"GET /warnungen/redaktion/:ref/anrufliste":     true,
}

// sees is the row that shows an object of a kind: who has it may be told 403.
var sees = map[string]actor.Action{
	"report": actor.ReportRead, "file": actor.ReportRead, "case": actor.CaseRead, "case-file": actor.CaseRead, "case-form": actor.CaseRead,
	"organisation": actor.OrganisationRead, "affected": actor.OrganisationRead, "subscription": actor.OrganisationRead,
	"service": actor.ServiceRead, "mandate": actor.MandateRead, "contact": actor.ContactRead, "person": actor.PersonManage, "alert": actor.AlertWork, "public-alert": actor.AlertRead,
}

// forbiddenIsFine are routes that say 403, since what is refused is no secret.
var forbiddenIsFine = map[string]bool{
	"POST /api/intake/v1/reports": true, // bodies are public, one may just not report for them
	"GET /melden":                 true, // the role does not report; as a guest everybody does

	// What one signs in with changes only by hand, never with a token.
	"GET /konto/bestaetigen": true, "POST /konto/bestaetigen": true, "POST /konto/bestaetigen/passkey": true,
	"POST /konto/sicherheit/passwort": true, "POST /konto/sicherheit/app": true, "POST /konto/sicherheit/app/entfernen": true,
	"POST /konto/sicherheit/notfallcodes": true, "POST /konto/sicherheit/passkeys": true, "POST /konto/sicherheit/verknuepfen": true,
	"POST /konto/sicherheit/passkeys/:id": true, "POST /konto/sicherheit/passkeys/:id/entfernen": true,
	"POST /konto/sicherheit/verknuepft/:id/entfernen": true,
	// Whose secrets one may reset depends on every role they hold.
	"POST /verzeichnis/verwaltung/personen/:id/zuruecksetzen": true, "POST /api/directory/v1/people/:id/reset": true,
}

// kind is what a route's path names, "" for nothing.
func (f *fixture) kind(r httpserver.Route) (string, bool) {
	if k, ok := inBody[r.Method+" "+r.Path]; ok {
		return k, true
	}
	if statewide[r.Method+" "+r.Path] {
		return "state", true
	}
	if !strings.ContainsAny(r.Path, ":*") {
		return "", true
	}
	for _, k := range kinds {
		if regexp.MustCompile(k.pattern).MatchString(r.Path) {
			return k.kind, true
		}
	}
	return "", false
}

// objects are own, mandated and foreign ones, and one that does not exist; who
// decides which is which is the matrix.
func (f *fixture) objects(t *testing.T, kind string, r httpserver.Route, who asker) []object {
	t.Helper()
	none := object{name: "one that does not exist", path: []string{unknownID(), unknownID()}, missing: true}
	switch kind {
	case "":
		return []object{{name: "no object"}}
	case "state":
		return []object{{name: "the whole state"}}
	case "asset":
		return []object{{name: "a style sheet", path: []string{f.asset(t)}}}
	case "draft":
		return []object{f.draft}
	case "report":
		return f.reportObjects(r, none)
	case "file":
		return append(swapped(f.files), none)
	case "case":
		return append(slices.Clone(f.cases), none)
	case "campaign":
		return []object{f.campaign, none}
	case "campaign-form":
		return f.campaignForms(none)
	case "campaign-case":
		return f.campaignCases(none)
	case "campaign-job":
		return []object{f.job, none}
	case "case-form":
		return f.forms(none)
	case "case-file":
		return append(swapped(f.caseFiles), none)
	case "organisation":
		gone := f.gone // nobody is admitted or gets a mandate of it any more
		gone.missing = r.Action == actor.OnboardingManage || r.Action == actor.MandateGrant
		return []object{{name: "Klettbach", path: []string{f.klettbach}, orgs: []string{f.klettbach}}, {name: "Jena", path: []string{f.jena}, orgs: []string{f.jena}}, gone, none}
	case "affected":
		return []object{{name: "Klettbach", path: []string{f.klettbach}, orgs: []string{f.klettbach}, open: who.id == ""}, {name: "Jena", path: []string{f.jena}, orgs: []string{f.jena}, open: who.id == ""}}
	case "subscription":
		return []object{{name: "Klettbach", path: []string{f.klettbach}, orgs: []string{f.klettbach}}, {name: "Jena", path: []string{f.jena}, orgs: []string{f.jena}}}
	case "mandate":
		return append(slices.Clone(f.mandates), none)
	case "nobody's": // what only a mail or a failure makes: the services' own tests have them
		return []object{none}
	case "contact":
		return append(swapped(f.contacts), none)
	case "person":
		return append(slices.Clone(f.people), none)
	case "service":
		return []object{f.service, none}
	case "service-request":
		return []object{f.wish, none}
	case "upload":
		return []object{f.upload, none}
	case "nothing":
		return []object{none}
	case "alert", "public-alert":
		return f.alertObjects(kind, r, none)
	case "proposal":
		return []object{none}
	case "session", "token":
		return f.credentials(kind, r, who, none)
	}
	t.Fatalf("no objects for %s", kind)
	return nil
}

// swapped adds what names the first one's parent and the part of another one: a
// right to A gives nothing of B (reliability model §2.3), so it is not there.
func swapped(list []object) []object {
	out := slices.Clone(list)
	for _, o := range list[1:] {
		if o.path[0] == list[0].path[0] {
			continue
		}
		x := list[0]
		x.name, x.path, x.missing = o.name+" under "+list[0].name, []string{list[0].path[0], o.path[1]}, true
		out = append(out, x)
	}
	return out
}

// reportObjects are the reports; only who sent one names further bodies in it.
func (f *fixture) reportObjects(r httpserver.Route, none object) []object {
	out := append(slices.Clone(f.reports), none)
	for i := range out {
		if r.Action == actor.ReportExtend && out[i].name != sentByProvider && !out[i].missing {
			out[i].as = "nobody"
		}
	}
	return out
}

// campaignCases are a case of the campaign, and those of it that are locked: who
// may not read them does not take them out.
func (f *fixture) campaignCases(none object) []object {
	o := f.campaign
	o.path = []string{o.path[0], f.cases[0].path[0]}
	out := []object{o, none}
	for _, c := range f.cases {
		if c.locked {
			c.path, c.as = []string{f.campaign.path[0], c.path[0]}, actor.CaseRead
			out = append(out, c)
		}
	}
	return out
}

func (f *fixture) campaignForms(none object) []object {
	o := f.campaign
	o.path = []string{o.path[0], "notiz"}
	return []object{o, {name: none.name, path: []string{none.path[0], "notiz"}, missing: true}}
}

func (f *fixture) forms(none object) []object {
	out := []object{{name: none.name, path: []string{none.path[0], "note"}, missing: true}}
	for _, c := range f.cases {
		c.path = []string{c.path[0], "notiz"}
		out = append(out, c)
	}
	return out
}

// alertObjects are a draft, which only the editors' desk sees, and a published
// warning for Klettbach.
func (f *fixture) alertObjects(kind string, r httpserver.Route, none object) []object {
	out := append(slices.Clone(f.alerts), none)
	for i := range out {
		draft := out[i].name == "a draft"
		switch {
		case kind == "public-alert":
			out[i].as = actor.AlertRead // the page asks, since a link's token opens it as well
			if r.Method == http.MethodPost {
				out[i].as = actor.PollAnswer
			}
			out[i].missing = out[i].missing || draft
		case draft && r.Action == actor.AlertRead:
			out[i].as = actor.AlertWork
		case draft && r.Action == actor.PollAnswer:
			out[i].missing = true
		}
	}
	return out
}

// credentials are the asker's own, somebody else's and none.
func (f *fixture) credentials(kind string, r httpserver.Route, who asker, none object) []object {
	list := f.tokens
	if kind == "session" {
		list = f.sessions
	}
	out := []object{none}
	for _, o := range list {
		if o.owner == who.id && kind == "session" {
			continue // ending it would end the test's own session
		}
		o.name = "somebody else's " + kind
		if kind == "token" {
			o.as = actor.SessionEndOwn // the row that reaches what one made oneself
			if o.owner == who.id {
				o.name = "an own token"
			}
		}
		if r.Method != http.MethodGet {
			o.also = actor.SessionEndAny
		}
		out = append(out, o)
	}
	return out
}

var assetPath = regexp.MustCompile(`href="/assets/([^"]+\.css[^"]*)"`)

func (f *fixture) asset(t *testing.T) string {
	t.Helper()
	m := assetPath.FindStringSubmatch(f.w.get(t, f.http, "/", "").Text)
	if m == nil {
		t.Fatal("the start page has no style sheet")
	}
	return m[1]
}

func (f *fixture) revokedToken(t *testing.T) string {
	t.Helper()
	c := f.w.as(t, actor.Steering)
	var made struct{ ID, Token string }
	must(t, c, http.MethodPost, "/api/directory/v1/tokens", http.StatusCreated, map[string]any{"name": "Matrix, revoked"}, &made)
	must(t, c, http.MethodDelete, "/api/directory/v1/tokens/"+made.ID, http.StatusNoContent, nil, nil)
	// The other services hear of both at about the same time: the end counts.
	for _, path := range []string{"/api/intake/v1/reports", "/api/triage/v1/cases", "/api/notification/v1/alerts"} {
		devstack.Eventually(t, 10*time.Second, path+" knows that the token ended", func() bool {
			_, err := standalone.Client{URL: f.w.Demo.URL, Token: made.Token, HTTP: f.http}.Do(t.Context(), http.MethodGet, path, http.StatusUnauthorized, nil, nil)
			return err == nil
		})
	}
	return made.Token
}

// gv100ad is a real excerpt that differs from the register.
func gv100ad(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../services/directory/internal/constituency/testdata/gv100ad_stand1.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var location = regexp.MustCompile(`^/(?:en/)?melden/([^/]+)/was$`)

func (f *fixture) newDraft(t *testing.T) object {
	t.Helper()
	res := f.w.get(t, f.http, "/melden", "")
	m := location.FindStringSubmatch(res.Header.Get("Location"))
	if m == nil {
		t.Fatalf("GET /melden: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	return object{name: "a draft, by its code", path: []string{m[1]}, open: true}
}
