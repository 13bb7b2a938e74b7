// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"net/http"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

func TestOneTokenMayAskOnlySoOften(t *testing.T) {
	t.Parallel()
	o := options()
	o.APIRequests = 5
	e := serve(o, httpserver.Route{Method: "GET", Path: "/api/x", Action: actor.CaseRead, Handler: ok},
		httpserver.Route{Method: "GET", Path: "/x", Action: actor.CaseRead, Handler: ok})
	count := func(path, who string) (answered int) {
		for range 20 {
			w := ask(e, "GET", path, "", "Authorization: Bearer "+who)
			if w.Code == http.StatusOK {
				answered++
			} else if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
				t.Fatalf("%s: %d, want 429 with Retry-After", path, w.Code)
			}
		}
		return answered
	}
	for name, tt := range map[string]struct {
		path, who string
		want      int
	}{"a token": {"/api/x", "lead", 5}, "another is not stopped by it": {"/api/x", "duty", 5}, "pages are for people": {"/x", "analyst", 20}} {
		if got := count(tt.path, tt.who); got != tt.want {
			t.Errorf("%s: %d of 20 answered, want %d", name, got, tt.want)
		}
	}
}
