// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/runner"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Served is what the child with the intake service tells its parent.
type Served struct {
	Addr       string `json:"addr"`
	Token      string `json:"token"`
	AGS        string `json:"ags"`
	Bare       string `json:"bare"`   // URL of the bare program's database, in the same cluster
	Intake     string `json:"intake"` // URL of the service's own database
	Postmaster int    `json:"postmaster"`
}

// The one reporter of the bench and the municipality it reports for.
const (
	benchAGS   = "16071043"
	benchToken = session.TokenPrefix + "bench-0123456789abcdef0123456789abcdef"
)

// ServeIntake runs the intake service as in production, one process with its
// own database, token, validation, audit, outbox and relay, together with what
// it talks to: a durable PostgreSQL and a JetStream that syncs before it
// acknowledges. The other services do not run: this measures what a report
// costs intake, on a machine that is intake's.
func ServeIntake(ctx context.Context, dir string, ready func(string)) error {
	runner.Tune() // as the programs do
	db, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(dir, "postgres"), Durable: true, Password: "bench"})
	if err != nil {
		return err
	}
	defer func() { _ = db.Stop() }()
	for _, name := range []string{"intake", "bare"} {
		if err := db.CreateDatabase(ctx, name); err != nil {
			return err
		}
	}
	broker, err := devstack.StartNATS(devstack.NATSOptions{Dir: filepath.Join(dir, "nats"), Sync: true, User: "bench", Password: "bench"})
	if err != nil {
		return err
	}
	defer broker.Stop()
	log := zap.Must(zap.NewProduction(zap.IncreaseLevel(zap.ErrorLevel)))
	b, err := broker.Connect("bench", log)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := seedRegister(ctx, b); err != nil {
		return fmt.Errorf("seed the register: %w", err)
	}
	s, err := intake.New(ctx, intakeConfig(db.URL("intake"), dir), service.Deps{Bus: b, Log: log, Synced: broker.SyncAlways})
	if err != nil {
		return err
	}
	pid, err := postmaster(filepath.Join(dir, "postgres"))
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	known := make(chan struct{})
	go func() {
		defer close(known)
		untilKnown(ctx, s, func() {
			line, _ := json.Marshal(Served{Addr: l.Addr().String(), Token: benchToken, AGS: benchAGS, Bare: db.URL("bare"), Intake: db.URL("intake"), Postmaster: pid})
			ready(string(line))
		})
	}()
	err = s.Serve(ctx, l)
	<-known
	return err
}

// intakeConfig has limits that no bench reaches: it measures work, not refusals.
func intakeConfig(databaseURL, dir string) intake.Config {
	const all = 1 << 30
	var cfg intake.Config
	cfg.DatabaseURL = databaseURL
	cfg.CodeKey = "00112233445566778899aabbccddeeff"
	cfg.Blob.URL = "file://" + filepath.Join(dir, "blobs") + "?create_dir=true"
	cfg.Limits.ReportsPerMinute = all
	cfg.Limits.AllGuestsPer10Min, cfg.Limits.GuestsPerHour, cfg.Limits.GuestBurst = all, all, all
	return cfg
}

// seedRegister publishes what the directory would: a municipality, its officer
// and the officer's API token.
func seedRegister(ctx context.Context, b *bus.Bus) error {
	if err := b.EnsureStreams(ctx); err != nil {
		return err
	}
	now := time.Now().UTC()
	org := event.OrganisationChanged{ID: event.NewID(), Version: 1, AGS: benchAGS, Name: "Klettbach", Level: "gemeinde", Kreis: "16071", Active: true, ChangedAt: now}
	person := event.PersonChanged{
		ID: event.NewID(), Version: 1, Name: "Kim Beispiel", Email: "kim@klettbach.example", Language: "de", Active: true,
		Memberships: []event.Membership{{Organisation: org.ID, Role: string(actor.Officer)}}, ChangedAt: now,
	}
	for _, p := range []event.Payload{org, person} {
		e := event.New(p, event.Meta{At: now, Actor: "bench"})
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := b.JetStream().Publish(ctx, e.Subject(), raw); err != nil {
			return err
		}
	}
	tokens, err := b.Bucket(ctx, bus.Tokens)
	if err != nil {
		return err
	}
	if _, err := b.Bucket(ctx, bus.Sessions); err != nil {
		return err
	}
	raw, err := json.Marshal(session.Session{ID: event.NewID(), Kind: session.KindToken, Person: person.ID, Version: 1, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		return err
	}
	_, err = tokens.Put(ctx, session.Key(benchToken), raw)
	return err
}

// untilKnown waits until the service's register has the reporter, then calls ready.
func untilKnown(ctx context.Context, s *intake.Service, ready func()) {
	for {
		if _, ok := s.Register.Session(ctx, session.Key(benchToken), bus.Tokens); ok {
			if org, ok := s.Register.Resolve(benchAGS); ok && len(s.Register.People(org.ID)) == 1 {
				ready()
				return
			}
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return // the end came first
		}
	}
}
