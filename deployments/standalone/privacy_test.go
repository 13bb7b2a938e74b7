// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

type personalData struct {
	Classes []struct {
		Class string
		Count int
		Items []map[string]any
	}
}

func (p personalData) count(class string) int {
	for _, c := range p.Classes {
		if c.Class == class {
			return c.Count
		}
	}
	return -1
}

// guestReport sends a report of a guest who wants to be called back.
func guestReport(t *testing.T, w *world, name, phone, email string) submitted {
	t.Helper()
	r := reportOf("Auskunft", "16071043")
	r["callback"] = map[string]any{"name": name, "phone": phone, "email": email}
	var out submitted
	must(t, w.of(t, standalone.DemoPerson{}), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, r, &out, "Idempotency-Key", newKey())
	return out
}

// Whoever asks gets everything that is held about them, also a guest without an
// account; the audit names no address.
func TestAPersonIsToldWhatIsHeldAboutThem(t *testing.T) {
	w := shared(t)
	const email, phone = "auskunft.gast@beispiel.example", "03643 / 99 88 77"
	r := guestReport(t, w, "Auskunft Gast", phone, email)
	w.casesOf(t, r.ID, 1)
	devstack.Eventually(t, 15*time.Second, "the guest's address in notification", func() bool {
		var n int
		return w.open(t, "notification").Get(&n, `SELECT count(*) FROM contacts WHERE reference = $1`, r.Reference) == nil && n == 1
	})
	c := w.as(t, actor.Constituency)
	for service, class := range map[string]string{"intake": "reports", "triage": "reports", "notification": "contacts"} {
		for _, s := range []map[string]any{{"email": strings.ToUpper(email)}, {"phone": "+49 3643 998877"}} {
			if service == "notification" && s["email"] == nil {
				continue // it has no telephone numbers
			}
			var got personalData
			must(t, c, http.MethodPost, "/api/"+service+"/v1/privacy/reports", http.StatusOK, s, &got)
			if got.count(class) != 1 {
				t.Errorf("%s, %v: %d %s, want the guest's one", service, s, got.count(class), class)
			}
		}
		var chain []byte
		if err := w.open(t, service).Get(&chain, `SELECT convert_to(string_agg(convert_from(body, 'UTF8'), ' '), 'UTF8') FROM audit`); err != nil || bytes.Contains(chain, []byte(email)) || bytes.Contains(chain, []byte("998877")) {
			t.Errorf("the audit of %s names the address, or cannot be read: %v", service, err)
		}
	}
	must(t, c, http.MethodPost, "/api/intake/v1/privacy/reports", http.StatusUnprocessableEntity, map[string]any{"phone": "12"}, nil)
	must(t, c, http.MethodPost, "/api/intake/v1/privacy/reports", http.StatusUnprocessableEntity, map[string]any{}, nil)
	must(t, w.as(t, actor.Admin), http.MethodPost, "/api/intake/v1/privacy/reports", http.StatusNotFound, map[string]any{"email": email}, nil)

	officer := w.person(t, actor.Officer)
	for service, path := range map[string]string{"directory": "/konto/daten", "intake": "/melden/meine-daten", "triage": "/lage/meine-daten", "notification": "/warnungen/meine-daten"} {
		var own personalData
		must(t, w.of(t, officer), http.MethodGet, "/api/"+service+"/v1/privacy/me", http.StatusOK, nil, &own)
		want := "register-copy"
		if service == "directory" {
			want = "person"
		}
		if own.count(want) != 1 {
			t.Errorf("%s tells the officer %d of %s, want one", service, own.count(want), want)
		}
		if p := w.get(t, client(t), path, w.cookie(t, officer)); p.StatusCode != http.StatusOK || !strings.Contains(p.Text, officer.Name) {
			t.Errorf("%s: %d without the person's name", path, p.StatusCode)
		}
	}
}

// The operator's command asks all four databases at once.
func TestTheReportOfAPersonIsTwoFiles(t *testing.T) {
	w := shared(t)
	officer := w.person(t, actor.Officer)
	r := submit(t, w.of(t, officer), "Auskunft über mich", "16071043")
	urls := map[string]string{}
	for _, s := range serviceNames {
		urls[s] = w.Demo.Database(s)
	}
	dir := t.TempDir()
	var out bytes.Buffer
	if err := standalone.PersonalReport(t.Context(), standalone.PersonReport{Databases: urls, Who: officer.Email, Out: dir}, &out); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "auskunft-*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v; want two files\n%s", files, err, out.String())
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{r.Reference, officer.Name, officer.Email} {
			if !bytes.Contains(raw, []byte(want)) {
				t.Errorf("%s does not name %s", filepath.Base(f), want)
			}
		}
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", f, st.Mode())
		}
	}
}

// dump is every row of a service's database.
func (w *world) dump(t *testing.T, service string, without ...string) string {
	t.Helper()
	args := []string{"--data-only"}
	for _, table := range without {
		args = append(args, "--exclude-table-data="+table)
	}
	out, err := exec.CommandContext(t.Context(), "pg_dump", append(args, w.Postgres.URL(service))...).CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump of %s: %v %.500s", service, err, out)
	}
	return string(out)
}

// absent fails t for every line of a service's database that has the word.
func (w *world) absent(t *testing.T, service, word string, without ...string) {
	t.Helper()
	table := ""
	for line := range strings.Lines(w.dump(t, service, without...)) {
		if strings.HasPrefix(line, "COPY ") {
			table = strings.Fields(line)[1]
		}
		if strings.Contains(strings.ToLower(line), strings.ToLower(word)) {
			t.Errorf("%s still has %q in %s: %.300s", service, word, table, line)
		}
	}
}

func (w *world) run(t *testing.T, service string, statements ...string) {
	t.Helper()
	db := w.open(t, service)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %s: %v", service, s, err)
		}
	}
}

// closeCase ends the work on a case and waits until the others know.
func (w *world) closeCase(t *testing.T, id string) {
	t.Helper()
	w.change(t, actor.Lead, id, "assign", http.StatusOK, map[string]any{"assignee": "me"})
	w.change(t, actor.Lead, id, "state", http.StatusOK, map[string]any{"state": "closed", "reason": "fertig", "class": "malicious-code:infected-system", "disposition": "confirmed"})
	for service, query := range map[string]string{
		"intake": `SELECT count(*) FROM case_copy WHERE id = $1 AND snapshot ->> 'state' = 'closed'`, "notification": `SELECT count(*) FROM cases WHERE id::text = $1 AND state = 'closed'`,
	} {
		db := w.open(t, service)
		devstack.Eventually(t, 15*time.Second, service+" knows that the case is closed", func() bool {
			var n int
			return db.Get(&n, query, id) == nil && n == 1
		})
	}
}

// The whole road of data: report, case, close, three years on, dry run, two
// people, gone. The skeleton stays, every chain verifies, the invariants hold.
func TestOldDataIsDeletedWhenTwoPeopleAgree(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	const word, mailbox, digits = "Zitronenfalter", "zitronenfalter@beispiel.example", "3643778899"
	guest := w.of(t, standalone.DemoPerson{})
	r := guestReport(t, w, word+" Gast", "+49 "+digits, mailbox)
	with := []string{"Report-Code", r.Code}
	must(t, guest, http.MethodPost, "/api/intake/v1/reports/"+r.Reference+"/messages", http.StatusCreated, map[string]any{"text": word}, nil, with...)
	post(t, guest, "/api/intake/v1/reports/"+r.Reference+"/attachments", upload(word+".txt", word), http.StatusCreated, nil, with...)
	c := w.casesOf(t, r.ID, 1)[0]
	devstack.Eventually(t, 15*time.Second, "message and file in the case", func() bool {
		x := w.caseByID(t, c.ID)
		return len(x.Messages) == 1 && len(x.Attachments) == 1
	})
	w.change(t, actor.Duty, c.ID, "notes", http.StatusCreated, map[string]any{"text": word})
	w.mail(t, mailbox, r.Reference)
	w.closeCase(t, c.ID)
	w.holds(t)

	const ago = `interval '4 years'`
	sent := func(service, id string) {
		w.run(t, service, `UPDATE outbox SET created_at = created_at - `+ago+`, published_at = published_at - `+ago+` WHERE body LIKE '%`+id+`%'`)
	}
	for _, service := range []string{"intake", "triage", "notification"} {
		sent(service, r.ID)
		sent(service, c.ID)
	}
	w.run(t, "intake", `UPDATE report SET received_at = received_at - `+ago+` WHERE id = '`+r.ID+`'`,
		`UPDATE report_message SET at = at - `+ago+` WHERE report_id = '`+r.ID+`'`, `UPDATE report_attachment SET at = at - `+ago+` WHERE report_id = '`+r.ID+`'`,
		`UPDATE case_copy SET snapshot = jsonb_set(snapshot, '{closed_at}', to_jsonb(now() - `+ago+`)) WHERE id = '`+c.ID+`'`,
		`DELETE FROM idempotency`)
	w.run(t, "triage", `UPDATE cases SET received_at = received_at - `+ago+`, opened_at = opened_at - `+ago+`, changed_at = changed_at - `+ago+`, closed_at = closed_at - `+ago+` WHERE id = '`+c.ID+`'`,
		`DELETE FROM idempotency`)
	w.run(t, "notification", `UPDATE cases SET closed_at = closed_at - `+ago+` WHERE id = '`+c.ID+`'`,
		`UPDATE deliveries SET done_at = done_at - `+ago+`, created_at = created_at - `+ago+` WHERE done_at IS NOT NULL`)

	lead, second, admin := w.as(t, actor.Lead), w.of(t, w.named(t, "r.rennsteig@cert.example")), w.as(t, actor.Admin)
	for service, classes := range map[string][]string{
		"intake": {"report-files", "report-content"}, "triage": {"case-files", "case-content"}, "notification": {"deliveries", "contacts", "case-copies"},
	} {
		at := "/api/" + service + "/v1/retention"
		for _, class := range classes {
			var run struct {
				ID  string
				Due int
			}
			must(t, lead, http.MethodPost, at+"/runs", http.StatusCreated, map[string]any{"class": class}, &run)
			if run.Due == 0 {
				t.Errorf("%s, %s: nothing is due", service, class)
			}
			must(t, lead, http.MethodPost, at+"/runs/"+run.ID+"/approve", http.StatusConflict, nil, nil)
			must(t, admin, http.MethodGet, at, http.StatusOK, nil, nil)
			must(t, admin, http.MethodPost, at+"/runs/"+run.ID+"/approve", http.StatusNotFound, nil, nil)
			must(t, second, http.MethodPost, at+"/runs/"+run.ID+"/approve", http.StatusOK, nil, nil)
			db := w.open(t, service)
			devstack.Eventually(t, 20*time.Second, service+" deletes "+class, func() bool {
				var n int
				return db.Get(&n, `SELECT count(*) FROM retention_run WHERE id = $1 AND state = 'done'`, run.ID) == nil && n == 1
			})
		}
	}
	for _, service := range serviceNames {
		for _, canary := range []string{word, mailbox, digits} {
			w.absent(t, service, canary)
		}
	}
	var left struct {
		Severity string `db:"severity"`
		Org      string `db:"org_id"`
	}
	if err := w.open(t, "triage").Get(&left, `SELECT severity, org_id FROM cases WHERE id = $1 AND class <> '' AND state = 'closed'`, c.ID); err != nil || left.Severity == "" || !strings.HasPrefix(left.Org, "h") {
		t.Errorf("the skeleton of the case = %+v, %v", left, err)
	}
	var counted int
	if err := w.open(t, "notification").Get(&counted, `SELECT coalesce(sum(n), 0) FROM delivery_count`); err != nil || counted == 0 {
		t.Errorf("%d deliveries are counted, %v", counted, err)
	}
	w.holds(t) // with the audit of each service
}

// Somebody who left is forgotten in all four services when two people agree;
// what they did stays under a pseudonym, and every chain verifies.
func TestALeaverIsForgottenEverywhere(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true, Limits: true})
	p := w.named(t, "it@jena.example")
	id, c := w.id(t, p), w.of(t, p)
	w.cookie(t, p)
	r := submit(t, c, "Wir sehen Verschlüsselung.", p.Organisation.ID)
	must(t, c, http.MethodPost, "/api/intake/v1/reports/"+r.ID+"/messages", http.StatusCreated, map[string]any{"text": "Noch ein Hinweis."}, nil)
	file := w.casesOf(t, r.ID, 1)[0]
	devstack.Eventually(t, 15*time.Second, "the message in the case", func() bool { return len(w.caseByID(t, file.ID).Messages) == 1 })
	w.mail(t, p.Email, r.Reference)
	w.closeCase(t, file.ID)

	manager, admin := w.as(t, actor.Constituency), w.as(t, actor.Admin)
	const at = "/api/directory/v1/erasures"
	var wish struct{ ID string }
	must(t, w.as(t, actor.Lead), http.MethodPost, at, http.StatusNotFound, map[string]any{"person": p.Email, "reason": "x"}, nil)
	must(t, manager, http.MethodPost, at, http.StatusUnprocessableEntity, map[string]any{"person": "niemand@jena.example", "reason": "x"}, nil)
	must(t, manager, http.MethodPost, at, http.StatusCreated, map[string]any{"person": p.Email, "reason": "ausgeschieden"}, &wish)
	must(t, manager, http.MethodPost, at+"/"+wish.ID+"/confirm", http.StatusConflict, nil, nil)
	must(t, admin, http.MethodPost, at+"/"+wish.ID+"/confirm", http.StatusNoContent, nil, nil)
	must(t, admin, http.MethodPost, at+"/"+wish.ID+"/confirm", http.StatusConflict, nil, nil)

	for _, service := range []string{"intake", "triage", "notification"} {
		db := w.open(t, service)
		devstack.Eventually(t, 20*time.Second, service+" forgets the person", func() bool {
			var n int
			return db.Get(&n, `SELECT count(*) FROM person_erased WHERE person = $1 AND done_at IS NOT NULL`, id) == nil && n == 1
		})
		devstack.Eventually(t, 20*time.Second, service+" has the new record", func() bool {
			var n int
			return db.Get(&n, `SELECT count(*) FROM register_record WHERE kind = 'person' AND id = $1 AND body LIKE '%Ehemalige%'`, id) == nil && n == 1
		})
	}
	must(t, c, http.MethodGet, "/api/directory/v1/me", http.StatusUnauthorized, nil, nil)
	for _, service := range serviceNames {
		for _, canary := range []string{p.Name, p.Email} {
			w.absent(t, service, canary) // with what was sent and what was answered
		}
	}
	var words int
	if err := w.open(t, "intake").Get(&words, `SELECT count(*) FROM report_message WHERE author_id = $1 AND body = 'Noch ein Hinweis.' AND author LIKE 'Ehemalige Person%'`, id); err != nil || words != 1 {
		t.Errorf("%d messages under the pseudonym, %v; want one", words, err)
	}
	w.holds(t)
}
