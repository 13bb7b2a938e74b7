// SPDX-License-Identifier: EUPL-1.2

package factor

import (
	"context"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Change is what one act does to somebody's factors; nil fields stay.
type Change struct {
	Action       string // for the audit
	PasswordSet  *string
	TOTPSealed   []byte
	TOTPStep     int64
	DropTOTP     bool
	AddPasskey   *Passkey
	RenameKey    map[string]string // id → name
	DropPasskey  string
	AddIdentity  *Identity
	DropIdentity string
	NewRecovery  *Recovery
	EndOthers    string // id of the session that stays when the others end; "" ends none
	News         []event.Payload
}

// Recovery is a fresh set of codes, as digests.
type Recovery struct {
	Set  string
	Sums [][]byte
}

// Store keeps factors.
type Store interface {
	Overview(ctx context.Context, person string) (Overview, error)
	// ChangeFactors locks the person's account, asks decide with what is there and applies its change.
	ChangeFactors(ctx context.Context, act Act, person string, decide func(Overview) (Change, error)) ([]account.Session, error)
	// PasskeyByCredential and IdentityBySubject answer NotFound when nobody has it.
	PasskeyByCredential(ctx context.Context, credential []byte) (Passkey, error)
	IdentityBySubject(ctx context.Context, issuer, subject string) (Identity, error)
	Person(ctx context.Context, id string) (account.Person, error)
	PersonByEmail(ctx context.Context, email string) (account.Person, error)
	Refuse(ctx context.Context, act Act, r account.Refusal) error
}

// Sealer makes the stored form of secrets.
type Sealer interface {
	Hash(ctx context.Context, password string) (string, error)
	Seal(secret, person string) []byte
	CheckCode(sealed []byte, person, code string, at time.Time, last int64) int64
	// OfferTOTP makes a random secret and its sealed form for one browser; OfferedTOTP opens that, "" when it does not hold.
	OfferTOTP(what string, at time.Time) (totp, box string)
	OfferedTOTP(box, what string, at time.Time) string
	RecoverySet(set string) []string
	RecoverySum(person, code string) []byte
}

// Desk is what people may do about their own factors. Every change asks for a
// confirmed session (account.Confirmed).
type Desk struct {
	Store  Store
	Sealer Sealer
	Strong map[string]bool // providers whose answers count as two factors
	NewSet func() string   // random id of a set of recovery codes
	Now    func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Overview is what the person can prove themselves with.
func (d *Desk) Overview(ctx context.Context, person string) (Overview, error) {
	o, err := d.Store.Overview(ctx, person)
	o.Strong = d.Strong
	return o, err
}

// byHand lets through a person at a browser who confirmed a moment ago. A
// program with a token never changes what its owner signs in with: a stolen
// token must not become the whole account.
func byHand(a actor.Actor, at time.Time) error {
	if a.StepUpAt.IsZero() {
		return fault.New(fault.Forbidden, "only a person at a browser may do this, not a program")
	}
	return account.Confirmed(a, at)
}

// change applies what decide wants to one's own factors.
func (d *Desk) change(ctx context.Context, act Act, decide func(p account.Person, o Overview) (Change, error)) ([]account.Session, error) {
	if !act.Actor.SignedIn() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	if err := byHand(act.Actor, act.At); err != nil {
		return nil, err
	}
	p, err := d.Store.Person(ctx, act.Actor.Person)
	if err != nil {
		return nil, err
	}
	return d.Store.ChangeFactors(ctx, act, p.ID, func(o Overview) (Change, error) {
		o.Strong = d.Strong
		return decide(p, o)
	})
}

// SetPassword changes one's password and ends all other sessions, which it
// returns.
func (d *Desk) SetPassword(ctx context.Context, act Act, password string) ([]account.Session, error) {
	act.At = d.now()
	if err := byHand(act.Actor, act.At); err != nil {
		return nil, err
	}
	p, err := d.Store.Person(ctx, act.Actor.Person)
	if err != nil {
		return nil, err
	}
	if err := CheckPassword(password, p.Name, p.Email); err != nil {
		return nil, err
	}
	hash, err := d.Sealer.Hash(ctx, password) // outside the transaction: it takes long
	if err != nil {
		return nil, err
	}
	return d.change(ctx, act, func(p account.Person, _ Overview) (Change, error) {
		return Change{
			Action: "account.password", PasswordSet: &hash, EndOthers: act.Actor.Session,
			News: []event.Payload{account.Notice(p, "password_changed", act.At)},
		}, nil
	})
}

// Offer is the secret that a page offers for an app: the one that this browser
// was shown a moment ago (box), so that a form can be shown again, or else a
// fresh one. what names what it is for.
func (d *Desk) Offer(what, box string) (totp, sealed string) {
	at := d.now()
	if totp := d.Sealer.OfferedTOTP(box, what, at); totp != "" {
		return totp, box
	}
	return d.Sealer.OfferTOTP(what, at)
}

// Enrolment names the secret that is offered to a session.
func Enrolment(person, session string) string { return "session " + person + " " + session }

// Enrol seals for the person the secret that was offered, once a code proved it.
func (d *Desk) Enrol(person, what, box, code string, at time.Time) (sealed []byte, step int64, err error) {
	totp := d.Sealer.OfferedTOTP(box, what, at)
	if totp == "" {
		return nil, 0, badCode("directory.signin.error.offer", "the secret on the page has run out; set the app up with the new one")
	}
	sealed = d.Sealer.Seal(totp, person)
	if step = d.Sealer.CheckCode(sealed, person, code, at, 0); step == 0 {
		return nil, 0, badCode("directory.signin.error.code", "the code does not fit; take the newest one")
	}
	return sealed, step, nil
}

// SetApp replaces the authenticator app, once a code proved the offered secret.
func (d *Desk) SetApp(ctx context.Context, act Act, box, code string) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(p account.Person, _ Overview) (Change, error) {
		sealed, step, err := d.Enrol(p.ID, Enrolment(p.ID, act.Actor.Session), box, code, act.At)
		if err != nil {
			return Change{}, err
		}
		return Change{
			Action: "account.app", TOTPSealed: sealed, TOTPStep: step,
			News: []event.Payload{account.Notice(p, "app_changed", act.At)},
		}, nil
	})
	return err
}

func badCode(code, detail string) error {
	var bad fault.Fields
	bad.Add("code", code, detail)
	return bad.Err()
}

// DropApp removes the authenticator app unless it is the last second factor.
func (d *Desk) DropApp(ctx context.Context, act Act) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(p account.Person, o Overview) (Change, error) {
		return Change{
			Action: "account.app.drop", DropTOTP: true,
			News: []event.Payload{account.Notice(p, "app_changed", act.At)},
		}, o.WithoutApp()
	})
	return err
}

// NewRecovery makes a set of recovery codes; the old one is void.
func (d *Desk) NewRecovery(ctx context.Context, act Act) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(p account.Person, _ Overview) (Change, error) {
		return Change{Action: "account.recovery.new", NewRecovery: d.Set(p.ID)}, nil
	})
	return err
}

// Set is a fresh set of recovery codes of the person.
func (d *Desk) Set(person string) *Recovery {
	r := &Recovery{Set: d.NewSet()}
	for _, code := range d.Sealer.RecoverySet(r.Set) {
		r.Sums = append(r.Sums, d.Sealer.RecoverySum(person, code))
	}
	return r
}

// Shown is how long the codes of a fresh set can be looked at.
const Shown = 10 * time.Minute

// Codes returns the codes of a set that was made just now, nil afterwards.
func (d *Desk) Codes(o Overview) []string {
	if o.RecoveryAt == nil || o.RecoverySet == "" || d.now().Sub(*o.RecoveryAt) > Shown {
		return nil
	}
	return d.Sealer.RecoverySet(o.RecoverySet)
}

// nameOf is the name of a passkey: what was typed, or a plain one.
func nameOf(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		name = "Passkey"
	}
	if len([]rune(name)) > 60 {
		var bad fault.Fields
		bad.Add("name", "directory.signin.error.keyname", "a name has at most 60 characters")
		return "", bad.Err()
	}
	return name, nil
}

// of is a passkey that was just made, as the person's own.
func (k Passkey) of(person string, at time.Time) (Passkey, error) {
	name, err := nameOf(k.Name)
	k.ID, k.Person, k.Name, k.CreatedAt = event.NewID(), person, name, at
	return k, err
}

// First is the passkey with which somebody new begins.
func First(k Passkey, person string, at time.Time) (*Passkey, error) {
	k, err := k.of(person, at)
	return &k, err
}

// AddPasskey keeps a passkey that the browser has just made.
func (d *Desk) AddPasskey(ctx context.Context, act Act, k Passkey) error {
	act.At = d.now()
	k, err := k.of(act.Actor.Person, act.At)
	if err != nil {
		return err
	}
	_, err = d.change(ctx, act, func(p account.Person, o Overview) (Change, error) {
		if len(o.Passkeys) >= MaxPasskeys {
			return Change{}, fault.New(fault.Conflict, "there are %d passkeys already; remove one first", MaxPasskeys)
		}
		return Change{
			Action: "passkey.add", AddPasskey: &k,
			News: []event.Payload{account.Notice(p, "passkey_added", act.At)},
		}, nil
	})
	return err
}

// RenamePasskey gives a passkey another name.
func (d *Desk) RenamePasskey(ctx context.Context, act Act, id, name string) error {
	act.At = d.now()
	name, err := nameOf(name)
	if err != nil {
		return err
	}
	_, err = d.change(ctx, act, func(_ account.Person, o Overview) (Change, error) {
		for _, k := range o.Passkeys {
			if k.ID == id {
				return Change{Action: "passkey.rename", RenameKey: map[string]string{id: name}}, nil
			}
		}
		return Change{}, fault.New(fault.NotFound, "no passkey %s", id)
	})
	return err
}

// DropPasskey removes a passkey unless it is the last way in.
func (d *Desk) DropPasskey(ctx context.Context, act Act, id string) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(_ account.Person, o Overview) (Change, error) {
		return Change{Action: "passkey.drop", DropPasskey: id}, o.WithoutPasskey(id)
	})
	return err
}

// Link binds an account at a provider to one's own.
func (d *Desk) Link(ctx context.Context, act Act, i Identity) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(p account.Person, o Overview) (Change, error) {
		if len(o.Identities) >= MaxIdentities {
			return Change{}, fault.New(fault.Conflict, "there are %d linked accounts already; remove one first", MaxIdentities)
		}
		i.ID, i.Person, i.LinkedAt = event.NewID(), p.ID, act.At
		return Change{
			Action: "identity.link", AddIdentity: &i,
			News: []event.Payload{account.Notice(p, "identity_linked", act.At)},
		}, nil
	})
	return err
}

// Unlink removes an account at a provider unless it is the last way in.
func (d *Desk) Unlink(ctx context.Context, act Act, id string) error {
	act.At = d.now()
	_, err := d.change(ctx, act, func(_ account.Person, o Overview) (Change, error) {
		return Change{Action: "identity.unlink", DropIdentity: id}, o.WithoutIdentity(id)
	})
	return err
}

// Claimed is what a provider said about somebody.
type Claimed struct {
	Issuer, Subject, Provider string
	Email                     string
	Label                     string
	Strong                    bool // two factors were shown there
	AuthenticatedAt           time.Time
}

// ErrUnknown is the one answer to an account at a provider that is linked to
// nobody, whether or not somebody here has its e-mail address.
func ErrUnknown() error {
	return fault.New(fault.Unauthenticated, "this account is not linked to anybody here")
}

// Who returns the link of an account at a provider. Where nobody is linked but
// somebody has the e-mail address, that is an alarm in the audit: the provider
// may have given the address away, or somebody tries to get in by it (the
// reliability model's row "OIDC linking").
func (d *Desk) Who(ctx context.Context, act Act, c Claimed) (Identity, error) {
	act.At = d.now()
	i, err := d.Store.IdentityBySubject(ctx, c.Issuer, c.Subject)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return i, err
	}
	if c.Email == "" {
		return i, ErrUnknown()
	}
	victim, err := d.Store.PersonByEmail(ctx, account.CleanEmail(c.Email))
	if fault.Is(err, fault.NotFound) {
		return i, ErrUnknown()
	}
	if err != nil {
		return i, err
	}
	refusal := account.Refusal{
		Action: "identity.alarm", Object: "person", ID: victim.ID, Denied: true, Typed: c.Issuer + " " + c.Subject,
		News: []event.Payload{account.Notice(victim, "signin_alarm", act.At)},
	}
	if err := d.Store.Refuse(ctx, act, refusal); err != nil {
		return i, err
	}
	return i, ErrUnknown()
}
