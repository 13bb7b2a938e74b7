// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Report is the outcome of Verify. Bad is the first bad seq, 0 when the chain holds.
type Report struct {
	Entries int64
	Head    string // hex
	Bad     int64
	Why     string
}

// OK reports whether the chain holds.
func (r Report) OK() bool { return r.Bad == 0 }

type stored struct {
	Seq        int64     `db:"seq"`
	At         time.Time `db:"at"`
	Actor      string    `db:"actor"`
	OnBehalfOf string    `db:"on_behalf_of"`
	Action     string    `db:"action"`
	ObjectType string    `db:"object_type"`
	ObjectID   string    `db:"object_id"`
	Result     string    `db:"result"`
	RequestID  string    `db:"request_id"`
	Body       []byte    `db:"body"`
	Prev       []byte    `db:"prev"`
	Hash       []byte    `db:"hash"`
}

const page = 5000

// Verify walks the chain from genesis to head and compares it with the anchors
// (checkpoints kept outside the database, in any order). It names the first bad
// entry; the error is only for a database that cannot be read. A pool is read in
// one snapshot, so that entries written meanwhile are no finding.
func Verify(ctx context.Context, db pg.DB, anchors []Anchor) (Report, error) {
	pool, ok := db.(*sqlx.DB)
	if !ok {
		return verify(ctx, db, anchors)
	}
	tx, err := pool.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Report{}, pg.Classify(ctx, fmt.Errorf("read the audit: %w", err))
	}
	defer func() { _ = tx.Rollback() }()
	r, err := verify(ctx, tx, anchors)
	return r, pg.Classify(ctx, err)
}

func verify(ctx context.Context, db pg.DB, anchors []Anchor) (Report, error) {
	at := map[int64][]string{}
	var last int64
	for _, a := range anchors {
		at[a.Seq] = append(at[a.Seq], a.Head)
		last = max(last, a.Seq)
	}
	r := Report{}
	prev, after := make([]byte, 32), int64(math.MinInt64) // not 0: an entry before the first is one too many
	for {
		var rows []stored
		if err := db.SelectContext(ctx, &rows, `
			SELECT seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash
			FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, after, page); err != nil {
			return r, fmt.Errorf("read the audit: %w", err)
		}
		for _, row := range rows {
			if why := row.check(r.Entries+1, prev, at); why != "" {
				r.Bad, r.Why = r.Entries+1, why
				return r, nil
			}
			r.Entries, prev, after = row.Seq, row.Hash, row.Seq
		}
		if len(rows) < page {
			break
		}
	}
	r.Head = hex.EncodeToString(prev)
	return r.ends(ctx, db, last)
}

// ends checks that neither the head row nor an anchor knows of more entries.
func (r Report) ends(ctx context.Context, db pg.DB, last int64) (Report, error) {
	var head struct {
		Seq  int64  `db:"seq"`
		Hash []byte `db:"hash"`
	}
	err := db.GetContext(ctx, &head, `SELECT seq, hash FROM audit_head WHERE one`)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		r.Bad, r.Why = r.Entries+1, "missing: the head row is gone"
	case err != nil:
		return r, fmt.Errorf("read the head of the audit: %w", err)
	case last > r.Entries:
		r.Bad, r.Why = r.Entries+1, fmt.Sprintf("missing: a checkpoint has seen %d entries", last)
	case head.Seq != r.Entries || hex.EncodeToString(head.Hash) != r.Head:
		r.Bad, r.Why = r.Entries+1, fmt.Sprintf("missing: the head row says %d entries", head.Seq)
	}
	return r, nil
}

func (s stored) check(want int64, prev []byte, anchors map[int64][]string) string {
	if s.Seq != want {
		return fmt.Sprintf("missing: the next entry is %d", s.Seq)
	}
	if !bytes.Equal(s.Prev, prev) {
		return "does not follow its predecessor"
	}
	if !bytes.Equal(link(s.Prev, s.Body), s.Hash) {
		return "hash does not match the body"
	}
	var b body
	if err := json.Unmarshal(s.Body, &b); err != nil {
		return "body is no JSON"
	}
	if b.Seq != s.Seq || b.At != s.At.UTC().Format("2006-01-02T15:04:05.000000Z") || b.Actor != s.Actor ||
		b.OnBehalfOf != s.OnBehalfOf || b.Action != s.Action || b.ObjectType != s.ObjectType ||
		b.ObjectID != s.ObjectID || b.Result != s.Result || b.RequestID != s.RequestID {
		return "columns differ from the body"
	}
	// All of them: who rewrites the chain gets new checkpoints of it, too.
	for _, head := range anchors[s.Seq] {
		if head != hex.EncodeToString(s.Hash) {
			return "a checkpoint has another hash: the chain was rewritten"
		}
	}
	return ""
}

// verifyTail walks the newest n entries up to head and compares them with the
// newest checkpoint. It returns how many it walked, and the first bad one.
func verifyTail(ctx context.Context, db pg.DB, head Head, anchor *Anchor, n int64) (walked, bad int64, why string, err error) {
	first := max(1, head.Seq-n+1)
	var rows []stored
	if err := db.SelectContext(ctx, &rows, `
		SELECT seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash
		FROM audit WHERE seq >= $1 AND seq <= $2 ORDER BY seq`, first-1, head.Seq); err != nil {
		return 0, 0, "", fmt.Errorf("read the newest of the audit: %w", err)
	}
	at, prev := map[int64][]string{}, make([]byte, 32)
	if anchor != nil {
		at[anchor.Seq] = []string{anchor.Head}
		if anchor.Seq > head.Seq {
			return 0, head.Seq + 1, fmt.Sprintf("missing: a checkpoint has seen %d entries", anchor.Seq), nil
		}
	}
	if first > 1 {
		if len(rows) == 0 || rows[0].Seq != first-1 {
			return 0, first - 1, "missing", nil
		}
		prev, rows = rows[0].Hash, rows[1:]
	}
	want := first
	for _, row := range rows {
		if why := row.check(want, prev, at); why != "" {
			return want - first, want, why, nil
		}
		prev = row.Hash
		want++
	}
	if want != head.Seq+1 || !bytes.Equal(prev, head.Hash) {
		return want - first, want, fmt.Sprintf("missing: the head row says %d entries", head.Seq), nil
	}
	return want - first, 0, "", nil
}
