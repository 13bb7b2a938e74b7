// SPDX-License-Identifier: EUPL-1.2

// Package inbox makes an event's effect happen once though the event may come
// twice: the note that it is done commits together with the effect. What cannot
// be done ends as a dead event, a row an operator sees.
package inbox

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the inbox tables.
var Migrations = pg.Sub("inbox", files)

// MaxTries is after how many counted failures an event is dead.
const MaxTries = 5

// Once runs effect in a transaction unless consumer has done the event before.
// It returns whether the effect ran.
func Once(ctx context.Context, db pg.DB, consumer, eventID string, effect func(tx pg.DB) error) (bool, error) {
	ran := false
	err := pg.InTx(ctx, db, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx,
			`INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, consumer, eventID)
		if err != nil {
			return fmt.Errorf("inbox of %s: %w", consumer, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("inbox of %s: %w", consumer, err)
		}
		if n == 0 {
			return nil
		}
		ran = true
		return effect(tx)
	})
	return ran && err == nil, err
}

// Failed counts a failure and returns how many there are now.
func Failed(ctx context.Context, db pg.DB, consumer, eventID, reason string) (tries int, err error) {
	err = pg.InTx(ctx, db, func(tx pg.DB) error {
		return tx.GetContext(ctx, &tries, `
			INSERT INTO inbox_try (consumer, event_id, tries, reason) VALUES ($1, $2, 1, $3)
			ON CONFLICT (consumer, event_id)
			DO UPDATE SET tries = inbox_try.tries + 1, reason = excluded.reason, at = now()
			RETURNING tries`, consumer, eventID, clean(reason))
	})
	return tries, err
}

// Dead is an event that was given up.
type Dead struct {
	ID        int64      `db:"id"`
	Consumer  string     `db:"consumer"`
	EventID   string     `db:"event_id"`
	Subject   string     `db:"subject"`
	Body      []byte     `db:"body"`
	Reason    string     `db:"reason"`
	Tries     int        `db:"tries"`
	At        time.Time  `db:"at"`
	RetriedAt *time.Time `db:"retried_at"` // when somebody dealt with it
	Outcome   string     `db:"outcome"`    // Repeated or Discarded
	Note      string     `db:"note"`       // why it was discarded
}

// Bury writes a dead event, once: when the broker did not hear that it is dead
// and delivers it again, the row that waits for an operator is enough.
func Bury(ctx context.Context, db pg.DB, d Dead) error {
	d.EventID, d.Subject, d.Reason = clean(d.EventID), clean(d.Subject), clean(d.Reason)
	if d.Body == nil {
		d.Body = []byte{}
	}
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := tx.NamedExecContext(ctx, `
			INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries)
			SELECT :consumer, :event_id, :subject, CAST(:body AS bytea), :reason, CAST(:tries AS integer)
			WHERE NOT EXISTS (SELECT FROM dead_event WHERE consumer = :consumer AND event_id = :event_id
				AND body = :body AND retried_at IS NULL)`, d)
		return err
	})
}

// maxReason bounds what a panic's stack may fill.
const maxReason = 8 << 10

// clean makes any text fit for a text column: an event whose failure cannot be
// noted would come again for ever.
func clean(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Buried lists the newest dead events that were not dealt with, at most limit.
func Buried(ctx context.Context, db pg.DB, limit int) ([]Dead, error) {
	return Waiting(ctx, db, 0, limit)
}

// Retried marks a dead event as sent round again and forgets its tries.
func Retried(ctx context.Context, db pg.DB, d Dead) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := Settle(ctx, tx, d, Repeated, "")
		return err
	})
}

// Prune forgets events done before t; the stream keeps 30 days, so 90 are safe.
func Prune(ctx context.Context, db pg.DB, t time.Time) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM inbox WHERE done_at < $1`, t)
		return err
	})
}
