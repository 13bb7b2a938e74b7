// SPDX-License-Identifier: EUPL-1.2

package httpserver

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/throttle"
)

// Route is one line of a service's table of routes. Action is the row of the
// matrix it needs: who reaches nothing of it gets 404, as if it were not there.
// What a person reaches, the handler narrows to the object.
type Route struct {
	Method  string
	Path    string
	Action  actor.Action
	Handler echo.HandlerFunc
	Limit   int64         // bytes of the body; default BodyLimit
	Stream  bool          // long answer or upload: no handler timeout
	Within  time.Duration // when the handler must have answered; default HandlerLimit
}

// Mount registers the routes with sign-in, the check of the action, limits and deadlines.
func Mount(e *echo.Echo, o Options, routes []Route) {
	limit := perToken(o)
	for _, r := range routes {
		e.Add(r.Method, r.Path, r.Handler, session.Middleware(o.Sessions, o.Now, o.stepUp()), limit, allow(o, r.Action), bounds(r))
	}
}

// perToken bounds how often one session or token asks the API: a program that
// runs wild slows nobody else down (429 with Retry-After).
func perToken(o Options) echo.MiddlewareFunc {
	counter := throttle.New(o.APIRequests, time.Second, o.APIRequests, o.Now)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if s := session.Of(c); o.APIRequests > 0 && s.ID != "" && strings.HasPrefix(c.Path(), "/api/") {
				if err := counter.Take(s.ID); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// allow is the first gate: it knows the route, not yet the object. Whoever is
// signed in and turned away here is written down.
func allow(o Options, action actor.Action) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			a := session.Actor(c)
			switch {
			case action == actor.Public, actor.GuestByCode(action):
				return next(c)
			case !a.SignedIn():
				return unauthenticated(c)
			case !a.Reaches(action):
				if o.Denied != nil {
					o.Denied(c, action, "route", c.Request().Method+" "+c.Request().URL.Path)
				}
				return fault.New(fault.NotFound, "there is nothing here")
			case a.MustStepUp(action, actor.Object{}, o.Now()):
				if o.Denied != nil {
					o.Denied(c, action, "step-up", c.Request().Method+" "+c.Request().URL.Path)
				}
				return StepUp()
			}
			return next(c)
		}
	}
}

// unauthenticated sends a browser to the sign-in page and back; programs get 401.
func unauthenticated(c echo.Context) error {
	if loadsPage(c) {
		return toSignIn(c, "/konto/anmelden")
	}
	return fault.New(fault.Unauthenticated, "please sign in")
}

// StepUp is the answer to somebody who may, but has to show the second factor
// again first: a browser that loads a page is sent to confirm and comes back, a
// form says what to do and keeps what was typed, a program gets a problem.
func StepUp() error {
	return fault.New(fault.StepUpRequired, "please confirm with your second factor first: /konto/bestaetigen")
}

// loadsPage reports whether a browser opens an address, so that it can be sent
// elsewhere and back.
func loadsPage(c echo.Context) bool {
	return WantsPage(c) && c.Request().Method == http.MethodGet && c.Request().Header.Get("HX-Request") == ""
}

// toSignIn sends a browser to a page of the account and back here afterwards.
func toSignIn(c echo.Context, path string) error {
	prefix := c.Request().Header.Get("X-Forwarded-Prefix")
	if prefix != "/en" {
		prefix = ""
	}
	next := url.QueryEscape(prefix + c.Request().URL.RequestURI())
	return c.Redirect(http.StatusSeeOther, prefix+path+"?next="+next)
}

func bounds(r Route) echo.MiddlewareFunc {
	limit := r.Limit
	if limit == 0 {
		limit = BodyLimit
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			req := c.Request()
			control := http.NewResponseController(c.Response())
			if r.Stream && req.Method != http.MethodGet {
				readOn(c, control, limit)
			}
			if req.ContentLength > limit {
				return fault.New(fault.TooLarge, "the request is larger than %d bytes", limit)
			}
			if req.Body != nil {
				req.Body = http.MaxBytesReader(c.Response(), req.Body, limit)
			}
			// A connection without deadlines (a test's recorder) is fine.
			if r.Stream {
				ctx, cancel := stream(req, control, limit)
				defer cancel()
				return within(ctx, c, next)
			}
			_ = control.SetReadDeadline(time.Now().Add(ReadTimeout))
			ctx, cancel := context.WithTimeout(req.Context(), cmp.Or(r.Within, HandlerLimit))
			defer cancel()
			return within(ctx, c, next)
		}
	}
}

// readOn reads what is left of an upload before its answer: a browser that is
// still sending when the server closes shows a broken connection, and nobody
// learns that the file is too large. Who asked first (Expect) sends nothing.
func readOn(c echo.Context, control *http.ResponseController, limit int64) {
	req := c.Request()
	body := req.Body
	if body == nil || req.Header.Get("Expect") != "" {
		return
	}
	_ = control.SetReadDeadline(time.Now().Add(ReadTimeout + time.Duration(limit/slowest)*time.Second))
	c.Response().Before(func() { _, _ = io.CopyN(io.Discard, body, 4*limit) }) // who sends even more is cut off
}

// within runs next under ctx. Afterwards the request has its own context again:
// ours ends now, and an error that is answered later must not look as if the
// time had run out.
func within(ctx context.Context, c echo.Context, next echo.HandlerFunc) error {
	req := c.Request()
	defer c.SetRequest(req)
	c.SetRequest(req.WithContext(ctx))
	err := next(c)
	if err != nil && ctx.Err() != nil {
		return pg.Classify(ctx, err)
	}
	return err
}

// slowest is the rate below which an upload is given up, in bytes a second.
const slowest = 50 << 10

// stream lets a long answer or upload run: no end for what is written, a
// slowest rate for what is read. A stream of events ends as soon as the server
// stops, since it would never end by itself; a file may finish.
func stream(req *http.Request, control *http.ResponseController, limit int64) (context.Context, context.CancelFunc) {
	_ = control.SetWriteDeadline(time.Time{})
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		_ = control.SetReadDeadline(time.Now().Add(ReadTimeout + time.Duration(limit/slowest)*time.Second))
		return req.Context(), func() {}
	}
	ctx, cancel := context.WithCancel(req.Context())
	server, ok := ctx.Value(servingKey{}).(context.Context)
	if ok && strings.Contains(req.Header.Get("Accept"), "text/event-stream") {
		stop := context.AfterFunc(server, cancel)
		return ctx, func() { stop(); cancel() }
	}
	return ctx, cancel
}
