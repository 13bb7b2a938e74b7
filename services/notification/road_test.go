// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

const draft = `{"title":"Lücke im Muster-VPN-Gateway wird ausgenutzt","summary":"Angreifer können ohne Anmeldung in Ihr Netz gelangen.",
"text":"1. Prüfen, ob ein Muster-VPN-Gateway im Einsatz ist.\n   Auch bei Dienstleistern und in Schulen.\n2. Update auf 7.4.3 einspielen.",
"severity":"critical","warning_level":3,"tlp":"GREEN","category":"Schwachstelle","products":[{"name":"Muster-VPN","versions":"7.0 bis 7.4.2"}],
"cves":["CVE-2026-12345"],"audience":{"kreise":["16071"]},"poll":{"question":"Setzen Sie das Gerät ein?","due_at":"2026-11-22T17:00:00Z"}}`

type alertBody struct {
	ID, Reference, State string
	Revision, Version    int
}

// drafted makes a draft and returns it.
func (e *env) drafted(json string) alertBody {
	e.t.Helper()
	var a alertBody
	e.want(http.StatusCreated, request{method: http.MethodPost, path: "/api/notification/v1/alerts", as: actor.Editor, json: json}).into(e.t, &a)
	return a
}

// ifMatch is the header of a change to what was read in a version.
func ifMatch(version int) map[string]string {
	return map[string]string{"If-Match": httpserver.ETag(version)}
}

// released makes an alert and releases it.
func (e *env) released(json string) alertBody {
	e.t.Helper()
	a := e.drafted(json)
	e.want(http.StatusOK, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/release", as: actor.Approver, header: ifMatch(1)})
	return a
}

var linkIn = regexp.MustCompile(`https://cert\.example\.org(/warnungen/\S+\?e=[0-9a-z]{16})`)

// link is the answer link in the newest mail to somebody.
func (e *env) link(to string) string {
	e.t.Helper()
	all := e.mails(to, 1)
	m := linkIn.FindStringSubmatch(all[len(all)-1].Text())
	if m == nil {
		e.t.Fatalf("no answer link in the mail to %s:\n%s", to, all[len(all)-1].Text())
	}
	return m[1]
}

// The road: draft, audience, release by a second person, mail, link, answer, board.
func TestADraftBecomesAWarningAndGetsAnswered(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.drafted(draft)
	if a.Reference != "W-2026-0001" || a.State != "draft" {
		t.Fatalf("draft = %+v", a)
	}
	api := "/api/notification/v1/alerts/" + a.ID
	var who struct {
		Organisations []event.Organisation
		Recipients    []struct{ Email string }
		Unreachable   []event.Organisation
	}
	e.want(http.StatusOK, request{path: api + "/audience", as: actor.Editor}).into(t, &who)
	if len(who.Organisations) != 2 || len(who.Recipients) != 3 {
		t.Errorf("audience = %+v, want 2 organisations and officer, org_admin and provider", who)
	}
	if res := e.do(request{method: http.MethodPost, path: api + "/release", as: actor.Editor}); res.StatusCode != http.StatusNotFound {
		t.Errorf("the editor's release = %d, want 404", res.StatusCode)
	}
	e.want(http.StatusPreconditionRequired, request{method: http.MethodPost, path: api + "/release", as: actor.Approver})
	e.want(http.StatusPreconditionFailed, request{method: http.MethodPost, path: api + "/release", as: actor.Approver, header: ifMatch(2)})
	e.want(http.StatusOK, request{method: http.MethodPost, path: api + "/release", as: actor.Approver, header: ifMatch(1)})
	e.want(http.StatusPreconditionFailed, request{method: http.MethodPost, path: api + "/release", as: actor.Approver, header: ifMatch(1)})
	e.want(http.StatusConflict, request{method: http.MethodPost, path: api + "/release", as: actor.Approver, header: ifMatch(2)})

	link := e.link("officer@example.org")
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		e.want(http.StatusOK, request{method: method, path: link})
	}
	page := e.do(request{path: link})
	if !strings.Contains(page.body, "Ihre Antwort für Stadt Musterhausen") || page.Header.Get("Referrer-Policy") != "strict-origin" {
		t.Errorf("answer page: referrer %q\n%s", page.Header.Get("Referrer-Policy"), short(page.body))
	}
	var state struct {
		Total, Answered int
		By              map[string]int
		Items           []struct {
			Organisation event.Organisation
			Answer       string
			Version      int
		}
	}
	e.want(http.StatusOK, request{path: api + "/answers", as: actor.Duty}).into(t, &state)
	if state.Total != 2 || state.Answered != 0 {
		t.Fatalf("after scanners fetched the link: %+v, want no answer", state)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"e": {u.Query().Get("e")}, "answer": {"help"}, "text": {"Gerät steht im Rathaus"}}
	res := e.want(http.StatusSeeOther, request{method: http.MethodPost, path: u.Path + "/antwort", form: form})
	thanks := e.want(http.StatusOK, request{path: strings.TrimSuffix(res.Header.Get("Location"), "#antwort")})
	if want := "/melden?warnung=" + a.Reference + "&amp;stelle=" + muster; !strings.Contains(thanks.body, want) {
		t.Errorf("the page after the answer does not offer %s:\n%s", want, short(thanks.body))
	}
	form.Set("answer", "fixed")
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: u.Path + "/antwort", form: form})
	e.want(http.StatusOK, request{path: api + "/answers?answer=fixed", as: actor.Duty}).into(t, &state)
	if state.Answered != 1 || len(state.Items) != 1 || state.Items[0].Version != 2 || state.Items[0].Organisation.ID != muster {
		t.Errorf("answers = %+v, want the changed one of Musterhausen", state)
	}
	board := e.want(http.StatusOK, request{path: "/warnungen/redaktion/" + a.Reference, cookie: actor.Analyst})
	if !strings.Contains(board.body, `data-live="answers"`) || !strings.Contains(board.body, "Gerät steht im Rathaus") {
		t.Errorf("the board shows no live answers:\n%s", short(board.body))
	}
	e.wantEvents(map[string]int{"alert.published": 1, "poll.answered": 2})
	e.wantChain()
}

// wantEvents counts what the outbox holds.
func (e *env) wantEvents(want map[string]int) {
	e.t.Helper()
	for kind, n := range want {
		var got int
		if err := e.db.Get(&got, `SELECT count(*) FROM outbox WHERE type = $1`, kind); err != nil || got != n {
			e.t.Errorf("%d events %s, %v; want %d", got, kind, err, n)
		}
	}
}

// wantChain verifies the audit.
func (e *env) wantChain() {
	e.t.Helper()
	if r, err := audit.Verify(e.t.Context(), e.db, nil); err != nil || !r.OK() || r.Entries == 0 {
		e.t.Errorf("audit: %+v, %v; want a whole chain", r, err)
	}
}

func report(id, email string, reporter actor.Role, affected event.Organisation, total int) event.ReportSubmitted {
	r := event.ReportSubmitted{
		Report: id, Reference: "M-2026-000123", Affected: affected, AffectedTotal: total, Channel: "portal", Verified: true,
		What: "ransomware", Description: "CANARY-TEXT", NoticedAt: start, Impact: "high", TLP: "AMBER", Language: "de",
		Callback: event.Contact{Name: "Kim Muster", Phone: "0152 999", Email: email}, ReceivedAt: start, CallbackBy: start.Add(time.Hour),
	}
	if reporter != "" {
		r.Reporter = event.Person{ID: personID(reporter), Name: "Kim"}
	}
	return r
}

func TestAReportIsConfirmedOnceToEachAddress(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := event.NewID()
	for _, o := range []event.Organisation{body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), body(landkreis, "16071000", "Weimarer Land", "kreis").Ref()} {
		e.publish(report(id, "privat@example.net", actor.Officer, o, 2))
	}
	receipt := e.mails("privat@example.net", 1)[0]
	e.mails("officer@example.org", 1)
	if s := receipt.Subject(); s != "[M-2026-000123] Ihre Meldung ist eingegangen – wir rufen Sie bis 08:05 Uhr an" {
		t.Errorf("subject = %q", s)
	}
	if strings.Contains(string(receipt.Raw), "CANARY") || receipt.Header("Auto-Submitted") != "auto-generated" {
		t.Errorf("receipt:\n%s", receipt.Raw)
	}
	m := event.CaseMessagePosted{
		Case: event.NewID(), Reference: "V-2026-000147", Message: event.NewID(), Reports: []event.ReportRef{{ID: id}},
		Organisation: body(muster, "16071043", "x", "gemeinde").Ref(), TLP: "AMBER", Text: "CANARY-QUESTION", At: start,
	}
	strict := m
	strict.Message, strict.TLP = event.NewID(), "AMBER+STRICT"
	e.publish(m, strict)
	e.mails("privat@example.net", 3)
	all := e.mails("officer@example.org", 3)
	subjects := []string{all[0].Subject(), all[1].Subject(), all[2].Subject()}
	for _, want := range []string{"[V-2026-000147] Neue Nachricht vom ThüringenCERT", "Neue Nachricht vom ThüringenCERT, bitte anmelden"} {
		if !strings.Contains(strings.Join(subjects, "|"), want+"|") && subjects[2] != want {
			t.Errorf("subjects = %q, want %q", subjects, want)
		}
	}
	for _, m := range e.sink.Messages("") {
		if strings.Contains(string(m.Raw), "CANARY") {
			t.Errorf("content left by mail:\n%s", m.Raw)
		}
	}
	if n := len(e.sink.Messages("")); n != 6 {
		t.Errorf("%d mails, want 2 receipts and 2 pointers each", n)
	}
	e.wantChain()
}

func TestAReportTakenOnThePhoneIsConfirmedToTheCaller(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := report(event.NewID(), "anrufer@example.net", actor.Duty, body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), 1)
	r.Channel = "phone"
	e.publish(r)
	e.mails("anrufer@example.net", 1)
	if n := len(e.sink.Messages("")); n != 1 {
		t.Errorf("%d mails, want one to the caller and none to who wrote it down", n)
	}
}

func TestTheDeskSaysWhenMailStandsStill(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.sink.Close()
	e.released(draft)
	quiet := e.want(http.StatusOK, request{path: "/warnungen/redaktion", cookie: actor.Duty})
	if strings.Contains(quiet.body, "Der Mailserver nimmt nichts an.") {
		t.Error("the desk cries at once")
	}
	if _, err := e.db.Exec(`UPDATE deliveries SET created_at = created_at - interval '16 minutes'`); err != nil {
		t.Fatal(err)
	}
	loud := e.want(http.StatusOK, request{path: "/warnungen/redaktion", cookie: actor.Duty})
	if !strings.Contains(loud.body, "3 E-Mails warten, die älteste seit") {
		t.Errorf("the desk says nothing:\n%s", short(loud.body))
	}
}

func TestACriticalCaseCallsTheDutyOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	due := start.Add(time.Hour)
	c := event.Case{
		ID: event.NewID(), Reference: "V-2026-000147", Version: 1, State: "new", Severity: "high", TLP: "AMBER", Title: "Verschlüsselung",
		Organisation: body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), OpenedAt: start, Clocks: []event.Clock{{Rule: "TH-ACK", DueAt: &due}},
	}
	e.publish(event.CaseOpened{Case: c})
	for v := 2; v <= 4; v++ {
		c.Version, c.Severity = v, "critical"
		e.publish(event.CaseUpdated{Case: c})
	}
	call := e.mails("duty@example.org", 1)[0]
	if s := call.Subject(); s != "[ALARM KRITISCH] V-2026-000147 neu, Frist 08:05 Uhr" {
		t.Errorf("subject = %q", s)
	}
	if strings.Contains(string(call.Raw), "Musterhausen") {
		t.Errorf("the call names the organisation:\n%s", call.Text())
	}
	devstack.Eventually(t, 5*time.Second, "the newest version kept", func() bool {
		var v int
		return e.db.Get(&v, `SELECT version FROM cases WHERE id = $1`, c.ID) == nil && v == 4
	})
	if n := len(e.sink.Messages("duty@example.org")); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	form := e.want(http.StatusOK, request{path: "/warnungen/redaktion/neu?case=" + c.ID, cookie: actor.Editor})
	if !strings.Contains(form.body, "V-2026-000147") || !strings.Contains(form.body, `value="Verschlüsselung"`) {
		t.Errorf("the draft is not filled from the case:\n%s", short(form.body))
	}
}

func TestAnInvitationIsMailedAndItsTokenForgotten(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.publish(event.PersonInvited{
		Person: event.NewID(), Name: "Neu Hier", Email: "neu@example.org", Language: "en",
		Organisation: body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), Token: "geheim123", ExpiresAt: start.Add(24 * time.Hour),
	})
	m := e.mails("neu@example.org", 1)[0]
	if !strings.Contains(m.Text(), "https://cert.example.org/en/konto/einladung/geheim123") {
		t.Errorf("invitation:\n%s", m.Text())
	}
	devstack.Eventually(t, 5*time.Second, "the token wiped", func() bool {
		var n int
		return e.db.Get(&n, `SELECT count(*) FROM notices WHERE data::text LIKE '%geheim123%'`) == nil && n == 0
	})
}
