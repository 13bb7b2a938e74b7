// SPDX-License-Identifier: EUPL-1.2

package audit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/audit"
)

var extendThings = `
WITH ` + audit.ExtendSQL(2) + `, written AS (
	INSERT INTO thing (id) SELECT t.* FROM moved, unnest($1::text[]) AS t
)
SELECT 1 FROM moved`

// extend writes n things with one statement from head; false: the head moved.
func extend(ctx context.Context, db *sqlx.DB, head audit.Head, n int) (audit.Head, bool, error) {
	ids, entries := make([]string, n), make([]audit.Entry, n)
	for i := range ids {
		ids[i] = fmt.Sprint("t", head.Seq, "-", i)
		entries[i] = entry(ids[i])
	}
	args, next := audit.Extend(head, entries)
	var one int
	err := db.GetContext(ctx, &one, extendThings, append([]any{pq.Array(ids)}, args...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return head, false, nil
	}
	return next, err == nil, err
}

func TestAStatementExtendsTheChainFromItsHeadOrWritesNothing(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	write(t, db, 3)
	old, err := audit.ReadHead(t.Context(), db)
	if err != nil || old.Seq != 3 {
		t.Fatal(old, err)
	}
	head, ok, err := extend(t.Context(), db, old, 5)
	if err != nil || !ok || head.Seq != 8 {
		t.Fatalf("head %d, written %v, %v", head.Seq, ok, err)
	}
	if _, ok, err = extend(t.Context(), db, old, 2); err != nil || ok {
		t.Errorf("from an old head: written %v, %v", ok, err)
	}
	write(t, db, 1)
	if r := verify(t, db); !r.OK() || r.Entries != 9 {
		t.Errorf("%+v", r)
	}
	var n int
	if err := db.Get(&n, `SELECT count(*) FROM thing`); err != nil || n != 9 {
		t.Errorf("%d things, %v", n, err)
	}
}

func TestConcurrentExtensionsKeepTheChainWhole(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for done := 0; done < 10; {
				head, err := audit.ReadHead(t.Context(), db)
				if err != nil {
					t.Error(err)
					return
				}
				_, ok, err := extend(t.Context(), db, head, 3)
				if err != nil {
					t.Error(err)
					return
				}
				if ok {
					done++
				}
			}
		})
	}
	all.Wait()
	if r := verify(t, db); !r.OK() || r.Entries != 120 {
		t.Errorf("%+v", r)
	}
}
