// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type successionRow struct {
	Predecessor string     `db:"predecessor"`
	Successor   string     `db:"successor"`
	Kind        string     `db:"kind"`
	TookPlace   *time.Time `db:"took_place"`
	ChangedAt   time.Time  `db:"changed_at"`
}

func (r successionRow) succession() succession.Succession {
	return succession.Succession{
		Predecessor: r.Predecessor, Successor: r.Successor, Kind: succession.Kind(r.Kind), Date: day(r.TookPlace),
	}
}

// day is a date as a moment of UTC.
func day(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	d := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return &d
}

const upsertSuccession = `
INSERT INTO succession (predecessor, successor, kind, took_place, changed_at)
VALUES (:predecessor, :successor, :kind, :took_place, :changed_at)
ON CONFLICT (predecessor) DO UPDATE SET successor = excluded.successor, kind = excluded.kind,
	took_place = excluded.took_place, changed_at = excluded.changed_at,
	handed_at = CASE WHEN succession.successor = excluded.successor THEN succession.handed_at END`

// saveSuccessions writes who took over; a saved body that is there (again) has
// no successor any more.
func saveSuccessions(ctx context.Context, tx pg.DB, at time.Time, saved []constituency.Organisation, list []succession.Succession) error {
	var there []string
	for _, o := range saved {
		if !o.Gone() {
			there = append(there, o.ID)
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM succession WHERE predecessor = ANY ($1)`, pq.Array(there)); err != nil {
		return fmt.Errorf("forget successions: %w", err)
	}
	if len(list) == 0 {
		return nil
	}
	rows := make([]successionRow, len(list))
	for i, s := range list {
		rows[i] = successionRow{s.Predecessor, s.Successor, string(s.Kind), s.Date, at}
	}
	if _, err := tx.NamedExecContext(ctx, upsertSuccession, rows); err != nil {
		return fmt.Errorf("save %d successions: %w", len(rows), err)
	}
	return nil
}

// Succession returns the step from a body that is gone to the one that took over.
func (s *Store) Succession(ctx context.Context, predecessor string) (succession.Succession, error) {
	if err := validID("organisation", predecessor); err != nil {
		return succession.Succession{}, err
	}
	var r successionRow
	err := s.DB.GetContext(ctx, &r, `
		SELECT predecessor, successor, kind, took_place, changed_at FROM succession WHERE predecessor = $1`, predecessor)
	return r.succession(), pg.NoRows(ctx, err, "nobody took over from %s", predecessor)
}

// PredecessorsOf lists the bodies that a body took over from.
func (s *Store) PredecessorsOf(ctx context.Context, id string) ([]constituency.Organisation, error) {
	var rows []organisationRow
	err := s.DB.SelectContext(ctx, &rows, selectOrganisation+` WHERE s.successor = $1 ORDER BY o.sort, o.id LIMIT 200`, id)
	return organisationsOf(rows), classify(ctx, err, "list the predecessors of %s", id)
}

// Find looks for all words of a query in names and keys, also of bodies that
// are gone; those that are there come first, then the shorter names.
func (s *Store) Find(ctx context.Context, query string, limit int) ([]constituency.Organisation, error) {
	var rows []organisationRow
	err := s.DB.SelectContext(ctx, &rows, selectOrganisation+`
		WHERE o.search LIKE ALL ($1) AND (o.gone_at IS NULL OR s.successor IS NOT NULL)
		ORDER BY o.gone_at IS NOT NULL, length(o.sort), o.sort, o.id LIMIT $2`, patterns(query), limit)
	return organisationsOf(rows), classify(ctx, err, "look for a place")
}

// ProvidersOf lists the names of those who act for a body under a mandate in
// force.
func (s *Store) ProvidersOf(ctx context.Context, principal string, at time.Time) ([]string, error) {
	var names []string
	err := s.DB.SelectContext(ctx, &names, `
		SELECT DISTINCT o.name FROM mandate m JOIN organisation o ON o.id = m.agent
		WHERE m.principal = $1 AND m.state = 'active' AND m.revoked_at IS NULL AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to > $2)
		ORDER BY o.name`, principal, at)
	return names, classify(ctx, err, "list who acts for %s", principal)
}
