// SPDX-License-Identifier: EUPL-1.2

// Package session says who asks: it turns the cookie of a person or the Bearer
// token of a machine into an actor. The token itself is stored nowhere; its
// SHA-256 is the key of the session. Roles come from the register, never from
// the session, so that a revocation works at once.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Cookie is the name of the session cookie: __Host- binds it to this very host,
// Path=/ and Secure.
const Cookie = "__Host-leitstelle"

// TokenPrefix starts every API token, so that secret scanners find it.
const TokenPrefix = "lst_"

// SeenSubject is where a service says that a session was used: its key, as a
// plain message that may be lost. The directory ends sessions that nobody uses.
const SeenSubject = "session.seen"

// Kinds of sessions.
const (
	KindPerson = "session"
	KindToken  = "token"
)

// Session is the value of the buckets "sessions" and "tokens" under Key(token).
type Session struct {
	ID        string     `json:"id"` // public: shown in lists, written to the audit
	Kind      string     `json:"kind"`
	Person    string     `json:"person"`
	Version   int64      `json:"version"` // grows with each change
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	StepUpAt  *time.Time `json:"step_up_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Plain     bool       `json:"plain,omitempty"` // of a token: it never counts as a second factor shown
}

// Valid reports whether the session holds at now.
func (s Session) Valid(now time.Time) bool { return s.RevokedAt == nil && now.Before(s.ExpiresAt) }

// Key is the hex SHA-256 of a token: what is stored instead of it.
func Key(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// Parse reads a bucket's value.
func Parse(b []byte) (Session, error) {
	var s Session
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fault.Wrap(fault.Invalid, err, "not a session")
	}
	return s, nil
}

// Source knows sessions and people: the register, or the directory itself.
type Source interface {
	// Session returns the session under key from the bucket ("sessions" or "tokens").
	Session(ctx context.Context, key, bucket string) (Session, bool)
	// ActorOf returns the person with current roles and mandates.
	ActorOf(person string) (actor.Actor, bool)
}

const (
	actorKey   = "leitstelle.actor"
	sessionKey = "leitstelle.session"
	windowKey  = "leitstelle.stepup"
)

// Middleware puts the actor into the context. No credentials: a guest. A Bearer
// token that does not hold is 401, never a guest; a cookie that does not hold is
// a guest, so that the sign-in page and the report form stay reachable. A second
// factor counts for stepUp after it was shown.
func Middleware(src Source, now func() time.Time, stepUp time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(windowKey, stepUp)
			a, s, err := identify(c.Request(), src, now(), stepUp)
			if err != nil {
				return err
			}
			c.Set(actorKey, a)
			c.Set(sessionKey, s)
			return next(c)
		}
	}
}

func identify(r *http.Request, src Source, now time.Time, stepUp time.Duration) (actor.Actor, Session, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		token, ok := strings.CutPrefix(header, "Bearer ")
		if ok {
			if a, s, ok := lookup(r.Context(), src, strings.TrimSpace(token), "tokens", now, stepUp); ok {
				return a, s, nil
			}
		}
		return actor.Actor{}, Session{}, fault.New(fault.Unauthenticated, "this token is unknown, expired or revoked")
	}
	if cookie, err := r.Cookie(Cookie); err == nil && cookie.Value != "" {
		if a, s, ok := lookup(r.Context(), src, cookie.Value, "sessions", now, stepUp); ok {
			return a, s, nil
		}
	}
	return actor.Actor{}, Session{}, nil
}

func lookup(ctx context.Context, src Source, token, bucket string, now time.Time, stepUp time.Duration) (actor.Actor, Session, bool) {
	s, ok := src.Session(ctx, Key(token), bucket)
	if !ok || !s.Valid(now) || (bucket == "tokens") != (s.Kind == KindToken) {
		return actor.Actor{}, Session{}, false
	}
	a, ok := src.ActorOf(s.Person)
	if !ok {
		return actor.Actor{}, Session{}, false
	}
	a.Session = s.ID
	if s.StepUpAt != nil {
		a.StepUpAt, a.StepUpUntil = *s.StepUpAt, s.StepUpAt.Add(stepUp)
	}
	if s.Kind == KindToken && !s.Plain { // nobody makes one without a step-up, and its maker allowed it
		a.StepUpUntil = s.ExpiresAt
	}
	return a, s, true
}

// Actor returns who asks; without the middleware a guest.
func Actor(c echo.Context) actor.Actor {
	a, _ := c.Get(actorKey).(actor.Actor)
	return a
}

// Of returns the session of the request, the zero value for a guest.
func Of(c echo.Context) Session {
	s, _ := c.Get(sessionKey).(Session)
	return s
}

// StillGood reports whether the request's credentials would be accepted now:
// streams ask it again and again.
func StillGood(c echo.Context, src Source, now time.Time) (actor.Actor, bool) {
	stepUp, _ := c.Get(windowKey).(time.Duration)
	a, _, err := identify(c.Request(), src, now, stepUp)
	return a, err == nil && a.SignedIn()
}
