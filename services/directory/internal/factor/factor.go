// SPDX-License-Identifier: EUPL-1.2

// Package factor holds what people prove themselves with and how they change
// it: password, authenticator app, passkeys, recovery codes and accounts at
// OpenID providers. Signing in with them is account's business.
package factor

import (
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Limits of what one person may have.
const (
	MaxPasskeys   = 10
	MaxIdentities = 5
)

// Passkey is a WebAuthn credential of a person. Record is its public key, flags
// and counter as the ceremonies want them.
type Passkey struct {
	ID         string
	Person     string
	Credential []byte // names it, chosen by the authenticator
	Record     string
	Name       string
	CreatedAt  time.Time
	UsedAt     *time.Time
	WarnedAt   *time.Time // when its counter last ran backwards
}

// Identity is a person's account at an OpenID provider. Issuer and Subject
// alone bind it (ADR "bound by issuer and subject"): an e-mail address changes
// its owner, and whoever gets one must not get the account with it.
type Identity struct {
	ID       string
	Person   string
	Issuer   string
	Subject  string
	Provider string // its name in the configuration
	Label    string // how the provider names the person, only to be shown
	LinkedAt time.Time
	UsedAt   *time.Time
}

// Overview is everything a person can prove themselves with.
type Overview struct {
	Password      bool
	PasswordAt    *time.Time // nil: with the account
	App           bool
	AppAt         *time.Time
	Passkeys      []Passkey
	Identities    []Identity
	Recovery      int // unused codes
	RecoveryAt    *time.Time
	RecoverySet   string // id, for the page that shows a fresh set
	TOTPStep      int64
	PasswordHash  string
	Strong        map[string]bool // providers whose answers count as two factors
	PersonVersion int
}

// Complete reports whether somebody can still sign in with two factors: a
// passkey, or password or provider together with the app, or a provider that
// asks for a second factor itself. Recovery codes do not count: they end.
func (o Overview) Complete() bool {
	if len(o.Passkeys) > 0 || (o.Password || len(o.Identities) > 0) && o.App {
		return true
	}
	for _, i := range o.Identities {
		if o.Strong[i.Provider] {
			return true
		}
	}
	return false
}

// errLast keeps the last way in.
func errLast() error {
	return fault.New(fault.Conflict, "this is the last way to sign in with two factors; set up another one first")
}

// WithoutPasskey answers nil when the person can still sign in after the
// removal, else a Conflict; so do WithoutIdentity and WithoutApp.
func (o Overview) WithoutPasskey(id string) error {
	var rest []Passkey
	for _, p := range o.Passkeys {
		if p.ID != id {
			rest = append(rest, p)
		}
	}
	if len(rest) == len(o.Passkeys) {
		return fault.New(fault.NotFound, "no passkey %s", id)
	}
	o.Passkeys = rest
	return o.orLast()
}

// WithoutIdentity is WithoutPasskey for an account at a provider.
func (o Overview) WithoutIdentity(id string) error {
	var rest []Identity
	for _, i := range o.Identities {
		if i.ID != id {
			rest = append(rest, i)
		}
	}
	if len(rest) == len(o.Identities) {
		return fault.New(fault.NotFound, "no linked account %s", id)
	}
	o.Identities = rest
	return o.orLast()
}

// WithoutApp is WithoutPasskey for the authenticator app.
func (o Overview) WithoutApp() error {
	if !o.App {
		return fault.New(fault.NotFound, "there is no app")
	}
	o.App = false
	return o.orLast()
}

func (o Overview) orLast() error {
	if !o.Complete() {
		return errLast()
	}
	return nil
}
