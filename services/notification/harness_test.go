// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// The bodies of the tests: a Gemeinde, its Landkreis, one in another Kreis, a
// provider with mandates, the CERT.
const (
	muster    = "0190a000-0000-7000-8000-000000000001"
	landkreis = "0190a000-0000-7000-8000-000000000002"
	elsewhere = "0190a000-0000-7000-8000-000000000003"
	kiv       = "0190a000-0000-7000-8000-000000000005"
	cert      = "0190a000-0000-7000-8000-000000000006"
)

var start = time.Date(2026, 11, 22, 6, 5, 0, 0, time.UTC)

// people are one for each role, by the role's name; their token is "lst_" + role.
var people = map[actor.Role]string{
	actor.Officer: muster, actor.OrgAdmin: landkreis, actor.Provider: kiv, actor.Duty: cert, actor.Analyst: cert, actor.Lead: cert,
	actor.Editor: cert, actor.Approver: cert, actor.Constituency: cert, actor.Auditor: cert, actor.Admin: cert, actor.Steering: cert,
}

func personID(r actor.Role) string {
	for i, x := range actor.Roles() {
		if x == r {
			return "0190b000-0000-7000-8000-0000000000" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		}
	}
	return ""
}

// env is a running notification with everything real around it.
type env struct {
	*notification.Service
	t    testing.TB
	db   *sqlx.DB
	url  string
	bus  *bus.Bus
	sink *mailsink.Sink
	http *httptest.Server
}

// newEnv starts the service on a clean database, an own broker and mail sink.
// more are directory events beyond the usual ones.
func newEnv(t testing.TB, more ...event.Payload) *env {
	t.Helper()
	e := &env{t: t, bus: devstack.NewBus(t)}
	e.db, e.url = devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	var err error
	if e.sink, err = mailsink.Start(mailsink.Options{Now: e.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.sink.Close)
	e.seed(more)
	host, port, err := net.SplitHostPort(e.sink.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	cfg := notification.Config{
		Config: service.Config{DatabaseURL: e.url, Site: pagetest.Site()},
		Mail: notification.Mail{
			Host: host, Port: n, TLS: "none", From: "lagezentrum@cert.example.org", FromName: "ThüringenCERT",
			ReplyTo: "antwort@cert.example.org", Helo: "localhost", Conns: 4,
		},
		AnswerKey: "00112233445566778899aabbccddeeff", InvitePath: "/konto/einladung/",
		BounceAddress: "bounce@cert.example.org", BounceListen: "127.0.0.1:0",
	}
	s, err := notification.New(t.Context(), cfg, service.Deps{
		Bus: e.bus, Log: zap.NewNop(), Now: e.now,
		Synced: func(context.Context) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	e.Service, e.http = s, httptest.NewServer(s.Handler())
	t.Cleanup(func() { e.http.Close(); cancel(); <-done })
	return e
}

// now is the time of the tests: it stands still.
func (*env) now() time.Time { return start }

func body(id, ags, name, level string) event.OrganisationChanged {
	o := event.OrganisationChanged{ID: id, Version: 1, AGS: ags, Name: name, Level: level, KreisName: "Weimarer Land", Phone: "03644 0000", Active: true}
	if len(ags) == 8 {
		o.Kreis = ags[:5]
	}
	return o
}

// seed writes the register's copy, as the events of directory would.
func (e *env) seed(more []event.Payload) {
	e.t.Helper()
	payloads := []event.Payload{
		body(muster, "16071043", "Stadt Musterhausen", "gemeinde"), body(landkreis, "16071000", "Weimarer Land", "kreis"),
		body(elsewhere, "16068009", "Elxleben", "gemeinde"), body(kiv, "", "KIV Thüringen GmbH", "provider"), body(cert, "", "ThüringenCERT", "state_body"),
	}
	for role, home := range people {
		payloads = append(payloads, event.PersonChanged{
			ID: personID(role), Version: 1, Name: "Kim " + string(role), Email: string(role) + "@example.org",
			Phone: "0152 000 000 00", Function: "IT", Active: true, Language: "de", Memberships: []event.Membership{{Organisation: home, Role: string(role)}},
		})
	}
	for i, principal := range []string{muster, landkreis} {
		payloads = append(payloads, event.MandateChanged{
			ID: "0190c000-0000-7000-8000-00000000000" + strconv.Itoa(i), Version: 1, Principal: principal, Agent: kiv,
			Scopes: []string{"report", "read", "alerts", "polls"}, From: start.AddDate(-1, 0, 0),
		})
	}
	e.learn(append(payloads, more...)...)
	err := pg.InTx(e.t.Context(), e.db, func(tx pg.DB) error {
		for role := range people {
			for kind, secret := range map[string]string{session.KindToken: session.TokenPrefix + string(role), session.KindPerson: "cookie-" + string(role), "stale": "cookie-stale-" + string(role)} {
				stepUp := start.AddDate(1, 0, 0)
				if kind == "stale" { // the second factor was shown an hour ago
					kind, stepUp = session.KindPerson, start.Add(-time.Hour)
				}
				s, err := json.Marshal(session.Session{
					ID: kind + "-" + string(role), Kind: kind, Person: personID(role), Version: 1,
					CreatedAt: start, ExpiresAt: start.AddDate(1, 0, 0), StepUpAt: &stepUp,
				})
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(e.t.Context(), `INSERT INTO register_record (kind, id, version, body) VALUES ('session', $1, 1, $2)`, session.Key(secret), string(s)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// learn writes records into the register's copy.
func (e *env) learn(payloads ...event.Payload) {
	e.t.Helper()
	err := pg.InTx(e.t.Context(), e.db, func(tx pg.DB) error {
		for _, p := range payloads {
			if err := register.Store(e.t.Context(), tx, event.New(p, event.Meta{At: start, Actor: "test"})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// publish sends events to the broker as another service's relay would.
func (e *env) publish(payloads ...event.Payload) {
	e.t.Helper()
	if err := e.bus.EnsureStreams(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	var rows []outbox.Message
	for i, p := range payloads {
		ev := event.New(p, event.Meta{At: e.now(), Actor: "test"})
		b, err := json.Marshal(ev)
		if err != nil {
			e.t.Fatal(err)
		}
		rows = append(rows, outbox.Message{Seq: int64(i), ID: ev.ID, Subject: ev.Subject(), Body: string(b)})
	}
	if _, err := e.bus.Publish(e.t.Context(), rows); err != nil {
		e.t.Fatal(err)
	}
}

// mails waits until n messages lie in the mailbox of to.
func (e *env) mails(to string, n int) []mailsink.Message {
	e.t.Helper()
	devstack.Eventually(e.t, 10*time.Second, strconv.Itoa(n)+" mails to "+to, func() bool { return len(e.sink.Messages(to)) >= n })
	return e.sink.Messages(to)
}

// request is one HTTP request of a test.
type request struct {
	method, path string
	as           actor.Role // sends the token
	cookie       actor.Role // sends the session cookie
	json         string
	form         url.Values
	key          string
	header       map[string]string
}

type response struct {
	*http.Response
	body string
}

func (r response) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("%d %s: %v", r.StatusCode, r.body, err)
	}
}

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (e *env) do(r request) response {
	e.t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	content, kind := r.json, "application/json"
	if r.form != nil {
		content, kind = r.form.Encode(), "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(e.t.Context(), r.method, e.http.URL+r.path, strings.NewReader(content))
	if err != nil {
		e.t.Fatal(err)
	}
	if content != "" {
		req.Header.Set("Content-Type", kind)
	}
	if r.as != "" {
		req.Header.Set("Authorization", "Bearer "+session.TokenPrefix+string(r.as))
		if r.key == "" && r.method == http.MethodPost {
			r.key = event.NewID()
		}
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.cookie != "" {
		req.Header.Set("Cookie", session.Cookie+"=cookie-"+string(r.cookie))
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response{res, string(b)}
}

// want does the request and fails the test on another status.
func (e *env) want(status int, r request) response {
	e.t.Helper()
	res := e.do(r)
	if res.StatusCode != status {
		e.t.Fatalf("%s %s = %d, want %d: %s", r.method, r.path, res.StatusCode, status, short(res.body))
	}
	return res
}

func short(s string) string { return s[:min(len(s), 1500)] }
