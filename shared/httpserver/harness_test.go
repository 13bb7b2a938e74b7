// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// people is a source with one session or token for each role, named after it.
type people struct{}

func (people) Session(_ context.Context, key, bucket string) (session.Session, bool) {
	for _, r := range actor.Roles() {
		if key == session.Key(string(r)) {
			kind := map[string]string{"tokens": session.KindToken, "sessions": session.KindPerson}[bucket]
			return session.Session{ID: "s-" + string(r), Kind: kind, Person: string(r), ExpiresAt: noon.Add(time.Hour), StepUpAt: &noon}, true
		}
	}
	return session.Session{}, false
}

func (people) ActorOf(person string) (actor.Actor, bool) {
	return actor.Actor{Person: person, Memberships: []actor.Membership{{Organisation: "org", Role: actor.Role(person)}}}, true
}

func options() httpserver.Options {
	return httpserver.Options{Service: "test", Log: zap.NewNop(), Sessions: people{}, Now: func() time.Time { return noon }}
}

// serve mounts routes and answers requests in memory.
func serve(o httpserver.Options, routes ...httpserver.Route) *echo.Echo {
	e := httpserver.New(o)
	httpserver.Mount(e, o, routes)
	return e
}

// open is a public route.
func open(method, path string, h echo.HandlerFunc) httpserver.Route {
	return httpserver.Route{Method: method, Path: path, Action: actor.Public, Handler: h}
}

func ok(c echo.Context) error { return c.String(http.StatusOK, "ok") }

// ask sends a request; headers are "Name: value".
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, r io.Reader) httpserver.Problem {
	t.Helper()
	var p httpserver.Problem
	if err := json.NewDecoder(r).Decode(&p); err != nil {
		t.Fatalf("the answer is no problem: %v", err)
	}
	return p
}
