// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Bounced notes that a mail server took a mail and could not deliver it. A
// second report changes nothing; one that comes before the sending is noted is
// Unavailable: it has to come again.
func (s *Store) Bounced(ctx context.Context, delivery, reason string) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r failedRow
		err := tx.GetContext(ctx, &r, `SELECT `+failedColumns+` FROM deliveries WHERE id = $1 FOR UPDATE`, delivery)
		switch err = pg.NoRows(ctx, err, "there is no such delivery"); {
		case err != nil:
			return err
		case r.State == string(message.Pending):
			return fault.New(fault.Unavailable, "delivery %s is not noted as sent yet", delivery)
		case r.State != string(message.Sent):
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'bounced', reason = $2 WHERE id = $1`, r.ID, reason); err != nil {
			return fmt.Errorf("note a bounce: %w", err)
		}
		d := message.Delivery{ID: r.ID, Notice: r.Notice, Channel: r.Channel, Recipient: r.Recipient, Person: r.Person, Organisation: r.Organisation}
		return s.after(ctx, tx, []string{r.ID}, map[string]message.Result{r.ID: {Delivery: d, State: message.Bounced, Reason: reason, At: s.now()}})
	})
}

// failedRow is what is told of a delivery that did not arrive.
type failedRow struct {
	ID           string `db:"id"`
	Notice       string `db:"notice"`
	Channel      string `db:"channel"`
	Recipient    string `db:"recipient"`
	Person       string `db:"person"`
	Organisation string `db:"organisation"`
	State        string `db:"state"`
	Reason       string `db:"reason"`
}

const failedColumns = `id, notice, channel, recipient, person, organisation, state, reason`
