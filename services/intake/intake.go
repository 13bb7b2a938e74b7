// SPDX-License-Identifier: EUPL-1.2

// Package intake takes reports in: the form and the JSON API, own reports with
// their conversation, attachments, the landing page and the emergency card. It
// answers from its own database alone, also while every other part is down.
package intake

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/feed"
	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/services/intake/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	audited "github.com/thueringencert/leitstelle/shared/audit/pages"
	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	operated "github.com/thueringencert/leitstelle/shared/operations/pages"
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

// Config of the service, read with the prefix INTAKE_.
type Config struct {
	service.Config
	Blob      blob.Config
	Limits    web.Limits `envPrefix:"LIMIT_"`
	Security  web.Security
	FirstAid  string `env:"FIRST_AID_DIR" doc:"folder with de.json and en.json that replace built-in first-aid steps"`
	WriterURL string `env:"WRITER_URL" doc:"postgres:// URL of the login that writes reports (INSERT only); default: DATABASE_URL"`
	ReaderURL string `env:"READER_URL" doc:"postgres:// URL of the login that reads on behalf of people; default: DATABASE_URL in the role intake_reader"`
	CodeKey   string `env:"CODE_KEY,notEmpty" doc:"at least 32 hex digits: the key of the guests' codes; changing it ends all codes"`
}

// Service is a running intake.
type Service struct {
	*service.Base
	writer   *store.Writer
	writerDB *sqlx.DB
	store    *store.Store
	files    *blob.Store
	handler  http.Handler
	routes   []httpserver.Route
}

// New opens what the service needs and brings its database up to date.
func New(ctx context.Context, cfg Config, d service.Deps) (*Service, error) {
	keys, err := cfg.keys()
	if err != nil {
		return nil, err
	}
	base, err := service.New(ctx, "intake", cfg.Config, d, store.Migrations)
	if err != nil {
		return nil, err
	}
	people, err := base.OpenReader(cfg.ReaderURL, store.Reader)
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	s := &Service{Base: base, store: store.New(base.DB, people)}
	if err := s.open(ctx, cfg, keys); err != nil {
		return nil, errors.Join(err, s.close(), base.Close())
	}
	return s, nil
}

func (cfg Config) keys() (report.Keys, error) {
	code, err := hex.DecodeString(strings.TrimSpace(cfg.CodeKey))
	if err != nil || len(code) < 16 {
		return report.Keys{}, errors.New("CODE_KEY is not at least 32 hex digits")
	}
	key, err := cfg.Key()
	if err != nil {
		return report.Keys{}, err
	}
	if key == nil { // receipts need one; from the code key it is at least stable
		key = ed25519.NewKeyFromSeed(derive(code, "receipt"))
	}
	return report.Keys{Code: code, Receipt: key}, nil
}

func derive(key []byte, purpose string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose))
	return m.Sum(nil)
}

func (s *Service) open(ctx context.Context, cfg Config, keys report.Keys) error {
	var err error
	if s.writerDB, err = pg.Open(writerURL(cfg), pg.Options{Name: "intake-writer", MaxConns: 2}); err != nil {
		return err
	}
	s.writer = store.NewWriter(s.writerDB, s.store, s.Log)
	if s.files, err = blob.Open(ctx, cfg.Blob); err != nil {
		return err
	}
	s.Follow(feed.Feed{On: func(tx pg.DB) feed.Copies { return store.New(tx, nil) }}.Consumers()...)
	s.Forget(store.NamedPeople()...)
	if err := s.Retain(store.Retention(s.files)...); err != nil {
		return err
	}
	site := s.Config.Site
	desk := &report.Desk{
		Store: s.store, Taker: s.writer, Bodies: bodies{s.Register}, Files: files{s.files}, Keys: keys, Now: s.Now,
		MaxFile: int64(positive(site.MaxFileMB, 25)) << 20, Promise: time.Duration(positive(site.CallbackMinutes, 60)) * time.Minute,
		Guests: time.Duration(positive(site.GuestDays, 90)) * 24 * time.Hour,
	}
	counting := &figures.Desk{Store: s.store, Bodies: bodies{s.Register}, Now: s.Now, Zone: web.Zone(), Fold: register.Fold}
	h := &web.Handler{
		Desk: desk, Figures: counting, Register: s.Register, Gate: web.NewGate(cfg.Limits, s.Now), Log: s.Log, Now: s.Now,
		Cookies: derive(keys.Code, "cookie"), Security: cfg.Security, Drafts: time.Duration(positive(site.DraftHours, 24)) * time.Hour,
	}
	if h.Aid, err = web.LoadAid(cfg.FirstAid); err != nil {
		return err
	}
	if h.Pages, err = page.New(page.Options{Site: site, Templates: web.Files, Messages: web.Files, Now: s.Now, Log: s.Log, User: s.user}); err != nil {
		return err
	}
	deleting := &pages.Handler{Desk: s.Deleting, Pages: h.Pages, Name: s.Register.PersonName}
	about := &told.Handler{Desk: privacy.NewDesk("intake", s.DB, s.Now, PersonalData()), Pages: h.Pages}
	seen := &audited.Handler{Desk: s.Audit(), Pages: h.Pages, Register: s.Register}
	runs := &operated.Handler{Desk: s.Operations(), Pages: h.Pages}
	s.routes = slices.Concat(h.Routes(), deleting.Routes(), about.Routes(), seen.Routes(), runs.Routes()) //nolint:contextcheck // each request brings its own
	o := s.HTTP(s.Register, h.Pages)
	o.ErrorPage = h.ErrorPage
	e := httpserver.New(o)
	httpserver.Mount(e, o, s.routes)
	s.handler = e
	return nil
}

// writerURL adds what makes each statement of the writer one round trip.
func writerURL(cfg Config) string {
	raw := cfg.WriterURL
	if raw == "" {
		raw = cfg.DatabaseURL
	}
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	q := u.Query()
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	return u.String()
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
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
	return errors.Join(s.Base.Run(ctx, s.parts()...), s.close())
}

// Serve is Run together with an HTTP server on l.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	return errors.Join(s.Base.Serve(ctx, l, s.handler, s.parts()...), s.close())
}

func (s *Service) parts() []func(context.Context) error {
	return []func(context.Context) error{s.writer.Run, s.sweep}
}

func (s *Service) close() error {
	var err error
	if s.writerDB != nil {
		err = s.writerDB.Close()
	}
	if s.files != nil {
		err = errors.Join(err, s.files.Close())
	}
	return err
}

// sweep deletes expired drafts every few minutes.
func (s *Service) sweep(ctx context.Context) error {
	t := time.NewTicker(5 * time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			blobs, err := s.store.Sweep(ctx, s.Now())
			for _, key := range blobs {
				err = errors.Join(err, s.files.Delete(ctx, key))
			}
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("intake: sweep", zap.Error(err))
			}
		}
	}
}

func (s *Service) user(c echo.Context) *page.User {
	a := session.Actor(c)
	o, _ := s.Register.Organisation(a.Home())
	return page.UserOf(a, o.Name)
}

// bodies is the register as the domain asks it.
type bodies struct{ r *register.Register }

func (b bodies) Body(agsOrID string) (event.Organisation, bool) {
	o, ok := b.r.Resolve(agsOrID)
	return o.Ref(), ok
}

func (b bodies) Successor(agsOrID string) (former, successor event.Organisation, ok bool) {
	f, s, ok := b.r.Successor(agsOrID)
	return f.Ref(), s.Ref(), ok
}

func (b bodies) Principals(person string, action actor.Action) map[string]bool {
	a, _ := b.r.ActorOf(person)
	out := make(map[string]bool, len(a.Mandates))
	for _, m := range a.Mandates {
		if a.May(action, actor.Object{Organisation: m.Principal, Agent: m.Agent}).Allowed {
			out[m.Principal] = true
		}
	}
	return out
}

// files is the attachment store as the domain asks it.
type files struct{ s *blob.Store }

func (f files) Put(ctx context.Context, body io.Reader, limit int64) (report.Stored, error) {
	x, err := f.s.Put(ctx, body, limit)
	if err != nil {
		return report.Stored{}, fmt.Errorf("store attachment: %w", err)
	}
	return report.Stored{Key: x.Key, Size: x.Size, SHA256: x.SHA256, MediaType: http.DetectContentType(x.Head)}, nil
}

func (f files) Open(ctx context.Context, key string) (io.ReadCloser, error) { return f.s.Get(ctx, key) }

func (f files) Delete(ctx context.Context, key string) error { return f.s.Delete(ctx, key) }
