// SPDX-License-Identifier: EUPL-1.2

package audit_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

func auditor() audit.By {
	return audit.By{Actor: actor.Actor{Person: "rita", Memberships: []actor.Membership{{Organisation: "cert", Role: actor.Auditor}}}, Request: "q1"}
}

func desk(db pg.DB) *audit.Desk {
	return &audit.Desk{Service: "things", DB: db, Now: func() time.Time { return noon.Add(time.Hour) }}
}

func note(t *testing.T, db *sqlx.DB, entries ...audit.Entry) {
	t.Helper()
	if err := pg.InTx(t.Context(), db, func(tx pg.DB) error {
		_, err := audit.Append(t.Context(), tx, entries...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func look(t *testing.T, db pg.DB, f audit.Filter) string {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 50
	}
	f.To = noon.Add(30 * time.Minute) // without what the looks themselves wrote
	rows, _, err := desk(db).Look(t.Context(), auditor(), audit.Wish{Filter: f})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.Seq))
	}
	return strings.Join(out, " ")
}

func TestEachFilterFindsItsEntriesTheNewestFirst(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	at := func(minutes int, who, behalf, action, kind, id string) audit.Entry {
		return audit.Entry{At: noon.Add(time.Duration(minutes) * time.Minute), Actor: who, OnBehalfOf: behalf, Action: action, ObjectType: kind, ObjectID: id}
	}
	first := at(0, "kim", "jena", "report.create", "report", "r1")
	first.Principals = []string{"jena", "erfurt"}
	note(
		t, db, first, at(1, "kim", "", "case.read", "case", "c1"), at(2, "lea", "", "case.closed", "case", "c1"),
		at(3, "service:triage", "", "case.opened", "case", "c2"), at(3, "lea", "", "organisation.edit", "organisation", "jena"),
		at(2, "lea", "jena", "report.read", "report", "r1"), // at the time of an earlier one
	)
	for name, x := range map[string]struct {
		f    audit.Filter
		want string
	}{
		"all":                      {audit.Filter{}, "5 4 6 3 2 1"},
		"a page":                   {audit.Filter{Limit: 2}, "5 4"},
		"the next page":            {audit.Filter{Limit: 2, Before: 4}, "6 3"},
		"a person":                 {audit.Filter{Actors: []string{"kim"}}, "2 1"},
		"several":                  {audit.Filter{Actors: []string{"kim", "service:triage"}}, "4 2 1"},
		"an action":                {audit.Filter{Action: "case.read"}, "2"},
		"the beginning of actions": {audit.Filter{Action: "case."}, "4 3 2"},
		"no such action":           {audit.Filter{Action: "x"}, ""},
		"a wildcard is a letter":   {audit.Filter{Action: "%"}, ""},
		"an object":                {audit.Filter{ObjectID: "c1"}, "3 2"},
		"an object and an action":  {audit.Filter{ObjectID: "c1", Action: "case.c"}, "3"},
		"an organisation":          {audit.Filter{Organisation: "jena"}, "5 6 1"},
		"a person for one":         {audit.Filter{Organisation: "jena", Actors: []string{"lea"}, Action: "report"}, "6"},
		"since":                    {audit.Filter{From: noon.Add(119 * time.Second)}, "5 4 6 3"},
		"a hostile value":          {audit.Filter{ObjectID: "' OR true --"}, ""},
	} {
		if got := look(t, db, x.f); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	rows, _, err := desk(db).Look(t.Context(), auditor(), audit.Wish{Filter: audit.Filter{Actors: []string{"kim"}, Limit: 9}})
	if err != nil || fmt.Sprint(rows[1].OnBehalfOf) != "[jena erfurt]" {
		t.Errorf("all on whose behalf it was: %v %v", rows, err)
	}
}

func TestEachLookIsOneEntryAndWhoMayNotSeesNothing(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	write(t, db, 3)
	if _, _, err := desk(db).Look(t.Context(), auditor(), audit.Wish{Filter: audit.Filter{Limit: 5, Actors: []string{"kim"}}}); err != nil {
		t.Fatal(err)
	}
	if rows, err := desk(db).Export(t.Context(), auditor(), audit.Filter{}); err != nil || len(rows) != 4 {
		t.Fatalf("%d exported, want 4: %v", len(rows), err)
	}
	var got []string
	if err := db.Select(&got, `SELECT actor || ' ' || action || ' ' || object_id || ' ' || request_id FROM audit WHERE seq > 3 ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	if want := "[rita audit.read things q1 rita audit.export things q1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	for _, r := range actor.Roles() {
		who := audit.By{Actor: actor.Actor{Person: "x", Memberships: []actor.Membership{{Organisation: "cert", Role: r}}}}
		_, _, err := desk(db).Look(t.Context(), who, audit.Wish{Filter: audit.Filter{Limit: 1}})
		_, exp := desk(db).Export(t.Context(), who, audit.Filter{})
		if may := r == actor.Auditor || r == actor.Lead; may != (err == nil) || may != (exp == nil) || !may && (!fault.Is(err, fault.NotFound) || !fault.Is(exp, fault.NotFound)) {
			t.Errorf("%s: %v, %v", r, err, exp)
		}
	}
	if r, err := audit.Verify(t.Context(), db, nil); err != nil || !r.OK() {
		t.Errorf("the chain: %+v %v", r, err)
	}
}

func TestTheNewestEntriesAreCheckedOnDemand(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	write(t, db, 1005)
	dir := t.TempDir()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (audit.Checkpointer{DB: db, Service: "things", Dir: dir, Key: key, Now: func() time.Time { return noon }}).Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := desk(db)
	d.AnchorDir, d.Key = dir, public
	check := func() audit.Chain {
		t.Helper()
		_, c, err := d.Look(t.Context(), auditor(), audit.Wish{Check: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := check(); c.Bad != 0 || c.Checked != 1000 || c.Head.Seq != 1005 || c.Anchor == nil || c.Anchor.Seq != 1005 {
		t.Fatalf("%+v", c)
	}
	forge := func(statement string) {
		t.Helper()
		db.MustExec(`ALTER TABLE audit DISABLE TRIGGER USER`)
		db.MustExec(statement)
	}
	forge(`UPDATE audit SET actor = 'eve' WHERE seq = 700`)
	if c := check(); c.Bad != 700 || c.Checked != 693 {
		t.Errorf("a forged entry: %+v", c)
	}
	forge(`DELETE FROM audit WHERE seq = 700`)
	if c := check(); c.Bad != 700 {
		t.Errorf("a missing entry: %+v", c)
	}
	d.Key = key.Public().(ed25519.PublicKey)[:31:31]
	d.Key = append(ed25519.PublicKey{1}, d.Key...)
	if c := check(); c.Bad == 0 {
		t.Errorf("a checkpoint that somebody else signed: %+v", c)
	}
}

// A page costs the same in a chain of ten thousand as in one of a hundred: each
// filter has an index that gives its entries in the order of the list.
func TestAPageOfTheAuditReadsNoMoreThanAPage(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	db.MustExec(`INSERT INTO audit (seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash)
		SELECT i, timestamptz '2026-11-21 12:00:00Z' - interval '1 year' + i * interval '1 minute', 'p' || i % 50, CASE WHEN i % 3 = 0 THEN 'o' || i % 90 ELSE '' END,
			'a.' || i % 40, 'case', 'c' || i % 500, 'ok', 'q', '\x7b7d', '\x00', '\x00' FROM generate_series(1, 20000) i`)
	db.MustExec(`ANALYZE audit`)
	for name, f := range map[string]audit.Filter{
		"all": {}, "an actor": {Actors: []string{"p1"}}, "an action": {Action: "a.7"}, "all actions": {Action: "a."}, "an object": {ObjectID: "c9"},
		"an organisation": {Organisation: "o9"}, "an old time": {To: noon.AddDate(-1, 0, 3)}, "the next page": {Before: 5000}, "an actor's old time": {Actors: []string{"p1"}, To: noon.AddDate(-1, 0, 3)},
	} {
		f.Limit = 50
		plan, err := audit.Plan(t.Context(), db, f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plan, "Seq Scan on audit") || strings.Contains(plan, "Rows Removed by Filter") {
			t.Errorf("%s reads more than it shows:\n%s", name, plan)
		}
	}
}
