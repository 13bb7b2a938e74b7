// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/erasure"
	"github.com/thueringencert/leitstelle/services/directory/internal/store"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// invite stores an invitation as it is mailed; accepted is nil while it is open.
func invite(t *testing.T, db *sqlx.DB, organisation, person, email string, expires time.Time, accepted *time.Time) string {
	t.Helper()
	id := event.NewID()
	if _, err := db.Exec(`
		INSERT INTO invitation (id, kind, person, name, email, function, language, memberships, organisation, invited_by, made_at, four_eyes,
			expires_at, accepted_at, version)
		VALUES ($1, 'join', $2, 'Kim Beispiel', $3, '', 'de', '[]', $4, 'x', $5, false, $6, $7, 1)`,
		id, person, email, organisation, expires.Add(-7*24*time.Hour), expires, accepted); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestInvitationsGo90DaysAfterTheirEnd(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	o := register(t, s, "x")[0].ID
	old, late := noon.Add(-91*retention.Day), noon.Add(-89*retention.Day)
	invite(t, db, o, event.NewID(), "ran-out@example.org", old, nil)
	invite(t, db, o, event.NewID(), "joined@example.org", noon.Add(-85*retention.Day), &old)
	want := []string{
		invite(t, db, o, event.NewID(), "young@example.org", late, nil),
		invite(t, db, o, event.NewID(), "open@example.org", noon.Add(time.Hour), nil),
	}
	desk, err := retention.NewDesk("directory", db, retention.Config{Mode: retention.Approved}, func() time.Time { return noon }, store.Retention())
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := db.Select(&left, `SELECT id FROM invitation ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(want); !slices.Equal(left, want) {
		t.Errorf("left are %v, want the young and the open one %v", left, want)
	}
	if n := count(t, db, `SELECT count(*) FROM audit WHERE action = 'retention.delete'`); n != 1 {
		t.Errorf("%d audit entries of the deletion, want 1", n)
	}
}

// Nothing that a person signed in with, and no link to them, outlives an erasure.
func TestAnErasureTakesEveryWayInAway(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	o := register(t, s, "x")[0].ID
	p, other := add(t, s, "kim@example.org"), add(t, s, "robin@example.org")
	for _, x := range []struct{ person, email string }{{p.ID, "neu@example.org"}, {event.NewID(), "Kim@example.org"}, {other.ID, other.Email}} {
		invite(t, db, o, x.person, x.email, noon.Add(time.Hour), nil)
	}
	for _, x := range []string{p.ID, other.ID} {
		for _, q := range []string{
			`INSERT INTO identity (id, person, issuer, subject, provider, label, linked_at) VALUES ($1, $2::uuid, 'i', $2::uuid::text, 'p', 'Kim', now())`,
			`INSERT INTO passkey (id, person, credential, record, name, created_at) VALUES ($1, $2::uuid, convert_to($2::uuid::text, 'UTF8'), '{}', 'Kim', now())`,
			`INSERT INTO recovery_set (id, person, made_at) VALUES ($1, $2::uuid, now())`,
			`INSERT INTO recovery_code (id, person, sum) VALUES ($1, $2::uuid, convert_to($2::uuid::text, 'UTF8'))`,
		} {
			if _, err := db.Exec(q, event.NewID(), x); err != nil {
				t.Fatal(err)
			}
		}
	}
	e := store.Erasures{Store: s}
	w := erasure.Wish{ID: event.NewID(), Person: p.ID, Reason: "left", State: "proposed", ProposedBy: "a", ProposedAt: noon}
	if err := e.Add(t.Context(), act, w); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Decide(t.Context(), constituency.Act{Actor: act.Actor, At: noon}, w.ID, func(w *erasure.Wish) error {
		w.State, w.DecidedBy, w.DecidedAt = erasure.Confirmed, "b", &w.ProposedAt
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"account", "identity", "passkey", "recovery_set", "recovery_code", "invitation"} {
		if n := count(t, db, `SELECT count(*) FROM `+table); n != 1 {
			t.Errorf("%d rows of %s are left, want the other person's", n, table)
		}
	}
}
