// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// stepRow is a line of the table report_step.
type stepRow struct {
	entry
	Kind    string `db:"kind"`
	Text    string `db:"body"`
	Contact string `db:"contact"`
}

// AddStep notes what a body did about a report, and how the body stands then.
// Two of the same kind at once: the second one gets Conflict.
func (s *Store) AddStep(ctx context.Context, x report.Step, n report.Note) (report.Step, bool, error) {
	contact, err := json.Marshal(x.Contact)
	if err != nil {
		return x, false, fmt.Errorf("encode the contact: %w", err)
	}
	return once(ctx, s.db, x, &n, func(tx pg.DB) error {
		if err := standing(ctx, tx, x, string(contact)); err != nil {
			return err
		}
		_, err := tx.NamedExecContext(ctx, `
			INSERT INTO report_step (id, report_id, kind, author_id, author, bodies, body, contact, at)
			VALUES (:id, :report_id, :kind, :author_id, :author, :bodies, :body, CAST(:contact AS jsonb), :at)`,
			stepRow{entry: entryRow(x.Entry), Kind: string(x.Kind), Text: x.Text, Contact: string(contact)})
		if err != nil {
			return fmt.Errorf("insert step: %w", err)
		}
		return nil
	})
}

// standing changes how a body stands to the report.
func standing(ctx context.Context, tx pg.DB, x report.Step, contact string) error {
	change, args := "", []any{x.Report, x.Bodies[0], x.At}
	switch x.Kind {
	case report.TakenOver:
		change = `UPDATE report_body SET taken_over_at = $3, contact = $4::jsonb WHERE report_id = $1 AND organisation = $2 AND taken_over_at IS NULL`
		args = append(args, contact)
	case report.GivenBack:
		change = `UPDATE report_body SET taken_over_at = NULL, contact = '{}' WHERE report_id = $1 AND organisation = $2 AND taken_over_at <= $3`
	case report.Contradicted:
		change = `UPDATE report_body SET contradicted_at = $3 WHERE report_id = $1 AND organisation = $2`
	}
	res, err := tx.ExecContext(ctx, change, args...)
	if err != nil {
		return fmt.Errorf("change how the body stands: %w", err)
	}
	if changed, err := res.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	if x.Kind == report.GivenBack {
		return fault.New(fault.Conflict, "the body does not deal with this report itself")
	}
	return fault.New(fault.Conflict, "the body deals with this report itself already")
}

// AddBodies adds bodies to a report behind those that are there.
func (s *Store) AddBodies(ctx context.Context, x report.Extension, n report.Note, told func(total int) []event.Event) (report.Extension, bool, error) {
	out, replayed, err := once(ctx, s.db, &x, &n, func(tx pg.DB) error {
		// Whoever else adds to this report waits here.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('bodies ' || $1, 0))`, x.Report); err != nil {
			return fmt.Errorf("lock the report's bodies: %w", err)
		}
		var there []string
		if err := tx.SelectContext(ctx, &there, `
			SELECT organisation FROM report_body WHERE report_id = $1 AND organisation = ANY($2::text[])`, x.Report, pq.Array(x.Bodies)); err != nil {
			return fmt.Errorf("read the report's bodies: %w", err)
		}
		var f fault.Fields
		for i, b := range x.Added {
			if slices.Contains(there, b.Organisation.ID) {
				f.Add(fmt.Sprintf("affected[%d]", i), "intake.err.affected.there", b.Organisation.Name+" is in this report already")
			}
		}
		if err := f.Err(); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &x.Total, `SELECT count(*) + $2::int FROM report_body WHERE report_id = $1`, x.Report, len(x.Added)); err != nil {
			return fmt.Errorf("count the report's bodies: %w", err)
		}
		if x.Total > report.MaxAffected {
			f.Add("affected", "intake.err.affected.many", fmt.Sprintf("at most %d bodies in one report", report.MaxAffected))
			return f.Err()
		}
		n.Events = told(x.Total)
		return insertBodies(ctx, tx, x)
	})
	return *out, replayed, err
}

func insertBodies(ctx context.Context, tx pg.DB, x report.Extension) error {
	var c columns
	for i, b := range x.Added {
		own, err := json.Marshal(b.Own)
		if err != nil {
			return fmt.Errorf("encode a body: %w", err)
		}
		c.addBody(x.Report, i, b, string(own), x.At)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO report_body (report_id, position, organisation, ags, name, level, kreis, on_behalf, visible_to,
			mandate, agent, agent_name, own, taken_in_at, added_at)
		SELECT b.report_id, b.position + 1 + (SELECT coalesce(max(position), -1) FROM report_body WHERE report_id = $15),
			b.organisation, b.ags, b.name, b.level, b.kreis, b.on_behalf, b.visible_to, b.mandate, b.agent, b.agent_name, b.own, b.taken_in_at, $16
		FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::text[], $12::text[], $13::jsonb[], $14::timestamptz[])
			AS b(report_id, position, organisation, ags, name, level, kreis, on_behalf, visible_to, mandate, agent, agent_name, own, taken_in_at)`,
		append(c.bodyArgs(), x.Report, x.At)...)
	if err != nil {
		return fmt.Errorf("insert bodies: %w", err)
	}
	return nil
}
