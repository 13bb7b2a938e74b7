// SPDX-License-Identifier: EUPL-1.2

package operations

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Letter is a dead event without what it says: which one it is, who could not
// take it, and why.
type Letter struct {
	ID       int64
	At       time.Time // when it was given up
	Consumer string
	Stream   string // "" when nobody reads it any more
	Subject  string
	Event    string // its id, "" when it has none
	Type     string
	About    string    // the id of what it is about
	Occurred time.Time // zero: it cannot be read
	Tries    int
	Error    string // pointers only
	Readable bool   // it is an event at all: else no retry can help

	Settled *time.Time // when somebody dealt with it
	Outcome string
	Note    string
}

func (d *Desk) letter(x inbox.Dead) Letter {
	l := Letter{
		ID: x.ID, At: x.At.UTC(), Consumer: x.Consumer, Subject: plain(x.Subject), Tries: x.Tries,
		Error: pointer(x.Reason, x.Body), Outcome: x.Outcome, Note: x.Note,
	}
	if x.RetriedAt != nil {
		at := x.RetriedAt.UTC()
		l.Settled = &at
	}
	if c, ok := d.consumer(x.Consumer); ok {
		l.Stream = c.Stream
	}
	if event.IsID(x.EventID) {
		l.Event = x.EventID
	}
	if e, err := event.Parse(x.Body); err == nil {
		l.Readable, l.Type, l.Occurred = true, plain(e.Type), e.OccurredAt.UTC()
		if event.IsID(e.SubjectID) {
			l.About = e.SubjectID
		}
	}
	return l
}

func (d *Desk) consumer(name string) (bus.Consumer, bool) {
	all := d.Consumers()
	i := slices.IndexFunc(all, func(c bus.Consumer) bool { return c.Name == name })
	if i < 0 {
		return bus.Consumer{}, false
	}
	return all[i], true
}

// Letters lists what waits for an operator, newest first, before the id of a
// cursor (0: from the newest). The look is an entry of the audit.
func (d *Desk) Letters(ctx context.Context, by By, before int64, limit int) ([]Letter, error) {
	if !by.May(actor.OperationsRead, actor.Object{}).Allowed {
		return nil, errNothing
	}
	var out []Letter
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		dead, err := inbox.Waiting(ctx, tx, before, limit)
		if err != nil {
			return err
		}
		for _, x := range dead {
			out = append(out, d.letter(x))
		}
		return d.note(ctx, tx, by, actor.OperationsRead, "", audit.OK, map[string]string{"rows": strconv.Itoa(len(out))})
	})
	return out, err
}

// Letter returns one, also when it was dealt with.
func (d *Desk) Letter(ctx context.Context, by By, id string) (Letter, error) {
	n, ok := number(id)
	if !ok || !by.May(actor.OperationsRead, actor.Object{}).Allowed {
		return Letter{}, errNothing
	}
	var l Letter
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		x, err := inbox.Find(ctx, tx, n)
		if err != nil {
			return err
		}
		l = d.letter(x)
		return d.note(ctx, tx, by, actor.OperationsRead, id, audit.OK, nil)
	})
	return l, err
}

// failure is what an effect said, apart from what the database says around it.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// Retry has the effect of a dead event now, here: events with the same id that
// others had do nothing again, and the stream keeps its newest records. Effect,
// mark and audit are one transaction. When it fails again the event stays, with
// the new reason, and the error is a Conflict that names it.
func (d *Desk) Retry(ctx context.Context, by By, id string) (Letter, error) {
	n, ok := number(id)
	if !ok || !by.May(actor.OperationsRetry, actor.Object{}).Allowed {
		return Letter{}, errNothing
	}
	var out inbox.Dead
	var after func()
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		x, err := inbox.Claim(ctx, tx, n)
		if err != nil {
			return err
		}
		c, ok := d.consumer(x.Consumer)
		if !ok {
			return fault.New(fault.Conflict, "no part of this version reads for %s", x.Consumer)
		}
		if after, err = c.Redo(ctx, tx, x); err != nil {
			return failure{pg.Classify(ctx, err)}
		}
		return d.settle(ctx, tx, by, actor.OperationsRetry, x, &out, inbox.Repeated, "")
	})
	var failed failure
	switch {
	case err == nil:
		after()
		return d.letter(out), nil
	case !errors.As(err, &failed) || fault.Is(failed.error, fault.Unavailable) || ctx.Err() != nil:
		return Letter{}, err
	case fault.Is(failed.error, fault.Conflict): // as in the consumer: it is done already
		return d.done(ctx, by, n)
	}
	return d.diedAgain(ctx, by, n, failed)
}

// done marks an event whose effect has been there all along.
func (d *Desk) done(ctx context.Context, by By, id int64) (Letter, error) {
	var out inbox.Dead
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		x, err := inbox.Claim(ctx, tx, id)
		if err != nil {
			return err
		}
		return d.settle(ctx, tx, by, actor.OperationsRetry, x, &out, inbox.Repeated, "")
	})
	return d.letter(out), err
}

// diedAgain keeps the new reason.
func (d *Desk) diedAgain(ctx context.Context, by By, id int64, cause failure) (Letter, error) {
	var x inbox.Dead
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		var err error
		if x, err = inbox.Claim(ctx, tx, id); err != nil {
			return err
		}
		if err := inbox.DiedAgain(ctx, tx, x, cause.Error()); err != nil {
			return err
		}
		return d.note(ctx, tx, by, actor.OperationsRetry, strconv.FormatInt(id, 10), audit.Failed, pointers(x))
	})
	if err != nil {
		return Letter{}, err
	}
	return Letter{}, fault.New(fault.Conflict, "the event failed again: %s", pointer(cause.Error(), x.Body))
}

// The reason of a discard is a sentence, and no report.
const (
	shortest = 3
	longest  = 500
)

// Discard gives an event up for good, with the reason. Its effect will never be.
func (d *Desk) Discard(ctx context.Context, by By, id, reason string) (Letter, error) {
	n, ok := number(id)
	if !ok || !by.May(actor.OperationsDrop, actor.Object{}).Allowed {
		return Letter{}, errNothing
	}
	reason = strings.TrimSpace(reason)
	var wrong fault.Fields
	switch length := utf8.RuneCountInString(reason); {
	case length < shortest:
		wrong.Add("reason", "page.operations.err.reason", "is missing")
	case length > longest || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		wrong.Add("reason", "page.operations.err.long", "is too long or no text")
	}
	var out inbox.Dead
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		x, err := inbox.Claim(ctx, tx, n)
		if err != nil {
			return err
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		return d.settle(ctx, tx, by, actor.OperationsDrop, x, &out, inbox.Discarded, reason)
	})
	if err != nil {
		return Letter{}, err
	}
	return d.letter(out), nil
}

// settle is the end of a dead event, with its audit entry.
func (d *Desk) settle(ctx context.Context, tx pg.DB, by By, action actor.Action, x inbox.Dead, out *inbox.Dead, outcome, note string) error {
	var err error
	if *out, err = inbox.Settle(ctx, tx, x, outcome, note); err != nil {
		return err
	}
	return d.note(ctx, tx, by, action, strconv.FormatInt(x.ID, 10), audit.OK, pointers(x))
}

func pointers(x inbox.Dead) map[string]string {
	return map[string]string{"consumer": x.Consumer, "event": plain(x.EventID), "subject": plain(x.Subject)}
}

// number reads the id of a dead event.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}
