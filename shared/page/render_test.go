// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

func TestMistakesInTemplatesAndTextsFailAtTheStart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, de, want string }{
		"syntax":            {`{{define "content"}}{{if}}{{end}}`, `{}`, "missing value"},
		"no content":        {`<p>x</p>`, `{}`, `does not define "content"`},
		"unknown function":  {`{{define "content"}}{{tt "x"}}{{end}}`, `{}`, "not defined"},
		"unsafe context":    {`{{define "content"}}<a href={{.}}{{if .}}"{{end}}>{{end}}`, `{}`, "html/template"},
		"an open attribute": {`{{define "content"}}{{end}}{{define "row"}}<a href="{{end}}`, `{}`, "different contexts"},
		"a missing block":   {`{{define "content"}}{{template "nowhere"}}{{end}}`, `{}`, "no such template"},
		"an id twice":       {`{{define "content"}}{{end}}`, `{"page.back": "x"}`, "is there twice"},
		"messages not JSON": {`{{define "content"}}{{end}}`, `{`, "parse messages/de.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := page.New(page.Options{
				Templates: fstest.MapFS{"templates/a.html": {Data: []byte(tt.template)}},
				Messages:  fstest.MapFS{"messages/de.json": {Data: []byte(tt.de)}, "messages/en.json": {Data: []byte("{}")}},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestTheSameMistakeFailsAtEveryStart(t *testing.T) {
	t.Parallel()
	for range 2 {
		_, err := page.New(page.Options{
			Templates: fstest.MapFS{"templates/again.html": {Data: []byte(`{{define "content"}}<a href={{.}}{{if .}}"{{end}}>{{end}}`)}},
			Messages:  fstest.MapFS{"messages/de.json": {Data: []byte("{}")}, "messages/en.json": {Data: []byte("{}")}},
		})
		if err == nil || !strings.Contains(err.Error(), "template again") {
			t.Errorf("New = %v, want the mistake", err)
		}
	}
}

func TestAFragmentIsOneBlockInTheLanguageOfTheRequest(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	c, rec := pagetest.Context("/x", "en")
	if err := r.Fragment(c, http.StatusOK, "sample", "row", `<script>`); err != nil {
		t.Fatal(err)
	}
	if got := rec.Body.String(); got != "<tr><td>&lt;script&gt;</td></tr>" {
		t.Errorf("fragment = %q", got)
	}
	if err := r.Fragment(c, http.StatusOK, "sample", "nope", nil); err == nil {
		t.Error("an unknown block renders")
	}
}

func TestAPageSetsItsContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	for layout, want := range map[page.Layout]string{page.Portal: page.PortalCSP, page.Desk: page.DeskCSP, page.Print: page.PortalCSP} {
		c, rec := pagetest.Context("/x", "de")
		if err := r.Render(c, http.StatusOK, "sample", sample(layout)); err != nil {
			t.Fatal(err)
		}
		if got := rec.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: %s", layout, got)
		}
		body := rec.Body.String()
		for _, bad := range []string{" style=", "<style", "javascript:", " onclick=", "ZgotmplZ", "⟦"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q", layout, bad)
			}
		}
		if scripts := strings.Count(body, "<script"); (scripts > 0) != (layout == page.Desk) {
			t.Errorf("%s ships %d scripts", layout, scripts)
		}
	}
}

func TestTheMenuShowsOnlyWhatOneMayUse(t *testing.T) {
	t.Parallel()
	for role, want := range map[actor.Role][]string{
		actor.Officer: nil, actor.Provider: nil, actor.Steering: nil,
		actor.Analyst: {page.NavInbox, page.NavCases, page.NavCampaigns, page.NavAlerts, page.NavConstituency},
		actor.Editor:  {page.NavAlerts}, actor.Constituency: {page.NavConstituency},
	} {
		u := page.UserOf(actor.Actor{Person: "p", Name: "A B", Memberships: []actor.Membership{{Organisation: "o", Role: role}}}, "")
		var got []string
		for _, m := range page.DeskMenu(u) {
			got = append(got, m.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %v, want %v", role, got, want)
		}
	}
	if page.UserOf(actor.Actor{}, "") != nil || page.DeskMenu(nil) != nil {
		t.Error("a guest has a menu")
	}
}

func TestANoticeSurvivesOneRedirect(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	c, rec := pagetest.Context("/x", "de")
	page.Flash(c, "success", "demo.send")
	if err := page.Redirect(c, "/melden"); err != nil || rec.Code != http.StatusSeeOther {
		t.Fatal(err, rec.Code)
	}
	for value, want := range map[string]bool{
		rec.Result().Cookies()[0].Value: true, "success:demo.unknown": false, "<b>:demo.send": false, "success:demo.files": false,
	} {
		req := httptest.NewRequest(http.MethodGet, "/y", nil)
		req.AddCookie(&http.Cookie{Name: "__Host-notice", Value: value})
		out := httptest.NewRecorder()
		if err := r.Render(echo.New().NewContext(req, out), http.StatusOK, "sample", sample(page.Portal)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.Body.String(), "note--success"); got != want {
			t.Errorf("cookie %q shows a notice: %v, want %v", value, got, want)
		}
		if ck := out.Result().Cookies(); len(ck) != 1 || ck[0].MaxAge >= 0 {
			t.Errorf("the notice is kept: %v", ck)
		}
	}
}

func TestLinksKeepTheLanguage(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/": "/en/", "/melden/x?a=1": "/en/melden/x?a=1", "/en/melden": "/en/melden", "?after=1": "?after=1", "#x": "#x",
		"//evil.example": "//evil.example", "https://x.example/": "https://x.example/", "/assets/a": "/assets/a", "/api/x": "/api/x",
		"/entwurf": "/en/entwurf",
	} {
		if got := page.Link("en", path); got != want {
			t.Errorf("Link(en, %q) = %q, want %q", path, got, want)
		}
		if got := page.Link("de", path); got != path {
			t.Errorf("Link(de, %q) = %q", path, got)
		}
	}
	for path, want := range map[string]string{"/a?b=c": "/en/a?b=c", "//evil.example": "/en/", "https://evil.example": "/en/", `/\evil`: "/en/", "": "/en/"} {
		c, rec := pagetest.Context("/x", "en")
		if err := page.Redirect(c, path); err != nil || rec.Header().Get("Location") != want {
			t.Errorf("Redirect(%q) goes to %q, want %q", path, rec.Header().Get("Location"), want)
		}
	}
	c, _ := pagetest.Context("/x", "de")
	c.Request().Header.Set("X-Forwarded-Prefix", "/fr")
	if page.Language(c) != "de" {
		t.Error("an unknown prefix changes the language")
	}
}

func TestTheRegistersRowShowsOnlyWhatOneMayUseAndWhereOneIs(t *testing.T) {
	t.Parallel()
	for role, want := range map[actor.Role]int{actor.Constituency: 13, actor.Lead: 6, actor.Editor: 4} {
		u := page.UserOf(actor.Actor{Person: "p", Name: "A B", Memberships: []actor.Membership{{Organisation: "o", Role: role}}}, "")
		got := page.RegisterMenu(u, "/verzeichnis/leistungen/anfragen?offen=1")
		if len(got) != want {
			t.Errorf("%s sees %d entries, want %d: %v", role, len(got), want, got)
		}
		for _, m := range got {
			last := m.Href == "/verzeichnis/leistungen/anfragen" || role != actor.Constituency && m.Href == "/verzeichnis/leistungen"
			if m.Active != last {
				t.Errorf("%s: %s is marked %v", role, m.Href, m.Active)
			}
		}
	}
	if page.RegisterMenu(nil, "/verzeichnis") != nil {
		t.Error("a guest has a register")
	}
}

func TestTheUsersMenuLeadsToWhatTheRoleMaySee(t *testing.T) {
	t.Parallel()
	has := func(role actor.Role, href string) bool {
		u := page.UserOf(actor.Actor{Person: "p", Name: "A B", Memberships: []actor.Membership{{Organisation: "o", Role: role}}}, "")
		return slices.ContainsFunc(u.Areas(), func(m page.MenuItem) bool { return m.Href == href })
	}
	for _, c := range []struct {
		role actor.Role
		href string
		want bool
	}{
		{actor.OrgAdmin, "/verzeichnis/aufgaben", true},
		{actor.Officer, "/verzeichnis/aufgaben", false},
		{actor.Officer, "/melden/protokoll", true},
		{actor.Provider, "/melden/protokoll", false},
		{actor.Provider, "/verzeichnis/mandate", true},
		{actor.Steering, "/verzeichnis/mandate", false},
		{actor.Steering, "/verzeichnis/beteiligung", true},
		{actor.Officer, "/verzeichnis/beteiligung", false},
		{actor.Provider, "/verzeichnis/beteiligung", false},
		{actor.Officer, "/melden/zahlen", true},
		{actor.OrgAdmin, "/melden/zahlen", false},
		{actor.Provider, "/melden/zahlen", false}, // without a mandate there is nothing to count
		{actor.Lead, "/melden/zahlen", false},
		{actor.Steering, "/melden/zahlen", false},
		{actor.Admin, "/verzeichnis/verwaltung/personen", true},
		{actor.Lead, "/verzeichnis/verwaltung/personen", false},
		{actor.Lead, "/konto/sicherheit", true},
		{actor.Officer, "/warnungen/abo", true},
	} {
		if got := has(c.role, c.href); got != c.want {
			t.Errorf("%s sees %s: %v", c.role, c.href, got)
		}
	}
}
