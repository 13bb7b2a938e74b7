// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/operations"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// slowOrder is how long an order may wait: each batch of it takes seconds.
const slowOrder = 10 * time.Minute

// Orders is the work on what was ordered for the cases of campaigns, as those
// who run the system see it: how many orders, never what is in them.
func Orders() operations.Job {
	return operations.Job{ID: "orders", Look: func(ctx context.Context, db pg.DB, now time.Time) (operations.JobState, error) {
		var row struct {
			Waiting int        `db:"waiting"`
			Oldest  *time.Time `db:"oldest"`
			Last    *time.Time `db:"last"`
		}
		err := db.GetContext(ctx, &row, `
			SELECT count(*) FILTER (WHERE ended_at IS NULL) AS waiting, min(created_at) FILTER (WHERE ended_at IS NULL) AS oldest,
				max(ended_at) AS last
			FROM campaign_jobs`)
		s := operations.JobState{Waiting: row.Waiting, Oldest: row.Oldest, Last: row.Last}
		if row.Oldest != nil && now.Sub(*row.Oldest) > slowOrder {
			s.Level = operations.Waits
		}
		return s, err
	}}
}
