// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

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
		Participation: s.store, Catalogue: desk, OnceCatalogue: s.onceCatalogue(desk),
		Finder:   &responsibility.Finder{Store: s.store, Offices: offices},
		Takeover: &takeover.Desk{Store: s.store, Vault: s.sealer, Now: s.base.Now}, ShowProviders: cfg.ShowProviders,
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

// countEvery is how often who takes part is counted; the last count of a month
// stays.
const countEvery = 6 * time.Hour

// countParticipation keeps the monthly numbers.
func (s *Service) countParticipation(ctx context.Context) error {
	t := time.NewTimer(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := s.CountParticipation(ctx); err != nil && ctx.Err() == nil {
				s.base.Log.Warn("directory: counts who takes part later", zap.Error(err))
			}
			t.Reset(countEvery)
		}
	}
}

// CountParticipation counts now and keeps the numbers of this month.
func (s *Service) CountParticipation(ctx context.Context) error {
	at := s.base.Now().UTC()
	cells, err := s.store.Participation(ctx, at)
	if err != nil {
		return err
	}
	return s.store.KeepParticipation(ctx, at, cells)
}

// readOffices reads the operator's file of offices, or the shipped one.
func readOffices(path string) (responsibility.Offices, error) {
	if path == "" {
		return responsibility.Thuringia()
	}
	f, err := os.Open(path) //nolint:gosec // the operator's own setting
	if err != nil {
		return responsibility.Offices{}, fmt.Errorf("open RESPONSIBILITY: %w", err)
	}
	defer func() { _ = f.Close() }()
	return responsibility.Read(f)
}
