// SPDX-License-Identifier: EUPL-1.2

// Command retention writes a document to its output with the table of what is
// kept for how long, from the rules that the services delete by. It replaces
// what stands between the two markers.
//
//	go run ./deployments/standalone/cmd/retention docs/datenschutz.md
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/retention"
)

const (
	begin = "<!-- Written by \"make docs\" from the rules of the services; do not edit. -->\n"
	end   = "<!-- End of what \"make docs\" writes. -->\n"
)

func main() {
	if err := write(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "retention:", err)
		os.Exit(1)
	}
}

func write(args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("name the document")
	}
	doc, err := os.ReadFile(args[0]) //nolint:gosec // the document that the Makefile names
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(doc), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has not both markers", args[0])
	}
	r, err := page.New(page.Options{Site: standalone.Site()})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, before+begin+table(r)+end+after)
	return err
}

// table has the words of the pages, in German.
func table(r *page.Renderer) string {
	say := func(id string, args ...any) string { return r.Text("de", "page.retention."+id, args...) }
	var b strings.Builder
	row := func(cells ...string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	b.WriteString("\n")
	row("Dienst", "Klasse", say("data"), say("period"), say("then"), say("do"))
	b.WriteString("|---|---|---|---|---|---|\n")
	rule := func(service string, x retention.Rule) {
		how := "vier Augen"
		if x.Auto {
			how = say("auto")
		}
		row(service, "`"+x.Class+"`", x.Title.DE, say("days", int(x.Keep/retention.Day))+" "+x.After.DE, x.Then.DE, how)
	}
	for _, service := range []string{"intake", "triage", "notification", "directory"} {
		for _, x := range standalone.OwnRetention(service, nil) {
			rule(service, x)
		}
	}
	for _, x := range retention.Shared() {
		rule("alle", x)
	}
	b.WriteString("\n")
	return b.String()
}
