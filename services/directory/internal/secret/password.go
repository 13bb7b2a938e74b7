// SPDX-License-Identifier: EUPL-1.2

// Package secret handles what must never be readable: passwords, TOTP secrets,
// session and API tokens. It decides nothing about who may do what.
package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/alexedwards/argon2id"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// params are the OWASP minimum for argon2id; with them two cores do about 29
// checks a second, which is why Passwords limits how many run and wait.
var params = &argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Limits of concurrent password checks (reliability model §2.3, "Argon2 as DoS").
const (
	mostAtOnce = 2
	waiting    = 1024
)

// Passwords hashes and checks passwords. Half of the cores work on them, never
// more than two: the others stay for those who are signed in. At most 1024
// wait; everybody else is Limited.
type Passwords struct {
	cost  *argon2id.Params
	slots chan struct{}
	queue atomic.Int64
	dummy string
}

// NewPasswords prepares a hash to compare with when there is no account, so
// that an unknown user takes as long as a known one.
func NewPasswords() (*Passwords, error) { return newPasswords(params) }

// NewQuickPasswords spends next to nothing on a password: for tests, whose
// passwords everybody knows.
func NewQuickPasswords() (*Passwords, error) {
	quick := *params
	quick.Memory, quick.Iterations = 8, 1
	return newPasswords(&quick)
}

func newPasswords(cost *argon2id.Params) (*Passwords, error) {
	dummy, err := argon2id.CreateHash(rand.Text(), cost)
	if err != nil {
		return nil, fmt.Errorf("prepare passwords: %w", err)
	}
	n := min(mostAtOnce, max(1, runtime.GOMAXPROCS(0)/2))
	return &Passwords{cost: cost, slots: make(chan struct{}, n), dummy: dummy}, nil
}

func (p *Passwords) enter(ctx context.Context) error {
	if p.queue.Add(1) > int64(cap(p.slots))+waiting {
		p.queue.Add(-1)
		return fault.New(fault.Limited, "too many people sign in at this moment").WithRetry(busyRetry)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.queue.Add(-1)
		return fault.Wrap(fault.Unavailable, ctx.Err(), "too many people sign in at this moment").WithRetry(busyRetry)
	}
}

func (p *Passwords) leave() {
	<-p.slots
	p.queue.Add(-1)
}

// Hash returns the hash to store.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	h, err := argon2id.CreateHash(password, p.cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return h, nil
}

// Match reports whether password belongs to hash. An empty hash stands for no
// account: the work is done all the same and the answer is false.
func (p *Passwords) Match(ctx context.Context, password, hash string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return ok && known, nil
}

// randomText returns n random bytes as text for cookies and headers.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
