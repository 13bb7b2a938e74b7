// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"io/fs"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/erasure"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time { x := noon.Add(d); return &x }

const hostile = `<script>alert("x")</script>`

var (
	town = constituency.Organisation{
		ID: "11111111-0000-7000-8000-000000000001", Key: "16099002", Level: constituency.Gemeinde, Kind: "Stadt",
		AGS: "16099002", ARS: "160995001002", Name: "Öhrda", OfficialName: "Öhrda, Stadt", Kreis: "16099", KreisName: "Landkreis Mustern",
		Administration: "11111111-0000-7000-8000-000000000002", Population: 14200, Postcode: "07003", Seat: "Öhrda", Email: "post@oehrda.example",
		Phone: "03600 123", Version: 3,
	}
	office = constituency.Organisation{
		ID: town.Administration, Level: constituency.VG, Kind: "Verwaltungsgemeinschaft", Name: "VG Großer Berg",
		OfficialName: "Großer Berg", Kreis: "16099", KreisName: "Landkreis Mustern", Population: 1500,
	}
	provider = constituency.Organisation{ID: "11111111-0000-7000-8000-000000000003", Level: constituency.Provider, Name: "Rechenhaus GmbH", OfficialName: "Rechenhaus GmbH"}
	kim      = account.Person{
		ID: "22222222-0000-7000-8000-000000000001", Name: "Kim Beispiel", Email: "kim@oehrda.example", Phone: "03600 124",
		Function: "ISB " + hostile, Language: "de", Active: true, Memberships: []account.Membership{{Organisation: town.ID, Role: actor.Officer}},
	}
	robin   = account.Person{ID: "22222222-0000-7000-8000-000000000002", Name: "Robin Muster", Email: "robin@oehrda.example", Language: "de"}
	granted = mandate.Named{PrincipalName: town.Name, PrincipalAGS: town.AGS, AgentName: provider.Name, Mandate: mandate.Mandate{
		State: mandate.Active,
		ID:    "33333333-0000-7000-8000-000000000001", Principal: town.ID, Agent: provider.ID, Scopes: []actor.Scope{"report", "read"}, From: noon,
		To: at(24 * time.Hour), Document: "Akte 7 " + hostile,
	}}
	sessions = []account.Session{
		{ID: "44444444-0000-7000-8000-000000000001", CreatedAt: noon, SeenAt: noon, Client: "Firefox " + hostile, Address: "10.1.2.3"},
		{ID: "44444444-0000-7000-8000-000000000002", CreatedAt: *at(-time.Hour), SeenAt: noon, Client: "Chromium", Address: "2001:db8::1"},
	}
	token = account.Token{ID: "55555555-0000-7000-8000-000000000001", Name: "Nagios " + hostile, CreatedAt: noon, ExpiresAt: *at(90 * 24 * time.Hour)}
)

func options(r *page.Renderer, lang string) []page.Option {
	return append([]page.Option{{Label: r.Text(lang, "directory.all")}}, r.Options(lang, "level")...)
}

// sample is a page with everything on it that can be there.
type sample struct {
	template string
	as       actor.Role
	view     func(r *page.Renderer, lang string) page.View
}

func full(r *page.Renderer, lang string, b page.Base) *organisationView {
	return &organisationView{
		Base: b, Organisation: town, Administration: &office, Members: []constituency.Organisation{provider}, ShowContact: true,
		Structure: structure{Predecessors: []constituency.Organisation{former}},
		Groups:    []group{{actor.Officer, []account.Person{kim}}}, ShowMandates: true, Given: []mandate.Named{granted},
		Taken: []mandate.Named{granted}, MayRevoke: true, MayEdit: true, Others: []constituency.Organisation{office}, Own: true,
		Form: organisationForm{town.Name, town.Email, town.Phone, town.Version}, Source: constituency.Notice, People: side,
	}
}

var samples = map[string]sample{
	"anmelden": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{Base: page.Base{Title: r.Text(lang, "directory.signin")}, Next: "/melden/vorgaenge"}
	}},
	"anmelden-falsch": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{
			Base:  page.Base{Title: r.Text(lang, "directory.signin"), Errors: []page.FieldError{{Field: "email", Code: "directory.signin.wrong"}}},
			Email: hostile, Wrong: true,
		}
	}},
	"anmelden-warten": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{Base: page.Base{Title: r.Text(lang, "directory.signin")}, Wait: 15, Email: "kim@oehrda.example"}
	}},
	"anmelden-http": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{Base: page.Base{Title: r.Text(lang, "directory.signin")}, Insecure: true}
	}},
	"konto": {"konto", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &accountView{
			Base: page.Base{Title: r.Text(lang, "directory.account")}, Person: kim, Desk: true, Tokens: []account.Token{token},
			Roles:    []role{{actor.Officer, town.Name, town.ID, town.AGS}, {actor.Provider, provider.Name, provider.ID, provider.ID}},
			Sessions: []sessionLine{{sessions[0], true}, {sessions[1], false}}, Token: tokenForm{Days: "90", Key: "KEY"},
			Languages: []page.Option{{Value: "de", Label: "Deutsch"}, {Value: "en", Label: "English"}},
		}
	}},
	"konto-fehler": {"konto", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &accountView{
			Base: page.Base{Title: r.Text(lang, "directory.account"), Errors: []page.FieldError{
				{Field: "name", Code: "directory.error.token_name"}, {Field: "expires_at", Code: "directory.error.token_expiry"},
			}},
			Person: robin, Token: tokenForm{Name: hostile, Days: "999", Key: "KEY"},
		}
	}},
	"token": {"token", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &tokenView{Base: page.Base{Title: r.Text(lang, "directory.token.new")}, Token: token, Text: "lst_BEISPIEL"}
	}},
	"token-vorbei": {"token", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &tokenView{Base: page.Base{Title: r.Text(lang, "directory.token.new")}, Token: token}
	}},
	"kommunen": {"kommunen", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &organisationsView{
			Base:  page.Base{Title: r.Text(lang, "directory.organisations"), Layout: page.Desk, Nav: page.NavConstituency},
			Query: hostile, Level: "gemeinde", Levels: options(r, lang), Kreise: []page.Option{{Value: "16099", Label: "Landkreis Mustern"}},
			Items: []constituency.Organisation{town, office, provider}, More: "/verzeichnis/kommunen?after=x", Source: constituency.Notice,
		}
	}},
	"kommunen-leer": {"kommunen", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &organisationsView{Base: page.Base{Title: r.Text(lang, "directory.organisations")}, Query: "x", Levels: options(r, lang), Source: constituency.Notice}
	}},
	"kommune": {"kommune", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return full(r, lang, page.Base{Title: town.Name})
	}},
	"kommune-fehler": {"kommune", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		v := full(r, lang, page.Base{Title: town.Name, Layout: page.Desk, Nav: page.NavConstituency, Errors: []page.FieldError{
			{Field: "name", Code: "directory.error.name"}, {Field: "phone", Code: "directory.error.phone"}, {Field: "email", Code: "directory.error.email"},
		}})
		v.Form = organisationForm{hostile, hostile, hostile, 3}
		return v
	}},
	"kommune-ohne": {"kommune", actor.Constituency, func(*page.Renderer, string) page.View {
		o := provider
		o.GoneAt = at(0)
		return &organisationView{Base: page.Base{Title: o.Name}, Organisation: o, ShowContact: true, ShowMandates: true, Source: constituency.Notice, People: peopleSide{Show: true, MayOpen: true, Sealed: true, NoEmergency: true, Missing: contact.Missing(o, nil)}}
	}},
	"register": {"register", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &importView{Base: page.Base{Title: r.Text(lang, "directory.import")}, Source: constituency.Notice}
	}},
	"register-fehler": {"register", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &importView{Base: page.Base{Title: r.Text(lang, "directory.import"), Errors: []page.FieldError{{
			Field:  "file",
			Detail: r.Text(lang, "directory.import.wrong", "Detail", "line 13: population \"I\" is no number"),
		}}}, Source: constituency.Notice}
	}},
	"unterschiede": {"unterschiede", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		n := constituency.Named{Key: town.AGS, Level: town.Level, Name: town.Name}
		var fields []constituency.FieldChange
		for _, f := range []string{"name", "official_name", "level", "kind", "ars", "kreis", "administration", "population", "postcode", "seat", "gone_at"} {
			fields = append(fields, constituency.FieldChange{Field: f, Before: "alt", After: hostile})
		}
		return &differencesView{
			Base: page.Base{Title: r.Text(lang, "directory.diff")}, Upload: "66666666-0000-7000-8000-000000000001",
			Differences: constituency.Differences{
				Stand: "2026-12-31", Added: []constituency.Named{n}, Changed: []constituency.Change{{Named: n, Fields: fields}},
				Gone: []constituency.Change{{Named: n}, {Named: n}}, Unchanged: 660, Hash: "HASH",
			}, Heirs: []heir{{Named: n, Successor: hostile, Kind: "merged", Kinds: []page.Option{{Value: "merged", Label: "Neubildung"}}}}, Source: constituency.Notice,
		}
	}},
	"unterschiede-keine": {"unterschiede", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &differencesView{Base: page.Base{Title: r.Text(lang, "directory.diff")}, Differences: constituency.Differences{Stand: "2026-12-31", Unchanged: 1}, Source: constituency.Notice}
	}},
	"personen": {"personen", actor.Admin, func(r *page.Renderer, lang string) page.View {
		return &peopleView{Base: page.Base{Title: r.Text(lang, "directory.people")}, Query: "x", Items: []account.Person{kim, robin}, More: "/verzeichnis/verwaltung/personen?after=x"}
	}},
	"loeschungen": {"loeschungen", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		return &erasuresView{Base: page.Base{Title: r.Text(lang, "directory.erasure.title")}, Person: "kim@beispiel.example", Items: []wishView{
			{Wish: erasure.Wish{Person: "p1", Name: "Kim <Beispiel>", Reason: "ausgeschieden", State: erasure.Proposed, ProposedAt: at}, Proposer: "Robin Muster", Open: true, MayAgree: true, AgreePath: "/a", DropPath: "/b"},
			{Wish: erasure.Wish{Person: "p2", Name: erasure.Former, Reason: "Ruhestand", State: erasure.Confirmed, ProposedAt: at, DecidedAt: &at}, Proposer: "Robin Muster", Decider: "Kim Beispiel"},
		}}
	}},
	"loeschungen-leer": {"loeschungen", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &erasuresView{Base: page.Base{Title: r.Text(lang, "directory.erasure.title"), Errors: []page.FieldError{{Field: "person", Code: "directory.erasure.err.person"}, {Field: "reason", Code: "directory.erasure.err.reason"}}}, Person: "niemand"}
	}},
	"personen-leer": {"personen", actor.Admin, func(r *page.Renderer, lang string) page.View {
		return &peopleView{Base: page.Base{Title: r.Text(lang, "directory.people")}}
	}},
	"person": {"person", actor.Admin, func(*page.Renderer, string) page.View {
		return &personView{Base: page.Base{Title: kim.Name}, Person: kim, Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}}, ShowAccount: true, Sessions: sessions}
	}},
	"person-gesperrt": {"person", actor.Admin, func(*page.Renderer, string) page.View {
		return &personView{Base: page.Base{Title: robin.Name}, Person: robin, ShowAccount: true}
	}},
}

func init() {
	maps.Copy(samples, contactSamples)
}

func renderer(t *testing.T) *page.Renderer {
	t.Helper()
	r, err := NewPages(page.Options{Site: pagetest.Site(), Now: func() time.Time { return noon }, Missing: pagetest.Missing(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryPageLooksAsBefore(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for name, s := range allSamples() {
		for _, lang := range page.Languages() {
			t.Run(name+"."+lang, func(t *testing.T) {
				t.Parallel()
				c, rec := pagetest.Context("/verzeichnis/x", lang)
				if s.as != "" {
					c.Set(userKey, page.UserOf(actor.Actor{Person: kim.ID, Name: kim.Name, Memberships: []actor.Membership{{Organisation: town.ID, Role: s.as}}}, town.Name))
				}
				if err := r.Render(c, 200, s.template, s.view(r, lang)); err != nil {
					t.Fatal(err)
				}
				pagetest.Golden(t, name+"."+lang, rec.Body.Bytes())
			})
		}
	}
}

func TestEveryTemplateHasASample(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(files, "templates/[a-z]*.html")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, s := range allSamples() {
		has["templates/"+s.template+".html"] = true
	}
	for _, n := range names {
		if !has[n] {
			t.Errorf("%s has no sample", n)
		}
	}
}

func TestMessagesAreComplete(t *testing.T) {
	t.Parallel()
	pagetest.CheckMessages(t, "directory", files, files, os.DirFS("."),
		os.DirFS("../account"), os.DirFS("../constituency"),
		os.DirFS("../contact"), os.DirFS("../mandate"), os.DirFS("../task"), os.DirFS("../emergency"), os.DirFS("../onboarding"), os.DirFS("../qualification"),
		os.DirFS("../succession"), os.DirFS("../responsibility"), os.DirFS("../takeover"),
		os.DirFS("../catalogue"), os.DirFS("../store"))
}
