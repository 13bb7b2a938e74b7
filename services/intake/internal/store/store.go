// SPDX-License-Identifier: EUPL-1.2

// Package store keeps reports in PostgreSQL: the writer that lets waiting
// requests share a commit, and everything that is read or added later.
package store

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of intake's own tables.
var Migrations = pg.Sub("intake", files)

// Reader is the database's role for what people read.
const Reader = "intake_reader"

// Store implements report.Store on a pool or a transaction.
type Store struct {
	db     pg.DB
	people *sqlx.DB // reads on behalf of people
}

// New returns a store on db; people is one of pg.OpenReader.
func New(db pg.DB, people *sqlx.DB) *Store { return &Store{db: db, people: people} }

var _ report.Store = (*Store)(nil)

// row is a line of the table report.
type row struct {
	ID         string    `db:"id"`
	Reference  string    `db:"reference"`
	ReceivedAt time.Time `db:"received_at"`
	Channel    string    `db:"channel"`
	Verified   bool      `db:"verified"`
	ReporterID string    `db:"reporter_id"`
	Reporter   string    `db:"reporter"`
	Home       string    `db:"home"`
	Language   string    `db:"language"`
	Content    string    `db:"content"`
	AlertID    string    `db:"alert_id"`
	CallbackBy time.Time `db:"callback_by"`
	Digest     string    `db:"digest"`
	Hash       []byte    `db:"idem_hash"`
}

const reportColumns = `
	r.id, r.reference, r.received_at, r.channel, r.verified, r.reporter_id, r.reporter,
	r.home, r.language, r.content, r.alert_id, r.callback_by, r.digest, r.idem_hash`

func (r row) report() (report.Report, error) {
	out := report.Report{
		ID: r.ID, Reference: r.Reference, ReceivedAt: r.ReceivedAt.UTC(), Channel: report.Channel(r.Channel),
		Verified: r.Verified, Reporter: event.Person{ID: r.ReporterID, Name: r.Reporter}, Home: r.Home,
		Language: r.Language, AlertID: r.AlertID, CallbackBy: r.CallbackBy.UTC(), Sum: r.Digest,
	}
	if err := json.Unmarshal([]byte(r.Content), &out.Content); err != nil {
		return out, fmt.Errorf("report %s has broken content: %w", r.ID, err)
	}
	return out, nil
}

// bodyRow is a line of the table report_body.
type bodyRow struct {
	ReportID     string     `db:"report_id"`
	Organisation string     `db:"organisation"`
	AGS          string     `db:"ags"`
	Name         string     `db:"name"`
	Level        string     `db:"level"`
	Kreis        string     `db:"kreis"`
	OnBehalf     string     `db:"on_behalf"`
	VisibleTo    string     `db:"visible_to"`
	Formerly     string     `db:"formerly"`
	Mandate      string     `db:"mandate"`
	Agent        string     `db:"agent"`
	AgentName    string     `db:"agent_name"`
	Own          string     `db:"own"`
	AddedAt      *time.Time `db:"added_at"`
	TakenOverAt  *time.Time `db:"taken_over_at"`
	Contact      string     `db:"contact"`
	DisputedAt   *time.Time `db:"contradicted_at"`
}

const bodyColumns = `
	b.report_id, b.organisation, b.ags, b.name, b.level, b.kreis, b.on_behalf, b.visible_to, b.formerly,
	b.mandate, b.agent, b.agent_name, b.own, b.added_at, b.taken_over_at, b.contact, b.contradicted_at`

func (b bodyRow) body() (report.Body, error) {
	out := report.Body{
		Organisation: event.Organisation{ID: b.Organisation, AGS: b.AGS, Name: b.Name, Level: b.Level, Kreis: b.Kreis},
		OnBehalf:     b.OnBehalf, VisibleTo: b.VisibleTo, Formerly: b.Formerly, Mandate: b.Mandate,
		Agent:   event.Organisation{ID: b.Agent, Name: b.AgentName},
		AddedAt: utc(b.AddedAt), TakenOverAt: utc(b.TakenOverAt), DisputedAt: utc(b.DisputedAt),
	}
	if b.Own != "{}" {
		if err := json.Unmarshal([]byte(b.Own), &out.Own); err != nil {
			return out, fmt.Errorf("body %s of report %s is broken: %w", b.Organisation, b.ReportID, err)
		}
	}
	if b.Contact != "{}" {
		if err := json.Unmarshal([]byte(b.Contact), &out.Contact); err != nil {
			return out, fmt.Errorf("body %s of report %s is broken: %w", b.Organisation, b.ReportID, err)
		}
	}
	return out, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// ID returns the id of the report that an id or a human number names.
func (s *Store) ID(ctx context.Context, idOrReference string) (id string, err error) {
	if event.IsID(idOrReference) {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM report WHERE id = $1`, idOrReference)
	} else {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM report WHERE reference = $1`, idOrReference)
	}
	return id, pg.NoRows(ctx, err, "there is no such report")
}

// ByKey returns the report that an idempotency key made.
func (s *Store) ByKey(ctx context.Context, scope, key string) (report.Report, error) {
	r, _, err := s.byKey(ctx, scope, key)
	return r, err
}

func (s *Store) byKey(ctx context.Context, scope, key string) (report.Report, []byte, error) {
	return one(ctx, s.db, `SELECT `+reportColumns+` FROM report r WHERE r.idem_scope = $1 AND r.idem_key = $2`, scope, key)
}

func one(ctx context.Context, db pg.DB, query string, args ...any) (report.Report, []byte, error) {
	var r row
	if err := db.GetContext(ctx, &r, query, args...); err != nil {
		return report.Report{}, nil, pg.NoRows(ctx, err, "there is no such report")
	}
	out, err := complete(ctx, db, []row{r}, nil)
	if err != nil {
		return report.Report{}, nil, err
	}
	return out[0], r.Hash, nil
}

// listTheirs are the newest reports of organisations and of what a person reported.
const listTheirs = `
SELECT ` + reportColumns + ` FROM report r
WHERE r.id IN (
	(SELECT b.report_id FROM unnest($1::text[]) AS o(id)
	CROSS JOIN LATERAL (
		SELECT report_id FROM report_body
		WHERE visible_to = o.id AND visible_to <> '' AND report_id < $2
		ORDER BY report_id DESC LIMIT $3
	) b)
	UNION
	(SELECT id FROM report WHERE reporter_id = $4 AND reporter_id <> '' AND id < $2 ORDER BY id DESC LIMIT $3)
) ORDER BY r.id DESC LIMIT $3`

// list returns the newest reports of a filter. For organisations it takes the
// newest of each by index and merges them, so that the cost does not grow with
// the archive.
func list(ctx context.Context, db pg.DB, f report.Filter) ([]report.Report, error) {
	after := f.After
	if after == "" {
		after = "ffffffff-ffff-ffff-ffff-ffffffffffff"
	} else if !event.IsID(after) {
		return nil, fault.New(fault.Malformed, "after is no cursor of this list")
	}
	var rows []row
	var err error
	if f.Everything {
		err = db.SelectContext(ctx, &rows, `SELECT `+reportColumns+` FROM report r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2`, after, f.Limit)
	} else {
		err = db.SelectContext(ctx, &rows, listTheirs, pq.Array(f.Organisations), after, f.Limit, f.Person)
	}
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("list reports: %w", err))
	}
	if f.Everything {
		return complete(ctx, db, rows, nil)
	}
	return complete(ctx, db, rows, &f)
}

// complete adds the affected bodies and what the cases say about each. With a
// reader's filter it reads of others' reports only the reader's own bodies: a
// member of a provider's report does not carry the others along.
func complete(ctx context.Context, db pg.DB, rows []row, by *report.Filter) ([]report.Report, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]string, len(rows))
	theirs := []string{} // what somebody else reported
	for i, r := range rows {
		ids[i] = r.ID
		if by != nil && (by.Person == "" || r.ReporterID != by.Person) {
			theirs = append(theirs, r.ID)
		}
	}
	orgs := []string{}
	if by != nil {
		orgs = append(orgs, by.Organisations...)
	}
	var found []bodyRow
	if err := db.SelectContext(ctx, &found, `
		SELECT `+bodyColumns+` FROM report_body b
		WHERE b.report_id = ANY($1::uuid[]) AND (b.report_id <> ALL($2::uuid[]) OR b.visible_to = ANY($3::text[]))
		ORDER BY b.report_id, b.position`, pq.Array(ids), pq.Array(theirs), pq.Array(orgs)); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read affected bodies: %w", err))
	}
	bodies := map[string][]report.Body{}
	for _, row := range found {
		b, err := row.body()
		if err != nil {
			return nil, err
		}
		bodies[row.ReportID] = append(bodies[row.ReportID], b)
	}
	cases, err := casesOf(ctx, db, ids, theirs, orgs)
	if err != nil {
		return nil, err
	}
	out := make([]report.Report, len(rows))
	for i, r := range rows {
		if out[i], err = r.report(); err != nil {
			return nil, err
		}
		out[i].Affected = report.WithCases(bodies[r.ID], cases[r.ID])
	}
	return out, nil
}

// reportCases are the cases of reports $1; of those in $2 only what concerns the
// organisations $3. The link's organisation comes first: a provider's report has
// hundreds of cases, and the rules are asked about each that is read.
const reportCases = `
SELECT l.report_id, c.snapshot FROM case_report l JOIN case_copy c ON c.id = l.case_id
WHERE l.report_id = ANY($1::uuid[])
	AND (l.report_id <> ALL($2::uuid[]) OR l.organisation = '' OR l.organisation = ANY($3::text[]) OR l.organisation = ANY(ARRAY(
		SELECT b.formerly FROM report_body b WHERE b.report_id = ANY($2::uuid[]) AND b.formerly <> '' AND b.visible_to = ANY($3::text[]))))
	AND (l.report_id <> ALL($2::uuid[]) OR c.snapshot->'organisation'->>'id' = ANY($3::text[])
		OR EXISTS (SELECT FROM report_body b WHERE b.report_id = l.report_id AND b.formerly <> ''
			AND b.formerly = c.snapshot->'organisation'->>'id' AND b.visible_to = ANY($3::text[])))
ORDER BY l.report_id, c.id`

func casesOf(ctx context.Context, db pg.DB, ids, theirs, orgs []string) (map[string][]event.Case, error) {
	var rows []struct {
		Report   string `db:"report_id"`
		Snapshot string `db:"snapshot"`
	}
	if err := db.SelectContext(ctx, &rows, reportCases, pq.Array(ids), pq.Array(theirs), pq.Array(orgs)); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read cases: %w", err))
	}
	out := map[string][]event.Case{}
	for _, r := range rows {
		var c event.Case
		if err := json.Unmarshal([]byte(r.Snapshot), &c); err != nil {
			return nil, fmt.Errorf("case copy of report %s is broken: %w", r.Report, err)
		}
		out[r.Report] = append(out[r.Report], c)
	}
	return out, nil
}

// entryOf turns an act into its line of the audit.
func entryOf(a report.Act) audit.Entry {
	result := audit.OK
	if a.Denied {
		result = audit.Denied
	}
	return audit.Entry{
		At: a.At, Result: result, Action: a.Action, ObjectType: a.ObjectType, ObjectID: a.ObjectID,
		RequestID: a.RequestID, Principals: a.Principals,
	}.By(a.By, a.OnBehalf)
}

// Note writes lines of the audit.
func (s *Store) Note(ctx context.Context, acts ...report.Act) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		entries := make([]audit.Entry, len(acts))
		for i, a := range acts {
			entries[i] = entryOf(a)
		}
		_, err := audit.Append(ctx, tx, entries...)
		return err
	})
}
