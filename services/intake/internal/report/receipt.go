// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Receipt is what the CERT signs for the reporter: that this content was taken
// in at that time.
type Receipt struct {
	ID         string    `json:"id"`
	Reference  string    `json:"reference"`
	ReceivedAt time.Time `json:"received_at"`
	TLP        string    `json:"tlp"`
	SHA256     string    `json:"sha256"`             // Report.Digest, or Report.PartSum
	Affected   string    `json:"affected,omitempty"` // the one body that a part's receipt is about
}

var b64 = base64.RawURLEncoding

// Sign writes the receipt as payload.signature, both base64url. The signature is
// Ed25519 over the payload's characters; the same report gives the same receipt.
func (r Receipt) Sign(key ed25519.PrivateKey) string {
	raw, err := json.Marshal(r)
	if err != nil {
		panic("report: receipt cannot be encoded: " + err.Error()) // plain values only
	}
	payload := b64.EncodeToString(raw)
	return payload + "." + b64.EncodeToString(ed25519.Sign(key, []byte(payload)))
}

// VerifyReceipt returns what a receipt says, or Invalid when it was not signed
// by the key.
func VerifyReceipt(token string, key ed25519.PublicKey) (Receipt, error) {
	var r Receipt
	payload, signature, _ := strings.Cut(token, ".")
	sig, err := b64.DecodeString(signature)
	if err != nil || len(sig) != ed25519.SignatureSize || !ed25519.Verify(key, []byte(payload), sig) {
		return r, fault.New(fault.Invalid, "this receipt was not signed here")
	}
	raw, err := b64.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return r, fault.Wrap(fault.Invalid, err, "this receipt cannot be read")
	}
	return r, nil
}

// Receipt of the report.
func (r Report) Receipt() Receipt {
	sum := r.Sum
	if sum == "" {
		sum = r.Digest()
	}
	return Receipt{ID: r.ID, Reference: r.Reference, ReceivedAt: r.ReceivedAt, TLP: r.TLP, SHA256: sum}
}

// PartReceipt is the receipt of what was reported about one body; it names no other.
func (r Report) PartReceipt(b Body) Receipt {
	at, _ := r.TakenIn(b)
	return Receipt{ID: r.ID, Reference: r.Reference, ReceivedAt: at, TLP: r.TLP, SHA256: r.PartSum(b), Affected: b.Organisation.ID}
}
