// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// PutWarning keeps a released warning with a question and the bodies that get
// it, and forgets what is more than a year older. An older version changes
// nothing but who was asked.
func (s *Store) PutWarning(ctx context.Context, w participation.Warning) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		for _, step := range []struct {
			query string
			args  []any
		}{
			{`INSERT INTO warning (id, version, published_at) VALUES ($1, $2, $3)
				ON CONFLICT (id) DO UPDATE SET version = excluded.version, published_at = excluded.published_at
				WHERE warning.version < excluded.version`, []any{w.ID, w.Version, w.At}},
			{`INSERT INTO warning_body (warning, organisation, asked, answered, noted_at)
				SELECT $1, b, true, false, $3 FROM unnest($2::uuid[]) AS b
				ON CONFLICT (warning, organisation) DO UPDATE SET asked = true`, []any{w.ID, pq.Array(w.Bodies), w.At}},
			{`DELETE FROM warning_body WHERE noted_at < $1::timestamptz - interval '1 year'`, []any{w.At}},
			{`DELETE FROM warning WHERE published_at < $1::timestamptz - interval '1 year'`, []any{w.At}},
		} {
			if _, err := tx.ExecContext(ctx, step.query, step.args...); err != nil {
				return fmt.Errorf("keep warning %s: %w", w.ID, err)
			}
		}
		return nil
	})
}

// PutReply keeps that a body answered a warning, once.
func (s *Store) PutReply(ctx context.Context, r participation.Reply) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO warning_body (warning, organisation, asked, answered, noted_at) VALUES ($1, $2, false, true, $3)
			ON CONFLICT (warning, organisation) DO UPDATE SET answered = true`, r.Warning, r.Organisation, r.At)
		if err != nil {
			return fmt.Errorf("keep an answer to %s: %w", r.Warning, err)
		}
		return nil
	})
}
