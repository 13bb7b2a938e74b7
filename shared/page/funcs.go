// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// funcs are the template functions, bound to the language.
//
//	t "id" [count] ["Name" value]…   a message; thtml: one that holds markup, its values are escaped
//	dt time date iso local when ago duration num   times and numbers
//	link "/melden"                   an own address in the page's language
//	asset "css/leitstelle.css"       the fingerprinted address of an asset
//	icon "tel"                       a symbol of the sheet in the layout
//	field, steps, options, word      see field.go and words.go
//	sevchip tlpchip statechip …      see chips.go
//	site, self, list, fielderr       the Site; the Base of a view; a list; the error text of a field
func (e *edition) funcs() template.FuncMap {
	return template.FuncMap{
		"t": e.t, "thtml": e.thtml,
		"dt": e.dt, "time": e.clock, "date": e.date, "iso": e.iso, "local": e.local,
		"when": e.when, "ago": e.ago, "duration": e.duration, "num": e.num,
		"link":  func(p string) string { return Link(e.lang, p) },
		"asset": AssetURL, "icon": icon,
		"field": e.field, "steps": newSteps, "options": e.options, "word": e.word,
		"fielderr": e.fielderr, "errtext": e.errtext,
		"sevchip": e.sevchip, "tlpchip": tlpchip, "statechip": e.statechip, "clockchip": e.clockchip,
		"wordchip": e.wordchip, "avatar": e.avatar,
		"site": func() Site { return e.opts.Site }, "self": self,
		"service": e.service, "lang": func() string { return e.lang }, "zone": func() string { return e.loc.String() },
		"list": func(v ...any) []any { return v }, "join": join, "dict": dict,
		"now": func() time.Time { return e.now() },
	}
}

// thtml is t for messages that hold markup: the translators' markup stays, the
// values are escaped.
func (e *edition) thtml(id string, args ...any) template.HTML {
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case template.HTML:
			safe[i] = string(v)
		case string:
			safe[i] = template.HTMLEscapeString(v)
		case fmt.Stringer:
			safe[i] = template.HTMLEscapeString(v.String())
		default:
			safe[i] = a
		}
	}
	return template.HTML(e.t(id, safe...)) //nolint:gosec // own message files; the values are escaped
}

// self finds the Base of whatever a template was given.
func self(v any) *Base {
	if x, ok := v.(View); ok {
		return x.base()
	}
	return &Base{}
}

// service is the line under the operator's name.
func (e *edition) service() string {
	if e.lang == "en" && e.opts.Site.ServiceEN != "" {
		return e.opts.Site.ServiceEN
	}
	return e.opts.Site.Service
}

func icon(name string) template.HTML {
	return template.HTML(`<svg class="ic" aria-hidden="true" focusable="false"><use href="#i-` + //nolint:gosec // escaped
		template.HTMLEscapeString(name) + `"/></svg>`)
}

func join(sep string, parts []string) string { return strings.Join(parts, sep) }

// dict hands several named values to a partial; a name that is missing there is
// an error (missingkey=error).
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values do not make pairs", len(pairs))
	}
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: name %v is no text", pairs[i])
		}
		out[key] = pairs[i+1]
	}
	return out, nil
}
