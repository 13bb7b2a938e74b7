// SPDX-License-Identifier: EUPL-1.2

package invariant_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/invariant"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

// newDB is a service's database with the real tables. The rules that the tables
// themselves enforce are taken away, so that a test can break them.
func newDB(t *testing.T, service string) *sqlx.DB {
	t.Helper()
	sets := []pg.Migrations{outbox.Migrations, inbox.Migrations, audit.Migrations, idem.Migrations, register.Migrations}
	if service != "" {
		dir := filepath.Join("..", "..", "services", service, "internal", "store", "migrations")
		sets = append(sets, pg.Migrations{Name: service, FS: os.DirFS(dir)})
	}
	db, _ := devstack.NewDB(t, sets...)
	var statements []string
	if err := db.Select(&statements, `
		SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') AND coninhcount = 0
		UNION ALL
		SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', attrelid::regclass, attname) FROM pg_attribute
		JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
			AND attnum > 0 AND attnotnull AND NOT attisdropped AND attidentity = ''`); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		// A foreign key goes with the key that it points to.
		if _, err := db.Exec(s); err != nil && !strings.Contains(err.Error(), "does not exist") {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

const (
	idA = `'01900000-0000-7000-8000-00000000000a'`
	idB = `'01900000-0000-7000-8000-00000000000b'`
)

// told is an outbox row about id.
func told(kind, id, version, data string) string {
	return `INSERT INTO outbox (id, type, subject, body, published_at) SELECT e, '` + kind + `', 's', json_build_object('id', e, 'type', '` + kind +
		`', 'subject_id', ` + id + `::text, 'subject_version', ` + version + `, 'data', '` + data + `'::json)::text, now() FROM gen_random_uuid() e;`
}

// plants break each rule once. A check without a row here fails the test.
var plants = map[string]map[string]string{
	"": {
		"I4 no event is in the outbox twice": `INSERT INTO outbox (id, type, subject, body, published_at)
			SELECT ` + idA + `, 't', 's', '{"id":"01900000-0000-7000-8000-00000000000a","type":"t"}', now() FROM generate_series(1, 2)`,
		"I4 the outbox holds whole events": `INSERT INTO outbox (id, type, subject, body, published_at) VALUES (` + idA + `, 't', 's', '{"id":"x","type":"t"}', now())`,
		"I4 no event waits too long": `INSERT INTO outbox (id, type, subject, body, created_at)
			VALUES (` + idA + `, 't', 's', '{"id":"01900000-0000-7000-8000-00000000000a","type":"t"}', now() - interval '61 seconds')`,
		"I5 no event is done twice by one consumer":     `INSERT INTO inbox (consumer, event_id) SELECT 'c', ` + idA + ` FROM generate_series(1, 2)`,
		"I8 no event is dead":                           `INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries) VALUES ('c', 'e', 's', '', 'why', 5)`,
		"I1 each idempotency key stands for one answer": `INSERT INTO idempotency (scope, key, body_hash, status, response) SELECT 's', 'k', '', 201, '' FROM generate_series(1, 2)`,
		"I3 the audit chain holds":                      `UPDATE audit_head SET seq = 7`,
	},
	invariant.Directory: {
		"I3 each mandate, person and organisation that changed said so": `INSERT INTO person (id, version, changed_at) VALUES (` + idA + `, 2, now());` +
			told("directory.person.changed", idA, "1", "{}"),
		"no secret stands for two sessions": `INSERT INTO session (id, sum) VALUES (` + idA + `, '\x01'); INSERT INTO token (id, sum) VALUES (` + idB + `, '\x01')`,
	},
	invariant.Intake: {
		"I1 each idempotency key has one report": `INSERT INTO report (id, idem_scope, idem_key) VALUES (` + idA + `, 's', 'k'), (` + idB + `, 's', 'k')`,
		"I1 each reference names one report":     `INSERT INTO report (id, reference) VALUES (` + idA + `, 'M-1'), (` + idB + `, 'M-1')`,
		"I2 each report names whom it is about":  `INSERT INTO report (id, reference) VALUES (` + idA + `, 'M-1')`,
		"I4 each report is told once for each body": `INSERT INTO report (id, reference, received_at) VALUES (` + idA + `, 'M-1', now());
			INSERT INTO report_body (report_id, position) VALUES (` + idA + `, 0), (` + idA + `, 1);` + told("report.submitted", idA, "0", "{}"),
		"I4 no report is told that does not exist": told("report.submitted", idA, "0", "{}"),
		"I3 each report has one audit entry, or one in each principal's log": `INSERT INTO report (id, reference) VALUES (` + idA + `, 'M-1');
			INSERT INTO report_body (report_id, position, on_behalf) VALUES (` + idA + `, 0, 'a'), (` + idA + `, 1, 'b');
			INSERT INTO audit (seq, action, result, object_type, object_id) VALUES (1, 'report.create', 'ok', 'report', ` + idA + `)`,
		"I3 each body that joined later is in its principal's log": `INSERT INTO report_body (report_id, position, name, on_behalf, added_at) VALUES (` + idA + `, 0, 'A', 'a', now())`,
		"I4 each take-over and contradiction is told":              `INSERT INTO report_step (id, report_id, kind, bodies, at) VALUES (` + idA + `, ` + idA + `, 'taken_over', '{a}', now())`,
		"I3 no audit entry is without its report":                  `INSERT INTO audit (seq, action, result, object_type, object_id) VALUES (1, 'report.create', 'ok', 'report', ` + idA + `)`,
		"I4 each message, supplement and file is told": `INSERT INTO report_attachment (id, bodies, at) VALUES (` + idA + `, '{a}', now());` +
			told("report.attachment.added", idB, "0", `{"attachment":"01900000-0000-7000-8000-00000000000b"}`),
	},
	invariant.Triage: {
		"I5 each report of a body opened one case": `INSERT INTO case_reports (report_id, affected, case_id) VALUES ('r', 'a', ` + idA + `), ('r', 'a', ` + idB + `)`,
		"I5 no case was opened without a report":   `INSERT INTO cases (id, reference) VALUES (` + idA + `, 'V-1')`,
		"I1 each reference names one case":         `INSERT INTO cases (id, reference) VALUES (` + idA + `, 'V-1'), (` + idB + `, 'V-1')`,
		"I6 no version of a case is lost or made twice": `INSERT INTO cases (id, reference, version) VALUES (` + idA + `, 'V-1', 3);
			INSERT INTO case_changes (seq, case_id, version) VALUES (1, ` + idA + `, 1), (2, ` + idA + `, 3), (3, ` + idA + `, 3)`,
		"I4 each version of a case is told once": `INSERT INTO cases (id, reference, version, opened_at, changed_at) VALUES (` + idA + `, 'V-1', 1, now(), now());
			INSERT INTO case_changes (seq, case_id, version) VALUES (1, ` + idA + `, 1);` + told("case.opened", idA, "1", "{}") + told("case.opened", idA, "1", "{}"),
		"I3 each line of a case file has one audit entry":  `INSERT INTO case_entries (id, case_id, kind) VALUES (` + idA + `, ` + idA + `, 'taken')`,
		"I3 each change of the stream has its audit entry": `INSERT INTO case_changes (seq, case_id, version) VALUES (1, ` + idA + `, 1)`,
	},
	invariant.Notification: {
		"I5 each notice goes to a recipient once": `INSERT INTO deliveries (id, notice, channel, recipient, state)
			VALUES (` + idA + `, ` + idA + `, 'email', 'a@b', 'pending'), (` + idB + `, ` + idA + `, 'email', 'a@b', 'pending')`,
		"I5 what waits to be sent is due, and nothing else": `INSERT INTO due (delivery) VALUES (` + idB + `)`,
		"I5 each cause has one notice":                      `INSERT INTO notices (id, key) VALUES (` + idA + `, 'k'), (` + idB + `, 'k')`,
		"I3 each delivery that ended has one audit entry":   `INSERT INTO deliveries (id, state) VALUES (` + idA + `, 'sent')`,
		"I4 each release is told once":                      `INSERT INTO alert_versions (alert, number, published_at) VALUES (` + idA + `, 1, now())`,
		"no alert was released by who wrote it":             `INSERT INTO alert_versions (alert, number, published_at, author, approver) VALUES (` + idA + `, 1, now(), '{"id":"x"}', '{"id":"x"}')`,
		"I6 no answer is lost":                              `INSERT INTO alert_bodies (alert, organisation, version) VALUES (` + idA + `, ` + idB + `, 2); INSERT INTO answers (alert, organisation, version) VALUES (` + idA + `, ` + idB + `, 2)`,
	},
}

func checks(db pg.DB, service string) []invariant.Check {
	if service == "" {
		return invariant.Shared(db, "x", invariant.Settled)
	}
	return invariant.Of(db, service)
}

func TestEachCheckFindsWhatBreaksItsRule(t *testing.T) {
	t.Parallel()
	for service, rules := range plants {
		db := newDB(t, service)
		for _, c := range checks(db, service) {
			t.Run(strings.TrimSpace(service+" "+c.Name), func(t *testing.T) {
				plant, ok := rules[c.Name]
				if !ok {
					t.Fatal("no row of the table breaks this rule: nobody knows whether the check finds anything")
				}
				if found := invariant.Run(t.Context(), c); found != nil {
					t.Errorf("in an empty database: %v, want none", found)
				}
				// A broken rule lives in a transaction that goes away again.
				tx := db.MustBegin()
				defer func() { _ = tx.Rollback() }()
				if _, err := tx.Exec(plant); err != nil {
					t.Fatalf("plant: %v", err)
				}
				broken := named(t, checks(tx, service), c.Name)
				if found := invariant.Run(t.Context(), broken); len(found) != 1 || strings.Contains(found[0].What, "cannot be checked") {
					t.Errorf("found %v, want the one violation", found)
				}
			})
		}
		for name := range rules {
			named(t, checks(db, service), name)
		}
	}
}

func named(t *testing.T, all []invariant.Check, name string) invariant.Check {
	t.Helper()
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return invariant.Check{}
}

func TestAnEventOnItsWayIsNoViolationYet(t *testing.T) {
	t.Parallel()
	db := newDB(t, "")
	add(t, db, event.DeliveryFailed{Delivery: "d"})
	if found := invariant.Run(t.Context(), invariant.Shared(db, "x", invariant.Settled)...); found != nil {
		t.Errorf("a young event: %v, want none", found)
	}
	if found := invariant.Run(t.Context(), invariant.Shared(db, "x", 0)...); len(found) != 1 {
		t.Errorf("once all should be drained: %v, want the one", found)
	}
}

func add(t *testing.T, db *sqlx.DB, payloads ...event.Payload) []event.Event {
	t.Helper()
	events := make([]event.Event, len(payloads))
	for i, p := range payloads {
		events[i] = event.New(p, event.Meta{At: time.Now()})
	}
	if err := pg.InTx(t.Context(), db, func(tx pg.DB) error { return outbox.Add(t.Context(), tx, events...) }); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestAnEventThatItsConsumerNeverDidIsLost(t *testing.T) {
	t.Parallel()
	from, to := newDB(t, ""), newDB(t, "")
	events := add(t, from, event.DeliveryFailed{Delivery: "a"}, event.DeliveryFailed{Delivery: "b"}, event.PollAnswered{Alert: "other"})
	if _, err := inbox.Once(t.Context(), to, "triage-alerts", events[0].ID, func(pg.DB) error { return nil }); err != nil {
		t.Fatal(err)
	}
	c := invariant.Delivered(from, to, "triage", "triage-alerts", 0, "delivery.failed")
	found := invariant.Run(t.Context(), c)
	if len(found) != 1 || !strings.Contains(found[0].What, events[1].ID) {
		t.Errorf("found %v, want the second event", found)
	}
	if found := invariant.Run(t.Context(), invariant.Delivered(from, to, "triage", "triage-alerts", time.Minute, "delivery.failed")); found != nil {
		t.Errorf("within a minute: %v, want none: it may be on its way", found)
	}
}

func TestACopyOfTheRegisterMayNotBeOlder(t *testing.T) {
	t.Parallel()
	truth, copied := newDB(t, invariant.Directory), newDB(t, "")
	truth.MustExec(`INSERT INTO person (id, version, changed_at) VALUES (` + idA + `, 3, now()), (` + idB + `, 1, now())`)
	copied.MustExec(`INSERT INTO register_record (kind, id, version, body) VALUES ('person', ` + idA + `, 2, '{}'), ('person', ` + idB + `, 1, '{}'), ('session', 'x', 1, '{}')`)
	found := invariant.Run(t.Context(), invariant.Copied(truth, copied, "intake", 0))
	if len(found) != 1 || !strings.Contains(found[0].What, "at version 3, the copy at 2") {
		t.Errorf("found %v, want the older copy", found)
	}
}

func TestTheWholeSystemIsCheckedByItsDatabases(t *testing.T) {
	t.Parallel()
	dbs := map[string]pg.DB{}
	for _, name := range []string{invariant.Directory, invariant.Intake, invariant.Triage, invariant.Notification} {
		dbs[name] = newDB(t, name)
	}
	if found := invariant.Run(t.Context(), invariant.System(dbs, 0)...); found != nil {
		t.Errorf("four empty databases:\n%s", invariant.Report(found))
	}
	few := invariant.System(map[string]pg.DB{invariant.Intake: dbs[invariant.Intake]}, 0)
	for _, c := range few {
		if c.Database != invariant.Intake {
			t.Errorf("%s is about %s, which was not given", c.Name, c.Database)
		}
	}
	if len(few) == 0 {
		t.Error("no checks for intake alone")
	}
}

func TestWhatCannotBeCheckedIsAViolation(t *testing.T) {
	t.Parallel()
	db, _ := devstack.NewDB(t)
	checks := append(invariant.Shared(db, "x", 0), invariant.Check{Name: "n", Database: "y", Find: func(context.Context) ([]string, error) {
		return nil, errors.New("boom")
	}})
	found := invariant.Run(t.Context(), checks...)
	if len(found) != len(checks) {
		t.Errorf("%d violations, want one for each of the %d checks:\n%s", len(found), len(checks), invariant.Report(found))
	}
	if got, want := found[len(found)-1].String(), "y: n: cannot be checked: boom"; got != want {
		t.Errorf("the line = %q, want %q", got, want)
	}
}

func TestManyViolationsOfOneRuleAreCut(t *testing.T) {
	t.Parallel()
	c := invariant.Check{Name: "n", Database: "x", Find: func(context.Context) ([]string, error) { return make([]string, 1000), nil }}
	found := invariant.Run(t.Context(), c)
	if len(found) != 21 || found[20].What != "and 980 more" {
		t.Errorf("%d lines, the last %q; want 20 and the number of the others", len(found), found[len(found)-1].What)
	}
}
