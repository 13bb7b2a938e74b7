// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

// open are the tables without row-level security, and why.
var open = map[string]string{
	"outbox":          "events on their way; the service's own work",
	"inbox":           "which events were seen; the service's own work",
	"inbox_try":       "which events failed; the service's own work",
	"dead_event":      "for operators, by the service itself",
	"audit":           "the chain; read as a whole or not at all",
	"audit_head":      "the end of the chain",
	"idempotency":     "answers under a key of the asker; read by the service itself",
	"register_record": "the register's copy, kept in memory",
	"retention_run":   "when the rules of deletion ran; for the CERT, by the service itself",
	"retention_key":   "the key of pseudonyms; the service's own work",
	"goose_outbox":    "numbers of migrations",
	"goose_inbox":     "numbers of migrations",
	"goose_audit":     "numbers of migrations",
	"goose_idem":      "numbers of migrations",
	"goose_register":  "numbers of migrations",
	"person_erased":   "ids of who was erased; the service's own work",
	"goose_privacy":   "numbers of migrations",
	"goose_retention": "numbers of migrations",
	"goose_intake":    "numbers of migrations",
}

// shared is a report of a provider about two members, and what came after it.
type shared struct {
	*store.Store
	db, people *sqlx.DB
	report     report.Report
	draft      string
}

// newShared stores it as in production: the owner is no superuser and bound by
// the policies like everybody.
func newShared(t *testing.T) shared {
	t.Helper()
	db, url := devstack.NewOwnedDB(t, store.Reader, append(service.Migrations(), store.Migrations)...)
	people := devstack.Reader(t, url, store.Reader)
	own, err := pg.Open(url+"&binary_parameters=yes", pg.Options{Name: "writer", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := shared{Store: store.New(db, people), db: db, people: people, draft: "hash"}
	w := store.NewWriter(own, x.Store, zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; _ = own.Close() })
	p := pending("k")
	p.Affected = []report.Body{
		{Organisation: event.Organisation{ID: "a", Name: "A"}, VisibleTo: "a", OnBehalf: "a"},
		{Organisation: event.Organisation{ID: "b", Name: "B"}, VisibleTo: "b", OnBehalf: "b"},
	}
	if x.report, _, err = w.Take(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{"a", "b"} {
		e := report.Entry{ID: event.NewID(), Report: x.report.ID, Bodies: []string{body}, At: noon}
		n := report.Note{Act: report.Act{At: noon, Action: "x", ObjectType: "report", ObjectID: x.report.ID}, Key: report.Key{Scope: "s", Key: body + "message", Hash: []byte{1}}}
		if _, _, err := x.AddMessage(t.Context(), report.Message{Entry: e, Side: report.Reporter, Text: "an " + body}, n); err != nil {
			t.Fatal(err)
		}
		e.ID, n.Key.Key = event.NewID(), body+"file"
		a := report.Attachment{Entry: e, Name: body + ".txt", Blob: body, OnlyHome: []string{"", "firm"}[i]}
		if _, _, err := x.AddAttachment(t.Context(), a, n); err != nil {
			t.Fatal(err)
		}
		c := event.Case{ID: "case-" + body, Version: 1, State: "working", Verified: true, Organisation: event.Organisation{ID: body}, Reports: []event.ReportRef{{ID: x.report.ID}}}
		if err := x.KeepCase(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.SaveDraft(t.Context(), report.Draft{ID: x.draft, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	return x
}

// A member sees its own part of a report, its agent all parts, nobody else any.
func TestTheDatabaseShowsPeopleTheirOwnRowsOnly(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	devstack.CheckRLS(t, x.db, store.Reader, open)
	for name, tt := range map[string]struct {
		seer          actor.Seer
		bodies, files []string
	}{
		"nobody":                      {actor.Seer{}, nil, nil},
		"a member":                    {actor.Seer{Organisations: []string{"a"}}, []string{"a"}, []string{"a"}},
		"the other":                   {actor.Seer{Organisations: []string{"b"}}, []string{"b"}, nil},
		"their agent":                 {actor.Seer{Mandated: []string{"a", "b"}, Homes: []string{"firm"}}, []string{"a", "b"}, []string{"a", "b"}},
		"another agent of one":        {actor.Seer{Mandated: []string{"b"}, Homes: []string{"other"}}, []string{"b"}, nil},
		"a stranger":                  {actor.Seer{Organisations: []string{"c"}, Person: "stranger"}, nil, nil},
		"who reported it":             {actor.Seer{Person: "p", Homes: []string{"firm"}}, []string{"a", "b"}, []string{"a", "b"}},
		"who shows its code":          {actor.Seer{Object: x.report.ID}, []string{"a", "b"}, []string{"a"}},
		"who shows the code of a":     {actor.Seer{Object: x.report.ID, Part: "a"}, []string{"a"}, []string{"a"}},
		"who shows another's code":    {actor.Seer{Object: event.NewID()}, nil, nil},
		"an organisation named empty": {actor.Seer{Organisations: []string{""}}, nil, nil},
		"the CERT":                    {actor.Seer{Everything: true}, []string{"a", "b"}, []string{"a", "b"}},
	} {
		r, err := x.As(tt.seer).Report(t.Context(), x.report.ID)
		if len(tt.bodies) == 0 {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s sees %+v, %v", name, r, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var bodies, files []string
		for _, b := range r.Affected {
			bodies = append(bodies, b.Organisation.ID)
			if len(b.Cases) != 1 {
				t.Errorf("%s sees %d cases of %s, want 1", name, len(b.Cases), b.Organisation.ID)
			}
		}
		var links int
		if err := pg.As(t.Context(), x.people, tt.seer, func(tx pg.DB) error { return tx.GetContext(t.Context(), &links, `SELECT count(*) FROM case_report`) }); err != nil || links != len(tt.bodies) {
			t.Errorf("%s counts %d cases of the report, %v; want %d", name, links, err, len(tt.bodies))
		}
		// The application's own condition is wide open here: the database decides.
		th, err := x.As(tt.seer).Thread(t.Context(), x.report.ID, []string{"a", "b", "c", ""}, report.Window{}, report.Act{At: noon, Action: "report.read", ObjectType: "report"})
		if err != nil || len(th.Messages) != len(tt.bodies) {
			t.Errorf("%s sees %d messages, %v; want %d", name, len(th.Messages), err, len(tt.bodies))
		}
		for _, a := range th.Attachments {
			files = append(files, a.Blob)
		}
		slices.Sort(files)
		if !slices.Equal(bodies, tt.bodies) || !slices.Equal(files, tt.files) {
			t.Errorf("%s sees the bodies %v and files %v, want %v and %v", name, bodies, files, tt.bodies, tt.files)
		}
		var counted []string
		lines, err := x.Lines(t.Context(), tt.seer, []string{"a", "b", "c", ""}, noon, noon.Add(time.Second))
		for _, l := range lines {
			if counted = append(counted, l.Affected[0].VisibleTo); len(l.Affected[0].Cases) != 1 {
				t.Errorf("the figures of %s count %d cases of %s, want 1", name, len(l.Affected[0].Cases), l.Affected[0].VisibleTo)
			}
		}
		if slices.Sort(counted); err != nil || !slices.Equal(counted, tt.bodies) {
			t.Errorf("the figures of %s count %v, %v; want %v", name, counted, err, tt.bodies)
		}
		list, err := x.As(tt.seer).List(t.Context(), report.Filter{Everything: true, Limit: 10})
		if err != nil || len(list) != min(1, len(tt.bodies)) {
			t.Errorf("%s has %d reports in the list, %v", name, len(list), err)
		}
	}
}

func TestWithoutAReaderThereAreNoRows(t *testing.T) {
	t.Parallel()
	x := newShared(t)
	if _, err := x.Draft(t.Context(), x.draft); err != nil {
		t.Errorf("a draft under its own hash: %v", err)
	}
	for _, table := range []string{"report", "report_body", "report_message", "report_supplement", "report_attachment", "report_step", "case_copy", "case_report", "draft"} {
		if n := count(t, x.people, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows of %s without a reader", n, table)
		}
	}
	for _, forbidden := range []string{`SELECT 1 FROM audit`, `SELECT 1 FROM outbox`, `SELECT 1 FROM alert_copy`, `UPDATE report SET home = ''`, `SELECT nextval('report_number')`} {
		if _, err := x.people.Exec(forbidden); err == nil {
			t.Errorf("the reader may %s", forbidden)
		}
	}
	err := pg.As(t.Context(), x.people, actor.Seer{Everything: true}, func(tx pg.DB) error {
		_, err := tx.ExecContext(t.Context(), `DELETE FROM report`)
		return err
	})
	if err == nil {
		t.Error("a reader deletes")
	}
	// The test can fail: with a hole in the policies the same question shows all.
	if _, err := x.db.Exec(`CREATE POLICY hole ON report_body FOR SELECT TO ` + store.Reader + ` USING (true)`); err != nil {
		t.Fatal(err)
	}
	if r, err := x.As(actor.Seer{Organisations: []string{"a"}}).Report(t.Context(), x.report.ID); err != nil || len(r.Affected) != 2 {
		t.Errorf("through the hole: %d bodies, %v; want both", len(r.Affected), err)
	}
}
