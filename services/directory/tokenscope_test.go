// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// A program does what a person must show the second factor for only when its
// token was made for that: every route of the directory, with both kinds.
func TestATokenStepsUpOnlyWhenItWasMadeForIt(t *testing.T) {
	t.Parallel()
	b := setup(t, "pflege", "chefin")
	made := func(as string, stepUp any) string {
		var x struct {
			Token  string
			StepUp bool `json:"step_up"`
		}
		in := map[string]any{"name": "Programm"}
		if stepUp != nil {
			in["step_up"] = stepUp
		}
		b.want(ask{method: "POST", path: "/api/directory/v1/tokens", as: as, json: in, header: map[string]string{"Idempotency-Key": event.NewID()}}, 201).decode(t, &x)
		if want := stepUp == true; x.StepUp != want {
			t.Errorf("made with %v: step_up %v, want %v", stepUp, x.StepUp, want)
		}
		return x.Token
	}
	for _, as := range []string{"pflege", "chefin"} {
		p := b.people[as]
		for kind, token := range map[string]string{"plain": made(as, nil), "off": made(as, false), "scoped": made(as, true)} {
			b.people[kind] = holding(p, token)
			b.want(ask{path: "/api/directory/v1/me", as: kind}, 200)
			for _, route := range b.Routes() {
				if !actor.NeedsStepUp(route.Action) || !strings.HasPrefix(route.Path, "/api/") {
					continue
				}
				a := ask{method: route.Method, path: strings.NewReplacer(":id", "x", ":kind", "x").Replace(route.Path), as: kind}
				if route.Method != http.MethodGet {
					a.json = map[string]any{}
				}
				got := b.do(a)
				refused := got.StatusCode == 403 && strings.Contains(got.body, "/problems/step-up-required")
				if may := got.StatusCode != 404 || kind == "scoped"; kind == "scoped" && refused || kind != "scoped" && may && !refused {
					t.Errorf("%s %s with a %s token of %s: %d %.200s", route.Method, route.Path, kind, as, got.StatusCode, got.body)
				}
			}
		}
	}
	if n := b.count(`SELECT count(*) FROM audit WHERE action = 'token.create.stepup'`); n != 2 {
		t.Errorf("%d entries of the stronger kind in the audit, want 2", n)
	}
	w := b.browser()
	w.enter("chefin")
	w.post("/konto/tokens", url.Values{"name": {"Seite"}, "expires_at": {"30"}, "key": {"k1"}})
	w.post("/konto/tokens", url.Values{"name": {"Seite mehr"}, "expires_at": {"30"}, "key": {"k2"}, "step_up": {"on"}})
	if n := b.count(`SELECT count(*) FROM token WHERE name LIKE 'Seite%' AND step_up`); n != 1 {
		t.Errorf("%d stronger tokens from the form, want the ticked one", n)
	}
	if body := w.get("/konto").body; !strings.Contains(body, "nötig, also gesperrt") || !strings.Contains(body, "nicht nötig") {
		t.Error("the list does not tell the two kinds apart")
	}
	b.chain()
}

// holding is the person with another token.
func holding(p directory.Loaded, token string) directory.Loaded {
	p.Token = token
	return p
}
