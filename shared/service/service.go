// SPDX-License-Identifier: EUPL-1.2

// Package service is what the four services have in common at their root: the
// database with its migrations, the bus, the register, the outbox relay, the
// audit checkpoints, health and metrics. A service adds its own routes and
// consumers and nothing of this again.
package service

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/retention"
	"github.com/thueringencert/leitstelle/shared/runner"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Config is what every service needs; each embeds it in its own Config. The
// names are read with the service's prefix, such as INTAKE_DATABASE_URL.
type Config struct {
	Listen         string           `env:"LISTEN" envDefault:"127.0.0.1:8081" doc:"address to listen on"`
	DatabaseURL    string           `env:"DATABASE_URL,notEmpty" doc:"postgres:// URL of this service's own database"`
	TrustedProxies []string         `env:"TRUSTED_PROXIES" doc:"networks whose X-Forwarded-For is believed, such as 10.1.2.3/32"`
	AnchorDir      string           `env:"ANCHOR_DIR" doc:"folder for signed audit checkpoints, best on another host"`
	AnchorKey      string           `env:"ANCHOR_KEY" doc:"Ed25519 seed, 64 hex digits, that signs checkpoints and receipts"`
	NATSMonitor    string           `env:"NATS_MONITOR_URL" doc:"monitoring address of the broker: readiness checks that it syncs always"`
	StepUp         time.Duration    `env:"STEP_UP" envDefault:"15m" doc:"how long a second factor counts for releasing alerts, exports, role changes and TLP:RED"`
	APIRequests    int              `env:"REQUESTS_PER_SECOND" envDefault:"50" doc:"API requests of one session or token, 0: no limit"`
	NATS           bus.Config       `envPrefix:""`
	Site           page.Site        `envPrefix:"SITE_"`
	Retention      retention.Config `envPrefix:"RETENTION_"`
}

// Deps are the parts that the caller opened. Bus is required; Now and Log have
// good defaults.
type Deps struct {
	Bus *bus.Bus
	Log *zap.Logger
	Now func() time.Time
	// Synced reports whether the broker syncs before it acknowledges; nil asks
	// the monitoring address of the configuration.
	Synced func(context.Context) error
}

// Base is the common part of a running service.
type Base struct {
	Name     string
	Config   Config
	DB       *sqlx.DB
	Bus      *bus.Bus
	Register *register.Register
	Log      *zap.Logger
	Now      func() time.Time
	Metrics  *prometheus.Registry
	Deleting *retention.Desk // set by Retain; nil: the service has no rules
	Erasing  *privacy.Eraser // set by Forget; nil: the service names nobody

	synced  func(context.Context) error
	relayDB *sqlx.DB
	readers map[string]*sqlx.DB // by the role that they must read as
	follows []bus.Consumer
	trusted []netip.Prefix
	denials perSecond
}

// Key is the Ed25519 key of the configuration, nil when there is none.
func (c Config) Key() (ed25519.PrivateKey, error) {
	if c.AnchorKey == "" {
		return nil, nil
	}
	seed, err := hex.DecodeString(strings.TrimSpace(c.AnchorKey))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("ANCHOR_KEY is not %d hex digits", 2*ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// New opens the database, brings it up to date (the shared tables first, then
// the service's own) and reads the register.
func New(ctx context.Context, name string, cfg Config, d Deps, own ...pg.Migrations) (*Base, error) {
	b := &Base{Name: name, Config: cfg, Bus: d.Bus, Log: d.Log, Now: d.Now, Metrics: prometheus.NewRegistry(), synced: d.Synced}
	if b.Log == nil {
		b.Log = zap.NewNop()
	}
	b.Log = b.Log.With(zap.String("service", name))
	if b.Now == nil {
		b.Now = time.Now
	}
	if b.synced == nil {
		b.synced = bus.SyncedAt(cfg.NATSMonitor)
	}
	for _, p := range cfg.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, fmt.Errorf("TRUSTED_PROXIES: %w", err)
		}
		b.trusted = append(b.trusted, prefix)
	}
	var err error
	if b.DB, err = pg.Open(cfg.DatabaseURL, pg.Options{Name: name}); err != nil {
		return nil, err
	}
	if b.relayDB, err = pg.Open(cfg.DatabaseURL, pg.Options{Name: name + "-relay", MaxConns: 2, Stmt: 15 * time.Second}); err != nil {
		return nil, errors.Join(err, b.DB.Close())
	}
	if err := pg.Migrate(ctx, b.DB, append(Migrations(), own...)...); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.Register = register.New(b.DB, cfg.DatabaseURL, name, d.Bus, b.Log, b.Now)
	if err := b.Register.Load(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Migrations are the tables that every service has.
func Migrations() []pg.Migrations {
	return []pg.Migrations{outbox.Migrations, inbox.Migrations, audit.Migrations, idem.Migrations, register.Migrations, retention.Migrations, privacy.Migrations}
}

// Close ends the connections to the database.
func (b *Base) Close() error {
	err := errors.Join(b.DB.Close(), b.relayDB.Close())
	for _, db := range b.readers {
		err = errors.Join(err, db.Close())
	}
	return err
}

// Audit is where the service's own chain is read.
func (b *Base) Audit() *audit.Desk {
	d := &audit.Desk{Service: b.Name, DB: b.DB, AnchorDir: b.Config.AnchorDir, Now: b.Now}
	if key, err := b.Config.Key(); err == nil && key != nil {
		d.Key, _ = key.Public().(ed25519.PublicKey)
	}
	return d
}

// OpenReader opens the pool on which the service reads on behalf of people:
// readerURL is a login of its own, else the service's takes the role on.
func (b *Base) OpenReader(readerURL, role string) (*sqlx.DB, error) {
	db, err := pg.OpenReader(b.Config.DatabaseURL, readerURL, role, pg.Options{Name: b.Name + "-reader"})
	if err == nil {
		if b.readers == nil {
			b.readers = map[string]*sqlx.DB{}
		}
		b.readers[role] = db
	}
	return db, err
}

// HTTP returns the options of the service's HTTP server; sessions is usually
// the register.
func (b *Base) HTTP(sessions session.Source, pages *page.Renderer) httpserver.Options {
	o := httpserver.Options{
		Service: b.Name, Log: b.Log, Sessions: sessions, Now: b.Now, TrustedProxies: b.trusted, Registry: b.Metrics, Denied: b.Denied,
		StepUp: b.Config.StepUp, APIRequests: b.Config.APIRequests,
		Ready: map[string]func(context.Context) error{
			"database": func(ctx context.Context) error { return b.DB.PingContext(ctx) },
			"broker":   b.synced,
		},
	}
	for role, db := range b.readers {
		o.Ready[role] = func(ctx context.Context) error { return pg.CheckReader(ctx, db, role) }
	}
	if pages != nil {
		o.ErrorPage = pages.RenderError
	}
	return o
}

// Run runs the common parts and the service's own until ctx ends.
func (b *Base) Run(ctx context.Context, own ...func(context.Context) error) error {
	parts := []func(context.Context) error{b.Register.Run, b.relay().Run, b.prune} //nolint:contextcheck // a gauge is read without a request
	key, err := b.Config.Key()
	if err != nil {
		return err
	}
	if b.Config.AnchorDir != "" && key != nil {
		parts = append(parts, audit.Checkpointer{DB: b.relayDB, Service: b.Name, Dir: b.Config.AnchorDir, Key: key, Log: b.Log, Now: b.Now}.Run)
	}
	if b.Erasing != nil {
		parts = append(parts, b.Erasing.Run)
	}
	parts = append(parts, b.consume()...)
	if b.Deleting != nil {
		parts = append(parts, b.Deleting.Job(b.Log))
	}
	err = runner.Run(ctx, append(parts, own...)...)
	// A connection that was cut in the middle of a statement complains once
	// more when it is closed; the service has stopped well all the same.
	if closeErr := b.Close(); closeErr != nil {
		b.Log.Debug("service: close the database", zap.Error(closeErr))
	}
	return err
}

// Serve is Run together with an HTTP server on l.
func (b *Base) Serve(ctx context.Context, l net.Listener, h http.Handler, own ...func(context.Context) error) error {
	return b.Run(ctx, append(own, func(ctx context.Context) error { return httpserver.Serve(ctx, l, h) })...)
}

func (b *Base) relay() *outbox.Relay {
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leitstelle_outbox_waiting", Help: "Events that are not published yet.",
		ConstLabels: prometheus.Labels{"service": b.Name},
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, _, err := outbox.Waiting(ctx, b.relayDB)
		if err != nil {
			return -1
		}
		return float64(n)
	})
	if err := b.Metrics.Register(waiting); err != nil {
		b.Log.Debug("service: metric is there already", zap.Error(err))
	}
	return &outbox.Relay{DB: b.relayDB, URL: b.Config.DatabaseURL, Publisher: b.Bus, Log: b.Log}
}

// prune forgets what no retry can still ask for.
func (b *Base) prune(ctx context.Context) error {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			now := b.Now()
			err := errors.Join(idem.Prune(ctx, b.relayDB, now.Add(-idem.Keep)), inbox.Prune(ctx, b.relayDB, now.Add(-outbox.Keep)))
			if err != nil && ctx.Err() == nil {
				b.Log.Warn("service: prune", zap.Error(err))
			}
		}
	}
}

// MandatesOf counts the mandates in force that the register has of an
// organisation: a caller that loaded mandates waits for them.
func (b *Base) MandatesOf(organisation string) int { return len(b.Register.Mandates(organisation)) }

// Knows reports whether the register has the person, in an active organisation,
// and the API token: a caller that loaded people waits for it.
func (b *Base) Knows(ctx context.Context, person, token string) bool {
	a, ok := b.Register.ActorOf(person)
	if !ok || len(a.Memberships) == 0 {
		return false
	}
	_, ok = b.Register.Session(ctx, session.Key(token), bus.Tokens)
	return ok
}
