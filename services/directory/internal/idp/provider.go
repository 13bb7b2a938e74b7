// SPDX-License-Identifier: EUPL-1.2

// Package idp speaks OpenID Connect: the authorization code flow with
// PKCE, state and nonce, with several providers at once. It checks what they
// answer and says who they mean; whether anybody here is that, it does not know.
package idp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Config of one provider.
type Config struct {
	Name         string   `env:"NAME" doc:"short name in addresses, such as bundid: small letters, digits, dashes"`
	Issuer       string   `env:"ISSUER" doc:"issuer as its discovery document names it; empty: there is no such provider"`
	ClientID     string   `env:"CLIENT_ID" doc:"client id there"`
	ClientSecret string   `env:"CLIENT_SECRET" doc:"client secret there"`
	Label        string   `env:"LABEL" doc:"what the button says, such as BundID"`
	LabelEN      string   `env:"LABEL_EN" doc:"the same in English; empty: as in German"`
	Scopes       []string `env:"SCOPES" envDefault:"openid,profile,email" doc:"scopes to ask for"`
	ACR          []string `env:"ACR" doc:"values of acr that count as two factors; with one of them no code of ours is asked"`
	AMR          []string `env:"AMR" doc:"values of amr that count as a second factor, such as mfa,otp,hwk"`
	AskACR       string   `env:"ASK_ACR" doc:"acr_values to ask for, separated by blanks"`
}

// Claims are what a provider said about somebody, after all checks.
type Claims struct {
	Issuer, Subject string
	Email, Name     string
	Strong          bool // two factors, by the configuration
	AuthenticatedAt time.Time
}

// Label names the account for its owner.
func (c Claims) Label() string {
	switch {
	case c.Name != "" && c.Email != "":
		return c.Name + " (" + c.Email + ")"
	case c.Name != "":
		return c.Name
	}
	return c.Email
}

// Provider is one OpenID provider. Its discovery document is read when it is
// first needed and again until that works: a provider that is down stops nobody
// from starting the service or signing in otherwise (fault F35).
type Provider struct {
	Config
	back string // where it sends browsers back to
	now  func() time.Time
	http *http.Client

	mu       sync.Mutex
	oidc     *oidc.Provider
	issues   bool // it says that it names itself in its answer (RFC 9207)
	failedAt time.Time
}

// Set is all providers, in the order of the configuration.
type Set struct{ list []*Provider }

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// algorithms with which an answer may be signed: never none, never a shared secret.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// timeout of every question to a provider.
const timeout = 8 * time.Second

// New checks the configuration; providers without an issuer are left out.
// origin is the public address of this site.
func New(configs []Config, origin string, now func() time.Time) (*Set, error) {
	s := &Set{}
	for n, c := range configs {
		if c.Issuer == "" {
			continue
		}
		var why error
		switch {
		case !nameForm.MatchString(c.Name):
			why = fmt.Errorf("NAME %q is no short name of small letters, digits and dashes", c.Name)
		case s.Get(c.Name) != nil:
			why = fmt.Errorf("NAME %q is there twice", c.Name)
		case c.ClientID == "" || c.ClientSecret == "":
			why = errors.New("CLIENT_ID and CLIENT_SECRET are needed")
		case !secure(c.Issuer):
			why = fmt.Errorf("ISSUER %q must be an https address", c.Issuer)
		case local(c.Issuer) && !local(origin):
			why = fmt.Errorf("ISSUER %q is on this machine only, and SITE_URL is not", c.Issuer)
		case !secure(origin):
			why = errors.New("SITE_URL must be the public https address: providers send browsers back there")
		}
		if why != nil {
			return nil, fmt.Errorf("OIDC_%d: %w", n+1, why)
		}
		if c.Label == "" {
			c.Label = c.Name
		}
		if len(c.Scopes) == 0 {
			c.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
		}
		s.list = append(s.list, &Provider{
			Config: c, now: now, back: strings.TrimSuffix(origin, "/") + "/konto/oidc/" + c.Name + "/rueckkehr",
			http: &http.Client{Timeout: timeout},
		})
	}
	return s, nil
}

// secure reports whether an address is https, or http on the own machine.
func secure(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// local reports whether an address is on the own machine: then it is for trying
// things out, and no public site may trust it.
func local(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// All lists the providers.
func (s *Set) All() []*Provider {
	if s == nil {
		return nil
	}
	return s.list
}

// Get returns the provider with the name, nil when there is none.
func (s *Set) Get(name string) *Provider {
	for _, p := range s.All() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// In is the provider's label in a language.
func (p *Provider) In(lang string) string {
	if lang == "en" && p.LabelEN != "" {
		return p.LabelEN
	}
	return p.Label
}

// CanBeStrong reports whether the provider's answers may count as two factors.
func (p *Provider) CanBeStrong() bool { return len(p.ACR)+len(p.AMR) > 0 }

// retryAfter is how long a provider that did not answer is left alone, so that
// a crowd at the sign-in page does not wait for it one after the other.
const retryAfter = 5 * time.Second

func (p *Provider) away(err error) error {
	return fault.Wrap(fault.Unavailable, err, "%s does not answer", p.Name)
}

// discover reads the provider's own description, once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oidc != nil {
		return p.oidc, nil
	}
	if !p.failedAt.IsZero() && time.Since(p.failedAt) < retryAfter {
		return nil, p.away(errors.New("it did not a moment ago"))
	}
	// The provider keeps this context for its keys: it must outlive the request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.http), p.Issuer)
	if err != nil {
		p.failedAt = time.Now()
		return nil, p.away(err)
	}
	var more struct {
		Issues bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, p.away(err)
	}
	p.oidc, p.issues, p.failedAt = found, more.Issues, time.Time{}
	return found, nil
}

func (p *Provider) flow(found *oidc.Provider) oauth2.Config {
	return oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.back, Scopes: p.Scopes}
}

// Begun is what the browser's ceremony remembers between going and coming back.
type Begun struct {
	Provider string `json:"provider"`
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	// Again: the provider was asked to prove the person afresh, at At.
	Again bool      `json:"again,omitempty"`
	At    time.Time `json:"at"`
}

// skew is how far the clock of a provider may be behind ours.
const skew = time.Minute

// Begin returns where to send the browser. again asks the provider to prove the
// person afresh instead of trusting its own session.
func (p *Provider) Begin(ctx context.Context, again bool) (string, Begun, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", Begun{}, err
	}
	b := Begun{Provider: p.Name, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Again: again, At: p.now()}
	opts := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if again {
		opts = append(opts, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	}
	if p.AskACR != "" {
		opts = append(opts, oauth2.SetAuthURLParam("acr_values", p.AskACR))
	}
	flow := p.flow(found)
	return flow.AuthCodeURL(b.State, opts...), b, nil
}

// wrong is the one answer to whatever was tampered with: the details are for
// the log of the operator only.
func wrong(format string, args ...any) error {
	return fault.Wrap(fault.Unauthenticated, fmt.Errorf(format, args...), "the answer of the provider does not hold")
}

// ErrDenied says that the person, or the provider, said no.
var ErrDenied = errors.New("the provider was told no")

// Finish checks the query with which a browser comes back and redeems its code.
// Unauthenticated: it was tampered with, or is for somebody else; Unavailable:
// the provider does not answer.
func (p *Provider) Finish(ctx context.Context, b Begun, query url.Values) (Claims, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return Claims{}, err
	}
	if b.Provider != p.Name {
		return Claims{}, wrong("begun at %s, came back from %s", b.Provider, p.Name)
	}
	if len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(b.State)) != 1 {
		return Claims{}, wrong("another state")
	}
	// Mix-up defence (RFC 9207), beside an address of its own for each provider.
	if iss := query.Get("iss"); iss != "" && iss != p.Issuer || iss == "" && p.issues {
		return Claims{}, wrong("the answer names the issuer %q", iss)
	}
	if query.Get("error") != "" {
		return Claims{}, fault.Wrap(fault.Unauthenticated, ErrDenied, "the provider did not sign you in")
	}
	if len(query["code"]) != 1 || query.Get("code") == "" {
		return Claims{}, wrong("no code")
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.http), timeout)
	defer cancel()
	flow := p.flow(found)
	token, err := flow.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(b.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil && refused.Response.StatusCode < 500 {
		return Claims{}, wrong("the code was refused: %w", err)
	}
	if err != nil {
		return Claims{}, p.away(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, wrong("no id_token")
	}
	return p.check(ctx, found, b, raw)
}

// check verifies the signed answer: issuer, audience, authorised party, time,
// algorithm, signature and nonce.
func (p *Provider) check(ctx context.Context, found *oidc.Provider, b Begun, raw string) (Claims, error) {
	verifier := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithms, Now: p.now})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return Claims{}, wrong("%w", err)
	}
	var c struct {
		AZP    string   `json:"azp"`
		ACR    string   `json:"acr"`
		AMR    []string `json:"amr"`
		Email  string   `json:"email"`
		Name   string   `json:"name"`
		User   string   `json:"preferred_username"`
		AuthAt float64  `json:"auth_time"`
	}
	if err := id.Claims(&c); err != nil {
		return Claims{}, wrong("claims: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) != 1:
		return Claims{}, wrong("another nonce")
	case c.AZP != "" && c.AZP != p.ClientID, c.AZP == "" && len(id.Audience) > 1:
		return Claims{}, wrong("authorised party %q", c.AZP)
	case id.Subject == "":
		return Claims{}, wrong("no subject")
	case id.IssuedAt.After(p.now().Add(5 * time.Minute)):
		return Claims{}, wrong("issued in the future")
	}
	name := c.Name
	if name == "" {
		name = c.User
	}
	out := Claims{
		Issuer: id.Issuer, Subject: id.Subject, Email: clean(c.Email), Name: clean(name),
		Strong: c.ACR != "" && slices.Contains(p.ACR, c.ACR) ||
			slices.ContainsFunc(c.AMR, func(a string) bool { return slices.Contains(p.AMR, a) }),
	}
	if c.AuthAt > 0 {
		out.AuthenticatedAt = time.Unix(int64(c.AuthAt), 0)
	}
	// What was asked of the provider went through the browser, which may have
	// left it out: only the signed auth_time says when the person was there
	// (OpenID Connect Core 3.1.3.7, item 13).
	if b.Again && out.AuthenticatedAt.Before(b.At.Add(-skew)) {
		return Claims{}, wrong("the person was not asked afresh")
	}
	return out, nil
}

// clean keeps a text from elsewhere short and free of control characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	r := []rune(strings.TrimSpace(s))
	return string(r[:min(len(r), 120)])
}
