// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type qualificationRow struct {
	ID           string     `db:"id"`
	Organisation string     `db:"organisation"`
	Contact      string     `db:"contact"`
	Kind         string     `db:"kind"`
	Name         string     `db:"name"`
	Issuer       string     `db:"issuer"`
	ObtainedOn   time.Time  `db:"obtained_on"`
	ValidUntil   *time.Time `db:"valid_until"`
	Document     string     `db:"document"`
	ChangedAt    time.Time  `db:"changed_at"`
	Version      int        `db:"version"`
}

func (r qualificationRow) qualification() qualification.Qualification {
	return qualification.Qualification{
		ID: r.ID, Organisation: r.Organisation, Contact: r.Contact, Kind: qualification.Kind(r.Kind), Name: r.Name, Issuer: r.Issuer,
		ObtainedOn: r.ObtainedOn.UTC(), ValidUntil: utc(r.ValidUntil), Document: r.Document, ChangedAt: r.ChangedAt.UTC(), Version: r.Version,
	}
}

// Qualifications lists what a contact has learnt, the newest first.
func (s *Store) Qualifications(ctx context.Context, contact string) ([]qualification.Qualification, error) {
	var rows []qualificationRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT q.id, q.organisation, q.contact, q.kind, q.name, q.issuer, q.obtained_on, q.valid_until,
			q.document, q.changed_at, q.version
		FROM qualification q WHERE q.contact = $1 ORDER BY q.obtained_on DESC, q.id LIMIT $2`, contact, qualification.MaxQualifications)
	out := make([]qualification.Qualification, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.qualification())
	}
	return out, classify(ctx, err, "list the qualifications of %s", contact)
}

// AddQualification stores one.
func (s *Store) AddQualification(ctx context.Context, act constituency.Act, q qualification.Qualification) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.NamedExecContext(ctx, `
			INSERT INTO qualification (id, organisation, contact, kind, name, issuer, obtained_on, valid_until, document, changed_at, version)
			VALUES (:id, :organisation, :contact, :kind, :name, :issuer, :obtained_on, :valid_until, :document, :changed_at, :version)`,
			qualificationRow{
				ID: q.ID, Organisation: q.Organisation, Contact: q.Contact, Kind: string(q.Kind), Name: q.Name, Issuer: q.Issuer,
				ObtainedOn: q.ObtainedOn, ValidUntil: q.ValidUntil, Document: q.Document, ChangedAt: q.ChangedAt, Version: q.Version,
			})
		if err != nil {
			return fmt.Errorf("insert qualification: %w", err)
		}
		return s.commit(ctx, tx, change{act, "qualification.add", "contact", q.Contact, nil})
	})
}

// RemoveQualification deletes one of the contact's.
func (s *Store) RemoveQualification(ctx context.Context, act constituency.Act, contact, id string) error {
	if err := validID("qualification", id); err != nil {
		return err
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM qualification WHERE id = $1 AND contact = $2`, id, contact)
		if err != nil {
			return fmt.Errorf("delete qualification %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(fault.NotFound, err, "no qualification %s", id)
		}
		return s.commit(ctx, tx, change{act, "qualification.remove", "contact", contact, nil})
	})
}

// Officers lists the organisations that need an ISB of their own, each with its
// first ISB, the certificate that lasts longest (from any organisation that the
// same person serves), how many organisations that person serves, and whether it
// comes after the cursor.
func (s *Store) Officers(ctx context.Context, kreis, after string) ([]qualification.Line, error) {
	sort, id, err := parseCursor(after)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID        string     `db:"org"`
		Name      string     `db:"org_name"`
		Sort      string     `db:"sort"`
		Later     bool       `db:"later"`
		AGS       string     `db:"ags"`
		KreisName string     `db:"kreis_name"`
		Level     string     `db:"level"`
		Contact   *string    `db:"contact"`
		Officer   string     `db:"officer"`
		Email     string     `db:"email"`
		Serves    int        `db:"serves"`
		QKind     *string    `db:"q_kind"`
		QName     *string    `db:"q_name"`
		QIssuer   *string    `db:"q_issuer"`
		Obtained  *time.Time `db:"obtained_on"`
		Valid     *time.Time `db:"valid_until"`
	}
	err = s.DB.SelectContext(ctx, &rows, `
		SELECT o.id AS org, o.name AS org_name, o.sort, (o.sort, o.id) > ($2, $3) AS later, coalesce(o.ags, '') AS ags, coalesce(k.name, '') AS kreis_name, o.level, c.id AS contact,
			coalesce(c.name, '') AS officer, coalesce(c.email, '') AS email, coalesce(n.serves, 0) AS serves,
			q.kind AS q_kind, q.name AS q_name, q.issuer AS q_issuer, q.obtained_on, q.valid_until
		FROM organisation o
		LEFT JOIN organisation k ON k.ags = o.kreis || '000' AND k.id <> o.id
		LEFT JOIN LATERAL (SELECT c.id, c.name, c.email FROM contact c
			WHERE c.organisation = o.id AND c.removed_at IS NULL AND c.functions @> ARRAY['isb'] ORDER BY c.sort, c.id LIMIT 1) c ON true
		LEFT JOIN LATERAL (SELECT count(DISTINCT x.organisation) AS serves FROM contact x
			WHERE x.removed_at IS NULL AND x.functions @> ARRAY['isb'] AND (x.id = c.id OR c.email <> '' AND x.email = c.email)) n ON true
		LEFT JOIN LATERAL (SELECT q.kind, q.name, q.issuer, q.obtained_on, q.valid_until FROM qualification q JOIN contact x ON x.id = q.contact
			WHERE q.kind = 'certificate' AND (x.id = c.id OR c.email <> '' AND x.email = c.email)
			ORDER BY q.valid_until DESC NULLS FIRST, q.obtained_on DESC LIMIT 1) q ON true
		WHERE o.gone_at IS NULL AND o.administration IS NULL AND o.level <> 'provider' AND ($1 = '' OR o.kreis = $1)
		ORDER BY o.sort, o.id`, kreis, sort, id)
	out := make([]qualification.Line, 0, len(rows))
	for _, r := range rows {
		l := qualification.Line{
			Organisation: r.ID, OrganisationName: r.Name, AGS: r.AGS, KreisName: r.KreisName, Level: constituency.Level(r.Level),
			Contact: text(r.Contact), Name: r.Officer, Email: r.Email, Serves: r.Serves,
			Cursor: cursor(r.Sort, r.ID), Later: r.Later,
		}
		if r.QKind != nil && r.Obtained != nil {
			l.Best = &qualification.Qualification{
				Kind: qualification.Kind(*r.QKind), Name: text(r.QName), Issuer: text(r.QIssuer), ObtainedOn: r.Obtained.UTC(), ValidUntil: utc(r.Valid),
			}
		}
		out = append(out, l)
	}
	return out, classify(ctx, err, "read the register of security officers")
}
