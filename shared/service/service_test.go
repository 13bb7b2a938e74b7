// SPDX-License-Identifier: EUPL-1.2

package service_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/faultproxy"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

const seed = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

var own = pg.Migrations{Name: "own", FS: fstest.MapFS{"00001_own.sql": {Data: []byte("-- +goose Up\nCREATE TABLE own (id text PRIMARY KEY);")}}}

func synced(context.Context) error { return nil }

// setup is a service on an empty database behind a proxy.
func setup(t *testing.T) (*service.Base, *faultproxy.Proxy) {
	t.Helper()
	_, url := devstack.NewDB(t)
	proxy, url := faultproxy.Postgres(t, url)
	cfg := service.Config{DatabaseURL: url, AnchorDir: t.TempDir(), AnchorKey: seed}
	b, err := service.New(t.Context(), "intake", cfg, service.Deps{Bus: devstack.NewBus(t), Synced: synced}, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, proxy
}

// serve mounts one route that writes.
func serve(b *service.Base) http.Handler {
	o := b.HTTP(b.Register, nil)
	e := httpserver.New(o)
	httpserver.Mount(e, o, []httpserver.Route{{Method: "POST", Path: "/api/x", Action: actor.Public, Handler: func(c echo.Context) error {
		ctx := c.Request().Context()
		return pg.InTx(ctx, b.DB, func(tx pg.DB) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO own (id) VALUES ($1)`, event.NewID())
			return err
		})
	}}})
	return e
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("{}")))
	return w
}

func TestANewServiceFindsItsTables(t *testing.T) {
	t.Parallel()
	b, _ := setup(t)
	for _, table := range []string{"outbox", "inbox", "inbox_try", "dead_event", "audit", "audit_head", "idempotency", "register_record", "own"} {
		var there bool
		if err := b.DB.Get(&there, `SELECT to_regclass($1) IS NOT NULL`, table); err != nil || !there {
			t.Errorf("%s: %v, %v; want it made", table, there, err)
		}
	}
}

func TestF5ADatabaseThatIsGoneIsA503AndNotTheEnd(t *testing.T) {
	t.Parallel()
	b, proxy := setup(t)
	h := serve(b)
	if w := ask(h, "POST", "/api/x"); w.Code != 200 {
		t.Fatalf("while all is well: %d %s", w.Code, w.Body)
	}
	proxy.Down()
	start := time.Now()
	w := ask(h, "POST", "/api/x")
	if took := time.Since(start); w.Code != 503 || took > 5*time.Second {
		t.Errorf("%d after %s, want 503", w.Code, took)
	}
	if after := w.Header().Get("Retry-After"); after != "1" && after != "2" {
		t.Errorf("Retry-After = %q, want at most 2 s", after)
	}
	if w := ask(h, "GET", "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "database") {
		t.Errorf("/readyz = %d %s, want 503 for the database", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/livez"); w.Code != 200 {
		t.Errorf("/livez = %d, want 200", w.Code)
	}
	proxy.Up()
	devstack.Eventually(t, 10*time.Second, "writing again by itself", func() bool { return ask(h, "POST", "/api/x").Code == 200 })
	if w := ask(h, "GET", "/readyz"); w.Code != 200 {
		t.Errorf("/readyz = %d, want 200 again", w.Code)
	}
}

// F6/D5: a stalled server must not freeze the handlers.
func TestF6EveryAnswerComesWithinFiveSecondsWhileTheDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	b, proxy := setup(t)
	h := serve(b)
	if w := ask(h, "POST", "/api/x"); w.Code != 200 {
		t.Fatal(w.Code)
	}
	proxy.Stall()
	const n = 40 // more than the pool has connections
	answers := make(chan struct {
		code int
		took time.Duration
	}, n+1)
	for i := range n + 1 {
		go func() {
			start := time.Now()
			method, path := "POST", "/api/x"
			if i == n {
				method, path = "GET", "/readyz"
			}
			w := ask(h, method, path)
			answers <- struct {
				code int
				took time.Duration
			}{w.Code, time.Since(start)}
		}()
	}
	for range n + 1 {
		if a := <-answers; a.code != 503 || a.took > 5*time.Second {
			t.Errorf("%d after %s, want 503 within 5 s", a.code, a.took)
		}
	}
	proxy.Resume()
	devstack.Eventually(t, 10*time.Second, "writing again by itself", func() bool { return ask(h, "POST", "/api/x").Code == 200 })
}

func TestD8AServiceIsNotReadyWhileNobodyKnowsThatTheBrokerSyncs(t *testing.T) {
	t.Parallel()
	_, url := devstack.NewDB(t)
	b, err := service.New(t.Context(), "intake", service.Config{DatabaseURL: url}, service.Deps{Bus: devstack.NewBus(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if w := ask(serve(b), "GET", "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "broker") {
		t.Errorf("/readyz = %d %s, want 503 for the broker", w.Code, w.Body)
	}
}

func TestRunPublishesStopsAndLeavesACheckpoint(t *testing.T) {
	t.Parallel()
	b, _ := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ownPart := make(chan struct{})
	go func() {
		done <- b.Run(ctx, func(ctx context.Context) error { close(ownPart); <-ctx.Done(); return nil })
	}()
	<-ownPart
	err := pg.InTx(t.Context(), b.DB, func(tx pg.DB) error {
		if err := outbox.Add(t.Context(), tx, event.New(event.DeliveryFailed{Delivery: "d"}, event.Meta{At: b.Now()})); err != nil {
			return err
		}
		_, err := audit.Append(t.Context(), tx, audit.Entry{At: b.Now(), Action: "x"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	devstack.Eventually(t, 10*time.Second, "published", func() bool {
		n, _, err := outbox.Waiting(t.Context(), b.DB)
		return err == nil && n == 0
	})
	if body := ask(serve(b), "GET", "/metrics").Body.String(); !strings.Contains(body, "leitstelle_outbox") {
		t.Errorf("the metrics say nothing of the outbox:\n%s", body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	key, err := b.Config.Key()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.Public().(ed25519.PublicKey)
	anchors, err := audit.ReadAnchors(b.Config.AnchorDir, "intake", public)
	if err != nil || len(anchors) != 1 || anchors[0].Seq != 1 {
		t.Errorf("checkpoints = %+v, %v; want the one of the end", anchors, err)
	}
}

func TestAPartThatFailsEndsTheService(t *testing.T) {
	t.Parallel()
	b, _ := setup(t)
	boom := errors.New("boom")
	if err := b.Run(t.Context(), func(context.Context) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("Run = %v, want the part's failure", err)
	}
}

func TestWrongSettingsStopTheStart(t *testing.T) {
	t.Parallel()
	_, url := devstack.NewDB(t)
	b := devstack.NewBus(t)
	for name, cfg := range map[string]service.Config{
		"a proxy that is no network": {DatabaseURL: url, TrustedProxies: []string{"10.0.0.1"}},
		"no database there":          {DatabaseURL: "postgres://x@127.0.0.1:1/x"},
		"no URL":                     {DatabaseURL: "postgres://%zz"},
	} {
		if s, err := service.New(t.Context(), "x", cfg, service.Deps{Bus: b, Synced: synced}); err == nil {
			t.Errorf("%s: started", name)
			_ = s.Close()
		}
	}
	for _, key := range []string{"00", seed + "00", strings.Repeat("x", 64)} {
		cfg := service.Config{AnchorKey: key}
		if _, err := cfg.Key(); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("Key of %q = %v, want an error that does not show it", key, err)
		}
	}
	if key, err := (service.Config{}).Key(); key != nil || err != nil {
		t.Errorf("no key = %v, %v; want none", key, err)
	}
}

// A reader that row-level security does not bind makes the service red, with
// the reason, instead of showing everybody everything.
func TestAReaderThatSeesEverythingMakesTheServiceUnready(t *testing.T) {
	t.Parallel()
	_, url := devstack.NewDB(t)
	b, err := service.New(t.Context(), "intake", service.Config{DatabaseURL: url}, service.Deps{Bus: devstack.NewBus(t), Synced: synced}, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if _, err := b.OpenReader(url, "pg_read_all_data"); err != nil { // the login that migrates, as when the role is lost on the way
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	httpserver.New(b.HTTP(nil, nil)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "row-level security does not bind it") {
		t.Errorf("readyz: %d %s; want 503 and why", w.Code, w.Body)
	}
}
