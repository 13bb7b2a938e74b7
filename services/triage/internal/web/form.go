// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page"
)

// The actions of a case, as the addresses name them.
const (
	actTake     = "uebernehmen"
	actAssign   = "zuweisen"
	actClassify = "einstufen"
	actClass    = "klasse"
	actState    = "status"
	actClose    = "abschliessen"
	actMessage  = "nachricht"
	actNote     = "notiz"
	actMerge    = "verbinden"
	actVerify   = "bestaetigen"
	actLock     = "sperren"
	actUnlock   = "freigeben"
)

// actView is the form of one action: small beside its button, or a page of its
// own when something has to be corrected.
type actView struct {
	Name    string
	Action  string
	Version int
	Back    string
	Key     string
	Inputs  []inputView
	Todo    []string // closing: what is still open
}

// Title and Submit are message ids.
func (a actView) Title() string { return "triage.act." + a.Name }

// Submit is what the button says.
func (a actView) Submit() string { return "triage.do." + a.Name }

// inputView is one field of such a form.
type inputView struct {
	Kind    string // select, textarea, text, check
	ID      string
	Name    string
	Label   string // message id
	Hint    string // message id
	Value   string
	Options []page.Option
	Rows    int
	Max     int
	Error   string
}

// acts are the forms beside the buttons of the pane.
func (h *Handler) acts(c echo.Context, v *caseView) map[string]actView {
	out := map[string]actView{}
	for _, name := range []string{actTake, actAssign, actClassify, actClass, actState, actClose, actMessage, actNote, actMerge, actVerify, actLock, actUnlock} {
		out[name] = h.act(c, v, name, nil, nil)
	}
	return out
}

// act makes the form of an action. Given what was typed, it keeps it, puts the
// mistakes at their fields and takes the whole page.
func (h *Handler) act(c echo.Context, v *caseView, name string, typed url.Values, errs []page.FieldError) actView {
	a := actView{Name: name, Action: v.Path + "/" + name, Version: v.Version, Back: v.Back, Key: event.NewID()}
	if name == actClass {
		a.Action = v.Path + "/" + actClassify
	}
	if k := typed.Get("key"); k != "" {
		a.Key = k
	}
	a.Inputs = h.inputs(c, v, name)
	if name == actClose {
		a.Todo = h.todo(c, v)
	}
	for i := range a.Inputs {
		in := &a.Inputs[i]
		in.ID = name + "-" + in.Name
		if typed != nil {
			in.ID = in.Name
			in.Value = typed.Get(in.Name)
		}
		for j := range in.Options {
			in.Options[j].Chosen = in.Options[j].Value == in.Value
		}
		for _, e := range errs {
			if e.Field == in.Name {
				in.Error = h.errorText(c, e)
			}
		}
	}
	return a
}

func (h *Handler) errorText(c echo.Context, e page.FieldError) string {
	if e.Code == "" {
		return e.Detail
	}
	return h.Pages.T(c, e.Code)
}

// inputs are the fields of an action with the values of now.
func (h *Handler) inputs(c echo.Context, v *caseView, name string) []inputView {
	lang := page.Language(c)
	words := func(list string) []page.Option { return h.Pages.Options(lang, list) }
	reason := inputView{Kind: "textarea", Name: "reason", Label: "triage.field.reason", Rows: 2, Max: casefile.MaxReason}
	none := page.Option{Label: h.Pages.T(c, "triage.choose")}
	switch name {
	case actAssign:
		return []inputView{{
			Kind: "select", Name: "assignee", Label: "triage.field.assignee", Value: assigneeID(v),
			Options: append(h.workers(c), page.Option{Label: h.Pages.T(c, "triage.assign.nobody")}),
		}, reason}
	case actClassify:
		return []inputView{
			{Kind: "select", Name: "severity", Label: "triage.field.severity", Value: string(v.Severity), Options: words("severity")},
			{Kind: "select", Name: "class", Label: "triage.field.class", Value: v.Class, Options: append([]page.Option{none}, h.classes(c)...)},
			{Kind: "select", Name: "tlp", Label: "triage.field.tlp", Value: string(v.TLP), Options: h.labels(lang)},
			{Kind: "text", Name: "title", Label: "triage.field.title", Value: v.Title, Max: casefile.MaxTitle},
			reason,
		}
	case actClass:
		return []inputView{{Kind: "select", Name: "class", Label: "triage.field.class", Value: firstOf(v.Class, v.Suggested), Options: h.classes(c)}}
	case actState:
		reason.Hint = "triage.field.reason.reopen"
		return []inputView{{Kind: "select", Name: "state", Label: "triage.field.state", Options: h.moves(lang, v.State)}, reason}
	case actClose:
		reason.Label, reason.Rows = "triage.field.closing", 3
		return []inputView{
			{Kind: "select", Name: "class", Label: "triage.field.class", Value: v.Class, Options: append([]page.Option{none}, h.classes(c)...)},
			{Kind: "select", Name: "disposition", Label: "triage.field.disposition", Options: append([]page.Option{none}, words("disposition")...)},
			reason,
		}
	case actMessage:
		return []inputView{
			{Kind: "textarea", Name: "text", Label: "triage.field.message", Hint: "triage.field.message.hint", Rows: 5, Max: casefile.MaxText},
			{Kind: "check", Name: "wait", Label: "triage.field.wait"},
		}
	case actNote:
		return []inputView{
			{Kind: "textarea", Name: "text", Label: "triage.field.note", Hint: "triage.field.note.hint", Rows: 4, Max: casefile.MaxText},
			{Kind: "check", Name: "answered", Label: "triage.field.answered"},
		}
	case actLock:
		reason.Hint = "triage.field.reason.lock"
		return []inputView{reason}
	case actUnlock:
		reason.Hint = "triage.field.reason.unlock"
		return []inputView{reason}
	case actMerge:
		reason.Hint = "triage.field.reason.merge"
		return []inputView{targetInput(v), reason}
	case actVerify:
		return h.bodyInputs(c, v)
	}
	return nil
}

func assigneeID(v *caseView) string {
	if v.Assignee == nil {
		return ""
	}
	return v.Assignee.ID
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (h *Handler) labels(lang string) []page.Option {
	out := h.Pages.Options(lang, "tlp")
	for i := range out {
		out[i].Label = "TLP:" + out[i].Value + " – " + out[i].Label
	}
	return out
}

// classes are the RSIT types under their classes' names.
func (h *Handler) classes(c echo.Context) []page.Option {
	var out []page.Option
	for _, v := range page.Words("rsit") {
		out = append(out, page.Option{Value: v, Label: h.classWords(c, v)})
	}
	return out
}

// moves are the states that can follow, without those that have a form of their own.
func (h *Handler) moves(lang string, from casefile.State) []page.Option {
	var out []page.Option
	for _, s := range from.Moves() {
		if s != casefile.Closed && s != casefile.Merged {
			out = append(out, page.Option{Value: string(s), Label: h.Pages.Word(lang, "state", string(s))})
		}
	}
	return out
}

// targetInput is the case to merge into: the unfinished ones of the same body.
func targetInput(v *caseView) inputView {
	in := inputView{Kind: "select", Name: "target", Label: "triage.field.target", Hint: "triage.field.target.hint"}
	for _, s := range v.Siblings {
		in.Options = append(in.Options, page.Option{Value: s.Reference, Label: s.Reference + " " + s.Title})
	}
	if len(in.Options) == 0 {
		return inputView{Kind: "text", Name: "target", Label: "triage.field.target", Hint: "triage.field.target.none", Max: 40}
	}
	in.Value = in.Options[0].Value
	return in
}

// bodyInputs let the analyst say which body a guest meant.
func (h *Handler) bodyInputs(c echo.Context, v *caseView) []inputView {
	if v.Organisation.ID != "" {
		return nil
	}
	in := inputView{Kind: "select", Name: "organisation", Label: "triage.field.body", Hint: "triage.field.body.hint"}
	for _, o := range h.Register.Search(v.Organisation.Name, 8) {
		in.Options = append(in.Options, page.Option{Value: o.ID, Label: bodyLabel(o.Name, o.KreisName, o.AGS)})
	}
	other := inputView{Kind: "text", Name: "other", Label: "triage.field.body.other", Hint: "triage.field.body.other.hint", Max: 120}
	if len(in.Options) == 0 {
		return []inputView{other}
	}
	in.Options = append(in.Options, page.Option{Label: h.Pages.T(c, "triage.field.body.none")})
	in.Value = in.Options[0].Value
	return []inputView{in, other}
}

func bodyLabel(name, kreis, ags string) string {
	if kreis != "" && kreis != name {
		name += ", " + kreis
	}
	if ags != "" {
		name += " (" + ags + ")"
	}
	return name
}

// todo is what is still open when somebody wants to close.
func (h *Handler) todo(c echo.Context, v *caseView) []string {
	var out []string
	for _, k := range v.Clocks {
		switch {
		case k.Text != "":
			out = append(out, k.Name+": "+k.Text)
		case k.State == "":
			out = append(out, h.Pages.T(c, "triage.todo.clock", "Name", k.Name))
		}
	}
	if !v.Verified {
		out = append(out, h.Pages.T(c, "triage.todo.verify"))
	}
	if slices.Contains(v.Flags, casefile.FlagMessage) {
		out = append(out, h.Pages.T(c, "triage.todo.message"))
	}
	if slices.Contains(v.Flags, casefile.FlagDelivery) {
		out = append(out, h.Pages.T(c, "triage.todo.delivery"))
	}
	if v.State == casefile.Waiting {
		out = append(out, h.Pages.T(c, "triage.todo.waiting"))
	}
	return out
}
