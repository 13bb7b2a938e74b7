// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// peopleDesks are what the pages about an organisation's people need.
func (s *Service) peopleDesks() web.PeopleDesks {
	return web.PeopleDesks{Contacts: s.contacts, OnceContact: s.onceContact}
}

// onceContact is once for the contacts.
func (s *Service) onceContact(ctx context.Context, r idem.Request, effect func(*contact.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.contacts
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// days of a setting; none is the good default of a year.
func days(n int) time.Duration {
	if n <= 0 {
		n = 365
	}
	return time.Duration(n) * 24 * time.Hour
}
