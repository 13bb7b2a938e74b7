// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Bounced notes that a mail server took a mail and could not deliver it. A
// second report changes nothing; one that comes before the sending is noted is
// Unavailable: it has to come again.
func (s *Store) Bounced(ctx context.Context, delivery, reason string) error {
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r struct {
			deliveryRow
			State string `db:"state"`
		}
		err := tx.GetContext(ctx, &r, `
			SELECT id, notice, channel, recipient, name, language, person, organisation, bodies, principals, salt, priority, attempts, created_at,
				created_at AS claimed_until, state
			FROM deliveries WHERE id = $1 FOR UPDATE`, delivery)
		switch err = pg.NoRows(ctx, err, "there is no such delivery"); {
		case err != nil:
			return err
		case r.State == string(message.Pending):
			return fault.New(fault.Unavailable, "delivery %s is not noted as sent yet", delivery)
		case r.State != string(message.Sent):
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'bounced', reason = $2 WHERE id = ANY ($1::uuid[])`, pq.Array([]string{r.ID}), reason); err != nil {
			return fmt.Errorf("note a bounce: %w", err)
		}
		d := message.Delivery{ID: r.ID, Notice: r.Notice, Channel: r.Channel, Recipient: r.Recipient, Person: r.Person, Organisation: r.Organisation}
		return s.after(ctx, tx, []string{r.ID}, map[string]message.Result{r.ID: {Delivery: d, State: message.Bounced, Reason: reason, At: s.now()}})
	})
	return err
}
