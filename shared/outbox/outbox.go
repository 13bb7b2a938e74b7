// SPDX-License-Identifier: EUPL-1.2

// Package outbox lets events leave with the change that made them: Add writes
// them in the same transaction, Relay publishes them later, at least once and in
// order. PostgreSQL is the truth; the broker may be lost and is filled again
// from here (Republish).
package outbox

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the outbox table.
var Migrations = pg.Sub("outbox", files)

const insert = `
INSERT INTO outbox (id, type, subject, body)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])`

// Row is an event as the table keeps it.
type Row struct{ id, kind, subject, body string }

// Encode turns an event into its row.
func Encode(e event.Event) (Row, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return Row{}, fmt.Errorf("encode event %s: %w", e.Type, err)
	}
	return Row{e.ID, e.Type, e.Subject(), string(body)}, nil
}

// Args are the arguments of AddSQL.
func Args(rows []Row) []any {
	n := len(rows)
	ids, types, subjects, bodies := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, r := range rows {
		ids[i], types[i], subjects[i], bodies[i] = r.id, r.kind, r.subject, r.body
	}
	return []any{pq.Array(ids), pg.Texts(types), pg.Texts(subjects), pg.Texts(bodies)}
}

// AddArgs is the number of arguments of AddSQL.
const AddArgs = 4

// AddSQL is Add for a statement that writes everything of a change at once: the
// part "told" of a WITH whose arguments start at $first, written when the part
// named from has a row. WakeSQL belongs into the list of its SELECT.
func AddSQL(first int, from string) string {
	return fmt.Sprintf(`told AS (
	INSERT INTO outbox (id, type, subject, body)
	SELECT e.* FROM %s, unnest($%d::uuid[], $%d::text[], $%d::text[], $%d::text[]) AS e
)`, from, first, first+1, first+2, first+3)
}

// WakeSQL wakes the relay when the transaction commits.
const WakeSQL = `(SELECT pg_notify('outbox', ''))`

// Add writes events into the transaction of the change, and wakes the relay
// when it commits.
func Add(ctx context.Context, tx pg.DB, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	rows := make([]Row, len(events))
	for i, e := range events {
		var err error
		if rows[i], err = Encode(e); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, insert, Args(rows)...); err != nil {
		return fmt.Errorf("insert %d events into the outbox: %w", len(events), err)
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_notify('outbox', '')`); err != nil {
		return fmt.Errorf("wake the relay: %w", err)
	}
	return nil
}

// Waiting counts what is not published yet and how old the oldest is.
func Waiting(ctx context.Context, db pg.DB) (n int, oldest time.Duration, err error) {
	var row struct {
		N   int     `db:"n"`
		Age float64 `db:"age"`
	}
	err = db.GetContext(ctx, &row, `
		SELECT count(*) AS n, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age
		FROM outbox WHERE published_at IS NULL`)
	if err != nil {
		return 0, 0, fmt.Errorf("count the outbox: %w", err)
	}
	return row.N, time.Duration(row.Age * float64(time.Second)), nil
}

// LastPublished is when an event was last handed over, nil: never, as far as the
// table reaches back.
func LastPublished(ctx context.Context, db pg.DB) (*time.Time, error) {
	var at *time.Time
	if err := db.GetContext(ctx, &at, `SELECT max(published_at) FROM outbox WHERE published_at IS NOT NULL`); err != nil {
		return nil, fmt.Errorf("ask when the outbox was last read: %w", err)
	}
	return at, nil
}

// Republish marks everything created since t as unpublished, with the same
// event ids: consumers that saw them do nothing, a new broker gets them all. It
// returns how many rows wait now.
func Republish(ctx context.Context, db pg.DB, since time.Time) (int64, error) {
	var n int64
	err := pg.InTx(ctx, db, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx,
			`UPDATE outbox SET published_at = NULL WHERE created_at >= $1 AND published_at IS NOT NULL`, since)
		if err != nil {
			return fmt.Errorf("mark for republishing: %w", err)
		}
		if n, err = res.RowsAffected(); err != nil {
			return fmt.Errorf("count republished rows: %w", err)
		}
		_, err = tx.ExecContext(ctx, `SELECT pg_notify('outbox', '')`)
		return err
	})
	return n, err
}
