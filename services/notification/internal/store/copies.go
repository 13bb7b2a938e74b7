// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// KeepContact remembers how to reach the reporter of a report.
func (s *Store) KeepContact(ctx context.Context, c message.Contact) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO contacts (report, reference, language, recipients) VALUES ($1, $2, $3, $4)
			ON CONFLICT (report) DO NOTHING`, c.Report, c.Reference, c.Language, encode(c.To))
		if err != nil {
			return fmt.Errorf("keep contact: %w", err)
		}
		return nil
	})
}

// Contacts returns how to reach the reporters of some reports.
func (s *Store) Contacts(ctx context.Context, reports []string) ([]message.Contact, error) {
	var rows []struct {
		Report     string `db:"report"`
		Reference  string `db:"reference"`
		Language   string `db:"language"`
		Recipients []byte `db:"recipients"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT report, reference, language, recipients FROM contacts WHERE report::text = ANY($1) ORDER BY report`, pq.Array(reports))
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read contacts: %w", err))
	}
	out := make([]message.Contact, len(rows))
	for i, r := range rows {
		out[i] = message.Contact{Report: r.Report, Reference: r.Reference, Language: r.Language}
		if err := decode(r.Recipients, &out[i].To); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// KeepCase stores what a draft needs of a case. It reports whether the snapshot
// was new; an older one changes nothing.
func (s *Store) KeepCase(ctx context.Context, c event.Case) (bool, error) {
	var fresh bool
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO cases (id, version, snapshot, state, hold, closed_at, reports) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, snapshot = excluded.snapshot,
				state = excluded.state, hold = excluded.hold, closed_at = excluded.closed_at, reports = excluded.reports
			WHERE cases.version < excluded.version`, c.ID, c.Version,
			encode(alert.CaseCopy{
				ID: c.ID, Reference: c.Reference, Title: c.Title, Severity: c.Severity, TLP: c.TLP,
				Class: c.Class, What: c.What, Organisation: c.Organisation, Exercise: c.Exercise, Locked: c.Locked, Assignee: assignee(c),
			}), c.State, c.Hold, c.ClosedAt, pg.Texts(reportsOf(c)))
		if err != nil {
			return fmt.Errorf("keep case: %w", err)
		}
		n, err := res.RowsAffected()
		fresh = n > 0
		return errors.Join(err)
	})
	return fresh, err
}

func assignee(c event.Case) string {
	if c.Assignee == nil {
		return ""
	}
	return c.Assignee.ID
}

func reportsOf(c event.Case) []string {
	out := make([]string, len(c.Reports))
	for i, r := range c.Reports {
		out[i] = r.ID
	}
	return out
}

// Change is one entry of the board's stream: what changed of which alert.
type Change struct {
	Seq   int64
	Alert string
}

// Changes returns what changed on boards after the audit sequence seq, at most
// limit, and how far it looked.
func (s *Store) Changes(ctx context.Context, seq int64, limit int) ([]Change, int64, error) {
	var rows []struct {
		Seq   int64  `db:"seq"`
		Alert string `db:"alert"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT a.seq, coalesce(CASE a.object_type WHEN 'alert' THEN a.object_id END, n.alert::text, '') AS alert
		FROM audit a
		LEFT JOIN deliveries d ON d.id = CASE WHEN a.object_type = 'delivery' THEN a.object_id::uuid END
		LEFT JOIN notices n ON n.id = d.notice
		WHERE a.seq > $1 ORDER BY a.seq LIMIT $2`, seq, limit)
	if err != nil {
		return nil, seq, pg.Classify(ctx, fmt.Errorf("read changes: %w", err))
	}
	var out []Change
	for _, r := range rows {
		seq = r.Seq
		if r.Alert != "" {
			out = append(out, Change{Seq: r.Seq, Alert: r.Alert})
		}
	}
	return out, seq, nil
}

// LastChange is the newest audit sequence.
func (s *Store) LastChange(ctx context.Context) (int64, error) {
	var seq int64
	if err := s.db.GetContext(ctx, &seq, `SELECT seq FROM audit_head WHERE one`); err != nil {
		return 0, pg.Classify(ctx, fmt.Errorf("read the head of the audit: %w", err))
	}
	return seq, nil
}
