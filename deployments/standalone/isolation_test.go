// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bufio"
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/session"
)

// secrets are strings that one organisation plants in every field; nobody else
// may ever read them (I9: grep the sinks).
type secrets struct {
	person standalone.DemoPerson
	word   string
	report submitted
	file   caseFile
}

// plant fills every free field of a report, its conversation, its supplements,
// its files, the CERT's message, note and title with the organisation's word.
func (w *world) plant(t *testing.T, email, word string) secrets {
	t.Helper()
	p := w.named(t, email)
	c := w.of(t, p)
	in := reportOf("Beschreibung "+word, p.Organisation.ID)
	in["callback"] = map[string]string{"name": "Name " + word, "phone": "+49 361 000111", "email": strings.ToLower(word) + "@canary.example"}
	s := secrets{person: p, word: word}
	must(t, c, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &s.report)
	at := "/api/intake/v1/reports/" + s.report.ID
	must(t, c, http.MethodPost, at+"/messages", http.StatusCreated, map[string]any{"text": "Nachricht " + word}, nil)
	must(t, c, http.MethodPost, at+"/supplements", http.StatusCreated, map[string]any{"description": "Nachtrag " + word}, nil)
	attach(t, c, s.report.ID, word+".txt", "Datei "+word)
	s.file = w.casesOf(t, s.report.ID, 1)[0]
	w.change(t, actor.Duty, s.file.ID, "classify", http.StatusOK, map[string]any{"title": "Titel " + word, "severity": "critical", "reason": "Grund " + word})
	w.change(t, actor.Duty, s.file.ID, "messages", http.StatusCreated, map[string]any{"text": "Frage " + word})
	w.change(t, actor.Duty, s.file.ID, "notes", http.StatusCreated, map[string]any{"text": "Notiz " + word})
	devstack.Eventually(t, 20*time.Second, "everything of "+email+" in the case", func() bool {
		s.file = w.caseByID(t, s.file.ID)
		return len(s.file.Messages) == 2 && len(s.file.Supplements) == 1 && len(s.file.Attachments) == 1
	})
	return s
}

// An officer of one organisation never reads what is another's: not in an
// answer, a page, a mail, nor in the subject or header of an event.
func TestNoOrganisationSeesAnothersReports(t *testing.T) {
	w := shared(t)
	nc, err := nats.Connect(w.NATS.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	planted := []secrets{w.plant(t, "it@gera.example", "KANARIGERA"), w.plant(t, "it@weimar.example", "KANARIWEIMAR")}
	for i, s := range planted {
		other := planted[1-i]
		c := w.of(t, s.person)
		cookie := w.cookie(t, s.person)
		for _, path := range w.readable(s, other) {
			text := without(w.readAs(t, c, cookie, path), path) // a page may name its own address
			if strings.Contains(text, other.word) || strings.Contains(strings.ToLower(text), strings.ToLower(other.word)) || strings.Contains(text, other.report.ID) {
				t.Errorf("%s sees %s's words at %s", s.person.Email, other.person.Email, path)
			}
		}
		if text := w.readAs(t, c, cookie, "/api/intake/v1/reports/"+s.report.ID); !strings.Contains(text, s.word) {
			t.Errorf("%s does not see the own report", s.person.Email)
		}
		if text := w.readAs(t, c, cookie, "/api/intake/v1/reports/"+s.report.ID); strings.Contains(text, "Notiz ") || strings.Contains(text, "Grund ") {
			t.Errorf("%s reads an internal note", s.person.Email)
		}
	}
	for _, m := range w.Mail.Messages("") {
		for _, s := range planted {
			if strings.Contains(string(m.Raw)+m.Subject()+m.Text()+m.HTML(), s.word) {
				t.Errorf("the mail %q to %s has content of a report", m.Subject(), m.To)
			}
		}
	}
	for {
		m, err := sub.NextMsg(300 * time.Millisecond)
		if errors.Is(err, nats.ErrTimeout) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(m.Subject, "_INBOX") || strings.HasPrefix(m.Subject, "$JS") {
			continue
		}
		for name, values := range m.Header {
			if strings.Contains(name+strings.Join(values, ","), "KANARI") {
				t.Errorf("an event on %s has content in its header %s", m.Subject, name)
			}
		}
		if strings.Contains(m.Subject, "KANARI") {
			t.Errorf("the subject %s has content", m.Subject)
		}
	}
}

// without takes an address out of a page that links to itself.
func without(text, path string) string {
	for _, form := range []string{path, html.EscapeString(path), url.QueryEscape(path), html.EscapeString(url.QueryEscape(path))} {
		text = strings.ReplaceAll(text, form, "")
	}
	return text
}

// readable are the addresses where an officer looks, and where a curious one would.
func (w *world) readable(own, other secrets) []string {
	return []string{
		"/api/intake/v1/reports?limit=200", "/api/intake/v1/reports/" + other.report.ID, "/api/intake/v1/reports/" + other.report.Reference,
		"/api/intake/v1/reports/" + other.report.ID + "/attachments/" + other.file.Attachments[0].ID,
		"/api/intake/v1/reports/" + own.report.ID + "/attachments/" + other.file.Attachments[0].ID,
		"/api/triage/v1/cases?limit=200", "/api/triage/v1/cases?q=" + other.word, "/api/triage/v1/cases/" + other.file.ID, "/api/triage/v1/stream",
		"/api/notification/v1/alerts?limit=200", "/api/notification/v1/subscriptions", "/api/directory/v1/people?limit=200",
		"/api/directory/v1/organisations?q=" + other.word, "/api/directory/v1/organisations/" + other.person.Organisation.ID,
		"/", "/melden/vorgaenge", "/melden/vorgang/" + other.report.Reference, "/melden/vorgang/" + other.report.ID + "/druck",
		"/lage/eingang", "/lage/fall/" + other.file.Reference, "/lage/suche?q=" + other.word, "/warnungen", "/warnungen/redaktion",
		"/verzeichnis/kommunen/" + other.person.Organisation.ID, "/verzeichnis/stelle", "/konto",
	}
}

// readAs reads an address with token or session, whatever the status.
func (w *world) readAs(t *testing.T, c standalone.Client, cookie, path string) string {
	t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		return w.get(t, c.HTTP, path, cookie).Text
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return "an officer has the analysts' stream: " + "KANARIGERA KANARIWEIMAR"
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// D18: a revoked mandate ends the agent's access at once, and what the agent did
// stays in the audit with actor and principal.
func TestARevokedMandateEndsAccessAtOnce(t *testing.T) {
	w := shared(t)
	provider := w.as(t, actor.Provider)
	agent := w.id(t, w.person(t, actor.Provider))
	var me struct {
		Mandates []struct {
			ID        string
			Principal struct{ ID, AGS string }
		}
	}
	must(t, provider, http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me)
	mandate, principal := "", ""
	for _, m := range me.Mandates {
		if m.Principal.AGS != "16071043" { // that one other tests need
			mandate, principal = m.ID, m.Principal.ID
		}
	}
	r := submit(t, provider, "D18: für ein Mitglied gemeldet", principal)
	at := "/api/intake/v1/reports/" + r.ID
	must(t, provider, http.MethodGet, at, http.StatusOK, nil, nil)
	must(t, w.as(t, actor.Constituency), http.MethodDelete, "/api/directory/v1/mandates/"+mandate, http.StatusNoContent, nil, nil, "If-Match", `"1"`)
	revoked := time.Now()
	devstack.Eventually(t, 5*time.Second, "404 for the former agent", func() bool {
		_, err := provider.Do(t.Context(), http.MethodGet, at, http.StatusNotFound, nil, nil)
		return err == nil
	})
	t.Logf("no access %s after the answer to the revocation", time.Since(revoked).Round(time.Millisecond))
	var list struct{ Items []struct{ ID string } }
	must(t, provider, http.MethodGet, "/api/intake/v1/reports", http.StatusOK, nil, &list)
	for _, x := range list.Items {
		if x.ID == r.ID {
			t.Error("the list still shows the report")
		}
	}
	for _, x := range []struct {
		path string
		in   map[string]any
		want int
	}{
		{at + "/messages", map[string]any{"text": "x"}, 404},
		{at + "/supplements", map[string]any{"description": "x"}, 404},
		{"/api/intake/v1/reports", reportOf("D18: danach", principal), 403},
	} {
		must(t, provider, http.MethodPost, x.path, x.want, x.in, nil)
	}
	var n int
	if err := w.open(t, "intake").GetContext(t.Context(), &n,
		`SELECT count(*) FROM audit WHERE object_id = $1 AND actor = $2 AND on_behalf_of = $3`, r.ID, agent, principal); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("the audit does not have actor and principal of the agent's report")
	}
}

// D18: a stream that is open ends within 5 s when its session does.
func TestAnOpenStreamEndsWithItsSession(t *testing.T) {
	w := shared(t)
	p := w.named(t, "a.spur@cert.example")
	cookie := w.cookie(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Demo.URL+"/api/triage/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", session.Cookie+"="+cookie)
	streaming := client(t)
	streaming.Timeout = 0
	res, err := streaming.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != "event: hello" {
	}
	owner := w.id(t, p)
	must(t, w.as(t, actor.Admin), http.MethodDelete, "/api/directory/v1/sessions?person="+owner, http.StatusNoContent, nil, nil)
	ended := time.Now()
	submit(t, w.as(t, actor.Officer), "D18: danach gemeldet", "16071043")
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: case.") && time.Since(ended) > 5*time.Second {
			t.Error("an event came after the session ended")
		}
	}
	if err := ctx.Err(); err != nil {
		t.Fatalf("the stream is still open: %v", err)
	}
	if d := time.Since(ended); d > 5*time.Second {
		t.Errorf("the stream ended %s after the session, want at most 5 s", d)
	}
	w.mu.Lock()
	delete(w.cookies, p.Email)
	w.mu.Unlock()
}
