// SPDX-License-Identifier: EUPL-1.2

// Command settings writes docs/configuration.md to its output: the table that
// each service's --help prints, for all of them.
//
//	go run ./deployments/standalone/cmd/settings > docs/configuration.md
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/service"
)

const head = `<!-- Written by "make docs" from the services' configurations; do not edit. -->
# Configuration

Settings come from the environment. Every variable X may come from a file instead: X_FILE names it, for secrets. All
mistakes are reported together at start, and each service prints its table with ` + "`--help`" + `. Lists are separated by commas.
The standalone program needs none of this: it makes its keys in DIR/keys.
`

func main() {
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "settings:", err)
		os.Exit(1)
	}
}

func write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(head)
	common := map[string]bool{}
	b.WriteString("\n## Every service\n\nWith the service's prefix: `INTAKE_DATABASE_URL` and so on.\n\n| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range config.Variables(service.Config{}, "") {
		common[v.Name] = true
		row(&b, "…_"+v.Name, v)
	}
	for _, s := range []struct {
		name string
		cfg  any
	}{
		{"directory", directory.Config{}}, {"intake", intake.Config{}}, {"triage", triage.Config{}}, {"notification", notification.Config{}},
	} {
		prefix := strings.ToUpper(s.name) + "_"
		fmt.Fprintf(&b, "\n## %s\n\n| variable | default | meaning |\n|---|---|---|\n", s.name)
		for _, v := range config.Variables(s.cfg, prefix) {
			if !common[strings.TrimPrefix(v.Name, prefix)] {
				row(&b, v.Name, v)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, name string, v config.Variable) {
	note := "`" + v.Default + "`"
	switch {
	case v.Required:
		note = "required"
	case v.Default == "":
		note = "–"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, note, cmp.Or(strings.ReplaceAll(v.Doc, "|", "\\|"), "–"))
}
