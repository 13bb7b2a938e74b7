// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// people are one for each role; their token is "lst_" and the role, their cookie
// "cookie-" and the role. A second analyst is "analyst2", a second lead "lead2".
var people = map[string]actor.Role{
	"officer": actor.Officer, "org_admin": actor.OrgAdmin, "provider": actor.Provider, "duty": actor.Duty, "analyst": actor.Analyst,
	"analyst2": actor.Analyst, "lead": actor.Lead, "lead2": actor.Lead, "editor": actor.Editor, "approver": actor.Approver, "constituency": actor.Constituency,
	"auditor": actor.Auditor, "admin": actor.Admin, "steering": actor.Steering,
}

var names = map[string]string{"analyst": "Mara Beispiel", "analyst2": "Jona Kranich", "lead": "Lea Leitner", "lead2": "Lothar Leitner", "duty": "Didi Dienst"}

// stale is a person's session whose second factor was shown an hour ago.
const stale = "stale"

// personID is the same for a name in every run.
func personID(name string) string {
	sum := 0
	for _, r := range name {
		sum = sum*31 + int(r)
	}
	return fmt.Sprintf("0190b000-0000-7000-8000-%012x", sum&0xffffffffffff)
}

// env is a running triage with everything real around it.
type env struct {
	*triage.Service
	t     testing.TB
	db    *sqlx.DB
	url   string
	nats  *devstack.NATS
	bus   *bus.Bus
	files *blob.Store
	http  *httptest.Server
	cfg   triage.Config

	mu   sync.Mutex
	time time.Time
}

// newTriage starts the service on a clean database and an own broker.
func newTriage(t testing.TB) *env {
	t.Helper()
	e := &env{t: t, time: sample.Noon.Add(19 * time.Minute), nats: devstack.NewNATS(t)}
	e.bus = devstack.Bus(t, e.nats)
	e.db, e.url = devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	e.seed()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "blobs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e.cfg = triage.Config{
		Config: service.Config{DatabaseURL: e.url, Site: pagetest.Site()},
		Blob:   blob.Config{URL: "file://" + dir + "?no_tmp_dir=true", Recipients: []string{identity.Recipient().String()}, Identity: identity.String()},
	}
	if e.files, err = blob.Open(t.Context(), e.cfg.Blob); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.files.Close() })
	s, err := triage.New(t.Context(), e.cfg, service.Deps{Bus: e.bus, Log: zap.NewNop(), Now: e.now, Synced: func(context.Context) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	e.Service = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	e.http = httptest.NewServer(s.Handler())
	t.Cleanup(func() { e.http.CloseClientConnections(); e.http.Close(); cancel(); <-done })
	return e
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
	for _, o := range []event.Organisation{sample.Musterhausen, sample.Beispielroda} {
		payloads = append(payloads, event.OrganisationChanged{
			ID: o.ID, Version: 1, AGS: o.AGS, Name: o.Name, Level: o.Level, Kreis: o.Kreis,
			KreisName: "Landkreis Weimarer Land", Population: 14200, Active: true,
		})
	}
	payloads = append(payloads, event.OrganisationChanged{ID: sample.CERT, Version: 1, Name: "ThüringenCERT", Level: "state_body", Active: true})
	for name, role := range people {
		home := sample.CERT
		if role == actor.Officer || role == actor.OrgAdmin || role == actor.Provider {
			home = sample.Musterhausen.ID
		}
		full := names[name]
		if full == "" {
			full = "Kim " + name
		}
		payloads = append(payloads, event.PersonChanged{
			ID: personID(name), Version: 1, Name: full, Email: name + "@example.org", Active: true,
			Language: "de", Memberships: []event.Membership{{Organisation: home, Role: string(role)}},
		})
	}
	err := pg.InTx(e.t.Context(), e.db, func(tx pg.DB) error {
		for _, p := range payloads {
			if err := register.Store(e.t.Context(), tx, sample.Event(p)); err != nil {
				return err
			}
		}
		for name := range people {
			for kind, secret := range map[string]string{session.KindToken: session.TokenPrefix + name, session.KindPerson: "cookie-" + name, stale: "stale-" + name} {
				stepUp := sample.Noon.AddDate(1, 0, 0)
				if kind == stale {
					kind, stepUp = session.KindPerson, sample.Noon.Add(-time.Hour)
				}
				s, err := json.Marshal(session.Session{
					ID: kind + "-" + name, Kind: kind, Person: personID(name), Version: 1,
					CreatedAt: sample.Noon, ExpiresAt: sample.Noon.AddDate(1, 0, 0), StepUpAt: &stepUp,
				})
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(e.t.Context(), `INSERT INTO register_record (kind, id, version, body) VALUES ('session', $1, 1, $2)`,
					session.Key(secret), string(s)); err != nil {
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

// request is one call; as is a name of people, cookie makes it a browser.
type request struct {
	method, path, as string
	body             string
	header           map[string]string
	cookie           bool
	stale            bool // a cookie whose second factor was shown an hour ago
}

type response struct {
	*http.Response
	body string
}

func (e *env) do(r request) response {
	e.t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(e.t.Context(), r.method, e.http.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		e.t.Fatal(err)
	}
	switch {
	case r.as != "" && (r.cookie || r.stale):
		req.AddCookie(&http.Cookie{Name: session.Cookie, Value: map[bool]string{false: "cookie-", true: "stale-"}[r.stale] + r.as})
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Accept", "text/html")
		if r.method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	case r.as != "":
		req.Header.Set("Authorization", "Bearer "+session.TokenPrefix+r.as)
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second}
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

func (r response) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("%d: %v in %s", r.StatusCode, err, r.body)
	}
}

// publish sends an event through the broker, as the other services do.
func (e *env) publish(events ...event.Event) {
	e.t.Helper()
	messages := make([]outbox.Message, len(events))
	for i, ev := range events {
		b, err := json.Marshal(ev)
		if err != nil {
			e.t.Fatal(err)
		}
		messages[i] = outbox.Message{Seq: int64(i), ID: ev.ID, Subject: ev.Subject(), Body: string(b)}
	}
	if err := e.bus.EnsureStreams(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	if done, err := e.bus.Publish(e.t.Context(), messages); err != nil || len(done) != len(messages) {
		e.t.Fatalf("published %d of %d: %v", len(done), len(messages), err)
	}
}

// open sends a report and returns the reference of its case.
func (e *env) open(r event.ReportSubmitted) string {
	e.t.Helper()
	e.publish(sample.Event(r))
	var ref string
	devstack.Eventually(e.t, 15*time.Second, "a case of "+r.Reference, func() bool {
		return e.db.Get(&ref, `SELECT c.reference FROM cases c JOIN case_reports r ON r.case_id = c.id WHERE r.report_id = $1`, r.Report) == nil
	})
	return ref
}

func (e *env) count(query string, args ...any) int {
	e.t.Helper()
	var n int
	if err := e.db.Get(&n, query, args...); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// intact checks the audit and that no event waits for ever.
func (e *env) intact() {
	e.t.Helper()
	if r, err := audit.Verify(e.t.Context(), e.db, nil); err != nil || !r.OK() {
		e.t.Errorf("the audit does not hold: %+v, %v", r, err)
	}
	devstack.Eventually(e.t, 15*time.Second, "an empty outbox", func() bool {
		n, _, err := outbox.Waiting(e.t.Context(), e.db)
		return err == nil && n == 0
	})
}

// sse is one event of a stream.
type sse struct{ id, name, data string }

// listen opens the stream; the channel is closed when the server ends it.
func (e *env) listen(as, lastID string) <-chan sse {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.http.URL+"/api/triage/v1/stream", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+session.TokenPrefix+as)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	var res *http.Response
	devstack.Eventually(e.t, 15*time.Second, "an open stream", func() bool {
		if res, err = http.DefaultClient.Do(req); err != nil { //nolint:bodyclose // closed by the reader below, or just here
			return false
		}
		if res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
			return false
		}
		return true
	})
	c := make(chan sse, 1000)
	go func() {
		defer close(c)
		defer func() { _ = res.Body.Close() }()
		ev := sse{}
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			key, value, _ := strings.Cut(s.Text(), ": ")
			switch key {
			case "id":
				ev.id = value
			case "event":
				ev.name = value
			case "data":
				ev.data = value
			case "":
				if ev.name != "" {
					c <- ev
				}
				ev = sse{}
			}
		}
	}()
	return c
}

// next waits for an event.
func next(t testing.TB, c <-chan sse) sse {
	t.Helper()
	select {
	case ev, ok := <-c:
		if !ok {
			t.Fatal("the stream ended")
		}
		return ev
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return sse{}
}
