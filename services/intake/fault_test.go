// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

// load posts reports from several senders until stop, each until it is
// acknowledged with its key, and returns what was acknowledged.
type load struct {
	e    *env
	mu   sync.Mutex
	acks map[string]string // key → id
	bad  map[int]int       // statuses that were neither 201 nor 503
	slow time.Duration     // the longest 503
	n    atomic.Int64
}

func (e *env) load(senders int, stop <-chan struct{}) (*load, *sync.WaitGroup) {
	l := &load{e: e, acks: map[string]string{}, bad: map[int]int{}}
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				l.send(fmt.Sprintf("load-%d-%d", i, j))
			}
		})
	}
	return l, &all
}

// send posts until it is acknowledged; a client would wait Retry-After, here the
// database is asked again as soon as it answers.
func (l *load) send(key string) {
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		began := time.Now()
		res, err := l.e.try(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
		if err != nil {
			continue
		}
		l.mu.Lock()
		switch res.StatusCode {
		case http.StatusCreated:
			var c createdReport
			res.into(l.e.t, &c)
			l.acks[key] = c.ID
			l.n.Add(1)
			l.mu.Unlock()
			return
		case http.StatusServiceUnavailable:
			l.slow = max(l.slow, time.Since(began))
			if res.Header.Get("Retry-After") == "" {
				l.bad[http.StatusServiceUnavailable]++
			}
		default:
			l.bad[res.StatusCode]++
		}
		l.mu.Unlock()
	}
}

// F1: what dies before COMMIT is stored nowhere; the retry with the same key
// makes one report. Killed is the backend of the writer, at random moments.
func TestF1AKillBeforeCommitStoresNothingAndTheRetryOneReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	stop := make(chan struct{})
	l, all := e.load(8, stop)
	killed := 0
	for i := range 30 {
		want := l.n.Load() + int64(1+i%3)
		e.eventually("reports between two kills", func() bool { return l.n.Load() >= want })
		killed += e.count(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'intake-writer' AND datname = current_database()`)
	}
	close(stop)
	all.Wait()
	if len(l.bad) > 0 || killed == 0 {
		t.Errorf("killed %d, other answers than 201 and 503 with Retry-After: %v", killed, l.bad)
	}
	e.invariants(l.acks)
	t.Logf("%d kills, %d reports", killed, len(l.acks))
}

// F2: the commit happened, the answer was lost: the retry gets 201 with the
// same receipt.
func TestF2ALostAnswerGivesTheSameReceiptAgain(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	eater := newReplyEater(t, e.http.URL)
	real := e.http.URL
	for i := range 20 {
		key := fmt.Sprint("k", i)
		eater.eat.Store(true)
		e.http.URL = eater.url
		if res, err := e.try(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good}); err == nil {
			t.Fatalf("the answer came through: %d", res.StatusCode)
		}
		e.http.URL = real
		first := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
		second := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
		if first.StatusCode != 201 || first.Header.Get("Idempotent-Replayed") != "true" || first.body != second.body {
			t.Errorf("%d %v", first.StatusCode, first.Header)
		}
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 20 {
		t.Errorf("%d reports, want 20", n)
	}
	e.invariants(nil)
}

// F3: the connection is cut at the acknowledgement of COMMIT: the key is looked
// up on a new connection; there → 201, not there → 503, never twice.
func TestF3ACutAtCommitIsResolvedByTheKey(t *testing.T) {
	t.Parallel()
	proxy, through := newProxy(t)
	e := newIntake(t, through)
	e.submit(actor.Officer, "warm", good)
	acks := map[string]string{}
	for i := range 10 {
		key := fmt.Sprint("ack", i)
		proxy.mode.Store(cutAck)
		res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
		if res.StatusCode != http.StatusCreated {
			t.Errorf("ack cut: %d %s", res.StatusCode, res.body)
		}
		var c createdReport
		e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good}).into(t, &c)
		acks[key] = c.ID
		if res.StatusCode == http.StatusCreated {
			var first createdReport
			res.into(t, &first)
			if first.ID != c.ID {
				t.Errorf("two reports for one key: %s %s", first.ID, c.ID)
			}
		}
	}
	for i := range 10 {
		key := fmt.Sprint("req", i)
		proxy.mode.Store(cutRequest)
		res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("request cut: %d %v", res.StatusCode, res.Header)
		}
		if n := e.count(`SELECT count(*) FROM report WHERE idem_key = $1`, key); n != 0 {
			t.Errorf("a report was stored without a COMMIT")
		}
		acks[key] = e.submit(actor.Officer, key, good).ID
	}
	if n := proxy.cuts.Load(); n != 20 {
		t.Errorf("%d cuts, want 20", n)
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 21 {
		t.Errorf("%d reports, want 21", n)
	}
	e.invariants(acks)
}

// F5: PostgreSQL stops at once and comes back, under load: 503 with Retry-After
// within 2 s, /readyz red, /livez green, recovered within 10 s, nothing lost.
func TestF5PostgresStopsAndComesBackUnderLoad(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartPostgres(t.Context(), devstack.PostgresOptions{Dir: filepath.Join(devstack.TempDir(t), "data"), Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	if err := server.CreateDatabase(t.Context(), "intake"); err != nil {
		t.Fatal(err)
	}
	db := observer(t, server.URL("intake"))
	if err := pg.Migrate(t.Context(), db, append(service.Migrations(), store.Migrations)...); err != nil {
		t.Fatal(err)
	}
	e := newIntake(t, func(_ *intake.Config, e *env) { e.db, e.url = db, server.URL("intake") })
	stop := make(chan struct{})
	l, all := e.load(4, stop)
	for i := range 20 {
		want := l.n.Load() + 10
		e.eventually("reports between two crashes", func() bool { return l.n.Load() >= want })
		if err := server.Crash(t.Context()); err != nil {
			t.Fatal(err)
		}
		if res := e.do(request{path: "/readyz"}); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("crash %d: ready while the database is down: %d", i, res.StatusCode)
		}
		if res := e.do(request{path: "/livez"}); res.StatusCode != http.StatusOK {
			t.Errorf("crash %d: not alive: %d", i, res.StatusCode)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := l.n.Load()
		devstack.Eventually(t, 10*time.Second, "reports after the restart", func() bool { return l.n.Load() > n })
	}
	close(stop)
	all.Wait()
	if len(l.bad) > 0 {
		t.Errorf("other answers than 201 and 503 with Retry-After: %v", l.bad)
	}
	if l.slow > 2*time.Second {
		t.Errorf("the slowest 503 took %s", l.slow)
	}
	e.invariants(l.acks)
	t.Logf("%d reports, slowest 503 %s", len(l.acks), l.slow)
}

// F10: when the audit cannot be written the report is not stored either: the
// service fails closed.
func TestF10NoAuditNoReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	e.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no audit today''; END'`)
	e.exec(`CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()`)
	res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "k", body: good})
	if res.StatusCode != http.StatusInternalServerError || strings.Contains(res.body, "no audit today") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT (SELECT count(*) FROM report) + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM report_body)`); n != 0 {
		t.Errorf("%d rows without an audit entry", n)
	}
	e.exec(`DROP TRIGGER refuse ON audit`)

	c := e.submit(actor.Officer, "k", good)
	tx, err := e.db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `SELECT * FROM audit_head FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	res = e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "locked", body: good})
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("head of the chain locked: %d", res.StatusCode)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	d := e.submit(actor.Officer, "locked", good)
	e.invariants(map[string]string{"k": c.ID, "locked": d.ID})
}

func (e *env) exec(query string) {
	e.t.Helper()
	if _, err := e.db.ExecContext(e.t.Context(), query); err != nil {
		e.t.Fatal(err)
	}
}

// A bad report in a shared commit fails alone.
func TestABadReportFailsAlone(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	e.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.content->>''description'' = ''Gift'' THEN RAISE EXCEPTION ''poison''; END IF; RETURN NEW; END'`)
	e.exec(`CREATE TRIGGER refuse BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION refuse()`)
	var all sync.WaitGroup
	var ok, failed atomic.Int32
	for i := range 60 {
		all.Go(func() {
			body := good
			if i%10 == 0 {
				body = strings.Replace(good, "Alles verschlüsselt", "Gift", 1)
			}
			res, err := e.try(request{method: "POST", path: reportsPath, as: actor.Officer, key: fmt.Sprint("k", i), body: body})
			switch {
			case err == nil && res.StatusCode == http.StatusCreated && i%10 != 0:
				ok.Add(1)
			case err == nil && res.StatusCode == http.StatusInternalServerError && i%10 == 0:
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if ok.Load() != 54 || failed.Load() != 6 {
		t.Errorf("%d stored, %d refused; want 54 and 6", ok.Load(), failed.Load())
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 54 {
		t.Errorf("%d reports", n)
	}
	e.invariants(nil)
}

// F30, D3: fifty parallel identical posts make one report; one byte changed is 422.
func TestF30ARepeatedPostMakesOneReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	ids := make([]string, 50)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			res, err := e.try(request{method: "POST", path: reportsPath, as: actor.Officer, key: "one", body: good})
			if err != nil || res.StatusCode != http.StatusCreated {
				t.Errorf("%v %d %s", err, res.StatusCode, res.body)
				return
			}
			var c createdReport
			res.into(t, &c)
			ids[i] = c.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two reports: %s %s", id, ids[0])
		}
	}
	if n := e.count(`SELECT count(*) FROM report`); n != 1 {
		t.Errorf("%d reports", n)
	}
	for i := range len(good) {
		if good[i] != 'A' {
			continue
		}
		res := e.do(request{method: "POST", path: reportsPath, as: actor.Officer, key: "one", body: good[:i] + "B" + good[i+1:]})
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("one byte changed: %d %s", res.StatusCode, res.body)
		}
	}
	e.invariants(map[string]string{"one": ids[0]})
}

// A client that goes away breaks no one else's commit.
func TestAClientThatGoesAwayBreaksNothing(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	var all sync.WaitGroup
	acks := sync.Map{}
	for i := range 80 {
		all.Go(func() {
			key := fmt.Sprint("k", i)
			if i%2 == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.http.URL+reportsPath, strings.NewReader(good))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+token(actor.Officer))
				req.Header.Set("Idempotency-Key", key)
				if res, err := client.Do(req); err == nil {
					_ = res.Body.Close()
				}
			}
			res, err := e.try(request{method: "POST", path: reportsPath, as: actor.Officer, key: key, body: good})
			if err != nil || res.StatusCode != http.StatusCreated {
				t.Errorf("%s: %v %d", key, err, res.StatusCode)
				return
			}
			var c createdReport
			res.into(t, &c)
			acks.Store(key, c.ID)
		})
	}
	all.Wait()
	got := map[string]string{}
	acks.Range(func(k, v any) bool {
		key, _ := k.(string)
		got[key], _ = v.(string)
		return true
	})
	if n := e.count(`SELECT count(*) FROM report`); n != 80 || len(got) != 80 {
		t.Errorf("%d reports, %d acknowledged, want 80", n, len(got))
	}
	e.invariants(got)
}
