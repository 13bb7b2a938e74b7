// SPDX-License-Identifier: EUPL-1.2

package retention

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Desk is what can be done about the data of one service.
type Desk struct {
	Service string
	DB      pg.DB
	Rules   []Rule
	Mode    string
	Now     func() time.Time

	wake chan struct{}
}

// NewDesk returns a desk for the rules of a service.
func NewDesk(service string, db pg.DB, cfg Config, now func() time.Time, rules []Rule) (*Desk, error) {
	rules, err := cfg.Apply(rules)
	if err != nil {
		return nil, err
	}
	return &Desk{Service: service, DB: db, Rules: rules, Mode: cfg.Mode, Now: now, wake: make(chan struct{}, 1)}, nil
}

// On is the desk inside a transaction that somebody else opened.
func (d *Desk) On(tx pg.DB) *Desk {
	bound := *d
	bound.DB = tx
	return &bound
}

// By is who acts, in which request (for the audit).
type By struct {
	actor.Actor
	Request string
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

func (d *Desk) rule(class string) (Rule, error) {
	i := slices.IndexFunc(d.Rules, func(r Rule) bool { return r.Class == class })
	if i < 0 {
		return Rule{}, &fault.Error{Kind: fault.Invalid, Message: "there is no such class of data", Fields: []fault.Field{{
			Name: "class", Code: "page.retention.err.class", Detail: "is no class of data of this service",
		}}}
	}
	return d.Rules[i], nil
}

// Report is the dry run: what each rule would delete now. Nothing changes.
func (d *Desk) Report(ctx context.Context, by By) ([]Line, error) {
	if !by.May(actor.RetentionRead, actor.Object{}).Allowed {
		return nil, fault.New(fault.NotFound, "there is nothing here")
	}
	return d.Count(ctx)
}

// Count is Report for who holds the database anyway: the operator's command.
func (d *Desk) Count(ctx context.Context) ([]Line, error) {
	open, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Line, 0, len(d.Rules))
	for _, r := range d.Rules {
		l, err := d.count(ctx, d.DB, r, d.now().Add(-r.Keep))
		if err != nil {
			return nil, err
		}
		if run, ok := open[r.Class]; ok {
			l.Open = &run
		}
		out = append(out, l)
	}
	return out, nil
}

func (d *Desk) open(ctx context.Context) (map[string]Run, error) {
	var runs []Run
	if err := d.DB.SelectContext(ctx, &runs, `SELECT `+runColumns+` FROM retention_run WHERE state IN ('proposed', 'approved')`); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the open runs: %w", err))
	}
	out := map[string]Run{}
	for _, r := range runs {
		out[r.Class] = r
	}
	return out, nil
}

// Runs returns the newest runs, finished ones too.
func (d *Desk) Runs(ctx context.Context, by By) ([]Run, error) {
	if !by.May(actor.RetentionRead, actor.Object{}).Allowed {
		return nil, fault.New(fault.NotFound, "there is nothing here")
	}
	runs := []Run{}
	if err := d.DB.SelectContext(ctx, &runs, `SELECT `+runColumns+` FROM retention_run ORDER BY proposed_at DESC, id DESC LIMIT 50`); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("read the runs: %w", err))
	}
	return runs, nil
}

func (d *Desk) count(ctx context.Context, db pg.DB, r Rule, cutoff time.Time) (Line, error) {
	l := Line{Rule: r, Cutoff: cutoff}
	var row struct {
		Due    int        `db:"due"`
		Held   int        `db:"held"`
		Oldest *time.Time `db:"oldest"`
		Digest string     `db:"digest"`
	}
	if err := db.GetContext(ctx, &row, `
		SELECT count(*) FILTER (WHERE NOT held) AS due, count(*) FILTER (WHERE held) AS held, min(at) FILTER (WHERE NOT held) AS oldest,
			encode(sha256(convert_to(coalesce(string_agg(id, ',' ORDER BY id) FILTER (WHERE NOT held), ''), 'UTF8')), 'hex') AS digest
		FROM (`+r.Due+`) AS found`, cutoff); err != nil {
		return Line{}, pg.Classify(ctx, fmt.Errorf("count %s: %w", r.Class, err))
	}
	l.Due, l.Held, l.Oldest, l.Digest = row.Due, row.Held, row.Oldest, row.Digest
	return l, nil
}

// Propose asks for the deletion of what is due of a class. seen is the digest
// of the list that the proposer looked at: another list is Conflict.
func (d *Desk) Propose(ctx context.Context, by By, class, seen string) (Run, error) {
	if !by.May(actor.RetentionPropose, actor.Object{}).Allowed {
		return Run{}, fault.New(fault.NotFound, "there is nothing here")
	}
	r, err := d.rule(class)
	if err != nil {
		return Run{}, err
	}
	if r.Auto {
		return Run{}, fault.New(fault.Conflict, "this class is deleted without a proposal")
	}
	at := d.now()
	var run Run
	err = pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		l, err := d.count(ctx, tx, r, at.Add(-r.Keep))
		switch {
		case err != nil:
			return err
		case l.Due == 0:
			return fault.New(fault.Conflict, "nothing of this class is due")
		case seen != "" && seen != l.Digest:
			return fault.New(fault.Conflict, "what is due has changed since: it is %d now", l.Due)
		}
		run = Run{
			ID: event.NewID(), Class: class, Cutoff: l.Cutoff, Due: l.Due, Held: l.Held, Oldest: l.Oldest, Digest: l.Digest,
			State: Proposed, ProposedBy: by.ID(), ProposedAt: at,
		}
		if _, err := tx.NamedExecContext(ctx, `
			INSERT INTO retention_run (id, class, cutoff, due, held, oldest, digest, state, proposed_by, proposed_at)
			VALUES (:id, :class, :cutoff, :due, :held, :oldest, :digest, :state, :proposed_by, :proposed_at)`, run); pg.Violates(err, "retention_run_open") {
			return fault.New(fault.Conflict, "a deletion of this class is proposed already")
		} else if err != nil {
			return fmt.Errorf("save the proposal: %w", err)
		}
		return d.note(ctx, tx, by, at, "retention.propose", run, run.Due)
	})
	return run, err
}

// Approve agrees to a proposal, by another person than who made it. The list
// must still be the one that was proposed.
func (d *Desk) Approve(ctx context.Context, by By, id string) (Run, error) {
	if !by.May(actor.RetentionApprove, actor.Object{}).Allowed {
		return Run{}, fault.New(fault.NotFound, "there is nothing here")
	}
	if d.Mode == Off {
		return Run{}, fault.New(fault.Conflict, "deleting is switched off here: RETENTION_MODE")
	}
	run, err := d.decide(ctx, by, id, Agreed, "retention.approve", func(tx pg.DB, run Run) error {
		if run.ProposedBy == by.ID() {
			return fault.New(fault.Conflict, "another person has to agree: you proposed it")
		}
		r, err := d.rule(run.Class)
		if err != nil {
			return err
		}
		l, err := d.count(ctx, tx, r, run.Cutoff)
		if err != nil {
			return err
		}
		if l.Digest != run.Digest {
			return fault.New(fault.Conflict, "what is due has changed since the proposal: it is %d now; withdraw it and propose anew", l.Due)
		}
		return nil
	})
	if err == nil {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return run, err
}

// Withdraw ends a proposal that nobody agreed to yet.
func (d *Desk) Withdraw(ctx context.Context, by By, id string) (Run, error) {
	if !by.May(actor.RetentionPropose, actor.Object{}).Allowed {
		return Run{}, fault.New(fault.NotFound, "there is nothing here")
	}
	return d.decide(ctx, by, id, Withdrawn, "retention.withdraw", func(pg.DB, Run) error { return nil })
}

func (d *Desk) decide(ctx context.Context, by By, id, state, action string, check func(pg.DB, Run) error) (Run, error) {
	var run Run
	if !event.IsID(id) {
		return run, fault.New(fault.NotFound, "there is no such proposal")
	}
	at := d.now()
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		if err := tx.GetContext(ctx, &run, `SELECT `+runColumns+` FROM retention_run WHERE id = $1 FOR UPDATE`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such proposal")
		}
		if run.State != Proposed {
			return fault.New(fault.Conflict, "this proposal is decided already")
		}
		if err := check(tx, run); err != nil {
			return err
		}
		run.State, run.DecidedBy, run.DecidedAt = state, by.ID(), &at
		if _, err := tx.NamedExecContext(ctx, `
			UPDATE retention_run SET state = :state, decided_by = :decided_by, decided_at = :decided_at WHERE id = :id`, run); err != nil {
			return fmt.Errorf("save the decision: %w", err)
		}
		return d.note(ctx, tx, by, at, action, run, run.Due)
	})
	return run, err
}

// note writes what was done into the audit: class, count and cut-off, never
// what was in it.
func (d *Desk) note(ctx context.Context, tx pg.DB, by By, at time.Time, action string, run Run, count int) error {
	_, err := audit.Append(ctx, tx, audit.Entry{
		At: at, Action: action, ObjectType: "retention", ObjectID: run.Class, RequestID: by.Request,
		Digests: map[string]string{"run": run.ID, "count": strconv.Itoa(count), "cutoff": run.Cutoff.UTC().Format(time.RFC3339)},
	}.By(by.Actor, ""))
	return err
}
