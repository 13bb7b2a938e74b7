// SPDX-License-Identifier: EUPL-1.2

package operations

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// Job is work that a service does by itself. What it says comes from its tables:
// nothing is kept for the page alone.
type Job struct {
	ID   string // its name in the messages, "page.operations.job."+ID
	Look func(ctx context.Context, db pg.DB, now time.Time) (JobState, error)
}

// JobState is how far a job is.
type JobState struct {
	ID      string
	Level   Level
	Last    *time.Time // when it last did something
	Waiting int        // what it still has to do
	Oldest  *time.Time // since when the oldest of that waits
	Why     string     // what is wrong, in words for those who run the system
}

// The jobs of every service.
const (
	Checkpoints = "checkpoints" // of the audit; Waiting are the entries since
	Deletions   = "deletions"   // Waiting are runs that two people agreed on
	Erasures    = "erasures"    // Waiting are people whose name still stands somewhere
)

// longAgo is three checkpoints that were not written.
const longAgo = 30 * time.Minute

func (d *Desk) jobs(ctx context.Context, now time.Time) ([]JobState, error) {
	all := append([]Job{{Checkpoints, d.checkpoints}, {Deletions, d.deletions}, {Erasures, erasures}}, d.Jobs...)
	out := make([]JobState, len(all))
	for i, j := range all {
		var err error
		if out[i], err = j.Look(ctx, d.DB, now); err != nil {
			return nil, pg.Classify(ctx, fmt.Errorf("look at the job %s: %w", j.ID, err))
		}
		out[i].ID = j.ID
		if out[i].Level == "" {
			out[i].Level = Fine
		}
	}
	return out, nil
}

func (d *Desk) checkpoints(ctx context.Context, db pg.DB, now time.Time) (JobState, error) {
	if d.Audit.AnchorDir == "" || d.Audit.Key == nil {
		return JobState{Level: Off}, nil
	}
	head, err := audit.ReadHead(ctx, db)
	if err != nil {
		return JobState{}, err
	}
	a, err := audit.LastAnchor(d.Audit.AnchorDir, d.Service, d.Audit.Key)
	switch {
	case err != nil:
		return JobState{Level: Stuck, Why: err.Error()}, nil //nolint:nilerr // that is what the page tells
	case a == nil:
		s := JobState{Waiting: int(head.Seq)}
		if head.Seq > 0 {
			var first time.Time
			if err := db.GetContext(ctx, &first, `SELECT at FROM audit ORDER BY seq LIMIT 1`); err != nil {
				return s, err
			}
			if now.Sub(first) > longAgo {
				s.Level = Waits
			}
		}
		return s, nil
	}
	s := JobState{Last: &a.At, Waiting: int(max(0, head.Seq-a.Seq))}
	if now.Sub(a.At) > longAgo {
		s.Level = Waits
	}
	return s, nil
}

func (d *Desk) deletions(ctx context.Context, db pg.DB, _ time.Time) (s JobState, err error) {
	if d.Deleting == nil || d.Deleting.Mode == retention.Off {
		s.Level = Off
	}
	var row struct {
		Waiting int        `db:"waiting"`
		Oldest  *time.Time `db:"oldest"`
		Last    *time.Time `db:"last"`
	}
	err = db.GetContext(ctx, &row, `
		SELECT count(*) AS waiting, min(decided_at) AS oldest,
			(SELECT at FROM audit WHERE action = 'retention.delete' ORDER BY at DESC, seq DESC LIMIT 1) AS last
		FROM retention_run WHERE state = 'approved'`)
	s.Waiting, s.Oldest, s.Last = row.Waiting, row.Oldest, row.Last
	return s, err
}

func erasures(ctx context.Context, db pg.DB, _ time.Time) (s JobState, err error) {
	var row struct {
		Waiting int        `db:"waiting"`
		Oldest  *time.Time `db:"oldest"`
		Last    *time.Time `db:"last"`
	}
	err = db.GetContext(ctx, &row, `
		SELECT count(*) FILTER (WHERE done_at IS NULL) AS waiting, min(at) FILTER (WHERE done_at IS NULL) AS oldest, max(done_at) AS last
		FROM person_erased`)
	return JobState{Waiting: row.Waiting, Oldest: row.Oldest, Last: row.Last}, err
}
