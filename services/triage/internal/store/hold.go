// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type holdRow struct {
	ID         string     `db:"id"`
	Case       string     `db:"case_id"`
	Reference  string     `db:"reference"`
	Release    bool       `db:"release"`
	Reason     string     `db:"reason"`
	State      string     `db:"state"`
	ProposedBy string     `db:"proposed_by"`
	ProposedAt time.Time  `db:"proposed_at"`
	DecidedBy  string     `db:"decided_by"`
	DecidedAt  *time.Time `db:"decided_at"`
}

const selectHolds = `
SELECT h.id, h.case_id, c.reference, h.release, h.reason, h.state, h.proposed_by, h.proposed_at, h.decided_by, h.decided_at
FROM case_hold h JOIN cases c ON c.id = h.case_id`

func (r holdRow) hold() casefile.Hold {
	return casefile.Hold{
		ID: r.ID, Case: r.Case, Reference: r.Reference, Release: r.Release, Reason: r.Reason, State: r.State,
		ProposedBy: r.ProposedBy, ProposedAt: r.ProposedAt.UTC(), DecidedBy: r.DecidedBy, DecidedAt: utc(r.DecidedAt),
	}
}

// AddHold stores a wish. It is not about the case's file yet: the audit names
// the wish, whose row names the case.
func (s *Store) AddHold(ctx context.Context, by casefile.By, h casefile.Hold) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.NamedExecContext(ctx, `
			INSERT INTO case_hold (id, case_id, release, reason, state, proposed_by, proposed_at)
			VALUES (:id, :case_id, :release, :reason, :state, :proposed_by, :proposed_at)`, holdRow{
			ID: h.ID, Case: h.Case, Release: h.Release, Reason: h.Reason, State: h.State, ProposedBy: h.ProposedBy, ProposedAt: h.ProposedAt,
		})
		if pg.Violates(err, "case_hold_open") {
			return fault.New(fault.Conflict, "a proposal about this case is open already")
		}
		if err != nil {
			return fmt.Errorf("save the hold: %w", err)
		}
		return noteHold(ctx, tx, by, h.ProposedAt, h, "hold.propose")
	})
}

func noteHold(ctx context.Context, tx pg.DB, by casefile.By, at time.Time, h casefile.Hold, action string) error {
	_, err := audit.Append(ctx, tx, audit.Entry{
		At: at, Action: action, ObjectType: "hold", ObjectID: h.ID, RequestID: by.Request,
		Digests: map[string]string{"case": h.Case},
	}.By(by.Actor, ""))
	return err
}

// DecideHold stores the decision; when it changes the case, both in one commit.
func (s *Store) DecideHold(ctx context.Context, by casefile.By, at time.Time, id string, decide func(h *casefile.Hold, c *casefile.Case) error) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r holdRow
		if err := tx.GetContext(ctx, &r, selectHolds+` WHERE h.id = $1 FOR UPDATE OF h`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such proposal")
		}
		h := r.hold()
		cases, err := lock(ctx, tx, []string{h.Case})
		if err != nil {
			return err
		}
		if err := decide(&h, cases[0]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE case_hold SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1`,
			h.ID, h.State, h.DecidedBy, h.DecidedAt); err != nil {
			return fmt.Errorf("save the decision: %w", err)
		}
		if !cases[0].Changed() {
			return noteHold(ctx, tx, by, at, h, "hold.refuse")
		}
		return finish(ctx, tx, by, at, updateCase, cases...) // its line in the audit is case.hold.set or .released
	})
}

// HoldsOf lists the wishes: what waits first, then the newest.
func (s *Store) HoldsOf(ctx context.Context) ([]casefile.Hold, error) {
	var rows []holdRow
	if err := s.db.SelectContext(ctx, &rows, selectHolds+` ORDER BY h.state <> 'proposed', h.proposed_at DESC, h.id DESC LIMIT 200`); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("list holds: %w", err))
	}
	out := make([]casefile.Hold, len(rows))
	for i, r := range rows {
		out[i] = r.hold()
	}
	return out, nil
}

// HeldCases lists the references of the cases on hold.
func (s *Store) HeldCases(ctx context.Context) ([]string, error) {
	out := []string{}
	if err := s.db.SelectContext(ctx, &out, `SELECT reference FROM cases WHERE hold ORDER BY reference LIMIT 1000`); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("list held cases: %w", err))
	}
	return out, nil
}
