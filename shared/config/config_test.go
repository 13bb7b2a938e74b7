// SPDX-License-Identifier: EUPL-1.2

package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/shared/config"
)

type settings struct {
	Listen string   `env:"LISTEN" envDefault:"127.0.0.1:8081" doc:"address"`
	Key    string   `env:"KEY,notEmpty" doc:"a key"`
	Count  int      `env:"COUNT" envDefault:"3"`
	Lists  []string `env:"LISTS"`
	Site   struct {
		Phone string `env:"PHONE" doc:"number"`
	} `envPrefix:"SITE_"`
}

func TestASecretComesFromItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("geheim \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got settings
	err := config.Load(&got, "X_", []string{"X_KEY_FILE=" + path, "X_SITE_PHONE=0361", "X_LISTS=a,b", "KEY=other"})
	if err != nil {
		t.Fatal(err)
	}
	want := settings{Listen: "127.0.0.1:8081", Key: "geheim ", Count: 3, Lists: []string{"a", "b"}}
	want.Site.Phone = "0361"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	var got settings
	err := config.Load(&got, "X_", []string{"X_COUNT=many"})
	if err == nil || !strings.Contains(err.Error(), "X_KEY") || !strings.Contains(err.Error(), "Count") {
		t.Errorf("want both mistakes, got %v", err)
	}
}

func TestAFileThatIsNotThereIsAMistake(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"missing":       {"X_KEY_FILE=/not/there"},
		"said twice":    {"X_KEY=a", "X_KEY_FILE=/dev/null"},
		"an empty file": {"X_KEY_FILE=/dev/null"},
	} {
		var got settings
		if err := config.Load(&got, "X_", environ); err == nil || !strings.Contains(err.Error(), "X_KEY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfOtherProgramsAreNotRead(t *testing.T) {
	t.Parallel()
	var got settings
	if err := config.Load(&got, "X_", []string{"X_KEY=a", "TF_CLI_CONFIG_FILE=/not/there", "Y_KEY_FILE=/not/there"}); err != nil {
		t.Error(err)
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	config.Help(&b, "a service", &settings{}, "X_")
	for _, want := range []string{"X_LISTEN", "default 127.0.0.1:8081", "X_KEY", "required", "X_SITE_PHONE", "number"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}
