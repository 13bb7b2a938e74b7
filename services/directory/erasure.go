// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"

	"github.com/thueringencert/leitstelle/services/directory/internal/erasure"
	"github.com/thueringencert/leitstelle/services/directory/internal/store"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// erasureDesk lets two people erase somebody.
func (s *Service) erasureDesk() web.ErasureDesk {
	return web.ErasureDesk{
		Erasures: erasure.Desk{Store: store.Erasures{Store: s.store}, Now: s.base.Now},
		OnceErasure: func(ctx context.Context, r idem.Request, effect func(erasure.Desk) (int, any, error)) (idem.Answer, error) {
			return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
				return effect(erasure.Desk{Store: store.Erasures{Store: s.store.On(tx)}, Now: s.base.Now})
			})
		},
	}
}
