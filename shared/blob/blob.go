// SPDX-License-Identifier: EUPL-1.2

// Package blob keeps attachments. A file is encrypted with age to the keys of
// the services that may read it before the first byte reaches a disk, and it is
// stored under a random key: a client's file name never becomes a path.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"filippo.io/age"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // folders; S3 is one more import of gocloud.dev

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Config of the store.
type Config struct {
	URL        string   `env:"BLOB_URL" doc:"where attachments lie, a folder: file:///path?no_tmp_dir=true&metadata=skip"`
	Recipients []string `env:"BLOB_RECIPIENTS" doc:"age public keys of all services that may read attachments"`
	Identity   string   `env:"BLOB_IDENTITY" doc:"this service's own age secret key"`
}

// Store writes and reads encrypted files.
type Store struct {
	bucket     *blob.Bucket
	recipients []age.Recipient
	identities []age.Identity
}

// Open opens the store. Without recipients nothing can be written, without an
// identity nothing read.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{}
	for i, r := range cfg.Recipients {
		key, err := age.ParseX25519Recipient(strings.TrimSpace(r))
		if err != nil {
			// age's own error repeats the text, which may be a secret key by mistake.
			return nil, fmt.Errorf("BLOB_RECIPIENTS: number %d is no age public key", i+1)
		}
		s.recipients = append(s.recipients, key)
	}
	if cfg.Identity != "" {
		ids, err := age.ParseIdentities(strings.NewReader(cfg.Identity))
		if err != nil {
			return nil, fmt.Errorf("BLOB_IDENTITY is no age key")
		}
		s.identities = ids
	}
	bucket, err := blob.OpenBucket(ctx, cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("open the attachment store: %w", err)
	}
	s.bucket = bucket
	return s, nil
}

// Close ends the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Stored is what is known of a written file.
type Stored struct {
	Key    string
	Size   int64  // bytes of the plaintext
	SHA256 string // hex, of the plaintext
	Head   []byte // the first bytes, to guess the type
}

// Put encrypts and stores what r gives, at most limit bytes. When anything goes
// wrong, also when the client goes away, nothing of it becomes visible.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (Stored, error) {
	if len(s.recipients) == 0 {
		return Stored{}, fault.New(fault.Unavailable, "attachments cannot be taken at the moment")
	}
	key := event.NewID()
	// A writer whose context is cancelled before Close discards what it has.
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(wctx, key, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return Stored{}, unavailable(err)
	}
	m := &meter{hash: sha256.New()}
	if err := s.encrypt(w, io.TeeReader(&limited{r: r, left: limit, limit: limit}, m)); err != nil {
		cancel()
		_ = w.Close()
		return Stored{}, err
	}
	if err := w.Close(); err != nil {
		return Stored{}, unavailable(err)
	}
	return Stored{Key: key, Size: m.n, SHA256: hex.EncodeToString(m.hash.Sum(nil)), Head: m.head}, nil
}

func (s *Store) encrypt(w io.Writer, r io.Reader) error {
	enc, err := age.Encrypt(w, s.recipients...)
	if err != nil {
		return unavailable(err)
	}
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return unavailable(err)
	}
	return nil
}

// Get returns the plaintext of a file.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, unavailable(err)
	}
	plain, err := age.Decrypt(r, s.identities...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("decrypt attachment %s: %w", key, err), r.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, r}, nil
}

// Delete removes a file; a missing one is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	there, err := s.bucket.Exists(ctx, key)
	if err != nil || !there {
		return unavailableOrNil(err)
	}
	return unavailableOrNil(s.bucket.Delete(ctx, key))
}

func unavailable(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the attachment store does not answer at the moment")
}

func unavailableOrNil(err error) error {
	if err == nil {
		return nil
	}
	return unavailable(err)
}

// meter counts and hashes the plaintext and keeps its beginning.
type meter struct {
	hash hash.Hash
	n    int64
	head []byte
}

func (m *meter) Write(b []byte) (int, error) {
	if room := 512 - len(m.head); room > 0 {
		m.head = append(m.head, b[:min(room, len(b))]...)
	}
	m.n += int64(len(b))
	return m.hash.Write(b)
}

// limited fails with TooLarge after limit bytes, instead of cutting off.
type limited struct {
	r           io.Reader
	left, limit int64
}

func (l *limited) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, fault.New(fault.TooLarge, "the file is larger than %d MB", l.limit>>20)
	}
	return n, err
}
