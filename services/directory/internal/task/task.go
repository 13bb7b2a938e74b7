// SPDX-License-Identifier: EUPL-1.2

// Package task holds what somebody has to look at so that the register stays
// true: a mail that did not arrive, a contact that nobody confirms, a change
// that a contact asked for.
package task

import (
	"context"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Kind says what happened.
type Kind string

// The kinds.
const (
	Bounce       Kind = "bounce"        // a mail to the address did not arrive
	Unconfirmed  Kind = "unconfirmed"   // a contact that did not answer
	ChangeWanted Kind = "change_wanted" // a contact that says something is wrong
)

// Task is one thing to look at. Shared ones are also the business of the
// organisation's own administrator.
type Task struct {
	ID               string
	Kind             Kind
	Organisation     string
	OrganisationName string
	OrganisationAGS  string
	Contact          string // "" when there is none
	ContactName      string
	Address          string
	Detail           string
	Shared           bool
	Times            int
	OpenedAt         time.Time
	LastAt           time.Time
	DoneAt           *time.Time
	DoneBy           string // "" when the change itself settled it
	DoneByName       string
	Note             string
	Version          int
}

// MaxNote is the longest note.
const MaxNote = 500

// Finish ends the task. One that is done is a Conflict.
func (t *Task) Finish(by, note string, at time.Time) error {
	if t.DoneAt != nil {
		return fault.New(fault.Conflict, "this task is done already")
	}
	note = strings.TrimSpace(note)
	if len([]rune(note)) > MaxNote {
		var bad fault.Fields
		bad.Add("note", "directory.task.error.note", "note has at most 500 characters")
		return bad.Err()
	}
	t.DoneAt, t.DoneBy, t.Note = &at, by, note
	t.Version++
	return nil
}

// Failure is a mail that did not arrive.
type Failure struct {
	Organisation, Person string
	Address              string // "" when the sender did not say
	Reason               string
	At                   time.Time
}

// Filter of a list of tasks.
type Filter struct {
	Done          bool
	Everything    bool
	Organisations []string // only shared tasks of these
	After         string
	Limit         int
}

// Store keeps tasks.
type Store interface {
	Tasks(ctx context.Context, f Filter) (list []Task, next string, err error)
	Task(ctx context.Context, id string) (Task, error)
	UpdateTask(ctx context.Context, act Act, id, action string, change func(*Task) error) (Task, error)
	// Bounced opens a task for the address, or counts it for the open one.
	Bounced(ctx context.Context, act Act, f Failure) error
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
}

// Desk is what people may do about tasks.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// List shows what the actor may see, the newest first.
func (d *Desk) List(ctx context.Context, a actor.Actor, done bool, after string, limit int) ([]Task, string, error) {
	v := a.View(actor.TaskWork)
	return d.Store.Tasks(ctx, Filter{Done: done, Everything: v.Everything, Organisations: v.Organisations, After: after, Limit: limit})
}

// Done ends a task with a note.
func (d *Desk) Done(ctx context.Context, act Act, id, note string) (Task, error) {
	act.At = d.now()
	t, err := d.Store.Task(ctx, id)
	if err != nil {
		return t, err
	}
	v := act.Actor.View(actor.TaskWork)
	if !act.Actor.May(actor.TaskWork, actor.Object{Organisation: t.Organisation}).Allowed || !v.Everything && !t.Shared {
		if err := d.Store.Deny(ctx, act, string(actor.TaskWork), "task", id); err != nil {
			return Task{}, err
		}
		return Task{}, fault.New(fault.NotFound, "no task %s", id)
	}
	return d.Store.UpdateTask(ctx, act, id, "task.done", func(t *Task) error { return t.Finish(act.Actor.Person, note, act.At) })
}

// Failed takes a mail that did not arrive. One about nobody of the register is
// no business of the directory.
func (d *Desk) Failed(ctx context.Context, f Failure) error {
	if f.Organisation == "" && f.Person == "" {
		return nil
	}
	return d.Store.Bounced(ctx, Act{Actor: actor.System("directory"), At: d.now()}, f)
}
