// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// RecoveryCodes is how many codes a set has.
const RecoveryCodes = 10

// Crockford's alphabet has no I, L, O and U: nothing is misread from paper.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

func mac(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return m.Sum(nil)
}

// RecoverySet returns the codes of a set, 80 bits each. They follow from its
// random id and the key, so that the page right after making them can show them
// without anybody storing them.
func (k *Keys) RecoverySet(set string) []string {
	out := make([]string, RecoveryCodes)
	for i := range out {
		c := crockford.EncodeToString(mac(k.recovery, "code", set, strconv.Itoa(i))[:10])
		out[i] = c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:]
	}
	return out
}

// RecoverySum is what is stored instead of a recovery code: a keyed digest,
// bound to the person. It is nil when the text has not the form of a code.
// Blanks, dashes, small letters and the letters O, I and L for digits are fine.
func (k *Keys) RecoverySum(person, code string) []byte {
	clean := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	if _, err := crockford.DecodeString(clean); err != nil || len(clean) != 16 {
		return nil
	}
	return mac(k.recovery, "sum", person, clean)
}
