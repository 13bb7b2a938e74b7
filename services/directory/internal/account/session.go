// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"cmp"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// How long a session lives (reliability model §6).
const (
	Idle     = 30 * time.Minute
	Absolute = 10 * time.Hour
)

// How long an API token may live, and lives unless told otherwise.
const (
	MaxTokenLife     = 366 * 24 * time.Hour
	DefaultTokenLife = 90 * 24 * time.Hour
	MaxTokens        = 50 // live ones per person
)

// Session is a signed-in browser. Only the SHA-256 of its secret is kept.
type Session struct {
	ID        string // names the session in lists and the audit; no secret
	Sum       []byte
	Person    string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time // absolute
	StepUpAt  time.Time // when the second factor was last shown
	EndedAt   *time.Time
	Version   int64  // grows with each change, for the projection
	Client    string // what the browser says it is, shortened
	Address   string // network address at sign-in
	Way       Way    // how the person proved themselves
}

// Live reports whether the session counts at the moment. Idle sessions are
// ended by a sweeper (Desk.EndIdle), since only it knows whether other services
// could tell that the session was used.
func (s Session) Live(at time.Time) bool { return s.EndedAt == nil && at.Before(s.ExpiresAt) }

// Token lets a machine act as a person. Only the SHA-256 of its text is kept.
type Token struct {
	ID        string
	Sum       []byte
	Person    string
	Name      string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
	Version   int64
	StepUp    bool // it may do what a person must show the second factor for
}

// Live reports whether the token counts at the moment.
func (t Token) Live(at time.Time) bool { return t.RevokedAt == nil && at.Before(t.ExpiresAt) }

// Check returns every mistake of a new token at once.
func (t *Token) Check() error {
	var bad fault.Fields
	t.Name = strings.TrimSpace(t.Name)
	if t.Name == "" || len(t.Name) > 100 {
		bad.Add("name", "directory.error.token_name", "name must have 1 to 100 characters")
	}
	if !t.ExpiresAt.After(t.CreatedAt) || t.ExpiresAt.After(t.CreatedAt.Add(MaxTokenLife)) {
		bad.Add("expires_at", "directory.error.token_expiry", "expires_at must lie within the next 366 days")
	}
	return bad.Err()
}

// Limits on failed sign-ins within Window (reliability model §2.3). They slow a
// guesser down and never lock an account for good.
const (
	Window     = 15 * time.Minute
	PerAccount = 5
	PerAddress = 20
)

// Limits may be raised where many people share one address; the zero value is
// PerAccount and PerAddress.
type Limits struct{ Account, Address int }

// Tries is how many failed sign-ins there were in the window, and when the
// oldest of them leaves it.
type Tries struct {
	Account, Address int
	AccountFree      time.Time
	AddressFree      time.Time
}

// Check returns Limited when another try is one too many.
func (t Tries) Check(at time.Time, l Limits) error {
	var free time.Time
	if t.Account >= cmp.Or(l.Account, PerAccount) {
		free = t.AccountFree
	}
	if t.Address >= cmp.Or(l.Address, PerAddress) && t.AddressFree.After(free) {
		free = t.AddressFree
	}
	if free.IsZero() {
		return nil
	}
	return fault.New(fault.Limited, "too many sign-ins failed; try again later").WithRetry(max(time.Second, free.Sub(at)))
}
