// SPDX-License-Identifier: EUPL-1.2

// Package idem makes a repeated POST harmless: the same key with the same body
// gets the same answer again, with another body a 422. The record commits in
// the transaction of the effect (draft-ietf-httpapi-idempotency-key-header).
package idem

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the idempotency table.
var Migrations = pg.Sub("idem", files)

// Keep is how long a key is remembered.
const Keep = 30 * 24 * time.Hour

// MaxKey is the longest key that is accepted.
const MaxKey = 255

// Request identifies one attempt. Scope keeps the keys of different people and
// organisations apart.
type Request struct {
	Scope string
	Key   string
	Body  []byte
}

// Answer is what the client got, or gets again.
type Answer struct {
	Status   int
	Body     json.RawMessage
	Replayed bool
}

// Check returns a fault when the key itself is unusable.
func (r Request) Check() error {
	if r.Key == "" {
		return fault.New(fault.Malformed, "this request needs an Idempotency-Key header")
	}
	if len(r.Key) > MaxKey {
		return fault.New(fault.Malformed, "the Idempotency-Key is longer than %d characters", MaxKey)
	}
	if strings.ContainsFunc(r.Key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return fault.New(fault.Malformed, "the Idempotency-Key has characters that are not printable ASCII")
	}
	return nil
}

// lookupLimit is how long an unknown outcome is looked up: the client waits, and
// its next try finds out as well.
const lookupLimit = time.Second

// Do runs effect once for the request, in one transaction with its record. A
// concurrent twin waits for the first one's commit and gets its answer.
func Do(ctx context.Context, db pg.DB, r Request, effect func(tx pg.DB) (status int, body any, err error)) (Answer, error) {
	if err := r.Check(); err != nil {
		return Answer{}, err
	}
	hash := sha256.Sum256(r.Body)
	var a Answer
	err := pg.InTx(ctx, db, func(tx pg.DB) error {
		// The lock makes twins wait here instead of doing the work twice.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, r.Scope+"\x1f"+r.Key); err != nil {
			return fmt.Errorf("lock the idempotency key: %w", err)
		}
		known, err := lookup(ctx, tx, r, hash[:])
		if err != nil || known != nil {
			if known != nil {
				a = *known
			}
			return err
		}
		status, body, err := effect(tx)
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
		a = Answer{Status: status, Body: encoded}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO idempotency (scope, key, body_hash, status, response) VALUES ($1, $2, $3, $4, $5)`,
			r.Scope, r.Key, hash[:], status, string(encoded))
		return err
	})
	if errors.Is(err, pg.ErrOutcomeUnknown) {
		later, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupLimit)
		defer cancel()
		if known, lookErr := lookup(later, db, r, hash[:]); lookErr == nil && known != nil {
			known.Replayed = a.Replayed
			return *known, nil
		}
	}
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

func lookup(ctx context.Context, db pg.DB, r Request, hash []byte) (*Answer, error) {
	var row struct {
		Hash     []byte `db:"body_hash"`
		Status   int    `db:"status"`
		Response string `db:"response"`
	}
	err := db.GetContext(ctx, &row,
		`SELECT body_hash, status, response FROM idempotency WHERE scope = $1 AND key = $2`, r.Scope, r.Key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up the idempotency key: %w", err)
	case string(row.Hash) != string(hash):
		return nil, ErrReused()
	}
	return &Answer{Status: row.Status, Body: json.RawMessage(row.Response), Replayed: true}, nil
}

// ErrReused is the answer to a known key with another body.
func ErrReused() error {
	return fault.New(fault.Invalid, "this Idempotency-Key was used for another request")
}

// Prune forgets old keys.
func Prune(ctx context.Context, db pg.DB, before time.Time) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE created_at < $1`, before)
		return err
	})
}
