// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

const insertCase = `
INSERT INTO cases (
	id, reference, version, state, severity, severity_rank, tlp, class, suggested, disposition, title, what,
	org_id, org_ags, org_name, org_level, org_kreis, verified, exercise, assignee_id, assignee_name,
	clocks, flags, merged_into, before_merge, received_at, opened_at, changed_at, answered_at, closed_at, next_due, active,
	campaign_id, campaign_ref, taken_over, over_at, contradicted, words)
VALUES (
	:id, :reference, :version, :state, :severity, :severity_rank, :tlp, :class, :suggested, :disposition, :title, :what,
	:org_id, :org_ags, :org_name, :org_level, :org_kreis, :verified, :exercise, :assignee_id, :assignee_name,
	:clocks, :flags, :merged_into, :before_merge, :received_at, :opened_at, :changed_at, :answered_at, :closed_at, :next_due, :active,
	:campaign_id, :campaign_ref, :taken_over, :over_at, :contradicted, :words)`

const updateCase = `
UPDATE cases SET
	version = :version, state = :state, severity = :severity, severity_rank = :severity_rank, tlp = :tlp, class = :class,
	disposition = :disposition, title = :title, org_id = :org_id, org_ags = :org_ags, org_name = :org_name,
	org_level = :org_level, org_kreis = :org_kreis, verified = :verified, assignee_id = :assignee_id,
	assignee_name = :assignee_name, clocks = :clocks, flags = :flags, merged_into = :merged_into,
	before_merge = :before_merge, changed_at = :changed_at, answered_at = :answered_at, closed_at = :closed_at,
	next_due = :next_due, active = :active, campaign_id = :campaign_id, campaign_ref = :campaign_ref,
	taken_over = :taken_over, over_at = :over_at, contradicted = :contradicted, hold = :hold, locked = :locked, redacted_at = NULL, words = left(words || :words, 200000)
WHERE id = :id`

// Open stores a new case.
func (s *Store) Open(ctx context.Context, by casefile.By, at time.Time, build func(id, reference string) *casefile.Case) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var n int64
		if err := tx.GetContext(ctx, &n, `SELECT nextval('case_number')`); err != nil {
			return fmt.Errorf("next case number: %w", err)
		}
		c := build(event.NewID(), fmt.Sprintf("V-%d-%06d", at.Year(), n))
		return finish(ctx, tx, by, at, insertCase, c)
	})
}

// Update changes the named cases under their locks.
func (s *Store) Update(ctx context.Context, by casefile.By, at time.Time, ids []string, change func(cs []*casefile.Case) error) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		cases, err := lock(ctx, tx, ids)
		if err != nil {
			return err
		}
		if err := change(cases); err != nil {
			return err
		}
		return finish(ctx, tx, by, at, updateCase, cases...)
	})
}

// lock reads the cases in the order of their ids, so that two changes of the
// same cases never wait for each other, and returns them in the order asked for.
func lock(ctx context.Context, tx pg.DB, ids []string) ([]*casefile.Case, error) {
	var rows []row
	if err := tx.SelectContext(ctx, &rows, `SELECT `+columns+` FROM cases WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`,
		pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("lock %d cases: %w", len(ids), err)
	}
	byID := map[string]*casefile.Case{}
	for _, r := range rows {
		c, err := r.incident()
		if err != nil {
			return nil, err
		}
		byID[c.ID] = c
	}
	out := make([]*casefile.Case, len(ids))
	for i, id := range ids {
		c, ok := byID[strings.ToLower(id)]
		if !ok {
			return nil, fault.New(fault.NotFound, "there is no such case")
		}
		out[i] = c
	}
	return out, references(ctx, tx, byID)
}

// references fills in which reports feed the cases: their own, and those of the
// cases merged into them.
func references(ctx context.Context, tx pg.DB, cases map[string]*casefile.Case) error {
	ids := make([]string, 0, len(cases))
	for id := range cases {
		ids = append(ids, id)
	}
	var rows []struct {
		Root      string `db:"root"`
		ID        string `db:"report_id"`
		Reference string `db:"reference"`
	}
	if err := tx.SelectContext(ctx, &rows, `
		WITH RECURSIVE family (root, id) AS (
			SELECT id, id FROM cases WHERE id = ANY($1::uuid[])
			UNION
			SELECT f.root, c.id FROM cases c JOIN family f ON c.merged_into = f.id
		)
		SELECT f.root, r.report_id, r.reference
		FROM family f JOIN case_reports r ON r.case_id = f.id
		ORDER BY r.received_at, r.reference`, pq.Array(ids)); err != nil {
		return fmt.Errorf("reports of %d cases: %w", len(ids), err)
	}
	for _, r := range rows {
		c := cases[r.Root]
		c.Reports = append(c.Reports, event.ReportRef{ID: r.ID, Reference: r.Reference})
	}
	return nil
}

// change is one stored case with the seqs of its audit entries.
type change struct {
	id      string
	version int
	entries int
	left    string // whose sight the case left
}

// finish stores what changed. The audit comes last: it locks the head of the
// chain; only the stream's line, which needs the audit's number, follows.
func finish(ctx context.Context, tx pg.DB, by casefile.By, at time.Time, statement string, cases ...*casefile.Case) error {
	return finishWith(ctx, tx, by, at, statement, nil, cases...)
}

// finishWith is finish with more lines of audit about the same change.
func finishWith(ctx context.Context, tx pg.DB, by casefile.By, at time.Time, statement string, more []audit.Entry, cases ...*casefile.Case) error {
	var events []event.Event
	var entries []audit.Entry
	var changes []change
	meta := event.Meta{At: at, Actor: by.ID()}
	for _, c := range cases {
		if !c.Changed() {
			continue
		}
		p, announce := c.Seal(at)
		r, err := rowOf(c)
		if err != nil {
			return err
		}
		r.Words = words(p)
		if _, err := tx.NamedExecContext(ctx, statement, r); err != nil {
			return fmt.Errorf("save case %s: %w", c.Reference, err)
		}
		if err := parts(ctx, tx, p); err != nil {
			return fmt.Errorf("case %s: %w", c.Reference, err)
		}
		events = append(events, event.New(announce, meta))
		for _, f := range p.Facts {
			events = append(events, event.New(f, meta))
		}
		for _, e := range p.Entries {
			entries = append(entries, audit.Entry{
				At: at, Action: "case." + e.Kind, ObjectType: "case", ObjectID: c.ID,
				RequestID: by.Request,
			}.By(by.Actor, ""))
		}
		changes = append(changes, change{c.ID, c.Version, len(p.Entries), leftSight(c, p)})
	}
	if len(entries)+len(more) == 0 {
		return nil
	}
	if err := outbox.Add(ctx, tx, events...); err != nil {
		return err
	}
	first, err := audit.Append(ctx, tx, append(entries, more...)...)
	if err != nil || len(changes) == 0 {
		return err
	}
	return announce(ctx, tx, first, changes)
}

// announce writes one line a case into the stream, under the number of its last
// audit entry, and wakes the streams when the transaction commits.
func announce(ctx context.Context, tx pg.DB, seq int64, changes []change) error {
	var seqs []int64
	var ids, left []string
	var versions []int64
	for _, c := range changes {
		seq += int64(c.entries)
		seqs, ids, versions, left = append(seqs, seq-1), append(ids, c.id), append(versions, int64(c.version)), append(left, c.left)
	}
	_, err := tx.ExecContext(ctx, `
		WITH written AS (
			INSERT INTO case_changes (seq, case_id, version, opened, left_sight)
			SELECT s, c::uuid, v, v = 1, l FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[]) AS x (s, c, v, l) RETURNING 1
		)
		SELECT pg_notify('`+Channel+`', '') FROM written LIMIT 1`, pq.Array(seqs), pq.Array(ids), pq.Array(versions), pq.Array(left))
	if err != nil {
		return fmt.Errorf("write the stream: %w", err)
	}
	return nil
}

// leftSight is who may not see the case any more after a change: whoever sees no
// locked ones when it was locked, who had it when somebody else got it.
func leftSight(c *casefile.Case, p casefile.Pending) string {
	switch {
	case !c.Locked:
		return ""
	case slices.ContainsFunc(p.Entries, func(e casefile.Entry) bool { return e.Kind == casefile.KindLocked }):
		return string(casefile.AllReaders)
	}
	return p.Had
}

// words are what the search looks at besides title, organisation and reference.
func words(p casefile.Pending) string {
	var b strings.Builder
	for _, r := range p.Reports {
		b.WriteString(" " + strings.ReplaceAll(r.Reference, "-", " ") + " " + r.Description + " " + strings.Join(r.Systems, " "))
	}
	for _, s := range p.Supplements {
		b.WriteString(" " + s.Description)
	}
	return strings.ToValidUTF8(b.String(), " ")
}

// parts inserts what a change added beside the case's own fields.
func parts(ctx context.Context, tx pg.DB, p casefile.Pending) error {
	for _, r := range p.Reports {
		if err := insertReport(ctx, tx, r); err != nil {
			return err
		}
	}
	for _, m := range p.Messages {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO case_messages (id, case_id, direction, author_id, author_name, agent, report, text, tlp, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			m.ID, m.Case, m.Direction, m.Author.ID, m.Author.Name, m.Agent, m.Report, m.Text, string(m.TLP), m.At); err != nil {
			return fmt.Errorf("insert message: %w", err)
		}
	}
	for _, n := range p.Notes {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO case_notes (id, case_id, author_id, author_name, text, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			n.ID, n.Case, n.Author.ID, n.Author.Name, n.Text, n.At); err != nil {
			return fmt.Errorf("insert note: %w", err)
		}
	}
	for _, s := range p.Supplements {
		if err := insertSupplement(ctx, tx, s); err != nil {
			return err
		}
	}
	for _, a := range p.Attachments {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO case_attachments (id, case_id, author_id, author_name, agent, report, name, media_type, size, sha256, blob, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
			a.ID, a.Case, a.Author.ID, a.Author.Name, a.Agent, a.Report, a.Name, a.MediaType, a.Size, a.SHA256, a.Blob, a.At); err != nil {
			return fmt.Errorf("insert attachment: %w", err)
		}
	}
	return insertEntries(ctx, tx, p.Entries)
}

func insertReport(ctx context.Context, tx pg.DB, r casefile.Report) error {
	body, err := json.Marshal(r.ReportSubmitted)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO case_reports (report_id, affected, case_id, reference, received_at, body) VALUES ($1, $2, $3, $4, $5, $6)`,
		r.Report, casefile.AffectedKey(r.Affected), r.Case, r.Reference, r.ReceivedAt, string(body))
	if pg.Violates(err, "case_reports_pkey") {
		return fault.New(fault.Conflict, "report %s has its case already", r.Reference)
	}
	if err != nil {
		return fmt.Errorf("insert report: %w", err)
	}
	return nil
}

func insertSupplement(ctx context.Context, tx pg.DB, s casefile.Supplement) error {
	fields, err := json.Marshal(s.Fields)
	if err != nil {
		return fmt.Errorf("encode supplement: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO case_supplements (id, case_id, author_id, author_name, agent, report, description, fields, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		s.ID, s.Case, s.Author.ID, s.Author.Name, s.Agent, s.Report, s.Description, string(fields), s.At); err != nil {
		return fmt.Errorf("insert supplement: %w", err)
	}
	return nil
}

func insertEntries(ctx context.Context, tx pg.DB, entries []casefile.Entry) error {
	for _, e := range entries {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO case_entries (id, case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			e.ID, e.Case, e.Version, e.At, e.Actor.ID, e.Actor.Name, e.Kind, e.From, e.To, e.Reason, e.Ref); err != nil {
			return fmt.Errorf("insert timeline: %w", err)
		}
	}
	return nil
}
