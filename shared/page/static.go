// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// staticView is a page whose text is its template, one file a language.
type staticView struct {
	Base
	Slug  string
	Kinds []string
	Kind  string
}

// staticTitles are the static pages: the path below the root, and the message
// with its title. The template is static/<language>/<slug, / as ->.html.
var staticTitles = map[string]string{
	"barrierefreiheit": "page.static.accessibility", "barriere-melden": "page.static.barrier",
	"leichte-sprache": "page.static.easy", "datenschutz": "page.static.privacy", "impressum": "page.static.imprint",
	"hilfe": "page.static.help", "hilfe/sofortmassnahmen": "page.static.firstaid", "hilfe/datenschutz": "page.static.dataprotection",
	"hilfe/polizei": "page.static.police", "hilfe/tlp": "page.static.tlp", "hilfe/dateien": "page.static.files",
	"hilfe/echtheit": "page.static.genuine", "problems": "page.static.problems",
}

// problemKinds are the types of problem+json (fault) with a page each: the
// "type" of a problem is its address.
var problemKinds = []fault.Kind{
	fault.Malformed, fault.Invalid, fault.NotFound, fault.Conflict, fault.Stale, fault.PreconditionRequired,
	fault.TooLarge, fault.Forbidden, fault.StepUpRequired, fault.Unauthenticated, fault.Limited, fault.Unavailable, fault.Internal,
}

// StaticPages returns the paths of the pages that every installation has, with
// a slash in front. One service serves them all through RenderStatic.
func StaticPages() []string {
	var out []string
	for slug := range maps.Keys(staticTitles) {
		out = append(out, "/"+slug)
	}
	for _, k := range problemKinds {
		out = append(out, "/problems/"+string(k))
	}
	slices.Sort(out)
	return out
}

// RenderStatic answers with one of StaticPages, the slash in front or not.
// NotFound for any other.
func (r *Renderer) RenderStatic(c echo.Context, slug string) error {
	slug = strings.Trim(slug, "/")
	v := &staticView{Slug: slug}
	v.Index = true
	if kind, ok := strings.CutPrefix(slug, "problems/"); ok && slices.Contains(problemKinds, fault.Kind(kind)) {
		v.Kind = kind
		v.Title = r.T(c, "page.problem."+kind)
		v.Index = false
		return r.Render(c, http.StatusOK, "static/problem", v)
	}
	title, ok := staticTitles[slug]
	if !ok {
		return fault.New(fault.NotFound, "no page /%s", slug)
	}
	v.Title = r.T(c, title)
	for _, k := range problemKinds {
		v.Kinds = append(v.Kinds, string(k))
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "private, no-cache")
	return r.Render(c, http.StatusOK, "static/"+strings.ReplaceAll(slug, "/", "-"), v)
}
