// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"strings"
	"unicode/utf8"
)

// ValidEmail reports whether s is a plain address that can stand in an SMTP
// envelope without quoting: one @, printable ASCII, no spaces, no list. What is
// stricter than the RFC here is what attackers use and administrations do not.
func ValidEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || len(domain) < 3 || len(domain) > 250 || !utf8.ValidString(s) {
		return false
	}
	if !allOf(local, "!#$%&'*+-/=?^_`{|}~.") || !allOf(domain, "-.") {
		return false
	}
	for _, part := range []string{local, domain} {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.Contains(part, "..") {
			return false
		}
	}
	return strings.Contains(domain, ".") || domain == "localhost"
}

func allOf(s, extra string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune(extra, r) {
			return false
		}
	}
	return true
}
