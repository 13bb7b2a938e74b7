// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// KeepMember remembers that a provider reported for a body.
func (s *Store) KeepMember(ctx context.Context, m message.Member) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO report_members (report, organisation, agent) VALUES ($1, $2, $3)
			ON CONFLICT (report, organisation) DO UPDATE SET agent = excluded.agent`, m.Report, m.Organisation, m.Agent)
		if err != nil {
			return fmt.Errorf("keep member: %w", err)
		}
		return nil
	})
}

// KeepTakeover remembers whom a body wants asked; what came later counts, in
// whatever order both arrive.
func (s *Store) KeepTakeover(ctx context.Context, m message.Member, at time.Time) (fresh bool, err error) {
	if m.To == nil {
		m.To = []message.To{}
	}
	err = pg.InTx(ctx, s.db, func(tx pg.DB) error {
		if err := inLine(ctx, tx, m.Report, m.Organisation); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO report_members (report, organisation, over_at, recipients) VALUES ($1, $2, $3, $4)
			ON CONFLICT (report, organisation) DO UPDATE SET over_at = excluded.over_at, recipients = excluded.recipients
			WHERE report_members.over_at IS NULL OR report_members.over_at <= excluded.over_at`, m.Report, m.Organisation, at, encode(m.To))
		if err != nil {
			return fmt.Errorf("keep takeover: %w", err)
		}
		n, err := res.RowsAffected()
		fresh = n > 0
		return err
	})
	return fresh, err
}

// inLine makes the takeovers of a body and the questions about it wait for each other.
func inLine(ctx context.Context, db pg.DB, report, organisation string) error {
	if _, err := db.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('member ' || $1 || ' ' || $2, 0))`, report, organisation); err != nil {
		return pg.Classify(ctx, fmt.Errorf("lock the body of report %s: %w", report, err))
	}
	return nil
}

// asked are the messages about a body that notices point to, with their readers.
const asked = `
SELECT a.message, a."case", a.reference, a.tlp, a.at, array_agg(d.recipient ORDER BY d.recipient) AS recipients
FROM notices n
JOIN LATERAL jsonb_to_recordset(n.data -> 'asked')
	AS a(message text, report text, "case" text, reference text, body text, tlp text, at timestamptz) ON a.report = $1 AND a.body = $2 AND a.at > $3
JOIN deliveries d ON d.notice = n.id
WHERE n.kind = 'question' AND n.created_at > $3::timestamptz - interval '1 day' AND n.data ? 'asked' -- a batch grows for minutes
GROUP BY a.message, a."case", a.reference, a.tlp, a.at ORDER BY a.at, a.message`

// Asked are the messages about a body of a report that were written after a moment.
func (s *Store) Asked(ctx context.Context, report, organisation string, since time.Time) ([]message.Told, error) {
	var rows []struct {
		Message    string         `db:"message"`
		Case       string         `db:"case"`
		Reference  sql.NullString `db:"reference"`
		TLP        string         `db:"tlp"`
		At         time.Time      `db:"at"`
		Recipients pq.StringArray `db:"recipients"`
	}
	if err := s.db.SelectContext(ctx, &rows, asked, report, organisation, since); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the questions about a body of report %s: %w", report, err))
	}
	out := make([]message.Told, len(rows))
	for i, r := range rows {
		a := message.Asked{Message: r.Message, Report: report, Case: r.Case, Reference: r.Reference.String, Body: organisation, TLP: r.TLP, At: r.At.UTC()}
		out[i] = message.Told{Asked: a, To: r.Recipients}
	}
	return out, nil
}

// SayTogether stores a notice for one recipient; when its key is known, that
// notice also points to what this one asks.
func (s *Store) SayTogether(ctx context.Context, n message.Notice, to message.To) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var more struct {
			Asked json.RawMessage `json:"asked"`
		}
		if err := decode(n.Data, &more); err != nil {
			return err
		}
		// The insert comes first: of two at once the second waits here, and finds the first.
		err := s.say(ctx, tx, n, []message.To{to})
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		var known []string
		if err := tx.SelectContext(ctx, &known, `
			UPDATE notices SET data = jsonb_set(data, '{asked}', (data -> 'asked') || $2::jsonb)
			WHERE key = $1 AND NOT data -> 'asked' @> $2::jsonb RETURNING id`, n.Key, string(more.Asked)); err != nil {
			return fmt.Errorf("add to a notice: %w", err)
		}
		if len(known) == 0 {
			return nil // it points to this already
		}
		if _, err = audit.Append(ctx, tx, s.entry(system(), "notice.extend", "notice", known[0], "")); err != nil {
			return err
		}
		return s.tellLate(ctx, tx, known[0], n.Case)
	})
}

// tellLate tells a case that joined a notice after its mail had failed. The lock
// waits for a Mark that is about to tell the others.
func (s *Store) tellLate(ctx context.Context, tx pg.DB, notice, about string) error {
	var d failedRow
	err := tx.GetContext(ctx, &d, `SELECT `+failedColumns+` FROM deliveries WHERE notice = $1 FOR SHARE`, notice)
	if err = pg.NoRows(ctx, err, "the notice has no delivery"); err != nil {
		return err
	}
	if d.State != string(message.Failed) && d.State != string(message.Bounced) {
		return nil
	}
	f := event.DeliveryFailed{Delivery: d.ID, Organisation: d.Organisation, Person: d.Person, Channel: d.Channel, Reason: d.Reason, Case: about, At: s.now()}
	if d.Organisation != "" || d.Person != "" {
		f.Recipient = d.Recipient
	}
	return s.publish(ctx, tx, system(), "", f)
}

// Member returns what is known of a body that a provider reported for.
func (s *Store) Member(ctx context.Context, report, organisation string) (message.Member, bool, error) {
	if err := inLine(ctx, s.db, report, organisation); err != nil {
		return message.Member{}, false, err
	}
	var row struct {
		Agent      string `db:"agent"`
		Recipients []byte `db:"recipients"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT agent, recipients FROM report_members WHERE report = $1 AND organisation = $2`, report, organisation)
	if err = pg.NoRows(ctx, err, "no such member"); fault.Is(err, fault.NotFound) {
		return message.Member{}, false, nil
	} else if err != nil {
		return message.Member{}, false, err
	}
	m := message.Member{Report: report, Organisation: organisation, Agent: row.Agent}
	return m, true, decode(row.Recipients, &m.To)
}
