// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
)

// takeView is the page on which a body takes a report over, or contradicts it.
type takeView struct {
	page.Base
	Path, Key, Body, Agent, Text string
	Contact                      event.Contact
}

// foresee prepares such a page; a report that nobody made on the body's behalf
// has none.
func (h *Handler) foresee(c echo.Context, action actor.Action, title string) (*takeView, error) {
	o := h.visit(c)
	v := &takeView{Path: "/melden/vorgang/" + c.Param("id"), Key: newKey(), Body: c.QueryParam("stelle")}
	if c.Request().Method == http.MethodPost {
		v.Body, v.Key = c.FormValue("stelle"), c.FormValue("key")
	}
	o.To = one(v.Body)
	r, err := h.Desk.Foreseen(c.Request().Context(), c.Param("id"), o, action)
	if err != nil {
		return nil, err
	}
	v.Agent, v.Title = r.Affected[0].Agent.Name, h.Pages.T(c, title)
	if p, ok := h.Register.Person(o.By.Person); ok {
		v.Contact = contactOf(p)
	}
	return v, nil
}

func contactOf(p register.Person) event.Contact {
	return event.Contact{Name: p.Name, Phone: p.Phone, Email: p.Email}
}

func (h *Handler) showTakeOver(c echo.Context) error {
	v, err := h.foresee(c, actor.ReportTakeOver, "intake.takeover.title")
	if err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, "uebernehmen", v)
}

func (h *Handler) showContradict(c echo.Context) error {
	v, err := h.foresee(c, actor.ReportContradict, "intake.contradict.title")
	if err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, "widersprechen", v)
}

func (h *Handler) postTakeOver(c echo.Context) error {
	contact := event.Contact{Name: c.FormValue("name"), Phone: c.FormValue("phone"), Email: c.FormValue("email")}
	return h.postStep(c, "uebernehmen", "intake.takeover.done", func(ctx context.Context, o report.Occasion) error {
		_, _, err := h.Desk.TakeOver(ctx, c.Param("id"), contact, o)
		return err
	}, func() (*takeView, error) {
		v, err := h.foresee(c, actor.ReportTakeOver, "intake.takeover.title")
		if err == nil {
			v.Contact = contact
		}
		return v, err
	})
}

func (h *Handler) postGiveBack(c echo.Context) error {
	return h.postStep(c, "", "intake.return.done", func(ctx context.Context, o report.Occasion) error {
		_, _, err := h.Desk.GiveBack(ctx, c.Param("id"), o)
		return err
	}, nil)
}

func (h *Handler) postContradict(c echo.Context) error {
	text := c.FormValue("text")
	return h.postStep(c, "widersprechen", "intake.contradict.done", func(ctx context.Context, o report.Occasion) error {
		_, _, err := h.Desk.Contradict(ctx, c.Param("id"), text, o)
		return err
	}, func() (*takeView, error) {
		v, err := h.foresee(c, actor.ReportContradict, "intake.contradict.title")
		if err == nil {
			v.Text = text
		}
		return v, err
	})
}

// postStep does a step and leads back to the report; a mistake shows the form
// again with everything typed.
func (h *Handler) postStep(c echo.Context, name, done string, do func(context.Context, report.Occasion) error, again func() (*takeView, error)) error {
	o, err := h.adds(c, c.FormValue("key"))
	if err == nil {
		o.To = one(c.FormValue("stelle"))
		err = do(c.Request().Context(), o)
	}
	switch {
	case err == nil:
		page.Flash(c, "success", done)
		return page.Redirect(c, "/melden/vorgang/"+c.Param("id"))
	case fault.Is(err, fault.Invalid) && again != nil:
		v, viewErr := again()
		if viewErr != nil {
			return viewErr
		}
		for _, f := range fault.FieldsOf(err) {
			v.Errors = append(v.Errors, page.FieldError{Field: strings.TrimPrefix(f.Name, "callback."), Code: f.Code, Detail: f.Detail})
		}
		return h.Pages.Render(c, http.StatusUnprocessableEntity, name, v)
	}
	return h.again(c, err)
}
