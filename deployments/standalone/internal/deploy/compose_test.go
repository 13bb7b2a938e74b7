// SPDX-License-Identifier: EUPL-1.2

package deploy

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/secrets"
	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/service"
)

// configs are what each service's --help prints from.
var configs = map[string]any{
	"directory": directory.Config{}, "intake": intake.Config{}, "triage": triage.Config{}, "notification": notification.Config{},
}

func prefix(service string) string { return strings.ToUpper(service) + "_" }

func compose(t *testing.T) *types.Project {
	t.Helper()
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: abs, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(abs, "docker-compose.yml")}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("leitstelle", true) })
	if err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	return p
}

func environment(s types.ServiceConfig) map[string]string {
	out := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			out[name] = *value
		}
	}
	return out
}

func TestComposeSetsWhatTheServicesKnow(t *testing.T) {
	t.Parallel()
	p := compose(t)
	for name, cfg := range configs {
		env := environment(p.Services[name])
		known := map[string]bool{"SSL_CERT_FILE": true} // of Go's own TLS
		for _, v := range config.Variables(cfg, prefix(name)) {
			known[v.Name], known[v.Name+"_FILE"] = true, true
			if _, file := env[v.Name+"_FILE"]; v.Required && env[v.Name] == "" && !file {
				t.Errorf("%s: %s is required and not set", name, v.Name)
			}
		}
		for variable := range env {
			if !known[variable] {
				t.Errorf("%s: %s is not in the table of %s --help", name, variable, name)
			}
		}
	}
}

func TestComposeGivesEachSecretToWhoNeedsIt(t *testing.T) {
	t.Parallel()
	p := compose(t)
	made, err := secrets.Write(filepath.Join(t.TempDir(), "secrets"), secrets.Compose, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for name, s := range p.Services {
		var given []string
		for _, x := range s.Secrets {
			given, used[x.Source] = append(given, x.Source), true
		}
		for variable, value := range environment(s) {
			file, ok := strings.CutPrefix(value, "/run/secrets/")
			if ok && !slices.Contains(given, file) {
				t.Errorf("%s: %s names the secret %s, which it is not given", name, variable, file)
			}
		}
	}
	for name, s := range p.Secrets {
		if filepath.Base(s.File) != name || !slices.Contains(made, name) {
			t.Errorf("nobody makes the secret %s", name)
		}
	}
	for _, name := range made {
		if !used[name] {
			t.Errorf("nobody uses the secret %s", name)
		}
	}
	for _, name := range []string{"directory", "notification"} {
		for _, x := range p.Services[name].Secrets {
			if strings.Contains(x.Source, "blob") {
				t.Errorf("%s can read attachments", name)
			}
		}
	}
}

func TestTheFrontDoorFindsTheServices(t *testing.T) {
	t.Parallel()
	p := compose(t)
	_, _, upstreams := caddyRoutes(t)
	for _, name := range secrets.Services {
		s := p.Services[name]
		_, port, err := net.SplitHostPort(environment(s)[prefix(name)+"LISTEN"])
		if err != nil {
			t.Fatal(err)
		}
		if upstreams[name] != port || !slices.Contains(s.Expose, port) {
			t.Errorf("%s listens on %s, exposes %v, Caddy goes to %q", name, port, s.Expose, upstreams[name])
		}
		if len(s.Ports) > 0 {
			t.Errorf("%s has a port on the host: only Caddy has", name)
		}
		caddy := p.Services["caddy"].Networks["inside"].Ipv4Address
		if got := environment(s)[prefix(name)+"TRUSTED_PROXIES"]; got != caddy+"/32" {
			t.Errorf("%s believes %s, the front door is %s", name, got, caddy)
		}
		if s.Build == nil || s.Build.Dockerfile != "deployments/Dockerfile" || *s.Build.Args["SERVICE"] != name {
			t.Errorf("%s is built otherwise", name)
		}
	}
}

// TestTheServicesRunAsComposeSetsThem starts all four services with the
// environment of docker-compose.yml, each with its own login of the database
// that the init script made and its own user of the broker of nats.conf, and
// sends a guest's report through them: into triage and back.
func TestTheServicesRunAsComposeSetsThem(t *testing.T) {
	t.Parallel()
	pg, err := devstack.StartPostgres(t.Context(), devstack.PostgresOptions{Dir: filepath.Join(devstack.TempDir(t), "data"), Password: "superuser"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	srv, dir := broker(t)
	_, port, _ := strings.Cut(filepath.Base(pg.Socket()), ".s.PGSQL.")
	moveHosts(t, dir, "127.0.0.1:"+port, srv.Addr().String())
	initDatabases(t, pg, dir)
	p := compose(t)
	state := t.TempDir()
	for _, sub := range []string{"attachments", "anchors"} {
		if err := os.Mkdir(filepath.Join(state, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	places := strings.NewReplacer("/run/secrets", dir, "/var/lib/leitstelle", state, "nats:8222", srv.MonitorAddr().String())
	services := map[string]running{}
	for _, name := range secrets.Services {
		var environ []string
		for variable, value := range environment(p.Services[name]) {
			environ = append(environ, variable+"="+places.Replace(value))
		}
		services[name] = start(t, name, environ)
	}
	d, ok := services["directory"].(*directory.Service)
	if !ok {
		t.Fatal("directory is another service")
	}
	if _, err := d.LoadRegister(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(services))
	for _, s := range services {
		go func() { ended <- s.Run(ctx) }()
	}
	for name, s := range services {
		devstack.Eventually(t, 20*time.Second, name+" ready", func() bool { return ask(s, http.MethodGet, "/readyz", "") == http.StatusOK })
	}
	in, ok := services["intake"].(*intake.Service)
	if !ok {
		t.Fatal("intake is another service")
	}
	devstack.Eventually(t, 20*time.Second, "intake told of the register", func() bool {
		_, ok := in.Register.Resolve("16071043")
		return ok
	})
	if code := ask(in, http.MethodPost, "/api/intake/v1/reports", report); code != http.StatusCreated {
		t.Errorf("a guest's report is answered with %d", code)
	}
	db, err := sqlx.Open("postgres", pg.SocketURL("intake"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	devstack.Eventually(t, 20*time.Second, "the case of the report known to intake", func() bool {
		var n int
		return db.GetContext(t.Context(), &n, `SELECT count(*) FROM case_report`) == nil && n > 0
	})
	stop()
	for range services {
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

const report = `{"affected":["16071043"],"what":"ransomware","noticed_at":"2026-11-21T07:12:00Z","impact":"high",
	"callback":{"name":"Kim Beispiel","phone":"+49 361 000000"}}`

func ask(s running, method, path, body string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	return rec.Code
}

// moveHosts points the secrets at the places of this test.
func moveHosts(t *testing.T, dir, postgres, nats string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_url"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		moved := strings.NewReplacer(secrets.Compose.Postgres, postgres, secrets.Compose.NATS, nats).Replace(string(b))
		if err := os.WriteFile(name, []byte(moved), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// initDatabases runs deployments/postgres/10-databases.sh as the image does.
func initDatabases(t *testing.T, pg *devstack.Postgres, dir string) {
	t.Helper()
	bin, err := devstack.FindPostgres()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join(root, "deployments", "postgres", "10-databases.sh"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", script)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SECRETS="+dir, "POSTGRES_USER=leitstelle",
		"PGHOST="+filepath.Dir(pg.Socket()), "PGPORT="+strings.TrimPrefix(filepath.Base(pg.Socket()), ".s.PGSQL."))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("10-databases.sh: %v\n%s", err, out)
	}
}

// running is what every service's root gives.
type running interface {
	Handler() http.Handler
	Run(ctx context.Context) error
}

// start builds the service as its command does.
func start(t *testing.T, name string, environ []string) running {
	t.Helper()
	log := zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
	load := func(cfg any) {
		if err := config.Load(cfg, prefix(name), environ); err != nil {
			t.Fatal(err)
		}
	}
	deps := func(cfg bus.Config) service.Deps {
		b, err := bus.Connect(cfg, name, log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return service.Deps{Bus: b, Log: log}
	}
	var s running
	var err error
	switch name {
	case "directory":
		var cfg directory.Config
		load(&cfg)
		s, err = directory.New(t.Context(), cfg, deps(cfg.NATS))
	case "intake":
		var cfg intake.Config
		load(&cfg)
		s, err = intake.New(t.Context(), cfg, deps(cfg.NATS))
	case "triage":
		var cfg triage.Config
		load(&cfg)
		s, err = triage.New(t.Context(), cfg, deps(cfg.NATS))
	case "notification":
		var cfg notification.Config
		load(&cfg)
		s, err = notification.New(t.Context(), cfg, deps(cfg.NATS))
	}
	if err != nil {
		t.Fatalf("%s does not start with the settings of docker-compose.yml: %v", name, err)
	}
	return s
}

func TestTheHostsInTheSecretsAreThoseOfCompose(t *testing.T) {
	t.Parallel()
	p := compose(t)
	for _, address := range []string{secrets.Compose.Postgres, secrets.Compose.NATS} {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Services[host]; !ok {
			t.Errorf("no service is named %s", host)
		}
		if _, err := strconv.Atoi(port); err != nil {
			t.Error(err)
		}
	}
	if _, ok := p.Services[secrets.Compose.Mail]; !ok {
		t.Errorf("no service is named %s", secrets.Compose.Mail)
	}
}
