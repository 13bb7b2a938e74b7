// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// TestNoSettingMakesPasswordsCheap holds for whatever an operator may set: only
// a test's own code takes cheap hashes (OWASP: argon2id with 19 MiB, two rounds).
func TestNoSettingMakesPasswordsCheap(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewDB(t, directory.Migrations()...)
	environ := []string{
		"DIRECTORY_KEY=" + strings.Repeat("0a", 32), "DIRECTORY_DATABASE_URL=" + url,
		"DIRECTORY_QUICK_PASSWORDS=true", "DIRECTORY_QUICKPASSWORDS=true", "QUICK_PASSWORDS=true", "DIRECTORY_-=true",
	}
	var read directory.Config
	if err := config.Load(&read, "DIRECTORY_", environ); err != nil {
		t.Fatal(err)
	}
	for _, v := range config.Variables(&read, "DIRECTORY_") {
		if strings.Contains(strings.ToLower(v.Name), "quick") {
			t.Errorf("the setting %s makes passwords cheap", v.Name)
		}
	}
	b := bareAt(t, db, url, nil, func(c *directory.Config) { c.QuickPasswords = read.QuickPasswords })
	b.fill("klett")
	var hash string
	if err := db.Get(&hash, `SELECT c.password_hash FROM account c JOIN person p ON p.id = c.person WHERE p.email = 'klett@example.org'`); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash of a password is %q, want argon2id with m=19456,t=2,p=1", hash)
	}
	if b.tryToSignIn("klett@example.org", password, b.code()).StatusCode != 303 {
		t.Error("the password does not count")
	}
}
