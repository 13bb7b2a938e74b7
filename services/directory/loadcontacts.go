// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Contact to load. Organisation is an AGS, a key of the register or an id; Age
// is how long ago the entry was confirmed, negative for never.
type Contact struct {
	Organisation, Name          string
	Functions                   []string
	Phone, Mobile, Email, Hours string
	Always                      bool
	Age                         time.Duration
}

// LoadContacts adds contacts to the organisations that have none yet.
func (s *Service) LoadContacts(ctx context.Context, contacts []Contact) error {
	act := s.operator()
	had := map[string]bool{}
	for _, c := range contacts {
		o, err := s.Resolve(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if _, looked := had[o.ID]; !looked {
			list, err := s.store.Contacts(ctx, o.ID)
			if err != nil {
				return err
			}
			had[o.ID] = len(list) > 0
		}
		if had[o.ID] {
			continue
		}
		x := contact.Contact{
			ID: event.NewID(), Organisation: o.ID, Name: c.Name, Phone: c.Phone, Mobile: c.Mobile, Email: c.Email, Hours: c.Hours,
			Always: c.Always, CreatedAt: act.At, UpdatedAt: act.At, Version: 1,
		}
		for _, f := range c.Functions {
			x.Functions = append(x.Functions, contact.Function(f))
		}
		if c.Age >= 0 {
			at := act.At.Add(-c.Age)
			x.ConfirmedAt = &at
		}
		if err := s.store.AddContact(ctx, act, x); err != nil {
			return err
		}
	}
	return nil
}
