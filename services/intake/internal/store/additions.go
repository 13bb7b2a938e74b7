// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// entry is what the rows of all additions share.
type entry struct {
	ID       string         `db:"id"`
	ReportID string         `db:"report_id"`
	AuthorID string         `db:"author_id"`
	Author   string         `db:"author"`
	Bodies   pq.StringArray `db:"bodies"`
	Agent    string         `db:"agent"`
	At       time.Time      `db:"at"`
}

func entryRow(e report.Entry) entry {
	return entry{ID: e.ID, ReportID: e.Report, AuthorID: e.Author.ID, Author: e.Author.Name, Bodies: e.Bodies, Agent: e.Agent, At: e.At}
}

func (e entry) entry() report.Entry {
	return report.Entry{ID: e.ID, Report: e.ReportID, Author: event.Person{ID: e.AuthorID, Name: e.Author}, Bodies: e.Bodies, Agent: e.Agent, At: e.At.UTC()}
}

type messageRow struct {
	entry
	Side string `db:"side"`
	Case string `db:"case_id"`
	Text string `db:"body"`

	Batch string `db:"batch"`
}

type supplementRow struct {
	entry
	Description string `db:"description"`
	Fields      string `db:"fields"`
}

type attachmentRow struct {
	entry
	Name      string `db:"name"`
	MediaType string `db:"media_type"`
	Size      int64  `db:"size"`
	SHA256    string `db:"sha256"`
	Blob      string `db:"blob"`
	OnlyHome  string `db:"only_home"`

	DestroyedAt *time.Time `db:"destroyed_at"`
}

// AddMessage adds a message with its event and audit.
func (s *Store) AddMessage(ctx context.Context, m report.Message, n report.Note) (report.Message, bool, error) {
	return add(ctx, s.db, m, m.Entry, n, `
		INSERT INTO report_message (id, report_id, side, author_id, author, bodies, agent, case_id, body, at)
		VALUES (:id, :report_id, :side, :author_id, :author, :bodies, :agent, :case_id, :body, :at)`,
		messageRow{entry: entryRow(m.Entry), Side: string(m.Side), Case: m.Case, Text: m.Text})
}

// AddSupplement adds a supplement with its event and audit.
func (s *Store) AddSupplement(ctx context.Context, x report.Supplement, n report.Note) (report.Supplement, bool, error) {
	fields, err := json.Marshal(x.Fields)
	if err != nil {
		return x, false, fmt.Errorf("encode supplement: %w", err)
	}
	return add(ctx, s.db, x, x.Entry, n, `
		INSERT INTO report_supplement (id, report_id, author_id, author, bodies, agent, description, fields, at)
		VALUES (:id, :report_id, :author_id, :author, :bodies, :agent, :description, CAST(:fields AS jsonb), :at)`,
		supplementRow{entry: entryRow(x.Entry), Description: x.Description, Fields: string(fields)})
}

// AddAttachment adds the record of a file with its event and audit.
func (s *Store) AddAttachment(ctx context.Context, a report.Attachment, n report.Note) (report.Attachment, bool, error) {
	return add(ctx, s.db, a, a.Entry, n, `
		INSERT INTO report_attachment (id, report_id, author_id, author, bodies, agent, name, media_type, size, sha256, blob, only_home, at)
		VALUES (:id, :report_id, :author_id, :author, :bodies, :agent, :name, :media_type, :size, :sha256, :blob, :only_home, :at)`,
		attachmentRow{entry: entryRow(a.Entry), Name: a.Name, MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, Blob: a.Blob, OnlyHome: a.OnlyHome})
}

// add inserts one row, its events and its line in the audit in one transaction,
// once for each key.
func add[T any](ctx context.Context, db pg.DB, thing T, e report.Entry, n report.Note, insert string, row any) (T, bool, error) {
	return once(ctx, db, thing, &n, func(tx pg.DB) error {
		if err := stillAgents(ctx, tx, e, n); err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, insert, row); err != nil {
			return fmt.Errorf("insert addition: %w", err)
		}
		return nil
	})
}

// stillAgents keeps the bodies that an agent adds something to from being taken
// over until the transaction ends; one that was taken over a moment ago is a Conflict.
// An agent who signed in names for whom (n); a body for which the same person adds
// as its own officer may well deal with the report itself.
func stillAgents(ctx context.Context, tx pg.DB, e report.Entry, n report.Note) error {
	if e.Agent == "" {
		return nil
	}
	principals := []string{}
	for _, a := range append([]report.Act{n.Act}, n.Also...) {
		if a.OnBehalf != "" {
			principals = append(principals, a.OnBehalf)
		}
	}
	var over []bool
	if err := tx.SelectContext(ctx, &over, `
		SELECT taken_over_at IS NOT NULL FROM report_body
		WHERE report_id = $1 AND organisation = ANY($2::text[]) AND on_behalf <> '' AND (cardinality($3::text[]) = 0 OR visible_to = ANY($3::text[]))
		ORDER BY position FOR SHARE`, e.Report, pq.Array(e.Bodies), pq.Array(principals)); err != nil {
		return fmt.Errorf("keep the report's bodies: %w", err)
	}
	if slices.Contains(over, true) {
		return fault.New(fault.Conflict, "a body took the report over just now: look again whom to write to")
	}
	return nil
}

// once makes a change with its events and its lines in the audit in one
// transaction, once for each key.
func once[T any](ctx context.Context, db pg.DB, thing T, n *report.Note, change func(tx pg.DB) error) (T, bool, error) {
	hash := sha256.Sum256(n.Key.Hash)
	a, err := idem.Do(ctx, db, idem.Request{Scope: n.Key.Scope, Key: n.Key.Key, Body: hash[:]}, func(tx pg.DB) (int, any, error) {
		if err := change(tx); err != nil {
			return 0, nil, err
		}
		if err := outbox.Add(ctx, tx, n.Events...); err != nil {
			return 0, nil, err
		}
		entries := []audit.Entry{entryOf(n.Act)}
		for _, a := range n.Also {
			entries = append(entries, entryOf(a))
		}
		_, err := audit.Append(ctx, tx, entries...)
		return 201, thing, err
	})
	if err != nil {
		return thing, false, err
	}
	if a.Replayed {
		var first T
		if err := json.Unmarshal(a.Body, &first); err != nil {
			return thing, true, fmt.Errorf("decode the first answer: %w", err)
		}
		return first, true, nil
	}
	return thing, false, nil
}
