// SPDX-License-Identifier: EUPL-1.2

package httpserver

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Route is one line of a service's table of routes. Action is the row of the
// matrix it needs: who reaches nothing of it gets 404, as if it were not there.
// What a person reaches, the handler narrows to the object.
type Route struct {
	Method  string
	Path    string
	Action  actor.Action
	Handler echo.HandlerFunc
	Limit   int64 // bytes of the body; default BodyLimit
	Stream  bool  // long answer or upload: no handler timeout
}

// Mount registers the routes with sign-in, the check of the action, limits and deadlines.
func Mount(e *echo.Echo, o Options, routes []Route) {
	for _, r := range routes {
		e.Add(r.Method, r.Path, r.Handler, session.Middleware(o.Sessions, o.Now), allow(r.Action), bounds(r))
	}
}

// allow is the first gate: it knows the route, not yet the object.
func allow(action actor.Action) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			a := session.Actor(c)
			switch {
			case action == actor.Public, actor.GuestByCode(action):
				return next(c)
			case !a.SignedIn():
				return unauthenticated(c)
			case a.View(action).Empty():
				return fault.New(fault.NotFound, "there is nothing here")
			}
			return next(c)
		}
	}
}

// unauthenticated sends a browser to the sign-in page and back; programs get 401.
func unauthenticated(c echo.Context) error {
	if WantsPage(c) && c.Request().Method == http.MethodGet && c.Request().Header.Get("HX-Request") == "" {
		prefix := c.Request().Header.Get("X-Forwarded-Prefix")
		if prefix != "/en" {
			prefix = ""
		}
		next := url.QueryEscape(prefix + c.Request().URL.RequestURI())
		return c.Redirect(http.StatusSeeOther, prefix+"/konto/anmelden?next="+next)
	}
	return fault.New(fault.Unauthenticated, "please sign in")
}

func bounds(r Route) echo.MiddlewareFunc {
	limit := r.Limit
	if limit == 0 {
		limit = BodyLimit
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			req := c.Request()
			if req.ContentLength > limit {
				return fault.New(fault.TooLarge, "the request is larger than %d bytes", limit)
			}
			if req.Body != nil {
				req.Body = http.MaxBytesReader(c.Response(), req.Body, limit)
			}
			if r.Stream {
				return next(c)
			}
			// A connection without deadlines (a test's recorder) is fine.
			_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(ReadTimeout))
			ctx, cancel := context.WithTimeout(req.Context(), HandlerLimit)
			defer cancel()
			c.SetRequest(req.WithContext(ctx))
			return next(c)
		}
	}
}
