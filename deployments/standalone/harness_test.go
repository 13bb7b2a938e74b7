// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"context"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/deployments/standalone/internal/contract"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/session"
)

// loadContract reads docs/openapi.yaml once.
var loadContract = sync.OnceValues(func() (*contract.Contract, error) { return contract.Load("../../docs/openapi.yaml") })

// world is a running instance as tests see it.
type world struct {
	*standalone.System
	stop func() error

	mu       sync.Mutex
	cookies  map[string]string // e-mail → session cookie
	steps    map[string]int64  // e-mail → last TOTP step used
	entering sync.Map          // e-mail → *sync.Mutex: one sign-in of a person at a time
}

var (
	common     *world
	commonErr  error
	commonOnce sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	if common != nil {
		if err := common.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "the common instance did not stop cleanly:", err)
			code = 1
		}
	}
	stopBrowser()
	if err := os.RemoveAll(binFolder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// shared is the instance that tests share when they break nothing. Nobody there
// has a linked account: with one, dropping the app would be let by the matrix.
func shared(t testing.TB) *world {
	t.Helper()
	commonOnce.Do(func() { common, commonErr = launch(standalone.Options{Fast: true, Limits: true, NoProvider: true}) })
	if commonErr != nil {
		t.Fatal(commonErr)
	}
	return common
}

// fresh is an instance of this test's own.
func fresh(t testing.TB, o standalone.Options) *world {
	t.Helper()
	w, err := launch(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Errorf("the instance did not stop cleanly: %v", err)
		}
	})
	return w
}

// launch starts an instance and waits until everything answers.
func launch(o standalone.Options) (*world, error) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan *standalone.System, 1), make(chan error, 1)
	o.Listen = "127.0.0.1:0"
	o.Ready = func(s *standalone.System) { ready <- s }
	go func() { ended <- standalone.Run(ctx, o) }()
	select {
	case err := <-ended:
		cancel()
		return nil, errors.Join(errors.New("the instance did not start"), err)
	case s := <-ready:
		stop := sync.OnceValue(func() error { cancel(); return <-ended })
		return &world{System: s, stop: stop, cookies: map[string]string{}, steps: map[string]int64{}}, nil
	}
}

// person is the first demo person with the role.
func (w *world) person(t testing.TB, r actor.Role) standalone.DemoPerson {
	t.Helper()
	p, err := w.Demo.Person(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// named is the demo person with the address.
func (w *world) named(t testing.TB, email string) standalone.DemoPerson {
	t.Helper()
	for _, p := range w.Demo.People {
		if p.Email == email {
			return p
		}
	}
	t.Fatalf("there is no demo person %s", email)
	return standalone.DemoPerson{}
}

// client is an HTTP client that follows no redirects and holds every API
// request and answer against the contract.
func client(t testing.TB) *http.Client {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Fatalf("docs/openapi.yaml: %v", err)
	}
	base := &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     contract.Transport{Contract: c, Base: base, Report: func(err error) { t.Errorf("contract: %v", err) }},
	}
}

// as speaks the API as the first person with the role.
func (w *world) as(t testing.TB, r actor.Role) standalone.Client {
	t.Helper()
	return w.of(t, w.person(t, r))
}

// of speaks the API as a person; the zero person is a guest.
func (w *world) of(t testing.TB, p standalone.DemoPerson) standalone.Client {
	t.Helper()
	return standalone.Client{URL: w.Demo.URL, Token: p.Token, HTTP: client(t)}
}

// must sends one API request and fails the test unless the status is as wanted.
func must(t testing.TB, c standalone.Client, method, path string, want int, in, out any, headers ...string) http.Header {
	t.Helper()
	h, err := c.Do(t.Context(), method, path, want, in, out, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// totp is the code of the next step that the person has not used yet: each
// counts once, also between tests.
func (w *world) totp(t testing.TB, p standalone.DemoPerson) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := func() int64 { return time.Now().Unix() / 30 }
	step := max(now(), w.steps[p.Email]+1)
	devstack.Eventually(t, time.Minute, "a code that counts", func() bool { return step <= now()+1 })
	w.steps[p.Email] = step
	code, err := hotp.GenerateCodeCustom(p.TOTPSecret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		t.Fatalf("the TOTP secret of %s: %v", p.Email, err)
	}
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.TOTPSecret); err != nil {
		t.Errorf("the TOTP secret of %s is no base 32", p.Email)
	}
	return code
}

// cookie is the person's session, made once by the sign-in form.
func (w *world) cookie(t testing.TB, p standalone.DemoPerson) string {
	t.Helper()
	one, _ := w.entering.LoadOrStore(p.Email, &sync.Mutex{})
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	w.mu.Lock()
	known := w.cookies[p.Email]
	w.mu.Unlock()
	if known != "" {
		return known
	}
	var res page
	for range 3 { // a browser test that used a later code meanwhile makes this one count no more
		res = w.form(t, "/konto/anmelden", url.Values{"email": {p.Email}, "password": {p.Password}, "code": {w.totp(t, p)}}, "")
		if res.StatusCode != http.StatusUnauthorized {
			break
		}
	}
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign-in of %s: %d", p.Email, res.StatusCode)
	}
	for _, c := range res.Cookies() {
		if c.Name == session.Cookie {
			w.mu.Lock()
			w.cookies[p.Email] = c.Value
			w.mu.Unlock()
			w.known(t, c.Value)
			return c.Value
		}
	}
	t.Fatalf("sign-in of %s: no cookie", p.Email)
	return ""
}

// forget drops the sessions that were made, since a test has ended them.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cookies = map[string]string{}
}

// known waits until every service has heard of a session.
func (w *world) known(t testing.TB, cookie string) {
	t.Helper()
	c := client(t)
	for _, path := range []string{"/melden/vorgaenge", "/lage/eingang", "/warnungen"} {
		devstack.Eventually(t, 10*time.Second, path+" knows the session", func() bool {
			res := w.get(t, c, path, cookie)
			return !strings.Contains(res.Header.Get("Location"), "/konto/anmelden")
		})
	}
}

// get opens a page with a session ("" is a guest) and reads it.
func (w *world) get(t testing.TB, c *http.Client, path, cookie string) page {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Demo.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.browse(t, c, req, cookie)
}

// form posts a form as a browser does.
func (w *world) form(t testing.TB, path string, values url.Values, cookie string) page {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Demo.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.Demo.URL)
	return w.browse(t, client(t), req, cookie)
}

// page is an answer that was read.
type page struct {
	*http.Response
	Text string
}

func (w *world) browse(t testing.TB, c *http.Client, req *http.Request, cookie string) page {
	t.Helper()
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	if cookie != "" {
		req.Header.Set("Cookie", session.Cookie+"="+cookie)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res, string(b)}
}

// open connects to a service's database.
func (w *world) open(t testing.TB, service string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Connect("postgres", w.Postgres.URL(service))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newKey() string { return event.NewID() }

func unknownID() string { return uuid.NewString() }
