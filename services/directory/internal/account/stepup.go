// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Confirmed answers nil when the actor showed a second factor a moment ago
// (actor.SteppedUp).
func Confirmed(a actor.Actor, at time.Time) error {
	if a.SteppedUp(at) {
		return nil
	}
	return fault.New(fault.StepUpRequired, "please confirm with your second factor first")
}

// StepUp proves again who sits at a session: password and code, or with verify
// a passkey or an account at a provider. The session gets another secret; the
// old one is dead from the same commit on, so that whoever copied it before has
// nothing. Wrong proofs are limited like wrong sign-ins.
func (d *Desk) StepUp(ctx context.Context, act Act, old string, a Attempt, verify Verify) (started Session, secret string, ended []Session, err error) {
	act.At = d.now()
	if !act.Actor.SignedIn() {
		return Session{}, "", nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	before, err := d.Store.Session(ctx, old)
	if err != nil {
		return Session{}, "", nil, err
	}
	if before.Person != act.Actor.Person || !before.Live(act.At) {
		return Session{}, "", nil, fault.New(fault.NotFound, "no session %s", old)
	}
	c, err := d.Store.CredentialsOf(ctx, act.Actor.Person)
	if err != nil {
		return Session{}, "", nil, err
	}
	refusal := Refusal{Action: "account.stepup", Object: "session", ID: old}
	try, err := d.Try(ctx, act, c.Person.Email, a.Address, refusal)
	if err != nil {
		return Session{}, "", nil, err
	}
	proof, err := d.again(ctx, act, c, a, verify)
	if err != nil {
		return Session{}, "", nil, err
	}
	if !proof.shown() && proof.Identity == "" {
		return Session{}, "", nil, d.refuse(ctx, act, refusal, errSignIn())
	}
	secret = d.Vault.NewSession()
	started = before
	started.ID, started.Sum, started.StepUpAt, started.SeenAt, started.Version = event.NewID(), d.Vault.Sum(secret), act.At, act.At, 1
	err = d.Store.StartSession(ctx, act, Start{
		Action: "account.stepup", Session: started, Proof: proof, Try: try, Replaces: old, News: newsOf(c.Person, proof, act.At),
	})
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, "", nil, d.refuse(ctx, act, refusal, errSignIn())
	}
	before.EndedAt, before.Version = &act.At, before.Version+1
	return started, secret, []Session{before}, err
}

// again is the proof of a step-up, the zero one when it is wrong. Who has no
// password shows the code alone: the session stands for the first factor.
func (d *Desk) again(ctx context.Context, act Act, c Credentials, a Attempt, verify Verify) (Proof, error) {
	if verify != nil {
		person, proof, err := verify(ctx)
		switch {
		case fault.Is(err, fault.Unauthenticated), err == nil && person != act.Actor.Person:
			return Proof{}, nil
		}
		return proof, err
	}
	if c.PasswordHash != "" {
		match, err := d.Passwords.Match(ctx, a.Password, c.PasswordHash)
		if err != nil || !match {
			return Proof{}, err
		}
	}
	return d.second(ctx, c, a.Code, act.At)
}
