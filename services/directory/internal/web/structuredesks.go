// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
)

// StructureDesks are what the pages about the order of the bodies need.
type StructureDesks struct {
	Finder   *responsibility.Finder
	Takeover *takeover.Desk
	// Participation counts who takes part.
	Participation participation.Store
	// Catalogue is what the CERT offers; OnceCatalogue is Once for it.
	Catalogue     *catalogue.Desk
	OnceCatalogue func(ctx context.Context, r idem.Request, effect func(*catalogue.Desk) (status int, body any, err error)) (idem.Answer, error)
	// ShowProviders names a body's IT provider to everybody who asks who is responsible.
	ShowProviders bool
}

func (h *Handler) structurePages() []httpserver.Route {
	return slices.Concat(h.responsibilityPages(), h.takeoverRoutes(), h.cataloguePages(), h.participationPages())
}

func (h *Handler) structureAPI() []httpserver.Route {
	return slices.Concat(h.responsibilityAPI(), h.catalogueAPI(), h.participationAPI(), h.takeoverAPI())
}
