// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// OfferLife is how long somebody has to set up an app with an offered secret.
const OfferLife = time.Hour

// OfferTOTP returns a fresh random TOTP secret, and the same sealed for the one
// browser it is shown to. what names the purpose: a link, a session. Neither
// the link nor the session tells the secret, so whoever sees one of them
// earlier or later does not know the second factor; and nothing is stored
// before a code proved it.
func (k *Keys) OfferTOTP(what string, at time.Time) (totp, box string) {
	totp = NewTOTP()
	return totp, base64.RawURLEncoding.EncodeToString(seal(k.enrol, strconv.FormatInt(at.Add(OfferLife).Unix(), 10)+" "+totp, what))
}

// OfferedTOTP opens what OfferTOTP sealed for the same purpose; "" when it is
// another one's, too old or nonsense.
func (k *Keys) OfferedTOTP(box, what string, at time.Time) string {
	raw, err := base64.RawURLEncoding.DecodeString(box)
	if err != nil || len(raw) < k.enrol.NonceSize() {
		return ""
	}
	n := k.enrol.NonceSize()
	plain, err := k.enrol.Open(nil, raw[:n], raw[n:], []byte(what))
	if err != nil {
		return ""
	}
	until, totp, _ := strings.Cut(string(plain), " ")
	if end, err := strconv.ParseInt(until, 10, 64); err != nil || at.Unix() >= end {
		return ""
	}
	return totp
}

// seal encrypts a text under a random nonce, which goes in front; name binds it
// to what it belongs to.
func seal(box cipher.AEAD, plain, name string) []byte {
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return box.Seal(nonce, nonce, []byte(plain), []byte(name))
}
