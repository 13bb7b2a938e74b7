// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/services/triage/internal/store"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

type bench struct {
	*casefile.Desk
	db *sqlx.DB
}

func setup(t *testing.T) bench {
	t.Helper()
	db, _ := devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	return bench{db: db, Desk: &casefile.Desk{Store: store.New(db), Directory: sample.Directory{}, Now: func() time.Time { return sample.Noon }}}
}

// on is the desk inside a transaction, as the feed uses it.
func (b bench) on(tx pg.DB) *casefile.Desk {
	d := *b.Desk
	d.Store = store.New(tx)
	return &d
}

// report opens a case and returns its reference.
func (b bench) report(t *testing.T, r event.ReportSubmitted) string {
	t.Helper()
	if err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error { return b.on(tx).Reported(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	var ref string
	if err := b.db.Get(&ref, `SELECT c.reference FROM cases c JOIN case_reports r ON r.case_id = c.id WHERE r.report_id = $1 AND r.affected = $2`,
		r.Report, casefile.AffectedKey(r.Affected)); err != nil {
		t.Fatal(err)
	}
	return ref
}

func (b bench) fact(t *testing.T, p event.Payload) {
	t.Helper()
	if err := pg.InTx(t.Context(), b.db, func(tx pg.DB) error { return b.on(tx).Fact(t.Context(), sample.Event(p)) }); err != nil {
		t.Fatal(err)
	}
}

func (b bench) dossier(t *testing.T, ref string) casefile.Dossier {
	t.Helper()
	d, err := b.Dossier(t.Context(), sample.Lea, ref, casefile.Window{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (b bench) intact(t *testing.T) {
	t.Helper()
	r, err := audit.Verify(t.Context(), b.db, nil)
	if err != nil || !r.OK() {
		t.Errorf("the audit does not hold: %+v, %v", r, err)
	}
	var missing int
	if err := b.db.Get(&missing, `
		SELECT count(*) FROM case_entries e WHERE NOT EXISTS (
			SELECT FROM audit a WHERE a.object_id = e.case_id::text AND a.action = 'case.' || e.kind)`); err != nil || missing != 0 {
		t.Errorf("%d timeline entries without an audit entry, %v", missing, err)
	}
}

func TestAReportOpensOneCase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := sample.Report(1)
	ref := b.report(t, r)
	if ref != "V-2026-000001" {
		t.Errorf("reference %s, want the first of the year", ref)
	}
	b.report(t, r) // the same fact under another event id
	other := r
	other.Affected, other.AffectedTotal = sample.Beispielroda, 2
	b.report(t, other)
	var cases, events int
	if err := errors.Join(b.db.Get(&cases, `SELECT count(*) FROM cases`),
		b.db.Get(&events, `SELECT count(*) FROM outbox WHERE type = 'case.opened'`)); err != nil {
		t.Fatal(err)
	}
	if cases != 2 || events != 2 {
		t.Errorf("%d cases, %d case.opened; want one for each affected body", cases, events)
	}
	d := b.dossier(t, ref)
	if d.Version != 1 || d.State != casefile.New || d.Severity != casefile.Critical || d.Suggested != "malicious-code:infected-system" ||
		len(d.Filed) != 1 || d.Filed[0].Callback.Phone != "0152 000 000 00" || len(d.Timeline) != 1 {
		t.Errorf("the case is %+v", d)
	}
	b.intact(t)
}

func TestFactsMayComeBeforeTheirReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := sample.Report(1)
	m := event.ReportMessagePosted{
		Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected,
		Author: r.Reporter, Text: "Noch ein Server ist betroffen.", At: sample.Noon,
	}
	s := event.ReportSupplemented{
		Report: r.Report, Reference: r.Reference, Supplement: event.NewID(), Affected: r.Affected,
		Author: r.Reporter, Description: "Dateiendung mstr", Fields: map[string]any{"backups": "yes"}, At: sample.Noon,
	}
	a := event.ReportAttachmentAdded{
		Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected,
		Author: r.Reporter, Name: "Erpresserschreiben.jpg", MediaType: "image/jpeg", Size: 12345, SHA256: strings.Repeat("a", 64), Blob: "k", At: sample.Noon,
	}
	for _, p := range []event.Payload{m, s, a} {
		b.fact(t, p)
	}
	ref := b.report(t, r)
	d := b.dossier(t, ref)
	if len(d.Messages) != 1 || len(d.Supplements) != 1 || len(d.Attachments) != 1 || d.Supplements[0].Fields["backups"] != "yes" {
		t.Errorf("%d messages, %d supplements, %d attachments; want one each", len(d.Messages), len(d.Supplements), len(d.Attachments))
	}
	var parked int
	if err := b.db.Get(&parked, `SELECT count(*) FROM parked_facts`); err != nil || parked != 0 {
		t.Errorf("%d facts still wait, %v", parked, err)
	}
	b.intact(t)
}

func TestAFactAboutAllBodiesReachesAllCases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := sample.Report(1)
	r.AffectedTotal = 2
	first := b.report(t, r)
	m := event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Author: r.Reporter, Text: "An alle", At: sample.Noon}
	b.fact(t, m) // the second body's case is not there yet
	other := r
	other.Affected = sample.Beispielroda
	second := b.report(t, other)
	for _, ref := range []string{first, second} {
		if d := b.dossier(t, ref); len(d.Messages) != 1 {
			t.Errorf("%s has %d messages, want the one to all bodies", ref, len(d.Messages))
		}
	}
	m.Message, m.Affected, m.Text = event.NewID(), sample.Beispielroda, "Nur wir"
	b.fact(t, m)
	if n, o := len(b.dossier(t, first).Messages), len(b.dossier(t, second).Messages); n != 1 || o != 2 {
		t.Errorf("messages of the two cases: %d and %d, want 1 and 2", n, o)
	}
}

func TestConcurrentChangesOfOneVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.report(t, sample.Report(1))
	var wg sync.WaitGroup
	kinds := make([]fault.Kind, 20)
	for i := range kinds {
		wg.Go(func() {
			_, err := b.Classify(context.WithoutCancel(t.Context()), sample.Lea, ref, 1, casefile.Classify{Title: fmt.Sprintf("Titel %d", i)})
			kinds[i] = fault.KindOf(err)
		})
	}
	wg.Wait()
	got := map[fault.Kind]int{}
	for _, k := range kinds {
		got[k]++
	}
	if diff := cmp.Diff(map[fault.Kind]int{"": 1, fault.Stale: 19}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if d := b.dossier(t, ref); d.Version != 2 {
		t.Errorf("version %d, want 2", d.Version)
	}
	b.intact(t)
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.report(t, sample.Report(1))
	move := func(by casefile.By) fault.Kind {
		_, err := b.Move(t.Context(), by, ref, 0, casefile.Move{State: casefile.Working})
		return fault.KindOf(err)
	}
	if k := move(sample.Jona); k != fault.Forbidden {
		t.Errorf("an analyst moves a case of nobody: %q, want Forbidden", k)
	}
	if k := move(sample.Ohm); k != fault.NotFound {
		t.Errorf("an officer moves a case: %q, want NotFound", k)
	}
	if _, err := b.Take(t.Context(), sample.Jona, ref, 0); err != nil {
		t.Fatal(err)
	}
	if k := move(sample.Jona); k != "" {
		t.Errorf("an analyst moves the own case: %q", k)
	}
	if _, err := b.Dossier(t.Context(), sample.Ohm, ref, casefile.Window{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an officer opens a case: %v, want NotFound", err)
	}
	if _, err := b.List(t.Context(), sample.Ohm, casefile.Filter{Limit: 10}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an officer lists cases: %v, want NotFound", err)
	}
	if _, err := b.Attachment(t.Context(), sample.Didi, ref, "x"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the duty opens a file: %v, want Forbidden", err)
	}
	if _, err := b.Attachment(t.Context(), sample.Jona, ref, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a file that is not there: %v, want NotFound", err)
	}
}

func TestMergedReportsBelongToTheTargetAndStayTheSourcesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	target := b.report(t, sample.Report(1))
	if _, err := b.Take(t.Context(), sample.Mara, target, 0); err != nil {
		t.Fatal(err)
	}
	late := sample.Report(2)
	source := b.report(t, late)
	if _, err := b.Merge(t.Context(), sample.Mara, source, 0, target, "derselbe Server"); err != nil {
		t.Fatal(err)
	}
	d := b.dossier(t, target)
	if len(d.Reports) != 2 || len(d.Filed) != 2 || d.Snapshot().Reports[1].Reference != "M-2026-000002" {
		t.Errorf("target holds %d reports, want both", len(d.Reports))
	}
	if s := b.dossier(t, source); s.State != casefile.Merged || s.MergedInto != d.ID || s.BeforeMerge != casefile.New || len(s.Filed) != 1 {
		t.Errorf("source is %s into %q, before %s, with %d reports", s.State, s.MergedInto, s.BeforeMerge, len(s.Filed))
	}
	b.fact(t, event.ReportMessagePosted{
		Report: late.Report, Reference: late.Reference, Message: event.NewID(),
		Affected: late.Affected, Author: late.Reporter, Text: "Es geht weiter", At: sample.Noon,
	})
	if d := b.dossier(t, target); len(d.Messages) != 1 || len(d.Flags) != 1 {
		t.Errorf("a message on the merged report: %d messages, flags %v; want it at the target", len(d.Messages), d.Flags)
	}
	b.intact(t)
}

func TestAFailingAuditStopsTheChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.report(t, sample.Report(1))
	if _, err := b.db.Exec(`
		CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
		CREATE TRIGGER no BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no()`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Take(t.Context(), sample.Mara, ref, 0); err == nil {
		t.Error("a change without its audit entry went through")
	}
	if _, err := b.Dossier(t.Context(), sample.Mara, ref, casefile.Window{}); err == nil {
		t.Error("a case was read without its audit entry")
	}
	if _, err := b.db.Exec(`DROP TRIGGER no ON audit`); err != nil {
		t.Fatal(err)
	}
	if d := b.dossier(t, ref); d.Version != 1 || d.Assignee != nil {
		t.Errorf("version %d, assignee %v; want nothing changed", d.Version, d.Assignee)
	}
	var waiting int
	if err := b.db.Get(&waiting, `SELECT count(*) FROM outbox WHERE type = 'case.updated'`); err != nil || waiting != 0 {
		t.Errorf("%d events of the refused change, %v", waiting, err)
	}
}

func TestTheStreamIsTheAuditInCommitOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.report(t, sample.Report(1))
	if _, err := b.Take(t.Context(), sample.Mara, ref, 0); err != nil {
		t.Fatal(err)
	}
	b.dossier(t, ref) // a read is in the audit and not in the stream
	if _, err := b.Note(t.Context(), sample.Mara, ref, 0, "Notiz", false); err != nil {
		t.Fatal(err)
	}
	changes, err := b.Store.Changes(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%d v%d %t", c.Seq, c.Version, c.Opened))
	}
	// opened; assigned and state; read; note
	if diff := cmp.Diff([]string{"1 v1 true", "3 v2 false", "5 v3 false"}, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	if last, err := b.Store.Last(t.Context()); err != nil || last != 5 {
		t.Errorf("last is %d, %v", last, err)
	}
}

func TestAlertsKeepTheNewestVersionAndAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	a := event.Alert{
		ID: event.NewID(), Reference: "W-2026-0018", Version: 2, State: "published", Title: "VPN-Gateway",
		Poll: &event.Poll{}, AudienceSize: 173, PublishedAt: sample.Noon,
	}
	old := a
	old.Version, old.Title = 1, "alt"
	answer := event.PollAnswered{Alert: a.ID, Reference: a.Reference, Organisation: sample.Musterhausen, Answer: "help", At: sample.Noon}
	earlier := answer
	earlier.Answer, earlier.At = "checking", sample.Noon.Add(-time.Hour)
	err := errors.Join(b.Answered(ctx, answer), b.Answered(ctx, earlier), b.Alerted(ctx, a), b.Alerted(ctx, old))
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Store.Alert(ctx, sample.Noon)
	want := &casefile.Alert{ID: a.ID, Reference: "W-2026-0018", Title: "VPN-Gateway", Audience: 173, Help: 1}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	a.State = "withdrawn"
	if err := b.Alerted(ctx, a); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Store.Alert(ctx, sample.Noon); err != nil || got != nil {
		t.Errorf("after its end: %+v, %v", got, err)
	}
}
