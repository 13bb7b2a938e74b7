// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type noticeRow struct {
	ID        string    `db:"id"`
	Key       string    `db:"key"`
	Kind      string    `db:"kind"`
	Alert     *string   `db:"alert"`
	Version   int       `db:"version"`
	Case      *string   `db:"case_id"`
	Report    *string   `db:"report"`
	Data      []byte    `db:"data"`
	CreatedAt time.Time `db:"created_at"`
}

func (r noticeRow) notice() message.Notice {
	n := message.Notice{ID: r.ID, Key: r.Key, Kind: message.Kind(r.Kind), Version: r.Version, Data: r.Data, CreatedAt: r.CreatedAt}
	for _, f := range []struct {
		from *string
		to   *string
	}{{r.Alert, &n.Alert}, {r.Case, &n.Case}, {r.Report, &n.Report}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return n
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// insertNotice stores a notice; the same key again is a Conflict.
func insertNotice(ctx context.Context, tx pg.DB, n message.Notice) error {
	res, err := tx.ExecContext(ctx, `
		INSERT INTO notices (id, key, kind, alert, version, case_id, report, data, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (key) DO NOTHING`,
		n.ID, n.Key, string(n.Kind), orNull(n.Alert), n.Version, orNull(n.Case), orNull(n.Report), string(n.Data), n.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert notice: %w", err)
	}
	if rows, err := res.RowsAffected(); err != nil || rows == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "that was said before"))
	}
	return nil
}

// Say stores a notice for some recipients, once per key: the second time
// nothing happens.
func (s *Store) Say(ctx context.Context, n message.Notice, to []message.To) error {
	if len(to) == 0 {
		return nil
	}
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		err := s.say(ctx, tx, n, to)
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		return err
	})
}

// say stores a notice with its deliveries; Conflict when its key is known.
func (s *Store) say(ctx context.Context, tx pg.DB, n message.Notice, to []message.To) error {
	if err := insertNotice(ctx, tx, n); err != nil {
		return err
	}
	for _, t := range to {
		if _, err := tx.ExecContext(ctx, waits(`
			INSERT INTO deliveries (id, notice, channel, recipient, name, language, person, organisation, priority, state, next_at, created_at)
			VALUES ($1, $2, 'email', $3, $4, $5, $6, $7, $8, 'pending', $9, $9) ON CONFLICT (notice, channel, recipient) DO NOTHING`),
			event.NewID(), n.ID, t.Email, t.Name, t.Language, t.Person, t.Organisation, n.Kind.Priority(), n.CreatedAt); err != nil {
			return fmt.Errorf("insert delivery: %w", err)
		}
	}
	if err := wake(ctx, tx, WakeCourier); err != nil {
		return err
	}
	_, err := audit.Append(ctx, tx, s.entry(system(), "notice.create", "notice", n.ID, ""))
	return err
}

// Notice returns a notice.
func (s *Store) Notice(ctx context.Context, id string) (message.Notice, error) {
	var r noticeRow
	err := s.db.GetContext(ctx, &r, `
		SELECT id, key, kind, alert, version, case_id, report, data, created_at FROM notices WHERE id = $1`, id)
	if err != nil {
		return message.Notice{}, pg.NoRows(ctx, err, "there is no such notice")
	}
	return r.notice(), nil
}
