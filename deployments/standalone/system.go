// SPDX-License-Identifier: EUPL-1.2

// Package standalone runs the whole system in one process: the four services
// exactly as in production, an embedded NATS server, a private PostgreSQL, an
// SMTP sink with a mailbox page, and one front door. Tests, the demo and small
// installations use it; it has no business rule of its own.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/demoidp"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/runner"
)

// Options of an instance; the zero value is the demonstration in a temporary folder.
type Options struct {
	Listen string // default 127.0.0.1:8080; with demo people only loopback
	Data   string // default: a temporary folder that goes with the process
	// NoProvider: no OpenID provider to try; without demo people there never is one.
	NoProvider bool
	NoDemo     bool // no demo people: "leitstelle admin create" makes the first one
	Log        *zap.Logger
	Now        func() time.Time
	Site       page.Site
	// Fast trades durability and the cost of passwords for speed, for tests that
	// do not crash anything.
	Fast bool
	// Limits raises the limits on requests, for benchmarks and fault runs.
	Limits bool
	// Ready is told once everything answers.
	Ready func(*System)
}

// System is a running instance. Tests reach into its parts; nothing else does.
type System struct {
	Options  Options
	Demo     Demo
	Postgres *devstack.Postgres
	NATS     *devstack.NATS
	Mail     *mailsink.Sink
	returned chan lost // mails that come back
	reports  string    // where notification takes word of them
	Door     *FrontDoor

	keys     keys
	temp     bool
	listener net.Listener
	services services

	provider   *demoidp.Provider // nil: none
	providerAt net.Listener
}

// Site is the configuration of the demonstration: an invented operator.
func Site() page.Site {
	return page.Site{
		Operator: "ThüringenCERT", Service: "Vorfälle melden und Warnungen", ServiceEN: "Report incidents and warnings",
		Phone: "0361 000 00 00", PhoneHref: "tel:+493610000000", Mail: "lagezentrum@cert.example", Draft: true,
		CallbackMinutes: 60, MaxFileMB: 25, DraftHours: 24, GuestDays: 90,
		Imprint:       page.Imprint{Name: "ThüringenCERT (Vorführung)", Address: "Musterstraße 1|99084 Erfurt", Represented: "Leitung ThüringenCERT", Responsible: "Leitung ThüringenCERT"},
		DataOfficer:   page.Authority{Name: "Datenschutzbeauftragte Person des Betreibers", Mail: "datenschutz@cert.example"},
		DataAuthority: page.Authority{Name: "Thüringer Landesbeauftragter für den Datenschutz und die Informationsfreiheit (TLfDI)", URL: "https://www.tlfdi.de"},
		AccessBody:    page.Authority{Name: "Zentrale Überwachungsstelle digitale Barrierefreiheit"},
		Police:        page.Authority{Name: "Zentrale Ansprechstelle Cybercrime (ZAC), Landeskriminalamt Thüringen"},
		AccessLaw:     "ThürBarrWebG",
	}
}

// Run starts an instance and stops it when ctx ends. It returns the first
// failure; after ctx ended nil when everything stopped cleanly.
func Run(ctx context.Context, o Options) error {
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(s.run(ctx), s.close())
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:8080"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Site.Operator == "" {
		o.Site = Site()
	}
	return o
}

func start(ctx context.Context, o Options) (s *System, err error) {
	s = &System{Options: o.withDefaults(), Door: &FrontDoor{}}
	s.Door.Phone = s.Options.Site.Phone
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.folder(); err != nil {
		return s, err
	}
	if err := s.listen(ctx); err != nil {
		return s, err
	}
	if s.keys, err = loadKeys(filepath.Join(s.Options.Data, "keys")); err != nil {
		return s, err
	}
	if err := s.startProvider(ctx); err != nil {
		return s, err
	}
	if err := s.parts(ctx); err != nil {
		return s, err
	}
	// After a kill the old file is still there, and it is no sign of readiness.
	if err := os.Remove(filepath.Join(s.Options.Data, demoFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	return s, s.startServices(ctx)
}

// folder makes the data folder. PostgreSQL runs as another user when we are
// root, so that user must be able to enter it.
func (s *System) folder() error {
	if s.Options.Data == "" {
		dir, err := os.MkdirTemp("", "leitstelle-")
		if err != nil {
			return err
		}
		s.temp, s.Options.Data = true, dir
	}
	dir, err := filepath.Abs(s.Options.Data)
	if err != nil {
		return err
	}
	s.Options.Data = dir
	if err := os.MkdirAll(filepath.Join(dir, "anchors"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "attachments"), 0o700); err != nil {
		return err
	}
	// The folders inside are closed; only the way through is open.
	return os.Chmod(dir, 0o711) //nolint:gosec // see above
}

// listen opens the front door's address. Demo people have known passwords, so
// with them only this machine may come in.
func (s *System) listen(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Options.Listen)
	if err != nil {
		return fmt.Errorf("open the front door: %w", err)
	}
	s.listener = l
	addr, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return err
	}
	if !s.Options.NoDemo && !addr.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("with demo people only a loopback address is allowed, not %s; use --demo=false", s.Options.Listen)
	}
	s.Demo.URL = "http://" + l.Addr().String()
	return nil
}

// parts starts PostgreSQL, NATS and the mail sink.
func (s *System) parts(ctx context.Context) (err error) {
	dir := s.Options.Data
	s.Postgres, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: filepath.Join(dir, "postgres"), Durable: !s.Options.Fast, Password: s.keys.Postgres,
	})
	if err != nil {
		return err
	}
	for _, name := range serviceNames {
		if err := s.Postgres.CreateDatabase(ctx, name); err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	}
	s.NATS, err = devstack.StartNATS(devstack.NATSOptions{
		Dir: filepath.Join(dir, "nats"), Sync: !s.Options.Fast, User: "leitstelle", Password: s.keys.NATS, Key: s.keys.Store,
	})
	if err != nil {
		return err
	}
	s.Mail, err = mailsink.Start(mailsink.Options{Now: s.Options.Now})
	if err != nil {
		return err
	}
	s.Demo.NATS, s.Demo.Postgres, s.Demo.SMTP = s.NATS.URL(), s.Postgres.URL(""), s.Mail.Addr()
	box, err := newMailbox(s.Mail, s.Options.Site, s.Options.Now)
	if err != nil {
		return err
	}
	s.Door.Set("postfach", box)
	return nil
}

// run serves until ctx ends; once all is ready it writes demo.json and says so.
func (s *System) run(ctx context.Context) error {
	parts := s.services.runners()
	parts = append(parts,
		func(ctx context.Context) error { return httpserver.Serve(ctx, s.listener, s.Door) },
		s.announce, s.returns,
	)
	if s.provider != nil {
		parts = append(parts, s.serveProvider)
	}
	return runner.Run(ctx, parts...)
}

// announce waits until every service is ready and has the demo people, then
// writes demo.json: its appearance is the sign for programs.
func (s *System) announce(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.ready(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	if err := s.Demo.write(s.Options.Data); err != nil {
		return err
	}
	if s.Options.Ready != nil {
		s.Options.Ready(s)
	}
	<-ctx.Done()
	return nil
}

// close stops the parts in the reverse order of their start.
func (s *System) close() error {
	var errs []error
	s.services.close()
	if s.listener != nil {
		_ = s.listener.Close() // the server has closed it already
	}
	if s.providerAt != nil {
		_ = s.providerAt.Close() // as well
	}
	if s.Mail != nil {
		s.Mail.Close()
	}
	if s.NATS != nil {
		s.NATS.Stop()
	}
	if s.Postgres != nil {
		errs = append(errs, s.Postgres.Stop())
	}
	if s.Options.Data != "" {
		_ = os.Remove(filepath.Join(s.Options.Data, demoFile))
	}
	if s.temp {
		errs = append(errs, os.RemoveAll(s.Options.Data))
	}
	return errors.Join(errs...)
}

var _ http.Handler = (*FrontDoor)(nil)
