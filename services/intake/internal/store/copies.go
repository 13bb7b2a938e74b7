// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// KeepCase takes in the snapshot of a case; an older one than known does
// nothing. It also decides who may see a guest's report (report.VisibleAfter).
func (s *Store) KeepCase(ctx context.Context, c event.Case) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		c.Campaign = nil // tells that others are affected: nobody outside the CERT may learn it (I9)
		raw, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode case %s: %w", c.ID, err)
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO case_copy (id, version, snapshot) VALUES ($1, $2, $3::jsonb)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, snapshot = excluded.snapshot
			WHERE case_copy.version < excluded.version`, c.ID, c.Version, string(raw))
		if err != nil {
			return fmt.Errorf("keep case %s: %w", c.ID, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		ids := reportIDs(c.Reports)
		if _, err := tx.ExecContext(ctx, `DELETE FROM case_report WHERE case_id = $1 AND report_id <> ALL($2::uuid[])`, c.ID, pq.Array(ids)); err != nil {
			return fmt.Errorf("unlink case %s: %w", c.ID, err)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO case_report (report_id, case_id, organisation) SELECT unnest($2::uuid[]), $1, $3
			ON CONFLICT (report_id, case_id) DO UPDATE SET organisation = excluded.organisation
			WHERE case_report.organisation <> excluded.organisation`, c.ID, pq.Array(ids), c.Organisation.ID); err != nil {
			return fmt.Errorf("link case %s: %w", c.ID, err)
		}
		if err := confirm(ctx, tx, c, ids); err != nil {
			return err
		}
		return followed(ctx, tx, "", ids) // what was closed when another body took over, and is open again
	})
}

func reportIDs(refs []event.ReportRef) []string {
	ids := make([]string, 0, len(refs))
	for _, r := range refs {
		if event.IsID(r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// confirm opens a guest's report to the body that an analyst confirmed, or
// closes it again.
func confirm(ctx context.Context, tx pg.DB, c event.Case, ids []string) error {
	var rows []struct {
		bodyRow
		Position int    `db:"position"`
		Channel  string `db:"channel"`
	}
	if err := tx.SelectContext(ctx, &rows, `
		SELECT `+bodyColumns+`, b.position, r.channel
		FROM report_body b JOIN report r ON r.id = b.report_id
		WHERE b.report_id = ANY($1::uuid[]) AND r.channel = $2 FOR UPDATE OF b`, pq.Array(ids), string(report.Guest)); err != nil {
		return fmt.Errorf("read bodies of case %s: %w", c.ID, err)
	}
	for _, r := range rows {
		b, err := r.body()
		if err != nil {
			return err
		}
		to, change := report.VisibleAfter(report.Channel(r.Channel), b, c)
		if !change {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE report_body SET visible_to = $3, formerly = '' WHERE report_id = $1 AND position = $2`,
			r.ReportID, r.Position, to); err != nil {
			return fmt.Errorf("confirm report %s: %w", r.ReportID, err)
		}
	}
	return nil
}

// KeepMessage takes in a message of the CERT: one row for each report of the case.
func (s *Store) KeepMessage(ctx context.Context, m event.CaseMessagePosted) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		for i, r := range m.Reports {
			id := m.Message
			if i > 0 || !event.IsID(id) {
				id = event.NewID()
			}
			if !event.IsID(r.ID) {
				continue
			}
			bodies, err := bodiesOf(ctx, tx, r.ID, m.Organisation.ID)
			if err != nil {
				return err
			}
			row := messageRow{
				entry: entryRow(report.Entry{ID: id, Report: r.ID, Author: m.Author, Bodies: bodies, At: m.At}),
				Side:  string(report.CERT), Case: m.Case, Text: m.Text, Batch: m.Batch,
			}
			if _, err := tx.NamedExecContext(ctx, `
				INSERT INTO report_message (id, report_id, side, author_id, author, bodies, case_id, body, batch, at)
				VALUES (:id, :report_id, :side, :author_id, :author, :bodies, :case_id, :body, :batch, :at)`, row); err != nil {
				return fmt.Errorf("keep message %s: %w", m.Message, err)
			}
		}
		return nil
	})
}

// bodiesOf says which bodies of a report a case's organisation is: its own, and
// what a guest typed and an analyst confirmed as it.
func bodiesOf(ctx context.Context, tx pg.DB, reportID, organisation string) ([]string, error) {
	var typed bool
	err := tx.GetContext(ctx, &typed, `
		SELECT NOT EXISTS (SELECT 1 FROM report_body WHERE report_id = $1 AND organisation = $2 AND $2 <> '')`, reportID, organisation)
	if err != nil {
		return nil, fmt.Errorf("read bodies of report %s: %w", reportID, err)
	}
	if typed && organisation != "" {
		return []string{organisation, ""}, nil
	}
	return []string{organisation}, nil
}

// KeepAlert takes in a version of a warning; an older one does nothing.
func (s *Store) KeepAlert(ctx context.Context, a event.Alert) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO alert_copy (id, reference, version, title, tlp, state) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title, tlp = excluded.tlp, state = excluded.state
			WHERE alert_copy.version <= excluded.version`, a.ID, a.Reference, a.Version, a.Title, a.TLP, a.State)
		if err != nil {
			return fmt.Errorf("keep alert %s: %w", a.ID, err)
		}
		return nil
	})
}

// Alert returns the copy of a warning.
func (s *Store) Alert(ctx context.Context, idOrReference string) (report.Alert, error) {
	var a struct {
		ID        string `db:"id"`
		Reference string `db:"reference"`
		Version   int    `db:"version"`
		Title     string `db:"title"`
		TLP       string `db:"tlp"`
		State     string `db:"state"`
	}
	err := s.db.GetContext(ctx, &a, `
		SELECT id, reference, version, title, tlp, state FROM alert_copy WHERE id = $1 OR reference = $1`, idOrReference)
	if err != nil {
		return report.Alert{}, pg.NoRows(ctx, err, "there is no such warning")
	}
	return report.Alert(a), nil
}
