// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/memberlist"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

// maxNamed is how many bodies a line names before it only counts them.
const maxNamed = 5

// affectedLines are the bodies in words: few by name, many by number.
func (h *Handler) affectedLines(c echo.Context, bodies []report.Body) []string {
	if len(bodies) > maxNamed {
		return []string{h.Pages.T(c, "intake.members.count", len(bodies))}
	}
	out := make([]string, len(bodies))
	for i, b := range bodies {
		out[i] = b.Organisation.Name
	}
	return out
}

// messageView is a message with whom it is about, for who deals with several bodies.
type messageView struct {
	report.Message
	About string
}

// didView is what a body did about a report of its provider, in words.
type didView struct {
	report.Step
	What, About string
}

// about names the bodies of an entry; "" when there is only one to deal with.
func (h *Handler) about(c echo.Context, s report.Seen, bodies []string) string {
	switch {
	case len(s.Affected) < 2:
		return ""
	case len(bodies) == len(s.Affected):
		return h.Pages.T(c, "intake.to.all")
	case len(bodies) > maxNamed:
		return h.Pages.T(c, "intake.members.count", len(bodies))
	}
	var names []string
	for _, b := range s.Affected {
		if slices.Contains(bodies, b.Organisation.ID) {
			names = append(names, b.Organisation.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (h *Handler) messageViews(c echo.Context, s report.Seen) []messageView {
	var out []messageView
	for _, m := range s.Messages {
		out = append(out, messageView{m, h.about(c, s, m.Bodies)})
	}
	return out
}

func (h *Handler) didViews(c echo.Context, s report.Seen) []didView {
	words := map[report.StepKind]string{
		report.TakenOver: "intake.did.taken_over", report.GivenBack: "intake.did.given_back", report.Contradicted: "intake.did.contradicted",
	}
	var out []didView
	for _, x := range s.Steps {
		out = append(out, didView{x, h.Pages.T(c, words[x.Kind]), h.about(c, s, x.Bodies)})
	}
	return out
}

// partView is what the people of a body see about the provider that reported.
type partView struct {
	Agent, Code, Receipt, Key string
	TakenOverAt               *time.Time
	MayTakeOver, MayReturn    bool
}

func (h *Handler) partView(s report.Seen) *partView {
	b := s.Affected[0]
	return &partView{
		Agent: b.Agent.Name, Code: h.Desk.PartCodeOf(s.Report, b), Receipt: h.Desk.PartReceiptOf(s.Report, b), Key: newKey(),
		TakenOverAt: b.TakenOverAt, MayTakeOver: s.MayTakeOver, MayReturn: s.MayReturn,
	}
}

// severalView is the table of the bodies for who deals with several.
type severalView struct {
	Total         int
	Query, Status string
	Statuses      []page.Option
	Rows          []bodyRow
	More          string
	MayExtend     bool
}

type bodyRow struct {
	Name, Write, TakeOver string
	Status                report.Status
	Cases                 []report.CaseRef
	Notes                 []string
}

// forReader adds what only some readers see: the table of several bodies, or
// what concerns the own one.
func (h *Handler) forReader(c echo.Context, v *reportView, o report.Occasion) error {
	if h.ownPart(v.S, o) {
		v.Part = h.partView(v.S)
	}
	if !v.S.Several {
		return nil
	}
	f := bodyFilter{Query: c.QueryParam("q"), Status: report.Status(c.QueryParam("status")), After: c.QueryParam("after"), Limit: 50}
	if err := f.check(); err != nil {
		return err
	}
	list, next, total, err := h.pageOfBodies(v.S, f)
	if err != nil {
		return err
	}
	x := &severalView{Total: total, Query: f.Query, Status: string(f.Status), MayExtend: v.S.MayExtend}
	x.Statuses = append([]page.Option{{Label: h.Pages.T(c, "intake.bodies.status.all")}}, h.Pages.Options(page.Language(c), "report_status")...)
	for _, b := range list {
		x.Rows = append(x.Rows, h.bodyLine(c, v, b))
	}
	if next != "" {
		q := url.Values{"q": {f.Query}, "status": {string(f.Status)}, "after": {next}}
		x.More = page.Link(page.Language(c), v.Path+"?"+q.Encode()+"#stellen")
	}
	v.Several = x
	return nil
}

func (h *Handler) bodyLine(c echo.Context, v *reportView, b report.Body) bodyRow {
	o, known := h.Register.Organisation(b.Organisation.ID)
	row := bodyRow{Name: b.Organisation.Name, Status: b.Status, Cases: b.Cases}
	if known {
		row.Name = bodyName(o)
	}
	note := func(at *time.Time, id string) {
		if at != nil {
			row.Notes = append(row.Notes, h.Pages.T(c, id, "When", at.In(berlin).Format("02.01. 15:04")))
		}
	}
	note(b.TakenOverAt, "intake.bodies.taken")
	note(b.DisputedAt, "intake.bodies.disputed")
	note(b.AddedAt, "intake.bodies.added")
	switch {
	case v.S.Agent && v.S.MayAdd && b.TakenOverAt == nil:
		row.Write = v.Path + "?an=" + b.Organisation.ID + "#nachrichten"
	case !v.S.Agent && v.S.MayTakeOver && b.OnBehalf != "" && b.TakenOverAt == nil:
		row.TakeOver = v.Path + "/uebernehmen?stelle=" + b.Organisation.ID
	}
	return row
}

// toOf is the addressee that a link names, as the input shows it.
func (h *Handler) toOf(id string, s report.Seen) string {
	for _, b := range s.Affected {
		if b.Organisation.ID == id && id != "" {
			if b.Organisation.AGS != "" {
				return b.Organisation.AGS + " " + b.Organisation.Name
			}
			return b.Organisation.Name
		}
	}
	return ""
}

// addressees reads whom something is for: nothing means all; else names and AGS
// as in a list. What is not clear is said at the input.
func (h *Handler) addressees(by actor.Actor, typed string) ([]string, error) {
	if strings.TrimSpace(typed) == "" {
		return nil, nil
	}
	list, wrong, err := h.resolve(by.View(actor.ReportRead), typed)
	if err != nil {
		return nil, err
	}
	var f fault.Fields
	for range wrong {
		f.Add("to", "intake.err.to", "one of the addressees is unknown or not clear")
		break
	}
	return list, f.Err()
}

// resolve finds the bodies of a typed list among those of a view, and what of it
// is no single one of them.
func (h *Handler) resolve(v actor.View, typed string) (ids []string, wrong []memberlist.Match, err error) {
	text, err := memberlist.Decode([]byte(typed))
	if err != nil {
		return nil, nil, err
	}
	entries, err := memberlist.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	own := setOf(v.Organisations)
	var bodies []memberlist.Body
	for _, o := range h.Register.Organisations() {
		bodies = append(bodies, memberlist.Body{
			ID: o.ID, AGS: o.AGS, ARS: o.ARS, Name: o.Name, Level: o.Level, Kreis: o.Kreis, KreisName: o.KreisName, Mandated: v.Everything || own[o.ID],
		})
	}
	for _, m := range memberlist.NewIndex(bodies).Find(entries) {
		switch m.Kind {
		case memberlist.Found:
			ids = append(ids, m.Body.ID)
		case memberlist.Twice:
		case memberlist.Ambiguous, memberlist.Unknown, memberlist.NoMandate, memberlist.Unreadable:
			wrong = append(wrong, m)
		}
	}
	return ids, wrong, nil
}

// addressing puts the mistakes of addressees at their input.
func addressing(err error) error {
	fields := fault.FieldsOf(err)
	if len(fields) == 0 {
		if fault.Is(err, fault.Conflict) {
			var f fault.Fields
			f.Add("to", "intake.err.affected.taken", err.Error())
			return f.Err()
		}
		return err
	}
	var out fault.Fields
	for _, f := range fields {
		if strings.HasPrefix(f.Name, "affected") || f.Name == "list" {
			f.Name = "to"
		}
		if !slices.ContainsFunc(out, func(x fault.Field) bool { return x.Name == f.Name }) {
			out = append(out, f)
		}
	}
	return out.Err()
}

// extendView names further members.
type extendView struct {
	page.Base
	Path, Key, List string
	Own             []ownView // what holds for single ones of them
	More            int       // further ones, for which there is no room on the page
}

// ownView is what holds for one of the bodies that join.
type ownView struct {
	ID, Name string
	report.Particular
	Contact event.Contact
	Open    bool
}

// maxWrong is how many entries of a list are named before the rest is counted.
const maxWrong = 20

// maxOwn is for how many bodies the page asks what holds for them alone.
const maxOwn = 50

// ownFields reads what was typed for single bodies, with the mistakes at their fields.
func (h *Handler) ownFields(c echo.Context, ids []string) (list []report.Member, shown []ownView, wrong fault.Fields) {
	for _, id := range ids[:min(len(ids), maxOwn)] {
		get := func(name string) string { return strings.TrimSpace(c.FormValue(name + "-" + id)) }
		x := ownView{ID: id, Name: id, Contact: event.Contact{Name: get("name"), Phone: get("phone"), Email: get("email")}}
		if o, ok := h.Register.Organisation(id); ok {
			x.Name = bodyName(o)
		}
		x.Description = get("description")
		if x.Contact != (event.Contact{}) {
			contact := x.Contact
			x.Callback = &contact
		}
		if x.Open = !x.Empty(); x.Open {
			m := report.Member{Affected: id, Particular: x.Particular}
			for _, f := range report.CheckMember(m) {
				wrong.Add(strings.TrimPrefix(f.Name, "callback.")+"-"+id, f.Code, f.Detail)
			}
			list = append(list, m)
		}
		shown = append(shown, x)
	}
	return list, shown, wrong
}

func (h *Handler) extendPage(c echo.Context, status int, list string, own []ownView, more int, err error) error {
	v := &extendView{Path: "/melden/vorgang/" + c.Param("id"), Key: newKey(), List: list, Own: own, More: more}
	v.Title = h.Pages.T(c, "intake.extend.title")
	if err != nil {
		for _, f := range fault.FieldsOf(err) {
			at := "list"
			if slices.ContainsFunc(own, func(x ownView) bool { return strings.HasSuffix(f.Name, "-"+x.ID) }) {
				at = f.Name
			}
			v.Errors = append(v.Errors, page.FieldError{Field: at, Code: f.Code, Args: []any{"Name", f.Detail}, Detail: f.Detail})
		}
		if len(v.Errors) == 0 {
			return err
		}
	}
	return h.Pages.Render(c, status, "stellen-dazu", v)
}

func (h *Handler) showExtend(c echo.Context) error {
	if err := h.Desk.MayExtend(c.Request().Context(), c.Param("id"), h.visit(c)); err != nil {
		return err
	}
	return h.extendPage(c, http.StatusOK, "", nil, 0, nil)
}

func (h *Handler) postExtend(c echo.Context) error {
	typed := c.FormValue("list")
	o, err := h.adds(c, c.FormValue("key"))
	if err == nil {
		err = h.Desk.MayExtend(c.Request().Context(), c.Param("id"), o)
	}
	if err != nil {
		return h.again(c, err)
	}
	ids, wrong, err := h.resolve(o.By.View(actor.ReportCreate), typed)
	var f fault.Fields
	for i, m := range wrong {
		if i == maxWrong && len(wrong) > maxWrong+1 { // one more has room in this line
			f.Add("list", "intake.err.list.more", strconv.Itoa(len(wrong)-maxWrong))
			break
		}
		code := map[memberlist.Kind]string{memberlist.NoMandate: "intake.err.list.mandate", memberlist.Ambiguous: "intake.err.list.choose"}[m.Kind]
		if code == "" {
			code = "intake.err.list.unknown"
		}
		f.Add("list", code, m.Text)
	}
	if err == nil {
		err = f.Err()
	}
	members, own, mistakes := h.ownFields(c, ids)
	more := max(0, len(ids)-maxOwn)
	if err == nil && c.FormValue("do") == "own" { // the list is clear: now what holds for single ones
		return h.extendPage(c, http.StatusOK, typed, own, more, nil)
	}
	if err == nil {
		err = mistakes.Err()
	}
	if err == nil {
		_, _, err = h.Desk.Extend(c.Request().Context(), c.Param("id"), report.Submission{Affected: ids, Members: members}, o)
	}
	if c.FormValue("own") == "" {
		own, more = nil, 0
	}
	switch fault.KindOf(err) {
	case "":
		page.Flash(c, "success", "intake.extend.done")
		return page.Redirect(c, "/melden/vorgang/"+c.Param("id")+"#stellen")
	case fault.Invalid:
		return h.extendPage(c, http.StatusUnprocessableEntity, typed, own, more, err)
	}
	return h.again(c, err)
}
