// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/invariant"
)

const canary = "Kanarienvogelwort"

// old is a closed case with something of everything, closed the given time ago.
func (e *env) old(n int, ago time.Duration) (ref string, r event.ReportSubmitted, blob string) {
	e.t.Helper()
	r = sample.Report(n)
	r.Description, r.Reporter.Name = canary+" in der Meldung", canary+" Person"
	r.Callback = event.Contact{Name: canary + " Kontakt", Phone: "+49 361 " + canary, Email: canary + "@example.org"}
	r.Affected.Name = canary + "-Stadt"
	ref = e.open(r)
	stored, err := e.files.Put(e.t.Context(), strings.NewReader(canary), 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	who := event.Person{ID: personID("officer"), Name: canary + " Schreiber"}
	e.publish(
		sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: who, Text: canary, At: sample.Noon}),
		sample.Event(event.ReportSupplemented{Report: r.Report, Reference: r.Reference, Supplement: event.NewID(), Affected: r.Affected, Author: who, Description: canary, Fields: map[string]any{"x": canary}, At: sample.Noon}),
		sample.Event(event.ReportAttachmentAdded{Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected, Author: who, Name: canary + ".txt", Blob: stored.Key, Size: stored.Size, SHA256: stored.SHA256, At: sample.Noon}))
	e.eventually("all facts", func() bool { return e.count(`SELECT version FROM cases WHERE reference = $1`, ref) == 4 })
	e.form("lead", ref, "notiz", 4, "text", canary, "key", "n"+ref)
	e.form("lead", ref, "einstufen", 5, "title", canary+" Betreff", "severity", "low", "tlp", "AMBER", "reason", canary)
	if res := e.form("lead", ref, "abschliessen", 6, "class", "malicious-code:infected-system", "disposition", "confirmed", "reason", canary, "trotzdem", "yes"); res.StatusCode != http.StatusSeeOther {
		e.t.Fatalf("closing %s: %d", ref, res.StatusCode)
	}
	e.exec(`UPDATE cases SET closed_at = $2 WHERE reference = $1`, ref, e.now().Add(-ago))
	return ref, r, stored.Key
}

func (e *env) exec(statement string, args ...any) {
	e.t.Helper()
	if _, err := e.db.Exec(statement, args...); err != nil {
		e.t.Fatalf("%s: %v", statement, err)
	}
}

// dump is every row of every table but the outbox, which forgets on its own.
func (e *env) dump() string {
	e.t.Helper()
	u, err := url.Parse(e.url)
	if err != nil {
		e.t.Fatal(err)
	}
	out, err := exec.CommandContext(e.t.Context(), "pg_dump", "--data-only", "--exclude-table-data=outbox", u.String()).CombinedOutput()
	if err != nil {
		e.t.Fatalf("pg_dump: %v %s", err, out)
	}
	return string(out)
}

type retentionReport struct {
	Classes []struct {
		Class, Digest string
		Due, Held     int
		Auto          bool
	}
	Runs []struct {
		ID, Class, State string
		Done             int
	}
}

func (e *env) dry(as string) retentionReport {
	e.t.Helper()
	var out retentionReport
	e.do(request{path: "/api/triage/v1/retention", as: as}).into(e.t, &out)
	return out
}

func (r retentionReport) of(class string) (due, held int) {
	for _, c := range r.Classes {
		if c.Class == class {
			return c.Due, c.Held
		}
	}
	return -1, -1
}

// agree proposes a class and lets somebody else approve it.
func (e *env) agree(class string) {
	e.t.Helper()
	var run struct{ ID string }
	e.do(request{
		method: http.MethodPost, path: "/api/triage/v1/retention/runs", as: "lead", body: `{"class":"` + class + `"}`,
		header: map[string]string{"Idempotency-Key": class + event.NewID()},
	}).into(e.t, &run)
	if res := e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs/" + run.ID + "/approve", as: "admin", body: "{}"}); res.StatusCode != http.StatusNotFound {
		e.t.Errorf("the administrator approves: %d, want 404", res.StatusCode)
	}
	if res := e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs/" + run.ID + "/approve", as: "lead", body: "{}"}); res.StatusCode != http.StatusConflict {
		e.t.Errorf("approving one's own proposal: %d, want 409", res.StatusCode)
	}
	if res := e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs/" + run.ID + "/approve", as: "lead2", body: "{}"}); res.StatusCode != http.StatusOK {
		e.t.Fatalf("approve: %d %s", res.StatusCode, res.body)
	}
	if err := e.Deleting.Work(e.t.Context()); err != nil {
		e.t.Errorf("the job: %v", err)
	}
	devstack.Eventually(e.t, 15*time.Second, "the run of "+class, func() bool {
		return e.count(`SELECT count(*) FROM retention_run WHERE id = $1 AND state = 'done'`, run.ID) == 1
	})
}

// What is old goes when two people agreed, what is on hold or young stays, the
// skeleton counts on, and the audit holds.
func TestOldCasesShrinkToTheirSkeleton(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref, _, blob := e.old(1, 4*365*24*time.Hour)
	young := e.open(func() event.ReportSubmitted { r := sample.Report(2); r.Description = "bleibt"; return r }())
	before := e.count(`SELECT count(*) FROM case_entries`)
	d := e.dry("auditor")
	if due, _ := d.of("case-content"); due != 1 {
		t.Errorf("%d cases due, want 1: %+v", due, d)
	}
	if due, _ := d.of("case-files"); due != 1 {
		t.Errorf("%d files due, want 1", due)
	}
	if !strings.Contains(e.dump(), canary) {
		t.Fatal("the canary is not there before")
	}
	e.agree("case-files")
	if _, err := e.files.Get(t.Context(), blob); err == nil {
		t.Error("the file can still be read")
	}
	if body := e.see("/lage/fall/" + ref + "?t=dateien"); !strings.Contains(body, "vernichtet") {
		t.Error("the page does not say that the file is gone")
	}
	e.agree("case-content")
	dump := e.dump()
	for _, m := range regexp.MustCompile(`(?m)^.*`+canary+`.*$`).FindAllString(dump, 5) {
		t.Errorf("still there: %.300s", m)
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE reference = $1 AND severity = 'low' AND class <> '' AND closed_at IS NOT NULL AND org_level = 'gemeinde' AND org_id LIKE 'h%'`, ref); n != 1 {
		t.Error("the skeleton is not there")
	}
	if n := e.count(`SELECT count(*) FROM case_entries`); n < before {
		t.Errorf("%d lines of the timeline, before %d", n, before)
	}
	if body := e.see("/lage/fall/" + ref); !strings.Contains(body, "nach Ablauf der Frist gelöscht") {
		t.Error("the page of the case does not say that its content is gone")
	}
	for _, path := range []string{"?t=meldung", "?t=protokoll", "?t=nachrichten", "/druck"} {
		e.see("/lage/fall/" + ref + path)
	}
	if body := e.see("/lage/fall/" + young + "?t=meldung"); !strings.Contains(body, "bleibt") {
		t.Error("the young case lost its content")
	}
	if due, _ := e.dry("lead").of("case-content"); due != 0 {
		t.Errorf("%d due afterwards, want none", due)
	}
	if found := invariant.Run(t.Context(), invariant.Of(e.db, invariant.Triage)...); found != nil {
		t.Errorf("after the run:\n%s", invariant.Report(found))
	}
	e.intact()
}

func TestALegalHoldStopsTheDeletion(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref, _, _ := e.old(1, 4*365*24*time.Hour)
	propose := func(as string, release bool) string {
		body := `{"case":"` + ref + `","reason":"Az. 7 Js 1/26","release":false}`
		if release {
			body = `{"case":"` + ref + `","reason":"Verfahren beendet","release":true}`
		}
		var x struct{ ID string }
		e.do(request{method: http.MethodPost, path: "/api/triage/v1/holds", as: as, body: body, header: map[string]string{"Idempotency-Key": event.NewID()}}).into(t, &x)
		return x.ID
	}
	confirm := func(as, id string) int {
		return e.do(request{method: http.MethodPost, path: "/api/triage/v1/holds/" + id + "/confirm", as: as, body: "{}"}).StatusCode
	}
	id := propose("lead", false)
	if _, held := e.dry("lead").of("case-content"); held != 0 {
		t.Error("a proposal alone holds already")
	}
	if s := confirm("lead", id); s != http.StatusConflict {
		t.Errorf("confirming one's own: %d, want 409", s)
	}
	for _, as := range []string{"analyst", "admin"} {
		if s := confirm(as, id); s != http.StatusNotFound {
			t.Errorf("%s confirms: %d, want 404", as, s)
		}
	}
	if s := confirm("lead2", id); s != http.StatusNoContent {
		t.Fatalf("confirm: %d", s)
	}
	if due, held := e.dry("lead").of("case-content"); due != 0 || held != 1 {
		t.Errorf("due %d, held %d; want 0 and 1", due, held)
	}
	if body := e.see("/lage/fall/" + ref); !strings.Contains(body, "Löschsperre") {
		t.Error("the case does not show its hold")
	}
	if res := e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs", as: "lead", body: `{"class":"case-content"}`, header: map[string]string{"Idempotency-Key": "k"}}); res.StatusCode != http.StatusConflict {
		t.Errorf("proposing what is held: %d, want 409", res.StatusCode)
	}
	var snapshot string
	if err := e.db.Get(&snapshot, `SELECT body FROM outbox WHERE type LIKE 'case.%' ORDER BY seq DESC LIMIT 1`); err != nil || !strings.Contains(snapshot, `"hold":true`) {
		t.Errorf("the others are not told of the hold: %v %s", err, snapshot)
	}
	if s := confirm("lead2", propose("lead", true)); s != http.StatusNoContent {
		t.Fatalf("release: %d", s)
	}
	if due, held := e.dry("lead").of("case-content"); due != 1 || held != 0 {
		t.Errorf("after the release: due %d, held %d; want 1 and 0", due, held)
	}
	if found := invariant.Run(t.Context(), invariant.Of(e.db, invariant.Triage)...); found != nil {
		t.Errorf("after the holds:\n%s", invariant.Report(found))
	}
	e.intact()
}

// What came due between the proposal and the consent is not deleted unseen.
func TestWhatChangedSinceTheProposalIsNotApproved(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	e.old(1, 4*365*24*time.Hour)
	second, _, _ := e.old(2, 24*time.Hour)
	var run struct{ ID string }
	e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs", as: "lead", body: `{"class":"case-content"}`, header: map[string]string{"Idempotency-Key": "a"}}).into(t, &run)
	e.exec(`UPDATE cases SET closed_at = closed_at - interval '5 years' WHERE reference = $1`, second)
	res := e.do(request{method: http.MethodPost, path: "/api/triage/v1/retention/runs/" + run.ID + "/approve", as: "lead2", body: "{}"})
	if res.StatusCode != http.StatusConflict {
		t.Errorf("approve: %d %s, want 409", res.StatusCode, res.body)
	}
	if n := e.count(`SELECT count(*) FROM cases WHERE redacted_at IS NOT NULL`); n != 0 {
		t.Errorf("%d cases were redacted", n)
	}
}

// As long as a case is open, who reported it stays known; afterwards only the
// pseudonym is left, and the audit holds.
func TestAnErasedPersonIsForgottenOnceTheCaseIsClosed(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	r.Reporter, r.Callback = event.Person{ID: personID("officer"), Name: canary}, event.Contact{Name: canary, Phone: "0361 " + canary}
	ref := e.open(r)
	e.publish(sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: r.Reporter, Text: "Danke", At: sample.Noon}))
	e.eventually("the message", func() bool { return e.count(`SELECT version FROM cases`) == 2 })
	e.publish(sample.Event(event.PersonErased{ID: r.Reporter.ID, At: sample.Noon}))
	e.eventually("the erasure", func() bool { return e.count(`SELECT count(*) FROM person_erased WHERE done_at IS NULL`) == 1 })
	if body := e.see("/lage/fall/" + ref + "?t=meldung"); !strings.Contains(body, canary) {
		t.Error("the open case does not name its reporter any more")
	}
	if res := e.form("lead", ref, "abschliessen", 2, "class", "malicious-code:infected-system", "disposition", "confirmed", "reason", "fertig", "trotzdem", "yes"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("closing: %d", res.StatusCode)
	}
	if err := e.Erasing.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := e.count(`SELECT count(*) FROM person_erased WHERE done_at IS NOT NULL`); n != 1 {
		t.Error("the erasure is not finished")
	}
	for _, m := range regexp.MustCompile(`(?m)^.*`+canary+`.*$`).FindAllString(e.dump(), 5) {
		t.Errorf("the person is still named: %.300s", m)
	}
	if body := e.see("/lage/fall/" + ref + "?t=nachrichten"); !strings.Contains(body, "Ehemalige Person") || !strings.Contains(body, "Danke") {
		t.Error("the conversation lost its words, or has no pseudonym")
	}
	if found := invariant.Run(t.Context(), invariant.Of(e.db, invariant.Triage)...); found != nil {
		t.Errorf("afterwards:\n%s", invariant.Report(found))
	}
	e.intact()
}
