// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"embed"

	"github.com/labstack/echo/v4"
)

// Files are the templates and messages of intake's pages.
//
//go:embed templates/*.html messages/*.json
var Files embed.FS

// ErrorPage answers a browser with the page of an error.
func (h *Handler) ErrorPage(c echo.Context, status int, err error, requestID string) error {
	return h.Pages.RenderError(c, status, err, requestID)
}
