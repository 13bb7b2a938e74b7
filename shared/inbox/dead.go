// SPDX-License-Identifier: EUPL-1.2

package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Outcomes of a dead event; "" while it waits.
const (
	Repeated  = "retried"   // its effect is there
	Discarded = "discarded" // somebody decided that it will have none
)

const deadColumns = `id, consumer, event_id, subject, body, reason, tries, at, retried_at, outcome, note`

// Waiting lists the dead events that wait for an operator, newest first: those
// with a smaller id than before (0: from the newest), at most limit.
func Waiting(ctx context.Context, db pg.DB, before int64, limit int) ([]Dead, error) {
	var out []Dead
	err := db.SelectContext(ctx, &out, `
		SELECT `+deadColumns+` FROM dead_event WHERE retried_at IS NULL AND ($1::bigint = 0 OR id < $1)
		ORDER BY id DESC LIMIT $2`, before, limit)
	return out, pg.Classify(ctx, err)
}

// Find returns a dead event, also one that was dealt with.
func Find(ctx context.Context, db pg.DB, id int64) (Dead, error) {
	var d Dead
	err := db.GetContext(ctx, &d, `SELECT `+deadColumns+` FROM dead_event WHERE id = $1`, id)
	return d, pg.NoRows(ctx, err, "there is no such dead event")
}

// Claim is Find for who deals with it: others wait until the transaction ends,
// and what somebody dealt with already is Conflict.
func Claim(ctx context.Context, tx pg.DB, id int64) (Dead, error) {
	var d Dead
	err := tx.GetContext(ctx, &d, `SELECT `+deadColumns+` FROM dead_event WHERE id = $1 FOR UPDATE`, id)
	if err != nil {
		return d, pg.NoRows(ctx, err, "there is no such dead event")
	}
	if d.RetriedAt != nil {
		return d, fault.New(fault.Conflict, "this dead event was dealt with already")
	}
	return d, nil
}

// Settle notes how a claimed dead event was dealt with and forgets its tries.
func Settle(ctx context.Context, tx pg.DB, d Dead, outcome, note string) (Dead, error) {
	err := tx.GetContext(ctx, &d, `
		UPDATE dead_event SET retried_at = now(), outcome = $2, note = $3 WHERE id = $1 RETURNING `+deadColumns, d.ID, outcome, clean(note))
	if err != nil {
		return d, fmt.Errorf("settle dead event %d: %w", d.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM inbox_try WHERE consumer = $1 AND event_id::text = $2`, d.Consumer, d.EventID); err != nil {
		return d, fmt.Errorf("forget the tries of event %s: %w", d.EventID, err)
	}
	return d, nil
}

// DiedAgain counts one more try of a claimed dead event and keeps its reason.
func DiedAgain(ctx context.Context, tx pg.DB, d Dead, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE dead_event SET tries = tries + 1, reason = $2 WHERE id = $1`, d.ID, clean(reason))
	if err != nil {
		return fmt.Errorf("note the try of dead event %d: %w", d.ID, err)
	}
	return nil
}

// Trouble is what a consumer could not do.
type Trouble struct {
	Consumer string `db:"consumer"`
	Dead     int    `db:"dead"`     // wait for an operator
	Retrying int    `db:"retrying"` // failed a moment ago and come again by themselves
}

// retryWindow is longer than all tries of an event take together.
const retryWindow = time.Hour

// Troubles counts them, for consumers that have any.
func Troubles(ctx context.Context, db pg.DB) ([]Trouble, error) {
	var out []Trouble
	err := db.SelectContext(ctx, &out, `
		SELECT consumer, sum(dead)::int AS dead, sum(retrying)::int AS retrying FROM (
			SELECT consumer, count(*) AS dead, 0 AS retrying FROM dead_event WHERE retried_at IS NULL GROUP BY consumer
			UNION ALL
			SELECT t.consumer, 0, count(*) FROM inbox_try t
			WHERE t.at > now() - make_interval(secs => $1)
				AND NOT EXISTS (SELECT FROM inbox i WHERE i.consumer = t.consumer AND i.event_id = t.event_id)
				AND NOT EXISTS (SELECT FROM dead_event d WHERE d.consumer = t.consumer AND d.event_id = t.event_id::text)
			GROUP BY t.consumer
		) AS counted GROUP BY consumer ORDER BY consumer`, retryWindow.Seconds())
	return out, pg.Classify(ctx, err)
}
