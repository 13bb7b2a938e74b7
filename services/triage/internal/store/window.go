// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// newest takes the newest lines of a list, or those before a place, and one more
// to know whether there are others. It follows the condition on the family.
const newest = ` AND ($2::timestamptz IS NULL OR (at, id::text COLLATE "C") < ($2, $3))
	ORDER BY at DESC, id::text COLLATE "C" DESC LIMIT $4`

func windowOf(d *casefile.Dossier, list string) []any {
	var at *time.Time
	id := ""
	if c := d.Window.Before; c.List == list {
		at, id = &c.At, c.ID
		if c.Upto {
			id += "~" // behind the line itself
		}
	}
	return []any{d.ID, at, id, d.Window.Limit + 1}
}

// oldestFirst puts a window into the order in which it is read, and notes where
// the one before it begins.
func oldestFirst[T any](d *casefile.Dossier, list string, rows []T, key func(i int) (time.Time, string)) []T {
	if n := d.Window.Limit; len(rows) > n {
		at, id := key(n - 1)
		d.Earlier[list] = casefile.Cursor{List: list, At: at.UTC(), ID: id}
		rows = rows[:n]
	}
	slices.Reverse(rows)
	return rows
}

// merges reads the lines about merging, which say what else is in the file.
func merges(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []entryRow
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT id, case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref
		FROM case_entries WHERE case_id IN (SELECT id FROM family) AND kind IN ('merged', 'absorbed') ORDER BY at, id LIMIT 1000`, d.ID); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	for _, r := range rows {
		d.Merges = append(d.Merges, r.entry())
	}
	return nil
}

// lengths says how long each list is.
func lengths(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var n struct {
		Timeline    int `db:"timeline"`
		Messages    int `db:"messages"`
		Notes       int `db:"notes"`
		Supplements int `db:"supplements"`
		Attachments int `db:"attachments"`
	}
	if err := tx.GetContext(ctx, &n, family+`
		SELECT (SELECT count(*) FROM case_entries WHERE case_id IN (SELECT id FROM family)) AS timeline,
			(SELECT count(*) FROM case_messages WHERE case_id IN (SELECT id FROM family)) AS messages,
			(SELECT count(*) FROM case_notes WHERE case_id IN (SELECT id FROM family)) AS notes,
			(SELECT count(*) FROM case_supplements WHERE case_id IN (SELECT id FROM family)) AS supplements,
			(SELECT count(*) FROM case_attachments WHERE case_id IN (SELECT id FROM family)) AS attachments`, d.ID); err != nil {
		return fmt.Errorf("counts: %w", err)
	}
	d.Counts = map[string]int{
		casefile.ListTimeline: n.Timeline, casefile.ListMessages: n.Messages, casefile.ListNotes: n.Notes,
		casefile.ListSupplements: n.Supplements, casefile.ListAttachments: n.Attachments,
	}
	return nil
}
