// SPDX-License-Identifier: EUPL-1.2

package blob_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/fault"
)

func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// open opens the store in dir with the identity own, for the recipients.
func open(t *testing.T, dir string, own *age.X25519Identity, recipients ...*age.X25519Identity) *blob.Store {
	t.Helper()
	cfg := blob.Config{URL: "file://" + dir + "?no_tmp_dir=true"}
	if own != nil {
		cfg.Identity = own.String()
	}
	for _, r := range recipients {
		cfg.Recipients = append(cfg.Recipients, " "+r.Recipient().String()+"\n")
	}
	s, err := blob.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// files are all files below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const plain = "MZ this program cannot be run in DOS mode: a canary of the plaintext"

func TestAFileComesBackAsItWas(t *testing.T) {
	t.Parallel()
	big := make([]byte, 3<<20+7)
	if _, err := rand.Read(big); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"text": []byte(plain), "empty": {}, "one byte": {0}, "several chunks": big, "exactly the limit": big[:1<<20]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, intake, triage := t.TempDir(), newKey(t), newKey(t)
			limit := int64(max(len(content), 1<<20))
			stored, err := open(t, dir, intake, intake, triage).Put(t.Context(), bytes.NewReader(content), limit)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if stored.Size != int64(len(content)) || stored.SHA256 != hex.EncodeToString(sum[:]) || !bytes.Equal(stored.Head, content[:min(512, len(content))]) {
				t.Errorf("stored = %d bytes, %s; want %d, %x", stored.Size, stored.SHA256, len(content), sum)
			}
			for _, own := range []*age.X25519Identity{intake, triage} {
				r, err := open(t, dir, own).Get(t.Context(), stored.Key)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
					t.Errorf("read %d bytes, %v; want the %d that were stored", len(got), err, len(content))
				}
			}
		})
	}
}

func TestThePlaintextNeverTouchesTheDisk(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), newKey(t)
	s := open(t, dir, key, key)
	var while []string
	r := io.MultiReader(strings.NewReader(strings.Repeat(plain, 20000)), readerFunc(func([]byte) (int, error) {
		while = files(t, dir) // the temporary file, in the middle of the upload
		return 0, io.EOF
	}))
	if _, err := s.Put(t.Context(), r, 10<<20); err != nil {
		t.Fatal(err)
	}
	if len(while) == 0 {
		t.Error("nothing was on the disk in the middle: the test tests nothing")
	}
	for _, path := range files(t, dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("canary")) || bytes.Contains(b, []byte(hex.EncodeToString([]byte("canary")))) {
			t.Errorf("%s holds the plaintext", path)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestF31WhatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	long := strings.NewReader(strings.Repeat("x", 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	for name, tt := range map[string]struct {
		ctx   context.Context //nolint:containedctx // one of the cases cancels it
		r     io.Reader
		limit int64
		want  fault.Kind
	}{
		"one byte too large":   {t.Context(), strings.NewReader(strings.Repeat("x", 1001)), 1000, fault.TooLarge},
		"much too large":       {t.Context(), io.LimitReader(zeros{}, 50<<20), 1 << 20, fault.TooLarge},
		"the client went away": {t.Context(), io.MultiReader(strings.NewReader(plain), iotest.ErrReader(io.ErrUnexpectedEOF)), 1 << 20, fault.Internal},
		"the request ended": {ctx, io.MultiReader(io.LimitReader(long, 1<<19), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, ctx.Err()
		})), 1 << 21, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, key := t.TempDir(), newKey(t)
			stored, err := open(t, dir, key, key).Put(tt.ctx, tt.r, tt.limit)
			if fault.KindOf(err) != tt.want || stored.Key != "" {
				t.Errorf("Put = %+v, %v; want kind %q and no key", stored, err, tt.want)
			}
			if left := files(t, dir); left != nil {
				t.Errorf("left on the disk: %v", left)
			}
		})
	}
	t.Cleanup(cancel)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestOnlyTheRightKeyReads(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), newKey(t)
	stored, err := open(t, dir, key, key).Put(t.Context(), strings.NewReader(plain), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string]*age.X25519Identity{"another key": newKey(t), "no key": nil} {
		if r, err := open(t, dir, own).Get(t.Context(), stored.Key); err == nil {
			t.Errorf("%s reads %v", name, r)
		}
	}
}

func TestAChangedFileIsNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"a bit":      func(b []byte) []byte { b[len(b)-5] ^= 1; return b },
		"the header": func(b []byte) []byte { b[30] ^= 1; return b },
		"the end":    func(b []byte) []byte { return b[:len(b)-10] },
		"all of it":  func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, key := t.TempDir(), newKey(t)
			s := open(t, dir, key, key)
			stored, err := s.Put(t.Context(), strings.NewReader(plain), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, stored.Key)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := s.Get(t.Context(), stored.Key)
			if err != nil {
				return
			}
			defer func() { _ = r.Close() }()
			if b, err := io.ReadAll(r); err == nil {
				t.Errorf("read %q without an error", b)
			}
		})
	}
}

func TestTheNameOnTheDiskIsOurs(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), newKey(t)
	s := open(t, dir, key, key)
	seen := map[string]bool{}
	for range 5 {
		stored, err := s.Put(t.Context(), strings.NewReader(plain), 1<<20)
		if err != nil || len(stored.Key) != 36 || seen[stored.Key] {
			t.Fatalf("Put = %+v, %v; want a new id", stored, err)
		}
		seen[stored.Key] = true
	}
	for _, name := range []string{"../../etc/passwd", "..", "/etc/passwd", "", "a\x00b"} {
		if r, err := s.Get(t.Context(), name); err == nil {
			_ = r.Close()
			t.Errorf("Get(%q) reads something", name)
		}
	}
}

func TestADeletedFileIsGoneAndTwiceIsNoError(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), newKey(t)
	s := open(t, dir, key, key)
	stored, err := s.Put(t.Context(), strings.NewReader(plain), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), stored.Key); err != nil {
			t.Errorf("Delete = %v", err)
		}
	}
	if left := files(t, dir); left != nil {
		t.Errorf("left on the disk: %v", left)
	}
	if _, err := s.Get(t.Context(), stored.Key); err == nil {
		t.Error("a deleted file is read")
	}
}

func TestWrongSettingsAreRefusedWithoutShowingTheKey(t *testing.T) {
	t.Parallel()
	good := "file://" + t.TempDir() + "?no_tmp_dir=true"
	secret := newKey(t).String()
	for name, cfg := range map[string]blob.Config{
		"no recipient":   {URL: good, Recipients: []string{"age1nonsense"}},
		"a secret there": {URL: good, Recipients: []string{secret}},
		"no identity":    {URL: good, Identity: secret + "x"},
		"no store":       {URL: "nowhere://x"},
		"no folder":      {URL: "file:///nowhere/at/all"},
	} {
		if s, err := blob.Open(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		} else if strings.Contains(err.Error(), secret[:30]) {
			t.Errorf("%s: the error shows the secret key: %v", name, err)
		}
	}
	s := open(t, t.TempDir(), newKey(t))
	if _, err := s.Put(t.Context(), strings.NewReader(plain), 1<<20); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Put without recipients = %v, want unavailable", err)
	}
}
