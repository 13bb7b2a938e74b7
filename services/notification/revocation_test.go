// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/session"
)

// D18: a board that is open ends within five seconds when its person loses the
// role or is locked out, and tells nothing more.
func TestAnOpenBoardEndsWithTheRoleOrThePerson(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]event.PersonChanged{
		"another role": {Active: true, Memberships: []event.Membership{{Organisation: muster, Role: string(actor.Officer)}}},
		"locked out":   {Active: false, Memberships: []event.Membership{{Organisation: cert, Role: string(actor.Lead)}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			a := e.released(draft)
			link := e.link("officer@example.org")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.http.URL+"/warnungen/redaktion/"+a.Reference+"/ereignisse", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", session.Cookie+"=cookie-lead")
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() && lines.Text() != "event: hello" {
			}
			change.ID, change.Version, change.Name, change.Email, change.Language = personID(actor.Lead), 2, "Kim lead", "lead@example.org", "de"
			began := time.Now()
			e.learn(change)
			ended := make(chan bool)
			go func() {
				told := false
				for lines.Scan() {
					told = told || strings.HasPrefix(lines.Text(), "event: answers")
				}
				ended <- told
			}()
			path, tok := token(t, link)
			e.do(request{method: http.MethodPost, path: path + "/antwort", form: map[string][]string{"e": {tok}, "answer": {"help"}}})
			select {
			case told := <-ended:
				if told && time.Since(began) > 5*time.Second {
					t.Error("an answer was told after five seconds")
				}
				t.Logf("closed after %s", time.Since(began).Round(time.Millisecond))
			case <-time.After(5 * time.Second):
				t.Fatal("the board is open five seconds later")
			}
			if s := e.do(request{path: "/warnungen/redaktion/" + a.Reference, cookie: actor.Lead}).StatusCode; s == http.StatusOK {
				t.Error("the page of the board is still there")
			}
		})
	}
}

// D18: the end of a mandate needs no job: at that moment the agent's lists are
// empty, the page is gone and an answer is refused.
func TestAnExpiredMandateEndsByItself(t *testing.T) {
	t.Parallel()
	over := start.Add(-time.Second) // the clock of the tests stands still
	e := newEnv(t)
	a := e.released(draft)
	e.want(http.StatusOK, request{path: "/warnungen/" + a.Reference, cookie: actor.Provider})
	for i, principal := range []string{muster, landkreis} {
		e.learn(event.MandateChanged{
			ID: "0190c000-0000-7000-8000-00000000000" + string(rune('0'+i)), Version: 2, Principal: principal, Agent: kiv,
			Scopes: []string{"alerts", "polls"}, From: start.AddDate(-1, 0, 0), To: &over,
		})
	}
	deadline := time.After(5 * time.Second)
	for e.do(request{path: "/warnungen/" + a.Reference, cookie: actor.Provider}).StatusCode != http.StatusNotFound {
		select {
		case <-deadline:
			t.Fatal("the agent still reads the warning")
		default:
		}
	}
	e.want(http.StatusNotFound, request{path: "/warnungen", cookie: actor.Provider}) // no mandate, no list
	e.want(http.StatusNotFound, request{method: http.MethodPost, path: "/api/notification/v1/alerts/" + a.ID + "/answers", as: actor.Provider, json: `{"organisation":"16071043","answer":"fixed"}`})
}
