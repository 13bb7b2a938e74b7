// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"sync"
	"time"
	_ "time/tzdata" // Europe/Berlin also where the system has no zone files

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"
)

//go:embed templates/*.html static common
var ownTemplates embed.FS

// Options are what a Renderer is made of.
type Options struct {
	Site      Site
	Templates fs.FS                      // templates/*.html: each defines "content", optionally "aside", "kpis" and fragment blocks; files named _*.html are shared by all pages
	Messages  fs.FS                      // messages/de.json and en.json, ids prefixed with the service's name
	Location  *time.Location             // nil: Europe/Berlin
	Now       func() time.Time           // nil: time.Now
	User      func(c echo.Context) *User // who is signed in; nil: nobody
	Log       *zap.Logger                // nil: silent
	Missing   func(lang, id string)      // told of each message id that is missing, besides the log; tests fail here
}

// Renderer writes a service's pages in both languages. It is safe for
// concurrent use.
type Renderer struct {
	opts Options
	lang map[string]*edition
}

// edition is everything in one language.
type edition struct {
	format
	texts *catalogue
	opts  *Options
	pages map[string]func() (*template.Template, error) // parsed at the first use
	bufs  *sync.Pool
}

// New parses all messages and, once in a process, all templates in both
// languages. Any mistake in them fails here and not in front of a user.
func New(o Options) (*Renderer, error) {
	if o.Location == nil {
		loc, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		o.Location = loc
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	r := &Renderer{opts: o, lang: map[string]*edition{}}
	for _, lang := range Languages() {
		e, err := newEdition(lang, &r.opts)
		if err != nil {
			return nil, fmt.Errorf("page: %s: %w", lang, err)
		}
		r.lang[lang] = e
	}
	return r, nil
}

func newEdition(lang string, o *Options) (*edition, error) {
	texts, err := newCatalogue(lang, ownMessages, o.Messages)
	if err != nil {
		return nil, err
	}
	e := &edition{
		format: format{lang: lang, loc: o.Location, now: o.Now},
		texts:  texts, opts: o, pages: map[string]func() (*template.Template, error){},
		bufs: &sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	return e, e.addAll(o.Templates)
}

// Render answers with a whole page in its layout. name is the template's file
// without ".html". Nothing is sent when the template fails.
func (r *Renderer) Render(c echo.Context, status int, name string, view View) error {
	e := r.lang[Language(c)]
	t, err := e.page(name)
	if err != nil {
		return err
	}
	b := view.base()
	r.complete(c, b)
	b.aside = ownAside(t) && b.Main == MainAuto && b.Layout == Portal
	setHeaders(c, b)
	return e.write(c, status, t, "layout-"+string(b.Layout), view)
}

// Fragment answers with one named block of a page's template, for htmx and
// live.js. data is what the block expects.
func (r *Renderer) Fragment(c echo.Context, status int, name, block string, data any) error {
	e := r.lang[Language(c)]
	t, err := e.page(name)
	if err != nil {
		return err
	}
	if t.Lookup(block) == nil {
		return fmt.Errorf("page: no block %q in template %q", block, name)
	}
	if v, ok := data.(View); ok {
		r.complete(c, v.base())
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "private, no-store")
	c.Response().Header().Add(echo.HeaderVary, "HX-Request")
	return e.write(c, status, t, block, data)
}

// T returns a message in the language of the request, for titles and notices.
// args as for the template function t.
func (r *Renderer) T(c echo.Context, id string, args ...any) string {
	return r.lang[Language(c)].t(id, args...)
}

// Text returns a message in a language, for mails and exports.
func (r *Renderer) Text(lang, id string, args ...any) string {
	e, ok := r.lang[lang]
	if !ok {
		e = r.lang[Languages()[0]]
	}
	return e.t(id, args...)
}

// Site returns the configuration that the pages show.
func (r *Renderer) Site() Site { return r.opts.Site }

// complete fills in what every page has.
func (r *Renderer) complete(c echo.Context, b *Base) {
	b.Lang = Language(c)
	if b.Layout == "" {
		b.Layout = Portal
	}
	if b.Path == "" {
		b.Path = c.Request().URL.RequestURI()
	}
	if b.User == nil && r.opts.User != nil {
		b.User = r.opts.User(c)
	}
	if b.Notice == nil {
		b.Notice = r.takeFlash(c)
	}
	if b.Layout == Desk && b.Menu == nil {
		b.Menu = DeskMenu(b.User)
		for i := range b.Menu {
			b.Menu[i].Active = b.Menu[i].ID == b.Nav
			b.Menu[i].Count = b.Counts[b.Menu[i].ID]
		}
	}
	if b.Layout == Desk && b.Nav == NavConstituency && b.Sub == nil {
		b.Sub = RegisterMenu(b.User, b.Path)
	}
}

func (e *edition) write(c echo.Context, status int, t *template.Template, name string, data any) error {
	buf, _ := e.bufs.Get().(*bytes.Buffer)
	defer e.bufs.Put(buf)
	buf.Reset()
	if err := t.ExecuteTemplate(buf, name, data); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return c.HTMLBlob(status, buf.Bytes())
}

func (e *edition) t(id string, args ...any) string {
	s, err := e.texts.text(e.format, id, args)
	if err != nil {
		e.opts.Log.Error("page: message missing", zap.String("lang", e.lang), zap.String("id", id), zap.Error(err))
		if e.opts.Missing != nil {
			e.opts.Missing(e.lang, id)
		}
	}
	return s
}
