// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
)

// attempt is one report as a careful client sends it: the same key and body
// until there is an answer.
type attempt struct {
	key  string
	body []byte
	id   string // of the answer; "" while there is none
	code int
}

// load is a client that reports again and again and remembers every attempt.
type load struct {
	token string
	mu    sync.Mutex
	all   []*attempt
	slow  time.Duration // the slowest answer
	other map[int]int   // statuses that were no 201
}

func (l *load) next(n int) *attempt {
	b, err := json.Marshal(reportOf(fmt.Sprintf("Last %d", n), "16071043"))
	if err != nil {
		panic(err) // a literal of this test
	}
	a := &attempt{key: newKey(), body: b}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
	return a
}

// send sends an attempt once and notes the answer.
func (l *load) send(ctx context.Context, c *http.Client, url string, a *attempt) (replayed bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/intake/v1/reports", bytes.NewReader(a.body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+l.token)
	req.Header.Set("Idempotency-Key", a.key)
	began := time.Now()
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow = max(l.slow, time.Since(began))
	if res.StatusCode != http.StatusCreated {
		l.other[res.StatusCode]++
		return false
	}
	var out submitted
	if err != nil || json.Unmarshal(b, &out) != nil {
		return false // the answer broke off: no answer
	}
	if a.id == "" {
		a.id = out.ID
	}
	if a.id != out.ID {
		a.code++ // the same key, another report
	}
	return res.Header.Get("Idempotent-Replayed") == "true"
}

// work reports with some clients until ctx ends.
func (l *load) work(ctx context.Context, url string, clients int, pause time.Duration) {
	var wg sync.WaitGroup
	var n atomic.Int64
	for range clients {
		wg.Go(func() {
			c := &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					l.send(ctx, c, url, l.next(int(n.Add(1))))
				}
			}
		})
	}
	wg.Wait()
}

// again sends what has no answer until it has one, and a hundred of those that
// have one once more: it must be the same report.
func (l *load) again(t *testing.T, url string) {
	t.Helper()
	c := &http.Client{Timeout: 8 * time.Second}
	for i, a := range l.all {
		known := a.id != ""
		if known && i%(1+len(l.all)/100) != 0 {
			continue
		}
		var replayed bool
		devstack.Eventually(t, 30*time.Second, "an answer to "+a.key, func() bool {
			replayed = l.send(t.Context(), c, url, a)
			return a.id != "" && (!known || replayed)
		})
		if a.code > 0 {
			t.Errorf("the key %s has two reports", a.key)
		}
	}
}

// once checks I1: every acknowledged report is there exactly once, and no key
// has two.
func (l *load) once(t *testing.T, d standalone.Demo) {
	t.Helper()
	db, err := pg.Open(d.Database("intake"), pg.Options{Name: "test", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var ids []string
	if err := db.SelectContext(t.Context(), &ids, `SELECT id::text FROM report`); err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, id := range ids {
		there[id]++
	}
	acked := map[string]bool{}
	for _, a := range l.all {
		if a.id == "" {
			continue
		}
		acked[a.id] = true
		if there[a.id] != 1 {
			t.Errorf("the acknowledged report %s is there %d times", a.id, there[a.id])
		}
	}
	if len(ids) != len(acked) {
		t.Errorf("%d reports for %d keys", len(ids), len(acked))
	}
}

func newLoad(t *testing.T, d standalone.Demo) *load {
	t.Helper()
	p, err := d.Person(actor.Officer)
	if err != nil {
		t.Fatal(err)
	}
	return &load{token: p.Token, other: map[int]int{}}
}

// F1 and D1: the whole program is killed at random moments under load; clients
// try again with their keys. Every acknowledged report exists exactly once.
func TestF1KilledAtRandomMomentsNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	data := dataFolder(t)
	p := run(t, data)
	l := newLoad(t, p.demo(t))
	for round := range 5 {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { l.work(ctx, p.demo(t).URL, 4, 50*time.Millisecond); close(ended) }()
		pause := time.NewTimer(300*time.Millisecond + time.Duration(random.IntN(1500))*time.Millisecond)
		<-pause.C
		_ = p.end(t, syscall.SIGKILL, 10*time.Second) // "signal: killed"
		stop()
		<-ended
		began := time.Now()
		p = run(t, data)
		t.Logf("round %d: killed with %d attempts, ready again after %s", round, len(l.all), time.Since(began).Round(time.Millisecond))
		l.again(t, p.demo(t).URL)
	}
	l.once(t, p.demo(t))
	holds(t, p.demo(t))
	if err := p.end(t, syscall.SIGTERM, 20*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.out)
	}
	if out, code := tool(t, "audit", "verify", "--data", data); code != 0 {
		t.Errorf("audit verify after five kills: %d\n%s", code, out)
	}
}

// F5 and D4: PostgreSQL is stopped at once, again and again, under load. What
// was acknowledged stays; the service says 503 and comes back by itself.
func TestF5PostgresCrashesUnderLoad(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{Limits: true})
	l := newLoad(t, w.Demo)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { l.work(ctx, w.Demo.URL, 4, 50*time.Millisecond); close(ended) }()
	probe := &http.Client{Timeout: 8 * time.Second}
	for range 5 {
		acked := func() int {
			l.mu.Lock()
			defer l.mu.Unlock()
			n := 0
			for _, a := range l.all {
				if a.id != "" {
					n++
				}
			}
			return n
		}
		before := acked()
		devstack.Eventually(t, 20*time.Second, "reports are taken in", func() bool { return acked() > before+20 })
		if err := w.Postgres.Crash(t.Context()); err != nil {
			t.Fatal(err)
		}
		devstack.Eventually(t, 10*time.Second, "503 while PostgreSQL is away", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.other[http.StatusServiceUnavailable] > 0
		})
		if err := w.Postgres.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		extra := l.next(-1)
		devstack.Eventually(t, 10*time.Second, "a report is taken in again", func() bool {
			l.send(t.Context(), probe, w.Demo.URL, extra)
			return extra.id != ""
		})
		t.Logf("again ready %s after the restart", time.Since(began).Round(time.Millisecond))
		l.mu.Lock()
		delete(l.other, http.StatusServiceUnavailable)
		l.mu.Unlock()
	}
	stop()
	<-ended
	if l.slow > 6*time.Second {
		t.Errorf("the slowest answer took %s, want at most 5 s", l.slow)
	}
	for status, n := range l.other {
		if status != http.StatusServiceUnavailable {
			t.Errorf("%d answers with %d, want 201 or 503", n, status)
		}
	}
	l.again(t, w.Demo.URL)
	l.once(t, w.Demo)
	w.holds(t)
}

// F14 and D6: while NATS is down 600 reports come in: all are taken, and drained
// within 60 s after it is back.
func TestF14ReportsAreTakenWithoutNATS(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	cookie := w.cookie(t, w.person(t, actor.Duty))
	heard := w.broker(t, cookie)
	w.NATS.Stop()
	c := w.as(t, actor.Officer)
	const n = 600
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n / 4 {
				if _, err := c.Do(t.Context(), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, reportOf("F14", "16071043"), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	delayed := func() bool {
		return strings.Contains(w.get(t, c.HTTP, "/lage/eingang", cookie).Text, "Meldungen und Warnungen verspätet")
	}
	if got := <-heard; got != `data: {"away":true}` || !delayed() {
		t.Errorf("the stream says %q, the queue says that reports are delayed: %v", got, delayed())
	}
	if err := w.NATS.Start(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	db := w.open(t, "triage")
	devstack.Eventually(t, 60*time.Second, "600 cases", func() bool {
		var cases int
		if err := db.GetContext(t.Context(), &cases, `SELECT count(DISTINCT report_id) FROM case_reports`); err != nil {
			t.Fatal(err)
		}
		return cases == n
	})
	t.Logf("%d reports drained %s after NATS was back", n, time.Since(began).Round(time.Millisecond))
	if got := <-heard; got != `data: {"away":false}` || delayed() {
		t.Errorf("afterwards the stream says %q, the queue says that reports are delayed: %v", got, delayed())
	}
	w.holds(t)
}

// broker opens the analysts' stream and brings what it tells about the broker.
func (w *world) broker(t *testing.T, cookie string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Demo.URL+"/api/triage/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", session.Cookie+"="+cookie)
	heard, opened := make(chan string, 10), make(chan error, 1)
	go func() {
		defer close(heard)
		res, err := (&http.Client{}).Do(req)
		opened <- err
		if err != nil {
			return
		}
		defer func() { _ = res.Body.Close() }()
		lines, next := bufio.NewScanner(res.Body), false
		for lines.Scan() {
			if next {
				heard <- lines.Text()
			}
			next = lines.Text() == "event: broker"
		}
	}()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	return heard
}

// F17 and D7: the broker's store is gone. Streams and consumers come back from
// code, the events from the outboxes; nobody gets a second mail.
func TestF17TheBrokersStoreIsRebuilt(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	officer := w.person(t, actor.Officer)
	c := w.of(t, officer)
	cookie := w.cookie(t, w.person(t, actor.Duty))
	for range 5 {
		r := submit(t, c, "F17: davor", "16071043")
		w.casesOf(t, r.ID, 1)
		w.mail(t, officer.Email, r.Reference)
	}
	w.holds(t)
	before := len(w.Mail.Messages(""))

	w.NATS.Stop()
	if err := w.NATS.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.NATS.Start(); err != nil {
		t.Fatal(err)
	}
	for _, service := range serviceNames {
		var out bytes.Buffer
		if err := standalone.Republish(t.Context(), w.Options.Data, service, time.Now().Add(-time.Hour), &out); err != nil {
			t.Fatal(err)
		}
		t.Log(out.String())
	}
	r := submit(t, c, "F17: danach", "16071043")
	w.casesOf(t, r.ID, 1)
	w.mail(t, officer.Email, r.Reference)
	w.holds(t)
	fresh := 0
	for _, m := range w.Mail.Messages("")[before:] {
		if !bytes.Contains([]byte(m.Subject()+m.Text()), []byte(r.Reference)) {
			fresh++
			t.Errorf("a second mail to %s: %s", m.To, m.Subject())
		}
	}
	// Sessions and tokens of before still hold.
	if res := w.get(t, c.HTTP, "/lage/eingang", cookie); res.StatusCode != http.StatusOK {
		t.Errorf("the session of before the loss: %d", res.StatusCode)
	}
	must(t, c, http.MethodGet, "/api/intake/v1/reports", http.StatusOK, nil, nil)
}
