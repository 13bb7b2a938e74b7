// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type deliveryRow struct {
	ID           string         `db:"id"`
	Notice       string         `db:"notice"`
	Channel      string         `db:"channel"`
	Recipient    string         `db:"recipient"`
	Name         string         `db:"name"`
	Language     string         `db:"language"`
	Person       string         `db:"person"`
	Organisation string         `db:"organisation"`
	Bodies       pq.StringArray `db:"bodies"`
	Principals   pq.StringArray `db:"principals"`
	Salt         []byte         `db:"salt"`
	Priority     int            `db:"priority"`
	Attempts     int            `db:"attempts"`
	CreatedAt    time.Time      `db:"created_at"`
	ClaimedUntil time.Time      `db:"claimed_until"`
}

// waits is an INSERT of pending deliveries that puts them into the table of what
// is due in the same statement.
func waits(insert string) string {
	return `WITH made AS (` + insert + ` RETURNING id, priority, next_at)
		INSERT INTO due (delivery, priority, next_at) SELECT id, priority, next_at FROM made`
}

// Claim takes up to limit deliveries that are due at now and keeps others from
// them until the claim ends. What is claimed and never marked is due again then.
// A claim that a crash of the database takes back is claimed again, so its commit
// does not wait for the disk. The array makes the plan go by the key, also while the table's statistics
// know nothing yet of an alert's 2,000 new rows.
func (s *Store) Claim(ctx context.Context, now, until time.Time, limit int) ([]message.Delivery, error) {
	var rows []deliveryRow
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows, `
			WITH taken AS (
				UPDATE due SET claimed_until = $2
				WHERE delivery = ANY (ARRAY (
					SELECT delivery FROM due WHERE next_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
					ORDER BY priority, next_at, delivery LIMIT $3 FOR UPDATE SKIP LOCKED))
					AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
				RETURNING delivery
			)
			SELECT d.id, d.notice, d.channel, d.recipient, d.name, d.language, d.person, d.organisation,
				d.bodies, d.principals, d.salt, d.priority, d.attempts, d.created_at, $2::timestamptz AS claimed_until
			FROM deliveries d WHERE d.id = ANY (ARRAY (SELECT delivery FROM taken))`, now, until, limit)
	})
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("claim deliveries: %w", err))
	}
	slices.SortStableFunc(rows, func(a, b deliveryRow) int { return a.Priority - b.Priority })
	out := make([]message.Delivery, len(rows))
	for i, r := range rows {
		out[i] = message.Delivery{
			ID: r.ID, Notice: r.Notice, Channel: r.Channel, Recipient: r.Recipient, Name: r.Name,
			Language: r.Language, Person: r.Person, Organisation: r.Organisation, Bodies: r.Bodies, Principals: r.Principals,
			Salt: r.Salt, Attempts: r.Attempts, CreatedAt: r.CreatedAt, ClaimedUntil: r.ClaimedUntil,
		}
	}
	return out, nil
}

// Mark writes the results of a batch: one statement, one step of the audit, the
// events of what failed.
func (s *Store) Mark(ctx context.Context, results []message.Result) error {
	if len(results) == 0 {
		return nil
	}
	k := len(results)
	ids, states, reasons := make([]string, k), make([]string, k), make([]string, k)
	next, done, tried := make([]string, k), make([]sql.NullString, k), make([]int64, k)
	byID := map[string]message.Result{}
	for i, r := range results {
		ids[i], states[i], reasons[i] = r.Delivery.ID, string(r.State), r.Reason
		next[i] = stamp(r.Next, s.now())
		if r.State != message.Pending {
			done[i] = sql.NullString{String: stamp(r.At, s.now()), Valid: true}
		}
		if !r.Released && r.State != message.Cancelled {
			tried[i] = 1
		}
		byID[r.Delivery.ID] = r
	}
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var changed []string
		err := tx.SelectContext(ctx, &changed, `
			WITH marked AS (
				UPDATE deliveries d SET state = r.state, reason = r.reason, next_at = r.next, done_at = r.done,
					attempts = d.attempts + r.tried
				FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[])
					AS r(id, state, reason, next, done, tried)
				WHERE d.id = r.id AND (d.state = 'pending' OR d.state = 'cancelled' AND r.state = 'sent')
				RETURNING d.id, d.state, d.next_at
			), over AS (
				DELETE FROM due WHERE delivery = ANY (ARRAY (SELECT id FROM marked WHERE state <> 'pending'))
			), again AS (
				UPDATE due SET next_at = m.next_at, claimed_until = NULL FROM marked m WHERE delivery = m.id AND m.state = 'pending'
			)
			SELECT id FROM marked`, pq.Array(ids), pq.Array(states), pq.Array(reasons), pq.Array(next), pq.Array(done), pq.Array(tried))
		if err != nil {
			return fmt.Errorf("mark deliveries: %w", err)
		}
		return s.after(ctx, tx, changed, byID)
	})
}

func stamp(t, otherwise time.Time) string {
	if t.IsZero() {
		t = otherwise
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// after tells the world and the audit what became of the deliveries.
func (s *Store) after(ctx context.Context, tx pg.DB, changed []string, byID map[string]message.Result) error {
	var entries []audit.Entry
	var failed []string
	for _, id := range changed {
		switch r := byID[id]; r.State {
		case message.Pending:
		case message.Failed, message.Bounced:
			failed = append(failed, id)
			e := s.entry(system(), "delivery."+string(r.State), "delivery", id, "")
			e.Result = audit.Failed
			entries = append(entries, e)
		case message.Sent, message.Cancelled:
			entries = append(entries, s.entry(system(), "delivery."+string(r.State), "delivery", id, ""))
		}
	}
	if err := s.tellFailed(ctx, tx, failed, byID); err != nil {
		return err
	}
	if err := settle(ctx, tx, byID); err != nil {
		return err
	}
	_, err := audit.Append(ctx, tx, entries...)
	return err
}

// settle takes the links out of notices that nobody waits for any more, and
// wakes the board.
func settle(ctx context.Context, tx pg.DB, done map[string]message.Result) error {
	about := map[string]bool{}
	for _, r := range done {
		about[r.Delivery.Notice] = true
	}
	_, err := tx.ExecContext(ctx, `
		WITH wiped AS (
			UPDATE notices n SET data = data - 'token' - 'path'
			WHERE id = ANY($1::uuid[]) AND (kind = 'invitation' AND data ? 'token' OR kind = 'notice' AND data ? 'path')
			  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice = n.id AND d.state = 'pending')
		)
		SELECT pg_notify($2, '')`, pq.Array(slices.Collect(maps.Keys(about))), WakeBoard)
	if err != nil {
		return fmt.Errorf("wipe used links: %w", err)
	}
	return nil
}

func (s *Store) tellFailed(ctx context.Context, tx pg.DB, ids []string, byID map[string]message.Result) error {
	if len(ids) == 0 {
		return nil
	}
	var rows []struct {
		ID    string         `db:"id"`
		Kind  string         `db:"kind"`
		Alert *string        `db:"alert"`
		Case  *string        `db:"case_id"`
		Cases pq.StringArray `db:"cases"` // of a notice about many
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT d.id, n.kind, n.alert, n.case_id,
			ARRAY (SELECT DISTINCT a ->> 'case' FROM jsonb_array_elements(n.data -> 'asked') a) AS cases
		FROM deliveries d JOIN notices n ON n.id = d.notice WHERE d.id = ANY($1::uuid[])`, pq.Array(ids))
	if err != nil {
		return fmt.Errorf("read failed deliveries: %w", err)
	}
	var events []event.Payload
	for _, r := range rows {
		res := byID[r.ID]
		f := event.DeliveryFailed{
			Delivery: r.ID, Organisation: res.Delivery.Organisation, Person: res.Delivery.Person,
			Channel: res.Delivery.Channel, Reason: res.Reason, At: s.now(),
		}
		// One of the constituency: the directory looks after the address. What a
		// guest gave for itself stays here.
		to, kind := res.Delivery, message.Kind(r.Kind)
		if to.Organisation != "" || to.Person != "" || kind == message.Wanted || kind == message.Invitation {
			f.Recipient = to.Recipient
		}
		if r.Alert != nil {
			f.Alert = *r.Alert
		}
		cases := []string(r.Cases)
		if len(cases) == 0 && r.Case != nil {
			cases = []string{*r.Case}
		}
		if len(cases) == 0 {
			cases = []string{""}
		}
		for _, f.Case = range cases {
			events = append(events, f)
		}
	}
	return s.publish(ctx, tx, system(), "", events...)
}

// Backlog counts what waits and says since when: the operator's figure (F22).
func (s *Store) Backlog(ctx context.Context) (n int, oldest time.Time, err error) {
	var row struct {
		N      int        `db:"n"`
		Oldest *time.Time `db:"oldest"`
	}
	err = s.db.GetContext(ctx, &row, `SELECT count(*) AS n, min(created_at) AS oldest FROM due JOIN deliveries ON id = delivery`)
	if err != nil {
		return 0, time.Time{}, pg.Classify(ctx, fmt.Errorf("count deliveries: %w", err))
	}
	if row.Oldest != nil {
		oldest = *row.Oldest
	}
	return row.N, oldest, nil
}

type boardDelivery struct {
	ID           string     `db:"id"`
	Version      int        `db:"version"`
	Kind         string     `db:"kind"`
	Channel      string     `db:"channel"`
	Recipient    string     `db:"recipient"`
	Name         string     `db:"name"`
	Organisation string     `db:"organisation"`
	Mandated     int        `db:"mandated"`
	State        string     `db:"state"`
	Attempts     int        `db:"attempts"`
	NextAt       time.Time  `db:"next_at"`
	DoneAt       *time.Time `db:"done_at"`
	Reason       string     `db:"reason"`
}

// Deliveries lists those of an alert.
func (r reading) Deliveries(ctx context.Context, id string, f alert.DeliveryFilter) ([]alert.Delivery, string, error) {
	if f.After != "" && !event.IsID(f.After) {
		return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	var rows []boardDelivery
	err := r.see(ctx, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows, `
		SELECT d.id, n.version, n.kind, d.channel, d.recipient, d.name, d.organisation,
			cardinality(d.principals) AS mandated, d.state, d.attempts, d.next_at, d.done_at, d.reason
		FROM deliveries d JOIN notices n ON n.id = d.notice
		WHERE n.alert = $1 AND ($2 = '' OR d.state = $2) AND ($3 = '' OR d.id > NULLIF($3, '')::uuid)
		ORDER BY d.id LIMIT $4`, id, f.State, f.After, f.Limit+1)
	})
	if err != nil {
		return nil, "", pg.Classify(ctx, fmt.Errorf("list deliveries: %w", err))
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = rows[f.Limit-1].ID
	}
	out := make([]alert.Delivery, len(rows))
	for i, r := range rows {
		out[i] = alert.Delivery{
			ID: r.ID, Version: r.Version, Kind: r.Kind, Channel: r.Channel, Recipient: r.Recipient, Name: r.Name,
			Organisation: r.Organisation, Mandated: r.Mandated, State: r.State, Attempts: r.Attempts, DoneAt: r.DoneAt, Reason: r.Reason,
		}
		if r.State == string(message.Pending) {
			out[i].NextAt = &r.NextAt
		}
	}
	return out, next, nil
}

// DeliveryTally counts an alert's deliveries by state.
func (r reading) DeliveryTally(ctx context.Context, id string) (map[string]int, error) {
	var rows []struct {
		State string `db:"state"`
		N     int    `db:"n"`
	}
	err := r.see(ctx, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows, `
		SELECT d.state, count(*) AS n FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.alert = $1 GROUP BY d.state`, id)
	})
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("count deliveries: %w", err))
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out, nil
}
