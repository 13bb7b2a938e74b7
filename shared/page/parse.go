// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// source is where templates of pages lie.
type source struct {
	files           fs.FS
	pattern, prefix string
}

// addAll adds the pages of a service and of this package. The first edition of
// the same files in a process tries them all out; another one parses a page
// when it is first shown, for a test starts many and shows few.
func (e *edition) addAll(service fs.FS) error {
	frames := sync.OnceValues(func() (*template.Template, error) {
		t, err := template.New("page").Option("missingkey=error").Funcs(e.funcs()).ParseFS(ownTemplates, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("parse frames: %w", err)
		}
		return t, nil
	})
	seen := sha256.New()
	_, _ = fmt.Fprintf(seen, "%s\x00", e.lang)
	for _, s := range []source{
		{service, "templates/*.html", ""},
		{ownTemplates, "common/*.html", "common/"},
		{ownTemplates, "static/" + e.lang + "/*.html", "static/"},
		{ownTemplates, "static/*.html", "static/"},
	} {
		if s.files == nil {
			continue
		}
		if err := e.addPages(frames, s, seen); err != nil {
			return err
		}
	}
	first, _ := tried.LoadOrStore([sha256.Size]byte(seen.Sum(nil)), sync.OnceValue(e.try))
	try, ok := first.(func() error)
	if !ok {
		return errors.New("page: the templates were not tried")
	}
	return try()
}

// tried knows by the hash of their files which templates were tried out in this
// process, and the outcome: func() error.
var tried sync.Map

// addPages adds each file that is not shared; its templates come into a copy of
// the frames. seen gets all that was read.
func (e *edition) addPages(frames func() (*template.Template, error), s source, seen io.Writer) error {
	names, err := fs.Glob(s.files, s.pattern)
	if err != nil {
		return fmt.Errorf("list templates: %w", err)
	}
	var shared, pages []file
	for _, name := range names {
		raw, err := fs.ReadFile(s.files, name)
		if err != nil {
			return fmt.Errorf("read template: %w", err)
		}
		_, _ = fmt.Fprintf(seen, "%s\x00%d\x00%s", name, len(raw), raw)
		if f := (file{name, string(raw)}); isShared(name) {
			shared = append(shared, f)
		} else {
			pages = append(pages, f)
		}
	}
	around := sync.OnceValues(func() (*template.Template, error) { return with(frames, shared...) })
	for _, f := range pages {
		e.pages[s.prefix+strings.TrimSuffix(path.Base(f.name), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := with(around, f)
			if err == nil && t.Lookup("content") == nil {
				err = fmt.Errorf("template %s does not define \"content\"", f.name)
			}
			return t, err
		})
	}
	return nil
}

// file is a template file that was read.
type file struct{ name, text string }

// with parses files into a copy of what base gives.
func with(base func() (*template.Template, error), files ...file) (*template.Template, error) {
	t, err := base()
	if err != nil {
		return nil, err
	}
	if t, err = t.Clone(); err != nil {
		return nil, fmt.Errorf("copy frames: %w", err)
	}
	for _, f := range files {
		if _, err := t.New(f.name).Parse(f.text); err != nil {
			return nil, fmt.Errorf("parse template: %w", err)
		}
	}
	return t, nil
}

// page returns the templates of a page.
func (e *edition) page(name string) (*template.Template, error) {
	parsed, ok := e.pages[name]
	if !ok {
		return nil, fmt.Errorf("page: no template %q", name)
	}
	t, err := parsed()
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return t, nil
}

// ownAside reports whether the page's file defines the block at the side, which
// the frames have too.
func ownAside(t *template.Template) bool {
	from := t.Lookup("aside").Tree.ParseName
	return strings.Contains(from, "/") && !isShared(from)
}

func isShared(file string) bool { return strings.HasPrefix(path.Base(file), "_") }

// try has the contexts of every template of a page worked out, because
// html/template finds those that it cannot escape only before it runs one.
// Frames and partials are tried where a layout or the page calls them. One
// template that would call all, each in a branch that must end in the context
// in which it began, does it: html/template goes over all that it knows once for
// each template that is run, so that running one by one takes ten times as long.
func (e *edition) try() error {
	for _, name := range slices.Sorted(maps.Keys(e.pages)) {
		t, err := e.page(name)
		if err != nil {
			return err
		}
		var calls strings.Builder
		for _, part := range t.Templates() {
			if part.Tree == nil || part.Tree.Root == nil || isPart(part) {
				continue
			}
			_, _ = fmt.Fprintf(&calls, "{{if false}}{{template %q}}{{end}}", part.Name())
		}
		all, err := t.New("/try").Parse(calls.String())
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		if err := all.Execute(io.Discard, nil); err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
	}
	return nil
}

// isPart reports whether a template is a piece of the frames that only others call.
func isPart(t *template.Template) bool {
	return !strings.Contains(t.Tree.ParseName, "/") && !strings.HasPrefix(t.Name(), "layout-")
}
