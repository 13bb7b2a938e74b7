// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// tokenEncoding is Crockford's base 32: no letter that is read as a digit.
var tokenEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// tokenBytes is 80 bits (design §7): 16 characters.
const tokenBytes = 10

// SaltSize is the length of the random part of a token that the database keeps.
const SaltSize = 16

// Keyring makes the tokens of answer links: 80 bits per alert, organisation and
// person. The database holds a random salt and the token's hash; the token
// itself follows only from the salt and this key, which is not in the database.
// So a mail that is sent again carries the same link, and a copy of the
// database opens none.
type Keyring struct{ Key []byte }

// NewSalt returns a random salt.
func NewSalt() []byte {
	b := make([]byte, SaltSize)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// Token returns the token that belongs to a salt.
func (k Keyring) Token(salt []byte) string {
	m := hmac.New(sha256.New, k.Key)
	m.Write([]byte("answer link\x00"))
	m.Write(salt)
	return tokenEncoding.EncodeToString(m.Sum(nil)[:tokenBytes])
}

// HashToken is what is stored of a token. What a person might type, capital
// letters and hyphens, makes no difference.
func HashToken(token string) []byte {
	clean := strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1").Replace(strings.ToLower(token))
	h := sha256.Sum256([]byte(clean))
	return h[:]
}
