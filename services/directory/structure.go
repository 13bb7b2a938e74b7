// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"fmt"
	"os"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// structureDesks are what the pages about the order of the bodies need.
func (s *Service) structureDesks(cfg Config) (web.StructureDesks, error) {
	offices, err := readOffices(cfg.Responsibility)
	desk := &catalogue.Desk{Store: s.store, Now: s.base.Now}
	return web.StructureDesks{
		Catalogue: desk, OnceCatalogue: s.onceCatalogue(desk),
		Finder:   &responsibility.Finder{Store: s.store, Offices: offices},
		Takeover: &takeover.Desk{Store: s.store, Now: s.base.Now}, ShowProviders: cfg.ShowProviders,
	}, err
}

// onceCatalogue is once for the catalogue.
func (s *Service) onceCatalogue(desk *catalogue.Desk) func(context.Context, idem.Request, func(*catalogue.Desk) (int, any, error)) (idem.Answer, error) {
	return func(ctx context.Context, r idem.Request, effect func(*catalogue.Desk) (int, any, error)) (idem.Answer, error) {
		return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
			d := *desk
			d.Store = s.store.On(tx)
			return effect(&d)
		})
	}
}

// readOffices reads the operator's file of offices, or the shipped one.
func readOffices(path string) (responsibility.Offices, error) {
	if path == "" {
		return responsibility.Thuringia()
	}
	f, err := os.Open(path)
	if err != nil {
		return responsibility.Offices{}, fmt.Errorf("open RESPONSIBILITY: %w", err)
	}
	defer func() { _ = f.Close() }()
	return responsibility.Read(f)
}
