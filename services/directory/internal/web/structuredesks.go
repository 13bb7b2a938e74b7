// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// StructureDesks are what the pages about the order of the bodies need.
type StructureDesks struct {
	Finder   *responsibility.Finder
	Takeover *takeover.Desk
	// ShowProviders names a body's IT provider to everybody who asks who is responsible.
	ShowProviders bool
}

func (h *Handler) structurePages() []httpserver.Route {
	return slices.Concat(h.responsibilityPages(), h.takeoverRoutes())
}

func (h *Handler) structureAPI() []httpserver.Route {
	return slices.Concat(h.responsibilityAPI())
}
