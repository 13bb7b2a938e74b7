// SPDX-License-Identifier: EUPL-1.2

package invitation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Store keeps invitations. Every change writes its audit entry and its events
// in the same transaction.
type Store interface {
	Person(ctx context.Context, id string) (account.Person, error)
	PersonByEmail(ctx context.Context, email string) (account.Person, error)
	UpdatePerson(ctx context.Context, act Act, id, action string, change func(*account.Person) (bool, error)) (account.Person, error)
	// ActorOf returns what a person may be at the moment; false for somebody locked.
	ActorOf(ctx context.Context, id string, at time.Time) (actor.Actor, bool, error)
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	Overview(ctx context.Context, person string) (factor.Overview, error)
	Refuse(ctx context.Context, act Act, r account.Refusal) error

	Invitation(ctx context.Context, id string) (Invitation, error)
	InvitationBySum(ctx context.Context, sum []byte) (Invitation, error)
	// AddInvitation is a Conflict when the same is open already.
	AddInvitation(ctx context.Context, act Act, i Invitation, news ...event.Payload) error
	// UpdateInvitation loads it under a lock, changes and saves it with the events that change returns.
	UpdateInvitation(ctx context.Context, act Act, id, action string, change func(*Invitation) ([]event.Payload, error)) (Invitation, error)
	// Join ends an invitation: it makes or completes the person and begins the session, all in one step.
	Join(ctx context.Context, act Act, j Joined) error
}

// Vault makes and sums links and secrets.
type Vault interface {
	NewSession() string
	Sum(text string) []byte
}

// Desk is what managers of people may do, and what the invited do.
type Desk struct {
	Store    Store
	Accounts *account.Desk
	Factors  *factor.Desk
	Vault    Vault
	Now      func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

func (d *Desk) sum(token string) []byte { return d.Vault.Sum("invitation " + token) }

// Wish is whom to invite, as what.
type Wish struct {
	Name, Email, Function, Language string
	Memberships                     []account.Membership
}

// gate is the first question of every use case: may the actor manage people at
// all, and have they confirmed that it is them.
func (d *Desk) gate(ctx context.Context, act Act, r account.Refusal, ms ...account.Membership) error {
	r.Action, r.Denied = string(actor.RoleChange), true
	refuse := func(why error) error {
		if err := d.Store.Refuse(ctx, act, r); err != nil {
			return err
		}
		return why
	}
	switch {
	case !act.Actor.SignedIn():
		return fault.New(fault.Unauthenticated, "sign in first")
	case act.Actor.View(actor.RoleChange).Empty():
		return refuse(fault.New(fault.NotFound, "there is nothing here"))
	}
	if err := account.Confirmed(act.Actor, act.At); err != nil {
		return err
	}
	for _, m := range ms {
		if !Grants(act.Actor, m) {
			return refuse(fault.New(fault.Forbidden, "you may not give or take the role %s there", m.Role))
		}
	}
	return nil
}

// Invite asks somebody in. Whether the address belongs to somebody already does
// not show in the answer. Roles of the CERT wait for a second administrator
// before anything is mailed.
func (d *Desk) Invite(ctx context.Context, act Act, w Wish) (Invitation, error) {
	act.At = d.now()
	i := Invitation{
		ID: event.NewID(), Kind: Join, Person: event.NewID(), Name: strings.TrimSpace(w.Name), Email: account.CleanEmail(w.Email),
		Function: strings.TrimSpace(w.Function), Language: w.Language, Memberships: w.Memberships, InvitedBy: act.Actor.ID(),
		MadeAt: act.At, ExpiresAt: act.At.Add(Life), FourEyes: certified(w.Memberships), Version: 1,
	}
	if i.Language == "" {
		i.Language = "de"
	}
	if err := i.check(); err != nil {
		return Invitation{}, err
	}
	i.Organisation = i.Memberships[0].Organisation
	if err := d.gate(ctx, act, account.Refusal{Object: "organisation", ID: i.Organisation}, i.Memberships...); err != nil {
		return Invitation{}, err
	}
	o, err := d.bodies(ctx, i.Memberships)
	if err != nil {
		return Invitation{}, err
	}
	known, err := d.Store.PersonByEmail(ctx, i.Email)
	switch {
	case err == nil && known.ID == act.Actor.Person:
		return Invitation{}, d.ownRoles(ctx, act)
	case err == nil:
		i.Person = known.ID
	case !fault.Is(err, fault.NotFound):
		return Invitation{}, err
	}
	var news []event.Payload
	if !i.FourEyes {
		token := d.Vault.NewSession()
		i.Sum = d.sum(token)
		news = append(news, i.mail(token, o))
	}
	return i, d.Store.AddInvitation(ctx, act, i, news...)
}

// ownRoles refuses roles for oneself, by whatever way, and writes it down: who
// manages people must not make themselves somebody who reads reports.
func (d *Desk) ownRoles(ctx context.Context, act Act) error {
	r := account.Refusal{Action: string(actor.RoleChange), Object: "person", ID: act.Actor.Person, Denied: true}
	if err := d.Store.Refuse(ctx, act, r); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "nobody changes their own roles")
}

// check returns every mistake of a wish at once.
func (i Invitation) check() error {
	p := account.Person{Name: i.Name, Email: i.Email, Language: i.Language, Memberships: i.Memberships}
	var bad fault.Fields
	for _, f := range fault.FieldsOf(p.Check()) {
		bad.Add(f.Name, f.Code, f.Detail)
	}
	if len(i.Memberships) == 0 {
		bad.Add("memberships", "directory.error.membership", "an invitation needs an organisation and a role")
	}
	if len([]rune(i.Function)) > 200 {
		bad.Add("function", "directory.signin.error.function", "function has at most 200 characters")
	}
	return bad.Err()
}

// bodies checks that all organisations exist and that a provider's role is
// given at a provider only, and returns the first one.
func (d *Desk) bodies(ctx context.Context, ms []account.Membership) (event.Organisation, error) {
	var first event.Organisation
	var bad fault.Fields
	for n, m := range ms {
		o, err := d.Store.Organisation(ctx, m.Organisation)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return first, err
		}
		if err != nil || o.Gone() || m.Role == actor.Provider && o.Level != constituency.Provider {
			bad.Add("memberships", "directory.error.membership", "this role cannot be given there")
		}
		if n == 0 {
			first = event.Organisation{ID: o.ID, AGS: o.AGS, Name: o.Name}
		}
	}
	return first, bad.Err()
}

// one loads an invitation and checks that the actor may manage it.
func (d *Desk) one(ctx context.Context, act Act, id string) (Invitation, error) {
	i, err := d.Store.Invitation(ctx, id)
	if err != nil {
		return i, err
	}
	if !Sees(act.Actor, i) {
		if act.Actor.SignedIn() {
			r := account.Refusal{Action: string(actor.RoleChange), Object: "invitation", ID: id, Denied: true}
			if err := d.Store.Refuse(ctx, act, r); err != nil {
				return i, err
			}
		}
		return i, fault.New(fault.NotFound, "no invitation %s", id)
	}
	return i, d.gate(ctx, act, account.Refusal{Object: "invitation", ID: id}, i.Memberships...)
}

// Sees reports whether the actor's list shows the invitation.
func Sees(a actor.Actor, i Invitation) bool {
	v := a.View(actor.RoleChange)
	return v.Everything || slices.Contains(v.Organisations, i.Organisation)
}

// Confirm is the second administrator's word. An invitation is mailed now;
// roles for somebody who is here hold now.
func (d *Desk) Confirm(ctx context.Context, act Act, id string) (Invitation, error) {
	act.At = d.now()
	i, err := d.one(ctx, act, id)
	if err != nil {
		return i, err
	}
	o, err := d.bodies(ctx, i.Memberships)
	if err != nil {
		return i, err
	}
	if i.Kind == Roles4 {
		if err := i.confirm(act.Actor.ID(), act.At); err != nil {
			return i, err
		}
		return i, d.Store.Join(ctx, act, Joined{Action: "person.roles", Invitation: i, Person: account.Person{ID: i.Person}})
	}
	return d.Store.UpdateInvitation(ctx, act, id, "invitation.confirm", func(i *Invitation) ([]event.Payload, error) {
		if err := i.confirm(act.Actor.ID(), act.At); err != nil {
			return nil, err
		}
		token := d.Vault.NewSession()
		if err := i.send(d.sum(token), act.At); err != nil {
			return nil, err
		}
		return []event.Payload{i.mail(token, o)}, nil
	})
}

// Resend mails a fresh link; the one before is void.
func (d *Desk) Resend(ctx context.Context, act Act, id string) (Invitation, error) {
	act.At = d.now()
	i, err := d.one(ctx, act, id)
	if err != nil {
		return i, err
	}
	o, err := d.Store.Organisation(ctx, i.Organisation)
	if err != nil {
		return i, err
	}
	return d.Store.UpdateInvitation(ctx, act, id, "invitation.resend", func(i *Invitation) ([]event.Payload, error) {
		if i.FourEyes && i.ConfirmedAt == nil {
			return nil, fault.New(fault.Conflict, "this invitation waits for a second administrator")
		}
		token := d.Vault.NewSession()
		if err := i.send(d.sum(token), act.At); err != nil {
			return nil, err
		}
		if !i.FourEyes {
			i.InvitedBy = act.Actor.ID() // from now on it rests on who sends it
		}
		return []event.Payload{i.mail(token, event.Organisation{ID: o.ID, AGS: o.AGS, Name: o.Name})}, nil
	})
}

// Withdraw ends an invitation at once.
func (d *Desk) Withdraw(ctx context.Context, act Act, id string) (Invitation, error) {
	act.At = d.now()
	if i, err := d.one(ctx, act, id); err != nil {
		return i, err
	}
	return d.Store.UpdateInvitation(ctx, act, id, "invitation.withdraw", func(i *Invitation) ([]event.Payload, error) {
		return nil, i.Withdraw(act.At)
	})
}

// Reset mails somebody a link with which they set their password or their app
// anew. Only who could have given them every role they hold may do it.
func (d *Desk) Reset(ctx context.Context, act Act, person string, kind Kind) (Invitation, error) {
	act.At = d.now()
	p, err := d.Store.Person(ctx, person)
	if err != nil {
		return Invitation{}, err
	}
	if err := d.gate(ctx, act, account.Refusal{Object: "person", ID: person}); err != nil {
		return Invitation{}, err
	}
	if !Touches(act.Actor, p) || !p.Active {
		why := fault.New(fault.Forbidden, "you may not reset what this person signs in with")
		if v := act.Actor.View(actor.PersonManage); !v.Everything && !slices.ContainsFunc(v.Organisations, p.In) {
			why = fault.New(fault.NotFound, "no person %s", person)
		}
		if err := d.Store.Refuse(ctx, act, account.Refusal{Action: "account.reset", Object: "person", ID: person, Denied: true}); err != nil {
			return Invitation{}, err
		}
		return Invitation{}, why
	}
	if kind != Password && kind != Factor {
		return Invitation{}, fault.New(fault.Malformed, "no such reset")
	}
	o, err := d.Store.Organisation(ctx, p.Memberships[0].Organisation)
	if err != nil {
		return Invitation{}, err
	}
	token := d.Vault.NewSession()
	i := Invitation{
		ID: event.NewID(), Kind: kind, Person: p.ID, Name: p.Name, Email: p.Email, Function: p.Function, Language: p.Language,
		Organisation: o.ID, InvitedBy: act.Actor.ID(), MadeAt: act.At, ExpiresAt: act.At.Add(Life), Sum: d.sum(token), Version: 1,
	}
	return i, d.Store.AddInvitation(ctx, act, i, i.mail(token, event.Organisation{ID: o.ID, AGS: o.AGS, Name: o.Name}))
}
