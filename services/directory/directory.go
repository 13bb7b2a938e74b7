// SPDX-License-Identifier: EUPL-1.2

// Package directory is the service of the constituency and of sign-in:
// organisations, people, mandates, accounts and sessions. Everything else in
// this module is its own business.
package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/projection"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/services/directory/internal/store"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	audited "github.com/thueringencert/leitstelle/shared/audit/pages"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	operated "github.com/thueringencert/leitstelle/shared/operations/pages"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	told "github.com/thueringencert/leitstelle/shared/privacy/pages"
	"github.com/thueringencert/leitstelle/shared/retention"
	retained "github.com/thueringencert/leitstelle/shared/retention/pages"
	"github.com/thueringencert/leitstelle/shared/service"
)

// Notice is shown wherever the register of municipalities is.
const Notice = constituency.Notice

// Config of the service. Keep Key: without it nobody can sign in any more and
// every API token is void.
type Config struct {
	service.Config
	Key            string       `env:"KEY,notEmpty" doc:"64 hex digits; seals TOTP secrets and derives API tokens"`
	Responsibility string       `env:"RESPONSIBILITY" doc:"JSON file with the offices of Wer ist zuständig?; empty: the shipped ones for Thuringia, some of them to be checked"`
	ShowProviders  bool         `env:"SHOW_PROVIDERS" doc:"Wer ist zuständig? names the IT provider of a body to everybody, not only to the CERT and the body itself"`
	ContactDays    int          `env:"CONTACT_DAYS" envDefault:"365" doc:"days after which a contact is asked whether everything is still right"`
	SignIn         SignInConfig `envPrefix:""`
	Land           string       `env:"LAND" envDefault:"16" doc:"two digits of the state whose part of GV100AD files counts"`
	// QuickPasswords makes hashes of passwords cheap, for tests. No setting
	// reaches it.
	QuickPasswords bool `env:"-"`
}

// Deps are what the caller opened.
type Deps = service.Deps

// Service is the running directory.
type Service struct {
	base     *service.Base
	store    *store.Store
	register *constituency.Desk
	accounts *account.Desk
	mandates *mandate.Desk
	people
	sealer    sealer
	projector *projection.Projector
	signIn    web.SignIn
	web       *web.Handler
	deleting  *retained.Handler
	told      *told.Handler
	audited   *audited.Handler
	operated  *operated.Handler
	http      *echo.Echo
}

// sealer is passwords and keys together, as the domain wants them.
type sealer struct {
	*secret.Keys
	*secret.Passwords
}

// ValidTOTP reports whether apps accept the secret.
func (sealer) ValidTOTP(s string) bool { return secret.ValidTOTP(s) }

// Migrations are the tables that the service adds to the shared ones.
func Migrations() []pg.Migrations { return append(service.Migrations(), store.Migrations) }

// New opens and migrates the database and prepares all parts. Nothing runs yet.
func New(ctx context.Context, cfg Config, d Deps) (*Service, error) {
	master, err := hex.DecodeString(strings.TrimSpace(cfg.Key))
	if err != nil {
		return nil, errors.New("KEY is not 64 hex digits")
	}
	keys, err := secret.NewKeys(master)
	if err != nil {
		return nil, err
	}
	hashing := secret.NewPasswords
	if cfg.QuickPasswords {
		hashing = secret.NewQuickPasswords
	}
	passwords, err := hashing()
	if err != nil {
		return nil, err
	}
	if cfg.Land == "" {
		cfg.Land = "16"
	}
	base, err := service.New(ctx, "directory", cfg.Config, d, store.Migrations)
	if err != nil {
		return nil, err
	}
	s := &Service{base: base, sealer: sealer{keys, passwords}}
	s.store = &store.Store{DB: base.DB, AuditKey: keys.Audit(), Door: make(chan struct{}, signInsAtOnce)}
	s.register = &constituency.Desk{Store: s.store, Land: cfg.Land, Now: base.Now}
	s.accounts = &account.Desk{Store: s.store, Passwords: passwords, Vault: keys, Now: base.Now, Limits: cfg.SignIn.limits()}
	s.preparePeople(cfg, keys)
	s.mandates = &mandate.Desk{Store: s.store, Now: base.Now}
	s.projector = &projection.Projector{Store: s.store, Bus: base.Bus, Log: base.Log, Now: base.Now}
	if s.signIn, err = s.newSignIn(cfg); err != nil {
		return nil, errors.Join(err, base.Close())
	}
	if err := s.routes(cfg); err != nil {
		return nil, errors.Join(err, base.Close())
	}
	return s, nil
}

func (s *Service) routes(cfg Config) error {
	pages, err := web.NewPages(page.Options{Site: s.base.Config.Site, Now: s.base.Now, Log: s.base.Log})
	if err != nil {
		return fmt.Errorf("pages of the directory: %w", err)
	}
	structure, err := s.structureDesks(cfg)
	if err != nil {
		return err
	}
	source := &web.Source{Proofs: s.store, Touch: s.projector.Touch, Log: s.base.Log, Now: s.base.Now}
	s.web = &web.Handler{
		Register: s.register, Accounts: s.accounts, Mandates: s.mandates, Reads: s.store, Pages: pages, Log: s.base.Log,
		Now: s.base.Now, Once: s.once, OnceMandate: s.onceMandate, Tell: s.projector.Tell,
		PeopleDesks: s.peopleDesks(), StructureDesks: structure, SignIn: s.signIn, ErasureDesk: s.erasureDesk(), Denied: s.base.Denied,
	}
	o := s.base.HTTP(source, pages)
	s.http = httpserver.New(o)
	s.http.Use(source.Prefetch)
	if err := s.base.Retain(store.Retention()...); err != nil {
		return err
	}
	s.told = &told.Handler{Desk: privacy.NewDesk("directory", s.base.DB, s.base.Now, PersonalData()), Pages: pages}
	s.audited = &audited.Handler{Desk: s.base.Audit(), Pages: pages, Register: s.base.Register}
	s.base.Follow(s.failures(), s.warnings())
	s.operated = &operated.Handler{Desk: s.base.Operations(), Pages: pages}
	s.deleting = &retained.Handler{Desk: s.base.Deleting, Pages: pages, Name: s.base.Register.PersonName}
	httpserver.Mount(s.http, o, s.Routes())
	return nil
}

// once runs a use case in the transaction of its idempotency record.
func (s *Service) once(ctx context.Context, r idem.Request, effect func(*account.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.accounts
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// onceMandate is once for mandates.
func (s *Service) onceMandate(ctx context.Context, r idem.Request, effect func(*mandate.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.mandates
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// remind calls the end of mandates to mind: at the start and every hour, each
// mandate once.
func (s *Service) remind(ctx context.Context) error {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		if n, err := s.RemindOfMandates(ctx); err != nil && ctx.Err() == nil {
			s.base.Log.Warn("directory: ends of mandates are not announced", zap.Error(err))
		} else if n > 0 {
			s.base.Log.Info("directory: ends of mandates announced", zap.Int("mandates", n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// RemindOfMandates mails the end of the mandates that end soon and returns how
// many there were; Run does so by itself.
func (s *Service) RemindOfMandates(ctx context.Context) (int, error) {
	return s.mandates.Remind(ctx, constituency.Act{Actor: actor.System("directory")})
}

// PersonalData are the classes of data about people that the service holds.
func PersonalData() []privacy.Class { return store.PersonalData() }

// Retention are the service's own rules of what is deleted when.
func Retention() []retention.Rule { return store.Retention() }

// Handler answers HTTP.
func (s *Service) Handler() http.Handler { return s.http }

// Routes lists every route with the action of the matrix it needs.
func (s *Service) Routes() []httpserver.Route {
	return slices.Concat(s.web.Routes(), s.web.WithUser(s.deleting.Routes()), s.web.WithUser(s.told.Routes()), s.web.WithUser(s.audited.Routes()), s.web.WithUser(s.operated.Routes()))
}

// Run keeps everything going until ctx ends; afterwards the service is closed.
func (s *Service) Run(ctx context.Context) error {
	return s.base.Run(ctx, append(s.peopleParts(), s.projector.Run, s.remind, s.countParticipation)...)
}

// Serve is Run with an HTTP server on l.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	return s.base.Serve(ctx, l, s.http, append(s.peopleParts(), s.projector.Run, s.remind, s.countParticipation)...)
}

// Close ends a service that was never run.
func (s *Service) Close() error { return s.base.Close() }
