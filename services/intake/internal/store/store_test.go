// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

// setup is a clean database with a store and a running writer.
func setup(t *testing.T) (*sqlx.DB, *store.Store, *store.Writer) {
	t.Helper()
	db, url := devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	own, err := pg.Open(url+"&binary_parameters=yes", pg.Options{Name: "writer", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(db, devstack.Reader(t, url, store.Reader))
	w := store.NewWriter(own, s, zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; _ = own.Close() })
	return db, s, w
}

// all is the store as the service itself reads it.
func all(s *store.Store) report.Reading { return s.As(actor.System("intake").Seer()) }

func take(t *testing.T, w *store.Writer, key string) report.Report {
	t.Helper()
	r, _, err := w.Take(t.Context(), pending(key))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func count(t *testing.T, db *sqlx.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.GetContext(t.Context(), &n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAReportComesBackAsItWasTaken(t *testing.T) {
	t.Parallel()
	_, s, w := setup(t)
	p := pending("k")
	p.Systems, p.HelpNeeded, p.Exercise, p.NoticedApprox = []string{"server"}, []string{"on_site"}, true, true
	p.Affected = append(p.Affected, report.Body{Organisation: event.Organisation{Name: "Wasserwerk \"Süd\"; DROP TABLE"}, OnBehalf: "x"})
	taken, replayed, err := w.Take(t.Context(), p)
	if err != nil || replayed {
		t.Fatal(err)
	}
	want := taken
	want.Sum = taken.Digest()
	for i := range want.Affected {
		want.Affected[i].Status = report.Received
	}
	for name, get := range map[string]func() (report.Report, error){
		"by id":        func() (report.Report, error) { return all(s).Report(t.Context(), taken.ID) },
		"by reference": func() (report.Report, error) { return all(s).ByReference(t.Context(), taken.Reference) },
		"by key":       func() (report.Report, error) { return s.ByKey(t.Context(), p.Key.Scope, p.Key.Key) },
	} {
		got, err := get()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got.Digest() != got.Sum {
			t.Errorf("%s: what is stored has another digest than was signed", name)
		}
	}
	for _, id := range []string{"x", "0190a000-0000-7000-8000-000000000001"} {
		if _, err := all(s).Report(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestTheSameKeyInOneBatchIsTakenOnce(t *testing.T) {
	t.Parallel()
	db, _, w := setup(t)
	var all sync.WaitGroup
	refs := make([]string, 40)
	for i := range refs {
		all.Go(func() {
			r, _, err := w.Take(t.Context(), pending(fmt.Sprint("k", i%4)))
			if err != nil {
				t.Error(err)
			}
			refs[i] = fmt.Sprint(i%4, r.Reference)
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, r := range refs {
		seen[r] = true
	}
	if len(seen) != 4 || count(t, db, `SELECT count(*) FROM report`) != 4 || count(t, db, `SELECT count(*) FROM outbox`) != 4 {
		t.Errorf("references %v", seen)
	}
	other := pending("k0")
	other.Key.Hash = []byte("another")
	if _, _, err := w.Take(t.Context(), other); !fault.Is(err, fault.Invalid) {
		t.Errorf("another body under a known key: %v", err)
	}
	chain, err := audit.Verify(t.Context(), db, nil)
	if err != nil || !chain.OK() || chain.Entries != 4 {
		t.Errorf("%+v %v", chain, err)
	}
}

func TestAClientThatIsGoneStoresNothing(t *testing.T) {
	t.Parallel()
	db, _, w := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := w.Take(ctx, pending("gone")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	take(t, w, "next") // the batch after it
	if n := count(t, db, `SELECT count(*) FROM report`); n != 1 {
		t.Errorf("%d reports", n)
	}
}

func TestReferencesGrowPastAMillion(t *testing.T) {
	t.Parallel()
	db, _, w := setup(t)
	if r := take(t, w, "a"); r.Reference != "M-2026-000001" {
		t.Errorf("reference %q", r.Reference)
	}
	if _, err := db.ExecContext(t.Context(), `SELECT setval('report_number', 1234567)`); err != nil {
		t.Fatal(err)
	}
	if r := take(t, w, "b"); r.Reference != "M-2026-1234568" {
		t.Errorf("reference %q", r.Reference)
	}
}

func TestAListIsNewestFirstAndPages(t *testing.T) {
	t.Parallel()
	_, s, w := setup(t)
	var want []string
	for i := range 7 {
		want = append([]string{take(t, w, fmt.Sprint(i)).Reference}, want...)
	}
	for name, f := range map[string]report.Filter{
		"everything": {Everything: true}, "of an organisation": {Organisations: []string{"other", "o"}}, "of a person": {Person: "p"},
		"of both": {Organisations: []string{"o"}, Person: "p"},
	} {
		var got []string
		after := ""
		for {
			f.After, f.Limit = after, 3
			list, err := all(s).List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				got = append(got, r.Reference)
				after = r.ID
			}
			if len(list) < 3 {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if list, err := all(s).List(t.Context(), report.Filter{Organisations: []string{""}, Limit: 3}); err != nil || len(list) != 0 {
		t.Errorf("nobody sees %d reports, %v", len(list), err)
	}
}

func TestAdditionsComeOnceWithTheirEvents(t *testing.T) {
	t.Parallel()
	db, s, w := setup(t)
	r := take(t, w, "k")
	entry := func() report.Entry {
		return report.Entry{ID: event.NewID(), Report: r.ID, Author: event.Person{ID: "p", Name: "Kim"}, Bodies: []string{"o", ""}, At: noon}
	}
	note := func(key string, e event.Payload) report.Note {
		return report.Note{
			Events: []event.Event{event.New(e, event.Meta{At: noon, Actor: "p"})}, Key: report.Key{Scope: "s", Key: key, Hash: []byte(key)},
			Act: report.Act{At: noon, By: actor.Actor{Person: "p"}, Action: "report.message", ObjectType: "report", ObjectID: r.ID},
		}
	}
	m := report.Message{Entry: entry(), Side: report.Reporter, Text: "Hallo"}
	x := report.Supplement{Entry: entry(), Description: "mehr", Fields: map[string]any{"status_now": "ongoing"}}
	a := report.Attachment{Entry: entry(), Name: "a.txt", Size: 3, SHA256: "00", Blob: "b"}
	for i := range 2 {
		got, replayed, err := s.AddMessage(t.Context(), m, note("m", event.ReportMessagePosted{Report: r.ID}))
		if err != nil || replayed != (i == 1) || got.ID != m.ID {
			t.Errorf("message: %v %v", replayed, err)
		}
		if _, _, err := s.AddSupplement(t.Context(), x, note("x", event.ReportSupplemented{Report: r.ID})); err != nil {
			t.Error(err)
		}
		if _, _, err := s.AddAttachment(t.Context(), a, note("a", event.ReportAttachmentAdded{Report: r.ID})); err != nil {
			t.Error(err)
		}
	}
	thread, err := all(s).Thread(t.Context(), r.ID, []string{"o"}, report.Window{}, report.Act{At: noon, By: actor.Actor{Person: "p"}, Action: "report.read", ObjectType: "report", ObjectID: r.ID})
	if err != nil {
		t.Fatal(err)
	}
	want := report.Thread{Messages: []report.Message{m}, Supplements: []report.Supplement{x}, Attachments: []report.Attachment{a}}
	if diff := cmp.Diff(want, thread); diff != "" {
		t.Error(diff)
	}
	if n := count(t, db, `SELECT count(*) FROM outbox`); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
	if n := count(t, db, `SELECT count(*) FROM audit`); n != 5 {
		t.Errorf("%d audit entries, want 5", n)
	}
}

func TestAnOlderSnapshotDoesNothing(t *testing.T) {
	t.Parallel()
	db, s, w := setup(t)
	r := take(t, w, "k")
	c := event.Case{
		ID: "c", Reference: "V-2026-000001", Version: 2, State: "working", ReportStatus: "in_progress",
		Organisation: event.Organisation{ID: "o"}, Reports: []event.ReportRef{{ID: r.ID}, {ID: "not a uuid"}},
	}
	older := c
	older.Version, older.ReportStatus, older.Reports = 1, "closed", nil
	for _, x := range []event.Case{c, older, c} {
		if err := s.KeepCase(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := all(s).Report(t.Context(), r.ID); err != nil || got.Status() != report.InProgress || len(got.Affected[0].Cases) != 1 {
		t.Errorf("%q %v", got.Status(), err)
	}
	moved := c
	moved.Version, moved.Reports = 3, nil
	if err := s.KeepCase(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `SELECT count(*) FROM case_report`); n != 0 {
		t.Errorf("%d links of a case without reports", n)
	}
	for v, title := range []string{"eins", "zwei"} {
		if err := s.KeepAlert(t.Context(), event.Alert{ID: "a", Reference: "W-2026-0018", Version: v + 1, Title: title, State: "published"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.KeepAlert(t.Context(), event.Alert{ID: "a", Reference: "W-2026-0018", Version: 1, Title: "alt"}); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"a", "W-2026-0018"} {
		if a, err := s.Alert(t.Context(), ref); err != nil || a.Title != "zwei" {
			t.Errorf("%+v %v", a, err)
		}
	}
	if _, err := s.Alert(t.Context(), "W-2026-0019"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestTheSweepEndsDraftsAndKeys(t *testing.T) {
	t.Parallel()
	_, s, w := setup(t)
	r := take(t, w, "k")
	d := report.Draft{ID: "d", Form: report.Form{What: "tip", Systems: []string{"mail"}}, CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour)}
	if err := s.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d.Form.Description = "später"
	if err := s.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d.Form.Photo = &report.Photo{Name: "a.jpg", Blob: "blob-1"}
	if err := s.SaveDraft(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if blobs, err := s.Sweep(t.Context(), noon.Add(23*time.Hour)); err != nil || len(blobs) != 0 {
		t.Fatal(blobs, err)
	}
	if got, err := s.Draft(t.Context(), "d"); err != nil || cmp.Diff(d, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(d, got))
	}
	if blobs, err := s.Sweep(t.Context(), noon.Add(31*24*time.Hour)); err != nil || len(blobs) != 1 || blobs[0] != "blob-1" {
		t.Fatal(blobs, err)
	}
	if _, err := s.Draft(t.Context(), "d"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an expired draft: %v", err)
	}
	if _, err := s.ByKey(t.Context(), "person p o", "k"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a key is remembered longer than 30 days: %v", err)
	}
	if _, err := all(s).Report(t.Context(), r.ID); err != nil {
		t.Errorf("the report itself stays: %v", err)
	}
	if again := take(t, w, "k"); again.ID == r.ID {
		t.Error("a forgotten key made no new report")
	}
}
