// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// Period of a TOTP step (RFC 6238).
const Period = 30

var totpOptions = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// NewTOTP returns a fresh secret in base 32, as authenticator apps take it.
func NewTOTP() string {
	return strings.TrimRight(base32.StdEncoding.EncodeToString(sum(randomText(32))[:20]), "=")
}

// Step is the number of the TOTP step at t.
func Step(t time.Time) int64 { return t.Unix() / Period }

// Code returns the code of a step.
func Code(secret string, step int64) (string, error) {
	if step < 0 {
		return "", fmt.Errorf("no code before 1970")
	}
	return hotp.GenerateCodeCustom(secret, uint64(step), totpOptions)
}

// ValidTOTP reports whether the text is a secret that apps accept.
func ValidTOTP(secret string) bool {
	_, err := Code(secret, 1)
	return err == nil && len(secret) >= 16
}

// CheckCode returns the step that code belongs to: the present one, the one
// before or the one after, but only if it is later than last, since a code
// counts once. 0: it is wrong or was used. Blanks in the code are fine.
func CheckCode(secret, code string, at time.Time, last int64) int64 {
	code = strings.Join(strings.Fields(code), "")
	var found int64
	for step := Step(at) - 1; step <= Step(at)+1; step++ {
		want, err := Code(secret, step)
		if err != nil {
			return 0
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > last {
			found = step
		}
	}
	return found
}
