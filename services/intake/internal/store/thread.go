// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// window takes the newest lines of a list, or those before a place, and one more
// to know whether there are others.
const window = ` WHERE report_id = $1 AND bodies && $2::text[] AND ($3::timestamptz IS NULL OR (at, id::text COLLATE "C") < ($3, $4))
	ORDER BY at DESC, id::text COLLATE "C" DESC LIMIT $5`

// threading is one thread being read.
type threading struct {
	id     string
	bodies any
	w      report.Window
	t      *report.Thread
}

func (r threading) args(list string) []any {
	var at *time.Time
	id := ""
	if r.w.Before.List == list {
		at, id = &r.w.Before.At, r.w.Before.ID
	}
	return []any{r.id, r.bodies, at, id, r.w.Size() + 1}
}

// oldestFirst puts a window into the order in which it is read, and notes where
// the one before it begins.
func oldestFirst[T any](r threading, list string, rows []T, key func(T) entry) []T {
	if n := r.w.Size(); len(rows) > n {
		e := key(rows[n-1])
		if r.t.Earlier == nil {
			r.t.Earlier = map[string]report.Cursor{}
		}
		r.t.Earlier[list] = report.Cursor{List: list, At: e.At.UTC(), ID: e.ID}
		rows = rows[:n]
	}
	slices.Reverse(rows)
	return rows
}

// Thread reads a window of what came after a report about some of its bodies and
// notes who read it.
func (r reading) Thread(ctx context.Context, id string, bodies []string, w report.Window, read ...report.Act) (report.Thread, error) {
	t := report.Thread{Window: w}
	x := threading{id: id, bodies: pq.Array(bodies), w: w, t: &t}
	err := r.see(ctx, func(tx pg.DB) error {
		for _, part := range []func(context.Context, pg.DB) error{x.messages, x.supplements, x.attachments, x.steps} {
			if err := part(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	return t, r.Note(ctx, read...) // what cannot be noted is not shown
}

// eachOnce takes a message to several bodies as one line.
const eachOnce = `SELECT DISTINCT ON (coalesce(nullif(batch, ''), id::text)) * FROM report_message
	WHERE report_id = $1 AND bodies && $2::text[] ORDER BY coalesce(nullif(batch, ''), id::text), at, id`

func (r threading) messages(ctx context.Context, tx pg.DB) error {
	var rows []messageRow
	if err := tx.SelectContext(ctx, &rows, `
		SELECT id, report_id, side, author_id, author, agent, case_id, body, at, CASE batch WHEN '' THEN bodies ELSE (
			SELECT array_agg(DISTINCT b) FROM report_message x CROSS JOIN unnest(x.bodies) b
			WHERE x.report_id = m.report_id AND x.batch = m.batch AND x.bodies && $2::text[]) END AS bodies
		FROM (`+eachOnce+`) m`+window, r.args(report.ListMessages)...); err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	for _, m := range oldestFirst(r, report.ListMessages, rows, func(m messageRow) entry { return m.entry }) {
		r.t.Messages = append(r.t.Messages, report.Message{Entry: m.entry.entry(), Side: report.Side(m.Side), Case: m.Case, Text: m.Text})
	}
	return nil
}

func (r threading) supplements(ctx context.Context, tx pg.DB) error {
	var rows []supplementRow
	if err := tx.SelectContext(ctx, &rows, `
		SELECT id, report_id, author_id, author, bodies, agent, description, fields, at FROM report_supplement`+window,
		r.args(report.ListSupplements)...); err != nil {
		return fmt.Errorf("read supplements: %w", err)
	}
	for _, x := range oldestFirst(r, report.ListSupplements, rows, func(x supplementRow) entry { return x.entry }) {
		sup := report.Supplement{Entry: x.entry.entry(), Description: x.Description}
		if err := json.Unmarshal([]byte(x.Fields), &sup.Fields); err != nil {
			return fmt.Errorf("supplement %s is broken: %w", x.ID, err)
		}
		r.t.Supplements = append(r.t.Supplements, sup)
	}
	return nil
}

func (r threading) attachments(ctx context.Context, tx pg.DB) error {
	var rows []attachmentRow
	if err := tx.SelectContext(ctx, &rows, `
		SELECT id, report_id, author_id, author, bodies, agent, name, media_type, size, sha256, blob, only_home, destroyed_at, at
		FROM (SELECT * FROM report_attachment WHERE $6 = '' OR id::text = $6) AS report_attachment`+window,
		append(r.args(report.ListAttachments), r.w.File)...); err != nil {
		return fmt.Errorf("read attachments: %w", err)
	}
	for _, a := range oldestFirst(r, report.ListAttachments, rows, func(a attachmentRow) entry { return a.entry }) {
		r.t.Attachments = append(r.t.Attachments, report.Attachment{
			Entry: a.entry.entry(), Name: a.Name,
			MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, Blob: a.Blob, OnlyHome: a.OnlyHome, DestroyedAt: a.DestroyedAt,
		})
	}
	return nil
}

func (r threading) steps(ctx context.Context, tx pg.DB) error {
	var rows []stepRow
	if err := tx.SelectContext(ctx, &rows, `
		SELECT id, report_id, kind, author_id, author, bodies, body, contact, at FROM report_step`+window,
		r.args(report.ListSteps)...); err != nil {
		return fmt.Errorf("read steps: %w", err)
	}
	for _, s := range oldestFirst(r, report.ListSteps, rows, func(s stepRow) entry { return s.entry }) {
		x := report.Step{Entry: s.entry.entry(), Kind: report.StepKind(s.Kind), Text: s.Text}
		if err := json.Unmarshal([]byte(s.Contact), &x.Contact); err != nil {
			return fmt.Errorf("step %s is broken: %w", x.ID, err)
		}
		r.t.Steps = append(r.t.Steps, x)
	}
	return nil
}
