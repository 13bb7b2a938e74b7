// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// deadlineView is a promise or duty as the reporter reads it.
type deadlineView struct {
	Name  string
	State string // message id, "" when triage says something newer than this version
	DueAt *time.Time
	Open  bool
}

// known are the rules and states that have words.
var (
	knownRules  = []string{"TH-ACK", "DSGVO-33"}
	knownStates = []string{"to_check", "running", "overdue", "done", "waived"}
)

func (h *Handler) deadlines(c echo.Context, list []report.Deadline) []deadlineView {
	out := make([]deadlineView, 0, len(list))
	for _, d := range list {
		v := deadlineView{Name: d.Rule, DueAt: d.DueAt, Open: !slices.Contains([]string{"done", "waived"}, d.State)}
		if slices.Contains(knownRules, d.Rule) {
			v.Name = h.Pages.T(c, "intake.clock."+d.Rule)
		}
		if slices.Contains(knownStates, d.State) {
			v.State = "intake.clockstate." + d.State
		}
		out = append(out, v)
	}
	return out
}

// visit is the occasion of a page about one report: a person by the session, a
// guest by the cookie of the code page.
func (h *Handler) visit(c echo.Context) report.Occasion {
	o := h.occasion(c)
	o.Proof = h.guestReport(c)
	return o
}

// codeView asks a guest for number and code.
type codeView struct {
	page.Base
	Reference string
}

func (h *Handler) showCode(c echo.Context) error {
	return h.codePage(c, http.StatusOK, c.QueryParam("nr"), "")
}

func (h *Handler) codePage(c echo.Context, status int, reference, code string) error {
	v := &codeView{Reference: reference}
	v.Title = h.Pages.T(c, "intake.code.title")
	if code != "" {
		v.Errors = []page.FieldError{{Field: "code", Code: code, Args: []any{"Phone", h.Pages.Site().Phone}}}
	}
	return h.Pages.Render(c, status, "vorgang-code", v)
}

// enterCode lets a guest in to the one report whose number and code fit.
func (h *Handler) enterCode(c echo.Context) error {
	typed := c.FormValue("reference")
	r, proof, err := h.prove(c, typed, c.FormValue("code"))
	switch {
	case fault.Is(err, fault.NotFound):
		return h.codePage(c, http.StatusNotFound, typed, "intake.err.proof")
	case fault.Is(err, fault.Limited):
		c.Response().Header().Set("Retry-After", seconds(retryOf(err)))
		return h.codePage(c, http.StatusTooManyRequests, typed, "intake.err.code.limited")
	case err != nil:
		return err
	}
	h.letIn(c, proof)
	return page.Redirect(c, "/melden/vorgang/"+r.Reference)
}

// reportView is one report with everything that came after it.
type reportView struct {
	page.Base
	S         report.Seen
	Path      string
	Rows      []page.Row
	Later     []laterView
	Deadlines []deadlineView
	Files     []fileView
	Messages  []messageView
	Several   *severalView // for who deals with several bodies
	Part      *partView    // for the people of the body that a provider reported for
	Steps     []didView
	Text      string // of a message that could not be sent yet
	To        string // whom it is about, as typed
	Key       string
	Next      string
}

// EarlierHref leads to what came before in a list, "" when nothing did.
func (v *reportView) EarlierHref(list, anchor string) string {
	c, ok := v.S.Earlier[list]
	if !ok {
		return ""
	}
	return v.Path + "?vor=" + c.String() + "#" + anchor
}

// NewestHref leads back to the newest of a list, "" when they are shown.
func (v *reportView) NewestHref(list, anchor string) string {
	if v.S.Window.Before.List != list {
		return ""
	}
	return v.Path + "#" + anchor
}

// Limit is how many lines of each list the page shows.
func (v *reportView) Limit() int { return v.S.Window.Size() }

// laterView is a supplement in words.
type laterView struct {
	report.Supplement
	Rows []page.Row
}

func (h *Handler) showReport(c echo.Context) error {
	o := h.visit(c)
	var err error
	if o.Window.Before, err = report.ParseCursor(c.QueryParam("vor")); err != nil {
		return err
	}
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return h.askForCode(c, o, err)
	}
	v := h.reportView(c, s)
	if err := h.forReader(c, v, o); err != nil {
		return err
	}
	v.To = h.toOf(c.QueryParam("an"), s)
	return h.Pages.Render(c, http.StatusOK, "vorgang", v)
}

// askForCode leads a guest without the right code to the page that asks for it.
func (h *Handler) askForCode(c echo.Context, o report.Occasion, err error) error {
	if fault.Is(err, fault.NotFound) && !o.By.SignedIn() {
		ref, ok := report.ParseReference(c.Param("id"))
		if !ok {
			return page.Redirect(c, "/melden/vorgang")
		}
		return page.Redirect(c, "/melden/vorgang?nr="+ref)
	}
	return err
}

func (h *Handler) reportView(c echo.Context, s report.Seen) *reportView {
	v := &reportView{S: s, Path: "/melden/vorgang/" + s.Reference, Key: newKey(), Rows: h.reportRows(c, s), Deadlines: h.deadlines(c, s.Deadlines)}
	v.Title, v.Exercise = h.Pages.T(c, "intake.report.title", "Ref", s.Reference), s.Exercise
	v.Next = h.Pages.T(c, "intake.next."+string(s.Status()), "Time", s.CallbackBy.In(berlin).Format("15:04"))
	for _, x := range s.Supplements {
		v.Later = append(v.Later, laterView{Supplement: x, Rows: h.laterRows(c, x.Fields)})
	}
	v.Messages, v.Steps = h.messageViews(c, s), h.didViews(c, s)
	for _, a := range s.Attachments {
		v.Files = append(v.Files, fileView{Attachment: a, Size: h.fileSize(c, a.Size), Href: v.Path + "/datei/" + a.ID})
	}
	return v
}

// reportRows are the answers of a stored report.
func (h *Handler) reportRows(c echo.Context, s report.Seen) []page.Row {
	f := report.Form{
		What: s.What, Description: s.Description, Impact: s.Impact, NoticedAt: s.NoticedAt.In(berlin).Format("2006-01-02T15:04"),
		Approx: s.NoticedApprox, StillRunning: s.StillRunning, Systems: s.Systems, Help: s.HelpNeeded,
		Name: s.Callback.Name, Phone: s.Callback.Phone, Email: s.Callback.Email, Alert: s.AlertID,
	}
	rows := h.answers(c, "", f, f.Phone)
	for i := range rows {
		rows[i].Change = ""
		if rows[i].Label == h.Pages.T(c, "intake.body") {
			rows[i].Lines = h.affectedLines(c, s.Affected)
		}
	}
	return slices.DeleteFunc(rows, func(r page.Row) bool { return r.Value == "" && len(r.Lines) == 0 })
}

func (h *Handler) printReport(c echo.Context) error {
	o := h.visit(c)
	o.Window.Paper = true
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return h.askForCode(c, o, err)
	}
	v := h.reportView(c, s)
	if h.ownPart(s, o) {
		v.Part = h.partView(s)
	}
	v.Layout, v.TLP = page.Print, s.TLP
	return h.Pages.Render(c, http.StatusOK, "druck", v)
}

// listView are the own and mandated reports.
type listView struct {
	page.Base
	Items  []listItem
	More   string
	MayLog bool // the log of the own organisation

	MayCount bool // figures of the own organisation, or of those it acts for
}

// listItem is a report in the list, with the bodies in words.
type listItem struct {
	report.Report
	Names string
	Agent string // who reported on the bodies' behalf
}

func itemOf(r report.Report, names string) listItem {
	item := listItem{Report: r, Names: names}
	for _, b := range r.Affected {
		if item.Agent == "" {
			item.Agent = b.Agent.Name
		}
	}
	return item
}

func (h *Handler) listPage(c echo.Context) error {
	by := session.Actor(c)
	if !by.SignedIn() {
		return page.Redirect(c, "/melden/vorgang")
	}
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	list, next, err := h.Desk.List(c.Request().Context(), by, p.After, p.Limit)
	if err != nil {
		return err
	}
	v := &listView{MayLog: !by.View(actor.AccessRead).Empty(), MayCount: len(by.View(actor.Aggregate).Organisations) > 0}
	for _, r := range list {
		names := ""
		if !r.Sealed {
			names = strings.Join(h.affectedLines(c, r.Affected), ", ")
		}
		v.Items = append(v.Items, itemOf(r, names))
	}
	v.Title = h.Pages.T(c, "intake.list.title")
	if next != "" {
		v.More = page.Link(page.Language(c), "/melden/vorgaenge?after="+next)
	}
	return h.Pages.Render(c, http.StatusOK, "vorgaenge", v)
}

// adds is the occasion of a form that adds to a report.
func (h *Handler) adds(c echo.Context, key string) (report.Occasion, error) {
	o := h.visit(c)
	if err := h.Gate.addition(o.By, c.RealIP()); err != nil {
		return o, err
	}
	if key == "" || len(key) > 64 {
		key = rand.Text()
	}
	// The key is random and in one form only: what it sends first counts.
	sum := sha256.Sum256([]byte(c.Path() + key))
	o.Key = report.Key{Scope: scopeOf(o.By, nil), Key: key, Hash: sum[:]}
	if !o.By.SignedIn() {
		o.Key.Scope = "guest of " + o.Proof
	}
	return o, nil
}

func (h *Handler) postMessage(c echo.Context) error {
	text, to := c.FormValue("text"), c.FormValue("to")
	o, err := h.adds(c, c.FormValue("key"))
	if err == nil {
		o.To, err = h.addressees(o.By, to)
	}
	if err == nil {
		_, _, err = h.Desk.Say(c.Request().Context(), c.Param("id"), text, o)
	}
	switch fault.KindOf(err) {
	case "":
		page.Flash(c, "success", "intake.message.sent")
		return page.Redirect(c, "/melden/vorgang/"+c.Param("id")+"#nachrichten")
	case fault.Invalid:
		s, openErr := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
		if openErr != nil {
			return openErr
		}
		v := h.reportView(c, s)
		v.Text, v.To, v.Key = text, to, c.FormValue("key")
		if err := h.forReader(c, v, o); err != nil {
			return err
		}
		if !v.Fail(addressing(err)) {
			return err
		}
		return h.Pages.Render(c, http.StatusUnprocessableEntity, "vorgang", v)
	}
	return h.again(c, err)
}

// againView keeps what was typed when a limit or a database stands in the way.
type againView struct {
	page.Base
	Action string
	Texts  []againText
}

type againText struct {
	Name, Value string
	Long        bool
}

// again shows what was typed with the phone number and a button to try again.
func (h *Handler) again(c echo.Context, err error) error {
	kind := fault.KindOf(err)
	if kind == fault.NotFound {
		return h.askForCode(c, h.visit(c), err)
	}
	if kind != fault.Unavailable && kind != fault.Limited {
		return err
	}
	status, id := http.StatusServiceUnavailable, "intake.busy.unavailable"
	if kind == fault.Limited {
		status, id = http.StatusTooManyRequests, "intake.busy.limited"
	}
	v := &againView{Action: c.Request().URL.Path}
	v.Title = h.Pages.T(c, "intake.again.title")
	form, formErr := c.FormParams()
	if formErr != nil {
		return err
	}
	for _, name := range sortedKeys(form) {
		for _, value := range form[name] {
			v.Texts = append(v.Texts, againText{Name: name, Value: value, Long: name == "text" || name == "description"})
		}
	}
	v.Notice = &page.Notice{Kind: "danger", Text: h.Pages.T(c, id, "Phone", h.Pages.Site().Phone)}
	c.Response().Header().Set("Retry-After", seconds(max(retryOf(err), 2*time.Second)))
	return h.Pages.Render(c, status, "nochmal", v)
}
