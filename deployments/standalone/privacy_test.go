// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"net/http"
	"os"
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
