// SPDX-License-Identifier: EUPL-1.2

package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// source is a bucket with both kinds under one map, as the register keeps them.
type source map[string]session.Session

func (s source) Session(_ context.Context, key, _ string) (session.Session, bool) {
	x, ok := s[key]
	return x, ok
}

func (source) ActorOf(person string) (actor.Actor, bool) {
	if person == "gone" {
		return actor.Actor{}, false
	}
	return actor.Actor{Person: person, Memberships: []actor.Membership{{Organisation: "org", Role: actor.Officer}}}, true
}

func entries() source {
	revoked, step := noon.Add(-time.Minute), noon.Add(-time.Second)
	of := func(kind, person string) session.Session {
		return session.Session{ID: "id-" + kind, Kind: kind, Person: person, ExpiresAt: noon.Add(time.Hour)}
	}
	s := source{}
	put := func(token string, x session.Session, change func(*session.Session)) {
		if change != nil {
			change(&x)
		}
		s[session.Key(token)] = x
	}
	put("cookie", of(session.KindPerson, "kim"), func(x *session.Session) { x.StepUpAt = &step })
	put("lst_token", of(session.KindToken, "kim"), nil)
	put("expired", of(session.KindPerson, "kim"), func(x *session.Session) { x.ExpiresAt = noon })
	put("lst_expired", of(session.KindToken, "kim"), func(x *session.Session) { x.ExpiresAt = noon })
	put("revoked", of(session.KindPerson, "kim"), func(x *session.Session) { x.RevokedAt = &revoked })
	put("lst_revoked", of(session.KindToken, "kim"), func(x *session.Session) { x.RevokedAt = &revoked })
	put("left", of(session.KindPerson, "gone"), nil)
	put("lst_left", of(session.KindToken, "gone"), nil)
	put("", of(session.KindPerson, "nobody"), nil)
	return s
}

func TestWhoAsksFollowsFromTheCredentials(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header, cookie string
		want           string // the actor's id
		kind           fault.Kind
	}{
		"nothing: a guest":                            {"", "", "guest", ""},
		"a session's cookie":                          {"", "cookie", "kim", ""},
		"an unknown cookie: a guest":                  {"", "stolen", "guest", ""},
		"an expired session: a guest":                 {"", "expired", "guest", ""},
		"a revoked session: a guest":                  {"", "revoked", "guest", ""},
		"a session of somebody who left":              {"", "left", "guest", ""},
		"an empty cookie":                             {"", "", "guest", ""},
		"a token in the cookie is no session":         {"", "lst_token", "guest", ""},
		"a machine's token":                           {"Bearer lst_token", "", "kim", ""},
		"with spaces around":                          {"Bearer  lst_token ", "", "kim", ""},
		"an unknown token is never a guest":           {"Bearer lst_stolen", "", "", fault.Unauthenticated},
		"an expired token":                            {"Bearer lst_expired", "", "", fault.Unauthenticated},
		"a revoked token":                             {"Bearer lst_revoked", "", "", fault.Unauthenticated},
		"a token of somebody who left":                {"Bearer lst_left", "", "", fault.Unauthenticated},
		"a session's secret is no token":              {"Bearer cookie", "", "", fault.Unauthenticated},
		"an empty token":                              {"Bearer ", "", "", fault.Unauthenticated},
		"another scheme":                              {"Basic a2ltOmtpbQ==", "", "", fault.Unauthenticated},
		"a bad token is not healed by a good cookie":  {"Bearer lst_stolen", "cookie", "", fault.Unauthenticated},
		"a good token counts before the cookie":       {"Bearer lst_token", "stolen", "kim", ""},
		"the stored key itself opens nothing: cookie": {"", session.Key("cookie"), "guest", ""},
		"the stored key itself opens nothing: token":  {"Bearer " + session.Key("lst_token"), "", "", fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := request(tt.header, tt.cookie)
			ran := false
			err := session.Middleware(entries(), func() time.Time { return noon }, 15*time.Minute)(func(c echo.Context) error {
				ran = true
				if got := session.Actor(c).ID(); got != tt.want {
					t.Errorf("actor = %s, want %s", got, tt.want)
				}
				if signedIn := tt.want == "kim"; session.Actor(c).SignedIn() != signedIn || (session.Of(c).ID != "") != signedIn ||
					session.Actor(c).Session != session.Of(c).ID {
					t.Errorf("actor %+v, session %+v", session.Actor(c), session.Of(c))
				}
				return nil
			})(c)
			if fault.KindOf(err) != tt.kind || ran != (tt.kind == "") {
				t.Errorf("Middleware = %v, handler ran: %v; want kind %q", err, ran, tt.kind)
			}
			a, good := session.StillGood(c, entries(), noon)
			if good != (tt.want == "kim") || good && a.ID() != "kim" {
				t.Errorf("StillGood = %s, %v", a.ID(), good)
			}
		})
	}
}

func request(header, cookie string) echo.Context {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: session.Cookie, Value: cookie})
	}
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestAnOpenStreamLosesItsRightWithTheSession(t *testing.T) {
	t.Parallel()
	src := entries()
	c := request("", "cookie")
	if _, good := session.StillGood(c, src, noon); !good {
		t.Fatal("a good session is not good")
	}
	if _, good := session.StillGood(c, src, noon.Add(time.Hour)); good {
		t.Error("the stream outlives the session's end")
	}
	s := src[session.Key("cookie")]
	s.RevokedAt = &noon
	src[session.Key("cookie")] = s
	if _, good := session.StillGood(c, src, noon); good {
		t.Error("the stream outlives the revocation")
	}
}

func TestTheStepUpComesFromTheSession(t *testing.T) {
	t.Parallel()
	a, good := session.StillGood(request("", "cookie"), entries(), noon)
	if !good || !a.StepUpAt.Equal(noon.Add(-time.Second)) {
		t.Errorf("step-up at %s, want the session's", a.StepUpAt)
	}
	for name, tt := range map[string]struct {
		header, cookie string
		until          time.Time
	}{
		"a session's holds as long as is set": {"", "cookie", noon.Add(-time.Second).Add(time.Minute)},
		"a token's as long as the token":      {"Bearer lst_token", "", noon.Add(time.Hour)},
	} {
		c := request(tt.header, tt.cookie)
		middleware := session.Middleware(entries(), func() time.Time { return noon }, time.Minute)
		if err := middleware(func(c echo.Context) error { return nil })(c); err != nil {
			t.Fatal(err)
		}
		again, _ := session.StillGood(c, entries(), noon)
		if got := session.Actor(c); !got.StepUpUntil.Equal(tt.until) || !again.StepUpUntil.Equal(tt.until) {
			t.Errorf("%s: until %s and %s, want %s", name, got.StepUpUntil, again.StepUpUntil, tt.until)
		}
	}
}

func TestWithoutTheMiddlewareEverybodyIsAGuest(t *testing.T) {
	t.Parallel()
	c := request("Bearer lst_token", "cookie")
	if a, s := session.Actor(c), session.Of(c); a.SignedIn() || s.ID != "" {
		t.Errorf("actor %+v, session %+v; want a guest", a, s)
	}
}

func TestTheKeyHidesTheToken(t *testing.T) {
	t.Parallel()
	if got := session.Key("lst_token"); len(got) != 64 || got == session.Key("lst_tokeN") || got != session.Key("lst_token") {
		t.Errorf("Key = %q", got)
	}
}

func TestABrokenEntryIsNoSession(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"", "{", "[]", `{"person":7}`, `{"expires_at":"soon"}`} {
		if s, err := session.Parse([]byte(b)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q) = %+v, %v; want invalid", b, s, err)
		}
	}
	if (session.Session{}).Valid(noon) {
		t.Error("the zero session is valid")
	}
}
