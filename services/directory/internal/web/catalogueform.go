// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

// serviceForm is what the constituency manager types about a service.
type serviceForm struct {
	Key, NameDE, NameEN, TextDE, TextEN, Status, Contact, Position string
	Levels                                                         []levelForm
	Version                                                        int
}

// levelForm are the conditions of one level; both empty: not served.
type levelForm struct {
	Level  constituency.Level
	DE, EN string
}

func serviceFormOf(s catalogue.Service) serviceForm {
	f := serviceForm{
		Key: s.Key, NameDE: s.Name.DE, NameEN: s.Name.EN, TextDE: s.Description.DE, TextEN: s.Description.EN, Status: string(s.Status),
		Contact: s.Contact, Position: strconv.Itoa(s.Position), Version: s.Version,
	}
	for _, l := range constituency.Levels() {
		f.Levels = append(f.Levels, levelForm{l, s.Conditions[l].DE, s.Conditions[l].EN})
	}
	return f
}

func typedService(c echo.Context) (serviceForm, catalogue.Details) {
	f := serviceForm{
		Key: strings.TrimSpace(c.FormValue("key")), NameDE: c.FormValue("name"), NameEN: c.FormValue("name_en"), TextDE: c.FormValue("description"),
		TextEN: c.FormValue("description_en"), Status: c.FormValue("status"), Contact: c.FormValue("contact"), Position: c.FormValue("position"),
	}
	var err error
	if f.Version, err = strconv.Atoi(c.FormValue("version")); err != nil {
		f.Version = -1
	}
	position, err := strconv.Atoi(f.Position)
	if err != nil {
		position = -1
	}
	status := catalogue.Status(f.Status)
	d := catalogue.Details{
		Name: &catalogue.Text{DE: f.NameDE, EN: f.NameEN}, Description: &catalogue.Text{DE: f.TextDE, EN: f.TextEN},
		Status: &status, Contact: &f.Contact, Position: &position, Conditions: map[constituency.Level]catalogue.Text{},
	}
	for _, l := range constituency.Levels() {
		x := levelForm{l, c.FormValue("de-" + string(l)), c.FormValue("en-" + string(l))}
		f.Levels = append(f.Levels, x)
		if strings.TrimSpace(x.DE+x.EN) != "" {
			d.Conditions[l] = catalogue.Text{DE: x.DE, EN: x.EN}
		}
	}
	return f, d
}

type newServiceView struct {
	page.Base
	Form    serviceForm
	Choices []page.Option
}

func (h *Handler) newService(c echo.Context) error {
	return h.renderNewService(c, http.StatusOK, serviceFormOf(catalogue.Service{Status: catalogue.Examined, Position: 100}), nil)
}

func (h *Handler) renderNewService(c echo.Context, status int, f serviceForm, fail error) error {
	v := &newServiceView{Base: base(c, h.Pages.T(c, "directory.service.new")), Form: f, Choices: h.statuses(c)}
	v.Fail(fail)
	return h.Pages.Render(c, status, "leistung-neu", v)
}

func (h *Handler) addService(c echo.Context) error {
	f, d := typedService(c)
	s, err := h.Catalogue.Add(c.Request().Context(), act(c), f.Key, d)
	if fault.FieldsOf(err) != nil {
		return h.renderNewService(c, http.StatusUnprocessableEntity, f, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return page.Redirect(c, "/verzeichnis/leistungen/"+s.ID)
}

func (h *Handler) amendService(c echo.Context) error {
	ctx := c.Request().Context()
	f, d := typedService(c)
	s, err := h.Catalogue.Amend(ctx, act(c), c.Param("id"), f.Version, d)
	if fault.FieldsOf(err) != nil || fault.Is(err, fault.Stale) {
		now, readErr := h.Catalogue.Store.Service(ctx, c.Param("id"))
		if readErr != nil {
			return readErr
		}
		status := http.StatusUnprocessableEntity
		if fault.Is(err, fault.Stale) {
			status, f.Version = http.StatusConflict, now.Version
		}
		return h.renderService(c, status, now, requestForm{}, f, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return page.Redirect(c, "/verzeichnis/leistungen/"+s.ID)
}
