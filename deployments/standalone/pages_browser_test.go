// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	look "github.com/thueringencert/leitstelle/shared/page"
)

// behind are pages that one address and one role do not lead to: their goldens
// are looked at.
var behind = map[string]string{
	"/konto/zweiter-faktor":             "a provider's answer comes first",
	"/konto/sicherheit/verknuepfen":     "a provider's answer comes first",
	"/konto/einladung/:token":           "a mail has the link",
	"/verzeichnis/bestaetigen/:link":    "a mail has the link",
	"/verzeichnis/mandate/:id/erteilen": "somebody asked for it",
	"/melden/:code/fertig":              "the draft was sent",
	"/melden/:code/ergebnis":            "a list was pasted",
	"/melden/:code/angaben":             "a member was picked",
	"/verzeichnis/betrieb/:letter":      "an event died",
	"/melden/betrieb/:letter":           "an event died",
	"/lage/betrieb/:letter":             "an event died",
	"/warnungen/betrieb/:letter":        "an event died",
}

// seen is a page that somebody opens: their cookie and the address.
type seen struct{ route, who, cookie, path string }

// Every page of every service is accessible, on a phone in light and on a desk
// in dark, and reflows (ux.md §7): the pages are the services' own routes, who
// opens one and what its path names comes from the matrix, so that a new page is
// looked at without being named here.
func TestEveryPageIsAccessible(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true, NoProvider: true}) // the matrix takes tokens away
	f := newFixture(t, w)
	askers := f.askers(t)
	pages := []seen{{"/postfach", "a guest", "", "/postfach"}, {"/postfach/:id", "a guest", "", "/postfach/1"}}
	var examples []string
	for _, service := range serviceNames {
		for _, r := range w.Routes(service) {
			switch s, ok := f.page(t, r, askers); {
			case !isPage(r):
			case ok:
				pages = append(pages, s)
			case behind[r.Path] != "":
				examples = append(examples, golden(r.Path, "de"))
			default:
				t.Errorf("%s: nobody of the matrix sees it; say in behind why", r.Path)
			}
		}
	}
	w.lookAt(t, pages)
	slices.Sort(examples)
	lookAtGoldens(t, slices.Compact(examples)) // some pages are one room's in each service
}

// lookAt opens each page on a phone and on a desk, both at the same time.
func (w *world) lookAt(t *testing.T, pages []seen) {
	t.Helper()
	phone, desk := newTab(t, w, 390, 844), newTab(t, w, 1440, 900)
	desk.media("dark", "")
	var wg sync.WaitGroup
	for _, b := range []*tab{phone, desk} {
		wg.Go(func() {
			for _, s := range pages {
				b.look(s)
			}
		})
	}
	wg.Wait()
}

// look opens a page and holds it against axe; the phone's also reflows at 320 px.
func (b *tab) look(s seen) {
	if s.cookie != "" {
		b.signedIn(s.cookie)
	}
	what := s.route + " as " + s.who
	if status := b.open(s.path); status != http.StatusOK {
		b.t.Errorf("%s at %s: %d", what, s.path, status)
		return
	}
	b.violations(what)
	if b.width < 400 {
		b.reflows(what)
	}
}

// lookAtGoldens does the same with pages that were written down.
func lookAtGoldens(t *testing.T, files []string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/assets/", look.Assets())
	var pages []seen
	for _, file := range files {
		path := "/" + strings.NewReplacer("../", "", "/", "-").Replace(file)
		html, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(preload.ReplaceAll(html, nil))
		})
		pages = append(pages, seen{file, "a golden", "", path})
	}
	srv := httptest.NewServer(mux)
	defer srv.Close()
	w := &world{System: &standalone.System{Demo: standalone.Demo{URL: srv.URL}}}
	w.lookAt(t, pages)
}

// preload names a font by a fingerprint that a golden does not have.
var preload = regexp.MustCompile(`<link rel="preload"[^>]*>`)

// page is how to see a route's page: as the first of the matrix who gets it, a
// guest before anybody else.
func (f *fixture) page(t *testing.T, r httpserver.Route, askers []asker) (seen, bool) {
	t.Helper()
	if !isPage(r) {
		return seen{}, false
	}
	calls := f.calls(t, r, askers)
	slices.SortStableFunc(calls, func(a, b call) int { return cmp.Compare(min(len(a.who.id), 1), min(len(b.who.id), 1)) })
	for _, c := range calls {
		if c.want != let || c.who.bad {
			continue
		}
		status, _, err := f.send(t, c)
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		if status == http.StatusOK {
			return seen{r.Path, c.who.name, c.who.cookie, c.path}, true
		}
	}
	return seen{}, false
}
