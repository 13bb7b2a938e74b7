// SPDX-License-Identifier: EUPL-1.2

package account

import (
	"context"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// MinPassword is the shortest password that is accepted.
const MinPassword = 8

// Newcomer is a person to add together with what they prove themselves with.
type Newcomer struct {
	Person   Person
	Password string
	TOTP     string // base 32
	Token    string // text of an API token, or empty
}

// Added is a newcomer as the store takes it.
type Added struct {
	Person       Person
	PasswordHash string
	SealedTOTP   []byte
	Token        *Token
}

// Loader is what a bulk load needs beyond a Store.
type Loader interface {
	Store
	PersonByEmail(ctx context.Context, email string) (Person, error)
	AddPeople(ctx context.Context, act Act, people []Added) error
}

// Sealer makes the stored form of secrets.
type Sealer interface {
	Vault
	Hash(ctx context.Context, password string) (string, error)
	Seal(secret, person string) []byte
	ValidTOTP(secret string) bool
}

// Present is a person after a load; Known if they were there before.
type Present struct {
	Person Person
	Known  bool
}

// Load adds people who are not there yet and returns all of them as they are
// stored, in the given order. It is how an operator brings people in: no
// permission is asked.
func Load(ctx context.Context, store Loader, sealer Sealer, act Act, people []Newcomer) ([]Present, error) {
	out := make([]Present, len(people))
	var add []Added
	for i, n := range people {
		n.Person.Email = CleanEmail(n.Person.Email)
		known, err := store.PersonByEmail(ctx, n.Person.Email)
		if err == nil {
			out[i] = Present{known, true}
			continue
		}
		if !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		a, err := prepare(ctx, sealer, act, n)
		if err != nil {
			return nil, err
		}
		out[i] = Present{Person: a.Person}
		add = append(add, a)
	}
	if len(add) == 0 {
		return out, nil
	}
	return out, store.AddPeople(ctx, act, add)
}

func prepare(ctx context.Context, sealer Sealer, act Act, n Newcomer) (Added, error) {
	p := n.Person
	p.ID, p.Active, p.Version, p.ChangedAt = event.NewID(), true, 1, act.At
	if p.Language == "" {
		p.Language = "de"
	}
	if err := p.Check(); err != nil {
		return Added{}, fault.Wrap(fault.Invalid, err, "person %s cannot be added", p.Email)
	}
	if len(n.Password) < MinPassword || !sealer.ValidTOTP(n.TOTP) {
		return Added{}, fault.New(fault.Invalid, "person %s needs a password of %d characters and a TOTP secret in base 32", p.Email, MinPassword)
	}
	hash, err := sealer.Hash(ctx, n.Password)
	if err != nil {
		return Added{}, err
	}
	a := Added{Person: p, PasswordHash: hash, SealedTOTP: sealer.Seal(n.TOTP, p.ID)}
	if n.Token != "" {
		a.Token = &Token{
			ID: event.NewID(), Sum: sealer.Sum(n.Token), Person: p.ID, Name: "API", CreatedAt: act.At,
			ExpiresAt: act.At.Add(MaxTokenLife), Version: 1, StepUp: true, // the operator's own, who is asked for nothing
		}
		if err := a.Token.Check(); err != nil {
			return Added{}, err
		}
	}
	return a, nil
}
