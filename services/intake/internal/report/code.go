// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// crockford is base 32 without the letters that are mistaken for digits.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var base32Code = base32.NewEncoding(crockford).WithPadding(base32.NoPadding)

// CodeLength is how many characters a code has: 50 bits.
const CodeLength = 10

// Code is the guest's key to a report: the first ten characters of the HMAC of
// its id, so that a replayed request gets the same one and the store keeps none
// (design §7).
func Code(key []byte, reportID string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(reportID))
	return base32Code.EncodeToString(m.Sum(nil))[:CodeLength]
}

// PartCode is the key to what a report says about one body: that body's people
// open their part with it and see no other (design §7).
func PartCode(key []byte, reportID, organisation string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(reportID + "\x00" + organisation))
	return base32Code.EncodeToString(m.Sum(nil))[:CodeLength]
}

// NewCode returns a random code for a draft.
func NewCode() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base32Code.EncodeToString(b[:])[:CodeLength]
}

// FormatCode groups a code as people read it out: 7K4-9QD-M2XT.
func FormatCode(code string) string {
	if len(code) != CodeLength {
		return code
	}
	return code[:3] + "-" + code[3:6] + "-" + code[6:]
}

var alike = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "", "–", "", ".", "", "\u00a0", "", "_", "")

// ParseCode reads what a person typed: lower case, O for 0, I or L for 1, with
// or without dashes and spaces. False when it can be no code.
func ParseCode(typed string) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	code := alike.Replace(strings.ToUpper(strings.TrimSpace(typed)))
	if len(code) != CodeLength || strings.Trim(code, crockford) != "" {
		return "", false
	}
	return code, true
}

// SameCode compares without telling by the time it takes where they differ.
func SameCode(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// ParseReference reads "m-2026-123" or "M-2026-000123" as M-2026-000123.
func ParseReference(typed string) (string, bool) {
	s := strings.ToUpper(strings.TrimSpace(typed))
	if len(s) > 32 {
		return "", false
	}
	s = strings.NewReplacer(" ", "", "–", "-", "\u00a0", "").Replace(s)
	parts := strings.Split(s, "-")
	if len(parts) != 3 || parts[0] != "M" || len(parts[1]) != 4 || !digitsOnly(parts[1]) || !digitsOnly(parts[2]) {
		return "", false
	}
	number := strings.TrimLeft(parts[2], "0")
	if number == "" || len(number) > 12 {
		return "", false
	}
	return Reference(parts[1], number), true
}

// Reference writes a report's number so that it is easy to read out.
func Reference(year, number string) string {
	if len(number) < 6 {
		number = strings.Repeat("0", 6-len(number)) + number
	}
	return "M-" + year + "-" + number
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
