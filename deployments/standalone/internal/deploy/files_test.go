// SPDX-License-Identifier: EUPL-1.2

package deploy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/deployments/standalone/internal/secrets"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// instruction of a Dockerfile, continued lines joined.
type instruction struct{ word, rest string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	var out []instruction
	lines := bufio.NewScanner(strings.NewReader(strings.ReplaceAll(read(t, "deployments/Dockerfile"), "\\\n", " ")))
	for lines.Scan() {
		line := strings.Join(strings.Fields(lines.Text()), " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out = append(out, instruction{word, rest})
	}
	return out
}

func TestTheImageIsBuiltAloneAndRunsWithoutRoot(t *testing.T) {
	t.Parallel()
	var stages, users []string
	var env, runs string
	args := map[int]bool{} // stage → knows SERVICE
	for _, i := range dockerfile(t) {
		switch i.word {
		case "FROM":
			stages = append(stages, i.rest)
		case "ARG":
			args[len(stages)] = args[len(stages)] || i.rest == "SERVICE"
		case "ENV":
			env += " " + i.rest
		case "RUN":
			runs += " " + i.rest
		case "USER":
			users = append(users, i.rest)
		case "HEALTHCHECK", "ADD":
			t.Errorf("%s %s: the image has no shell to check with, and copies only", i.word, i.rest)
		}
	}
	if len(stages) != 2 || !strings.HasSuffix(stages[0], " AS build") || !args[1] || !args[2] {
		t.Errorf("want two stages that both know SERVICE, got %q %v", stages, args)
	}
	if !strings.Contains(env, "GOWORK=off") || !strings.Contains(env, "CGO_ENABLED=0") || !strings.Contains(runs, "./cmd/${SERVICE}") {
		t.Errorf("the service is not built alone and static: %q %q", env, runs)
	}
	if len(users) != 1 || strings.HasPrefix(users[0], "0") || strings.HasPrefix(users[0], "root") {
		t.Errorf("the service runs as %q", users)
	}
	for _, s := range secrets.Services {
		if _, err := os.Stat(filepath.Join(root, "services", s, "cmd", s)); err != nil {
			t.Errorf("the image's command: %v", err)
		}
	}
}

func TestTheImagesFitTheModules(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "shared/go.mod"))
	if version == nil || !strings.Contains(read(t, "deployments/Dockerfile"), "golang:"+version[1]+"-") {
		t.Errorf("the Dockerfile builds with another Go than %v", version)
	}
	minor := strings.Join(strings.Split(server.VERSION, ".")[:2], ".")
	if !strings.Contains(read(t, "docker-compose.yml"), "image: nats:"+minor+"-") {
		t.Errorf("the broker of the compose file is not the one that the tests use, %s", server.VERSION)
	}
}

// caddyRoutes reads "@name path A B" and "reverse_proxy @name {$X:service:port}".
func caddyRoutes(t *testing.T) (prefixes map[string]string, hidden []string, upstreams map[string]string) {
	t.Helper()
	prefixes, upstreams = map[string]string{}, map[string]string{}
	paths := map[string][]string{}
	proxy := regexp.MustCompile(`reverse_proxy (@\w+ )?\{\$[A-Z]+:(\w+):(\d+)\}`)
	for line := range strings.Lines(read(t, "deployments/caddy/Caddyfile")) {
		fields := strings.Fields(line)
		if len(fields) > 2 && strings.HasPrefix(fields[0], "@") && fields[1] == "path" {
			paths[fields[0]] = fields[2:]
		}
		if m := proxy.FindStringSubmatch(line); m != nil {
			upstreams[m[2]] = m[3]
			for _, p := range paths[strings.TrimSpace(m[1])] {
				prefixes[p] = m[2]
			}
		}
	}
	return prefixes, paths["@operations"], upstreams
}

func TestBothFrontDoorsRouteAlike(t *testing.T) {
	t.Parallel()
	prefixes, hidden, _ := caddyRoutes(t)
	caddy := func(p string) string {
		for pattern, service := range prefixes {
			if ok, _ := path.Match(pattern, p); ok || strings.HasSuffix(pattern, "/*") && strings.HasPrefix(p, strings.TrimSuffix(pattern, "*")) {
				return service
			}
		}
		return "intake"
	}
	door := &standalone.FrontDoor{}
	for _, s := range secrets.Services {
		door.Set(s, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Service", s) }))
	}
	try := []string{
		"/", "/melden/vorgang", "/api/intake/v1/reports", "/assets/x.css", "/problems/invalid", "/.well-known/security.txt",
		"/lagebild", "/lage", "/lage/faelle/V-2026-000001", "/api/triage/v1/stream", "/warnungen/W-2026-0018", "/echt",
		"/.well-known/csaf/provider-metadata.json", "/konto/anmelden", "/verzeichnis", "/api/directory/v1/me", "/api/notification/v1/alerts",
	}
	for pattern := range prefixes {
		try = append(try, strings.TrimSuffix(pattern, "/*"), strings.TrimSuffix(pattern, "*")+"x")
	}
	for _, p := range try {
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, p, nil))
		if got, want := caddy(p), rec.Header().Get("Service"); got != want {
			t.Errorf("%s: Caddy goes to %s, the front door of standalone to %s", p, got, want)
		}
	}
	for _, p := range []string{"/livez", "/readyz", "/metrics"} {
		if !strings.Contains(strings.Join(hidden, " ")+" ", p+" ") {
			t.Errorf("Caddy shows %s to the street", p)
		}
	}
}

func TestTheMailCatchersCertificateIsOfItsHost(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "secrets")
	if _, err := secrets.Write(dir, secrets.Compose, time.Now()); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "mail_cert"), filepath.Join(dir, "mail_key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: secrets.Compose.Mail, Roots: roots}); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNeverMadeAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "secrets")
	if _, err := secrets.Write(dir, secrets.Compose, time.Now()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "intake_blob_identity"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := secrets.Write(dir, secrets.Compose, time.Now())
	if err != nil || len(made) > 0 {
		t.Errorf("made %v again, %v", made, err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "intake_blob_identity"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a key changed, %v", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is open: %v %v", info.Mode(), err)
	}
}

func TestNoUnitRunsAsRoot(t *testing.T) {
	t.Parallel()
	units, err := filepath.Glob(filepath.Join(root, "deployments", "systemd", "*.service"))
	if err != nil || len(units) == 0 {
		t.Fatalf("no units: %v", err)
	}
	for _, u := range units {
		b, err := os.ReadFile(u)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "TimeoutStopSec=25"} {
			if !strings.Contains(string(b), want+"\n") {
				t.Errorf("%s lacks %s", filepath.Base(u), want)
			}
		}
		if !regexp.MustCompile(`(?m)^(User=leitstelle|DynamicUser=yes)$`).Match(b) {
			t.Errorf("%s runs as root", filepath.Base(u))
		}
	}
}
