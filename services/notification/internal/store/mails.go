// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/operations"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// How long a mail may wait: a mail server that is away for minutes is nothing
// unusual, one that is away for an hour calls somebody (failure model F22).
const (
	slowMail  = 5 * time.Minute
	stuckMail = time.Hour
)

// Mails is the sending of mails, as those who run the system see it: how many
// are to go, never to whom.
func Mails() operations.Job {
	return operations.Job{ID: "mails", Look: func(ctx context.Context, db pg.DB, now time.Time) (operations.JobState, error) {
		var row struct {
			Waiting int        `db:"waiting"`
			Oldest  *time.Time `db:"oldest"`
		}
		err := db.GetContext(ctx, &row, `SELECT count(*) AS waiting, min(created_at) AS oldest FROM due JOIN deliveries ON id = delivery`)
		s := operations.JobState{Waiting: row.Waiting, Oldest: row.Oldest}
		if row.Oldest != nil {
			switch age := now.Sub(*row.Oldest); {
			case age > stuckMail:
				s.Level = operations.Stuck
			case age > slowMail:
				s.Level = operations.Waits
			}
		}
		return s, err
	}}
}
