// SPDX-License-Identifier: EUPL-1.2

package factor

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// The length of a password that somebody chooses. No rule asks for kinds of
// characters (BSI ORP.4, NIST SP 800-63B): length and not being known count.
const (
	MinPassword = 12
	MaxPassword = 200
)

//go:embed common.txt
var commonList string

var common = func() map[string]bool {
	out := map[string]bool{}
	for l := range strings.Lines(commonList) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			out[l] = true
		}
	}
	return out
}()

// CheckPassword returns what is wrong with a password that the person chose:
// too short, known from lists, or made of their own name or address.
func CheckPassword(password, name, email string) error {
	var bad fault.Fields
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		bad.Add("password", "directory.signin.error.short", "a password has at least 12 characters")
	case n > MaxPassword:
		bad.Add("password", "directory.signin.error.long", "a password has at most 200 characters")
	case simple(password), personal(password, name, email):
		bad.Add("password", "directory.signin.error.common", "this password is easy to guess")
	}
	return bad.Err()
}

// simple reports whether a password is one of the known ones, also with digits
// and signs around it, or few characters again and again, or a walk over the keys.
func simple(password string) bool {
	p := strings.ToLower(password)
	core := strings.TrimFunc(p, func(r rune) bool { return !unicode.IsLetter(r) })
	if common[p] || common[core] || common[unleet(core)] {
		return true
	}
	seen := map[rune]bool{}
	for _, r := range p {
		seen[r] = true
	}
	if len(seen) < 5 {
		return true
	}
	for _, walk := range []string{"01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "qwertzuiopasdfghjklyxcvbnm", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6zhn"} {
		if strings.Contains(walk, p) || len(core) >= 6 && strings.Contains(walk, core) {
			return true
		}
	}
	return false
}

func unleet(s string) string {
	return strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").Replace(s)
}

// personal reports whether little is left of a password without the person's
// own name, address and the words of this very system.
func personal(password, name, email string) bool {
	p := strings.ToLower(password)
	words := strings.FieldsFunc(strings.ToLower(name+" "+email), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range append(words, "leitstelle", "thueringen", "thüringen", "passwort", "password") {
		if len(w) >= 4 {
			p = strings.ReplaceAll(p, w, "")
		}
	}
	return utf8.RuneCountInString(p) < 6
}
