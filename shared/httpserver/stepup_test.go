// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

// confirmed is people who showed their second factor so long ago.
type confirmed struct {
	people
	ago time.Duration
}

func (p confirmed) Session(ctx context.Context, key, bucket string) (session.Session, bool) {
	s, ok := p.people.Session(ctx, key, bucket)
	at := noon.Add(-p.ago)
	if s.StepUpAt = &at; bucket == "tokens" {
		s.StepUpAt = nil
	}
	return s, ok
}

// Releasing, exporting, roles and tokens need a second factor shown in the last
// 15 minutes; a token counts as confirmed; nothing else asks for it.
func TestWhatNeedsAStepUpAsksForIt(t *testing.T) {
	t.Parallel()
	routes := []httpserver.Route{
		{Method: "POST", Path: "/api/release", Action: actor.AlertApprove, Handler: ok},
		{Method: "POST", Path: "/release", Action: actor.AlertApprove, Handler: ok},
		{Method: "GET", Path: "/print", Action: actor.CaseExport, Handler: ok},
		{Method: "GET", Path: "/read", Action: actor.AlertRead, Handler: ok},
		{Method: "GET", Path: "/red", Action: actor.AlertRead, Handler: func(echo.Context) error { return httpserver.StepUp() }},
	}
	cookie := func(who string) string { return "Cookie: " + session.Cookie + "=" + who }
	for name, tt := range map[string]struct {
		ago          time.Duration
		window       time.Duration
		method, path string
		headers      []string
		status       int
		to           string
	}{
		"a fresh second factor releases":    {time.Minute, 0, "POST", "/api/release", []string{cookie("approver")}, 200, ""},
		"an old one does not":               {16 * time.Minute, 0, "POST", "/api/release", []string{cookie("approver")}, 403, ""},
		"the window is a setting":           {16 * time.Minute, time.Hour, "POST", "/api/release", []string{cookie("approver")}, 200, ""},
		"a token does":                      {16 * time.Minute, 0, "POST", "/api/release", []string{"Authorization: Bearer approver"}, 200, ""},
		"a form says so":                    {16 * time.Minute, 0, "POST", "/release", []string{cookie("approver"), "Accept: text/html"}, 403, ""},
		"a page leads to it and back":       {16 * time.Minute, 0, "GET", "/print?a=b", []string{cookie("lead"), "Accept: text/html"}, 303, "/konto/bestaetigen?next=%2Fprint%3Fa%3Db"},
		"in English too":                    {16 * time.Minute, 0, "GET", "/print", []string{cookie("lead"), "X-Forwarded-Prefix: /en"}, 303, "/en/konto/bestaetigen?next=%2Fen%2Fprint"},
		"a fragment says so":                {16 * time.Minute, 0, "GET", "/print", []string{cookie("lead"), "HX-Request: true"}, 403, ""},
		"who may not is not asked":          {16 * time.Minute, 0, "GET", "/print", []string{cookie("officer")}, 404, ""},
		"reading asks nobody":               {16 * time.Minute, 0, "GET", "/read", []string{cookie("officer")}, 200, ""},
		"but an object can need it":         {16 * time.Minute, 0, "GET", "/red", []string{cookie("officer")}, 303, "/konto/bestaetigen?next=%2Fred"},
		"a guest signs in, without step-up": {16 * time.Minute, 0, "GET", "/print", nil, 303, "/konto/anmelden?next=%2Fprint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Sessions, o.StepUp = confirmed{ago: tt.ago}, tt.window
			w := ask(serve(o, routes...), tt.method, tt.path, "", append(tt.headers, "Sec-Fetch-Site: same-origin")...)
			if w.Code != tt.status || w.Header().Get("Location") != tt.to {
				t.Errorf("%d to %q, want %d to %q", w.Code, w.Header().Get("Location"), tt.status, tt.to)
			}
			if tt.status == 403 && problemOf(t, w.Body).Type != "/problems/"+string(fault.StepUpRequired) {
				t.Errorf("the problem is another: %s", w.Body)
			}
		})
	}
}
