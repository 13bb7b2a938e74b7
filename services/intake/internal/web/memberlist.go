// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/memberlist"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// listLimit is the largest request that brings a list: pasted and as a file.
const listLimit = 6*memberlist.MaxBytes + 64<<10

// pasteView takes a list of members.
type pasteView struct {
	stepView
	List string
}

func (h *Handler) pastePage(c echo.Context, status int, code string, form report.Form, list string, err error) error {
	v := &pasteView{stepView: *h.view(c, code, picking, form), List: list}
	v.Action = "/melden/" + v.Code + "/liste"
	v.Title = h.Pages.T(c, "intake.list.paste.title")
	if err != nil && !v.Fail(err) {
		return err
	}
	return h.Pages.Render(c, status, "liste", v)
}

func (h *Handler) showList(c echo.Context, code string, d report.Draft) error {
	return h.pastePage(c, http.StatusOK, code, d.Form, d.Form.List, nil)
}

// saveList reads a pasted or uploaded list; what cannot be read is said at once,
// with what was pasted still there.
func (h *Handler) saveList(c echo.Context, code string, d report.Draft) error {
	pasted, file, err := readList(c)
	if kind := fault.KindOf(err); kind != "" && kind != fault.Invalid {
		return err
	}
	text := pasted
	if err == nil && len(file) > 0 {
		var more string
		if more, err = memberlist.Decode(file); err == nil {
			text = strings.TrimSpace(text+"\n"+more) + "\n"
		}
	}
	if err == nil {
		text, err = memberlist.Decode([]byte(text))
	}
	if err == nil {
		_, err = memberlist.Parse(text)
	}
	if err != nil {
		return h.pastePage(c, http.StatusUnprocessableEntity, code, d.Form, pasted, err)
	}
	d.Form.List = text
	if err := h.Desk.Store.SaveDraft(c.Request().Context(), d); err != nil {
		return err
	}
	return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/ergebnis")
}

// readList takes the two inputs out of the request, neither longer than a list may be.
func readList(c echo.Context) (pasted string, file []byte, err error) {
	r, err := c.Request().MultipartReader()
	if err != nil {
		pasted = c.FormValue("list")
		return pasted, nil, tooLong(len(pasted))
	}
	for range maxParts {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, broken(err)
		}
		b, err := io.ReadAll(io.LimitReader(p, 2*memberlist.MaxBytes))
		if err != nil {
			return "", nil, broken(err)
		}
		switch p.FormName() {
		case "list":
			pasted = strings.ToValidUTF8(string(b), "\uFFFD")
		case "file":
			file = b
		}
	}
	return pasted, file, tooLong(len(pasted))
}

func tooLong(n int) error {
	var f fault.Fields
	if n > memberlist.MaxBytes {
		f.Add("list", "intake.err.list.large", "the list is larger than 256 KiB")
	}
	return f.Err()
}

// matchView is one entry that needs an answer, or that was left out.
type matchView struct {
	memberlist.Match
	Field   string
	Label   string
	Options []page.Option
	Picked  string
	Error   bool
}

// matchesView is what became of a list.
type matchesView struct {
	stepView
	Found, Twice []memberlist.Match
	Ask, Missing []matchView
	Refused, Bad []matchView
	Lost         []matchView // of Missing, those that nothing resembles
	ListPath     string
}

// noneOf is the choice "none of these".
const noneOf = "none"

// matches looks at the draft's list.
func (h *Handler) matches(c echo.Context, f report.Form) ([]memberlist.Match, error) {
	entries, err := memberlist.Parse(f.List)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, o := range h.ownBodies(session.Actor(c)) {
		own[o.ID] = true
	}
	all := h.Register.Organisations()
	bodies := make([]memberlist.Body, len(all))
	for i, o := range all {
		bodies[i] = memberlist.Body{
			ID: o.ID, AGS: o.AGS, ARS: o.ARS, Name: o.Name, Level: o.Level, Kreis: o.Kreis, KreisName: o.KreisName, Mandated: own[o.ID],
		}
	}
	return memberlist.NewIndex(bodies).Find(entries), nil
}

func (h *Handler) showMatches(c echo.Context, code string, d report.Draft) error {
	list, err := h.matches(c, d.Form)
	if err != nil {
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/liste")
	}
	return h.matchPage(c, http.StatusOK, code, d.Form, list, nil)
}

func (h *Handler) matchPage(c echo.Context, status int, code string, form report.Form, list []memberlist.Match, picked func(string) string) error {
	v := &matchesView{stepView: *h.view(c, code, picking, form), ListPath: "/melden/" + report.FormatCode(code) + "/liste"}
	v.Action, v.Title = "/melden/"+v.Code+"/ergebnis", h.Pages.T(c, "intake.matches.title")
	for i, m := range list {
		x := h.matchView(c, i, m)
		switch m.Kind {
		case memberlist.Found:
			v.Found = append(v.Found, m)
		case memberlist.Twice:
			v.Twice = append(v.Twice, m)
		case memberlist.NoMandate:
			v.Refused = append(v.Refused, x)
		case memberlist.Unreadable:
			v.Bad = append(v.Bad, x)
		case memberlist.Ambiguous, memberlist.Unknown:
			if picked != nil {
				x.Picked = picked(x.Field)
				x.Error = x.Picked == "" && m.Kind == memberlist.Ambiguous
			}
			if x.Error {
				v.Errors = append(v.Errors, page.FieldError{Field: x.Field, Code: "intake.err.matches.choose", Args: []any{"Name", m.Text}})
			}
			if m.Kind == memberlist.Ambiguous {
				v.Ask = append(v.Ask, x)
			} else {
				v.Missing = append(v.Missing, x)
				if len(x.Options) == 0 {
					v.Lost = append(v.Lost, x)
				}
			}
		}
	}
	return h.Pages.Render(c, status, "ergebnis", v)
}

func (h *Handler) matchView(c echo.Context, i int, m memberlist.Match) matchView {
	x := matchView{Match: m, Field: fmt.Sprintf("pick-%d", i), Label: h.Pages.T(c, "intake.matches.line", "Line", m.Line, "Name", m.Text)}
	for _, b := range m.Choices {
		o, _ := h.Register.Organisation(b.ID)
		option := page.Option{Value: b.ID, Label: bodyName(o), Hint: h.Pages.Word(page.Language(c), "level", o.Level), Off: !b.Mandated}
		if !b.Mandated {
			option.Hint = h.Pages.T(c, "intake.matches.nomandate")
		}
		x.Options = append(x.Options, option)
	}
	if len(x.Options) > 0 {
		x.Options = append(x.Options, page.Option{Value: noneOf, Label: h.Pages.T(c, "intake.matches.none"), Or: true})
	}
	return x
}

// saveMatches adds what was recognised and what was picked. What is not clear
// has to be answered first.
func (h *Handler) saveMatches(c echo.Context, code string, d report.Draft) error {
	list, err := h.matches(c, d.Form)
	if err != nil {
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/liste")
	}
	chosen := setOf(d.Form.Affected)
	open := false
	for i, m := range list {
		picked := c.FormValue(fmt.Sprintf("pick-%d", i))
		switch {
		case m.Kind == memberlist.Found:
			chosen[m.Body.ID] = true
		case m.Kind == memberlist.Ambiguous && picked == "":
			open = true
		case slices.ContainsFunc(m.Choices, func(b memberlist.Body) bool { return b.ID == picked && b.Mandated }):
			chosen[picked] = true
		}
	}
	if c.FormValue("do") == "drop" {
		d.Form.List = ""
	} else if open {
		return h.matchPage(c, http.StatusUnprocessableEntity, code, d.Form, list, func(field string) string { return c.FormValue(field) })
	} else {
		d.Form.Affected, d.Form.List, d.Form.FreeText = nil, "", false
		for _, o := range h.ownBodies(session.Actor(c)) {
			if chosen[o.ID] {
				d.Form.Affected = append(d.Form.Affected, o.ID)
			}
		}
	}
	if err := h.Desk.Store.SaveDraft(c.Request().Context(), d); err != nil {
		return err
	}
	return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/"+picking+"#wahl")
}

// particularView is what holds for one member alone.
type particularView struct {
	stepView
	Body    string
	ID      string
	Own     report.Particular
	Contact event.Contact
}

func (h *Handler) particularPage(c echo.Context, status int, code string, form report.Form, id string, own report.Particular, err error) error {
	o, ok := h.Register.Organisation(id)
	if !ok || !slices.Contains(form.Affected, id) { // it was not picked, or no longer is
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/pruefen")
	}
	v := &particularView{stepView: *h.view(c, code, "pruefen", form), Body: bodyName(o), ID: id, Own: own}
	v.Action, v.Title = "/melden/"+v.Code+"/angaben", h.Pages.T(c, "intake.particular.title", "Name", bodyName(o))
	if own.Callback != nil {
		v.Contact = *own.Callback
	}
	if err != nil {
		for _, f := range fault.FieldsOf(err) {
			v.Errors = append(v.Errors, page.FieldError{Field: strings.TrimPrefix(f.Name, "callback."), Code: f.Code, Detail: f.Detail})
		}
	}
	return h.Pages.Render(c, status, "angaben", v)
}

func (h *Handler) showParticular(c echo.Context, code string, d report.Draft) error {
	id := c.QueryParam("stelle")
	return h.particularPage(c, http.StatusOK, code, d.Form, id, d.Form.Members[id], nil)
}

func (h *Handler) saveParticular(c echo.Context, code string, d report.Draft) error {
	id := c.FormValue("stelle")
	m := report.Member{Affected: id, Particular: report.Particular{Description: strings.TrimSpace(c.FormValue("description")), Impact: c.FormValue("impact")}}
	if contact := (event.Contact{Name: strings.TrimSpace(c.FormValue("name")), Phone: strings.TrimSpace(c.FormValue("phone")), Email: strings.TrimSpace(c.FormValue("email"))}); contact != (event.Contact{}) {
		m.Callback = &contact
	}
	fields := report.CheckMember(m)
	if err := fields.Err(); err != nil {
		return h.particularPage(c, http.StatusUnprocessableEntity, code, d.Form, id, m.Particular, err)
	}
	if !slices.Contains(d.Form.Affected, id) {
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/pruefen")
	}
	if d.Form.Members == nil {
		d.Form.Members = map[string]report.Particular{}
	}
	d.Form.Members[id] = m.Particular
	if m.Empty() {
		delete(d.Form.Members, id)
	}
	if err := h.Desk.Store.SaveDraft(c.Request().Context(), d); err != nil {
		return err
	}
	return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/pruefen#stelle-"+id)
}
