// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/services/intake/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/invariant"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// The bodies of the tests: a Gemeinde, its Landkreis, two of the same name, a
// provider with a mandate, the CERT.
const (
	apolda    = "0190a000-0000-7000-8000-000000000001"
	landkreis = "0190a000-0000-7000-8000-000000000002"
	elxleben1 = "0190a000-0000-7000-8000-000000000003"
	elxleben2 = "0190a000-0000-7000-8000-000000000004"
	kiv       = "0190a000-0000-7000-8000-000000000005"
	cert      = "0190a000-0000-7000-8000-000000000006"
)

// people are one for each role, by the role's name; their token is "lst_" + role.
var people = map[actor.Role]string{
	actor.Officer: apolda, actor.OrgAdmin: apolda, actor.Provider: kiv, actor.Duty: cert, actor.Analyst: cert, actor.Lead: cert,
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

func token(r actor.Role) string { return session.TokenPrefix + string(r) }

// env is a running intake with everything real around it.
type env struct {
	*intake.Service
	t    testing.TB
	db   *sqlx.DB
	url  string
	bus  *bus.Bus
	http *httptest.Server
	dir  string
	cfg  intake.Config

	members int // further bodies that the provider has mandates for
	stop    context.CancelFunc
	done    chan struct{}

	mu   sync.Mutex
	time time.Time
}

type option func(*intake.Config, *env)

var start = time.Date(2026, 11, 22, 6, 12, 0, 0, time.UTC)

// newIntake starts the service on a clean database and an own broker.
func newIntake(t testing.TB, opts ...option) *env {
	t.Helper()
	e := &env{t: t, time: start, bus: devstack.NewBus(t), dir: t.TempDir()}
	for _, o := range opts { // those that bring a server of their own
		o(&e.cfg, e)
	}
	if e.db == nil {
		_, e.url = devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
		e.db = observer(t, e.url)
	}
	e.seed()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(e.dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	e.cfg = intake.Config{
		Config:  service.Config{DatabaseURL: e.url, Site: pagetest.Site(), AnchorKey: "11112222333344445555666677778888111122223333444455556666777788ff"},
		Blob:    blob.Config{URL: "file://" + filepath.Join(e.dir, "blobs") + "?no_tmp_dir=true", Recipients: []string{identity.Recipient().String()}, Identity: identity.String()},
		Limits:  web.Limits{ReportsPerMinute: 1e6, GuestsPerHour: 1e6, GuestBurst: 1e6, AllGuestsPer10Min: 1e6, DraftsPerHour: 1e6, WrongCodesPerHour: 1e6, AdditionsPerMinute: 1e6},
		CodeKey: "00112233445566778899aabbccddeeff", Security: web.Security{Contacts: []string{"mailto:security@example.org"}},
	}
	for _, o := range opts {
		o(&e.cfg, e)
	}
	e.start()
	return e
}

// observer is the test's own pool: on a loaded machine it waits longer than a
// request may.
func observer(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := pg.Open(url, pg.Options{Name: "observer", MaxConns: 5, Stmt: time.Minute, Lock: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (e *env) start() {
	e.t.Helper()
	s, err := intake.New(e.t.Context(), e.cfg, service.Deps{Bus: e.bus, Log: zap.NewNop(), Now: e.now, Synced: func(context.Context) error { return nil }})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	e.Service, e.stop, e.done = s, cancel, done
	srv := httptest.NewServer(s.Handler())
	e.http = srv
	e.t.Cleanup(func() { srv.Close(); cancel(); <-done })
}

func (e *env) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.time
}

func (e *env) later(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.time = e.time.Add(d)
}

// seed writes the register's copy, as the events of directory would.
func (e *env) seed() {
	e.t.Helper()
	var payloads []event.Payload
	org := func(id, ags, name, level, kreis, kreisName string) {
		payloads = append(payloads, event.OrganisationChanged{ID: id, Version: 1, AGS: ags, Name: name, Level: level, Kreis: kreis, KreisName: kreisName, Active: true})
	}
	org(apolda, "16071001", "Apolda, Stadt", "gemeinde", "16071", "Weimarer Land")
	org(landkreis, "16071000", "Weimarer Land", "kreis", "16071", "Weimarer Land")
	org(elxleben1, "16068009", "Elxleben", "gemeinde", "16068", "Sömmerda")
	org(elxleben2, "16070013", "Elxleben", "gemeinde", "16070", "Ilm-Kreis")
	org(kiv, "", "KIV Thüringen GmbH", "provider", "", "")
	org(cert, "", "ThüringenCERT", "state_body", "", "")
	payloads = append(payloads, event.OrganisationChanged{ // merged into Apolda
		ID: "0190b000-0000-7000-8000-0000000000aa", Version: 1, AGS: "16071099", Name: "Oberndorf", Level: "gemeinde", Kreis: "16071", Successor: apolda,
	})
	for role, home := range people {
		payloads = append(payloads, event.PersonChanged{
			ID: personID(role), Version: 1, Name: "Kim " + string(role), Email: string(role) + "@example.org",
			Phone: "0152 000 000 00", Active: true, Language: "de", Memberships: []event.Membership{{Organisation: home, Role: string(role)}},
		})
	}
	payloads = append(payloads, event.MandateChanged{
		ID: "0190c000-0000-7000-8000-000000000001", Version: 1, Principal: apolda, Agent: kiv,
		Scopes: []string{"report", "read", "edit"}, From: start.AddDate(-1, 0, 0),
	})
	payloads = append(payloads, e.constituency()...)
	err := pg.InTx(e.t.Context(), e.db, func(tx pg.DB) error {
		for _, p := range payloads {
			if err := register.Store(e.t.Context(), tx, event.New(p, event.Meta{At: start, Actor: "test"})); err != nil {
				return err
			}
		}
		for role, person := range e.accounts() {
			for kind, secret := range map[string]string{session.KindToken: token(role), session.KindPerson: "cookie-" + string(role), "stale": "cookie-stale-" + string(role)} {
				stepUp := start.AddDate(1, 0, 0)
				if kind == "stale" { // the second factor was shown an hour ago
					kind, stepUp = session.KindPerson, start.Add(-time.Hour)
				}
				s, err := json.Marshal(session.Session{
					ID: kind + "-" + string(role), Kind: kind, Person: person, Version: 1,
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

// request is one HTTP request of a test.
type request struct {
	method, path string
	as           actor.Role // sends the token; "" for a guest
	cookie       actor.Role // sends the session cookie
	key          string
	body         string
	header       map[string]string
	cookies      []*http.Cookie
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

var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
}

func (e *env) do(r request) response {
	e.t.Helper()
	res, err := e.try(r)
	if err != nil {
		e.t.Fatal(err)
	}
	return res
}

func (e *env) try(r request) (response, error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, e.http.URL+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		return response{}, err
	}
	if r.as != "" {
		req.Header.Set("Authorization", "Bearer "+token(r.as))
	}
	if r.cookie != "" {
		req.Header.Add("Cookie", session.Cookie+"=cookie-"+string(r.cookie))
	}
	if r.cookie != "" || len(r.cookies) > 0 {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return response{res, string(b)}, err
}

// good is a report that keeps every rule.
const good = `{"affected":["16071001"],"what":"ransomware","description":"Alles verschlüsselt","noticed_at":"2026-11-22T06:00:00Z",` +
	`"noticed_approx":true,"impact":"high","callback":{"name":"Kim Beispiel","phone":"+49 152 000 000 00","email":"kim@example.org"},` +
	`"tlp":"AMBER","help_needed":["callback"],"exercise":false}`

const reportsPath = "/api/intake/v1/reports"

type createdReport struct {
	ID         string    `json:"id"`
	Reference  string    `json:"reference"`
	Code       string    `json:"code"`
	ReceivedAt time.Time `json:"received_at"`
	Affected   []struct {
		AGS  string `json:"ags"`
		Name string `json:"name"`
	} `json:"affected"`
	StatusURL string `json:"status_url"`
	Receipt   string `json:"receipt"`
}

// submit posts a report and expects 201.
func (e *env) submit(as actor.Role, key, body string) createdReport {
	e.t.Helper()
	res := e.do(request{method: "POST", path: reportsPath, as: as, key: key, body: body})
	if res.StatusCode != http.StatusCreated {
		e.t.Fatalf("POST %s: %d %s", reportsPath, res.StatusCode, res.body)
	}
	var c createdReport
	res.into(e.t, &c)
	return c
}

// count is the number of rows of a query.
func (e *env) count(query string, args ...any) int {
	e.t.Helper()
	var n int
	if err := e.db.GetContext(e.t.Context(), &n, query, args...); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// invariants checks what has to hold after every fault: each report that was
// acknowledged is there once, and what the checker of all services demands
// (I1–I5) once everything is published.
func (e *env) invariants(acknowledged map[string]string) {
	e.t.Helper()
	for key, id := range acknowledged {
		if n := e.count(`SELECT count(*) FROM report WHERE id = $1 AND idem_key = $2`, id, key); n != 1 {
			e.t.Errorf("I1: report %s of key %s is there %d times", id, key, n)
		}
	}
	checks := invariant.System(map[string]pg.DB{invariant.Intake: e.db}, 0)
	var bad []invariant.Violation
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		devstack.Eventually(e.t, 20*time.Second, "the outbox empty", func() bool { return e.count(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) == 0 })
		if bad = invariant.Run(e.t.Context(), checks...); bad == nil {
			return
		}
	}
	e.t.Errorf("the invariants do not hold:\n%s", invariant.Report(bad))
}

// publish sends an event as another service would.
func (e *env) publish(p event.Payload) {
	e.t.Helper()
	ev := event.New(p, event.Meta{At: e.now(), Actor: "service:test"})
	body, err := json.Marshal(ev)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.bus.EnsureStreams(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.bus.Publish(e.t.Context(), []outbox.Message{{Seq: 1, ID: ev.ID, Subject: ev.Subject(), Body: string(body)}}); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) eventually(what string, ok func() bool) {
	e.t.Helper()
	devstack.Eventually(e.t, 15*time.Second, what, ok)
}

// revoke ends the provider's mandate, as directory would tell it.
func (e *env) revoke() {
	e.t.Helper()
	at := e.now()
	e.publish(event.MandateChanged{
		ID: "0190c000-0000-7000-8000-000000000001", Version: 2, Principal: apolda, Agent: kiv,
		Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0), RevokedAt: &at,
	})
}
