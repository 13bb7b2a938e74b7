// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

type alertRow struct {
	ID          string     `db:"id"`
	Reference   string     `db:"reference"`
	State       string     `db:"state"`
	Revision    int        `db:"revision"`
	Current     *int       `db:"current_version"`
	CreatedAt   time.Time  `db:"created_at"`
	PublishedAt *time.Time `db:"published_at"`
	WithdrawnAt *time.Time `db:"withdrawn_at"`
	WithdrawnBy []byte     `db:"withdrawn_by"`
}

type versionRow struct {
	Alert        string         `db:"alert"`
	Number       int            `db:"number"`
	Content      []byte         `db:"content"`
	Author       []byte         `db:"author"`
	Contributors pq.StringArray `db:"contributors"`
	CreatedAt    time.Time      `db:"created_at"`
	Approver     []byte         `db:"approver"`
	PublishedAt  *time.Time     `db:"published_at"`
	AudienceSize int            `db:"audience_size"`
}

func (r alertRow) alert() (alert.Alert, error) {
	a := alert.Alert{
		ID: r.ID, Reference: r.Reference, State: alert.State(r.State), Revision: r.Revision,
		CreatedAt: r.CreatedAt, WithdrawnAt: r.WithdrawnAt,
	}
	return a, decode(r.WithdrawnBy, &a.WithdrawnBy)
}

func (r versionRow) version() (*alert.Version, error) {
	v := &alert.Version{
		Number: r.Number, Contributors: r.Contributors, CreatedAt: r.CreatedAt,
		PublishedAt: r.PublishedAt, AudienceSize: r.AudienceSize,
	}
	return v, errors.Join(decode(r.Content, &v.Content), decode(r.Author, &v.Author), decode(r.Approver, &v.Approver))
}

const alertColumns = `id, reference, state, revision, current_version, created_at, published_at, withdrawn_at, withdrawn_by`

// by picks the column that names an alert, so that one route takes both.
func named(idOrReference string) string {
	if event.IsID(idOrReference) {
		return "id"
	}
	return "reference"
}

// Alert returns an alert by id or reference.
func (r reading) Alert(ctx context.Context, idOrReference string) (a alert.Alert, err error) {
	err = r.see(ctx, func(tx pg.DB) error {
		a, err = r.load(ctx, tx, idOrReference, "")
		return err
	})
	return a, err
}

func (s *Store) load(ctx context.Context, db pg.DB, idOrReference, lock string) (alert.Alert, error) {
	var r alertRow
	err := db.GetContext(ctx, &r, `SELECT `+alertColumns+` FROM alerts WHERE `+named(idOrReference)+` = $1`+lock, idOrReference)
	if err != nil {
		return alert.Alert{}, pg.NoRows(ctx, err, "there is no such alert")
	}
	list, err := s.withVersions(ctx, db, []alertRow{r})
	if err != nil {
		return alert.Alert{}, err
	}
	return list[0], nil
}

// withVersions adds the published version and the draft of each alert.
func (s *Store) withVersions(ctx context.Context, db pg.DB, rows []alertRow) ([]alert.Alert, error) {
	out := make([]alert.Alert, 0, len(rows))
	ids, at := make([]string, len(rows)), map[string]int{}
	for i, r := range rows {
		a, err := r.alert()
		if err != nil {
			return nil, err
		}
		out, ids[i], at[r.ID] = append(out, a), r.ID, i
	}
	var versions []versionRow
	err := db.SelectContext(ctx, &versions, `
		SELECT v.alert, v.number, v.content, v.author, v.contributors, v.created_at, v.approver, v.published_at, v.audience_size
		FROM alert_versions v JOIN alerts a ON a.id = v.alert
		WHERE v.alert = ANY($1) AND (v.published_at IS NULL OR v.number = a.current_version)`, pq.Array(ids))
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read versions: %w", err))
	}
	for _, r := range versions {
		v, err := r.version()
		if err != nil {
			return nil, err
		}
		if a := &out[at[r.Alert]]; r.PublishedAt == nil {
			a.Draft = v
		} else {
			a.Current = v
		}
	}
	return out, nil
}

const listAll = `
SELECT ` + alertColumns + ` FROM alerts a
WHERE (cardinality($1::text[]) = 0 OR state = ANY($1)) AND ($2 = '' OR id < NULLIF($2, '')::uuid)
ORDER BY id DESC LIMIT $3`

// few mandates are looked up one by one.
const few = 20

// listOwn takes the newest alerts of each of the reader's organisations, and of
// those under a mandate what an agent may know, by index: the cost does not grow
// with the archive.
const listOwn = `
SELECT ` + alertColumns + ` FROM alerts a
WHERE a.id IN (
	SELECT b.alert FROM (
		SELECT id, true AS own FROM unnest($4::uuid[]) AS a(id) UNION ALL SELECT id, false FROM unnest($5::uuid[]) AS m(id)
	) o
	CROSS JOIN LATERAL (
		SELECT x.alert FROM alert_bodies x JOIN alerts y ON y.id = x.alert
		WHERE x.organisation = o.id AND (cardinality($1::text[]) = 0 OR y.state = ANY($1)) AND ($2 = '' OR x.alert < NULLIF($2, '')::uuid)
			AND (o.own OR EXISTS (SELECT FROM alert_versions v WHERE v.alert = y.id AND v.number = y.current_version AND v.content ->> 'TLP' = ANY ($6)))
		ORDER BY x.alert DESC LIMIT $3
	) b
) ORDER BY a.id DESC LIMIT $3`

// listAgents is listOwn for an agent of many bodies: it is in the audience of
// nearly every alert, so it goes through the newest.
const listAgents = `
SELECT ` + alertColumns + ` FROM alerts a
WHERE (cardinality($1::text[]) = 0 OR state = ANY($1)) AND ($2 = '' OR id < NULLIF($2, '')::uuid)
	AND (EXISTS (SELECT 1 FROM alert_bodies b WHERE b.alert = a.id AND b.organisation = ANY($4))
		OR EXISTS (SELECT 1 FROM alert_bodies b WHERE b.alert = a.id AND b.organisation = ANY($5))
			AND EXISTS (SELECT 1 FROM alert_versions v WHERE v.alert = a.id AND v.number = a.current_version AND v.content ->> 'TLP' = ANY($6)))
ORDER BY id DESC LIMIT $3`

// Alerts lists alerts, the newest first.
func (r reading) Alerts(ctx context.Context, f alert.Filter) (out []alert.Alert, next string, err error) {
	err = r.see(ctx, func(tx pg.DB) error {
		out, next, err = r.alerts(ctx, tx, f)
		return err
	})
	return out, next, err
}

func (s *Store) alerts(ctx context.Context, db pg.DB, f alert.Filter) ([]alert.Alert, string, error) {
	states := make([]string, len(f.States))
	for i, x := range f.States {
		states[i] = string(x)
	}
	if f.After != "" && !event.IsID(f.After) {
		return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	var rows []alertRow
	var err error
	if f.Everything {
		err = db.SelectContext(ctx, &rows, listAll, pq.Array(states), f.After, f.Limit+1)
	} else {
		list := listOwn
		if len(f.Mandated) > few {
			list = listAgents
		}
		err = db.SelectContext(ctx, &rows, list, pq.Array(states), f.After, f.Limit+1,
			pq.Array(f.Organisations), pq.Array(f.Mandated), pq.Array(forAgents()))
	}
	if err != nil {
		return nil, "", pg.Classify(ctx, fmt.Errorf("list alerts: %w", err))
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = rows[f.Limit-1].ID
	}
	out, err := s.withVersions(ctx, db, rows)
	return out, next, err
}

// forAgents are the labels of alerts that may be known under a mandate.
func forAgents() []string {
	var out []string
	for _, l := range tlp.Labels() {
		if alert.ForAgents(l) {
			out = append(out, string(l))
		}
	}
	return out
}

// Create stores a new draft under the next number.
func (s *Store) Create(ctx context.Context, year int, by alert.By, build func(id, reference string) (alert.Alert, error)) (alert.Alert, error) {
	var a alert.Alert
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var n int64
		if err := tx.GetContext(ctx, &n, `SELECT nextval('alert_number')`); err != nil {
			return fmt.Errorf("number the alert: %w", err)
		}
		var err error
		if a, err = build(event.NewID(), alert.Reference(year, n)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO alerts (id, reference, state, revision, created_at) VALUES ($1, $2, $3, $4, $5)`,
			a.ID, a.Reference, string(a.State), a.Revision, a.CreatedAt); err != nil {
			return fmt.Errorf("insert alert: %w", err)
		}
		if err := saveVersion(ctx, tx, a.ID, a.Draft); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, s.entry(by, "alert.draft", "alert", a.ID, ""))
		return err
	})
	return a, err
}

func saveVersion(ctx context.Context, tx pg.DB, id string, v *alert.Version) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO alert_versions (alert, number, content, author, contributors, created_at, approver, published_at, audience_size)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (alert, number) DO UPDATE SET content = excluded.content, contributors = excluded.contributors,
			approver = excluded.approver, published_at = excluded.published_at, audience_size = excluded.audience_size
		WHERE alert_versions.published_at IS NULL`,
		id, v.Number, encode(v.Content), encode(v.Author), pq.Array(v.Contributors), v.CreatedAt,
		encode(v.Approver), v.PublishedAt, v.AudienceSize)
	if err != nil {
		return fmt.Errorf("save version %d: %w", v.Number, err)
	}
	return nil
}

// Update loads the alert under a lock, changes and saves it with its effect.
func (s *Store) Update(ctx context.Context, idOrReference string, by alert.By, change func(a *alert.Alert) (alert.Effect, error)) (alert.Alert, error) {
	var a alert.Alert
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var err error
		if a, err = s.load(ctx, tx, idOrReference, ` FOR UPDATE`); err != nil {
			return err
		}
		effect, err := change(&a)
		if err != nil {
			return err
		}
		if err := s.save(ctx, tx, &a); err != nil {
			return err
		}
		if err := s.effect(ctx, tx, by, &a, effect); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, s.entry(by, effect.Action, "alert", a.ID, ""))
		return err
	})
	return a, err
}

func (s *Store) save(ctx context.Context, tx pg.DB, a *alert.Alert) error {
	var current *int
	var published *time.Time
	if a.Current != nil {
		current, published = &a.Current.Number, a.Current.PublishedAt
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE alerts SET state = $2, revision = $3, current_version = $4, published_at = $5, withdrawn_at = $6, withdrawn_by = $7
		WHERE id = $1`, a.ID, string(a.State), a.Revision, current, published, a.WithdrawnAt, encode(a.WithdrawnBy)); err != nil {
		return fmt.Errorf("save alert: %w", err)
	}
	if a.Draft != nil {
		return saveVersion(ctx, tx, a.ID, a.Draft)
	}
	if a.Current != nil {
		if err := saveVersion(ctx, tx, a.ID, a.Current); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM alert_versions WHERE alert = $1 AND published_at IS NULL`, a.ID); err != nil {
		return fmt.Errorf("drop the draft: %w", err)
	}
	return nil
}

// Case returns what is kept of a case.
func (r reading) Case(ctx context.Context, id string) (c alert.CaseCopy, err error) {
	if !event.IsID(id) {
		return alert.CaseCopy{}, fault.New(fault.NotFound, "there is no such case")
	}
	err = r.see(ctx, func(tx pg.DB) error {
		var raw []byte
		if err := tx.GetContext(ctx, &raw, `SELECT snapshot FROM cases WHERE id = $1`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such case")
		}
		return decode(raw, &c)
	})
	return c, err
}
