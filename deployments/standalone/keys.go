// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// keys are the secrets of one instance, made at the first start and kept in
// DIR/keys, a file each, mode 0600. Lose them and attachments and codes are lost.
type keys struct {
	Postgres string `json:"postgres"` // password of the private cluster
	NATS     string `json:"nats"`     // password of the embedded broker
	Store    string `json:"store"`    // encrypts the broker's store at rest
	Anchor   string `json:"anchor"`   // Ed25519 seed, hex: audit checkpoints
	Receipt  string `json:"receipt"`  // Ed25519 seed, hex: receipts
	Code     string `json:"code"`     // HMAC key of reporters' codes, hex
	Secrets  string `json:"secrets"`  // seals TOTP secrets at rest, hex
	Token    string `json:"token"`    // HMAC key of answer links, hex
	Intake   string `json:"intake"`   // age identities of the services that read attachments
	Triage   string `json:"triage"`
}

// loadKeys reads the keys of dir and makes those that are missing.
func loadKeys(dir string) (keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keys{}, err
	}
	path := filepath.Join(dir, "keys.json")
	var k keys
	b, err := os.ReadFile(path) //nolint:gosec // the operator's own folder
	switch {
	case err == nil:
		if err := json.Unmarshal(b, &k); err != nil {
			return keys{}, fmt.Errorf("%s: %w", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return keys{}, err
	}
	before := k
	for _, field := range []*string{&k.Postgres, &k.NATS, &k.Store, &k.Anchor, &k.Receipt, &k.Code, &k.Secrets, &k.Token} {
		if *field == "" {
			*field = random()
		}
	}
	for _, field := range []*string{&k.Intake, &k.Triage} {
		if *field == "" {
			id, err := age.GenerateX25519Identity()
			if err != nil {
				return keys{}, err
			}
			*field = id.String()
		}
	}
	if k == before {
		return k, nil
	}
	if b, err = json.MarshalIndent(k, "", "  "); err != nil {
		return keys{}, err
	}
	return k, writeAtomic(path, append(b, '\n'))
}

// recipients are the public keys that attachments are encrypted to.
func (k keys) recipients() ([]string, error) {
	var out []string
	for _, secret := range []string{k.Intake, k.Triage} {
		id, err := age.ParseX25519Identity(secret)
		if err != nil {
			return nil, fmt.Errorf("age key of this instance: %w", err)
		}
		out = append(out, id.Recipient().String())
	}
	return out, nil
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// writeAtomic makes the file appear whole or not at all, mode 0600.
func writeAtomic(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is nothing left to remove
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
