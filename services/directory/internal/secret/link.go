// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// NewLink returns the secret of a link in a mail: 80 random bits as 16 letters
// and digits that survive every mail program.
func (k *Keys) NewLink() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}
