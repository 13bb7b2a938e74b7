// SPDX-License-Identifier: EUPL-1.2

package zipae_test

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/blob/zipae"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const password = "7K4-9QD-M2XT"

func TestWhatIsWrittenCanBeReadWithThePassword(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 15, 16, 17, 100_000} {
		plain := bytes.Repeat([]byte("MZ\x90 "), size/4+1)[:size]
		var b bytes.Buffer
		if err := zipae.Write(&b, "böse Datei.exe", password, int64(size), at, bytes.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		f := r.File[0]
		if f.Name != "böse Datei.exe" || f.Method != 99 || f.Flags&1 == 0 || f.CRC32 != 0 || f.UncompressedSize64 != uint64(size) {
			t.Errorf("header %+v", f.FileHeader)
		}
		raw, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(raw, password)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if size > 100 && bytes.Contains(b.Bytes(), plain[:64]) {
			t.Error("the plaintext is in the ZIP")
		}
	}
}

func TestAShorterFileIsAnError(t *testing.T) {
	t.Parallel()
	err := zipae.Write(io.Discard, "x", password, 10, at, strings.NewReader("short"))
	if !errors.Is(err, zipae.ErrSize) {
		t.Errorf("%v", err)
	}
}

// TestSevenZipReadsIt checks against another program where one is installed.
func TestSevenZipReadsIt(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"7z", "7zz", "7za", "bsdtar"} {
		path, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		dir := t.TempDir()
		var b bytes.Buffer
		if err := zipae.Write(&b, "probe.txt", password, 5, at, strings.NewReader("hallo")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "p.zip"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"x", "-so", "-p" + password, filepath.Join(dir, "p.zip")}
		if program == "bsdtar" {
			args = []string{"-xOf", filepath.Join(dir, "p.zip"), "--passphrase", password}
		}
		out, err := exec.CommandContext(t.Context(), path, args...).Output()
		if err != nil || !strings.Contains(string(out), "hallo") {
			t.Errorf("%s: %v %q", program, err, out)
		}
		return
	}
	t.Log("no other program that reads AE-2 is installed; the format was checked by our own reader")
}

// open is an independent reader of one AE-2 entry.
func open(r io.Reader, pass string) ([]byte, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	salt, check, body, mac := raw[:16], raw[16:18], raw[18:len(raw)-10], raw[len(raw)-10:]
	keys, err := pbkdf2.Key(sha1.New, pass, salt, 1000, 66)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(keys[64:], check) {
		return nil, errors.New("wrong password")
	}
	m := hmac.New(sha1.New, keys[32:64])
	m.Write(body)
	if !hmac.Equal(m.Sum(nil)[:10], mac) {
		return nil, errors.New("authentication failed")
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(body))
	for i := 0; i < len(body); i += 16 {
		var in, pad [16]byte
		binary.LittleEndian.PutUint64(in[:], uint64(i/16+1))
		block.Encrypt(pad[:], in[:])
		for j := i; j < min(i+16, len(body)); j++ {
			out[j] = body[j] ^ pad[j-i]
		}
	}
	return out, nil
}
