// SPDX-License-Identifier: EUPL-1.2

package retention

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// batch is how much one transaction deletes: short enough to hold up nobody.
const batch = 200

// every is how often the job looks whether something was agreed on.
const every = time.Hour

// Job deletes what was agreed on, and what needs no consent, until ctx ends.
func (d *Desk) Job(log *zap.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			if err := d.Work(ctx); err != nil && ctx.Err() == nil {
				log.Warn("retention: a run stopped", zap.Error(err))
			}
			select {
			case <-ctx.Done():
				return nil
			case <-t.C:
			case <-d.wake:
			}
		}
	}
}

// Work does all that may be done now, batch by batch.
func (d *Desk) Work(ctx context.Context) error {
	_, err := d.Sweep(ctx)
	return err
}

// Deleted is how much of a class went.
type Deleted struct {
	Class string
	Count int
}

// Sweep is Work, and tells what went of each rule, in their order.
func (d *Desk) Sweep(ctx context.Context) ([]Deleted, error) {
	if d.Mode == Off {
		return nil, nil
	}
	out := make([]Deleted, 0, len(d.Rules))
	for _, r := range d.Rules {
		gone := Deleted{Class: r.Class}
		for ctx.Err() == nil {
			n, err := d.step(ctx, r)
			if err != nil {
				return append(out, gone), fmt.Errorf("delete %s: %w", r.Class, err)
			}
			if n == 0 {
				break
			}
			gone.Count += n
		}
		out = append(out, gone)
	}
	return out, ctx.Err()
}

// step deletes one batch of a class in one transaction with its audit entry,
// and returns how much it was.
func (d *Desk) step(ctx context.Context, r Rule) (int, error) {
	at := d.now()
	n := 0
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		run, by, err := d.agreed(ctx, tx, r, at)
		if err != nil || run == nil {
			return err
		}
		ids, err := pick(ctx, tx, r, run.Cutoff)
		if err != nil {
			return err
		}
		if n = len(ids); n == 0 {
			return d.finish(ctx, tx, run, at)
		}
		if err := wipe(ctx, tx, r, ids); err != nil {
			return err
		}
		if run.ID != "" {
			if _, err := tx.ExecContext(ctx, `UPDATE retention_run SET done = done + $2 WHERE id = $1`, run.ID, n); err != nil {
				return fmt.Errorf("count what is done: %w", err)
			}
		}
		return d.note(ctx, tx, by, at, "retention.delete", *run, n)
	})
	return n, err
}

// agreed is the run that allows to delete of the class, nil when there is none
// or another replica works on it. What is done is done in the name of who agreed.
func (d *Desk) agreed(ctx context.Context, tx pg.DB, r Rule, at time.Time) (*Run, By, error) {
	if r.Auto {
		var mine bool
		err := tx.GetContext(ctx, &mine, `SELECT pg_try_advisory_xact_lock(hashtextextended('retention ' || $1, 0))`, r.Class)
		if err != nil || !mine {
			return nil, By{}, err
		}
		return &Run{Class: r.Class, Cutoff: at.Add(-r.Keep)}, By{Actor: actor.System(d.Service)}, nil
	}
	var run Run
	err := tx.GetContext(ctx, &run, `
		SELECT `+runColumns+` FROM retention_run WHERE class = $1 AND state = 'approved' FOR UPDATE SKIP LOCKED`, r.Class)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, By{}, nil
	}
	return &run, By{Actor: actor.Actor{Person: run.DecidedBy}}, err
}

func (d *Desk) finish(ctx context.Context, tx pg.DB, run *Run, at time.Time) error {
	if run.ID == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE retention_run SET state = 'done', finished_at = $2 WHERE id = $1`, run.ID, at)
	if err != nil {
		return fmt.Errorf("finish the run: %w", err)
	}
	return d.note(ctx, tx, By{Actor: actor.System(d.Service)}, at, "retention.done", *run, run.Done)
}

// pick returns the next ids that are due. It looks twice: what was put on hold
// before the locks were taken is left alone.
func pick(ctx context.Context, tx pg.DB, r Rule, cutoff time.Time) ([]string, error) {
	for {
		var ids, still []string
		if err := tx.SelectContext(ctx, &ids, `
			SELECT id FROM (`+r.Due+`) AS found WHERE NOT held ORDER BY at, id LIMIT $2`, cutoff, batch); err != nil {
			return nil, fmt.Errorf("find what is due: %w", err)
		}
		if len(ids) == 0 || r.Lock == "" {
			return ids, nil
		}
		if _, err := tx.ExecContext(ctx, r.Lock, pq.Array(ids)); err != nil {
			return nil, fmt.Errorf("lock what is due: %w", err)
		}
		if err := tx.SelectContext(ctx, &still, `
			SELECT id FROM (`+r.Due+`) AS found WHERE NOT held AND id = ANY ($2) ORDER BY id`, cutoff, pq.Array(ids)); err != nil {
			return nil, fmt.Errorf("look again at what is due: %w", err)
		}
		if len(still) > 0 {
			return still, nil
		}
	}
}

func wipe(ctx context.Context, tx pg.DB, r Rule, ids []string) error {
	if r.Each != nil {
		if err := r.Each(ctx, tx, ids); err != nil {
			return err
		}
	}
	for _, s := range r.Steps {
		if _, err := tx.ExecContext(ctx, s, pq.Array(ids)); err != nil {
			return fmt.Errorf("%.40s: %w", s, err)
		}
	}
	return nil
}
