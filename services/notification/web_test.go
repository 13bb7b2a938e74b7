// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/session"
)

func with(label string) string {
	return strings.Replace(draft, `"tlp":"GREEN"`, `"tlp":"`+label+`"`, 1)
}

// named is the draft for one organisation.
func named(json, org string) string {
	return strings.Replace(json, `{"kreise":["16071"]}`, `{"organisations":["`+org+`"]}`, 1)
}

func token(t *testing.T, link string) (path, token string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path, u.Query().Get("e")
}

func TestTheLinkOpensUpToAMBERAndThenOnlyTheSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	amber := e.released(with("AMBER"))
	link := e.link("officer@example.org")
	if res := e.want(http.StatusOK, request{path: link}); !strings.Contains(res.body, "Muster-VPN") {
		t.Error("the AMBER link does not show the warning")
	}
	strict := e.released(with("AMBER+STRICT"))
	e.mails("org_admin@example.org", 2)
	for _, m := range e.sink.Messages("officer@example.org") {
		if strings.Contains(string(m.Raw), strict.Reference) {
			t.Errorf("a mail names the strict warning:\n%s", m.Text())
		}
	}
	if n := len(e.sink.Messages("provider@example.org")); n != 1 {
		t.Errorf("the provider got %d mails, want only the AMBER one", n)
	}
	_, tok := token(t, link)
	if res := e.want(http.StatusSeeOther, request{path: "/warnungen/" + strict.Reference + "?e=" + tok}); strings.Contains(res.Header.Get("Location"), tok) {
		t.Errorf("the way to the sign-in carries the token: %s", res.Header.Get("Location"))
	}
	e.want(http.StatusOK, request{path: "/warnungen/" + strict.Reference, cookie: actor.Officer})
	e.want(http.StatusNotFound, request{path: "/warnungen/" + strict.Reference, cookie: actor.Provider})
	e.want(http.StatusOK, request{path: "/warnungen/" + amber.Reference, cookie: actor.Provider})
	e.want(http.StatusNotFound, request{path: "/warnungen/" + amber.Reference + "?e=0123456789abcdef"})
	e.want(http.StatusNotFound, request{path: "/warnungen/W-2026-9999?e=" + tok})
	e.want(http.StatusNotFound, request{path: "/warnungen/" + amber.Reference, cookie: actor.Auditor})
}

func TestALinkOfOneWarningOpensNoOther(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.released(draft)
	_, tok := token(t, e.link("officer@example.org"))
	other := e.released(named(draft, elsewhere+`","`+muster))
	e.want(http.StatusNotFound, request{path: "/warnungen/" + other.Reference + "?e=" + tok})
	e.want(http.StatusNotFound, request{method: http.MethodPost, path: "/warnungen/" + other.Reference + "/antwort", form: url.Values{"e": {tok}, "answer": {"fixed"}}})
}

func TestTheRightIsAskedAgainWhenALinkIsUsed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.released(draft)
	link := e.link("officer@example.org")
	e.want(http.StatusOK, request{path: link})
	e.learn(event.PersonChanged{ID: personID(actor.Officer), Version: 2, Name: "Kim", Email: "officer@example.org", Active: false})
	devstack.Eventually(t, 5*time.Second, "the link closed", func() bool { return e.do(request{path: link}).StatusCode == http.StatusNotFound })
}

func TestAProviderAnswersForItsPrincipalsOnOnePage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	link := e.link("provider@example.org")
	if m := e.mails("provider@example.org", 1)[0]; !strings.Contains(m.Text(), "Im Auftrag von 2 Stellen: ") {
		t.Errorf("the mail does not say for whom:\n%s", m.Text())
	}
	page := e.want(http.StatusOK, request{path: link})
	if !strings.Contains(page.body, "Antworten für 2 Stellen") {
		t.Errorf("not one page for both:\n%s", short(page.body))
	}
	path, tok := token(t, link)
	e.want(http.StatusUnprocessableEntity, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}}})
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "all": {"not_affected"}, "answer." + muster: {"mitigating"}}})
	var state struct {
		Items []struct {
			Organisation event.Organisation
			Answer       string
			OnBehalf     string `json:"on_behalf"`
		}
	}
	e.want(http.StatusOK, request{path: "/api/notification/v1/alerts/" + a.ID + "/answers", as: actor.Lead}).into(t, &state)
	got := map[string]string{}
	for _, x := range state.Items {
		got[x.Organisation.ID] = x.Answer + " for " + x.OnBehalf
	}
	if got[muster] != "mitigating for "+muster || got[landkreis] != "not_affected for "+landkreis {
		t.Errorf("answers = %v, want each its own on behalf", got)
	}
	// The body, the board and the event name the agent and for whom it answered.
	const behalf = "Kim provider, KIV Thüringen GmbH im Auftrag von Stadt Musterhausen"
	own := e.want(http.StatusOK, request{path: "/warnungen/" + a.Reference, cookie: actor.Officer})
	board := e.want(http.StatusOK, request{path: "/warnungen/redaktion/" + a.Reference, cookie: actor.Lead})
	if !strings.Contains(own.body, behalf) || !strings.Contains(board.body, behalf) {
		t.Errorf("the agent is not named:\n%s\n%s", short(own.body), short(board.body))
	}
	var told int
	if err := e.db.Get(&told, `SELECT count(*) FROM outbox WHERE type = 'poll.answered' AND body::jsonb -> 'data' -> 'agent' ->> 'id' = $1`, kiv); err != nil || told != 2 {
		t.Errorf("%d events name the agent (%v), want 2", told, err)
	}
	e.learn(event.MandateChanged{ID: "0190c000-0000-7000-8000-000000000000", Version: 2, Principal: muster, Agent: kiv, Scopes: []string{"alerts", "polls"}, From: start.AddDate(-1, 0, 0), RevokedAt: &start})
	devstack.Eventually(t, 5*time.Second, "the revoked mandate gone from the page", func() bool {
		return strings.Contains(e.do(request{path: link}).body, "Weimarer Land") && !strings.Contains(e.do(request{path: link}).body, "Musterhausen")
	})
	e.want(http.StatusNotFound, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/answers", as: actor.Provider, json: `{"organisation":"16071043","answer":"fixed"}`})
}

func TestTheAllClearReachesWhoWasWarnedAndEndsTheAnswers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	link := e.link("officer@example.org")
	e.mails("org_admin@example.org", 1)
	e.want(http.StatusNotFound, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/withdraw", as: actor.Editor})
	devstack.Eventually(t, 5*time.Second, "all noted as sent", func() bool {
		var n int
		return e.db.Get(&n, `SELECT count(*) FROM deliveries WHERE state = 'sent'`) == nil && n == 3
	})
	e.want(http.StatusOK, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/withdraw", as: actor.Approver, header: ifMatch(2)})
	if m := e.mails("officer@example.org", 2)[1]; !strings.HasPrefix(m.Subject(), "[ENTWARNUNG][TLP:GREEN] W-2026-0001") {
		t.Errorf("subject = %q", m.Subject())
	}
	page := e.want(http.StatusOK, request{path: link})
	if !strings.Contains(page.body, "Entwarnung am") || strings.Contains(page.body, "Antwort absenden") {
		t.Errorf("the page of a withdrawn warning:\n%s", short(page.body))
	}
	path, tok := token(t, link)
	e.want(http.StatusConflict, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "answer": {"fixed"}}})
	e.wantEvents(map[string]int{"alert.published": 1, "alert.withdrawn": 1, "poll.answered": 0})
}

func TestANewVersionGoesOutAgainAndKeepsTheAnswers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	path, tok := token(t, e.link("officer@example.org"))
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "answer": {"checking"}}})
	api := "/api/notification/v1/alerts/" + a.ID
	patch := `{"title":"Update verfügbar","changes":"Version 7.4.3 ist da."}`
	e.want(http.StatusPreconditionRequired, request{method: http.MethodPatch, path: api, as: actor.Editor, json: patch})
	e.want(http.StatusPreconditionFailed, request{method: http.MethodPatch, path: api, as: actor.Editor, json: patch, header: map[string]string{"If-Match": `"1"`}})
	e.want(http.StatusOK, request{method: http.MethodPatch, path: api, as: actor.Editor, json: patch, header: map[string]string{"If-Match": `"2"`}})
	if res := e.want(http.StatusOK, request{path: path + "?e=" + tok}); strings.Contains(res.body, "Update verfügbar") {
		t.Error("recipients see the draft of the next version")
	}
	e.want(http.StatusOK, request{method: http.MethodPost, path: api + "/release", as: actor.Approver, header: ifMatch(3)})
	second := e.mails("officer@example.org", 2)[1]
	if !strings.Contains(second.Text(), "Neu in Fassung 2: Version 7.4.3 ist da.") || !strings.Contains(second.Text(), tok) {
		t.Errorf("the second mail lacks what is new, or has another link:\n%s", second.Text())
	}
	if res := e.want(http.StatusOK, request{path: path + "?e=" + tok}); !strings.Contains(res.body, "Gelesen, wir prüfen noch") {
		t.Error("the answer got lost with the new version")
	}
	var list struct{ Items []struct{ Title string } }
	e.want(http.StatusOK, request{path: "/api/notification/v1/alerts", as: actor.Officer}).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].Title != "Update verfügbar" {
		t.Errorf("list = %+v", list)
	}
}

func TestAReleaseToNobodyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.drafted(named(draft, elsewhere))
	e.want(http.StatusUnprocessableEntity, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/release", as: actor.Approver, header: ifMatch(1)})
	res := e.want(http.StatusUnprocessableEntity, request{method: http.MethodPost, path: "/warnungen/redaktion/" + a.Reference + "/freigeben", cookie: actor.Approver, form: url.Values{"revision": {"1"}}})
	if !strings.Contains(res.body, "Niemand würde diese Warnung bekommen.") {
		t.Errorf("page:\n%s", short(res.body))
	}
}

func TestTheDraftIsWrittenOnAPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	form := url.Values{
		"title": {"Lücke"}, "summary": {""}, "severity": {"high"}, "warning_level": {"2"}, "tlp": {"GREEN"}, "kreise": {"16071"},
		"organisations": {"Atlantis"}, "due_at": {"morgen"}, "poll": {"yes"}, "key": {"k1"}, "text": {"KEPT"},
	}
	res := e.want(http.StatusUnprocessableEntity, request{method: http.MethodPost, path: "/warnungen/redaktion/neu", cookie: actor.Editor, form: form})
	for _, want := range []string{"Diese Stelle kennen wir nicht", "Geben Sie Datum und Uhrzeit ein", "Geben Sie eine Kurzfassung ein", "KEPT", "Atlantis"} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the form does not show %q", want)
		}
	}
	form.Set("summary", "Schlimm")
	form.Set("organisations", "Stadt Musterhausen\n16071000")
	form.Set("due_at", "2026-11-22T18:00")
	first := e.want(http.StatusSeeOther, request{method: http.MethodPost, path: "/warnungen/redaktion/neu", cookie: actor.Editor, form: form}).Header.Get("Location")
	again := e.want(http.StatusSeeOther, request{method: http.MethodPost, path: "/warnungen/redaktion/neu", cookie: actor.Editor, form: form}).Header.Get("Location")
	if first != again {
		t.Errorf("a form sent twice made %s and %s", first, again)
	}
	page := e.want(http.StatusOK, request{path: first, cookie: actor.Editor})
	if !strings.Contains(page.body, "Zurzeit 2 Stellen und 3 Empfänger") || !strings.Contains(page.body, "Eine zweite Person muss ihn freigeben") {
		t.Errorf("draft:\n%s", short(page.body))
	}
	edit := e.want(http.StatusOK, request{path: first + "/bearbeiten", cookie: actor.Editor})
	if !strings.Contains(edit.body, `value="2026-11-22T18:00"`) {
		t.Error("the time of the answer does not come back as it was typed")
	}
	form.Set("revision", "1")
	form.Set("title", "Neuer Titel")
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: first + "/bearbeiten", cookie: actor.Editor, form: form})
	e.want(http.StatusPreconditionFailed, request{method: http.MethodPost, path: first + "/bearbeiten", cookie: actor.Editor, form: form})
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: first + "/freigeben", cookie: actor.Approver, form: url.Values{"revision": {"2"}}})
}

func TestIsThisMessageReal(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.released(draft)
	secret := e.drafted(draft)
	guest := e.want(http.StatusOK, request{path: "/echt?nummer=w-2026-0001"})
	if !strings.Contains(guest.body, "Ja, diese Warnung ist von uns.") || strings.Contains(guest.body, "Muster-VPN") {
		t.Errorf("a guest sees of a GREEN warning:\n%s", short(guest.body))
	}
	if res := e.want(http.StatusOK, request{path: "/warnungen/echt?nummer=W-2026-0001", cookie: actor.Officer}); !strings.Contains(res.body, "Muster-VPN") {
		t.Error("who is signed in does not see the title")
	}
	for _, number := range []string{secret.Reference, "W-2026-9999", "' OR 1=1", strings.Repeat("9", 3000), "<script>"} {
		if res := e.want(http.StatusOK, request{path: "/echt?nummer=" + url.QueryEscape(number)}); !strings.Contains(res.body, "kennen wir nicht") || strings.Contains(res.body, "<script>") {
			t.Errorf("number %q:\n%s", number[:min(20, len(number))], short(res.body))
		}
	}
}

func TestTheBoardIsLive(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	link := e.link("officer@example.org")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	events := make(chan string, 100)
	follow := func(from string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.http.URL+"/warnungen/redaktion/"+a.Reference+"/ereignisse", nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Cookie", session.Cookie+"=cookie-lead")
		req.Header.Set("Last-Event-ID", from)
		res, err := client.Do(req)
		if err != nil {
			return // the test ended
		}
		defer func() { _ = res.Body.Close() }()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			events <- s.Text()
		}
	}
	go follow("")
	wait := func(prefix string) string {
		t.Helper()
		for {
			select {
			case line := <-events:
				if strings.HasPrefix(line, prefix) {
					return line
				}
			case <-ctx.Done():
				t.Fatalf("no line %q on the stream", prefix)
			}
		}
	}
	wait("event: hello")
	path, tok := token(t, link)
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "answer": {"help"}}})
	wait("event: answers.changed")
	if data := wait("data: "); data != fmt.Sprintf(`data: {"id":%q}`, a.ID) {
		t.Errorf("data = %s, want the id alone", data)
	}
	go follow("1")
	wait("event: hello")
	wait("event: answers.changed")
	fragment := e.want(http.StatusOK, request{path: "/warnungen/redaktion/" + a.Reference + "/stand", cookie: actor.Lead, header: map[string]string{"HX-Request": "true"}})
	if !strings.HasPrefix(strings.TrimSpace(fragment.body), "<section") || !strings.Contains(fragment.body, "1 von 2 Stellen haben geantwortet") {
		t.Errorf("fragment:\n%s", short(fragment.body))
	}
}

func TestADraftIsCreatedOncePerKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	create := func(body string) response {
		return e.do(request{method: http.MethodPost, path: "/api/notification/v1/alerts", as: actor.Editor, json: body, key: "same"})
	}
	first, again := create(draft), create(draft)
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" || first.body != again.body {
		t.Errorf("replay = %d %q, want the same answer", again.StatusCode, again.body)
	}
	if res := create(with("AMBER")); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another body under the key = %d, want 422", res.StatusCode)
	}
	for i := range 5 {
		e.drafted(strings.Replace(draft, "Lücke im", fmt.Sprintf("%d im", i), 1))
	}
	seen, after := map[string]bool{}, ""
	for {
		var list struct {
			Items []struct{ ID string }
			Next  string
		}
		e.want(http.StatusOK, request{path: "/api/notification/v1/alerts?limit=2&after=" + after, as: actor.Lead}).into(t, &list)
		for _, x := range list.Items {
			seen[x.ID] = true
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if len(seen) != 6 {
		t.Errorf("paging found %d alerts, want 6", len(seen))
	}
}
