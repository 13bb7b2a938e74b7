// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"fmt"
	"os"

	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
)

// structureDesks are what the pages about the order of the bodies need.
func (s *Service) structureDesks(cfg Config) (web.StructureDesks, error) {
	offices, err := readOffices(cfg.Responsibility)
	return web.StructureDesks{
		Finder:   &responsibility.Finder{Store: s.store, Offices: offices},
		Takeover: &takeover.Desk{Store: s.store, Now: s.base.Now}, ShowProviders: cfg.ShowProviders,
	}, err
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
