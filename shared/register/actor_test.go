// SPDX-License-Identifier: EUPL-1.2

package register_test

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

// A provider's hundreds of mandates are looked through once, not for every
// request; what changes counts at once, and so does the clock.
func TestAnActorIsComputedOnceUntilSomethingChanges(t *testing.T) {
	b := setup(t)
	at := noon
	r := register.New(b.db, b.url, "test", b.bus, zap.NewNop(), func() time.Time { return at })
	end := noon.Add(10 * time.Minute)
	later := event.MandateChanged{ID: "m2", Version: 1, Principal: "o2", Agent: "o0", Scopes: []string{"read"}, From: noon.Add(5 * time.Minute)}
	put := func(p ...event.Payload) {
		t.Helper()
		for _, x := range p {
			e := event.New(x, event.Meta{At: noon, Actor: "test"})
			if err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error { return register.Store(t.Context(), tx, e) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mandates := func() int {
		a, _ := r.ActorOf("kim")
		return len(a.Mandates)
	}
	put(organisation("o0", "Firma", 1), organisation("o1", "Ort", 1),
		event.PersonChanged{ID: "kim", Version: 1, Name: "Kim", Active: true, Memberships: []event.Membership{{Organisation: "o0", Role: "provider"}}},
		event.MandateChanged{ID: "m1", Version: 1, Principal: "o1", Agent: "o0", Scopes: []string{"read"}, From: noon.Add(-time.Hour), To: &end}, later)
	if n := mandates(); n != 1 {
		t.Fatalf("%d mandates, want the one in force", n)
	}
	if n := testing.AllocsPerRun(100, func() { mandates() }); n != 0 {
		t.Errorf("asking again allocates %v times, want 0", n)
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{4 * time.Minute, 1}, {5 * time.Minute, 2}, {9 * time.Minute, 2}, {10 * time.Minute, 1}, {0, 1}} {
		at = noon.Add(step.after)
		if n := mandates(); n != step.want {
			t.Errorf("after %s: %d mandates, want %d", step.after, n, step.want)
		}
	}
	revoked := noon
	later.Version, later.RevokedAt = 2, &revoked
	at = noon.Add(6 * time.Minute)
	put(later)
	if n := mandates(); n != 1 {
		t.Errorf("%d mandates after one was revoked, want 1", n)
	}
}
