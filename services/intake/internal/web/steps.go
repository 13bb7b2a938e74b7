// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// stepView is one of the form's four pages.
type stepView struct {
	page.Base
	Code    string // grouped
	Action  string
	Step    int
	Total   int
	Back    bool // there is a step before
	Return  bool // "Ändern" came from the last page and leads back there
	Form    report.Form
	Phone   string // masked on another device
	Alert   string
	Tiles   []page.Option
	Systems []page.Option
	Bodies  []page.Option // to pick from
	Several bool          // more than one may be picked
	Chosen  int           // how many a provider has picked in a step of its own
	Pick    string        // where
	Groups  []kreisGroup  // the picked ones by Kreis, on the check page
	Kinds   []string      // how many of each level
	Gone    []memberView  // picked, and no mandate in force any more
	Search  bool          // the body is typed
	Rows    []page.Row
	Key     string
	Aid     []Aid
	Busy    bool // the last try failed for now
}

func (h *Handler) view(c echo.Context, code, step string, f report.Form) *stepView {
	by := session.Actor(c)
	all := h.steps(by)
	n := slices.Index(all, step) + 1
	path := "/melden/" + report.FormatCode(code) + "/"
	v := &stepView{
		Code: report.FormatCode(code), Action: path + step, Step: n, Total: len(all), Back: n > 1, Form: f, Phone: f.Phone, Alert: f.Alert,
		Return: c.QueryParam("zurueck") == "pruefen" || c.FormValue("zurueck") == "pruefen", Aid: h.aid(c, "general"),
	}
	v.Title = h.Pages.T(c, "intake."+step+".title") + " – " + h.Pages.T(c, "page.step", "Now", n, "Total", len(all))
	v.Exercise = f.Exercise
	if !h.sameDevice(c, code) {
		v.Phone = report.MaskPhone(f.Phone)
	}
	if h.several(by) {
		v.Chosen, v.Pick = len(f.Affected), path+picking
	}
	lang := page.Language(c)
	switch step {
	case "was":
		v.Tiles = h.Pages.Options(lang, "what", tiles...)
	case "betroffen":
		v.Systems = h.systemOptions(c)
	case "kontakt":
		h.bodyChoices(c, v)
	case "pruefen":
		v.Action, v.Key = path+"absenden", report.DraftID(code)
		v.Rows = h.answers(c, path, f, v.Phone)
		if v.Pick != "" {
			v.Groups = h.chosenByKreis(c, path, f)
			h.kindsOf(c, v, f)
		}
	}
	return v
}

func (h *Handler) systemOptions(c echo.Context) []page.Option {
	out := make([]page.Option, len(report.Systems))
	for i, id := range report.Systems {
		out[i] = page.Option{Value: id, Label: h.Pages.Word(page.Language(c), "system", id)}
	}
	return out
}

// bodyChoices offers a signed-in reporter the own bodies; guests and the CERT
// type a name and choose between the places of that name.
func (h *Handler) bodyChoices(c echo.Context, v *stepView) {
	if v.Pick != "" {
		return
	}
	own := h.ownBodies(session.Actor(c))
	if len(own) > 0 {
		v.Several = len(own) > 1
		for _, o := range own {
			v.Bodies = append(v.Bodies, page.Option{Value: o.ID, Label: bodyName(o)})
		}
		return
	}
	v.Search = true
	if v.Form.Body == "" || v.Form.FreeText || len(v.Form.Affected) > 0 {
		return
	}
	found := h.Register.Search(v.Form.Body, 12)
	if len(found) < 2 {
		return
	}
	for _, o := range found {
		v.Bodies = append(v.Bodies, page.Option{Value: o.ID, Label: bodyName(o), Hint: h.Pages.Word(page.Language(c), "level", o.Level)})
	}
	v.Bodies = append(v.Bodies, page.Option{Value: asTyped, Label: h.Pages.T(c, "intake.body.astyped", "Name", v.Form.Body), Or: true})
}

// asTyped is the choice "none of these, as I wrote it".
const asTyped = "text"

func (h *Handler) showStep(step string) echo.HandlerFunc {
	return func(c echo.Context) error {
		code, d, err := h.draft(c)
		if err != nil {
			return h.noDraft(c, code, err)
		}
		return h.Pages.Render(c, http.StatusOK, step, h.view(c, code, step, d.Form))
	}
}

// saveStep keeps what was typed, also when going back and also when it is
// wrong, and leads on when it is right.
func (h *Handler) saveStep(step string) echo.HandlerFunc {
	return func(c echo.Context) error {
		code, d, err := h.draft(c)
		if fault.Is(err, fault.NotFound) {
			return h.noDraft(c, code, err)
		}
		photo, photoErr := h.readStep(c)
		if kind := fault.KindOf(photoErr); kind != "" && kind != fault.TooLarge && kind != fault.Unavailable && kind != fault.Limited {
			return photoErr
		}
		if fillErr := fill(c, step, &d.Form); fillErr != nil {
			h.Desk.DropPhoto(c.Request().Context(), photo)
			return fillErr
		}
		old := d.Form.Photo
		if photo != nil {
			d.Form.Photo = photo
		}
		wrong := h.photoMistake(photoErr)
		if step == "kontakt" {
			wrong = append(wrong, h.choose(c, &d.Form)...)
		}
		if err == nil {
			err = h.Desk.Store.SaveDraft(c.Request().Context(), d)
		}
		if err != nil {
			h.Desk.DropPhoto(c.Request().Context(), photo)
			d.Form.Photo = old
			return h.busy(c, code, step, d.Form, err)
		}
		if photo != nil {
			h.Desk.DropPhoto(c.Request().Context(), old)
		}
		by := session.Actor(c)
		all := h.steps(by)
		if c.FormValue("go") == "back" {
			return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/"+all[max(0, slices.Index(all, step)-1)])
		}
		wrong = append(wrong, h.mistakes(submissionOf(d.Form, !by.SignedIn()).Check(h.Now()).Err(), step)...)
		if len(wrong) > 0 {
			v := h.view(c, code, step, d.Form)
			v.Errors = v.settle(wrong)
			return h.Pages.Render(c, http.StatusUnprocessableEntity, step, v)
		}
		next := all[slices.Index(all, step)+1]
		if c.FormValue("zurueck") == "pruefen" {
			next = "pruefen"
		}
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/"+next)
	}
}

// settle leaves the first mistake of each input, one is enough to act on, and
// puts mistakes of the body where the page asks for it.
func (v *stepView) settle(all []page.FieldError) []page.FieldError {
	picking := len(v.Bodies) > 0
	var out []page.FieldError
	for _, e := range all {
		if e.Field == "body" && picking {
			e.Field = "affected"
		}
		if !slices.ContainsFunc(out, func(x page.FieldError) bool { return x.Field == e.Field && e.Field != "" }) {
			out = append(out, e)
		}
	}
	return out
}

// choose finds the body that was typed: the only one of that name, the one that
// was picked, or, for guests, the text itself.
func (h *Handler) choose(c echo.Context, f *report.Form) []page.FieldError {
	by := session.Actor(c)
	if own := h.ownBodies(by); len(own) > 0 {
		f.FreeText = false
		f.Affected = slices.DeleteFunc(f.Affected, func(id string) bool {
			return !slices.ContainsFunc(own, func(o register.Organisation) bool { return o.ID == id })
		})
		switch {
		case len(f.Affected) > 0:
			return nil
		case h.several(by):
			return []page.FieldError{{Code: "intake.err.members.none"}}
		}
		return []page.FieldError{{Field: "affected", Code: "intake.err.affected"}}
	}
	mayType := !by.SignedIn() || by.View(actor.ReportCreate).Everything
	if slices.Contains(f.Affected, asTyped) {
		f.Affected, f.FreeText = nil, mayType
	}
	if f.Body == "" || f.FreeText || len(f.Affected) > 0 {
		return nil
	}
	found := h.Register.Search(f.Body, 12)
	switch {
	case len(found) == 1:
		f.Affected, f.Body = []string{found[0].ID}, bodyName(found[0])
	case len(found) > 1:
		for _, o := range found {
			if register.Fold(bodyName(o)) == register.Fold(f.Body) {
				f.Affected = []string{o.ID}
				return nil
			}
		}
		return []page.FieldError{{Field: "affected", Code: "intake.err.affected.choose"}}
	default:
		f.FreeText = mayType
		if !mayType {
			return []page.FieldError{{Field: "body", Code: "intake.err.affected.unknown"}}
		}
	}
	return nil
}

// busy shows a step again with everything that was typed, and the phone number:
// nothing is lost because a limit or a database stands in the way.
func (h *Handler) busy(c echo.Context, code, step string, f report.Form, err error) error {
	kind := fault.KindOf(err)
	if kind != fault.Unavailable && kind != fault.Limited {
		return err
	}
	status, id := http.StatusServiceUnavailable, "intake.busy.unavailable"
	if kind == fault.Limited {
		status, id = http.StatusTooManyRequests, "intake.busy.limited"
	}
	if code == "" {
		code, _ = report.ParseCode(c.Param("code"))
	}
	v := h.view(c, code, step, f)
	v.Busy = true
	v.Notice = &page.Notice{Kind: "danger", Text: h.Pages.T(c, id, "Phone", h.Pages.Site().Phone)}
	c.Response().Header().Set("Retry-After", seconds(retryOf(err)))
	return h.Pages.Render(c, status, step, v)
}

// answers are the rows of the check page, each with its "Ändern".
func (h *Handler) answers(c echo.Context, path string, f report.Form, phone string) []page.Row {
	lang := page.Language(c)
	t := func(id string) string { return h.Pages.T(c, id) }
	row := func(label, step string, lines ...string) page.Row {
		return page.Row{Label: t(label), Lines: slices.DeleteFunc(lines, func(s string) bool { return s == "" }), Change: path + step + "?zurueck=pruefen"}
	}
	word := func(list, id string) string {
		if id == "" {
			return ""
		}
		return h.Pages.Word(lang, list, id)
	}
	var systems, help []string
	for _, s := range f.Systems {
		if slices.Contains(report.Systems, s) {
			systems = append(systems, word("system", s))
		}
	}
	for _, x := range f.Help {
		help = append(help, word("help_needed", x))
	}
	noticed := h.noticed(c, f)
	rows := []page.Row{
		row("intake.was.title", "was", word("what", f.What)), row("intake.description", "was", f.Description),
		row("intake.impact", "betroffen", word("impact", f.Impact)), row("intake.noticed", "betroffen", noticed),
		row("intake.running", "betroffen", word("yesno", f.StillRunning)), row("intake.systems", "betroffen", systems...),
		row("intake.help", "betroffen", help...), h.bodyRow(c, path, f),
		row("intake.name", "kontakt", f.Name), row("intake.phone", "kontakt", phone), row("intake.email", "kontakt", f.Email),
	}
	if f.Photo != nil {
		rows = append(rows, page.Row{Label: t("intake.photo"), Value: f.Photo.Name + ", " + h.fileSize(c, f.Photo.Size), Change: path + "betroffen?zurueck=pruefen"})
	}
	if f.Alert != "" {
		rows = append(rows, page.Row{Label: t("intake.alert"), Value: f.Alert})
	}
	return rows
}

func (h *Handler) noticed(c echo.Context, f report.Form) string {
	s := submissionOf(f, false)
	if s.NoticedAt.IsZero() {
		return ""
	}
	at := s.NoticedAt.In(berlin)
	day := at.Format("02.01.2006, 15:04 Uhr")
	if page.Language(c) == "en" {
		day = at.Format("2 Jan 2006, 15:04")
	}
	if f.Approx {
		return h.Pages.T(c, "intake.about", "When", day)
	}
	return day
}

// bodyRow names the affected bodies, or counts them where they are many: then
// they stand below in groups.
func (h *Handler) bodyRow(c echo.Context, path string, f report.Form) page.Row {
	r := page.Row{Label: h.Pages.T(c, "intake.body"), Lines: h.bodyNames(c, f), Change: path + "kontakt?zurueck=pruefen"}
	if path != "" && h.several(session.Actor(c)) {
		r.Lines, r.Change = []string{h.Pages.T(c, "intake.members.chosen", len(f.Affected))}, path+picking+"?zurueck=pruefen"
	}
	return r
}

func (h *Handler) bodyNames(c echo.Context, f report.Form) []string {
	if f.FreeText {
		return []string{h.Pages.T(c, "intake.body.unlisted", "Name", f.Body)}
	}
	var out []string
	for _, id := range f.Affected {
		if o, ok := h.Register.Resolve(id); ok {
			out = append(out, bodyName(o))
		}
	}
	return out
}
