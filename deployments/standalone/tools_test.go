// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

var signedLine = regexp.MustCompile(`(?m)^(directory|intake|triage|notification) \d+ ok [0-9a-f]{64}$`)

// D13 by the operator's command: it checks every chain and names the first
// entry that was tampered with, running or not.
func TestAuditVerifyNamesATamperedEntry(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	p := run(t, data)
	d := p.demo(t)
	officer, err := d.Person(actor.Officer)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		submit(t, standalone.Client{URL: d.URL, Token: officer.Token, HTTP: client(t)}, "Prüfung", "16071043")
	}
	out, code := tool(t, "audit", "verify", "--data", data)
	if lines := signedLine.FindAllString(out, -1); code != 0 || len(lines) != 4 {
		t.Errorf("audit verify on a running instance: exit %d, want 0 and four lines\n%s", code, out)
	}

	db, err := sqlx.Connect("postgres", d.Database("intake"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`ALTER TABLE audit DISABLE TRIGGER ALL`,
		`UPDATE audit SET actor = 'somebody else' WHERE seq = 2`,
		`ALTER TABLE audit ENABLE TRIGGER ALL`,
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	_ = db.Close()
	if err := p.end(t, syscall.SIGTERM, 20*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.out)
	}
	out, code = tool(t, "audit", "verify", "--data", data)
	if code != 1 || !strings.Contains(out, "intake entry 2 bad: ") {
		t.Errorf("audit verify after tampering: exit %d, want 1 and \"intake entry 2 bad\"\n%s", code, out)
	}
	if !regexp.MustCompile(`(?m)^triage \d+ ok `).MatchString(out) {
		t.Errorf("the other chains are not reported\n%s", out)
	}
}

// Without demo people nobody can sign in until the operator makes the first
// account; SIGTERM stops everything within 20 s.
func TestTheFirstAccountOfAnEmptyInstance(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	p := run(t, data, "--demo=false")
	d := p.demo(t)
	if len(d.People) != 0 {
		t.Errorf("without demo people demo.json has %d", len(d.People))
	}
	if d.Provider != nil {
		t.Errorf("without demo people there is the provider %s", d.Provider.URL)
	}
	info, err := os.Stat(filepath.Join(data, "demo.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("demo.json: %v, mode %v, want 0600", err, info.Mode())
	}
	out, code := tool(t, "admin", "create", "--data", data, "--name", "Erste Person", "--email", "erste@cert.example")
	password := regexp.MustCompile(`password\s+(\S+)`).FindStringSubmatch(out)
	totp := regexp.MustCompile(`TOTP secret\s+(\S+)`).FindStringSubmatch(out)
	if code != 0 || password == nil || totp == nil {
		t.Fatalf("admin create: exit %d\n%s", code, out)
	}
	w := &world{System: &standalone.System{Demo: d}, cookies: map[string]string{}, steps: map[string]int64{}}
	who := standalone.DemoPerson{Email: "erste@cert.example", Password: password[1], TOTPSecret: totp[1]}
	form := func(code string) url.Values {
		return url.Values{"email": {who.Email}, "password": {who.Password}, "code": {code}}
	}
	used := w.totp(t, who)
	res := w.form(t, "/konto/anmelden", form(used), "")
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) == 0 {
		t.Fatalf("sign-in of the first account: %d", res.StatusCode)
	}
	if again := w.form(t, "/konto/anmelden", form(used), ""); again.StatusCode != http.StatusUnauthorized {
		t.Errorf("the same code once more: %d, want 401", again.StatusCode)
	}
	if out, code := tool(t, "admin", "create", "--data", data, "--name", "Erste Person", "--email", "erste@cert.example"); code != 1 {
		t.Errorf("the same person once more: exit %d\n%s", code, out)
	}
	devstack.Eventually(t, 10*time.Second, "the administrator's page", func() bool {
		return w.get(t, client(t), "/verzeichnis/verwaltung/personen", res.Cookies()[0].Value).StatusCode == http.StatusOK
	})
	began := time.Now()
	if err := p.end(t, syscall.SIGTERM, 20*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.out)
	}
	t.Logf("stopped after %s", time.Since(began).Round(time.Millisecond))
	if _, err := os.Stat(filepath.Join(data, "demo.json")); !os.IsNotExist(err) {
		t.Errorf("demo.json is still there after the end: %v", err)
	}
}

// With demo people, whose passwords are known, only this machine may come in.
func TestDemoPeopleStayOnLoopback(t *testing.T) {
	t.Parallel()
	out, code := tool(t, "--listen", "0.0.0.0:0", "--data", dataFolder(t))
	if code == 0 || !strings.Contains(out, "loopback") {
		t.Errorf("exit %d, want a refusal\n%s", code, out)
	}
}
