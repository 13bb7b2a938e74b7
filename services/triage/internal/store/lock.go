// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// readable leaves out the locked cases that the reader $1 may not read: of the
// queue and the archive it filters what an index found, and locked cases are few.
const readable = ` ($1 = '*' OR NOT locked OR assignee_id = NULLIF($1, ''))`

// Families returns the cases and then those that were merged into them.
func (s *Store) Families(ctx context.Context, ids []string) ([]string, error) {
	var merged []string
	err := s.db.SelectContext(ctx, &merged, `
		WITH RECURSIVE family (id) AS (
			SELECT unnest($1::uuid[])
			UNION
			SELECT c.id FROM cases c JOIN family f ON c.merged_into = f.id
		)
		SELECT id FROM family WHERE id <> ALL ($1::uuid[]) ORDER BY id`, pq.Array(ids))
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("cases merged into %d others: %w", len(ids), err))
	}
	return append(slices.Clone(ids), merged...), nil
}

// conceal takes the name of the case that this one was merged into out of its
// file, when the reader may not read that one. What was merged into this one is
// part of it.
func conceal(ctx context.Context, tx pg.DB, d *casefile.Dossier, reader casefile.Reader) error {
	if reader == casefile.AllReaders || d.MergedInto == "" {
		return nil
	}
	var hidden bool
	if err := tx.GetContext(ctx, &hidden, `SELECT`+readable+` IS NOT TRUE FROM cases WHERE id = $2`, string(reader), d.MergedInto); err != nil {
		return fmt.Errorf("the case it was merged into: %w", err)
	}
	if !hidden {
		return nil
	}
	for _, lines := range [][]casefile.Entry{d.Timeline, d.Merges} {
		for i := range lines {
			if lines[i].Ref == d.MergedInto {
				lines[i].To, lines[i].Ref = "", ""
			}
		}
	}
	d.MergedInto = ""
	return nil
}
