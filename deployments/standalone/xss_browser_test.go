// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// payloads try every context that a text could land in: element, attribute with
// either quote, URL, style, template, SVG, MathML, comment, JSON, stream, mail.
var payloads = []string{
	`<script>alert(1)</script>`,
	`"><script>alert(2)</script>`,
	`'><img src=x onerror=alert(3)>`,
	`<img src="x" onerror="alert(4)">`,
	`<svg onload=alert(5)>`,
	`<svg><animate onbegin=alert(6) attributeName=x dur=1s>`,
	`</textarea><script>alert(7)</script>`,
	`</title><script>alert(8)</script>`,
	`" onfocus=alert(9) autofocus x="`,
	`' onmouseover='alert(10)`,
	"javascript:alert(11)",
	`<a href="javascript:alert(12)">Klick</a>`,
	`<iframe srcdoc="<script>alert(13)</script>">`,
	`<iframe src=//fremd.example></iframe>`,
	`<img src=//fremd.example/bild.png>`,
	`<link rel=stylesheet href=//fremd.example/x.css>`,
	`<style>@import '//fremd.example/x.css';*{background:url(//fremd.example/y)}</style>`,
	`<math><mtext></table><mglyph><style><img src=x onerror=alert(18)>`,
	`<!--><img src=x onerror=alert(19)>-->`,
	`<details open ontoggle=alert(20)>`,
	`<form action=//fremd.example><button autofocus>x</button></form>`,
	`<base href=//fremd.example/>`,
	`<meta http-equiv=refresh content="0;url=//fremd.example">`,
	`{{constructor.constructor('alert(24)')()}}`,
	`${alert(25)}`,
	`<x hx-get="//fremd.example" hx-trigger=load>`,
	`<x data-fragment="//fremd.example" data-live=refresh>`,
	`<x hx-on:load="alert(28)">`,
	"data: x\n\nevent: case.opened\ndata: {\"id\":\"<img src=x onerror=alert(29)>\"}",
	`]]></style></script><script>alert(30)</script>`,
	"\u202e<script>alert(31)</script>\u200b",
	`&lt;script&gt;alert(32)&lt;/script&gt;`,
}

// D19: what people write is shown as they wrote it, in every field, on every
// page: no script runs, the policy reports nothing, nothing foreign is fetched.
func TestD19WhatPeopleWriteNeverRuns(t *testing.T) {
	w := shared(t)
	if err := standalone.CreatePerson(t.Context(), w.Options.Data, standalone.NewPerson{
		Name: `<img src=x onerror=alert(0)>`, Email: "mallory@klettbach.example", Role: actor.Officer, Organisation: "16071043",
	}, io.Discard); err != nil {
		t.Fatal(err)
	}
	s := w.sow(t)
	for _, x := range []struct {
		role  actor.Role
		paths []string
	}{
		{actor.Lead, append([]string{"/lage/eingang", "/lage/faelle?q=" + "alert", "/lage/suche?q=%3Cscript%3Ealert(1)%3C/script%3E"}, s.cases...)},
		{actor.Editor, append([]string{"/warnungen/redaktion", "/warnungen"}, s.alerts...)},
		{actor.Officer, append([]string{"/melden/vorgaenge", "/warnungen", "/verzeichnis/stelle", "/konto"}, s.reports...)},
		{actor.Constituency, append([]string{"/verzeichnis/kommunen/16071043", "/verzeichnis/verwaltung/personen", "/verzeichnis/kommunen?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"}, s.register...)},
		{actor.OrgAdmin, s.own},
		{actor.Guest, []string{
			"/postfach", "/konto/anmelden?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/melden/vorgang?nr=%22%3E%3Csvg%20onload=alert(1)%3E",
			"/warnungen/echt?nummer=%3Cimg%20src=x%20onerror=alert(1)%3E", "/%3Cscript%3Ealert(1)%3C/script%3E",
		}},
	} {
		b := newTab(t, w, 1440, 900)
		if x.role != actor.Guest {
			b.signedIn(w.cookie(t, w.person(t, x.role)))
		}
		for _, path := range x.paths {
			if status := b.open(path); status != http.StatusOK && !strings.HasPrefix(path, "/%3C") {
				t.Errorf("%s as %s: %d", path, x.role, status)
			}
			// Whatever could run has run when two frames are drawn.
			b.settle()
			if n := b.read(`String(document.querySelectorAll('img[src="x"],iframe,base,[onerror],[onload],[onfocus],[onclick],style:not([href]),meta[http-equiv]').length)`); n != "0" {
				t.Errorf("%s as %s has %s elements that somebody wrote into a text", path, x.role, n)
			}
		}
	}
	w.harvested(t, s)
}

// sown is where the payloads stand.
type sown struct{ reports, cases, alerts, register, own []string }

// sow puts a payload into every free field that there is.
func (w *world) sow(t *testing.T) sown {
	t.Helper()
	var s sown
	officer, duty := w.as(t, actor.Officer), w.as(t, actor.Duty)
	for i, p := range payloads {
		in := reportOf(p, "16071043")
		in["callback"] = map[string]string{"name": oneLine(p), "phone": "0361 123456"}
		var r submitted
		from := officer
		if i%2 == 1 {
			from = w.of(t, standalone.DemoPerson{})
			in["affected"], in["affected_text"] = []string{}, oneLine(p)
		}
		must(t, from, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &r)
		at, code := "/api/intake/v1/reports/"+r.ID, []string{"Report-Code", r.Code}
		must(t, from, http.MethodPost, at+"/messages", http.StatusCreated, map[string]any{"text": p}, nil, code...)
		must(t, from, http.MethodPost, at+"/supplements", http.StatusCreated, map[string]any{
			"description":       p,
			"services_affected": []map[string]any{{"service": "passports", "workaround": oneLine(p)}}, "informed": []map[string]any{{"who": "police", "reference": oneLine(p)}},
		}, nil, code...)
		post(t, from, at+"/attachments", upload(strings.NewReplacer("/", "∕", "\n", " ").Replace(p)+".html", p), http.StatusCreated, nil, code...)
		c := w.casesOf(t, r.ID, 1)[0]
		w.change(t, actor.Duty, c.ID, "classify", http.StatusOK, map[string]any{"title": oneLine(p), "severity": "low", "reason": p})
		for _, what := range []string{"messages", "notes"} {
			must(t, duty, http.MethodPost, "/api/triage/v1/cases/"+c.ID+"/"+what, http.StatusCreated, map[string]any{"text": p}, nil)
		}
		if i%2 == 0 {
			s.reports = append(s.reports, "/melden/vorgang/"+r.Reference)
		}
		s.cases = append(s.cases, "/lage/eingang?fall="+c.Reference)
		for _, tab := range []string{"meldung", "nachrichten", "dateien", "protokoll"} {
			if i%4 == 0 {
				s.cases = append(s.cases, "/lage/fall/"+c.Reference+"?tab="+tab)
			}
		}
	}
	s.reports = append(s.reports, s.reports[0]+"/druck", s.reports[1]+"/nachtragen")
	w.sowAlerts(t, &s)
	w.sowRegister(t, &s)
	w.sowCampaign(t, &s)
	return s
}

// sowRegister puts payloads into what people write in the register: contacts,
// mandates, requests for services.
func (w *world) sowRegister(t *testing.T, s *sown) {
	t.Helper()
	manager, officer := w.as(t, actor.Constituency), w.as(t, actor.Officer)
	klettbach, kreis := w.organisation(t, "16071043"), w.organisation(t, "16071000")
	var list struct{ Items []struct{ ID, Key string } }
	must(t, officer, http.MethodGet, "/api/directory/v1/services", http.StatusOK, nil, &list)
	for i := 0; i < len(payloads); i += 4 {
		p := payloads[i]
		must(t, manager, http.MethodPost, "/api/directory/v1/organisations/"+klettbach+"/contacts", http.StatusCreated,
			map[string]any{"name": oneLine(p), "functions": []string{"press"}, "hours": oneLine(payloads[i+1]), "email": "xss@klettbach.example"}, nil)
		var made struct{ ID string }
		for _, x := range list.Items {
			if x.Key == "advice" {
				must(t, officer, http.MethodPost, "/api/directory/v1/services/"+x.ID+"/requests", http.StatusCreated,
					map[string]any{"organisation": klettbach, "wish": p, "contact": oneLine(payloads[i+2])}, &made)
				s.register = append(s.register, "/verzeichnis/leistungen/anfragen/"+made.ID)
			}
		}
	}
	must(t, manager, http.MethodPost, "/api/directory/v1/organisations/"+klettbach+"/mandates", http.StatusCreated,
		map[string]any{"agent": kreis, "scopes": []string{"polls"}, "document": oneLine(payloads[1])}, nil)
	s.register = append(s.register, "/verzeichnis/kommunen/"+klettbach+"/kontakte", "/verzeichnis/leistungen/anfragen", "/verzeichnis/mandate", "/verzeichnis/mandate/bestaetigen")
	s.own = []string{"/verzeichnis/stelle", "/verzeichnis/stelle/kontakte", "/verzeichnis/mandate", "/verzeichnis/leistungen"}
}

// sowCampaign puts payloads into a campaign of some cases.
func (w *world) sowCampaign(t *testing.T, s *sown) {
	t.Helper()
	var list struct{ Items []struct{ ID string } }
	lead := w.as(t, actor.Lead)
	must(t, lead, http.MethodGet, "/api/triage/v1/cases?limit=3", http.StatusOK, nil, &list)
	var cases []string
	for _, c := range list.Items {
		cases = append(cases, c.ID)
	}
	var k struct{ ID, Reference string }
	must(t, lead, http.MethodPost, "/api/triage/v1/campaigns", http.StatusCreated, map[string]any{"title": oneLine(payloads[0]), "cases": cases}, &k)
	must(t, lead, http.MethodPost, "/api/triage/v1/campaigns/"+k.ID+"/notes", http.StatusCreated, map[string]any{"text": strings.Join(payloads[:8], "\n")}, nil)
	s.cases = append(s.cases, "/lage/lagen", "/lage/lagen/"+k.Reference, "/lage/eingang")
}

// sowAlerts puts payloads into warnings and their answers.
func (w *world) sowAlerts(t *testing.T, s *sown) {
	t.Helper()
	for i := 0; i+4 < len(payloads); i += 4 {
		p := payloads[i]
		id := w.draftAlert(t, map[string]any{
			"title": oneLine(p), "summary": p, "text": strings.Join(payloads[i:i+4], "\n\n"), "category": oneLine(payloads[i+1]),
			"products": []map[string]string{{"name": oneLine(payloads[i+2]), "versions": oneLine(payloads[i+3])}},
			"poll":     map[string]any{"question": oneLine(p)}, "audience": map[string]any{"organisations": []string{"16071043"}},
		})
		must(t, w.as(t, actor.Approver), http.MethodPost, "/api/notification/v1/alerts/"+id+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", `"1"`)
		must(t, w.as(t, actor.Officer), http.MethodPost, "/api/notification/v1/alerts/"+id+"/answers", http.StatusCreated,
			map[string]any{"organisation": "16071043", "answer": "mitigating", "text": p}, nil)
		s.alerts = append(s.alerts, "/warnungen/redaktion/"+id, "/warnungen/redaktion/"+id+"/vorschau", "/warnungen/redaktion/"+id+"/zustellungen", "/warnungen/redaktion/"+id+"/anrufliste", "/warnungen/"+id)
	}
	draft := w.draftAlert(t, map[string]any{"title": oneLine(payloads[1]), "summary": payloads[6]})
	s.alerts = append(s.alerts, "/warnungen/redaktion/"+draft+"/bearbeiten")
}

// harvested makes sure that the payloads are where the test looked.
func (w *world) harvested(t *testing.T, s sown) {
	t.Helper()
	officer := w.cookie(t, w.person(t, actor.Officer))
	if text := w.get(t, client(t), s.reports[0], officer).Text; !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Errorf("%s does not show what was written", s.reports[0])
	}
	manager, lead := w.cookie(t, w.person(t, actor.Constituency)), w.cookie(t, w.person(t, actor.Lead))
	for path, cookie := range map[string]string{s.register[0]: manager, s.register[len(s.register)-4]: manager, s.cases[len(s.cases)-2]: lead} {
		if text := w.get(t, client(t), path, cookie).Text; !strings.Contains(text, "&lt;script&gt;alert(1)") {
			t.Errorf("%s does not show what was written", path)
		}
	}
	if people := w.get(t, client(t), "/verzeichnis/stelle", officer).Text; !strings.Contains(people, "&lt;img src=x onerror=alert(0)&gt;") {
		t.Error("the own body's page does not show the person with the strange name")
	}
	devstack.Eventually(t, 20*time.Second, "the mails", func() bool { return len(w.Mail.Messages(w.person(t, actor.Officer).Email)) > 10 })
	for _, m := range w.Mail.Messages("") {
		if strings.Contains(m.HTML(), "<script") || strings.Contains(m.HTML(), "onerror=") && !strings.Contains(m.HTML(), "&lt;") {
			t.Errorf("the mail %q has markup that somebody wrote", m.Subject())
		}
	}
}

// settle waits until two frames are drawn.
func (b *tab) settle() {
	b.t.Helper()
	ctx, stop := b.limited()
	defer stop()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise))
	b.check(err)
}

// oneLine is a payload for a field of one line.
func oneLine(p string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, p)
}

// Counter-proof: the tab sees a script that runs, a broken policy, a foreign
// request and an inaccessible page.
func TestTheBrowserSeesWhatItLooksFor(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/strict" {
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<html><title>x</title><p onclick=x>y<img src=//127.0.0.9:9/x.png><button></button><script>alert(1);console.error('oh')</script>`)
	}))
	defer srv.Close()
	b := newTab(t, &world{System: &standalone.System{Demo: standalone.Demo{URL: srv.URL}}}, 390, 844)
	b.open("/")
	b.settle()
	b.open("/strict")
	b.settle()
	found := b.axe()
	b.mu.Lock()
	defer b.mu.Unlock()
	all := strings.Join(b.problems, "\n")
	b.problems = nil
	for _, want := range []string{"a dialog: 1", "console ", "another origin: http://127.0.0.9:9/x.png", "Content Security Policy"} {
		if !strings.Contains(all, want) {
			t.Errorf("the tab did not see %q:\n%s", want, all)
		}
	}
	ids := ""
	for _, v := range found {
		ids += v.ID + " "
	}
	if !strings.Contains(ids, "html-has-lang") || !strings.Contains(ids, "button-name") {
		t.Errorf("axe sees %q, want html-has-lang and button-name", ids)
	}
}
