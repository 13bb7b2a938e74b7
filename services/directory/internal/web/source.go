// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Proofs are the rows behind sessions, tokens and roles.
type Proofs interface {
	SessionBySum(ctx context.Context, sum []byte) (account.Session, error)
	TokenBySum(ctx context.Context, sum []byte) (account.Token, error)
	ActorOf(ctx context.Context, person string, at time.Time) (actor.Actor, bool, error)
}

// Source answers who asks from the database itself: the directory sees a
// revocation in the very next request. It implements session.Source.
type Source struct {
	Proofs Proofs
	Touch  func(key string) // notes that a session was used
	Log    *zap.Logger
	Now    func() time.Time
}

type foundKey struct{}

type found struct {
	key     string
	session session.Session
}

// Prefetch looks the session up before anything else, so that a database that
// does not answer is 503 and never looks like "not signed in".
func (s *Source) Prefetch(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		token, bucket := "", bus.Sessions
		if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			token, bucket = strings.TrimSpace(t), bus.Tokens
		} else if cookie, err := r.Cookie(session.Cookie); err == nil {
			token = cookie.Value
		}
		if token == "" {
			return next(c)
		}
		key := session.Key(token)
		v, err := s.read(r.Context(), key, bucket)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil {
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), foundKey{}, found{key, v})))
		}
		return next(c)
	}
}

func (s *Source) read(ctx context.Context, key, bucket string) (session.Session, error) {
	sum, err := hex.DecodeString(key)
	if err != nil {
		return session.Session{}, fault.New(fault.NotFound, "no session")
	}
	if bucket == bus.Tokens {
		t, err := s.Proofs.TokenBySum(ctx, sum)
		return session.Session{
			ID: t.ID, Kind: session.KindToken, Person: t.Person, Version: t.Version, CreatedAt: t.CreatedAt,
			ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt, Plain: !t.StepUp,
		}, err
	}
	x, err := s.Proofs.SessionBySum(ctx, sum)
	return session.Session{
		ID: x.ID, Kind: session.KindPerson, Person: x.Person, Version: x.Version, CreatedAt: x.CreatedAt,
		ExpiresAt: x.ExpiresAt, StepUpAt: &x.StepUpAt, RevokedAt: x.EndedAt,
	}, err
}

// Session implements session.Source.
func (s *Source) Session(ctx context.Context, key, bucket string) (session.Session, bool) {
	v, ok := ctx.Value(foundKey{}).(found)
	if !ok || v.key != key {
		x, err := s.read(ctx, key, bucket)
		if err != nil {
			return x, false
		}
		v.session = x
	}
	if bucket == bus.Sessions && v.session.Valid(s.Now()) {
		s.Touch(key)
	}
	return v.session, true
}

// ActorOf implements session.Source.
func (s *Source) ActorOf(person string) (actor.Actor, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	a, ok, err := s.Proofs.ActorOf(ctx, person, s.Now())
	if err != nil && !fault.Is(err, fault.NotFound) {
		s.Log.Error("web: cannot read who asks", zap.Error(err))
	}
	return a, ok
}
