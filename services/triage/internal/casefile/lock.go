// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"context"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Reader is for whom cases are looked up: AllReaders, or the person whose own
// locked cases are among them. The zero value sees no locked case at all.
type Reader string

// AllReaders see every case.
const AllReaders Reader = "*"

// Reader is whose locked cases a list of action may show, as the matrix says.
func (b By) Reader(action actor.Action) Reader {
	if b.View(action).Locked {
		return AllReaders
	}
	return Reader(b.Actor.Person)
}

// LockStore finds what a lock reaches.
type LockStore interface {
	// Families returns the cases themselves and then all that were merged into them.
	Families(ctx context.Context, ids []string) ([]string, error)
}

// Lock keeps the case for those who need to know it (reliability model §2.4,
// "locked: A"): of the analysts it is there only for whom it is assigned to.
// Duty and lead lock a file and open it again, always with a reason, which
// stands in the timeline. What was merged into it is locked with it.
func (d *Desk) Lock(ctx context.Context, by By, ref string, seen int, on bool, reason string) (string, error) {
	id, err := d.find(ctx, by, ref)
	if err != nil {
		return "", err
	}
	return id, d.together(ctx, by, []string{id}, reason, func(cs []*Case, at time.Time) error {
		if err := may(by, at, actor.CaseLock, cs[0].Object()); err != nil {
			return err
		}
		if err := cs[0].Seen(seen); err != nil {
			return err
		}
		return cs[0].setLock(by, at, on, reason)
	})
}

// together changes cases with all that were merged into them: those are locked
// and opened with the case that took them in.
func (d *Desk) together(ctx context.Context, by By, ids []string, reason string, step func(cs []*Case, at time.Time) error) error {
	all, err := d.Store.Families(ctx, ids)
	if err != nil {
		return err
	}
	at := d.now()
	return d.Store.Update(ctx, by, at, all, func(cs []*Case) error {
		// Whoever merges a case into one of them needs its lock, which is held by now.
		now, err := d.Store.Families(ctx, ids)
		if err != nil {
			return err
		}
		if len(now) != len(all) {
			return fault.New(fault.Unavailable, "another case was merged into this one just now").WithRetry(time.Second)
		}
		root := cs[len(ids)-1] // of a merge, the target
		if err := step(cs[:len(ids)], at); err != nil {
			return err
		}
		for _, c := range cs[len(ids):] {
			if c.Locked != root.Locked {
				c.keep(by, at, root.Locked, reason, root.ID)
			}
		}
		return nil
	})
}

func (c *Case) setLock(by By, at time.Time, on bool, reason string) error {
	switch {
	case c.State == Merged:
		return c.workable()
	case c.Locked == on:
		return fault.New(fault.Conflict, "case %s is locked or open like that already", c.Reference)
	case strings.TrimSpace(reason) == "":
		return oneField("reason", "triage.err.reason", "is needed to lock a case or to open it again")
	}
	if err := short(reason); err != nil {
		return err
	}
	c.keep(by, at, on, reason, "")
	return nil
}

// keep locks the case, or opens it to all; ref is the case it goes along with.
func (c *Case) keep(by By, at time.Time, on bool, reason, ref string) {
	kind := KindLocked
	if !on {
		kind = KindUnlocked
	}
	c.Locked = on
	c.note(by, at, kind, "", "", strings.TrimSpace(reason), ref)
}

// shut keeps a merge from opening a locked file: when one of the two is locked
// the other is from then on. Whoever works the locked one works on; that others
// get to read it, because the other case is theirs, only duty and lead decide.
func (c *Case) shut(by By, at time.Time, target *Case, reason string) error {
	switch {
	case c.Locked == target.Locked:
	case target.Locked:
		c.keep(by, at, true, reason, target.ID)
	case target.Assignee != nil && !same(c.Assignee, target.Assignee) && !by.May(actor.CaseLock, c.Object()).Allowed:
		return oneField("target", "triage.err.merge.locked", "is worked by somebody else: duty or lead merge a locked case")
	default:
		if target.Assignee == nil && c.Assignee != nil {
			target.assign(by, at, c.Assignee, reason)
		}
		target.keep(by, at, true, reason, c.ID)
	}
	return nil
}

func same(a, b *event.Person) bool {
	return a == nil && b == nil || a != nil && b != nil && a.ID == b.ID
}

// find returns the id of the case that by names. One they may not read looks
// like one that is not there.
func (d *Desk) find(ctx context.Context, by By, ref string) (string, error) {
	id, err := d.Store.Find(ctx, ref)
	if err != nil {
		return "", err
	}
	if by.Reader(actor.CaseRead) == AllReaders {
		return id, nil
	}
	s, err := d.Store.Summary(ctx, id)
	if err == nil && s.Locked && !by.May(actor.CaseRead, s.Object()).Allowed {
		return "", notThere()
	}
	return id, err
}

func notThere() error { return fault.New(fault.NotFound, "there is no such case") }
