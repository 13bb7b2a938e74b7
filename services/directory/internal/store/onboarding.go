// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type onboardingRow struct {
	Organisation string         `db:"organisation"`
	Stage        string         `db:"stage"`
	Held         string         `db:"held"`
	InvitedAt    *time.Time     `db:"invited_at"`
	ContactsAt   *time.Time     `db:"contacts_at"`
	RolesAt      *time.Time     `db:"roles_at"`
	ActiveAt     *time.Time     `db:"active_at"`
	HeldAt       *time.Time     `db:"held_at"`
	Note         string         `db:"note"`
	Document     string         `db:"document"`
	Version      int            `db:"version"`
	ChangedAt    time.Time      `db:"changed_at"`
	Name         string         `db:"name"`
	AGS          string         `db:"ags"`
	KreisName    string         `db:"kreis_name"`
	Level        string         `db:"level"`
	Sort         string         `db:"sort"`
	Administered bool           `db:"administered"`
	Functions    pq.StringArray `db:"functions"`
	Callable     bool           `db:"callable"`
	Officer      bool           `db:"officer"`
	OrgAdmin     bool           `db:"org_admin"`
	Email        string         `db:"email"`
}

func (r onboardingRow) line() onboarding.Line {
	l := onboarding.Line{
		Record: onboarding.Record{
			Organisation: r.Organisation, Stage: onboarding.Stage(r.Stage), Held: onboarding.Stage(r.Held), InvitedAt: utc(r.InvitedAt),
			ContactsAt: utc(r.ContactsAt), RolesAt: utc(r.RolesAt), ActiveAt: utc(r.ActiveAt), HeldAt: utc(r.HeldAt), Note: r.Note,
			Document: r.Document, Version: r.Version, ChangedAt: r.ChangedAt.UTC(),
		},
		Facts: onboarding.Facts{Administered: r.Administered, Callable: r.Callable, Officer: r.Officer, OrgAdmin: r.OrgAdmin, Email: r.Email},
		Name:  r.Name, AGS: r.AGS, KreisName: r.KreisName, Level: constituency.Level(r.Level),
	}
	for _, f := range r.Functions {
		l.Functions = append(l.Functions, contact.Function(f))
	}
	return l
}

// selectOnboarding reads the record, an empty one where there is none, with the
// facts of now.
const selectOnboarding = `
SELECT o.id AS organisation, coalesce(b.stage, 'none') AS stage, coalesce(b.held, '') AS held, b.invited_at, b.contacts_at, b.roles_at,
	b.active_at, b.held_at, coalesce(b.note, '') AS note, coalesce(b.document, '') AS document, coalesce(b.version, 0) AS version,
	coalesce(b.changed_at, o.updated_at) AS changed_at, o.name, coalesce(o.ags, '') AS ags, coalesce(k.name, '') AS kreis_name, o.level, o.sort,
	o.administration IS NOT NULL AS administered, coalesce(f.functions, '{}') AS functions, coalesce(f.callable, false) AS callable,
	coalesce(m.officer, false) AS officer, coalesce(m.org_admin, false) AS org_admin, o.email
FROM organisation o
LEFT JOIN organisation k ON k.ags = o.kreis || '000' AND k.id <> o.id
LEFT JOIN onboarding b ON b.organisation = o.id
LEFT JOIN (SELECT c.organisation, array_agg(DISTINCT x.fn) AS functions,
		bool_or(x.fn = 'emergency' AND (c.phone <> '' OR c.mobile <> '')) AS callable
	FROM contact c, unnest(c.functions) AS x(fn) WHERE c.removed_at IS NULL GROUP BY c.organisation) f ON f.organisation = o.id
LEFT JOIN (SELECT s.organisation, bool_or(s.role = 'officer') AS officer, bool_or(s.role = 'org_admin') AS org_admin
	FROM membership s JOIN person p ON p.id = s.person AND p.active GROUP BY s.organisation) m ON m.organisation = o.id
WHERE o.gone_at IS NULL`

// Onboardings lists organisations on their way, by name.
func (s *Store) Onboardings(ctx context.Context, f onboarding.Filter) ([]onboarding.Line, string, error) {
	sort, id, err := parseCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	n := limit(f.Limit)
	var rows []onboardingRow
	err = s.DB.SelectContext(ctx, &rows, selectOnboarding+`
		AND (o.sort, o.id) > ($1, $2) AND ($3 = '' OR coalesce(b.stage, 'none') = $3) AND ($4 = '' OR o.level = $4) AND ($5 = '' OR o.kreis = $5)
		ORDER BY o.sort, o.id LIMIT $6`, sort, id, string(f.Stage), string(f.Level), f.Kreis, n+1)
	if err != nil {
		return nil, "", classify(ctx, err, "list admissions")
	}
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		next = cursor(rows[n-1].Sort, rows[n-1].Organisation)
	}
	out := make([]onboarding.Line, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.line())
	}
	return out, next, nil
}

// OnboardingCounts counts organisations by stage.
func (s *Store) OnboardingCounts(ctx context.Context, f onboarding.Filter) (map[onboarding.Stage]int, error) {
	var rows []struct {
		Stage string `db:"stage"`
		N     int    `db:"n"`
	}
	err := s.DB.SelectContext(ctx, &rows, `SELECT coalesce(b.stage, 'none') AS stage, count(*) AS n FROM organisation o
		LEFT JOIN onboarding b ON b.organisation = o.id
		WHERE o.gone_at IS NULL AND ($1 = '' OR o.level = $1) AND ($2 = '' OR o.kreis = $2) GROUP BY 1`, string(f.Level), f.Kreis)
	out := map[onboarding.Stage]int{}
	for _, r := range rows {
		out[onboarding.Stage(r.Stage)] = r.N
	}
	return out, classify(ctx, err, "count admissions")
}

// Onboarding returns the way of one organisation by AGS or id.
func (s *Store) Onboarding(ctx context.Context, reference string) (onboarding.Line, error) {
	var r onboardingRow
	by := ` AND o.ags = $1`
	if !constituency.ValidAGS(reference) {
		if err := validID("organisation", reference); err != nil {
			return onboarding.Line{}, err
		}
		by = ` AND o.id = $1`
	}
	err := s.DB.GetContext(ctx, &r, selectOnboarding+by, reference)
	return r.line(), pg.NoRows(ctx, err, "no organisation %s", reference)
}

// Strayed lists organisations whose stage is not what the facts say.
func (s *Store) Strayed(ctx context.Context) ([]string, error) {
	var rows []onboardingRow
	if err := s.DB.SelectContext(ctx, &rows, selectOnboarding); err != nil {
		return nil, classify(ctx, err, "read admissions")
	}
	var out []string
	for _, r := range rows {
		l := r.line()
		if l.Follow(l.Facts, l.ChangedAt) {
			out = append(out, l.Organisation)
		}
	}
	return out, nil
}

// Uninvited lists organisations of a Kreis that can be invited.
func (s *Store) Uninvited(ctx context.Context, kreis string) ([]string, int, error) {
	var rows []struct {
		ID    string `db:"id"`
		Email string `db:"email"`
	}
	err := s.DB.SelectContext(ctx, &rows, `SELECT o.id, o.email FROM organisation o LEFT JOIN onboarding b ON b.organisation = o.id
		WHERE o.gone_at IS NULL AND o.kreis = $1 AND b.invited_at IS NULL AND coalesce(b.held, '') = '' ORDER BY o.sort, o.id`, kreis)
	var ids []string
	without := 0
	for _, r := range rows {
		if r.Email == "" {
			without++
			continue
		}
		ids = append(ids, r.ID)
	}
	return ids, without, classify(ctx, err, "list who is not invited in %s", kreis)
}

// UpdateOnboarding loads the way under a lock, changes it, follows the facts and
// saves it. A new stage is told to the others with the organisation.
func (s *Store) UpdateOnboarding(ctx context.Context, act constituency.Act, organisation, action string,
	apply func(*onboarding.Record, onboarding.Facts) (changed, invite bool, err error),
) (onboarding.Line, error) {
	var l onboarding.Line
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var o organisationRow
		if err := tx.GetContext(ctx, &o, selectOrganisation+` WHERE o.id = $1 AND o.gone_at IS NULL FOR UPDATE OF o`, organisation); err != nil {
			return pg.NoRows(ctx, err, "no organisation %s", organisation)
		}
		var err error
		if l, err = s.On(tx).Onboarding(ctx, organisation); err != nil {
			return err
		}
		changed, invite, err := apply(&l.Record, l.Facts)
		if err != nil {
			return err
		}
		moved := l.Follow(l.Facts, act.At)
		if !changed && !moved {
			return nil
		}
		if err := saveOnboarding(ctx, tx, act, l.Record, invite); err != nil {
			return err
		}
		body := o.organisation()
		var events []event.Payload
		if moved {
			body.Stage, body.Version, body.UpdatedAt = string(l.Stage), body.Version+1, act.At
			if err := saveOrganisations(ctx, tx, body); err != nil {
				return err
			}
			events = append(events, organisationEvent(body))
		}
		if invite {
			to := addressee{Name: body.Name, Email: body.Email, Language: "de", organisation: organisationEvent(body).Ref()}
			events = append(events, to.mail("onboarding_welcome", body.ID, "/verzeichnis/stelle", nil))
		}
		return s.commit(ctx, tx, change{act, action, "organisation", organisation, events})
	})
	return l, err
}

func saveOnboarding(ctx context.Context, tx pg.DB, act constituency.Act, r onboarding.Record, invite bool) error {
	var by *string
	if invite {
		by = null(act.Actor.Person)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO onboarding (organisation, stage, held, invited_at, invited_by, contacts_at, roles_at, active_at, held_at, held_by, note, document, version, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (organisation) DO UPDATE SET stage = excluded.stage, held = excluded.held, invited_at = excluded.invited_at,
			invited_by = coalesce(excluded.invited_by, onboarding.invited_by), contacts_at = excluded.contacts_at, roles_at = excluded.roles_at,
			active_at = excluded.active_at, held_at = excluded.held_at, held_by = coalesce(excluded.held_by, onboarding.held_by),
			note = excluded.note, document = excluded.document, version = excluded.version, changed_at = excluded.changed_at`,
		r.Organisation, string(r.Stage), string(r.Held), r.InvitedAt, by, r.ContactsAt, r.RolesAt, r.ActiveAt, r.HeldAt,
		null(act.Actor.Person), r.Note, r.Document, r.Version, r.ChangedAt)
	if err != nil {
		return fmt.Errorf("save the admission of %s: %w", r.Organisation, err)
	}
	return nil
}
