// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// States of a wish to hold or release a case.
const (
	HoldProposed  = "proposed"
	HoldConfirmed = "confirmed"
	HoldRefused   = "refused"
)

// Hold is somebody's wish that nothing of a case be deleted, or that it may be
// again. It counts when a second person confirmed it (reliability model §2.4:
// four eyes).
type Hold struct {
	ID         string
	Case       string
	Reference  string
	Release    bool
	Reason     string
	State      string
	ProposedBy string
	ProposedAt time.Time
	DecidedBy  string
	DecidedAt  *time.Time
}

// HoldStore keeps the wishes.
type HoldStore interface {
	// AddHold stores a wish with its audit entry. Conflict when one is open.
	AddHold(ctx context.Context, by By, h Hold) error
	// DecideHold locks the wish and its case, lets decide look at both, and
	// stores what became of them, with event and audit. NotFound when it is none.
	DecideHold(ctx context.Context, by By, at time.Time, id string, decide func(h *Hold, c *Case) error) error
	// HoldsOf lists the newest wishes, open ones first, and HeldCases what is on hold now.
	HoldsOf(ctx context.Context) ([]Hold, error)
	HeldCases(ctx context.Context) ([]string, error)
}

// ProposeHold asks for a hold on a case, or for its release.
func (d *Desk) ProposeHold(ctx context.Context, by By, ref string, release bool, reason string) (Hold, error) {
	if err := may(by, d.now(), actor.LegalHold, actor.Object{}); err != nil {
		return Hold{}, err
	}
	reason = strings.TrimSpace(reason)
	var wrong []fault.Field
	if n := utf8.RuneCountInString(reason); n == 0 || n > MaxReason {
		wrong = append(wrong, fault.Field{Name: "reason", Code: "triage.err.hold.reason", Detail: "is missing, or longer than 1000 characters"})
	}
	id, err := d.Store.Find(ctx, strings.TrimSpace(ref))
	if fault.Is(err, fault.NotFound) || strings.TrimSpace(ref) == "" {
		wrong = append([]fault.Field{{Name: "case", Code: "triage.err.hold.case", Detail: "names no case"}}, wrong...)
	} else if err != nil {
		return Hold{}, err
	}
	if len(wrong) > 0 {
		return Hold{}, &fault.Error{Kind: fault.Invalid, Message: "the hold cannot be proposed", Fields: wrong}
	}
	h := Hold{
		ID: event.NewID(), Case: id, Release: release, Reason: reason, State: HoldProposed,
		ProposedBy: by.ID(), ProposedAt: d.now(),
	}
	return h, d.Store.AddHold(ctx, by, h)
}

// DecideHold agrees to a wish, or refuses it. Who proposed may refuse, that is
// withdraw, but not agree.
func (d *Desk) DecideHold(ctx context.Context, by By, id string, agree bool) error {
	if err := may(by, d.now(), actor.LegalHold, actor.Object{}); err != nil {
		return err
	}
	if !event.IsID(id) {
		return fault.New(fault.NotFound, "there is no such proposal")
	}
	at := d.now()
	return d.Store.DecideHold(ctx, by, at, id, func(h *Hold, c *Case) error {
		switch {
		case h.State != HoldProposed:
			return fault.New(fault.Conflict, "this proposal is decided already")
		case agree && h.ProposedBy == by.ID():
			return fault.New(fault.Conflict, "another person has to agree: you proposed it")
		}
		h.State, h.DecidedBy, h.DecidedAt = HoldRefused, by.ID(), &at
		if agree {
			h.State = HoldConfirmed
			c.setHold(by, at, !h.Release, h.Reason)
		}
		return nil
	})
}

// setHold keeps the case from deletion, or gives it free again.
func (c *Case) setHold(by By, at time.Time, on bool, reason string) {
	kind := KindHold
	if !on {
		kind = KindRelease
	}
	c.Hold = on
	c.note(by, at, kind, "", "", reason, "")
}

// Holds lists the wishes and the references of the cases on hold.
func (d *Desk) Holds(ctx context.Context, by By) (wishes []Hold, held []string, err error) {
	if err := may(by, d.now(), actor.LegalHold, actor.Object{}); err != nil {
		return nil, nil, err
	}
	if wishes, err = d.Store.HoldsOf(ctx); err != nil {
		return nil, nil, err
	}
	held, err = d.Store.HeldCases(ctx)
	return wishes, held, err
}
