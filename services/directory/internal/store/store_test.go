// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/service"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var act = constituency.Act{Actor: actor.System("test"), At: noon}

func setup(t *testing.T) (*store.Store, *sqlx.DB) {
	t.Helper()
	db, _ := devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	return &store.Store{DB: db, AuditKey: []byte("k")}, db
}

func add(t *testing.T, s *store.Store, email string, memberships ...account.Membership) account.Person {
	t.Helper()
	p := account.Person{ID: event.NewID(), Name: "Kim Beispiel", Email: email, Language: "de", Active: true, Memberships: memberships, Version: 1, ChangedAt: noon}
	if err := s.AddPeople(context.Background(), act, []account.Added{{Person: p, PasswordHash: "-", SealedTOTP: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	return p
}

func register(t *testing.T, s *store.Store, keys ...string) []constituency.Organisation {
	t.Helper()
	var entries []constituency.Entry
	for _, k := range keys {
		entries = append(entries, constituency.Entry{Key: k, Level: constituency.StateBody, Name: "Stelle " + k, OfficialName: "Stelle " + k})
	}
	p, err := s.ApplyPlan(context.Background(), act, func(current []constituency.Organisation) (constituency.Plan, error) {
		return constituency.Diff(current, constituency.File{Stand: noon, Entries: entries}, noon, event.NewID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.Save
}

func count(t *testing.T, db *sqlx.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.Get(&n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPeopleChangeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	p := add(t, s, "kim@example.org")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := s.UpdatePerson(context.Background(), act, p.ID, "person.test", func(p *account.Person) (bool, error) {
				p.Version++
				return true, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := s.Person(context.Background(), p.ID); err != nil || got.Version != 11 {
		t.Errorf("version %d, %v; want 11: no change is lost", got.Version, err)
	}
	if n := count(t, db, `SELECT count(*) FROM audit WHERE action = 'person.test'`); n != 10 {
		t.Errorf("audit entries: %d, want 10", n)
	}
	if n := count(t, db, `SELECT count(DISTINCT body::jsonb->>'subject_version') FROM outbox WHERE type = 'directory.person.changed'`); n != 11 {
		t.Errorf("events with different versions: %d, want 11", n)
	}
}

func TestAChangeWithoutItsAuditEntryDoesNotHappen(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	p := add(t, s, "kim@example.org")
	db.MustExec(`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$`)
	db.MustExec(`CREATE TRIGGER no BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no()`)
	ctx := context.Background()
	_, err := s.UpdatePerson(ctx, act, p.ID, "x", func(p *account.Person) (bool, error) { return p.SetLanguage("en", noon) })
	if err == nil {
		t.Error("the change went through")
	}
	session := account.Session{ID: event.NewID(), Sum: []byte{1}, Person: p.ID, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour), StepUpAt: noon, Version: 1}
	if err := s.StartSession(ctx, act, account.Start{Action: "account.signin", Session: session, Proof: account.Proof{Step: 1}, Try: account.Try{ID: event.NewID()}}); err == nil {
		t.Error("the session began")
	}
	if got, err := s.Person(ctx, p.ID); err != nil || got.Language != "de" {
		t.Errorf("%+v, %v; want nothing changed", got, err)
	}
	if n := count(t, db, `SELECT count(*) FROM session`) + count(t, db, `SELECT count(*) FROM outbox WHERE body LIKE '%"en"%'`) +
		count(t, db, `SELECT count(*) FROM account WHERE totp_step > 0`); n != 0 {
		t.Errorf("%d rows stayed of what was rolled back", n)
	}
}

func TestAFailedChangeLeavesNothing(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	p := add(t, s, "kim@example.org")
	boom := errors.New("boom")
	_, err := s.UpdatePerson(context.Background(), act, p.ID, "x", func(p *account.Person) (bool, error) { p.Name = "X"; return true, boom })
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
	if n := count(t, db, `SELECT count(*) FROM person WHERE name = 'X'`) + count(t, db, `SELECT count(*) FROM audit WHERE action = 'x'`); n != 0 {
		t.Errorf("%d rows changed", n)
	}
}

func TestParallelTriesGainNothing(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, err := s.CountTry(context.Background(), account.Try{ID: event.NewID(), Account: []byte("kim"), Network: "10.0.0.1", At: noon}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db, `SELECT count(*) FROM sign_in_try`); n != account.PerAccount {
		t.Errorf("tries let through: %d, want %d", n, account.PerAccount)
	}
	got, err := s.CountTry(context.Background(), account.Try{ID: event.NewID(), Account: []byte("kim"), Network: "10.0.0.2", At: noon.Add(14 * time.Minute)})
	if err != nil || got.Check(noon.Add(14*time.Minute), account.Limits{}) == nil || !got.AccountFree.Equal(noon.Add(account.Window)) {
		t.Errorf("after 14 minutes: %+v, %v; want limited until %v", got, err, noon.Add(account.Window))
	}
}

func TestAnAddressBelongsToOnePerson(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	add(t, s, "kim@example.org")
	err := s.AddPeople(context.Background(), act, []account.Added{{Person: account.Person{ID: event.NewID(), Name: "Robin", Email: "kim@example.org", Language: "de", ChangedAt: noon}}})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("error %v, want Conflict", err)
	}
}

func TestActorOf(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ctx := context.Background()
	orgs := register(t, s, "a", "b", "c")
	hour := func(n int) *time.Time { x := noon.Add(time.Duration(n) * time.Hour); return &x }
	for _, m := range []mandate.Mandate{
		{Principal: orgs[1].ID, From: *hour(-1)},
		{Principal: orgs[2].ID, From: *hour(1)},
		{Principal: orgs[2].ID, From: *hour(-2), To: hour(-1)},
		{Principal: orgs[2].ID, From: *hour(-1), RevokedAt: hour(0)},
	} {
		m.ID, m.Agent, m.Scopes, m.State, m.Version, m.ChangedAt = event.NewID(), orgs[0].ID, []actor.Scope{actor.ScopeRead}, mandate.Active, 1, noon
		if err := s.AddMandate(ctx, act, "mandate.grant", m, mandate.Effect{}); err != nil {
			t.Fatal(err)
		}
	}
	p := add(t, s, "kim@example.org", account.Membership{Organisation: orgs[0].ID, Role: actor.Provider}, account.Membership{Organisation: orgs[1].ID, Role: actor.Officer})
	a, ok, err := s.ActorOf(ctx, p.ID, noon)
	if err != nil || !ok || a.Home() != orgs[0].ID || len(a.Memberships) != 2 || len(a.Mandates) != 1 || a.Mandates[0].Principal != orgs[1].ID {
		t.Errorf("ActorOf = %+v, %v, %v; want two roles, the first is home, and the one mandate in force", a, ok, err)
	}
	if !a.May(actor.ReportRead, actor.Object{Organisation: orgs[1].ID}).Allowed || a.May(actor.ReportRead, actor.Object{Organisation: orgs[2].ID}).Allowed {
		t.Error("the mandates give other rights than they say")
	}
	if _, err := s.UpdateOrganisation(ctx, act, orgs[1].ID, "x", func(o *constituency.Organisation) (bool, error) { o.GoneAt = hour(0); return true, nil }); err != nil {
		t.Fatal(err)
	}
	if a, _, _ := s.ActorOf(ctx, p.ID, noon); len(a.Memberships) != 1 {
		t.Errorf("memberships %+v, want none in a body that is gone", a.Memberships)
	}
	for name, id := range map[string]string{"nobody": event.NewID(), "no id": "x"} {
		if _, ok, err := s.ActorOf(ctx, id, noon); ok || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v, %v; want NotFound", name, ok, err)
		}
	}
}

func TestTokensHaveALimit(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	p := add(t, s, "kim@example.org")
	create := func(i int) error {
		return s.CreateToken(context.Background(), act, account.Token{
			ID: event.NewID(), Sum: []byte(strings.Repeat("x", i+1)), Person: p.ID, Name: "t",
			CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Version: 1,
		})
	}
	for i := range account.MaxTokens {
		if err := create(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := create(account.MaxTokens); fault.KindOf(err) != fault.Conflict {
		t.Errorf("one more: %v, want Conflict", err)
	}
}

func TestUploadsAreKeptForADay(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ctx := context.Background()
	old := constituency.Upload{ID: event.NewID(), Hash: "h", UploadedAt: noon, File: constituency.File{
		Stand:   constituency.Stand,
		Entries: []constituency.Entry{{Key: "k", Level: constituency.VG, Name: "VG X"}},
	}}
	if err := s.KeepUpload(ctx, act, old); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Upload(ctx, old.ID); err != nil || got.File.Entries[0].Key != "k" || !got.File.Stand.Equal(constituency.Stand) {
		t.Errorf("Upload = %+v, %v", got, err)
	}
	next := old
	next.ID, next.UploadedAt = event.NewID(), noon.Add(25*time.Hour)
	if err := s.KeepUpload(ctx, act, next); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Upload(ctx, old.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("after a day: %v, want NotFound", err)
	}
}

func TestListsPageByCursor(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ctx := context.Background()
	for range 7 { // the same name: the id decides
		add(t, s, event.NewID()+"@example.org")
	}
	seen, after, pages := map[string]bool{}, "", 0
	for {
		people, next, err := s.People(ctx, "beispiel kim", "", after, 3)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, p := range people {
			seen[p.ID] = true
		}
		if after = next; after == "" {
			break
		}
	}
	if len(seen) != 7 || pages != 3 {
		t.Errorf("%d people on %d pages, want 7 on 3", len(seen), pages)
	}
	for _, bad := range []string{"x", "'; DROP TABLE person", strings.Repeat("0", 36) + ".a"} {
		if _, _, err := s.People(ctx, "", "", bad, 3); fault.KindOf(err) != fault.Malformed {
			t.Errorf("cursor %q: %v, want Malformed", bad, err)
		}
	}
	// Letters that no id in an address has.
	if people, _, err := s.People(ctx, `xyz% _`, "", "", 3); err != nil || len(people) != 0 {
		t.Errorf("wildcards in a query: %d people, %v; want none", len(people), err)
	}
}

func TestTheChainHoldsAfterEverything(t *testing.T) {
	t.Parallel()
	s, db := setup(t)
	ctx := context.Background()
	register(t, s, "a", "b")
	p := add(t, s, "kim@example.org")
	if err := errors.Join(s.Deny(ctx, act, "x", "y", "z"), s.Refuse(ctx, act, account.Refusal{Action: "account.signin", Object: "account", Typed: "kim@example.org"})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EndSessions(ctx, act, p.ID, "", "ended"); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(ctx, db, nil); err != nil || !r.OK() || r.Entries != 5 {
		t.Errorf("chain %+v, %v; want 5 good entries", r, err)
	}
}
