// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"
	"errors"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Way is how somebody proved who they are when a session began.
type Way string

// The ways. A passkey that verified its user counts as two factors; a provider
// does when its answer says so, else a code of ours is asked for.
const (
	ByPassword Way = "password"
	ByPasskey  Way = "passkey"
	ByProvider Way = "provider"
	ByLink     Way = "invitation" // the session after an invitation, which set up the factors
)

// Proof is what a session rests on and what it uses up.
type Proof struct {
	Way      Way
	Step     int64       // TOTP step, counts once
	Recovery string      // id of the recovery code, counts once
	Passkey  *PasskeyUse // new state of the passkey
	Identity string      // id of the account at a provider
	ProvedAt time.Time   // when the provider proved the person; zero: it does not say
}

// PasskeyUse is a passkey after a successful signature.
type PasskeyUse struct {
	ID      string
	Record  string
	Suspect bool // its counter ran backwards: there may be a copy
}

// Start is a session to begin. Replaces is the session it takes the place of: a
// step-up gives the browser another secret, and the old one is dead.
type Start struct {
	Action   string // account.signin or account.stepup
	Session  Session
	Proof    Proof
	Try      Try
	Replaces string
	News     []event.Payload
}

// Verify proves by other means than a password who somebody is: a passkey, an
// account at a provider. Unauthenticated when it does not hold.
type Verify func(ctx context.Context) (person string, p Proof, err error)

// Try counts a try under the key and refuses one too many.
func (d *Desk) Try(ctx context.Context, act Act, key, address string, r Refusal) (Try, error) {
	try := Try{ID: event.NewID(), Account: d.Vault.Sum("try " + key), Network: Network(address), At: act.At, Limits: d.Limits}
	tries, err := d.Store.CountTry(ctx, try)
	if err != nil {
		return try, err
	}
	if limited := tries.Check(act.At, d.Limits); limited != nil {
		r.Denied = true
		return try, d.refuse(ctx, act, r, limited)
	}
	return try, nil
}

// second checks the second factor that was typed: a code of the app, or one of
// the recovery codes. The zero Proof means that it is wrong.
func (d *Desk) second(ctx context.Context, c Credentials, code string, at time.Time) (Proof, error) {
	if sum := d.Vault.RecoverySum(c.Person.ID, code); sum != nil {
		id, err := d.Store.RecoveryCode(ctx, c.Person.ID, sum)
		if fault.Is(err, fault.NotFound) {
			return Proof{}, nil
		}
		return Proof{Recovery: id}, err
	}
	return Proof{Step: d.Vault.CheckCode(c.SealedTOTP, c.Person.ID, code, at, c.LastStep)}, nil
}

// shown reports whether a second factor was shown.
func (p Proof) shown() bool { return p.Step != 0 || p.Recovery != "" || p.Passkey != nil }

// NewSession is a fresh session of the person with its secret.
func (d *Desk) NewSession(act Act, p Person, way Way, a Attempt) (Session, string) {
	secret := d.Vault.NewSession()
	return Session{
		ID: event.NewID(), Sum: d.Vault.Sum(secret), Person: p.ID, CreatedAt: act.At, SeenAt: act.At,
		ExpiresAt: act.At.Add(Absolute), StepUpAt: act.At, Version: 1, Client: cut(a.Client, 200), Address: a.Address, Way: way,
	}, secret
}

// freshAt is since when the second factor counts as shown. A provider that
// still knew the browser has asked nobody for anything: its word is as old as
// the moment at which it did.
func (p Proof) freshAt(at time.Time) time.Time {
	if p.shown() || !p.ProvedAt.IsZero() && p.ProvedAt.After(at) {
		return at
	}
	if p.ProvedAt.IsZero() {
		return at.Add(-Absolute)
	}
	return p.ProvedAt
}

// ErrSecond is for a Verify whose first factor held while another is needed.
var ErrSecond = errors.New("a second factor is needed")

// start begins a session of the person.
func (d *Desk) start(ctx context.Context, act Act, p Person, proof Proof, try Try, a Attempt) (Session, string, error) {
	s, secret := d.NewSession(act, p, proof.Way, a)
	s.StepUpAt = proof.freshAt(act.At)
	act.Actor = actor.Actor{Person: p.ID, Name: p.Name, Session: s.ID}
	err := d.Store.StartSession(ctx, act, Start{
		Action: "account.signin", Session: s, Proof: proof, Try: try, News: newsOf(p, proof, act.At),
	})
	return s, secret, err
}

// ProveSecond checks the second factor of a person who is not signed in, for
// setting a lost password anew. It is limited like their sign-ins.
func (d *Desk) ProveSecond(ctx context.Context, act Act, person string, a Attempt) (Proof, Try, error) {
	c, err := d.Store.CredentialsOf(ctx, person)
	if err != nil {
		return Proof{}, Try{}, err
	}
	refusal := Refusal{Action: "account.second", Object: "account", ID: person}
	try, err := d.Try(ctx, act, c.Person.Email, a.Address, refusal)
	if err != nil {
		return Proof{}, try, err
	}
	proof, err := d.second(ctx, c, a.Code, act.At)
	if err == nil && !(c.Person.Active && proof.shown()) {
		err = d.refuse(ctx, act, refusal, errSignIn())
	}
	return proof, try, err
}

// ProvePassword is ProveSecond for the other way round: the password of a
// person who lost their second factor.
func (d *Desk) ProvePassword(ctx context.Context, act Act, person string, a Attempt) (Try, error) {
	c, err := d.Store.CredentialsOf(ctx, person)
	if err != nil {
		return Try{}, err
	}
	refusal := Refusal{Action: "account.password.prove", Object: "account", ID: person}
	try, err := d.Try(ctx, act, c.Person.Email, a.Address, refusal)
	if err != nil {
		return try, err
	}
	match, err := d.Passwords.Match(ctx, a.Password, c.PasswordHash)
	if err == nil && !(c.Person.Active && match) {
		err = d.refuse(ctx, act, refusal, errSignIn())
	}
	return try, err
}

// newsOf tells a person by mail what may have been somebody else.
func newsOf(p Person, proof Proof, at time.Time) []event.Payload {
	if proof.Recovery == "" {
		return nil
	}
	return []event.Payload{Notice(p, "recovery_used", at)}
}

// Notice is a mail to a person about their own account.
func Notice(p Person, kind string, at time.Time) event.NoticeWanted {
	end := at.Add(24 * time.Hour)
	return event.NoticeWanted{
		ID: event.NewID(), Kind: kind, Topic: kind + "-" + p.ID, Person: p.ID, Name: p.Name, Email: p.Email,
		Language: p.Language, Path: "/konto/sicherheit", ExpiresAt: &end,
		Data: map[string]any{"at": at.Format(time.RFC3339)},
	}
}

// SignInWith starts a session for whoever verify names. Only the network's
// tries are limited: a signature cannot be guessed, and nobody may keep others
// out by failing.
func (d *Desk) SignInWith(ctx context.Context, a Attempt, verify Verify) (Session, string, error) {
	act := Act{RequestID: a.RequestID, At: d.now()}
	refusal := Refusal{Action: "account.signin", Object: "account"}
	try, err := d.Try(ctx, act, event.NewID(), a.Address, refusal)
	if err != nil {
		return Session{}, "", err
	}
	person, proof, err := verify(ctx)
	refusal.ID = person
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, "", d.refuse(ctx, act, refusal, err)
	}
	if errors.Is(err, ErrSecond) || fault.Is(err, fault.Unavailable) {
		return Session{}, "", d.noTry(ctx, act, try, err)
	}
	if err != nil {
		return Session{}, "", err
	}
	p, err := d.Store.Person(ctx, person)
	if err != nil {
		return Session{}, "", err
	}
	if !p.Active {
		return Session{}, "", d.refuse(ctx, act, refusal, errSignIn())
	}
	s, secret, err := d.start(ctx, act, p, proof, try, a)
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, "", d.refuse(ctx, act, refusal, errSignIn())
	}
	return s, secret, err
}

// noTry takes a try back that was no guess: the first factor held, or the
// provider was away. Many people share an address, and a provider that asks for
// one factor must not keep an office out after twenty of them.
func (d *Desk) noTry(ctx context.Context, act Act, t Try, why error) error {
	if err := d.Store.StartSession(ctx, act, Start{Try: t}); err != nil {
		return err
	}
	return why
}

// SignInSecond ends a sign-in whose first factor was an account at a provider:
// the code of the app or a recovery code completes it. It is limited together
// with the sign-ins by password of the same person.
func (d *Desk) SignInSecond(ctx context.Context, person, identity string, a Attempt) (Session, string, error) {
	act := Act{RequestID: a.RequestID, At: d.now()}
	c, err := d.Store.CredentialsOf(ctx, person)
	if err != nil {
		return Session{}, "", err
	}
	refusal := Refusal{Action: "account.second", Object: "account", ID: person}
	proof, try, err := d.ProveSecond(ctx, act, person, a)
	if err != nil {
		return Session{}, "", err
	}
	proof.Way, proof.Identity = ByProvider, identity
	s, secret, err := d.start(ctx, act, c.Person, proof, try, a)
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, "", d.refuse(ctx, act, refusal, errSignIn())
	}
	return s, secret, err
}
