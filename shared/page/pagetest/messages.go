// SPDX-License-Identifier: EUPL-1.2

package pagetest

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/page"
)

// placeholder finds {{.Name}} in a message.
var placeholder = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

// literal finds what looks like a message id in a template or in Go source.
var literal = regexp.MustCompile(`["` + "`" + `]([a-z]+(?:\.[a-z0-9_+:\-]+)+)["` + "`" + `]`)

// CheckMessages fails t when an id is in one language only, when a plural or a
// placeholder differs between them, and when one of the sources (templates,
// *.go) names an id that is in no file. What counts as an id: a literal whose
// first part is that of one of the messages ("intake.phone" where intake has
// messages). prefix is the service's name: every id of its own begins with it.
func CheckMessages(t testing.TB, prefix string, messages fs.FS, sources ...fs.FS) {
	t.Helper()
	known := map[string]bool{}
	for id := range read(t, page.OwnMessages(), "de") {
		known[id] = true
	}
	de, en := read(t, messages, "de"), read(t, messages, "en")
	for id := range de {
		known[id] = true
		if !strings.HasPrefix(id, prefix+".") && prefix != "" {
			t.Errorf("id %q does not begin with %q", id, prefix+".")
		}
	}
	compare(t, de, en)
	for _, src := range sources {
		checkSource(t, src, known)
	}
}

func compare(t testing.TB, de, en map[string]message) {
	t.Helper()
	for id, m := range de {
		other, ok := en[id]
		switch {
		case !ok:
			t.Errorf("id %q is missing in English", id)
		case (m["one"] == "") != (other["one"] == ""):
			t.Errorf("id %q has a plural in one language only", id)
		case !slices.Equal(m.names(), other.names()):
			t.Errorf("id %q: placeholders differ: %v and %v", id, m.names(), other.names())
		}
	}
	for id := range en {
		if _, ok := de[id]; !ok {
			t.Errorf("id %q is missing in German", id)
		}
	}
}

func checkSource(t testing.TB, src fs.FS, known map[string]bool) {
	t.Helper()
	roots := map[string]bool{}
	for id := range known {
		root, _, _ := strings.Cut(id, ".")
		roots[root] = true
	}
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") ||
			!strings.HasSuffix(name, ".html") && !strings.HasSuffix(name, ".go") {
			return err
		}
		raw, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(raw), -1) {
			root, _, _ := strings.Cut(m[1], ".")
			if roots[root] && !known[m[1]] && !strings.HasSuffix(m[1], ".") {
				t.Errorf("%s: message %q is in no file", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// message is the forms of one text; a plain one has only "other".
type message map[string]string

// names are the placeholders of all forms, sorted, each once.
func (m message) names() []string {
	var out []string
	for _, form := range m {
		for _, p := range placeholder.FindAllStringSubmatch(form, -1) {
			out = append(out, p[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func read(t testing.TB, src fs.FS, lang string) map[string]message {
	t.Helper()
	topics, err := fs.Glob(src, "messages/*."+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]message{}
	for _, name := range append([]string{"messages/" + lang + ".json"}, topics...) {
		readFile(t, src, name, out)
	}
	return out
}

func readFile(t testing.TB, src fs.FS, name string, out map[string]message) {
	t.Helper()
	raw, err := fs.ReadFile(src, name)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for id, v := range file {
		switch x := v.(type) {
		case string:
			out[id] = message{"other": x}
		case map[string]any:
			m := message{}
			for form, text := range x {
				s, ok := text.(string)
				if !ok {
					t.Fatalf("%s: %q is nested; ids are flat", name, id)
				}
				m[form] = s
			}
			out[id] = m
		}
	}
}
