// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/service"
)

// running is what every service's root gives.
type running interface {
	Handler() http.Handler
	Routes() []httpserver.Route
	Run(ctx context.Context) error
}

// services are the four, as production builds them.
type services struct {
	directory *directory.Service
	all       map[string]running
	buses     []*bus.Bus
	people    []directory.Loaded
}

// startServices builds the services, loads the register and the demo people.
func (s *System) startServices(ctx context.Context) error {
	s.services.all = map[string]running{}
	recipients, err := s.keys.recipients()
	if err != nil {
		return err
	}
	files := []string{
		"BLOB_RECIPIENTS=" + strings.Join(recipients, ","),
		"BLOB_URL=" + attachments(s.Options.Data),
	}
	if err := s.startDirectory(ctx); err != nil {
		return err
	}
	if err := s.startIntake(ctx, append(files, "BLOB_IDENTITY="+s.keys.Intake)); err != nil {
		return fmt.Errorf("start intake: %w", err)
	}
	if err := s.startTriage(ctx, append(files, "BLOB_IDENTITY="+s.keys.Triage)); err != nil {
		return fmt.Errorf("start triage: %w", err)
	}
	if err := s.startNotification(ctx); err != nil {
		return fmt.Errorf("start notification: %w", err)
	}
	return nil
}

// attachments is where the files of a data folder lie.
func attachments(dir string) string {
	return "file://" + filepath.Join(dir, "attachments") + "?no_tmp_dir=true&metadata=skip"
}

func (s *System) startIntake(ctx context.Context, settings []string) error {
	if s.Options.Limits {
		for _, name := range []string{
			"REPORTS_PER_MINUTE", "GUESTS_PER_HOUR", "GUEST_BURST", "ALL_GUESTS_PER_10MIN",
			"DRAFTS_PER_HOUR", "WRONG_CODES_PER_HOUR", "ADDITIONS_PER_MINUTE",
		} {
			settings = append(settings, "LIMIT_"+name+"=1000000000")
		}
	}
	var cfg intake.Config
	d, err := s.configure("intake", &cfg, &cfg.Config, append(settings, "CODE_KEY="+s.keys.Code, "SECURITY_CONTACT=mailto:"+s.Options.Site.Mail))
	if err != nil {
		return err
	}
	svc, err := intake.New(ctx, cfg, d)
	return s.took("intake", svc, err)
}

func (s *System) startTriage(ctx context.Context, settings []string) error {
	var cfg triage.Config
	d, err := s.configure("triage", &cfg, &cfg.Config, settings)
	if err != nil {
		return err
	}
	svc, err := triage.New(ctx, cfg, d)
	return s.took("triage", svc, err)
}

func (s *System) startNotification(ctx context.Context) error {
	var cfg notification.Config
	host, port, err := net.SplitHostPort(s.Mail.Addr())
	if err != nil {
		return err
	}
	d, err := s.configure("notification", &cfg, &cfg.Config, []string{
		"SMTP_HOST=" + host, "SMTP_PORT=" + port, "SMTP_TLS=none",
		"SMTP_FROM=" + s.Options.Site.Mail, "SMTP_FROM_NAME=" + s.Options.Site.Operator, "ANSWER_KEY=" + s.keys.Token,
		"BOUNCE_ADDRESS=bounce@cert.example", "BOUNCE_LISTEN=127.0.0.1:0",
	})
	if err != nil {
		return err
	}
	svc, err := notification.New(ctx, cfg, d)
	if err == nil {
		s.relays(svc.BouncesAt())
	}
	return s.took("notification", svc, err)
}

// took puts a started service behind the front door.
func (s *System) took(name string, svc running, err error) error {
	if err != nil {
		return err
	}
	s.services.all[name] = svc
	s.Door.Set(name, svc.Handler())
	return nil
}

// configure reads a service's configuration the way its own program does, from
// settings that are made here instead of the environment.
func (s *System) configure(name string, cfg any, common *service.Config, settings []string) (service.Deps, error) {
	prefix := strings.ToUpper(name) + "_"
	environ := []string{
		prefix + "DATABASE_URL=" + s.Postgres.URL(name), prefix + "ANCHOR_KEY=" + s.keys.Anchor,
		prefix + "ANCHOR_DIR=" + filepath.Join(s.Options.Data, "anchors"),
	}
	for _, line := range settings {
		environ = append(environ, prefix+line)
	}
	if err := config.Load(cfg, prefix, environ); err != nil {
		return service.Deps{}, err
	}
	if s.Options.Limits {
		common.APIRequests = 0
	}
	common.Site = s.Options.Site
	common.Site.URL = s.Demo.URL
	b, err := s.NATS.Connect(name, s.Options.Log)
	if err != nil {
		return service.Deps{}, err
	}
	s.services.buses = append(s.services.buses, b)
	synced := s.NATS.SyncAlways
	if s.Options.Fast {
		synced = func(context.Context) error { return nil }
	}
	return service.Deps{Bus: b, Log: s.Options.Log, Now: s.Options.Now, Synced: synced}, nil
}

func (s *System) startDirectory(ctx context.Context) error {
	var cfg directory.Config
	settings := append([]string{"KEY=" + s.keys.Secrets}, s.providerSettings()...)
	if s.Options.Limits {
		settings = append(settings, "SIGNIN_PER_NETWORK=1000000000")
	}
	d, err := s.configure("directory", &cfg, &cfg.Config, settings)
	if err != nil {
		return err
	}
	cfg.QuickPasswords = s.Options.Fast
	dir, err := directory.New(ctx, cfg, d)
	if err != nil {
		return fmt.Errorf("start directory: %w", err)
	}
	s.services.directory, s.services.all["directory"] = dir, dir
	s.Door.Set("directory", dir.Handler())
	if _, err := dir.LoadRegister(ctx); err != nil {
		return fmt.Errorf("load the register: %w", err)
	}
	if s.Options.NoDemo {
		return nil
	}
	return s.loadPeople(ctx)
}

// loadPeople brings in the demo people and the provider's mandates.
func (s *System) loadPeople(ctx context.Context) error {
	dir := s.services.directory
	var people []directory.Person
	for _, p := range demoPeople {
		password, totp, token := p.secrets(s.keys.Secrets)
		who := directory.Person{
			Name: p.Name, Email: p.Email, Function: p.Function, Phone: "+49 361 000 00 00",
			Language: "de", Password: password, TOTPSecret: totp, Token: token,
		}
		for _, r := range p.Roles {
			who.Memberships = append(who.Memberships, directory.Membership{Organisation: p.Organisation, Role: r})
		}
		people = append(people, who)
	}
	loaded, err := dir.LoadPeople(ctx, people)
	if err != nil {
		return fmt.Errorf("load the demo people: %w", err)
	}
	s.services.people = loaded
	for _, p := range loaded {
		s.Demo.People = append(s.Demo.People, DemoPerson{
			Name: p.Name, Email: p.Email, Password: p.Password,
			TOTPSecret: p.TOTPSecret, Token: p.Token, Roles: p.Roles,
			Organisation: DemoOrganisation{ID: p.Organisation.ID, AGS: p.Organisation.AGS, Name: p.Organisation.Name},
		})
	}
	if err := s.loadContacts(ctx); err != nil {
		return err
	}
	if err := s.linkDemoAccounts(ctx); err != nil {
		return err
	}
	return s.loadMandates(ctx)
}

// loadMandates lets the provider act for 72 municipalities, 16071043 among them.
func (s *System) loadMandates(ctx context.Context) error {
	towns, err := s.services.directory.Municipalities(ctx, demoMandates-1)
	if err != nil {
		return err
	}
	principals := []string{"16071043"}
	for _, o := range towns {
		if o.AGS != "16071043" {
			principals = append(principals, o.ID)
		}
	}
	var mandates []directory.Mandate
	for _, p := range principals {
		mandates = append(mandates, directory.Mandate{Principal: p, Agent: provider, Scopes: actor.Scopes(), Document: "Vorführung: Rahmenvertrag"})
	}
	mandates = append(mandates, demoWaiting(s.Options.Now())...)
	if err := s.services.directory.LoadMandates(ctx, mandates); err != nil {
		return fmt.Errorf("load the demo mandates: %w", err)
	}
	return nil
}

// runners are what run starts.
func (s services) runners() []func(context.Context) error {
	var out []func(context.Context) error
	for _, svc := range s.all {
		out = append(out, svc.Run)
	}
	return out
}

func (s services) close() {
	for _, b := range s.buses {
		b.Close()
	}
}

// Routes are a service's routes, for the test of the matrix.
func (s *System) Routes(name string) []httpserver.Route { return s.services.all[name].Routes() }

// ready reports whether every service says so and has heard of all demo people.
func (s *System) ready(ctx context.Context) bool {
	for name, svc := range s.services.all {
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
		if w.Code != http.StatusOK || !s.services.knows(ctx, name) {
			return false
		}
	}
	return true
}

func (s services) knows(ctx context.Context, name string) bool {
	copied, ok := s.all[name].(interface {
		Knows(ctx context.Context, person, token string) bool
		MandatesOf(organisation string) int
	})
	if !ok {
		return name == "directory" // it is the source
	}
	for _, p := range s.people {
		if !copied.Knows(ctx, p.ID, p.Token) {
			return false
		}
		if slices.Contains(p.Roles, actor.Provider) && copied.MandatesOf(p.Organisation.ID) < demoMandates {
			return false
		}
	}
	return true
}
