// SPDX-License-Identifier: EUPL-1.2

package mandate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// MaxBulk is how many mandates are confirmed in one step.
const MaxBulk = 1000

// Wish is a mail that follows from a change: to the holders of roles in an
// organisation, "" for any. The store knows who they are.
type Wish struct {
	Kind         string // of event.NoticeWanted
	Organisation string
	Roles        []actor.Role
}

// Effect is what a change leaves beside the record: a line in the mandate's
// history and mails.
type Effect struct {
	Step   string
	Note   string
	Ends   string // id of the mandate that gives way to this one
	Wishes []Wish
}

// Store keeps mandates. Every change writes its audit entry, its event and its
// effect in the same transaction.
type Store interface {
	Mandate(ctx context.Context, id string) (Mandate, error)
	// AddMandate answers Conflict when the same two organisations wait already.
	AddMandate(ctx context.Context, act Act, action string, m Mandate, e Effect) error
	// UpdateMandates loads them under a lock in the given order, changes and saves them: all or none.
	UpdateMandates(ctx context.Context, act Act, action string, ids []string, change func(*Mandate) (Effect, error)) ([]Mandate, error)
	// OrganisationExists answers NotFound when it does not or is gone.
	OrganisationExists(ctx context.Context, id string) error
	// Deny writes the audit entry of a denial.
	Deny(ctx context.Context, act Act, action, objectType, objectID string) error
	// Remind sends the reminder of mandates that end before, once each, and returns how many.
	Remind(ctx context.Context, act Act, before time.Time, wishes func(Mandate) []Wish) (int, error)
}

// Desk is what people may do about mandates. Page and API come through here.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// allow answers nil when the actor may, else it writes the denial down. What the
// actor may not even read does not exist for them: hidden.
func (d *Desk) allow(ctx context.Context, act Act, action actor.Action, o actor.Object, objectType, id string, hidden bool) error {
	if act.Actor.May(action, o).Allowed {
		return nil
	}
	if err := d.Store.Deny(ctx, act, string(action), objectType, id); err != nil {
		return err
	}
	switch {
	case !act.Actor.SignedIn():
		return fault.New(fault.Unauthenticated, "sign in first")
	case hidden:
		return fault.New(fault.NotFound, "no %s %s", objectType, id)
	}
	return fault.New(fault.Forbidden, "you may not do this")
}

// MayRead reports whether the actor may see it: its principal's and its agent's
// people, the CERT, the constituency manager and the auditor.
func MayRead(a actor.Actor, m Mandate) bool {
	return a.May(actor.MandateRead, actor.Object{Organisation: m.Principal}).Allowed ||
		a.May(actor.MandateRead, actor.Object{Organisation: m.Agent}).Allowed
}

// MayConfirm reports whether the actor decides for the CERT.
func MayConfirm(a actor.Actor) bool { return !a.View(actor.MandateConfirm).Empty() }

// mayConfirmFor is MayConfirm unless the actor belongs to the agent: nobody lets
// their own house in.
func mayConfirmFor(a actor.Actor, agent string) bool {
	return MayConfirm(a) && !slices.ContainsFunc(a.Memberships, func(m actor.Membership) bool { return m.Organisation == agent })
}

// Grant gives an agent a mandate of a principal. The principal's org_admin
// grants it and the CERT confirms it; when the constituency manager grants it,
// from a signed paper, it counts at once. seen is the version of the mandate that
// the new one replaces.
func (d *Desk) Grant(ctx context.Context, act Act, m Mandate, seen int) (Mandate, error) {
	act.At = d.now()
	if err := d.Store.OrganisationExists(ctx, m.Principal); err != nil {
		return Mandate{}, err
	}
	if err := d.allow(ctx, act, actor.MandateGrant, actor.Object{Organisation: m.Principal}, "organisation", m.Principal, false); err != nil {
		return Mandate{}, err
	}
	e := Effect{Step: "granted", Note: m.Document, Wishes: granted(m)}
	m.State = Granted
	if mayConfirmFor(act.Actor, m.Agent) {
		m.State, e.Step, e.Ends, e.Wishes = Active, "paper", m.Replaces, confirmed(m)
	}
	if m.Replaces != "" {
		if err := d.mayReplace(ctx, m, seen); err != nil {
			return Mandate{}, err
		}
	}
	return d.add(ctx, act, "mandate.grant", m, e)
}

// add completes a new mandate and stores it.
func (d *Desk) add(ctx context.Context, act Act, action string, m Mandate, e Effect) (Mandate, error) {
	if m.From.IsZero() {
		m.From = act.At
	}
	m.ID, m.Version, m.ChangedAt, m.RevokedAt = event.NewID(), 1, act.At, nil
	if err := m.Check(); err != nil {
		return Mandate{}, err
	}
	if m.To != nil && !act.At.Before(*m.To) {
		return Mandate{}, field("to", "directory.error.to_past", "to is in the past")
	}
	if err := d.Store.OrganisationExists(ctx, m.Agent); err != nil {
		if !fault.Is(err, fault.NotFound) {
			return Mandate{}, err
		}
		return Mandate{}, field("agent", "directory.error.agent", "agent is no organisation of the register")
	}
	return m, d.Store.AddMandate(ctx, act, action, m, e)
}

func field(name, code, detail string) error {
	var bad fault.Fields
	bad.Add(name, code, detail)
	return bad.Err()
}

// mayReplace: only a mandate of the same two organisations that has not ended
// gives its place to another one.
func (d *Desk) mayReplace(ctx context.Context, m Mandate, seen int) error {
	old, err := d.Store.Mandate(ctx, m.Replaces)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || old.Principal != m.Principal || old.Agent != m.Agent || old.RevokedAt != nil {
		return field("replaces", "directory.error.replaces", "replaces is no open mandate between the two organisations")
	}
	return old.current(seen)
}

// Request asks a principal for a mandate: the agent's org_admin does. Nothing of
// it counts before the principal grants and the CERT confirms it.
func (d *Desk) Request(ctx context.Context, act Act, m Mandate) (Mandate, error) {
	act.At = d.now()
	if err := d.allow(ctx, act, actor.MandateRequest, actor.Object{Organisation: m.Agent}, "organisation", m.Agent, false); err != nil {
		return Mandate{}, err
	}
	if err := d.Store.OrganisationExists(ctx, m.Principal); err != nil {
		if !fault.Is(err, fault.NotFound) {
			return Mandate{}, err
		}
		return Mandate{}, field("principal", "directory.error.principal", "principal is no organisation of the register")
	}
	m.State, m.GrantedBy, m.Replaces = Requested, "", ""
	return d.add(ctx, act, "mandate.request", m, Effect{
		Step: "requested", Wishes: []Wish{{"mandate_requested", m.Principal, []actor.Role{actor.OrgAdmin}}},
	})
}

// GrantRequested is the principal's yes to a request, on the principal's terms.
func (d *Desk) GrantRequested(ctx context.Context, act Act, id string, seen int, with Mandate) (Mandate, error) {
	act.At = d.now()
	m, err := d.mine(ctx, act, id, actor.MandateGrant)
	if err != nil {
		return Mandate{}, err
	}
	with.Principal, with.Agent = m.Principal, m.Agent
	return d.one(ctx, act, "mandate.grant", id, func(m *Mandate) (Effect, error) {
		if err := m.current(seen); err != nil {
			return Effect{}, err
		}
		if err := m.Grant(with, act.At); err != nil {
			return Effect{}, err
		}
		if m.To != nil && !act.At.Before(*m.To) {
			return Effect{}, field("to", "directory.error.to_past", "to is in the past")
		}
		if !mayConfirmFor(act.Actor, m.Agent) {
			return Effect{Step: "granted", Note: m.Document, Wishes: granted(*m)}, nil
		}
		return Effect{Step: "paper", Note: m.Document, Wishes: confirmed(*m)}, m.Confirm(act.At)
	})
}

// mine reads a mandate and asks whether the actor may do action as the
// principal or for the CERT.
func (d *Desk) mine(ctx context.Context, act Act, id string, action actor.Action) (Mandate, error) {
	m, err := d.Store.Mandate(ctx, id)
	if err != nil {
		return Mandate{}, err
	}
	return m, d.allow(ctx, act, action, actor.Object{Organisation: m.Principal}, "mandate", id, !MayRead(act.Actor, m))
}

func (d *Desk) one(ctx context.Context, act Act, action, id string, change func(*Mandate) (Effect, error)) (Mandate, error) {
	list, err := d.Store.UpdateMandates(ctx, act, action, []string{id}, change)
	if err != nil {
		return Mandate{}, err
	}
	return list[0], nil
}

// Confirm is the CERT's yes to several mandates at once: all of them or, when
// one cannot be confirmed, none. Those they replace end in the same moment.
func (d *Desk) Confirm(ctx context.Context, act Act, picked []Seen) ([]Mandate, error) {
	act.At = d.now()
	versions := make(map[string]int, len(picked))
	ids := make([]string, 0, len(picked))
	for _, s := range picked {
		versions[s.ID], ids = s.Version, append(ids, s.ID)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) == 0 || len(ids) > MaxBulk {
		return nil, field("ids", "directory.error.ids", "name 1 to 1000 mandates")
	}
	for _, id := range ids {
		m, err := d.mine(ctx, act, id, actor.MandateConfirm)
		if err != nil {
			return nil, err
		}
		if !mayConfirmFor(act.Actor, m.Agent) {
			if err := d.Store.Deny(ctx, act, string(actor.MandateConfirm), "mandate", id); err != nil {
				return nil, err
			}
			return nil, fault.New(fault.Forbidden, "somebody who does not belong to the agent must confirm this")
		}
		for _, side := range []string{m.Principal, m.Agent} {
			if err := d.Store.OrganisationExists(ctx, side); err != nil {
				return nil, fault.Wrap(fault.Conflict, err, "one side of the mandate is no longer in the register")
			}
		}
	}
	return d.Store.UpdateMandates(ctx, act, "mandate.confirm", ids, func(m *Mandate) (Effect, error) {
		if err := m.current(versions[m.ID]); err != nil {
			return Effect{}, err
		}
		return Effect{Step: "confirmed", Ends: m.Replaces, Wishes: confirmed(*m)}, m.Confirm(act.At)
	})
}

// Decline is the no, with its reason: the principal's to what was asked for, the
// CERT's to what was granted.
func (d *Desk) Decline(ctx context.Context, act Act, id string, seen int, reason string) (Mandate, error) {
	act.At = d.now()
	reason = strings.TrimSpace(reason)
	m, err := d.Store.Mandate(ctx, id)
	if err != nil {
		return Mandate{}, err
	}
	object := actor.Object{Organisation: m.Principal}
	if err := d.allow(ctx, act, actor.MandateDecline, object, "mandate", id, !MayRead(act.Actor, m)); err != nil {
		return Mandate{}, err
	}
	if m.State == Granted { // the principal takes back what it granted by revoking it
		if err := d.allow(ctx, act, actor.MandateConfirm, object, "mandate", id, false); err != nil {
			return Mandate{}, err
		}
	}
	return d.one(ctx, act, "mandate.decline", id, func(m *Mandate) (Effect, error) {
		if err := m.current(seen); err != nil {
			return Effect{}, err
		}
		e := Effect{Step: "declined", Note: reason, Wishes: []Wish{
			{"mandate_declined", m.Agent, []actor.Role{actor.OrgAdmin}}, {"mandate_declined", m.Principal, []actor.Role{actor.OrgAdmin}},
		}}
		return e, m.Decline(reason, act.At)
	})
}

// Revoke ends a mandate at once: the principal's org_admin does, or the
// constituency manager; the agent's org_admin gives it back.
func (d *Desk) Revoke(ctx context.Context, act Act, id string, seen int) (Mandate, error) {
	act.At = d.now()
	m, err := d.Store.Mandate(ctx, id)
	if err != nil {
		return Mandate{}, err
	}
	step, action := "revoked", "mandate.revoke"
	if !act.Actor.May(actor.MandateRevoke, actor.Object{Organisation: m.Principal}).Allowed &&
		act.Actor.May(actor.MandateRequest, actor.Object{Organisation: m.Agent}).Allowed {
		step, action = "returned", "mandate.return"
	} else if err := d.allow(ctx, act, actor.MandateRevoke, actor.Object{Organisation: m.Principal}, "mandate", id, !MayRead(act.Actor, m)); err != nil {
		return Mandate{}, err
	}
	return d.one(ctx, act, action, id, func(m *Mandate) (Effect, error) {
		if err := m.current(seen); err != nil {
			return Effect{}, err
		}
		e := Effect{Step: step}
		if m.State == Active {
			e.Wishes = []Wish{{"mandate_revoked", m.Agent, []actor.Role{actor.OrgAdmin}}, {"mandate_revoked", m.Principal, []actor.Role{actor.OrgAdmin}}}
		}
		return e, m.Revoke(act.At)
	})
}

// granted are the mails when a mandate waits for the CERT.
func granted(m Mandate) []Wish {
	return []Wish{{"mandate_granted", "", []actor.Role{actor.Constituency}}, {"mandate_granted", m.Agent, []actor.Role{actor.OrgAdmin}}}
}

// confirmed are the mails when a mandate counts from now on.
func confirmed(m Mandate) []Wish {
	return []Wish{{"mandate_confirmed", m.Principal, []actor.Role{actor.OrgAdmin}}, {"mandate_confirmed", m.Agent, []actor.Role{actor.OrgAdmin}}}
}

// Notice is how long before its end a mandate is called to mind.
const Notice = 30 * 24 * time.Hour

// Remind mails both sides of every mandate that ends within 30 days, once.
func (d *Desk) Remind(ctx context.Context, act Act) (int, error) {
	act.At = d.now()
	return d.Store.Remind(ctx, act, act.At.Add(Notice), func(m Mandate) []Wish {
		return []Wish{{"mandate_ending", m.Principal, []actor.Role{actor.OrgAdmin}}, {"mandate_ending", m.Agent, []actor.Role{actor.OrgAdmin}}}
	})
}
