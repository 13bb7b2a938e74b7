// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"
	"net/netip"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Act is who does something, when and in which request.
type Act = constituency.Act

// Credentials are what a person proves themselves with. The TOTP secret is
// sealed; LastStep is the TOTP step that was used last.
type Credentials struct {
	Person       Person
	PasswordHash string
	SealedTOTP   []byte
	LastStep     int64
}

// Try is one attempt to sign in. Account is a digest of what was typed as
// e-mail, so that unknown accounts are limited like known ones.
type Try struct {
	ID      string
	Account []byte
	Network string
	At      time.Time
	Limits  Limits
}

// Refusal is an attempt that ends here, for the audit.
type Refusal struct {
	Action string // such as account.signin
	Object string // type of the object, such as account
	ID     string // of the object, when it is known
	Denied bool   // somebody known asked for what they may not; else: failed
	Typed  string // sensitive input, kept only as a digest
	News   []event.Payload
}

// Store keeps people and their secrets. Every change writes its audit entry and
// its event in the same transaction.
type Store interface {
	// CountTry counts the failed tries and notes this one unless there were too many.
	CountTry(ctx context.Context, t Try) (Tries, error)
	// Credentials of an e-mail address; NotFound when there are none.
	Credentials(ctx context.Context, email string) (Credentials, error)
	// CredentialsOf a person; NotFound when there is nobody.
	CredentialsOf(ctx context.Context, person string) (Credentials, error)
	// RecoveryCode returns the id of the person's unused code with the digest; NotFound when there is none.
	RecoveryCode(ctx context.Context, person string, sum []byte) (string, error)
	// StartSession uses up the proof and the try. Unauthenticated when the proof was used meanwhile.
	StartSession(ctx context.Context, act Act, s Start) error
	// Refuse writes the audit entry of a refusal.
	Refuse(ctx context.Context, act Act, r Refusal) error

	Session(ctx context.Context, id string) (Session, error)
	// EndSessions ends the live sessions of a person, or only the one with the id. It returns those it ended.
	EndSessions(ctx context.Context, act Act, person, id, why string) ([]Session, error)

	CreateToken(ctx context.Context, act Act, t Token) error
	Token(ctx context.Context, id string) (Token, error)
	RevokeToken(ctx context.Context, act Act, id string) (Token, error)

	// SetActive locks a person out, with all sessions and tokens, or lets them in again.
	SetActive(ctx context.Context, act Act, person string, active bool) (Locked, error)

	Person(ctx context.Context, id string) (Person, error)
	// UpdatePerson loads the person under a lock, changes and saves it. change says whether anything changed.
	UpdatePerson(ctx context.Context, act Act, id, action string, change func(*Person) (bool, error)) (Person, error)
}

// Passwords checks passwords in equal time whether or not there is a hash.
type Passwords interface {
	Match(ctx context.Context, password, hash string) (bool, error)
}

// Vault makes secrets and what is stored instead of them.
type Vault interface {
	NewSession() string
	Token(id string) string
	Sum(text string) []byte
	// CheckCode returns the TOTP step of the code, 0 when it is wrong or not later than last.
	CheckCode(sealed []byte, person, code string, at time.Time, last int64) int64
	// RecoverySum returns the stored form of a recovery code, nil when the text has not the form of one.
	RecoverySum(person, code string) []byte
}

// Desk is what people and machines may do about accounts. Page, API and command
// line all come through here.
type Desk struct {
	Store     Store
	Passwords Passwords
	Vault     Vault
	Limits    Limits
	Now       func() time.Time
}

// now is the time in the precision of the database.
func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// Attempt is what somebody typed into the sign-in form.
type Attempt struct {
	Email, Password, Code string
	Address               string // network address
	Client                string // User-Agent
	RequestID             string
}

// errSignIn is the one answer to every wrong sign-in: it must not tell whether
// the account, the password or the code was the reason.
func errSignIn() error {
	return fault.New(fault.Unauthenticated, "e-mail, password or code is wrong")
}

// SignIn starts a session and returns it with its secret. A wrong sign-in is
// Unauthenticated, one too many Limited; both are written down. The code is one
// of the app, or a recovery code.
func (d *Desk) SignIn(ctx context.Context, a Attempt) (Session, string, error) {
	act := Act{RequestID: a.RequestID, At: d.now()}
	email := CleanEmail(a.Email)
	refusal := Refusal{Action: "account.signin", Object: "account", Typed: email}
	try, err := d.Try(ctx, act, email, a.Address, refusal)
	if err != nil {
		return Session{}, "", err
	}
	c, err := d.Store.Credentials(ctx, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Session{}, "", err
	}
	match, err := d.Passwords.Match(ctx, a.Password, c.PasswordHash)
	if err != nil {
		return Session{}, "", err
	}
	refusal.ID = c.Person.ID
	var proof Proof
	if match && c.Person.Active {
		if proof, err = d.second(ctx, c, a.Code, act.At); err != nil {
			return Session{}, "", err
		}
	}
	if !proof.shown() {
		return Session{}, "", d.refuse(ctx, act, refusal, errSignIn())
	}
	proof.Way = ByPassword
	s, secret, err := d.start(ctx, act, c.Person, proof, try, a)
	if fault.Is(err, fault.Unauthenticated) {
		return Session{}, "", d.refuse(ctx, act, refusal, errSignIn())
	}
	return s, secret, err
}

// refuse writes the refusal down and returns why. When it cannot be written the
// caller learns that instead: nothing happens unseen.
func (d *Desk) refuse(ctx context.Context, act Act, r Refusal, why error) error {
	if err := d.Store.Refuse(ctx, act, r); err != nil {
		return err
	}
	return why
}

// Network is the part of an address that limits count: an IPv4 address, the /64
// of an IPv6 address.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

func cut(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}
