// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Participation counts the bodies that take part, by level and Kreis. Active is
// what was admitted; a body that nobody began to admit counts when an officer of
// it can sign in.
func (s *Store) Participation(ctx context.Context, at time.Time) ([]participation.Cell, error) {
	var rows []struct {
		Level     string `db:"level"`
		Kreis     string `db:"kreis"`
		KreisName string `db:"kreis_name"`
		Bodies    int    `db:"bodies"`
		Active    int    `db:"active"`
		Reachable int    `db:"reachable"`
		Officer   int    `db:"officer"`
		Mandate   int    `db:"mandate"`
		Asked     int    `db:"asked"`
		Answered  int    `db:"answered"`
	}
	err := s.DB.SelectContext(ctx, &rows, `
		WITH b AS (
			SELECT o.level, o.kreis,
				coalesce(ob.stage = 'active' OR ob.stage = 'none' AND off.is, off.is) AS active,
				EXISTS (SELECT 1 FROM contact c WHERE c.organisation = o.id AND c.removed_at IS NULL AND c.confirmed_at > $1::timestamptz - interval '1 year') AS reachable,
				off.is OR EXISTS (SELECT 1 FROM contact c WHERE c.organisation = o.id AND c.removed_at IS NULL AND c.functions && ARRAY['isb', 'isb_deputy']) AS officer,
				EXISTS (SELECT 1 FROM mandate m WHERE m.principal = o.id AND m.state = 'active' AND m.valid_from <= $1 AND (m.valid_to IS NULL OR m.valid_to > $1)) AS mandate,
				coalesce(w.asked, false) AS asked, coalesce(w.asked AND w.answered, false) AS answered
			FROM organisation o
			LEFT JOIN onboarding ob ON ob.organisation = o.id
			LEFT JOIN warning_body w ON w.organisation = o.id AND w.warning = (SELECT id FROM warning ORDER BY published_at DESC, id DESC LIMIT 1)
			CROSS JOIN LATERAL (SELECT EXISTS (
				SELECT 1 FROM membership m JOIN person p ON p.id = m.person AND p.active WHERE m.organisation = o.id AND m.role = 'officer') AS is) off
			WHERE o.gone_at IS NULL AND o.level NOT IN ('land', 'provider'))
		SELECT b.level, b.kreis, coalesce(k.name, '') AS kreis_name, count(*) AS bodies, count(*) FILTER (WHERE active) AS active,
			count(*) FILTER (WHERE reachable) AS reachable, count(*) FILTER (WHERE officer) AS officer, count(*) FILTER (WHERE mandate) AS mandate,
			count(*) FILTER (WHERE asked) AS asked, count(*) FILTER (WHERE answered) AS answered
		FROM b LEFT JOIN organisation k ON k.ags = b.kreis || '000'
		GROUP BY b.level, b.kreis, k.name ORDER BY b.level, b.kreis`, at)
	out := make([]participation.Cell, len(rows))
	for i, r := range rows {
		out[i] = participation.Cell{
			Level: constituency.Level(r.Level), Kreis: r.Kreis, KreisName: r.KreisName,
			Numbers: participation.Numbers{
				Bodies: r.Bodies, Active: r.Active, Reachable: r.Reachable, Officer: r.Officer, Mandate: r.Mandate, Asked: r.Asked, Answered: r.Answered,
			},
		}
	}
	return out, classify(ctx, err, "count who takes part")
}

type snapshotRow struct {
	Month     time.Time `db:"month"`
	Level     string    `db:"level"`
	Kreis     string    `db:"kreis"`
	Bodies    int       `db:"bodies"`
	Active    int       `db:"active"`
	Reachable int       `db:"reachable"`
	Officer   int       `db:"officer"`
	Mandate   int       `db:"mandate"`
	Asked     int       `db:"asked"`
	Answered  int       `db:"answered"`
	CountedAt time.Time `db:"counted_at"`
}

const upsertSnapshot = `
INSERT INTO participation_snapshot (month, level, kreis, bodies, active, reachable, officer, mandate, asked, answered, counted_at)
VALUES (:month, :level, :kreis, :bodies, :active, :reachable, :officer, :mandate, :asked, :answered, :counted_at)
ON CONFLICT (month, level, kreis) DO UPDATE SET bodies = excluded.bodies, active = excluded.active, reachable = excluded.reachable,
	officer = excluded.officer, mandate = excluded.mandate,
	asked = excluded.asked, answered = excluded.answered, counted_at = excluded.counted_at`

// KeepParticipation writes the cells as those of at's month; a later count of
// the same month takes their place.
func (s *Store) KeepParticipation(ctx context.Context, at time.Time, cells []participation.Cell) error {
	if len(cells) == 0 {
		return nil
	}
	rows := make([]snapshotRow, len(cells))
	month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i, c := range cells {
		rows[i] = snapshotRow{month, string(c.Level), c.Kreis, c.Bodies, c.Active, c.Reachable, c.Officer, c.Mandate, c.Asked, c.Answered, at}
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.NamedExecContext(ctx, upsertSnapshot, rows); err != nil {
			return fmt.Errorf("keep who takes part: %w", err)
		}
		return nil
	})
}

// ParticipationMonths returns the totals of the last months, oldest first.
func (s *Store) ParticipationMonths(ctx context.Context, months int) ([]participation.Month, error) {
	var rows []snapshotRow
	err := s.DB.SelectContext(ctx, &rows, `
		SELECT * FROM (SELECT month, '' AS level, '' AS kreis, sum(bodies) AS bodies, sum(active) AS active, sum(reachable) AS reachable,
				sum(officer) AS officer, sum(mandate) AS mandate, sum(asked) AS asked, sum(answered) AS answered, max(counted_at) AS counted_at
			FROM participation_snapshot GROUP BY month ORDER BY month DESC LIMIT $1) t ORDER BY month`, months)
	out := make([]participation.Month, len(rows))
	for i, r := range rows {
		out[i] = participation.Month{Month: *day(&r.Month), Numbers: participation.Numbers{
			Bodies: r.Bodies, Active: r.Active, Reachable: r.Reachable, Officer: r.Officer, Mandate: r.Mandate, Asked: r.Asked, Answered: r.Answered,
		}}
	}
	return out, classify(ctx, err, "read the months")
}

// KreisMembers lists the bodies of a Landkreis with how far their admission is:
// "active", "none" and so on, no more.
func (s *Store) KreisMembers(ctx context.Context, kreis string) ([]participation.Member, error) {
	var rows []struct {
		organisationRow
		Stage string `db:"stage"`
	}
	err := s.DB.SelectContext(ctx, &rows, `
		SELECT o.id, o.key, o.level, o.kind, o.ags, o.name, coalesce(ob.stage, 'none') AS stage
		FROM organisation o LEFT JOIN onboarding ob ON ob.organisation = o.id
		WHERE o.kreis = $1 AND o.level IN ('gemeinde', 'vg', 'zweckverband') AND o.gone_at IS NULL ORDER BY o.sort, o.id LIMIT 500`, kreis)
	out := make([]participation.Member, len(rows))
	for i, r := range rows {
		out[i] = participation.Member{Organisation: r.organisation(), Stage: r.Stage}
	}
	return out, classify(ctx, err, "list the members of the Kreis %s", kreis)
}
