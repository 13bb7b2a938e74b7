// SPDX-License-Identifier: EUPL-1.2

package invitation

import (
	"context"
	"encoding/hex"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Joined is the end of an invitation.
type Joined struct {
	Action     string
	Invitation Invitation
	Person     account.Person
	New        bool // the person's record is made now
	Change     factor.Change
	Start      *account.Start // what is used up and the session that begins, if it has an id
}

// Opened is an invitation as the page of its link shows it.
type Opened struct {
	Invitation Invitation
	Known      bool // the person can sign in already
}

// NewApp reports whether taking it up sets up an app.
func (o Opened) NewApp() bool {
	return o.Invitation.Kind == Factor || o.Invitation.Kind == Join && !o.Known
}

// Enrolment names the secret offered for the app: with another link it is
// another one.
func (i Invitation) Enrolment() string { return "invitation " + i.ID + " " + hex.EncodeToString(i.Sum) }

// errGone is the one answer to every link that does not work.
func errGone() error {
	return fault.New(fault.NotFound, "this link was used, has run out or was withdrawn")
}

// Open returns the invitation of a link that works.
func (d *Desk) Open(ctx context.Context, requestID, token string) (Opened, error) {
	if len(token) != 43 {
		return Opened{}, errGone()
	}
	i, err := d.Store.InvitationBySum(ctx, d.sum(token))
	if fault.Is(err, fault.NotFound) {
		return Opened{}, errGone()
	}
	if err != nil {
		return Opened{}, err
	}
	if !i.Usable(d.now()) {
		return Opened{}, errGone()
	}
	if err := d.backed(ctx, requestID, i); err != nil {
		return Opened{}, err
	}
	o := Opened{Invitation: i}
	p, err := d.Store.PersonByEmail(ctx, i.Email)
	if fault.Is(err, fault.NotFound) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	o.Invitation.Person = p.ID
	has, err := d.Factors.Overview(ctx, p.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return o, err
	}
	o.Known = err == nil && has.Complete()
	return o, nil
}

// Setup is what somebody new sets up: a password with the app, proved by a code,
// or with a passkey; or an account at a provider that asks for two factors
// itself. Offer is the sealed secret that this browser was shown.
type Setup struct {
	Password, Code, Offer string
	Passkey               *factor.Passkey
	Identity              *factor.Identity
}

// OpenForPasskey is Open for somebody new whose browser is to make a passkey. The
// password must hold before: no device shall keep a passkey of an account that
// was never made.
func (d *Desk) OpenForPasskey(ctx context.Context, requestID, token, password string) (Opened, error) {
	o, err := d.Open(ctx, requestID, token)
	if err != nil {
		return o, err
	}
	if o.Invitation.Kind != Join || o.Known {
		return o, errGone()
	}
	return o, factor.CheckPassword(password, o.Invitation.Name, o.Invitation.Email)
}

// AcceptNew brings somebody new in and signs them in: the person, their roles,
// what they prove themselves with, recovery codes and the session are one step.
func (d *Desk) AcceptNew(ctx context.Context, token string, s Setup, a account.Attempt) (account.Session, string, error) {
	act := Act{RequestID: a.RequestID, At: d.now()}
	o, err := d.Open(ctx, act.RequestID, token)
	if err != nil {
		return account.Session{}, "", err
	}
	i := o.Invitation
	if i.Kind != Join || o.Known {
		return account.Session{}, "", fault.New(fault.Conflict, "sign in to accept this invitation")
	}
	try, err := d.Accounts.Try(ctx, act, "invitation "+i.ID, a.Address, account.Refusal{Action: "invitation.accept", Object: "invitation", ID: i.ID})
	if err != nil {
		return account.Session{}, "", err
	}
	p, isNew, err := d.person(ctx, act, i)
	if err != nil {
		return account.Session{}, "", err
	}
	change, err := d.setup(ctx, act, p, i, s)
	if err != nil {
		return account.Session{}, "", err
	}
	act.Actor = actor.Actor{Person: p.ID, Name: p.Name}
	session, secret := d.Accounts.NewSession(act, p, account.ByLink, a)
	act.Actor.Session = session.ID
	return session, secret, d.Store.Join(ctx, act, Joined{
		Action: "invitation.accept", Invitation: i, Person: p, New: isNew, Change: change,
		Start: &account.Start{Action: "account.signin", Session: session, Try: try},
	})
}

// person is the record that an invitation makes or completes.
func (d *Desk) person(ctx context.Context, act Act, i Invitation) (account.Person, bool, error) {
	p, err := d.Store.PersonByEmail(ctx, i.Email)
	isNew := fault.Is(err, fault.NotFound)
	switch {
	case isNew:
		p = account.Person{ID: i.Person, Name: i.Name, Email: i.Email, Function: i.Function, Language: i.Language, Active: true, ChangedAt: act.At}
	case err != nil:
		return p, false, err
	case !p.Active:
		return p, false, errGone()
	}
	p.Join(i.Memberships, act.At)
	return p, isNew, nil
}

// setup checks what somebody new wants to prove themselves with.
func (d *Desk) setup(ctx context.Context, act Act, p account.Person, i Invitation, s Setup) (factor.Change, error) {
	change := factor.Change{Action: "account.setup", NewRecovery: d.Factors.Set(p.ID)}
	if s.Identity != nil {
		link := *s.Identity
		link.ID, link.Person, link.LinkedAt = event.NewID(), p.ID, act.At
		change.AddIdentity = &link
		return change, nil
	}
	var second error
	if s.Passkey != nil {
		change.AddPasskey, second = factor.First(*s.Passkey, p.ID, act.At)
	} else {
		change.TOTPSealed, change.TOTPStep, second = d.Factors.Enrol(p.ID, i.Enrolment(), s.Offer, s.Code, act.At)
	}
	var bad fault.Fields
	for _, err := range []error{factor.CheckPassword(s.Password, p.Name, p.Email), second} {
		for _, f := range fault.FieldsOf(err) {
			bad.Add(f.Name, f.Code, f.Detail)
		}
	}
	if err := bad.Err(); err != nil {
		return change, err
	}
	hash, err := d.Factors.Sealer.Hash(ctx, s.Password)
	change.PasswordSet = &hash
	return change, err
}

// AcceptKnown gives somebody who is here the roles of the invitation and
// nothing else. They are signed in as the person it was sent to.
func (d *Desk) AcceptKnown(ctx context.Context, act Act, token string) error {
	act.At = d.now()
	o, err := d.Open(ctx, act.RequestID, token)
	if err != nil {
		return err
	}
	if o.Invitation.Kind != Join || !o.Known {
		return errGone()
	}
	if act.Actor.Person != o.Invitation.Person {
		return fault.New(fault.Forbidden, "this invitation is for somebody else")
	}
	return d.Store.Join(ctx, act, Joined{
		Action: "invitation.accept", Invitation: o.Invitation, Person: account.Person{ID: o.Invitation.Person},
	})
}

// changed is which notice tells the person of a reset.
var changed = map[Kind]string{Password: "password_changed", Factor: "app_changed"}

// AcceptReset sets a lost secret anew with the help of the other one: the
// password with the second factor, the app with the password. It signs nobody
// in; all sessions of the person end.
func (d *Desk) AcceptReset(ctx context.Context, token string, s Setup, second string, a account.Attempt) error {
	act := Act{RequestID: a.RequestID, At: d.now()}
	o, err := d.Open(ctx, act.RequestID, token)
	if err != nil {
		return err
	}
	i := o.Invitation
	p, err := d.Store.Person(ctx, i.Person)
	if err != nil {
		return err
	}
	change := factor.Change{Action: "account.reset", EndOthers: "none", News: []event.Payload{account.Notice(p, changed[i.Kind], act.At)}}
	a.Password, a.Code = s.Password, second
	var proof account.Proof
	var try account.Try
	switch i.Kind {
	case Password:
		if err := factor.CheckPassword(s.Password, p.Name, p.Email); err != nil {
			return err
		}
		if proof, try, err = d.Accounts.ProveSecond(ctx, act, p.ID, a); err != nil {
			return err
		}
		hash, err := d.Factors.Sealer.Hash(ctx, s.Password)
		if err != nil {
			return err
		}
		change.PasswordSet = &hash
	case Factor:
		if change.TOTPSealed, change.TOTPStep, err = d.Factors.Enrol(p.ID, i.Enrolment(), s.Offer, s.Code, act.At); err != nil {
			return err
		}
		if try, err = d.Accounts.ProvePassword(ctx, act, p.ID, a); err != nil {
			return err
		}
	case Join, Roles4:
		return errGone()
	}
	act.Actor = actor.Actor{Person: p.ID, Name: p.Name}
	return d.Store.Join(ctx, act, Joined{
		Action: "account.reset.done", Invitation: i, Person: p, Change: change, Start: &account.Start{Proof: proof, Try: try},
	})
}
