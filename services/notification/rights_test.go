// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/session"
)

// reliability §2.3: every refusal of somebody who is signed in is in the audit.
func TestDenialsAreInTheAudit(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := e.released(named(draft, landkreis))
	for name, tt := range map[string]struct {
		r                request
		action, on, what string
	}{
		"the warning of another body":  {request{path: "/api/notification/v1/alerts/" + w.ID}, "alert.read", "alert", w.ID},
		"the answer of another body":   {request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + w.ID + "/answers", json: `{"organisation":"` + landkreis + `","answer":"fixed"}`}, "poll.answer", "organisation", landkreis},
		"a release is no officer's":    {request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + w.ID + "/release"}, "alert.approve", "route", "POST /api/notification/v1/alerts/" + w.ID + "/release"},
		"nor is a look at the mailing": {request{path: "/api/notification/v1/alerts/" + w.ID + "/deliveries"}, "delivery.read", "route", "GET /api/notification/v1/alerts/" + w.ID + "/deliveries"},
	} {
		tt.r.as = actor.Officer
		e.want(http.StatusNotFound, tt.r)
		var n int
		if err := e.db.Get(&n, `SELECT count(*) FROM audit WHERE result = 'denied' AND actor = $1 AND action = $2 AND object_type = $3 AND object_id = $4`,
			personID(actor.Officer), tt.action, tt.on, tt.what); err != nil || n != 1 {
			t.Errorf("%s: %d denials in the audit (%v), want 1", name, n, err)
		}
	}
}

// TLP 2.0: AMBER reaches an organisation's clients and providers, AMBER+STRICT
// stays inside it. That holds for lists and answers as for the page.
func TestUnderAMandateNothingBeyondAMBERIsListedOrAnswered(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const api = "/api/notification/v1/alerts"
	for label, open := range map[string]bool{"GREEN": true, "AMBER": true, "AMBER+STRICT": false, "RED": false} {
		w := e.released(named(with(label), muster))
		for path, mark := range map[string]string{api: w.ID, "/warnungen": w.Reference} {
			if got := strings.Contains(e.want(http.StatusOK, request{path: path, cookie: actor.Officer}).body, mark); !got {
				t.Errorf("%s: the own officer does not find it in %s", label, path)
			}
			if got := strings.Contains(e.want(http.StatusOK, request{path: path, cookie: actor.Provider}).body, mark); got != open {
				t.Errorf("%s: in the provider's list %s = %v, want %v", label, path, got, open)
			}
		}
		want := map[bool]int{true: http.StatusCreated, false: http.StatusNotFound}[open]
		e.want(want, request{method: http.MethodPost, path: api + "/" + w.ID + "/answers", as: actor.Provider, json: `{"organisation":"` + muster + `","answer":"fixed"}`})
		e.want(http.StatusCreated, request{method: http.MethodPost, path: api + "/" + w.ID + "/answers", as: actor.Officer, json: `{"organisation":"` + muster + `","answer":"fixed"}`})
	}
}

func TestTheNumberOfOpenBoardsIsBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func(ctx context.Context) int {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.http.URL+"/warnungen/redaktion/"+a.Reference+"/ereignisse", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", session.Cookie+"=cookie-lead")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode
	}
	for i := range web.MaxStreams {
		if status := open(ctx); status != http.StatusOK {
			t.Fatalf("stream %d: %d", i, status)
		}
	}
	if status := open(t.Context()); status != http.StatusTooManyRequests {
		t.Errorf("one more than %d: %d, want 429", web.MaxStreams, status)
	}
	cancel()
	devstack.Eventually(t, 10*time.Second, "a free place", func() bool { return open(t.Context()) == http.StatusOK })
}
