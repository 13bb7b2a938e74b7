// SPDX-License-Identifier: EUPL-1.2

// Package passkey runs the WebAuthn ceremonies: what a browser is asked, and
// whether its answer holds. The user is always verified (PIN, finger, face), so
// that a passkey counts as two factors.
package passkey

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Key is a passkey as it is stored.
type Key struct {
	Credential []byte
	Record     string // JSON of the library's credential
}

// Owner is whose passkeys a ceremony is about.
type Owner struct {
	ID    string // person
	Email string
	Name  string
	Keys  []Key
}

// Ceremonies are bound to the public address of the site: a passkey made for it
// signs for no other one, which is what makes it proof against phishing.
type Ceremonies struct {
	web    *webauthn.WebAuthn
	domain string
	origin string
}

// New prepares ceremonies for the origin. An address that browsers make no
// passkeys for (an IP address that is not the own machine) gives nil: then
// nobody is offered one.
func New(origin, domain, name string) (*Ceremonies, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("public address %q: %w", origin, err)
	}
	if u.Host == "" {
		return nil, nil
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil {
		if !ip.IsLoopback() {
			return nil, nil
		}
		u.Host = strings.Replace(u.Host, host, "localhost", 1) // browsers know the own machine by this name
		u.Host = strings.NewReplacer("[", "", "]", "").Replace(u.Host)
		host = "localhost"
	}
	if domain == "" {
		domain = host
	}
	if host != domain && !strings.HasSuffix(host, "."+domain) {
		return nil, fmt.Errorf("PASSKEY_DOMAIN %q is not the domain of %s", domain, origin)
	}
	origin = u.Scheme + "://" + u.Host
	w, err := webauthn.New(&webauthn.Config{
		RPID: domain, RPDisplayName: name, RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare passkeys: %w", err)
	}
	return &Ceremonies{web: w, domain: domain, origin: origin}, nil
}

// At reports whether browsers offer passkeys on a page of this host.
func (c *Ceremonies) At(host string) bool {
	if c == nil {
		return false
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == c.domain || strings.HasSuffix(host, "."+c.domain)
}

// Elsewhere is the origin whose pages browsers offer passkeys on, for a page of
// a host where they do not; "" when there is no better one.
func (c *Ceremonies) Elsewhere(host string) string {
	if c == nil || c.At(host) {
		return ""
	}
	return c.origin
}

type user struct {
	Owner
	credentials []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return []byte(u.ID) }
func (u user) WebAuthnName() string                       { return u.Email }
func (u user) WebAuthnDisplayName() string                { return u.Name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func userOf(o Owner) (user, error) {
	u := user{Owner: o}
	for _, k := range o.Keys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(k.Record), &c); err != nil {
			return u, fmt.Errorf("read a passkey: %w", err)
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

// Register returns what the browser is asked for a new passkey, and what must
// be remembered until it answers.
func (c *Ceremonies) Register(o Owner) (options, remember string, err error) {
	u, err := userOf(o)
	if err != nil {
		return "", "", err
	}
	creation, session, err := c.web.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	if err != nil {
		return "", "", fmt.Errorf("begin a passkey: %w", err)
	}
	return both(creation.Response, session)
}

// Registered checks the browser's answer and returns the new passkey.
func (c *Ceremonies) Registered(o Owner, remember, answer string) (Key, error) {
	u, err := userOf(o)
	if err != nil {
		return Key{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal([]byte(remember), &session); err != nil {
		return Key{}, fmt.Errorf("read a ceremony: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Key{}, fault.Wrap(fault.Unauthenticated, err, "the passkey does not hold")
	}
	made, err := c.web.CreateCredential(u, session, parsed)
	if err != nil {
		return Key{}, fault.Wrap(fault.Unauthenticated, err, "the passkey does not hold")
	}
	return keyOf(made)
}

// Ask returns what the browser is asked to prove itself with any of its
// passkeys for this site. It names nobody: whoever asks learns nothing.
func (c *Ceremonies) Ask() (options, remember string, err error) {
	assertion, session, err := c.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", "", fmt.Errorf("begin a sign-in: %w", err)
	}
	return both(assertion.Response, session)
}

// Proved checks the browser's answer. find returns the owner of the passkey
// with the id. suspect: the counter ran backwards, so there may be a copy.
func (c *Ceremonies) Proved(remember, answer string, find func(credential []byte) (Owner, error)) (o Owner, k Key, suspect bool, err error) {
	var session webauthn.SessionData
	if err := json.Unmarshal([]byte(remember), &session); err != nil {
		return o, k, false, fmt.Errorf("read a ceremony: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return o, k, false, fault.Wrap(fault.Unauthenticated, err, "the passkey does not hold")
	}
	var failed error // of ours, such as a database that is away
	found, used, err := c.web.ValidatePasskeyLogin(func(id, _ []byte) (webauthn.User, error) {
		owner, err := find(id)
		if err != nil {
			failed = err
			return nil, err
		}
		return userOf(owner)
	}, session, parsed)
	if failed != nil && !fault.Is(failed, fault.NotFound) {
		return o, k, false, failed
	}
	if err != nil {
		return o, k, false, fault.Wrap(fault.Unauthenticated, err, "the passkey does not hold")
	}
	u, ok := found.(user)
	if !ok || !used.Flags.UserVerified {
		return o, k, false, fault.New(fault.Unauthenticated, "the passkey did not verify its user")
	}
	suspect = used.Authenticator.CloneWarning
	used.Authenticator.CloneWarning = false
	k, err = keyOf(used)
	return u.Owner, k, suspect, err
}

func keyOf(c *webauthn.Credential) (Key, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return Key{}, fmt.Errorf("write a passkey: %w", err)
	}
	return Key{Credential: c.ID, Record: string(b)}, nil
}

func both(options, remember any) (string, string, error) {
	a, err := json.Marshal(options)
	if err != nil {
		return "", "", fmt.Errorf("write options: %w", err)
	}
	b, err := json.Marshal(remember)
	if err != nil {
		return "", "", fmt.Errorf("write a ceremony: %w", err)
	}
	return string(a), string(b), nil
}
