// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Find returns the id of the case with the id or reference.
func (s *Store) Find(ctx context.Context, idOrReference string) (string, error) {
	var id string
	var err error
	if parsed, bad := uuid.Parse(idOrReference); bad == nil {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM cases WHERE id = $1`, parsed.String())
	} else {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM cases WHERE reference = $1`, strings.ToUpper(idOrReference))
	}
	if err != nil {
		return "", pg.NoRows(ctx, err, "there is no such case")
	}
	return id, nil
}

// Summary returns one line of the list.
func (s *Store) Summary(ctx context.Context, id string) (casefile.Summary, error) {
	var r row
	if err := s.db.GetContext(ctx, &r, `SELECT `+columns+` FROM cases WHERE id = $1`, id); err != nil {
		return casefile.Summary{}, pg.NoRows(ctx, err, "there is no such case")
	}
	return r.summary(), nil
}

// Dossier reads everything about a case, of its lists a window, in one
// transaction with its audit entry.
func (s *Store) Dossier(ctx context.Context, by casefile.By, at time.Time, id string, w casefile.Window) (casefile.Dossier, error) {
	var d casefile.Dossier
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r row
		if err := tx.GetContext(ctx, &r, `SELECT `+columns+` FROM cases WHERE id = $1`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such case")
		}
		c, err := r.incident()
		if err != nil {
			return err
		}
		if err := references(ctx, tx, map[string]*casefile.Case{c.ID: c}); err != nil {
			return err
		}
		w.Limit = w.Size(by.Export)
		d = casefile.Dossier{Case: *c, Window: w, Earlier: map[string]casefile.Cursor{}}
		if err := fill(ctx, tx, &d, by.Reader(actor.CaseRead)); err != nil {
			return fmt.Errorf("read case %s: %w", c.Reference, err)
		}
		action := "case.read"
		if by.Export {
			action = "case.export"
		}
		_, err = audit.Append(ctx, tx, audit.Entry{At: at, Action: action, ObjectType: "case", ObjectID: id, RequestID: by.Request}.By(by.Actor, ""))
		return err
	})
	return d, err
}

// family is the case itself and those merged into it.
const family = `
WITH RECURSIVE family (id) AS (
	SELECT $1::uuid
	UNION
	SELECT c.id FROM cases c JOIN family f ON c.merged_into = f.id
)`

func fill(ctx context.Context, tx pg.DB, d *casefile.Dossier, reader casefile.Reader) error {
	for _, read := range []func(context.Context, pg.DB, *casefile.Dossier) error{
		filed, supplements, messages, notes, attachments, timeline, merges, lengths,
	} {
		if err := read(ctx, tx, d); err != nil {
			return err
		}
	}
	if err := siblings(ctx, tx, d, reader); err != nil {
		return err
	}
	return conceal(ctx, tx, d, reader)
}

func filed(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []struct {
		Case string `db:"case_id"`
		Body string `db:"body"`
	}
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT case_id, body FROM case_reports WHERE case_id IN (SELECT id FROM family) ORDER BY received_at, reference LIMIT 500`, d.ID); err != nil {
		return fmt.Errorf("reports: %w", err)
	}
	for _, r := range rows {
		rep := casefile.Report{Case: r.Case}
		if err := json.Unmarshal([]byte(r.Body), &rep.ReportSubmitted); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		d.Filed = append(d.Filed, rep)
	}
	return nil
}

// said is what all things have in common that somebody added to a case.
type said struct {
	ID         string    `db:"id"`
	Case       string    `db:"case_id"`
	AuthorID   string    `db:"author_id"`
	AuthorName string    `db:"author_name"`
	Agent      string    `db:"agent"`
	At         time.Time `db:"at"`
}

func (s said) author() event.Person { return event.Person{ID: s.AuthorID, Name: s.AuthorName} }

func supplements(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []struct {
		said
		Report      string `db:"report"`
		Description string `db:"description"`
		Fields      string `db:"fields"`
	}
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT id, case_id, author_id, author_name, agent, at, report, description, fields
		FROM case_supplements WHERE case_id IN (SELECT id FROM family)`+newest, windowOf(d, casefile.ListSupplements)...); err != nil {
		return fmt.Errorf("supplements: %w", err)
	}
	for _, r := range oldestFirst(d, casefile.ListSupplements, rows, func(i int) (time.Time, string) { return rows[i].At, rows[i].ID }) {
		s := casefile.Supplement{ID: r.ID, Case: r.Case, Report: r.Report, Author: r.author(), Agent: r.Agent, Description: r.Description, At: r.At.UTC()}
		if err := json.Unmarshal([]byte(r.Fields), &s.Fields); err != nil {
			return fmt.Errorf("supplement %s: %w", r.ID, err)
		}
		d.Supplements = append(d.Supplements, s)
	}
	return nil
}

func messages(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []struct {
		said
		Direction string `db:"direction"`
		Report    string `db:"report"`
		Text      string `db:"text"`
		TLP       string `db:"tlp"`
	}
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT id, case_id, author_id, author_name, agent, at, direction, report, text, tlp
		FROM case_messages WHERE case_id IN (SELECT id FROM family)`+newest, windowOf(d, casefile.ListMessages)...); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	for _, r := range oldestFirst(d, casefile.ListMessages, rows, func(i int) (time.Time, string) { return rows[i].At, rows[i].ID }) {
		d.Messages = append(d.Messages, casefile.Message{
			ID: r.ID, Case: r.Case, Direction: r.Direction, Author: r.author(), Agent: r.Agent,
			Report: r.Report, Text: r.Text, TLP: tlp.Label(r.TLP), At: r.At.UTC(),
		})
	}
	return nil
}

func notes(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []struct {
		said
		Text string `db:"text"`
	}
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT id, case_id, author_id, author_name, at, text
		FROM case_notes WHERE case_id IN (SELECT id FROM family)`+newest, windowOf(d, casefile.ListNotes)...); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	for _, r := range oldestFirst(d, casefile.ListNotes, rows, func(i int) (time.Time, string) { return rows[i].At, rows[i].ID }) {
		d.Notes = append(d.Notes, casefile.Note{ID: r.ID, Case: r.Case, Author: r.author(), Text: r.Text, At: r.At.UTC()})
	}
	return nil
}

type attachmentRow struct {
	said
	Report    string `db:"report"`
	Name      string `db:"name"`
	MediaType string `db:"media_type"`
	Size      int64  `db:"size"`
	SHA256    string `db:"sha256"`
	Blob      string `db:"blob"`

	DestroyedAt *time.Time `db:"destroyed_at"`
}

func (r attachmentRow) attachment() casefile.Attachment {
	return casefile.Attachment{
		ID: r.ID, Case: r.Case, Report: r.Report, Author: r.author(), Agent: r.Agent, Name: r.Name,
		MediaType: r.MediaType, Size: r.Size, SHA256: r.SHA256, Blob: r.Blob, At: r.At.UTC(), DestroyedAt: utc(r.DestroyedAt),
	}
}

const selectAttachments = family + `
SELECT id, case_id, author_id, author_name, agent, at, report, name, media_type, size, sha256, blob, destroyed_at
FROM case_attachments WHERE case_id IN (SELECT id FROM family)`

func attachments(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []attachmentRow
	if err := tx.SelectContext(ctx, &rows, selectAttachments+newest, windowOf(d, casefile.ListAttachments)...); err != nil {
		return fmt.Errorf("attachments: %w", err)
	}
	for _, r := range oldestFirst(d, casefile.ListAttachments, rows, func(i int) (time.Time, string) { return rows[i].At, rows[i].ID }) {
		d.Attachments = append(d.Attachments, r.attachment())
	}
	return nil
}

type entryRow struct {
	ID      string    `db:"id"`
	Case    string    `db:"case_id"`
	Version int       `db:"version"`
	At      time.Time `db:"at"`
	ActorID string    `db:"actor_id"`
	Name    string    `db:"actor_name"`
	Kind    string    `db:"kind"`
	From    string    `db:"from_value"`
	To      string    `db:"to_value"`
	Reason  string    `db:"reason"`
	Ref     string    `db:"ref"`
}

func (r entryRow) entry() casefile.Entry {
	return casefile.Entry{
		ID: r.ID, Case: r.Case, At: r.At.UTC(), Version: r.Version,
		Actor: event.Person{ID: r.ActorID, Name: r.Name}, Kind: r.Kind, From: r.From, To: r.To, Reason: r.Reason, Ref: r.Ref,
	}
}

func timeline(ctx context.Context, tx pg.DB, d *casefile.Dossier) error {
	var rows []entryRow
	if err := tx.SelectContext(ctx, &rows, family+`
		SELECT id, case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref
		FROM case_entries WHERE case_id IN (SELECT id FROM family)`+newest, windowOf(d, casefile.ListTimeline)...); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	for _, r := range oldestFirst(d, casefile.ListTimeline, rows, func(i int) (time.Time, string) { return rows[i].At, rows[i].ID }) {
		d.Timeline = append(d.Timeline, r.entry())
	}
	return nil
}

// siblings are the other unfinished cases of the same organisation: what a new
// one may belong to.
func siblings(ctx context.Context, tx pg.DB, d *casefile.Dossier, reader casefile.Reader) error {
	if d.Organisation.ID == "" {
		return nil
	}
	var rows []row
	if err := tx.SelectContext(ctx, &rows, `
		SELECT `+columns+` FROM cases
		WHERE org_id = $2 AND id <> $3 AND state NOT IN ('closed', 'merged') AND`+readable+`
		ORDER BY received_at DESC, id DESC LIMIT 5`, string(reader), d.Organisation.ID, d.ID); err != nil {
		return fmt.Errorf("siblings: %w", err)
	}
	for _, r := range rows {
		d.Siblings = append(d.Siblings, r.summary())
	}
	return nil
}

// Since returns the timeline of a case after a version.
func (s *Store) Since(ctx context.Context, id string, version int) ([]casefile.Entry, error) {
	var rows []entryRow
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT id, case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref
		FROM case_entries WHERE case_id = $1 AND version > $2 ORDER BY version, at, id`, id, version); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("timeline of case %s: %w", id, err))
	}
	out := make([]casefile.Entry, len(rows))
	for i, r := range rows {
		out[i] = r.entry()
	}
	return out, nil
}

// Attachment reads where a file of the case lies, in one transaction with its
// audit entry.
func (s *Store) Attachment(ctx context.Context, by casefile.By, at time.Time, id, attachment string) (casefile.Attachment, error) {
	var a casefile.Attachment
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r attachmentRow
		if err := tx.GetContext(ctx, &r, selectAttachments+` AND id = $2 LIMIT 1`, id, attachment); err != nil {
			return pg.NoRows(ctx, err, "the case has no such attachment")
		}
		a = r.attachment()
		_, err := audit.Append(ctx, tx, audit.Entry{
			At: at, Action: "attachment.read", ObjectType: "attachment",
			ObjectID: attachment, RequestID: by.Request,
		}.By(by.Actor, ""))
		return err
	})
	return a, err
}
