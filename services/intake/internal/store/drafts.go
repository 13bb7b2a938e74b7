// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// SaveDraft keeps what was typed.
func (s *Store) SaveDraft(ctx context.Context, d report.Draft) error {
	form, err := json.Marshal(d.Form)
	if err != nil {
		return fmt.Errorf("encode draft: %w", err)
	}
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO draft (id, form, created_at, expires_at) VALUES ($1, $2::jsonb, $3, $4)
			ON CONFLICT (id) DO UPDATE SET form = excluded.form`, d.ID, string(form), d.CreatedAt, d.ExpiresAt)
		if err != nil {
			return fmt.Errorf("save draft: %w", err)
		}
		return nil
	})
}

// Draft returns a draft; NotFound also for one that is expired but not yet swept.
func (s *Store) Draft(ctx context.Context, id string) (report.Draft, error) {
	var row struct {
		Form      string    `db:"form"`
		CreatedAt time.Time `db:"created_at"`
		ExpiresAt time.Time `db:"expires_at"`
	}
	err := pg.As(ctx, s.people, actor.Seer{Key: id}, func(tx pg.DB) error {
		err := tx.GetContext(ctx, &row, `SELECT form, created_at, expires_at FROM draft WHERE id = $1`, id)
		return pg.NoRows(ctx, err, "there is no such draft")
	})
	if err != nil {
		return report.Draft{}, err
	}
	d := report.Draft{ID: id, CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC()}
	if err := json.Unmarshal([]byte(row.Form), &d.Form); err != nil {
		return d, fmt.Errorf("draft is broken: %w", err)
	}
	return d, nil
}

// DeleteDraft ends a draft.
func (s *Store) DeleteDraft(ctx context.Context, id string) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM draft WHERE id = $1`, id)
		return err
	})
}

// Sweep deletes expired drafts and forgets old idempotency keys. It returns the
// blobs of photos that went with their drafts and belong to no report.
func (s *Store) Sweep(ctx context.Context, now time.Time) (blobs []string, err error) {
	err = pg.InTx(ctx, s.db, func(tx pg.DB) error {
		if err := tx.SelectContext(ctx, &blobs, `
			WITH gone AS (DELETE FROM draft WHERE expires_at <= $1 RETURNING form->'photo'->>'blob' AS blob)
			SELECT blob FROM gone
			WHERE blob IS NOT NULL AND NOT EXISTS (SELECT 1 FROM report_attachment a WHERE a.blob = gone.blob)`, now); err != nil {
			return fmt.Errorf("delete expired drafts: %w", err)
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE report SET idem_scope = '', idem_key = id::text WHERE received_at < $1 AND idem_scope <> ''`, now.Add(-idem.Keep))
		return err
	})
	if err != nil {
		return nil, err
	}
	return blobs, idem.Prune(ctx, s.db, now.Add(-idem.Keep))
}
