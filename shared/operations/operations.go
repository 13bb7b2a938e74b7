// SPDX-License-Identifier: EUPL-1.2

// Package operations shows an administrator how the events of one service flow
// and lets them deal with those that were given up (reliability model §2.4, row
// "dead letters, retries"). An administrator of the system works no case: what
// an event says is never shown, only which event it is and what went wrong.
package operations

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// Level says in a word how a part is.
type Level string

// The levels, from good to bad. Unknown is what cannot be asked at the moment.
const (
	Fine    Level = "fine"
	Off     Level = "off"     // not set up here
	Waits   Level = "waits"   // goes on by itself, later than usual
	Unknown Level = "unknown" // the broker does not answer
	Stuck   Level = "stuck"   // somebody has to look at it
)

var rank = map[Level]int{Fine: 0, Off: 0, Waits: 1, Unknown: 1, Stuck: 2}

// worse is the level that matters more; what cannot be asked waits.
func worse(a, b Level) Level {
	if b == Unknown {
		b = Waits
	}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

const (
	late     = 10 * time.Second // an event leaves within a second
	tooLate  = time.Minute      // docs/operations.md: alarm when the outbox waits for longer
	busy     = 1000             // events before a consumer that catches up
	patience = time.Second      // for the broker: the page does not hang with it
)

// Desk is the operation of one service.
type Desk struct {
	Service   string
	DB        *sqlx.DB
	Bus       *bus.Bus
	Consumers func() []bus.Consumer
	Audit     *audit.Desk
	Deleting  *retention.Desk // nil: nothing is deleted here
	Jobs      []Job           // the service's own, beside those that every service has
	Now       func() time.Time
}

// By is who looks or acts, in which request.
type By struct {
	actor.Actor
	Request string
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

var errNothing = fault.New(fault.NotFound, "there is nothing here")

// Outbox is what the service has to say and has not said yet.
type Outbox struct {
	Level     Level
	Waiting   int
	Oldest    time.Duration
	Published *time.Time // when it last said something
}

// Consumer is one durable reader and how far it is.
type Consumer struct {
	Name, Stream string
	Subjects     []string
	Level        Level
	Known        bool // the broker answered, and has it
	bus.Backlog
	inbox.Trouble
}

// State is how the service stands.
type State struct {
	Service   string
	At        time.Time
	Level     Level
	Connected bool      // the broker answers
	Away      time.Time // since when it does not; zero when that is not known
	Outbox    Outbox
	Consumers []Consumer
	Dead      int // events that wait for an operator
	Jobs      []JobState
}

// State asks the database, and the broker for as long as it may take.
func (d *Desk) State(ctx context.Context, by By) (State, error) {
	if !by.May(actor.OperationsRead, actor.Object{}).Allowed {
		return State{}, errNothing
	}
	s := State{Service: d.Service, At: d.now(), Level: Fine, Away: d.Bus.Away()}
	consumers := d.Consumers()
	asked := make(chan map[string]bus.Backlog, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		found, err := d.Bus.Backlogs(ctx, consumers)
		if err != nil {
			found = nil
		}
		asked <- found
	}()
	troubles, err := inbox.Troubles(ctx, d.DB)
	if err != nil {
		return s, err
	}
	if s.Jobs, err = d.jobs(ctx, s.At); err != nil {
		return s, err
	}
	if s.Outbox, err = d.outbox(ctx); err != nil {
		return s, err
	}
	backlogs := <-asked
	s.Connected = backlogs != nil
	if !s.Connected {
		s.Level = Waits
		s.Outbox.Level = worse(s.Outbox.Level, Waits)
	}
	s.Consumers, s.Dead = readers(consumers, backlogs, troubles)
	s.Level = worse(s.Level, s.Outbox.Level)
	for _, c := range s.Consumers {
		s.Level = worse(s.Level, c.Level)
	}
	for _, j := range s.Jobs {
		s.Level = worse(s.Level, j.Level)
	}
	return s, nil
}

func (d *Desk) outbox(ctx context.Context) (Outbox, error) {
	o := Outbox{Level: Fine}
	var err error
	if o.Waiting, o.Oldest, err = outbox.Waiting(ctx, d.DB); err != nil {
		return o, pg.Classify(ctx, err)
	}
	if o.Published, err = outbox.LastPublished(ctx, d.DB); err != nil {
		return o, pg.Classify(ctx, err)
	}
	switch {
	case o.Oldest >= tooLate:
		o.Level = Stuck
	case o.Oldest >= late:
		o.Level = Waits
	}
	return o, nil
}

// readers puts together what the broker and the database know of each consumer.
// One that this version no longer has is shown while events of it are dead.
func readers(consumers []bus.Consumer, backlogs map[string]bus.Backlog, troubles []inbox.Trouble) (out []Consumer, dead int) {
	of := map[string]inbox.Trouble{}
	for _, t := range troubles {
		of[t.Consumer] = t
		dead += t.Dead
	}
	for _, c := range consumers {
		x := Consumer{Name: c.Name, Stream: c.Stream, Subjects: c.Subjects, Trouble: of[c.Name]}
		x.Backlog, x.Known = backlogs[c.Name]
		switch {
		case x.Dead > 0:
			x.Level = Stuck
		case backlogs == nil:
			x.Level = Unknown
		case !x.Known, x.Retrying > 0, x.Redelivered > 0, x.Pending > busy:
			x.Level = Waits
		default:
			x.Level = Fine
		}
		out = append(out, x)
		delete(of, c.Name)
	}
	for _, t := range troubles {
		if _, left := of[t.Consumer]; left && t.Dead > 0 {
			out = append(out, Consumer{Name: t.Consumer, Trouble: t, Level: Stuck})
		}
	}
	return out, dead
}

// note writes into the audit what was looked at or done: pointers, no contents.
func (d *Desk) note(ctx context.Context, tx pg.DB, by By, action actor.Action, object, result string, digests map[string]string) error {
	_, err := audit.Append(ctx, tx, audit.Entry{
		At: d.now(), Action: string(action), ObjectType: "dead_event", ObjectID: object, Result: result,
		RequestID: by.Request, Digests: digests,
	}.By(by.Actor, ""))
	if err != nil {
		return fmt.Errorf("note %s: %w", action, err)
	}
	return nil
}
