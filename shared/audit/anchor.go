// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Anchor is a signed checkpoint: at At the chain of Service ended at Seq with Head.
type Anchor struct {
	Service string    `json:"service"`
	Seq     int64     `json:"seq"`
	Head    string    `json:"head"` // hex
	At      time.Time `json:"at"`
	Sig     string    `json:"sig"` // hex, Ed25519 over the line without sig
}

func (a Anchor) signed() []byte {
	return fmt.Appendf(nil, "%s %d %s %s", a.Service, a.Seq, a.Head, a.At.UTC().Format(time.RFC3339Nano))
}

// Checkpointer writes an anchor to a file outside the database every Every
// (default 10 min) and when it stops. A slow or missing folder never holds up
// the service; it is logged.
type Checkpointer struct {
	DB      *sqlx.DB
	Service string
	Dir     string
	Key     ed25519.PrivateKey
	Log     *zap.Logger
	Now     func() time.Time
	Every   time.Duration
}

// Run writes checkpoints until ctx ends, and a last one then.
func (c Checkpointer) Run(ctx context.Context) error {
	every := c.Every
	if every == 0 {
		every = 10 * time.Minute
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := c.Checkpoint(ctx); err != nil && ctx.Err() == nil {
				c.Log.Warn("audit: no checkpoint", zap.Error(err))
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := c.Checkpoint(last); err != nil {
				c.Log.Warn("audit: no last checkpoint", zap.Error(err))
			}
			return nil
		}
	}
}

// Checkpoint writes one anchor.
func (c Checkpointer) Checkpoint(ctx context.Context) error {
	var head struct {
		Seq  int64  `db:"seq"`
		Hash []byte `db:"hash"`
	}
	if err := c.DB.GetContext(ctx, &head, `SELECT seq, hash FROM audit_head WHERE one`); err != nil {
		return pg.Classify(ctx, fmt.Errorf("read the head of the audit: %w", err))
	}
	a := Anchor{Service: c.Service, Seq: head.Seq, Head: hex.EncodeToString(head.Hash), At: c.Now().UTC()}
	a.Sig = hex.EncodeToString(ed25519.Sign(c.Key, a.signed()))
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the checkpoint: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(c.Dir, c.Service+".jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the checkpoint file: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadAnchors returns the checkpoints of a service in dir, none when there is no
// file. A line with a wrong signature is an error: somebody forged it.
func ReadAnchors(dir, service string, key ed25519.PublicKey) ([]Anchor, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.Base(service)+".jsonl")) //nolint:gosec // an operator's folder, a fixed name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	var out []Anchor
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		var a Anchor
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("checkpoint %d of %s: %w", n, service, err)
		}
		if !a.by(service, key) {
			return nil, fmt.Errorf("checkpoint %d of %s is not signed by the anchor key", n, service)
		}
		out = append(out, a)
	}
	return out, lines.Err()
}

// by reports whether the checkpoint is of the service and signed by the key.
func (a Anchor) by(service string, key ed25519.PublicKey) bool {
	sig, err := hex.DecodeString(a.Sig)
	return err == nil && a.Service == service && ed25519.Verify(key, a.signed(), sig)
}

// longestAnchors is how much of the file's end LastAnchor reads: many lines.
const longestAnchors = 4096

// LastAnchor returns the newest checkpoint of a service in dir, nil when there
// is none; it reads the end of the file only.
func LastAnchor(dir, service string, key ed25519.PublicKey) (*Anchor, error) {
	f, err := os.Open(filepath.Join(dir, filepath.Base(service)+".jsonl")) //nolint:gosec // an operator's folder, a fixed name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("the checkpoints cannot be read")
	}
	defer func() { _ = f.Close() }()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-longestAnchors), io.SeekStart)
	}
	b, err := io.ReadAll(io.LimitReader(f, longestAnchors))
	if err != nil {
		return nil, errors.New("the checkpoints cannot be read")
	}
	lines := bytes.Split(b, []byte("\n"))
	for i, line := range slices.Backward(lines) {
		var a Anchor
		switch {
		case len(line) == 0, i == len(lines)-1: // nothing, or a line that is being written
			continue
		case json.Unmarshal(line, &a) != nil || !a.by(service, key):
			return nil, errors.New("the newest checkpoint is not signed by the anchor key")
		}
		return &a, nil
	}
	return nil, nil
}
