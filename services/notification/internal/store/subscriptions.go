// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type settingRow struct {
	Organisation string         `db:"organisation"`
	Person       string         `db:"person"`
	Off          bool           `db:"off"`
	MinSeverity  string         `db:"min_severity"`
	Categories   pq.StringArray `db:"categories"`
	Mailbox      string         `db:"mailbox"`
	Version      int            `db:"version"`
	ChangedAt    time.Time      `db:"changed_at"`
}

func (r settingRow) setting() subscription.Setting {
	return subscription.Setting{
		Organisation: r.Organisation, Person: r.Person, Off: r.Off, MinSeverity: r.MinSeverity,
		Categories: r.Categories, Mailbox: r.Mailbox, Version: r.Version, ChangedAt: r.ChangedAt,
	}
}

const settingColumns = `organisation, person, off, min_severity, categories, mailbox, version, changed_at`

// Settings returns the exceptions of a person in the organisations, as seer sees them.
func (s *Store) Settings(ctx context.Context, seer actor.Seer, person string, organisations []string) ([]subscription.Setting, error) {
	var rows []settingRow
	err := pg.As(ctx, s.people, seer, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows, `
			SELECT `+settingColumns+` FROM subscriptions WHERE person = $1 AND organisation = ANY($2)`, person, pq.Array(organisations))
	})
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read subscriptions: %w", err))
	}
	out := make([]subscription.Setting, len(rows))
	for i, r := range rows {
		out[i] = r.setting()
	}
	return out, nil
}

// Wishes reads all exceptions, for an audience.
func (s *Store) Wishes(ctx context.Context) (alert.Wishes, error) {
	var rows []settingRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+settingColumns+` FROM subscriptions`); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read subscriptions: %w", err))
	}
	out := subscription.Settings{}
	for _, r := range rows {
		out[[2]string{r.Organisation, r.Person}] = r.setting()
	}
	return out, nil
}

// PutSetting writes one exception; the version decides who was first.
func (s *Store) PutSetting(ctx context.Context, set subscription.Setting, by alert.By) (subscription.Setting, error) {
	if set.Categories == nil {
		set.Categories = []string{}
	}
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		query := `
			UPDATE subscriptions SET off = $3, min_severity = $4, categories = $5, mailbox = $6, version = version + 1, changed_at = $7
			WHERE organisation = $1 AND person = $2 AND version = $8`
		if set.Version == 0 {
			query = `
			INSERT INTO subscriptions (` + settingColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $8 + 1, $7)
			ON CONFLICT (organisation, person) DO NOTHING`
		}
		res, err := tx.ExecContext(ctx, query,
			set.Organisation, set.Person, set.Off, set.MinSeverity, pq.Array(set.Categories), set.Mailbox, set.ChangedAt, set.Version)
		if err != nil {
			return fmt.Errorf("save subscription: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil {
			return fmt.Errorf("save subscription: %w", err)
		} else if n == 0 {
			return fault.New(fault.Stale, "somebody changed this subscription since you read it")
		}
		set.Version++
		_, err = audit.Append(ctx, tx, s.entry(by, "subscription.change", "organisation", set.Organisation, ""))
		return err
	})
	return set, err
}
