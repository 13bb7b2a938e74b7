// SPDX-License-Identifier: EUPL-1.2

// Package archtest holds the import rules of the tree (docs/architecture.md):
// a broken rule fails here and nowhere else. A rule that matches no package
// fails too, so that none outlives what it was about.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const root = "github.com/thueringencert/leitstelle/"

type rule struct {
	from   string   // pattern of the importing package, below root
	never  []string // patterns below root, or names of other modules' packages
	except []string // patterns of importing packages that may
	why    string
}

var domains = []string{
	"services/directory/internal/constituency", "services/directory/internal/account", "services/directory/internal/erasure",
	"services/directory/internal/contact", "services/directory/internal/task", "services/directory/internal/emergency", "services/directory/internal/onboarding", "services/directory/internal/qualification",
	"services/directory/internal/mandate", "services/directory/internal/catalogue", "services/directory/internal/participation", "services/directory/internal/responsibility",
	"services/directory/internal/succession", "services/directory/internal/takeover", "services/directory/internal/invitation", "services/directory/internal/factor",
	"services/intake/internal/report", "services/intake/internal/figures",
	"services/intake/internal/memberlist",
	"services/triage/internal/casefile", "services/triage/internal/campaign", "services/triage/internal/duty",
	"services/notification/internal/alert", "services/notification/internal/subscription", "services/notification/internal/bounce",
}

var rules = append([]rule{
	{from: "shared/fault", never: []string{root + "*", "github.com/*"}, why: "the lowest package knows only the standard library"},
	{from: "shared/actor", never: []string{root + "*", "github.com/*"}, why: "who may do what is plain data"},
	{from: "shared/*", never: []string{root + "services/*", root + "deployments/*"}, why: "mechanism does not know the services"},
	{from: "services/*/internal/web", never: []string{root + "services/*/internal/store", "github.com/jmoiron/sqlx", "github.com/lib/pq"}, why: "pages ask the desk, not the database"},
	{from: "services/*/internal/feed", never: []string{root + "services/*/internal/store", root + "services/*/internal/web", "github.com/jmoiron/sqlx"}, why: "an event is a third door to the same desk"},
	{from: "services/*/internal/store", never: []string{root + "services/*/internal/web", root + "services/*/internal/feed", "github.com/labstack/echo/*", "github.com/nats-io/*"}, why: "rows know neither HTTP nor messages"},
	{from: "services/*", never: []string{root + "shared/devstack*", "github.com/nats-io/nats-server/*", "github.com/oauth2-proxy/*"}, why: "production starts no test server"},
}, domainRules()...)

func domainRules() []rule {
	var out []rule
	for _, d := range domains {
		out = append(out, rule{from: d, why: "the domain knows no HTTP, SQL or NATS", never: []string{
			"github.com/labstack/*", "github.com/jmoiron/*", "github.com/lib/*", "github.com/nats-io/*", "go.uber.org/zap",
			"net/http", "database/sql", root + "shared/pg", root + "shared/bus", root + "shared/httpserver", root + "shared/page",
		}})
	}
	return out
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestTheImportRulesHold(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for _, r := range rules {
		matched := false
		for _, p := range packages {
			from := strings.TrimPrefix(p.ImportPath, root)
			if !match(r.from, from) || slices.ContainsFunc(r.except, func(e string) bool { return match(e, from) }) {
				continue
			}
			matched = true
			for _, i := range p.Imports {
				if slices.ContainsFunc(r.never, func(n string) bool { return match(n, i) }) {
					t.Errorf("%s imports %s: %s", from, i, r.why)
				}
			}
		}
		if !matched {
			t.Errorf("no package matches %q: the rule is about nothing", r.from)
		}
	}
}

func TestServicesDoNotImportEachOther(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		from := service(p.ImportPath)
		for _, i := range p.Imports {
			if to := service(i); from != "" && to != "" && from != to {
				t.Errorf("%s imports %s: services talk through events", p.ImportPath, i)
			}
		}
	}
}

func service(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, root+"services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// match knows * for one path element, and a * at the end for everything below.
func match(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok && !strings.Contains(prefix, "*") {
		return strings.HasPrefix(s, prefix)
	}
	if head, ok := strings.CutSuffix(pattern, "/*"); ok {
		parts := strings.SplitN(s, "/", strings.Count(head, "/")+2)
		return len(parts) > strings.Count(head, "/")+1 && match(head, path.Join(parts[:strings.Count(head, "/")+1]...))
	}
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "work").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
