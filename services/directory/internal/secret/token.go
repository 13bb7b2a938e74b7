// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// TokenPrefix makes API tokens recognisable to scanners for leaked secrets.
const TokenPrefix = "lst_"

const busyRetry = 5 * time.Second

// NewSession returns a fresh session secret: 32 random bytes.
func (k *Keys) NewSession() string { return randomText(32) }

// Sum is what is stored instead of a session or token: its SHA-256.
func (k *Keys) Sum(text string) []byte { return sum(text) }

// CheckCode opens a sealed TOTP secret and checks a code with it (CheckCode).
func (k *Keys) CheckCode(sealed []byte, person, code string, at time.Time, last int64) int64 {
	plain, err := k.Open(sealed, person)
	if err != nil {
		return 0
	}
	return CheckCode(plain, code, at, last)
}

func sum(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// Keys are derived from the one key of the service, each for one purpose.
type Keys struct {
	box      cipher.AEAD
	note     cipher.AEAD // of sealed emergency contacts
	token    []byte
	audit    []byte
	enrol    cipher.AEAD // of offered TOTP secrets
	recovery []byte
}

// NewKeys derives the keys from 32 bytes.
func NewKeys(master []byte) (*Keys, error) {
	if len(master) != 32 {
		return nil, fmt.Errorf("the key of the directory must have 32 bytes, not %d", len(master))
	}
	var k Keys
	for purpose, key := range map[string]*[]byte{"token": &k.token, "audit": &k.audit, "recovery": &k.recovery} {
		derived, err := hkdf.Key(sha256.New, master, nil, "leitstelle directory "+purpose, 32)
		if err != nil {
			return nil, fmt.Errorf("derive keys: %w", err)
		}
		*key = derived
	}
	for purpose, box := range map[string]*cipher.AEAD{"totp": &k.box, "emergency": &k.note, "enrol": &k.enrol} {
		c, err := cipherFor(master, purpose)
		if err != nil {
			return nil, err
		}
		*box = c
	}
	return &k, nil
}

// Token returns the API token with the id. It follows from the id, so that a
// repeated request gets the same token again without anyone storing it.
func (k *Keys) Token(id string) string {
	m := hmac.New(sha256.New, k.token)
	m.Write([]byte(id))
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Audit is the key of digests in the audit.
func (k *Keys) Audit() []byte { return k.audit }

// Seal encrypts a TOTP secret for the database; person binds it to its row.
func (k *Keys) Seal(plain, person string) []byte {
	return seal(k.box, plain, person)
}

// Open decrypts what Seal made for the same person.
func (k *Keys) Open(sealed []byte, person string) (string, error) {
	if len(sealed) < k.box.NonceSize() {
		return "", errors.New("sealed secret is too short")
	}
	n := k.box.NonceSize()
	plain, err := k.box.Open(nil, sealed[:n], sealed[n:], []byte(person))
	if err != nil {
		return "", fmt.Errorf("open a sealed secret: %w", err)
	}
	return string(plain), nil
}
