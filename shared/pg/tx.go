// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// ErrOutcomeUnknown marks a COMMIT whose answer was lost: the change is stored
// or not. Whoever gets it looks up the unique key of the change on a new
// connection and never just tries again.
var ErrOutcomeUnknown = errors.New("outcome of the commit is unknown")

// InTx runs fn in a transaction and commits when it returns nil. Given a
// transaction it joins it: the owner commits. The outcome is one of: committed
// (nil), rolled back (any other error), or unknown (errors.Is ErrOutcomeUnknown).
func InTx(ctx context.Context, db DB, fn func(tx DB) error) error {
	pool, ok := db.(*sqlx.DB)
	if !ok {
		return fn(db)
	}
	tx, err := pool.BeginTxx(ctx, nil)
	if err != nil {
		return Classify(ctx, fmt.Errorf("begin: %w", err))
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fn(tx); err != nil {
		return Classify(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		var refused *pq.Error
		if errors.As(err, &refused) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, pq.ErrInFailedTransaction) {
			return Classify(ctx, fmt.Errorf("commit: %w", err))
		}
		return fault.Wrap(fault.Unavailable, errors.Join(ErrOutcomeUnknown, err, ctx.Err()),
			"the answer of the database was lost").WithRetry(2 * time.Second)
	}
	return nil
}

// Violates reports whether err broke the named constraint or unique index.
func Violates(err error, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Constraint == constraint
}

// Classify gives errors of the database a kind: a server that is gone, stopping,
// full, stalled or locked is Unavailable, so that the client comes back; what is
// no text (NUL, broken UTF-8) is Malformed, since only a client sends it. Errors
// with a kind keep it; the rest stays Internal. It joins ctx's error, which
// lib/pq hides behind "bad connection".
func Classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if k := fault.KindOf(err); k != fault.Internal {
		return err
	}
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	var refused *pq.Error
	if errors.As(err, &refused) && refused.Code == "22021" { // NUL, or no UTF-8: nobody else sends it
		return fault.Wrap(fault.Malformed, err, "the request has characters that are no text")
	}
	if gone(err) {
		return fault.Wrap(fault.Unavailable, err, "the database does not answer at the moment").WithRetry(2 * time.Second)
	}
	return err
}

// gone reports whether the database, not the statement, is the reason.
func gone(err error) bool {
	if refused, ok := errors.AsType[*pq.Error](err); ok {
		switch c := string(refused.Code); {
		case strings.HasPrefix(c, "08"), // connection exception
			strings.HasPrefix(c, "53"), // out of disk, memory, connections
			strings.HasPrefix(c, "57"), // cancelled, shutting down
			strings.HasPrefix(c, "58"), // system error
			strings.HasPrefix(c, "40"), // serialization, deadlock
			c == "55P03",               // lock timeout
			c == "25P03",               // idle in transaction
			c == "XX000" && strings.Contains(refused.Message, "shutting down"):
			return true
		}
		return false
	}
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "no such file or directory")
}

// NoRows turns sql.ErrNoRows into NotFound with the given words and classifies the rest.
func NoRows(ctx context.Context, err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, format, args...)
	}
	return Classify(ctx, err)
}
