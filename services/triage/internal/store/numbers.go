// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Numbers counts the unfinished work that a reader sees, and the first answers of
// the last week.
func (s *Store) Numbers(ctx context.Context, reader casefile.Reader, person string, now time.Time) (casefile.Numbers, error) {
	var r struct {
		Unassigned int      `db:"unassigned"`
		Overdue    int      `db:"overdue"`
		Soon       int      `db:"soon"`
		Working    int      `db:"working"`
		Active     int      `db:"active"`
		Mine       int      `db:"mine"`
		Nobody     int      `db:"nobody"`
		Median     *float64 `db:"median"`
	}
	err := s.db.GetContext(ctx, &r, `
		SELECT count(*) FILTER (WHERE state = 'new' AND assignee_id = '') AS unassigned,
			count(*) FILTER (WHERE next_due < $3) AS overdue,
			count(*) FILTER (WHERE next_due >= $3 AND next_due < $3 + interval '4 hours') AS soon,
			count(*) FILTER (WHERE state IN ('assessing', 'working', 'waiting', 'contained', 'recovering')) AS working,
			count(*) AS active,
			count(*) FILTER (WHERE assignee_id = $2) AS mine,
			count(*) FILTER (WHERE assignee_id = '') AS nobody,
			(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answered_at - received_at))
				FROM cases WHERE answered_at >= $3 - interval '7 days' AND NOT exercise AND`+readable+`) AS median
		FROM cases WHERE active AND`+readable, string(reader), person, now)
	if err != nil {
		return casefile.Numbers{}, pg.Classify(ctx, fmt.Errorf("count the queue: %w", err))
	}
	n := casefile.Numbers{
		Unassigned: r.Unassigned, Overdue: r.Overdue, Soon: r.Soon, Working: r.Working,
		Active: r.Active, Mine: r.Mine, Nobody: r.Nobody,
	}
	if r.Median != nil {
		d := time.Duration(*r.Median * float64(time.Second))
		n.Median = &d
	}
	return n, nil
}

// Weeks counts the cases received since from, per ISO week of local time and class.
func (s *Store) Weeks(ctx context.Context, reader casefile.Reader, noRed bool, from time.Time) (casefile.Weeks, error) {
	var rows []struct {
		Year  int    `db:"y"`
		Week  int    `db:"w"`
		Class string `db:"class_group"`
		N     int    `db:"n"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT extract(isoyear FROM received_at AT TIME ZONE 'Europe/Berlin')::int AS y,
			extract(week FROM received_at AT TIME ZONE 'Europe/Berlin')::int AS w,
			CASE WHEN $3 AND tlp = 'RED' THEN '' ELSE class_group END AS class_group, count(*) AS n
		FROM cases WHERE received_at >= $2 AND state <> 'merged' AND NOT exercise AND`+readable+`
		GROUP BY 1, 2, 3 ORDER BY 1, 2`, string(reader), from, noRed)
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("count the weeks: %w", err))
	}
	var out casefile.Weeks
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1].Year != r.Year || out[n-1].Week != r.Week {
			out = append(out, casefile.Week{Year: r.Year, Week: r.Week, Classes: map[string]int{}})
		}
		out[len(out)-1].Classes[r.Class] += r.N
	}
	return out, nil
}

// Kreise counts the unfinished cases per district.
func (s *Store) Kreise(ctx context.Context, reader casefile.Reader, noRed bool) (map[string]int, error) {
	var rows []struct {
		Kreis string `db:"org_kreis"`
		N     int    `db:"n"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT CASE WHEN $2 AND tlp = 'RED' THEN '' ELSE org_kreis END AS org_kreis, count(*) AS n
		FROM cases WHERE active AND state <> 'closed' AND`+readable+` GROUP BY 1`, string(reader), noRed)
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("count the districts: %w", err))
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.Kreis] = r.N
	}
	return out, nil
}

// Alert returns the newest alert whose poll runs, nil without one.
func (s *Store) Alert(ctx context.Context, now time.Time) (*casefile.Alert, error) {
	var r struct {
		ID        string `db:"id"`
		Reference string `db:"reference"`
		Title     string `db:"title"`
		Audience  int    `db:"audience"`
		Done      int    `db:"done"`
		Working   int    `db:"working"`
		Help      int    `db:"help"`
	}
	err := s.db.GetContext(ctx, &r, `
		SELECT a.id, a.reference, a.title, a.audience, x.done, x.working, x.help
		FROM alerts a CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE answer IN ('not_affected', 'fixed')) AS done,
				count(*) FILTER (WHERE answer IN ('mitigating', 'checking')) AS working,
				count(*) FILTER (WHERE answer = 'help') AS help
			FROM alert_answers WHERE alert_id = a.id) x
		WHERE a.state = 'published' AND a.poll AND (a.valid_until IS NULL OR a.valid_until > $1)
		ORDER BY a.published_at DESC LIMIT 1`, now)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no alert is running: an ordinary answer
	}
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the current alert: %w", err))
	}
	a := casefile.Alert(r)
	return &a, nil
}

// PutAlert keeps the newest version of an alert.
func (s *Store) PutAlert(ctx context.Context, a event.Alert) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO alerts (id, version, reference, title, state, audience, poll, published_at, valid_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, reference = excluded.reference, title = excluded.title,
				state = excluded.state, audience = excluded.audience, poll = excluded.poll,
				published_at = excluded.published_at, valid_until = excluded.valid_until
			WHERE alerts.version < excluded.version
				OR (alerts.version = excluded.version AND excluded.state = 'withdrawn')`,
			a.ID, a.Version, a.Reference, a.Title, a.State, a.AudienceSize, a.Poll != nil, a.PublishedAt, a.ValidUntil)
		if err != nil {
			return fmt.Errorf("keep alert %s: %w", a.Reference, err)
		}
		return nil
	})
}

// PutAnswer keeps the newest answer of an organisation.
func (s *Store) PutAnswer(ctx context.Context, p event.PollAnswered) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO alert_answers (alert_id, organisation, answer, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (alert_id, organisation) DO UPDATE SET answer = excluded.answer, at = excluded.at
			WHERE alert_answers.at <= excluded.at`, p.Alert, p.Organisation.ID, p.Answer, p.At)
		if err != nil {
			return fmt.Errorf("keep an answer to %s: %w", p.Reference, err)
		}
		return nil
	})
}

// Changes returns what the stream tells after seq.
func (s *Store) Changes(ctx context.Context, seq int64, limit int) ([]casefile.Change, error) {
	var rows []struct {
		Seq       int64     `db:"seq"`
		Case      string    `db:"case_id"`
		Version   int       `db:"version"`
		Opened    bool      `db:"opened"`
		Reference string    `db:"reference"`
		Severity  string    `db:"severity"`
		Org       string    `db:"org_id"`
		Assignee  string    `db:"assignee_id"`
		Locked    bool      `db:"locked"`
		Left      string    `db:"left_sight"`
		Campaign  string    `db:"campaign_ref"`
		At        time.Time `db:"changed_at"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT s.seq, s.case_id, s.version, s.opened, c.reference, c.severity, c.org_id, c.assignee_id, c.locked, s.left_sight, c.campaign_ref, c.changed_at
		FROM case_changes s JOIN cases c ON c.id = s.case_id
		WHERE s.seq > $1 ORDER BY s.seq LIMIT $2`, seq, limit)
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the stream after %d: %w", seq, err))
	}
	out := make([]casefile.Change, len(rows))
	for i, r := range rows {
		out[i] = casefile.Change{
			Seq: r.Seq, Opened: r.Opened, Case: r.Case, Reference: r.Reference, Version: r.Version,
			Severity: casefile.Severity(r.Severity), Organisation: r.Org, Assignee: r.Assignee, Locked: r.Locked, Left: r.Left, Campaign: r.Campaign, At: r.At.UTC(),
		}
	}
	return out, nil
}

// Last is the end of the stream.
func (s *Store) Last(ctx context.Context) (int64, error) {
	var n int64
	err := s.db.GetContext(ctx, &n, `SELECT coalesce(max(seq), 0) FROM case_changes`)
	return n, pg.Classify(ctx, err)
}
