// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// allow answers nil when the actor may, else it writes the denial down. What
// the actor may not even read does not exist for them: hidden.
func (d *Desk) allow(ctx context.Context, act *Act, action actor.Action, o actor.Object, r Refusal, hidden bool) error {
	decision := act.Actor.May(action, o)
	if decision.Allowed {
		act.OnBehalfOf = decision.OnBehalfOf
		return nil
	}
	r.Action, r.Denied = string(action), true
	switch {
	case !act.Actor.SignedIn():
		return d.refuse(ctx, *act, r, fault.New(fault.Unauthenticated, "sign in first"))
	case hidden:
		return d.refuse(ctx, *act, r, fault.New(fault.NotFound, "no %s %s", r.Object, r.ID))
	}
	return d.refuse(ctx, *act, r, fault.New(fault.Forbidden, "you may not do this"))
}

// EndSession ends one session: one's own, or anybody's as an administrator.
func (d *Desk) EndSession(ctx context.Context, act Act, id string) ([]Session, error) {
	act.At = d.now()
	s, err := d.Store.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if s.Person != act.Actor.Person || !act.Actor.SignedIn() {
		if err := d.allow(ctx, &act, actor.SessionEndAny, actor.Object{Owner: s.Person}, Refusal{Object: "session", ID: id}, true); err != nil {
			return nil, err
		}
	}
	return d.Store.EndSessions(ctx, act, s.Person, id, "ended")
}

// EndSessionsOf ends every session of a person.
func (d *Desk) EndSessionsOf(ctx context.Context, act Act, person string) ([]Session, error) {
	act.At = d.now()
	if person != act.Actor.Person || !act.Actor.SignedIn() {
		if err := d.allow(ctx, &act, actor.SessionEndAny, actor.Object{Owner: person}, Refusal{Object: "person", ID: person}, false); err != nil {
			return nil, err
		}
	}
	if _, err := d.Store.Person(ctx, person); err != nil {
		return nil, err
	}
	return d.Store.EndSessions(ctx, act, person, "", "ended")
}

// Locked is a person with what ended when they were locked out: the other
// services are told at once.
type Locked struct {
	Person   Person
	Sessions []Session
	Tokens   []Token
}

// SetActive lets a person in again or locks them out, which ends their sessions
// and tokens in the same moment. Nobody locks themselves out, and the last
// administrator of the CERT stays (Last); an organisation's last one may be locked.
func (d *Desk) SetActive(ctx context.Context, act Act, person string, active bool) (Locked, error) {
	act.At = d.now()
	if err := d.allow(ctx, &act, actor.SessionEndAny, actor.Object{Owner: person}, Refusal{Object: "person", ID: person}, false); err != nil {
		return Locked{}, err
	}
	if person == act.Actor.Person {
		return Locked{}, fault.New(fault.Conflict, "you cannot lock yourself out")
	}
	return d.Store.SetActive(ctx, act, person, active)
}

// SetLanguage changes one's own language.
func (d *Desk) SetLanguage(ctx context.Context, act Act, lang string) (Person, error) {
	act.At = d.now()
	if err := d.allow(ctx, &act, actor.AccountOwn, actor.Object{Owner: act.Actor.Person}, Refusal{Object: "person"}, false); err != nil {
		return Person{}, err
	}
	return d.Store.UpdatePerson(ctx, act, act.Actor.Person, "account.language", func(p *Person) (bool, error) {
		return p.SetLanguage(lang, act.At)
	})
}

// NewToken makes an API token for the actor and returns its text, which is
// shown once. id makes a repeated request the same token. stepUp is whether it
// may do what a person must show the second factor for.
func (d *Desk) NewToken(ctx context.Context, act Act, id, name string, life time.Duration, stepUp bool) (Token, string, error) {
	act.At = d.now()
	if err := d.allow(ctx, &act, actor.TokenMake, actor.Object{Owner: act.Actor.Person}, Refusal{Object: "token"}, false); err != nil {
		return Token{}, "", err
	}
	if life == 0 {
		life = DefaultTokenLife
	}
	text := d.Vault.Token(id)
	if until := act.Actor.StepUpUntil; act.Actor.StepUpAt.IsZero() && until.Before(act.At.Add(life)) {
		life = until.Sub(act.At) // a token makes none that outlives it: a stolen one ends
	}
	t := Token{ID: id, Sum: d.Vault.Sum(text), Person: act.Actor.Person, Name: name, CreatedAt: act.At, ExpiresAt: act.At.Add(life), Version: 1, StepUp: stepUp}
	if err := t.Check(); err != nil {
		return Token{}, "", err
	}
	if err := d.Store.CreateToken(ctx, act, t); err != nil {
		return Token{}, "", err
	}
	return t, text, nil
}

// RevokeToken ends an API token at once: one's own, or anybody's as an administrator.
func (d *Desk) RevokeToken(ctx context.Context, act Act, id string) (Token, error) {
	act.At = d.now()
	t, err := d.Store.Token(ctx, id)
	if err != nil {
		return Token{}, err
	}
	if t.Person != act.Actor.Person || !act.Actor.SignedIn() {
		if err := d.allow(ctx, &act, actor.SessionEndAny, actor.Object{Owner: t.Person}, Refusal{Object: "token", ID: id}, true); err != nil {
			return Token{}, err
		}
	}
	return d.Store.RevokeToken(ctx, act, id)
}
