// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

// checkPages are where the link of the yearly question leads. A GET only shows:
// mail scanners open links, too.
func (h *Handler) checkPages() []httpserver.Route {
	const at = "/verzeichnis/bestaetigen/:link"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: at, Action: actor.Public, Handler: h.check},
		{Method: http.MethodPost, Path: at, Action: actor.Public, Handler: h.answerCheck},
	}
}

type checkView struct {
	page.Base
	Organisation constituency.Organisation
	Contact      contactLine
	Open         bool
	Change       bool // the form for what is different
	Wish         string
	Action       string
}

func (h *Handler) check(c echo.Context) error {
	return h.renderCheck(c, http.StatusOK, c.QueryParam("anders") != "", "", nil)
}

func (h *Handler) renderCheck(c echo.Context, status int, change bool, wish string, fail error) error {
	k, x, o, err := h.Checks.Of(c.Request().Context(), c.Param("link"))
	if err != nil {
		return err
	}
	v := &checkView{
		Base: page.Base{Title: h.Pages.T(c, "directory.check"), Recipient: x.Name}, Organisation: o, Contact: contactLine{x, h.Contacts.Age(x)},
		Open: k.Open(h.Now()), Change: change, Wish: wish, Action: "/verzeichnis/bestaetigen/" + c.Param("link"),
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "bestaetigen", v)
}

func (h *Handler) answerCheck(c echo.Context) error {
	wish, change := c.FormValue("wish"), c.FormValue("do") == "change"
	if !change {
		wish = ""
	}
	err := h.Checks.Answer(c.Request().Context(), act(c), c.Param("link"), wish, change)
	if fault.FieldsOf(err) != nil {
		return h.renderCheck(c, http.StatusUnprocessableEntity, true, wish, err)
	}
	if err != nil {
		return err
	}
	return page.Redirect(c, "/verzeichnis/bestaetigen/"+c.Param("link"))
}
