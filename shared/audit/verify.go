// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

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
// entry; the error is only for a database that cannot be read.
func Verify(ctx context.Context, db pg.DB, anchors []Anchor) (Report, error) {
	at := map[int64]string{}
	var last int64
	for _, a := range anchors {
		at[a.Seq] = a.Head
		last = max(last, a.Seq)
	}
	r := Report{}
	prev := make([]byte, 32)
	for {
		var rows []stored
		if err := db.SelectContext(ctx, &rows, `
			SELECT seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash
			FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, r.Entries, page); err != nil {
			return r, fmt.Errorf("read the audit: %w", err)
		}
		for _, row := range rows {
			if why := row.check(r.Entries+1, prev, at); why != "" {
				r.Bad, r.Why = r.Entries+1, why
				return r, nil
			}
			r.Entries, prev = row.Seq, row.Hash
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
	if err := db.GetContext(ctx, &head, `SELECT seq, hash FROM audit_head WHERE one`); err != nil {
		return r, fmt.Errorf("read the head of the audit: %w", err)
	}
	switch {
	case last > r.Entries:
		r.Bad, r.Why = r.Entries+1, fmt.Sprintf("missing: a checkpoint has seen %d entries", last)
	case head.Seq != r.Entries || hex.EncodeToString(head.Hash) != r.Head:
		r.Bad, r.Why = r.Entries+1, fmt.Sprintf("missing: the head row says %d entries", head.Seq)
	}
	return r, nil
}

func (s stored) check(want int64, prev []byte, anchors map[int64]string) string {
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
	if head, ok := anchors[s.Seq]; ok && head != hex.EncodeToString(s.Hash) {
		return "a checkpoint has another hash: the chain was rewritten"
	}
	return ""
}
