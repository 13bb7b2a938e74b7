// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// SetSuccessor keeps the step and sends the predecessor's record out again.
func (s *Store) SetSuccessor(ctx context.Context, act constituency.Act, step succession.Succession) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		row := successionRow{step.Predecessor, step.Successor, string(step.Kind), step.Date, act.At}
		if _, err := tx.NamedExecContext(ctx, upsertSuccession, row); err != nil {
			return fmt.Errorf("save the successor of %s: %w", step.Predecessor, err)
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE organisation SET version = version + 1, updated_at = $2 WHERE id = $1`, step.Predecessor, act.At); err != nil {
			return fmt.Errorf("count up %s: %w", step.Predecessor, err)
		}
		o, err := s.On(tx).Organisation(ctx, step.Predecessor)
		if err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, "organisation.successor", "organisation", o.ID, []event.Payload{organisationEvent(o)}})
	})
}

// endMandates ends what bodies that are gone gave or were given, and returns the
// records. A mandate is never taken over by a successor.
func endMandates(ctx context.Context, tx pg.DB, at time.Time, gone []string) ([]mandate.Mandate, error) {
	if len(gone) == 0 {
		return nil, nil
	}
	var rows []mandateRow
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE mandate m SET state = CASE m.state WHEN 'active' THEN 'revoked' ELSE 'declined' END, revoked_at = $2,
			version = m.version + 1, changed_at = $2
		WHERE (m.principal = ANY ($1::uuid[]) OR m.agent = ANY ($1::uuid[])) AND m.state IN ('requested', 'granted', 'active')
			AND (m.valid_to IS NULL OR m.valid_to > $2)
		RETURNING `+mandateColumns, pq.Array(gone), at); err != nil {
		return nil, fmt.Errorf("end the mandates of %d bodies: %w", len(gone), err)
	}
	out := make([]mandate.Mandate, len(rows))
	for i, r := range rows {
		out[i] = r.mandate()
	}
	return out, nil
}
