// SPDX-License-Identifier: EUPL-1.2

package register_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

func mandate(id string, version int, change func(*event.MandateChanged)) event.MandateChanged {
	m := event.MandateChanged{ID: id, Version: version, Principal: "klettbach", Agent: "kiv", Scopes: []string{"report", "read"}, From: noon.Add(-time.Hour)}
	if change != nil {
		change(&m)
	}
	return m
}

func TestF19EventsInAnyOrderAndTwiceEndInTheNewestRecords(t *testing.T) {
	t.Parallel()
	all := []event.Payload{
		organisation("klettbach", "Klettbach", 1), organisation("klettbach", "Klettbach (alt)", 2), organisation("klettbach", "Klettbach neu", 3),
		organisation("kiv", "KIV", 1),
		person("kim", "Kim A", 1), person("kim", "Kim B", 2, event.Membership{Organisation: "kiv", Role: "provider"}),
		mandate("m", 1, nil), mandate("m", 2, func(m *event.MandateChanged) { m.Scopes = []string{"polls"} }),
	}
	for seed := range 6 {
		t.Run(fmt.Sprint("order ", seed), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			order := append(slices.Clone(all), all...)
			for i := range order { // a fixed shuffle for each seed
				j := (i*7 + seed*5) % len(order)
				order[i], order[j] = order[j], order[i]
			}
			b.load(order...)
			o, _ := b.Organisation("klettbach")
			p, _ := b.Person("kim")
			a, _ := b.ActorOf("kim")
			if o.Name != "Klettbach neu" || p.Name != "Kim B" || len(a.Mandates) != 1 || !slices.Equal(a.Mandates[0].Scopes, []actor.Scope{actor.ScopePolls}) {
				t.Errorf("%+v, %+v, %+v; want the newest of each", o, p, a.Mandates)
			}
		})
	}
}

func TestAnOlderVersionIsNoChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(organisation("o", "new", 2))
	b.load(organisation("o", "old", 1), organisation("o", "again", 2))
	if o, _ := b.Organisation("o"); o.Name != "new" {
		t.Errorf("name = %q, want the newest", o.Name)
	}
}

func TestF20WhatCannotBeReadNeverGetsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := event.New(organisation("o", "Ort", 1), event.Meta{At: noon})
	for name, change := range map[string]func(*event.Event){
		"data of another shape": func(e *event.Event) { e.Data = []byte(`{"id":7}`) },
		"no JSON":               func(e *event.Event) { e.Data = []byte(`{`) },
		"another id":            func(e *event.Event) { e.SubjectID = "p" },
		"no id":                 func(e *event.Event) { e.SubjectID, e.Data = "", []byte(`{}`) },
	} {
		e := good
		change(&e)
		err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error { return register.Store(t.Context(), tx, e) })
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	other := event.New(event.PersonInvited{Person: "p"}, event.Meta{At: noon})
	if err := register.Store(t.Context(), b.db, other); err != nil {
		t.Errorf("an event it has no use for: %v", err)
	}
	b.db.MustExec(`INSERT INTO register_record (kind, id, version, body) VALUES ('organisation', 'a', 1, '{'), ('person', 'b', 1, '[]'), ('session', 'c', 1, '7'), ('what', 'd', 1, '')`)
	b.load(organisation("z", "Zella", 1))
	if o, ok := b.Organisation("z"); !ok || o.Name != "Zella" {
		t.Error("a broken record hides the good ones")
	}
}

func TestARestartKnowsWhatTheTableHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(organisation("o", "Ort", 1), person("kim", "Kim", 1, event.Membership{Organisation: "o", Role: "officer"}))
	r := b.another()
	if _, ok := r.Organisation("o"); ok {
		t.Error("an empty register knows something before Load")
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, ok := r.ActorOf("kim"); !ok || a.Home() != "o" {
		t.Errorf("ActorOf = %+v, %v", a, ok)
	}
}

func TestMandatesHoldByTheClock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	end, gone := noon.Add(time.Hour), noon.Add(-time.Minute)
	b.load(organisation("klettbach", "Klettbach", 1), organisation("kiv", "KIV", 1),
		person("paul", "Paul", 1, event.Membership{Organisation: "kiv", Role: "provider"}, event.Membership{Organisation: "kiv", Role: "org_admin"}),
		mandate("runs", 1, func(m *event.MandateChanged) { m.From, m.To = noon, &end }),
		mandate("revoked", 1, func(m *event.MandateChanged) { m.RevokedAt = &gone }),
		mandate("of another firm", 1, func(m *event.MandateChanged) { m.Agent = "other" }))
	for name, tt := range map[string]struct {
		at   time.Time
		want []string
	}{
		"before it begins":    {noon.Add(-time.Second), nil},
		"when it begins":      {noon, []string{"runs"}},
		"just before it ends": {end.Add(-time.Nanosecond), []string{"runs"}},
		"when it ends":        {end, nil},
	} {
		b.clock.set(tt.at)
		a, _ := b.ActorOf("paul")
		var got []string
		for _, m := range a.Mandates {
			got = append(got, m.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: mandates %v, want %v", name, got, tt.want)
		}
		if may := a.May(actor.ReportRead, actor.Object{Organisation: "klettbach"}); may.Allowed != (tt.want != nil) {
			t.Errorf("%s: may read %v", name, may)
		}
		if listed := b.Mandates("klettbach"); len(listed) != len(tt.want)+1 {
			t.Errorf("%s: the principal sees %d, want also the one of another firm", name, len(listed))
		}
	}
}

func TestAMandateThatGoesToAnotherFirmLeavesTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	people := []event.Payload{
		organisation("kiv", "KIV", 1), organisation("new", "Neu", 1), organisation("klettbach", "Klettbach", 1),
		person("paul", "Paul", 1, event.Membership{Organisation: "kiv", Role: "provider"}),
		person("nora", "Nora", 1, event.Membership{Organisation: "new", Role: "provider"}), mandate("m", 1, nil),
	}
	b.load(people...)
	stop := b.run(b.Register)
	b.tell(mandate("m", 2, func(m *event.MandateChanged) { m.Agent = "new" }))
	b.eventually("with the new firm", func() bool { a, _ := b.ActorOf("nora"); return len(a.Mandates) == 1 })
	if a, _ := b.ActorOf("paul"); len(a.Mandates) != 0 {
		t.Errorf("the old firm still has %v", a.Mandates)
	}
	stop()
}

func TestOnlyActivePeopleOfActiveBodiesAreActors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	closed := organisation("closed", "Zu", 1)
	closed.Active = false
	left := person("left", "Lea", 1, event.Membership{Organisation: "o", Role: "officer"})
	left.Active = false
	b.load(organisation("o", "Ort", 1), closed, left,
		person("kim", "Kim", 1, event.Membership{Organisation: "closed", Role: "officer"}, event.Membership{Organisation: "o", Role: "officer"},
			event.Membership{Organisation: "unknown", Role: "lead"}))
	if _, ok := b.ActorOf("left"); ok {
		t.Error("who left is an actor")
	}
	if _, ok := b.ActorOf("nobody"); ok {
		t.Error("nobody is an actor")
	}
	a, ok := b.ActorOf("kim")
	if want := []actor.Membership{{Organisation: "o", Role: actor.Officer}}; !ok || !slices.Equal(a.Memberships, want) {
		t.Errorf("memberships = %v, want %v", a.Memberships, want)
	}
	if got := b.People("o", actor.Officer); len(got) != 1 || got[0].ID != "kim" {
		t.Errorf("People = %v, want only Kim", got)
	}
	if got := b.People(""); len(got) != 1 {
		t.Errorf("People of any role = %v, want only Kim", got)
	}
	if _, ok := b.Resolve("closed"); ok {
		t.Error("a closed body can be reported for")
	}
}

func TestAnAGSNamesTheActiveBodyThatHasIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	with := func(o event.OrganisationChanged, ags string, active bool) event.OrganisationChanged {
		o.AGS, o.Active = ags, active
		return o
	}
	b.load(with(organisation("a", "Klettbach", 1), "16071043", true), with(organisation("b", "Weimarer Land", 1), "16071000", true), organisation("c", "Ohne", 1))
	for key, want := range map[string]string{"16071043": "a", "16071000": "b", "a": "a", "c": "c", "16071": "", "": "", "99999999": ""} {
		if o, _ := b.Resolve(key); o.ID != want {
			t.Errorf("Resolve(%q) = %q, want %q", key, o.ID, want)
		}
	}
	// A reform: the old body ends, a new one takes the AGS over.
	b.load(with(organisation("a", "Klettbach", 2), "16071043", false), with(organisation("d", "Klettbach neu", 1), "16071043", true))
	if o, _ := b.Resolve("16071043"); o.ID != "d" {
		t.Errorf("after the reform the AGS names %q, want the new body", o.ID)
	}
}

func TestTheSearchKnowsUmlautsWordsAndNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	named := map[string]string{
		"16068051": "Sömmerda", "16071043": "Klettbach", "16055000": "Weimar, Stadt", "16071000": "Weimarer Land",
		"16061115": "Niederorschel", "16064003": "Bad Langensalza", "16077036": "Nöbdenitz", "16062041": "Nordhausen", "16070028": "Großbreitenbach",
	}
	for ags, name := range named {
		o := organisation(ags, name, 1)
		o.AGS = ags
		b.store(o)
	}
	b.load()
	for query, want := range map[string]string{
		"Sömmerda": "Sömmerda", "soemmerda": "Sömmerda", "SÖM": "Sömmerda", "noebd": "Nöbdenitz", "grossbr": "Großbreitenbach", "großbr": "Großbreitenbach",
		"langen": "Bad Langensalza", "weimar": "Weimar, Stadt|Weimarer Land", "weimar stadt": "Weimar, Stadt", "16071": "Klettbach|Weimarer Land",
		"bach": "Großbreitenbach|Klettbach", "  Bad   Langen ": "Bad Langensalza", "xyz": "", "": "", "%": "", "'": "",
	} {
		var got []string
		for _, o := range b.Search(query, 10) {
			got = append(got, o.Name)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("Search(%q) = %v, want %s", query, got, want)
		}
	}
	if got := b.Search("e", 2); len(got) != 2 {
		t.Errorf("a limit of 2 gives %d", len(got))
	}
	if got := b.Search("e", 0); got != nil {
		t.Errorf("a limit of 0 gives %v", got)
	}
	if got := b.Organisations(); len(got) != len(named) || got[0].Name != "Bad Langensalza" || got[len(got)-1].Name != "Weimarer Land" {
		t.Errorf("all bodies = %d, want %d in the order of their names", len(got), len(named))
	}
}

func TestABodyThatIsGoneLeadsToItsSuccessor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := func(id, ags, name, successor string) event.OrganisationChanged {
		o := organisation(id, name, 1)
		o.AGS, o.Active, o.Successor = ags, false, successor
		return o
	}
	there := organisation("new", "Neustadt", 1)
	there.AGS = "16099003"
	b.load(there, gone("b", "16099002", "Mitteldorf", "new"), gone("a", "16099001", "Altdorf", "b"), gone("c", "16099004", "Nirgendwo", ""))
	for ref, want := range map[string]string{"16099001": "new", "16099002": "new", "a": "new", "16099004": "", "16099003": "", "nonsense": ""} {
		_, got, ok := b.Successor(ref)
		if got.ID != want || ok != (want != "") {
			t.Errorf("Successor(%s) = %s, %v; want %q", ref, got.ID, ok, want)
		}
	}
	if _, ok := b.Resolve("16099001"); ok {
		t.Error("a body that is gone still counts as active")
	}
	for _, q := range []string{"Altdorf", "16099001", "mittel"} {
		if got := b.Search(q, 5); len(got) != 1 || got[0].ID != "new" {
			t.Errorf("Search(%s) = %v, want who took over", q, got)
		}
	}
	if got := b.Organisations(); len(got) != 1 {
		t.Errorf("%d bodies listed, want the active one", len(got))
	}
}
