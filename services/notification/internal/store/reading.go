// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// reading is the store as one reader sees it: the database leaves out the rest.
type reading struct {
	*Store
	seer actor.Seer
}

// As implements alert.Store.
func (s *Store) As(seer actor.Seer) alert.Reading { return reading{s, seer} }

func (r reading) see(ctx context.Context, fn func(tx pg.DB) error) error {
	return pg.As(ctx, r.people, r.seer, fn)
}
