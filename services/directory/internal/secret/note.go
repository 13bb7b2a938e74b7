// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// cipherFor makes a cipher with a key of its own purpose.
func cipherFor(master []byte, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "leitstelle directory "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return cipher.NewGCM(block)
}

// SealNote encrypts words for the database; organisation binds them to its row.
func (k *Keys) SealNote(plain []byte, organisation string) []byte {
	return seal(k.note, string(plain), organisation)
}

// OpenNote decrypts what SealNote made for the same organisation.
func (k *Keys) OpenNote(box []byte, organisation string) ([]byte, error) {
	n := k.note.NonceSize()
	if len(box) < n {
		return nil, errors.New("sealed words are too short")
	}
	plain, err := k.note.Open(nil, box[:n], box[n:], []byte(organisation))
	if err != nil {
		return nil, fmt.Errorf("open sealed words: %w", err)
	}
	return plain, nil
}
