// SPDX-License-Identifier: EUPL-1.2

package actor_test

import (
	"fmt"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// provider acts for 605 municipalities, as many as Thuringia has.
func provider() (actor.Actor, actor.Object) {
	a := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: home, Role: actor.Provider}}}
	for i := range 605 {
		a.Mandates = append(a.Mandates, actor.Mandate{
			ID: fmt.Sprintf("m%d", i), Agent: home, Principal: fmt.Sprintf("0192f0c0-0000-7000-8000-%012d", i), Scopes: actor.Scopes(),
		})
	}
	return a.Indexed(), actor.Object{Organisation: "0192f0c0-0000-7000-8000-000000000604", Owner: other}
}

func BenchmarkMay(b *testing.B) {
	a, o := provider()
	b.ReportAllocs()
	for b.Loop() {
		if !a.May(actor.ReportRead, o).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkMayOfALockedCase(b *testing.B) {
	a := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: home, Role: actor.Analyst}}}
	o := actor.Object{Organisation: foreign, Assignee: me, Locked: true}
	b.ReportAllocs()
	for b.Loop() {
		if !a.May(actor.CaseRead, o).Allowed {
			b.Fatal("denied")
		}
	}
}

// The decision stands on the way of every request and every row: it costs no
// allocation, however many mandates there are.
func TestADecisionAllocatesNothing(t *testing.T) {
	a, o := provider()
	analyst := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: home, Role: actor.Analyst}}}
	for name, ask := range map[string]func(){
		"for one of 605 mandates": func() { a.May(actor.ReportRead, o) },
		"for none":                func() { a.May(actor.ReportRead, actor.Object{Organisation: foreign}) },
		"at the door":             func() { a.Reaches(actor.ReportRead) },
		"of a locked case": func() {
			analyst.May(actor.CaseRead, actor.Object{Organisation: foreign, Assignee: other, Locked: true})
		},
	} {
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// The index answers as the list does.
func TestTheIndexChangesNoAnswer(t *testing.T) {
	t.Parallel()
	a, _ := provider()
	a.Mandates[3].Scopes = []actor.Scope{actor.ScopePolls}
	a.Mandates[4].Agent = other
	a.Mandates = append(a.Mandates, actor.Mandate{ID: "again", Agent: home, Principal: a.Mandates[3].Principal, Scopes: []actor.Scope{actor.ScopeRead}})
	listed := actor.Actor{Person: a.Person, Memberships: a.Memberships, Mandates: a.Mandates}
	a = listed.Indexed()
	for _, d := range a.Mandates {
		o := actor.Object{Organisation: d.Principal}
		for _, action := range []actor.Action{actor.ReportRead, actor.PollAnswer, actor.CaseRead} {
			if got, want := a.May(action, o), listed.May(action, o); got != want {
				t.Errorf("%s for %s: %+v, want %+v", action, d.Principal, got, want)
			}
		}
	}
	if got := a.Seer(actor.ReportRead); len(got.Mandated) != 604 || got.Everything || got.Person != "" {
		t.Errorf("the reader sees %d, want all principals but the one of another agent", len(got.Mandated))
	}
}

func TestReachesIsAViewThatIsNotEmpty(t *testing.T) {
	t.Parallel()
	for _, action := range actor.Actions() {
		for _, role := range actor.Roles() {
			for _, scopes := range [][]actor.Scope{nil, actor.Scopes()} {
				a := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: home, Role: role}}}
				if scopes != nil {
					a.Mandates = []actor.Mandate{{ID: "m", Agent: home, Principal: client, Scopes: scopes}}
				}
				if got, want := a.Reaches(action), !a.View(action).Empty(); got != want {
					t.Errorf("%s × %s with scopes %v: %v, want %v", action, role, scopes, got, want)
				}
			}
		}
	}
}
