// SPDX-License-Identifier: EUPL-1.2

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/config"
)

type broker struct {
	URL string `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222" doc:"address of the broker"`
}

type site struct {
	Phone string `env:"PHONE" doc:"the emergency number"`
}

// settings have everything that a service's have.
type settings struct {
	Database string        `env:"DATABASE_URL,notEmpty" doc:"its own database"`
	Secret   string        `env:"SECRET" doc:"a secret"`
	Limit    int           `env:"LIMIT" envDefault:"600" doc:"reports a minute"`
	Wait     time.Duration `env:"WAIT" envDefault:"1h" doc:"promise of a call"`
	Proxies  []string      `env:"PROXIES" doc:"networks"`
	Broker   broker        `envPrefix:""`
	Site     site          `envPrefix:"SITE_"`
	inner    int
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	var s settings
	err := config.Load(&s, "INTAKE_", []string{
		"INTAKE_DATABASE_URL=postgres://x", "INTAKE_PROXIES=10.1.2.3/32,10.1.2.4/32",
		"INTAKE_SITE_PHONE=+49 361 1", "INTAKE_WAIT=30m", "TRIAGE_LIMIT=7", "LIMIT=8", "PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Database != "postgres://x" || len(s.Proxies) != 2 || s.Site.Phone != "+49 361 1" || s.Wait != 30*time.Minute {
		t.Errorf("settings = %+v", s)
	}
	if s.Limit != 600 || s.Broker.URL != "nats://127.0.0.1:4222" || s.inner != 0 {
		t.Errorf("what was not set = %+v, want the defaults", s)
	}
}

func TestASecretComesFromItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" with spaces\tand a line end\r\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	var s settings
	err := config.Load(&s, "INTAKE_", []string{
		"INTAKE_DATABASE_URL=x", "INTAKE_SECRET_FILE=" + file,
		"INTAKE_SITE_PHONE_FILE=", "SSL_CERT_FILE=/nowhere", "INTAKE_NOTHING_FILE=/nowhere", "TRIAGE_SECRET_FILE=/nowhere",
	})
	if err != nil {
		t.Fatalf("Load = %v; want only the files of its own settings read", err)
	}
	if s.Secret != " with spaces\tand a line end" {
		t.Errorf("secret = %q, want the file without its line end", s.Secret)
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	var s settings
	err := config.Load(&s, "INTAKE_", []string{
		"INTAKE_LIMIT=many", "INTAKE_WAIT=soon", "INTAKE_SECRET_FILE=/nowhere/secret",
		"INTAKE_PROXIES=a", "INTAKE_PROXIES_FILE=/nowhere/b",
	})
	if err == nil {
		t.Fatal("Load accepts all of it")
	}
	for _, want := range []string{"DATABASE_URL", "many", "soon", "INTAKE_SECRET_FILE", "INTAKE_PROXIES and INTAKE_PROXIES_FILE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the mistake about %s is missing:\n%v", want, err)
		}
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	config.Help(&b, "intake takes reports in", &settings{}, "INTAKE_")
	help := b.String()
	for _, v := range config.Variables(settings{}, "INTAKE_") {
		if !strings.Contains(help, v.Name) || !strings.Contains(help, v.Doc) || v.Doc == "" {
			t.Errorf("the help lacks %+v:\n%s", v, help)
		}
	}
	for _, line := range []string{"INTAKE_DATABASE_URL  required", "INTAKE_LIMIT         default 600", "INTAKE_SECRET        optional", "INTAKE_SITE_PHONE"} {
		if !strings.Contains(help, line) {
			t.Errorf("the help lacks %q:\n%s", line, help)
		}
	}
	if got := len(config.Variables(&settings{}, "INTAKE_")); got != 7 {
		t.Errorf("%d settings, want 7", got)
	}
}
