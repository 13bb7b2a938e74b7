// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func retryOf(err error) time.Duration {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Retry
	}
	return 0
}

// send takes the draft in. A second POST of the same form finds the report of
// the first and shows the same number.
func (h *Handler) send(c echo.Context) error {
	ctx := c.Request().Context()
	code, d, err := h.draft(c)
	switch {
	case fault.Is(err, fault.NotFound):
		return h.noDraft(c, code, err)
	case err != nil:
		return h.busy(c, code, "pruefen", d.Form, err)
	}
	by := session.Actor(c)
	if err := h.Gate.report(by, c.RealIP()); err != nil {
		return h.busy(c, code, "pruefen", d.Form, err)
	}
	o := h.occasion(c)
	o.Channel = channelOf(c, report.Portal)
	r, err := h.Desk.SubmitDraft(ctx, d, submissionOf(d.Form, !by.SignedIn()), o)
	switch kind := fault.KindOf(err); {
	case kind == fault.Invalid && len(fault.FieldsOf(err)) > 0:
		v := h.view(c, code, "pruefen", d.Form)
		v.Errors = h.linked(h.mistakes(err, ""), err)
		return h.Pages.Render(c, http.StatusUnprocessableEntity, "pruefen", v)
	case err != nil:
		return h.busy(c, code, "pruefen", d.Form, err)
	}
	if r.Channel == report.Guest {
		h.letIn(c, r.ID)
	}
	return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/fertig")
}

// linked makes the mistakes of the check page plain text: their inputs are on
// other pages, and each answer has its own "Ändern".
func (h *Handler) linked(all []page.FieldError, err error) []page.FieldError {
	if len(all) == 0 {
		return []page.FieldError{{Detail: err.Error()}}
	}
	for i := range all {
		all[i].Field = ""
	}
	return all
}

// doneView is the confirmation.
type doneView struct {
	page.Base
	Report    report.Report
	Code      string
	Phone     string
	Deadlines []deadlineView
	Aid       []Aid
	Several   int // bodies that a provider reported for
	What      string
	Print     string
}

// done confirms: number, code, what happens next, what to do now, whom else to
// tell. The draft's code opens it for a day; the report's own code and the phone
// number are shown only to who sent it.
func (h *Handler) done(c echo.Context) error {
	code, ok := report.ParseCode(c.Param("code"))
	from := network(c.RealIP())
	own := ok && h.sameDevice(c, code)
	if err := h.Gate.codes.Open(from); err != nil && !own {
		return err
	}
	if !ok {
		return h.noDraft(c, "", fault.New(fault.NotFound, "there is no such draft"))
	}
	r, err := h.Desk.OfDraft(c.Request().Context(), code, h.Drafts)
	if fault.Is(err, fault.NotFound) {
		if !own {
			_ = h.Gate.codes.Take(from)
		}
		return h.noDraft(c, code, err)
	}
	if err != nil {
		return err
	}
	by := session.Actor(c)
	sender := h.guestReport(c) == r.ID || by.SignedIn() && by.Person == r.Reporter.ID
	v := &doneView{
		Report: r, Code: h.Desk.CodeOf(r), Phone: r.Callback.Phone, Aid: h.aid(c, r.What), What: r.What,
		Deadlines: h.deadlines(c, h.Desk.Deadlines(r)), Print: "/melden/vorgang/" + r.Reference + "/druck",
	}
	if !sender { // who only knows the draft's code gets the number, not the key to the report
		v.Phone, v.Code = report.MaskPhone(r.Callback.Phone), ""
	}
	if n := len(r.Affected); n > 1 && sender {
		v.Several = n
	}
	v.Title, v.Exercise = h.Pages.T(c, "intake.done.title"), r.Exercise
	return h.Pages.Render(c, http.StatusOK, "fertig", v)
}

// resumeView asks for the code of a draft.
type resumeView struct {
	page.Base
	Code string
}

func (h *Handler) showResume(c echo.Context) error {
	v := &resumeView{}
	v.Title = h.Pages.T(c, "intake.resume.title")
	return h.Pages.Render(c, http.StatusOK, "weiter", v)
}

// resume leads to a draft, or to the report that it became.
func (h *Handler) resume(c echo.Context) error {
	typed := c.FormValue("code")
	from := network(c.RealIP())
	if err := h.Gate.codes.Open(from); err != nil {
		return h.noDraft(c, typed, err)
	}
	code, ok := report.ParseCode(typed)
	if !ok {
		_ = h.Gate.codes.Take(from)
		return h.noDraft(c, typed, fault.New(fault.NotFound, "this is no code"))
	}
	ctx := c.Request().Context()
	if _, err := h.Desk.Draft(ctx, code); err == nil {
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/was")
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, err := h.Desk.OfDraft(ctx, code, h.Drafts); err == nil {
		return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/fertig")
	}
	_ = h.Gate.codes.Take(from)
	return h.noDraft(c, typed, fault.New(fault.NotFound, "this code has expired or never was"))
}

// noDraft asks for the code again and says what to do: the data of an expired
// draft are deleted. A code whose report was sent already leads there.
func (h *Handler) noDraft(c echo.Context, code string, err error) error {
	kind := fault.KindOf(err)
	if kind != fault.NotFound && kind != fault.Limited {
		return err
	}
	if kind == fault.NotFound && len(code) == report.CodeLength {
		if _, err := h.Desk.OfDraft(c.Request().Context(), code, h.Drafts); err == nil {
			return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/fertig")
		}
	}
	v := &resumeView{Code: code}
	v.Title = h.Pages.T(c, "intake.resume.title")
	status, id := http.StatusNotFound, "intake.err.code"
	if kind == fault.Limited {
		status, id = http.StatusTooManyRequests, "intake.err.code.limited"
		c.Response().Header().Set("Retry-After", seconds(retryOf(err)))
	}
	v.Errors = []page.FieldError{{Field: "code", Code: id, Args: []any{"Phone", h.Pages.Site().Phone}}}
	return h.Pages.Render(c, status, "weiter", v)
}
