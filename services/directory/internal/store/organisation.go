// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type organisationRow struct {
	ID             string     `db:"id"`
	Key            string     `db:"key"`
	Level          string     `db:"level"`
	Kind           string     `db:"kind"`
	AGS            *string    `db:"ags"`
	ARS            string     `db:"ars"`
	Name           string     `db:"name"`
	ShortName      string     `db:"short_name"`
	OfficialName   string     `db:"official_name"`
	Kreis          string     `db:"kreis"`
	KreisName      string     `db:"kreis_name"`
	Administration *string    `db:"administration"`
	Population     int        `db:"population"`
	Postcode       string     `db:"postcode"`
	Seat           string     `db:"seat"`
	Email          string     `db:"email"`
	Phone          string     `db:"phone"`
	GoneAt         *time.Time `db:"gone_at"`
	Successor      *string    `db:"successor"`
	Undated        bool       `db:"undated"`
	UpdatedAt      time.Time  `db:"updated_at"`
	Version        int        `db:"version"`
	Sort           string     `db:"sort"`
	Search         string     `db:"search"`
	Stage          string     `db:"stage"` // of its admission; kept in onboarding
}

func (r organisationRow) organisation() constituency.Organisation {
	return constituency.Organisation{
		ID: r.ID, Key: r.Key, Level: constituency.Level(r.Level), Kind: r.Kind, AGS: text(r.AGS),
		ARS: r.ARS, Name: r.Name, ShortName: r.ShortName, OfficialName: r.OfficialName, Kreis: r.Kreis, KreisName: r.KreisName,
		Administration: text(r.Administration), Population: r.Population, Postcode: r.Postcode, Seat: r.Seat, Email: r.Email,
		Phone: r.Phone, GoneAt: utc(r.GoneAt), Successor: text(r.Successor), UpdatedAt: r.UpdatedAt.UTC(), Version: r.Version,
		Stage: r.Stage, Undated: r.Undated,
	}
}

func organisationRowOf(o constituency.Organisation) organisationRow {
	return organisationRow{
		ID: o.ID, Key: o.Key, Level: string(o.Level), Kind: o.Kind, AGS: null(o.AGS), ARS: o.ARS, Name: o.Name,
		ShortName: o.ShortName, OfficialName: o.OfficialName, Kreis: o.Kreis, Administration: null(o.Administration),
		Population: o.Population, Postcode: o.Postcode, Seat: o.Seat, Email: o.Email, Phone: o.Phone, GoneAt: o.GoneAt,
		UpdatedAt: o.UpdatedAt, Version: o.Version, Sort: constituency.Fold(o.Name), Search: constituency.SearchText(o),
	}
}

// organisationEvent is the full record for the other services.
func organisationEvent(o constituency.Organisation) event.OrganisationChanged {
	return event.OrganisationChanged{
		ID: o.ID, Version: o.Version, AGS: o.AGS, ARS: o.ARS, Name: o.Name, ShortName: o.ShortName,
		Level: string(o.Level), Kreis: o.Kreis, KreisName: o.KreisName, Administration: o.Administration, Population: o.Population,
		Phone: o.Phone, Email: o.Email, Active: !o.Gone(), Stage: o.Stage, ChangedAt: o.UpdatedAt, EndedAt: o.GoneAt, Successor: o.Successor,
	}
}

const selectOrganisation = `
SELECT o.id, o.key, o.level, o.kind, o.ags, o.ars, o.name, o.short_name, o.official_name, o.kreis,
	coalesce(k.name, '') AS kreis_name, o.administration, o.population, o.postcode, o.seat, o.email, o.phone,
	o.gone_at, s.successor, s.predecessor IS NOT NULL AND s.took_place IS NULL AS undated, o.updated_at, o.version, o.sort, o.search, coalesce((SELECT b.stage FROM onboarding b WHERE b.organisation = o.id), 'none') AS stage
FROM organisation o
LEFT JOIN succession s ON s.predecessor = o.id
LEFT JOIN organisation k ON k.ags = o.kreis || '000' AND k.id <> o.id`

// Organisation returns a body by AGS or id.
func (s *Store) Organisation(ctx context.Context, reference string) (constituency.Organisation, error) {
	var r organisationRow
	if constituency.ValidAGS(reference) {
		err := s.DB.GetContext(ctx, &r, selectOrganisation+` WHERE o.ags = $1`, reference)
		return r.organisation(), pg.NoRows(ctx, err, "no organisation has the AGS %s", reference)
	}
	if err := validID("organisation", reference); err != nil {
		return constituency.Organisation{}, err
	}
	err := s.DB.GetContext(ctx, &r, selectOrganisation+` WHERE o.id = $1`, reference)
	return r.organisation(), pg.NoRows(ctx, err, "no organisation %s", reference)
}

// OrganisationByKey returns a body by its key in the register.
func (s *Store) OrganisationByKey(ctx context.Context, key string) (constituency.Organisation, error) {
	var r organisationRow
	err := s.DB.GetContext(ctx, &r, selectOrganisation+` WHERE o.key = $1`, key)
	return r.organisation(), pg.NoRows(ctx, err, "no organisation has the key %s", key)
}

// OrganisationExists answers NotFound when there is none or it is gone.
func (s *Store) OrganisationExists(ctx context.Context, id string) error {
	o, err := s.Organisation(ctx, id)
	if err == nil && o.Gone() {
		return fault.New(fault.NotFound, "%s is no longer in the register", o.Name)
	}
	return err
}

// Organisations lists bodies by name.
func (s *Store) Organisations(ctx context.Context, f constituency.Filter) (constituency.Page, error) {
	sort, id, err := parseCursor(f.After)
	if err != nil {
		return constituency.Page{}, err
	}
	n := limit(f.Limit)
	var rows []organisationRow
	err = s.DB.SelectContext(ctx, &rows, selectOrganisation+`
		WHERE (o.sort, o.id) > ($1, $2)
			AND ($3 = '' OR o.level = $3)
			AND ($4 = '' OR o.kreis = $4)
			AND o.search LIKE ALL ($5)
			AND ($6 OR o.gone_at IS NULL)
		ORDER BY o.sort, o.id LIMIT $7`, sort, id, string(f.Level), f.Kreis, patterns(f.Query), f.Gone, n+1)
	if err != nil {
		return constituency.Page{}, classify(ctx, err, "list organisations")
	}
	p := constituency.Page{Items: make([]constituency.Organisation, 0, n)}
	if len(rows) > n {
		rows = rows[:n]
		p.Next = cursor(rows[n-1].Sort, rows[n-1].ID)
	}
	for _, r := range rows {
		p.Items = append(p.Items, r.organisation())
	}
	return p, nil
}

// AdministeredBy lists the bodies whose administrative work the body does.
func (s *Store) AdministeredBy(ctx context.Context, id string) ([]constituency.Organisation, error) {
	var rows []organisationRow
	err := s.DB.SelectContext(ctx, &rows, selectOrganisation+`
		WHERE o.administration = $1 AND o.gone_at IS NULL ORDER BY o.sort, o.id LIMIT 200`, id)
	return organisationsOf(rows), classify(ctx, err, "list the members of %s", id)
}

// Kreise lists the Landkreise and kreisfreie Städte, for filters.
func (s *Store) Kreise(ctx context.Context) ([]constituency.Organisation, error) {
	var rows []organisationRow
	err := s.DB.SelectContext(ctx, &rows, selectOrganisation+`
		WHERE o.level IN ('kreis', 'kreisfrei') AND o.gone_at IS NULL ORDER BY o.sort, o.id`)
	return organisationsOf(rows), classify(ctx, err, "list the Kreise")
}

func organisationsOf(rows []organisationRow) []constituency.Organisation {
	out := make([]constituency.Organisation, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.organisation())
	}
	return out
}

// AllOrganisations returns the whole register, also what is gone.
func (s *Store) AllOrganisations(ctx context.Context) ([]constituency.Organisation, error) {
	var rows []organisationRow
	err := s.DB.SelectContext(ctx, &rows, selectOrganisation)
	return organisationsOf(rows), classify(ctx, err, "read the register")
}

const upsertOrganisation = `
INSERT INTO organisation (id, key, level, kind, ags, ars, name, short_name, official_name, kreis, administration,
	population, postcode, seat, email, phone, gone_at, updated_at, version, sort, search)
VALUES (:id, :key, :level, :kind, :ags, :ars, :name, :short_name, :official_name, :kreis, :administration,
	:population, :postcode, :seat, :email, :phone, :gone_at, :updated_at, :version, :sort, :search)
ON CONFLICT (id) DO UPDATE SET level = excluded.level, kind = excluded.kind, ags = excluded.ags, ars = excluded.ars,
	name = excluded.name, short_name = excluded.short_name, official_name = excluded.official_name, kreis = excluded.kreis,
	administration = excluded.administration, population = excluded.population, postcode = excluded.postcode,
	seat = excluded.seat, email = excluded.email, phone = excluded.phone, gone_at = excluded.gone_at,
	updated_at = excluded.updated_at, version = excluded.version, sort = excluded.sort, search = excluded.search`

// saveOrganisations writes many bodies with few statements.
func saveOrganisations(ctx context.Context, tx pg.DB, list ...constituency.Organisation) error {
	for chunk := range slices.Chunk(list, 500) {
		rows := make([]organisationRow, len(chunk))
		for i, o := range chunk {
			rows[i] = organisationRowOf(o)
		}
		if _, err := tx.NamedExecContext(ctx, upsertOrganisation, rows); err != nil {
			return fmt.Errorf("save %d organisations: %w", len(rows), err)
		}
	}
	return nil
}

// UpdateOrganisation loads it under a lock, changes and saves it.
func (s *Store) UpdateOrganisation(ctx context.Context, act constituency.Act, id, action string,
	apply func(*constituency.Organisation) (bool, error),
) (constituency.Organisation, error) {
	var o constituency.Organisation
	if err := validID("organisation", id); err != nil {
		return o, err
	}
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var r organisationRow
		err := tx.GetContext(ctx, &r, selectOrganisation+` WHERE o.id = $1 FOR UPDATE OF o`, id)
		if err != nil {
			return pg.NoRows(ctx, err, "no organisation %s", id)
		}
		o = r.organisation()
		changed, err := apply(&o)
		if err != nil || !changed {
			return err
		}
		if err := saveOrganisations(ctx, tx, o); err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, action, "organisation", id, []event.Payload{organisationEvent(o)}})
	})
	return o, err
}
