// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) mandatePages() []httpserver.Route {
	post := http.MethodPost
	return []httpserver.Route{
		{Method: post, Path: "/verzeichnis/mandate/:id/widerrufen", Action: actor.MandateRevoke, Handler: h.revokeMandate},
	}
}

func (h *Handler) revokeMandate(c echo.Context) error {
	m, err := h.Mandates.Revoke(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.mandate.revoked")
	if slices.ContainsFunc(session.Actor(c).Memberships, func(x actor.Membership) bool { return x.Organisation == m.Principal }) {
		return page.Redirect(c, "/verzeichnis/stelle?id="+m.Principal)
	}
	return page.Redirect(c, "/verzeichnis/kommunen/"+m.Principal)
}
