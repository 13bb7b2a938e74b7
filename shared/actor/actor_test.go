// SPDX-License-Identifier: EUPL-1.2

package actor_test

import (
	"slices"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

func agent(scopes ...actor.Scope) actor.Actor {
	return actor.Actor{
		Person: me, Memberships: []actor.Membership{{Organisation: home, Role: actor.Provider}},
		Mandates: []actor.Mandate{{ID: "m1", Principal: client, Agent: home, Scopes: scopes}},
	}
}

func TestAMandateGivesExactlyItsScopes(t *testing.T) {
	t.Parallel()
	needs := map[actor.Action]actor.Scope{
		actor.ReportCreate: actor.ScopeReport, actor.ReportRead: actor.ScopeRead, actor.ReportSupplement: actor.ScopeReport,
		actor.AttachmentDownload: actor.ScopeRead, actor.AlertRead: actor.ScopeAlerts, actor.PollAnswer: actor.ScopePolls,
	}
	for _, given := range actor.Scopes() {
		for action, needed := range needs {
			got := agent(given).May(action, actor.Object{Organisation: client, Agent: home}) // begun by the agent itself
			if got.Allowed != (given == needed || given == actor.WholeScope(action)) {
				t.Errorf("%s under a mandate for %q = %v, want %v", action, given, got.Allowed, given == needed)
			}
			if got.Allowed && (got.OnBehalfOf != client || got.Mandate != "m1") {
				t.Errorf("%s: decided %+v, want the principal and the mandate", action, got)
			}
		}
	}
}

// reliability model §2.4, "M(report) own": with the scope report an agent adds to
// what it reported itself, with edit to what the principal or another agent did.
func TestAddingToWhatOthersBeganNeedsItsOwnScope(t *testing.T) {
	t.Parallel()
	for _, action := range []actor.Action{actor.ReportSupplement, actor.ReportMessage, actor.AttachmentAdd} {
		for began, o := range map[string]actor.Object{"the principal": {Organisation: client}, "another agent": {Organisation: client, Agent: foreign}} {
			for _, given := range actor.Scopes() {
				for _, a := range []actor.Actor{agent(given), agent(given).Indexed()} {
					if got := a.May(action, o).Allowed; got != (given == actor.ScopeEdit) {
						t.Errorf("%s to what %s began, with the scope %s: %v", action, began, given, got)
					}
				}
			}
		}
	}
	if actor.WholeScope(actor.ReportRead) != "" {
		t.Error("reading makes a difference between who began it")
	}
}

// reliability model §2.5: TLP:RED that a body reported itself reaches no provider.
func TestNoMandateReachesWhatIsForTheBodyAlone(t *testing.T) {
	t.Parallel()
	for _, a := range []actor.Actor{agent(actor.Scopes()...), agent(actor.Scopes()...).Indexed()} {
		if got := a.May(actor.ReportRead, actor.Object{Organisation: client, OwnOnly: true}); got.Allowed {
			t.Errorf("May = %+v, want a denial", got)
		}
	}
	own := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: client, Role: actor.Officer}}}
	if !own.May(actor.ReportRead, actor.Object{Organisation: client, OwnOnly: true}).Allowed {
		t.Error("the body's own officer may not read it")
	}
}

func TestAMandateOfAnotherAgentGivesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*actor.Actor){
		"the mandate is another firm's":      func(a *actor.Actor) { a.Mandates[0].Agent = foreign },
		"the principal is another body":      func(a *actor.Actor) { a.Mandates[0].Principal = foreign },
		"the mandate has no scopes":          func(a *actor.Actor) { a.Mandates[0].Scopes = nil },
		"there is no mandate in force":       func(a *actor.Actor) { a.Mandates = nil },
		"the person is no longer a provider": func(a *actor.Actor) { a.Memberships[0].Role = actor.OrgAdmin },
		"the person left the firm":           func(a *actor.Actor) { a.Memberships = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := agent(actor.Scopes()...)
			change(&a)
			if got := a.May(actor.ReportRead, actor.Object{Organisation: client}); got.Allowed {
				t.Errorf("May = %+v, want a denial", got)
			}
			if slices.Contains(a.View(actor.ReportRead).Organisations, client) {
				t.Error("the list shows the principal's reports")
			}
		})
	}
}

func TestAGuestMayOnlyWhatTheCodeOpens(t *testing.T) {
	t.Parallel()
	for _, action := range actor.Actions() {
		with := actor.Actor{}.May(action, actor.Object{Organisation: home, Code: true}).Allowed
		without := actor.Actor{}.May(action, actor.Object{Organisation: home}).Allowed
		if want := actor.GuestByCode(action); with != want {
			t.Errorf("a guest with the code may %s: %v, want %v", action, with, want)
		}
		if want := action == actor.Public; without != want {
			t.Errorf("a guest without the code may %s: %v, want %v", action, without, want)
		}
		if v := (actor.Actor{}).View(action); !v.Empty() {
			t.Errorf("a guest's list of %s shows %+v, want nothing", action, v)
		}
	}
}

func TestAListShowsOwnAndMandatedBodiesOnce(t *testing.T) {
	t.Parallel()
	a := actor.Actor{Person: me, Memberships: []actor.Membership{
		{Organisation: home, Role: actor.Provider}, {Organisation: home, Role: actor.Officer}, {Organisation: client, Role: actor.Officer},
	}, Mandates: []actor.Mandate{
		{ID: "m1", Principal: client, Agent: home, Scopes: []actor.Scope{actor.ScopeRead}},
		{ID: "m2", Principal: foreign, Agent: home, Scopes: []actor.Scope{actor.ScopeReport}},
	}}
	v := a.View(actor.ReportRead)
	if want := []string{client, home}; !slices.Equal(v.Organisations, want) || v.Everything || v.Mine || v.Assigned {
		t.Errorf("View = %+v, want only %v", v, want)
	}
}

func TestAnActorIsNamedByPersonServiceOrGuest(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]actor.Actor{me: {Person: me, Name: "Kim"}, "service:triage": actor.System("triage"), "guest": {}} {
		if got := a.ID(); got != want {
			t.Errorf("ID = %q, want %q", got, want)
		}
		if a.SignedIn() != (want == me) {
			t.Errorf("%s is signed in: %v", want, a.SignedIn())
		}
	}
}

func TestRolesComeOnceAndInTheirOrder(t *testing.T) {
	t.Parallel()
	a := actor.Actor{Memberships: []actor.Membership{
		{Organisation: home, Role: actor.Lead}, {Organisation: client, Role: actor.Officer}, {Organisation: home, Role: actor.Officer},
	}}
	if got, want := a.Roles(), []actor.Role{actor.Officer, actor.Lead}; !slices.Equal(got, want) {
		t.Errorf("Roles = %v, want %v", got, want)
	}
	if a.Home() != home || (actor.Actor{}).Home() != "" {
		t.Errorf("Home = %q and %q, want the first membership's and none", a.Home(), actor.Actor{}.Home())
	}
	if !a.Has(actor.Editor, actor.Lead) || a.Has(actor.Editor) {
		t.Error("Has does not answer for any of the roles")
	}
}

func TestMayAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun counts the whole process
	a := agent(actor.ScopeReport, actor.ScopeRead)
	o := actor.Object{Organisation: client}
	if n := testing.AllocsPerRun(100, func() { _ = a.May(actor.ReportRead, o) }); n != 0 {
		t.Errorf("May allocates %v times, want 0: every row of every list asks it", n)
	}
}
