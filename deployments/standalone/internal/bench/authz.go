// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

const (
	mandatesOfAProvider = 605 // as many as Thuringia has municipalities
	decisions           = 2_000_000
)

// Authz measures one permission decision on the hot path: a provider with a
// mandate of every municipality asks for the report of each in turn, and of one
// that gave none. A wrong answer or an allocation fails it.
func Authz(_ context.Context, p Plan, _ string) (Figures, error) {
	const firm = "0190a000-0000-7000-8000-00000000f1f0"
	a := actor.Actor{Person: "0190a000-0000-7000-8000-0000000000aa", Memberships: []actor.Membership{{Organisation: firm, Role: actor.Provider}}}
	asked := make([]actor.Object, mandatesOfAProvider+1)
	for i := range asked {
		asked[i].Organisation = fmt.Sprintf("0192f0c0-0000-7000-8000-%012d", i)
		if i < mandatesOfAProvider {
			a.Mandates = append(a.Mandates, actor.Mandate{ID: asked[i].Organisation, Agent: firm, Principal: asked[i].Organisation, Scopes: actor.Scopes()})
		}
	}
	a = a.Indexed()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, denied := time.Now(), 0
	for i := range decisions {
		if !a.May(actor.ReportRead, asked[i%len(asked)]).Allowed {
			denied++
		}
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if want := decisions / len(asked); denied != want {
		return nil, fmt.Errorf("%d of %d decisions were no, want %d", denied, decisions, want)
	}
	if after.Mallocs-before.Mallocs > decisions/100 {
		return nil, errors.New("a decision allocates")
	}
	each := float64(took.Nanoseconds()) / decisions
	_, _ = fmt.Fprintf(p.Out, "  a decision over %d mandates takes %.0f ns\n", mandatesOfAProvider, each)
	var f Figures
	f.Add("authz.decision", each, "ns")
	return f, nil
}
