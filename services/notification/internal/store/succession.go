// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Succeed gives the settings about warnings to the body that took over, where it
// has none of its own. Who is warned follows from the register; what was sent
// stays as it was. The second time is nothing.
func (s *Store) Succeed(ctx context.Context, e event.OrganisationSucceeded) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var people []string
		err := tx.SelectContext(ctx, &people, `
			WITH old AS (DELETE FROM subscriptions WHERE organisation = $1 RETURNING *),
			new AS (
				INSERT INTO subscriptions (`+settingColumns+`)
				SELECT $2, person, off, min_severity, categories, mailbox, 1, $3 FROM old
				ON CONFLICT (organisation, person) DO NOTHING)
			SELECT person FROM old`, e.Predecessor.ID, e.Successor.ID, e.At)
		if err != nil {
			return fmt.Errorf("give the subscriptions of %s to its successor: %w", e.Predecessor.ID, err)
		}
		if len(people) == 0 {
			return nil
		}
		_, err = audit.Append(ctx, tx,
			s.entry(system(), "subscription.takeover", "organisation", e.Predecessor.ID, ""),
			s.entry(system(), "subscription.takeover", "organisation", e.Successor.ID, ""))
		return err
	})
}
