// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/pg"
)

func fields() error {
	var f fault.Fields
	f.Add("affected", "intake.err.affected", "name at least one body")
	f.Add("what", "intake.err.what", "unknown value")
	return f.Err()
}

func TestEachFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		kind   fault.Kind
		retry  string
	}{
		"malformed":                           {fault.New(fault.Malformed, "x"), 400, fault.Malformed, ""},
		"unauthenticated":                     {fault.New(fault.Unauthenticated, "x"), 401, fault.Unauthenticated, ""},
		"forbidden":                           {fault.New(fault.Forbidden, "x"), 403, fault.Forbidden, ""},
		"not found":                           {fault.New(fault.NotFound, "x"), 404, fault.NotFound, ""},
		"conflict":                            {fault.New(fault.Conflict, "x"), 409, fault.Conflict, ""},
		"stale":                               {fault.New(fault.Stale, "x"), 412, fault.Stale, ""},
		"too large":                           {fault.New(fault.TooLarge, "x"), 413, fault.TooLarge, ""},
		"invalid":                             {fault.New(fault.Invalid, "x"), 422, fault.Invalid, ""},
		"invalid fields":                      {fields(), 422, fault.Invalid, ""},
		"precondition required":               {fault.New(fault.PreconditionRequired, "x"), 428, fault.PreconditionRequired, ""},
		"limited":                             {fault.New(fault.Limited, "x").WithRetry(90 * time.Second), 429, fault.Limited, "90"},
		"limited, nobody says until when":     {fault.New(fault.Limited, "x"), 429, fault.Limited, "10"},
		"unavailable":                         {fault.New(fault.Unavailable, "x").WithRetry(1500 * time.Millisecond), 503, fault.Unavailable, "2"},
		"unavailable, nobody says until when": {fault.New(fault.Unavailable, "x"), 503, fault.Unavailable, "2"},
		"unknown outcome":                     {fault.Wrap(fault.Unavailable, pg.ErrOutcomeUnknown, "x"), 503, fault.Unavailable, "2"},
		"internal":                            {fault.New(fault.Internal, "secret"), 500, fault.Internal, ""},
		"a kind that nobody knows":            {fault.New("strange", "secret"), 500, fault.Internal, ""},
		"any other error":                     {errors.New("secret"), 500, fault.Internal, ""},
		"wrapped":                             {fmt.Errorf("save: %w", fault.New(fault.Conflict, "x")), 409, fault.Conflict, ""},
		"the database is gone":                {fmt.Errorf("get: %w", driver.ErrBadConn), 503, fault.Unavailable, "2"},
		"the database stops":                  {fmt.Errorf("get: %w", &pq.Error{Code: "57P01"}), 503, fault.Unavailable, "2"},
		"a statement is wrong":                {fmt.Errorf("get: %w", &pq.Error{Code: "42601", Message: "secret"}), 500, fault.Internal, ""},
		"the deadline has passed":             {context.DeadlineExceeded, 503, fault.Unavailable, "2"},
		"echo: bad request":                   {echo.NewHTTPError(http.StatusBadRequest, "x"), 400, fault.Malformed, ""},
		"echo: too large":                     {echo.ErrStatusRequestEntityTooLarge, 413, fault.TooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(serve(options(), open("GET", "/api/x", func(echo.Context) error { return tt.err })), "GET", "/api/x", "")
			p := problemOf(t, w.Body)
			if w.Code != tt.status || p.Status != tt.status || p.Type != "/problems/"+string(tt.kind) || p.Title == "" {
				t.Errorf("status %d, problem %+v; want %d of %s", w.Code, p, tt.status, tt.kind)
			}
			if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type = %q", got)
			}
			if got := w.Header().Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After = %q, want %q", got, tt.retry)
			}
			if p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("request id %q, header %q; want the same", p.RequestID, w.Header().Get("X-Request-Id"))
			}
			if strings.Contains(p.Detail, "secret") || tt.status == 500 && p.Detail != "" {
				t.Errorf("detail %q tells what is inside", p.Detail)
			}
			if (w.Header().Get("WWW-Authenticate") != "") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate = %q", w.Header().Get("WWW-Authenticate"))
			}
			if want := len(fault.FieldsOf(tt.err)); len(p.Errors) != want {
				t.Errorf("errors = %v, want %d", p.Errors, want)
			}
			if got := httpserver.StatusOf(tt.err); strings.HasPrefix(name, "echo") == (got == tt.status) && got != 500 {
				t.Errorf("StatusOf = %d, want %d", got, tt.status)
			}
		})
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	t.Parallel()
	for _, k := range []fault.Kind{
		fault.Malformed, fault.Invalid, fault.NotFound, fault.Conflict, fault.Stale, fault.PreconditionRequired, fault.TooLarge,
		fault.Forbidden, fault.StepUpRequired, fault.Unauthenticated, fault.Limited, fault.Unavailable, fault.Internal,
	} {
		if _, ok := httpserver.Kinds()[k]; !ok {
			t.Errorf("%s has no status", k)
		}
	}
	if got := len(httpserver.Kinds()); got != 13 {
		t.Errorf("%d kinds, want 13", got)
	}
}

func TestAPanicIsA500WithoutDetail(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x", func(echo.Context) error { panic("secret of the stack") }))
	w := ask(e, "GET", "/api/x", "")
	if body := w.Body.String(); w.Code != 500 || strings.Contains(body, "secret") || strings.Contains(body, "goroutine") {
		t.Errorf("%d %s, want a 500 that says nothing", w.Code, body)
	}
	if w := ask(e, "GET", "/livez", ""); w.Code != 200 {
		t.Errorf("afterwards /livez = %d, want 200", w.Code)
	}
}

func TestAnErrorAfterTheAnswerBeganChangesNothing(t *testing.T) {
	t.Parallel()
	w := ask(serve(options(), open("GET", "/api/x", func(c echo.Context) error {
		return errors.Join(c.String(200, "half"), errors.New("boom"))
	})), "GET", "/api/x", "")
	if w.Code != 200 || w.Body.String() != "half" {
		t.Errorf("%d %q, want what was begun", w.Code, w.Body)
	}
}

func TestWhatIsNotThereIs404AndTakesNoOtherMethod(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x", ok))
	for _, line := range []string{"GET /api/y", "POST /api/x", "DELETE /api/x", "GET /", "PROPFIND /api/x", "GET /api/x/../../etc"} {
		method, path, _ := strings.Cut(line, " ")
		if w := ask(e, method, path, ""); w.Code != 404 {
			t.Errorf("%s = %d, want 404", line, w.Code)
		}
	}
	if w := ask(e, "HEAD", "/api/y", ""); w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("HEAD = %d with %d bytes, want 404 without a body", w.Code, w.Body.Len())
	}
}

func TestABrowserGetsAPageAndAProgramAProblem(t *testing.T) {
	t.Parallel()
	o := options()
	o.ErrorPage = func(c echo.Context, status int, _ error, id string) error { return c.HTML(status, "<p>"+id) }
	e := serve(o, open("GET", "/x", ok), open("GET", "/api/x", ok))
	for _, tt := range []struct{ path, accept, want string }{
		{"/nothing", "text/html,application/xhtml+xml", "text/html"},
		{"/nothing", "", "text/html"},
		{"/nothing", "*/*", "text/html"},
		{"/nothing", "application/json", "application/problem+json"},
		{"/api/nothing", "text/html", "application/problem+json"},
	} {
		w := ask(e, "GET", tt.path, "", "Accept: "+tt.accept)
		if got := w.Header().Get("Content-Type"); w.Code != 404 || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s accepting %q = %d %s, want 404 as %s", tt.path, tt.accept, w.Code, got, tt.want)
		}
	}
	o.ErrorPage = func(echo.Context, int, error, string) error { return errors.New("the template is broken") }
	if w := ask(serve(o), "GET", "/nothing", ""); w.Code != 404 || problemOf(t, w.Body).Status != 404 {
		t.Errorf("a page that cannot be made: %d, want the problem", w.Code)
	}
}
