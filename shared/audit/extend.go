// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Head is the end of the chain.
type Head struct {
	Seq  int64  `db:"seq"`
	Hash []byte `db:"hash"`
}

// getter is a pool, a transaction or a connection.
type getter interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// ReadHead reads the end of the chain without a lock: what is extended from it
// holds only while nobody else appends (ExtendSQL notices).
func ReadHead(ctx context.Context, db getter) (Head, error) {
	var h Head
	if err := db.GetContext(ctx, &h, `SELECT seq, hash FROM audit_head WHERE one`); err != nil {
		return h, fmt.Errorf("read the head of the audit: %w", err)
	}
	return h, nil
}

// LockHead reads the end of the chain and keeps it until the transaction ends.
func LockHead(ctx context.Context, tx pg.DB) (Head, error) {
	var h Head
	if err := tx.GetContext(ctx, &h, `SELECT seq, hash FROM audit_head WHERE one FOR UPDATE`); err != nil {
		return h, fmt.Errorf("lock the head of the audit: %w", err)
	}
	return h, nil
}

// Extend links the entries to head and returns the arguments of ExtendSQL and
// the head that will be.
func Extend(head Head, entries []Entry) (args []any, next Head) {
	c := columns{}
	next = head
	for _, e := range entries {
		next.Seq++
		next.Hash = c.add(next.Seq, next.Hash, e)
	}
	return append(c.args(), next.Seq, next.Hash, head.Seq, head.Hash), next
}

// ExtendArgs is the number of arguments of ExtendSQL.
const ExtendArgs = 16

// ExtendSQL is Append for a statement that writes everything of a change at
// once: two parts of a WITH whose arguments start at $first. The part "moved"
// moves the head and has one row, or none when somebody else has appended since
// the head was read: the other parts of the statement select FROM moved too, so
// that then nothing at all is written, and the caller reads the head again.
func ExtendSQL(first int) string {
	p := func(i int) string { return fmt.Sprintf("$%d", first+i) }
	return `moved AS (
	UPDATE audit_head SET seq = ` + p(12) + `, hash = ` + p(13) + ` WHERE one AND seq = ` + p(14) + ` AND hash = ` + p(15) + `
	RETURNING 1
), noted AS (
	INSERT INTO audit (seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash)
	SELECT n.* FROM moved, unnest(` + p(0) + `::bigint[], ` + p(1) + `::timestamptz[], ` + p(2) + `::text[], ` + p(3) + `::text[], ` +
		p(4) + `::text[], ` + p(5) + `::text[], ` + p(6) + `::text[], ` + p(7) + `::text[], ` + p(8) + `::text[], ` +
		p(9) + `::bytea[], ` + p(10) + `::bytea[], ` + p(11) + `::bytea[]) AS n
)`
}
