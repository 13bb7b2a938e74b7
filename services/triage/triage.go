// SPDX-License-Identifier: EUPL-1.2

// Package triage works case files: each report opens a case, the analysts of the
// CERT take it, talk with the reporter, classify and close it. It answers from
// its own database alone.
package triage

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/services/triage/internal/feed"
	"github.com/thueringencert/leitstelle/services/triage/internal/live"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/services/triage/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	audited "github.com/thueringencert/leitstelle/shared/audit/pages"
	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	operated "github.com/thueringencert/leitstelle/shared/operations/pages"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	told "github.com/thueringencert/leitstelle/shared/privacy/pages"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/retention"
	"github.com/thueringencert/leitstelle/shared/retention/pages"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Config of the service, read with the prefix TRIAGE_.
type Config struct {
	service.Config
	Blob        blob.Config
	FirstAnswer time.Duration `env:"FIRST_ANSWER" doc:"until when a report has its first answer; default: the call-back time that the pages promise"`
}

// Service is a running triage.
type Service struct {
	*service.Base
	rules   duty.Rules
	files   *blob.Store
	hub     *live.Hub
	handler http.Handler
	routes  []httpserver.Route
}

// New opens what the service needs and brings its database up to date.
func New(ctx context.Context, cfg Config, d service.Deps) (*Service, error) {
	base, err := service.New(ctx, "triage", cfg.Config, d, store.Migrations)
	if err != nil {
		return nil, err
	}
	s := &Service{Base: base, rules: duty.Rules{FirstAnswer: cfg.FirstAnswer}}
	if cfg.FirstAnswer == 0 {
		s.rules.FirstAnswer = time.Duration(cfg.Site.CallbackMinutes) * time.Minute
	}
	if err := s.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.close(), base.Close())
	}
	return s, nil
}

func (s *Service) open(ctx context.Context, cfg Config) error {
	var err error
	if s.files, err = blob.Open(ctx, cfg.Blob); err != nil {
		return err
	}
	s.Forget(store.NamedPeople()...)
	if err := s.Retain(store.Retention(s.files)...); err != nil {
		return err
	}
	s.Follow((&feed.Feed{Desk: s.desk}).Consumers()...)
	s.hub = &live.Hub{Source: store.New(s.DB), Log: s.Log}
	h := &web.Handler{Desk: s.desk, Campaigns: s.campaigns, DB: s.DB, Register: s.Register, Files: s.files, Hub: s.hub, Denied: s.Denied, Away: s.Bus.Away, Log: s.Log, Now: s.Now}
	if h.Pages, err = page.New(page.Options{Site: cfg.Site, Templates: web.Files, Messages: web.Files, Now: s.Now, Log: s.Log, User: s.user}); err != nil {
		return err
	}
	deleting := &pages.Handler{Desk: s.Deleting, Pages: h.Pages, Name: s.Register.PersonName}
	about := &told.Handler{Desk: privacy.NewDesk("triage", s.DB, s.Now, PersonalData()), Pages: h.Pages}
	seen := &audited.Handler{Desk: s.Audit(), Pages: h.Pages, Register: s.Register}
	runs := &operated.Handler{Desk: s.Operations(store.Orders()), Pages: h.Pages}
	s.routes = slices.Concat(h.Routes(), deleting.Routes(), about.Routes(), seen.Routes(), runs.Routes()) //nolint:contextcheck // each handler takes the context of its request
	o := s.HTTP(s.Register, h.Pages)
	e := httpserver.New(o)
	httpserver.Mount(e, o, s.routes)
	s.handler = e
	return nil
}

// desk is the desk on the pool or inside a transaction.
func (s *Service) desk(db pg.DB) *casefile.Desk {
	return &casefile.Desk{Store: store.New(db), Directory: directory{s.Register}, Campaigns: s.campaigns(db), Rules: s.rules, Now: s.Now}
}

// campaigns is the desk of campaigns, on the pool or inside a transaction.
func (s *Service) campaigns(db pg.DB) *campaign.Desk {
	return &campaign.Desk{Store: store.New(db), Directory: directory{s.Register}, Now: s.Now}
}

// PersonalData are the classes of data about people that the service holds.
func PersonalData() []privacy.Class { return store.PersonalData() }

// Retention are the service's own rules of what is deleted when. files is where
// attachments lie; nil is enough to read and to count.
func Retention(files *blob.Store) []retention.Rule { return store.Retention(files) }

// Handler answers all of the service's addresses.
func (s *Service) Handler() http.Handler { return s.handler }

// Routes are the service's addresses with the row of the matrix each needs.
func (s *Service) Routes() []httpserver.Route { return s.routes }

// Run runs everything but HTTP until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return errors.Join(s.Base.Run(ctx, s.follow, s.work), s.close())
}

// follow runs the hub of the streams, woken by the database.
func (s *Service) follow(ctx context.Context) error {
	wake, stop := outbox.Listen(s.Config.DatabaseURL, store.Channel, s.Log)
	defer stop()
	s.hub.Wake = wake
	return s.hub.Run(ctx)
}

// workPause is how long the work on orders rests without being woken.
const workPause = 2 * time.Second

// work does what was ordered for the cases of campaigns, batch by batch.
func (s *Service) work(ctx context.Context) error {
	wake, stop := outbox.Listen(s.Config.DatabaseURL, store.JobChannel, s.Log)
	defer stop()
	t := time.NewTicker(workPause)
	defer t.Stop()
	for {
		worked, err := s.campaigns(s.DB).Work(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.Log.Warn("triage: an order for many cases waits", zap.Error(err))
		}
		if worked && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-t.C:
		}
	}
}

func (s *Service) close() error {
	if s.files == nil {
		return nil
	}
	return s.files.Close()
}

func (s *Service) user(c echo.Context) *page.User {
	a := session.Actor(c)
	o, _ := s.Register.Organisation(a.Home())
	return page.UserOf(a, o.Name)
}

// directory is the register as the domain asks it.
type directory struct{ r *register.Register }

// Worker returns a person who may take cases now.
func (d directory) Worker(id string) (event.Person, bool) {
	a, ok := d.r.ActorOf(id)
	if !ok || !a.Reaches(actor.CaseTake) {
		return event.Person{}, false
	}
	return event.Person{ID: a.Person, Name: a.Name}, true
}

// ActorOf returns what a person may be now.
func (d directory) ActorOf(person string) (actor.Actor, bool) { return d.r.ActorOf(person) }

// Body returns a body of the constituency.
func (d directory) Body(agsOrID string) (event.Organisation, bool) {
	o, ok := d.r.Resolve(agsOrID)
	return o.Ref(), ok
}
