// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"fmt"
	"slices"
)

// Field is one input with its label, hint and error, as {{template "field" …}}
// draws it.
type Field struct {
	Name, Label, Hint, Error    string
	Type                        string // text tel email url number password date datetime-local search file hidden textarea select radios checks check
	Value                       string
	Values                      []string // checks: what is ticked
	Options                     []Option
	Autocomplete, Inputmode     string
	Placeholder, Accept         string
	Rows, Maxlength             int
	Optional, Checked, Multiple bool
	Required                    bool // only sets aria-required; the server checks
	Autofocus                   bool
	H1                          bool   // radios, checks: the legend is the page's h1
	List                        string // id of a <datalist>
	Dense                       bool   // desk: small input
	Lead                        string // radios, checks: text under the legend
}

// Option is one choice of a select, of radios or of checks.
type Option struct {
	Value   string
	Label   string // in the page's language
	Hint    string
	Or      bool // draws "oder" before it
	Chosen  bool // set by field
	Off     bool // cannot be chosen
	FieldID string
}

// ID is the id of the input: the error summary links to it.
func (f Field) ID() string {
	if len(f.Options) > 0 && (f.Type == "radios" || f.Type == "checks") {
		return f.Options[0].FieldID
	}
	return f.Name
}

// DescribedBy names the hint and the error for screen readers.
func (f Field) DescribedBy() string {
	out := ""
	if f.Hint != "" || f.Lead != "" {
		out = f.Name + "-h"
	}
	if f.Error != "" {
		if out != "" {
			out += " "
		}
		out += f.Name + "-e"
	}
	return out
}

// field makes an input: field . "phone" "intake.phone" .Form.Phone "type" "tel"
// "hint" "intake.phone.hint" "autocomplete" "tel" "optional" true. The view
// brings the error of the field with that name; label, hint, lead and
// placeholder are message ids; "text" and "hinttext" give label and hint as text.
func (e *edition) field(view any, name, label string, value any, pairs ...any) (Field, error) {
	f := Field{Name: name, Type: "text", Rows: 4, Error: e.fielderr(view, name)}
	if label != "" {
		f.Label = e.t(label)
	}
	if len(pairs)%2 != 0 {
		return f, fmt.Errorf("field %s: %d settings do not make pairs", name, len(pairs))
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := e.set(&f, str(pairs[i]), pairs[i+1]); err != nil {
			return f, fmt.Errorf("field %s: %w", name, err)
		}
	}
	switch v := value.(type) {
	case []string:
		f.Values = v
	case bool:
		f.Checked = v
	case nil:
	default:
		f.Value = str(v)
	}
	for i := range f.Options {
		o := &f.Options[i]
		o.Chosen = slices.Contains(f.Values, o.Value) || f.Value == o.Value && (f.Type != "radios" || f.Value != "")
		o.FieldID = name + "-" + o.Value
		if i == 0 {
			o.FieldID = name
		}
	}
	return f, nil
}

func (e *edition) set(f *Field, key string, v any) error {
	ok := true
	switch key {
	case "type":
		f.Type = str(v)
	case "hint":
		f.Hint = e.t(str(v))
	case "hinttext":
		f.Hint = str(v)
	case "text":
		f.Label = str(v)
	case "lead":
		f.Lead = e.t(str(v))
	case "placeholder":
		f.Placeholder = e.t(str(v))
	case "autocomplete":
		f.Autocomplete = str(v)
	case "inputmode":
		f.Inputmode = str(v)
	case "accept":
		f.Accept = str(v)
	case "list":
		f.List = str(v)
	case "options":
		var o []Option
		o, ok = v.([]Option)
		f.Options = slices.Clone(o)
	case "rows":
		f.Rows, ok = v.(int)
	case "maxlength":
		f.Maxlength, ok = v.(int)
	case "optional":
		f.Optional, ok = v.(bool)
	case "required":
		f.Required, ok = v.(bool)
	case "multiple":
		f.Multiple, ok = v.(bool)
	case "autofocus":
		f.Autofocus, ok = v.(bool)
	case "h1":
		f.H1, ok = v.(bool)
	case "dense":
		f.Dense, ok = v.(bool)
	default:
		return fmt.Errorf("unknown setting %q", key)
	}
	if !ok {
		return fmt.Errorf("setting %s cannot be %T", key, v)
	}
	return nil
}

// fielderr is the error text at a field of the view, "" when it is right.
func (e *edition) fielderr(view any, name string) string {
	for _, x := range self(view).Errors {
		if x.Field == name {
			return e.errtext(x)
		}
	}
	return ""
}

// errtext is the mistake in the page's language; a code without a message
// shows the detail.
func (e *edition) errtext(x FieldError) string {
	if x.Code == "" || !e.texts.known[x.Code] && x.Detail != "" {
		return x.Detail
	}
	return e.t(x.Code, x.Args...)
}

// options are the words of a list as choices: options "impact"; with more
// identifiers only these: options "severity" "high" "low".
func (e *edition) options(list string, only ...string) []Option {
	ids := only
	if len(ids) == 0 {
		ids = words[list]
	}
	out := make([]Option, 0, len(ids))
	for _, id := range ids {
		out = append(out, Option{Value: id, Label: e.word(list, id), Hint: e.hint(list, id), Or: list == "what" && id == "unknown"})
	}
	return out
}

// Options returns the words of a list as choices in the language, for handlers.
func (r *Renderer) Options(lang, list string, only ...string) []Option {
	return r.lang[lang].options(list, only...)
}

// Steps is the progress of a form of several pages.
type Steps struct{ Now, Total int }

func newSteps(now, total int) Steps { return Steps{Now: now, Total: total} }

// Marks are the classes of the bars.
func (s Steps) Marks() []string {
	out := make([]string, s.Total)
	for i := range out {
		switch {
		case i+1 < s.Now:
			out[i] = "done"
		case i+1 == s.Now:
			out[i] = "now"
		}
	}
	return out
}

// Row is one line of a summary list ({{template "summary" .Rows}}): question,
// answer, and where to change it.
type Row struct {
	Label  string // in the page's language
	Value  string
	Lines  []string // more than one answer
	Change string   // address of "Ändern", "" without
}

// Empty is what a list shows when nothing is in it ({{template "empty" .}}).
type Empty struct {
	Text string
	Href string // "" without a link
	Link string
}
