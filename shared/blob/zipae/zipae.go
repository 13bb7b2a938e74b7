// SPDX-License-Identifier: EUPL-1.2

// Package zipae writes a ZIP with one encrypted file in the WinZip AE-2 format
// (AES-256), so that suspicious files leave the system only behind a password:
// no virus scanner or preview on the way opens them. 7-Zip, WinZip and Keka read
// it; Windows Explorer does not.
package zipae

import (
	"archive/zip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the format prescribes HMAC-SHA1
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

const (
	saltLen   = 16
	keyLen    = 32
	checkLen  = 2
	macLen    = 10
	overhead  = saltLen + checkLen + macLen
	rounds    = 1000 // fixed by the format
	methodAES = 99
)

// ErrSize says that the file was not as long as announced.
var ErrSize = errors.New("zipae: the file has another size than announced")

// Write puts size bytes of r as the file name into a ZIP on w, encrypted with
// the password. Nothing is held in memory; the size has to be known before.
func Write(w io.Writer, name, password string, size int64, at time.Time, r io.Reader) error {
	z := zip.NewWriter(w)
	f, err := z.CreateRaw(header(name, size, at))
	if err != nil {
		return fmt.Errorf("zipae: %w", err)
	}
	if err := encrypt(f, password, size, r); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("zipae: %w", err)
	}
	return nil
}

// header describes an AES-256 entry that is stored, not compressed. The CRC is
// zero in AE-2: the authentication code stands for it.
func header(name string, size int64, at time.Time) *zip.FileHeader {
	extra := make([]byte, 11)
	binary.LittleEndian.PutUint16(extra[0:], 0x9901)
	binary.LittleEndian.PutUint16(extra[2:], 7)
	binary.LittleEndian.PutUint16(extra[4:], 2) // AE-2
	copy(extra[6:], "AE")
	extra[8] = 3                                // AES-256
	binary.LittleEndian.PutUint16(extra[9:], 0) // stored
	h := &zip.FileHeader{
		Name: name, Method: methodAES, Flags: 0x1 | 0x800, Extra: extra, CreatorVersion: 51, ReaderVersion: 51,
		UncompressedSize64: uint64(size), CompressedSize64: uint64(size) + overhead,
	}
	date, clock := dos(at.UTC())
	h.ModifiedDate, h.ModifiedTime = date, clock //nolint:staticcheck // Modified would add an extra field of its own
	return h
}

// dos is a time as ZIP writes it.
func dos(t time.Time) (date, clock uint16) {
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9),
		uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
}

func encrypt(w io.Writer, password string, size int64, r io.Reader) error {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("zipae: %w", err)
	}
	keys, err := pbkdf2.Key(sha1.New, password, salt, rounds, 2*keyLen+checkLen)
	if err != nil {
		return fmt.Errorf("zipae: %w", err)
	}
	block, err := aes.NewCipher(keys[:keyLen])
	if err != nil {
		return fmt.Errorf("zipae: %w", err)
	}
	if _, err := w.Write(append(salt, keys[2*keyLen:]...)); err != nil {
		return err
	}
	c := &counter{block: block, mac: hmac.New(sha1.New, keys[keyLen:2*keyLen]), w: w}
	n, err := io.Copy(c, r)
	if err != nil {
		return err
	}
	if n != size {
		return ErrSize
	}
	_, err = w.Write(c.mac.Sum(nil)[:macLen])
	return err
}

// counter is AES in counter mode as WinZip counts: little-endian, from 1.
type counter struct {
	block cipher.Block
	mac   hash.Hash
	w     io.Writer
	n     uint64
	pad   [aes.BlockSize]byte
	used  int
	buf   []byte
}

// Write encrypts b, then authenticates and passes on the ciphertext.
func (c *counter) Write(b []byte) (int, error) {
	c.buf = append(c.buf[:0], b...)
	for i := range c.buf {
		if c.used%aes.BlockSize == 0 {
			c.n++
			var in [aes.BlockSize]byte
			binary.LittleEndian.PutUint64(in[:], c.n)
			c.block.Encrypt(c.pad[:], in[:])
			c.used = 0
		}
		c.buf[i] ^= c.pad[c.used]
		c.used++
	}
	c.mac.Write(c.buf)
	return c.w.Write(c.buf)
}
