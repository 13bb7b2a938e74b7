// SPDX-License-Identifier: EUPL-1.2

// Package notification warns and asks: it sends every mail of the system, lets
// editors draft and release alerts, and takes the answers. It works while
// intake, triage and the directory are away.
package notification

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/bounce"
	"github.com/thueringencert/leitstelle/services/notification/internal/channel/email"
	"github.com/thueringencert/leitstelle/services/notification/internal/courier"
	"github.com/thueringencert/leitstelle/services/notification/internal/feed"
	"github.com/thueringencert/leitstelle/services/notification/internal/letter"
	"github.com/thueringencert/leitstelle/services/notification/internal/mailin"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/services/notification/internal/store"
	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/services/notification/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	audited "github.com/thueringencert/leitstelle/shared/audit/pages"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	operated "github.com/thueringencert/leitstelle/shared/operations/pages"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	told "github.com/thueringencert/leitstelle/shared/privacy/pages"
	"github.com/thueringencert/leitstelle/shared/retention"
	retained "github.com/thueringencert/leitstelle/shared/retention/pages"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Mail is how mails leave; the same names as of the channel.
type Mail = email.Config

// Config of the service, read with the prefix NOTIFICATION_.
type Config struct {
	service.Config
	Mail          Mail   `envPrefix:"SMTP_"`
	AnswerKey     string `env:"ANSWER_KEY,notEmpty" doc:"at least 32 hex digits: the key of the answer links; changing it ends all links"`
	ReaderURL     string `env:"READER_URL" doc:"postgres:// URL of the login that reads on behalf of people; default: DATABASE_URL in the role notification_reader"`
	BounceAddress string `env:"BOUNCE_ADDRESS" doc:"address whose tagged forms (bounce+…@) mail servers report undelivered mails to, such as bounce@cert.example; needs BOUNCE_LISTEN"`
	BounceListen  string `env:"BOUNCE_LISTEN" doc:"host:port where the own mail server hands over those reports by SMTP, never open to the internet; empty: only what the relay refuses at once is known"`
	InvitePath    string `env:"INVITE_PATH" envDefault:"/konto/einladung/" doc:"page of the directory that takes an invitation's token"`
}

// Service is a running notification.
type Service struct {
	*service.Base
	store   *store.Store
	courier *courier.Courier
	bounces *mailin.Listener // nil: none are taken
	hears   net.Listener
	board   *web.Board
	routes  []httpserver.Route
	handler http.Handler
}

// New opens what the service needs and brings its database up to date.
func New(ctx context.Context, cfg Config, d service.Deps) (*Service, error) {
	key, err := hex.DecodeString(strings.TrimSpace(cfg.AnswerKey))
	if err != nil || len(key) < 16 {
		return nil, errors.New("ANSWER_KEY is not at least 32 hex digits")
	}
	base, err := service.New(ctx, "notification", cfg.Config, d, store.Migrations)
	if err != nil {
		return nil, err
	}
	keys := alert.Keyring{Key: key}
	people, err := base.OpenReader(cfg.ReaderURL, store.Reader)
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	s := &Service{Base: base, store: store.New(base.DB, people, base.Now, keys)}
	if err := s.open(cfg, keys); err != nil {
		if s.hears != nil {
			_ = s.hears.Close()
		}
		return nil, errors.Join(err, base.Close())
	}
	return s, nil
}

func (s *Service) open(cfg Config, keys alert.Keyring) error {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	pages, err := page.New(page.Options{Site: s.Config.Site, Templates: web.Files, Messages: web.Files, Now: s.Now, Log: s.Log, User: s.user, Location: loc})
	if err != nil {
		return err
	}
	writer, err := letter.New(siteOf(cfg), keys, pages, s.nameOf, loc)
	if err != nil {
		return err
	}
	if err := s.openBounces(cfg, keys); err != nil {
		return err
	}
	if err := s.openCourier(cfg, writer); err != nil {
		return err
	}
	s.board = &web.Board{Source: changes{s.store}}
	desk := alert.Desk{Store: s.store, Register: directory{s.Register, s.Now}, Now: s.Now}
	h := &web.Handler{
		Desk: desk, Subscriptions: subscription.Desk{Store: s.store, Now: s.Now}, Once: s.once(desk), Compose: writer.Compose,
		Register: s.Register, Pages: pages, Board: s.board, Denied: s.Denied, Now: s.Now, Location: loc, Log: s.Log,
	}
	s.Follow(feed.Feed{On: func(tx pg.DB) feed.Notes { return s.store.On(tx) }, People: s.Register, Now: s.Now}.Consumers()...)
	s.Forget(store.NamedPeople()...)
	if err := s.Retain(store.Retention()...); err != nil {
		return err
	}
	deleting := &retained.Handler{Desk: s.Deleting, Pages: pages, Name: s.Register.PersonName}
	about := &told.Handler{Desk: privacy.NewDesk("notification", s.DB, s.Now, PersonalData()), Pages: pages}
	seen := &audited.Handler{Desk: s.Audit(), Pages: pages, Register: s.Register}
	runs := &operated.Handler{Desk: s.Operations(store.Mails()), Pages: pages}
	s.routes = slices.Concat(h.Routes(), deleting.Routes(), about.Routes(), seen.Routes(), runs.Routes())
	o := s.HTTP(s.Register, pages)
	e := httpserver.New(o)
	httpserver.Mount(e, o, s.routes)
	s.handler = e
	return nil
}

func (s *Service) openCourier(cfg Config, writer *letter.Writer) error {
	ch, err := email.New(cfg.Mail, s.Now)
	if err != nil {
		return err
	}
	s.courier = &courier.Courier{
		Queue: s.store, Compose: s.composed(writer), Entitled: s.mayGo, Conns: cfg.Mail.Conns, Now: s.Now, Log: s.Log,
		Dial: func(ctx context.Context) (courier.Conn, error) {
			conn, err := ch.Dial(ctx)
			if err != nil {
				return nil, err // a nil *email.Conn would be no nil courier.Conn
			}
			return conn, nil
		},
	}
	return s.Metrics.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leitstelle_deliveries_oldest_seconds", Help: "Age of the oldest message that waits (0: none).",
	}, s.oldest))
}

// composed gives each mail its return address, when reports are taken.
func (s *Service) composed(w *letter.Writer) func(message.Notice, message.Delivery) (message.Mail, error) {
	return func(n message.Notice, d message.Delivery) (message.Mail, error) {
		m, err := w.Compose(n, d)
		if err == nil && s.bounces != nil {
			m.Return = s.bounces.Addresses.Of(d.ID)
		}
		return m, err
	}
}

// openBounces listens for reports of mail servers, when that is set up.
func (s *Service) openBounces(cfg Config, keys alert.Keyring) error {
	if cfg.BounceAddress == "" && cfg.BounceListen == "" {
		return nil
	}
	if a, err := mail.ParseAddress(cfg.BounceAddress); err != nil || a.Address != cfg.BounceAddress || cfg.BounceListen == "" {
		return errors.New("BOUNCE_ADDRESS is a plain address and BOUNCE_LISTEN a host:port, or both are empty")
	}
	l, err := net.Listen("tcp", cfg.BounceListen) //nolint:noctx // lives as long as the service
	if err != nil {
		return fmt.Errorf("BOUNCE_LISTEN: %w", err)
	}
	s.hears = l
	s.bounces = &mailin.Listener{
		Addresses: bounce.Addresses{Base: cfg.BounceAddress, Key: keys.Key}, Bounced: s.store.Bounced, Host: cfg.Mail.Helo, Log: s.Log,
	}
	return nil
}

// BouncesAt is where reports of mail servers are taken, "" when they are not.
func (s *Service) BouncesAt() string {
	if s.hears == nil {
		return ""
	}
	return s.hears.Addr().String()
}

// mayGo is asked in the moment of sending: is it still worth saying, and to them?
func (s *Service) mayGo(n message.Notice, to message.Delivery) (bool, error) {
	if n.Over(s.Now()) || !(directory{s.Register, s.Now}).entitled(n, to) {
		return false, nil
	}
	return s.mayKnow(n, to)
}

// mayKnow asks whether the case that somebody is called to was locked for them
// meanwhile. One that is not there counts as locked: who is on duty is called all
// the same.
func (s *Service) mayKnow(n message.Notice, to message.Delivery) (bool, error) {
	if n.Kind != message.OnCall || to.Person == "" || n.Case == "" {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	k, err := s.store.As(actor.System("notification").Seer()).Case(ctx, n.Case)
	switch {
	case fault.Is(err, fault.NotFound):
		k.Locked = true
	case err != nil:
		return false, err
	}
	a, ok := s.Register.ActorOf(to.Person)
	return ok && k.ReadableBy(a), nil
}

// oldest is how long the oldest message has waited, in seconds: the figure that
// calls an operator when mail stands still (F22).
func (s *Service) oldest() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n, since, err := s.store.Backlog(ctx)
	switch {
	case err != nil:
		return -1
	case n == 0:
		return 0
	}
	return s.Now().Sub(since).Seconds()
}

// siteOf is the writer's view of the configuration. Message ids are made of the
// sender's domain.
func siteOf(cfg Config) letter.Site {
	host := "localhost"
	if a, err := mail.ParseAddress(cfg.Mail.From); err == nil {
		_, host, _ = strings.Cut(a.Address, "@")
	}
	site := letter.Site{Operator: cfg.Site.Operator, Phone: cfg.Site.Phone, URL: cfg.Site.URL, MailHost: host, InvitationPath: cfg.InvitePath}
	if site.URL == "" {
		site.URL = (&url.URL{Scheme: "https", Host: host}).String()
	}
	return site
}

// once binds a creating request to one transaction with its idempotency record.
func (s *Service) once(desk alert.Desk) func(context.Context, idem.Request, func(alert.Desk) (int, any, error)) (idem.Answer, error) {
	return func(ctx context.Context, r idem.Request, effect func(alert.Desk) (int, any, error)) (idem.Answer, error) {
		return idem.Do(ctx, s.DB, r, func(tx pg.DB) (int, any, error) {
			bound := desk
			bound.Store = s.store.On(tx)
			return effect(bound)
		})
	}
}

// user is who is signed in, as the page's header shows them.
func (s *Service) user(c echo.Context) *page.User {
	a := session.Actor(c)
	return page.UserOf(a, s.nameOf(a.Home()))
}

func (s *Service) nameOf(organisation string) string {
	o, ok := s.Register.Organisation(organisation)
	if !ok {
		return ""
	}
	return o.Name
}

// PersonalData are the classes of data about people that the service holds.
func PersonalData() []privacy.Class { return store.PersonalData() }

// Retention are the service's own rules of what is deleted when.
func Retention() []retention.Rule { return store.Retention() }

// Handler answers all of the service's addresses.
func (s *Service) Handler() http.Handler { return s.handler }

// Routes are the service's addresses with the row of the matrix each needs.
func (s *Service) Routes() []httpserver.Route { return s.routes }

// Deliver sends what is due now and returns how many deliveries were tried; Run
// does so by itself. Benchmarks and drills call it.
func (s *Service) Deliver(ctx context.Context) (int, error) { return s.courier.Drain(ctx) }

// Run runs everything but HTTP until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.Base.Run(ctx, s.parts()...) }

// Serve is Run together with an HTTP server on l.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	return s.Base.Serve(ctx, l, s.handler, s.parts()...)
}

func (s *Service) parts() []func(context.Context) error {
	out := []func(context.Context) error{s.deliver, s.watch}
	if s.bounces != nil {
		out = append(out, func(ctx context.Context) error { return s.bounces.Serve(ctx, s.hears) })
	}
	return out
}

func (s *Service) deliver(ctx context.Context) error {
	wake, stop := outbox.Listen(s.Config.DatabaseURL, store.WakeCourier, s.Log)
	defer stop()
	s.courier.Wake = wake
	return s.courier.Run(ctx)
}

func (s *Service) watch(ctx context.Context) error {
	wake, stop := outbox.Listen(s.Config.DatabaseURL, store.WakeBoard, s.Log)
	defer stop()
	return s.board.Run(ctx, wake)
}
