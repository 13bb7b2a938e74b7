// SPDX-License-Identifier: EUPL-1.2

// Package audit keeps one hash chain per service: every change and every read
// of a case, attachment or export is one entry, written in the transaction of
// the change. hash = SHA-256(0x00 ‖ prev ‖ body), the genesis is 32 zero bytes,
// seq has no gaps. Checkpoints signed outside the database show a cut tail.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the audit tables.
var Migrations = pg.Sub("audit", files)

// Results of an action.
const (
	OK     = "ok"
	Denied = "denied"
	Failed = "failed"
)

// Entry is one act. Digests holds HMACs of sensitive values (Digest), so that a
// claimed value can be checked later without being stored here.
type Entry struct {
	At         time.Time
	Actor      string // actor.Actor.ID
	OnBehalfOf string
	Action     string
	ObjectType string
	ObjectID   string
	Result     string // default OK
	RequestID  string
	Digests    map[string]string
	Principals []string // all on whose behalf one act was, when OnBehalfOf alone does not say it; that is the first, or "" for who acted for themselves too
}

// By fills who acted.
func (e Entry) By(a actor.Actor, onBehalfOf string) Entry {
	e.Actor, e.OnBehalfOf = a.ID(), onBehalfOf
	return e
}

// body is what is hashed: all columns in a fixed order. Its field order and
// names never change; a new field goes to the end with omitempty.
type body struct {
	Seq        int64             `json:"seq"`
	At         string            `json:"at"`
	Actor      string            `json:"actor"`
	OnBehalfOf string            `json:"on_behalf_of"`
	Action     string            `json:"action"`
	ObjectType string            `json:"object_type"`
	ObjectID   string            `json:"object_id"`
	Result     string            `json:"result"`
	RequestID  string            `json:"request_id"`
	Digests    map[string]string `json:"digests,omitempty"`
	Principals []string          `json:"principals,omitempty"`
}

func link(prev, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(prev)
	h.Write(body)
	return h.Sum(nil)
}

// Digest is the hex HMAC-SHA-256 of a sensitive value.
func Digest(key []byte, value string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(value))
	return hex.EncodeToString(m.Sum(nil))
}

const appendEntries = `
WITH new AS (
	SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
		$7::text[], $8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bytea[])
), written AS (
	INSERT INTO audit (seq, at, actor, on_behalf_of, action, object_type, object_id, result, request_id, body, prev, hash)
	SELECT * FROM new RETURNING 1
)
UPDATE audit_head SET seq = $13, hash = $14 WHERE one`

// Append extends the chain inside tx by the entries, in their order, and returns
// the first new seq. It locks the head of the chain, so it is the last thing a
// transaction does before it commits. When it fails the whole change fails:
// nothing happens unseen.
func Append(ctx context.Context, tx pg.DB, entries ...Entry) (first int64, err error) {
	if len(entries) == 0 {
		return 0, nil
	}
	head, err := LockHead(ctx, tx)
	if err != nil {
		return 0, err
	}
	c := columns{}
	seq, prev := head.Seq, head.Hash
	for _, e := range entries {
		seq++
		prev = c.add(seq, prev, e)
	}
	if _, err := tx.ExecContext(ctx, appendEntries, append(c.args(), seq, prev)...); err != nil {
		return 0, fmt.Errorf("append %d entries to the audit: %w", len(entries), err)
	}
	return head.Seq + 1, nil
}

type columns struct {
	seq                                          []int64
	at                                           []string
	actor, behalf, action, otype, oid, res, reqs []string
	body, prev, hash                             [][]byte
}

func (c *columns) add(seq int64, prev []byte, e Entry) []byte {
	if e.Result == "" {
		e.Result = OK
	}
	at := e.At.UTC().Format("2006-01-02T15:04:05.000000Z")
	b, err := json.Marshal(body{
		Seq: seq, At: at, Actor: e.Actor, OnBehalfOf: e.OnBehalfOf, Action: e.Action,
		ObjectType: e.ObjectType, ObjectID: e.ObjectID, Result: e.Result, RequestID: e.RequestID, Digests: e.Digests, Principals: e.Principals,
	})
	if err != nil {
		panic("audit: entry cannot be encoded: " + err.Error()) // strings only: cannot happen
	}
	hash := link(prev, b)
	c.seq, c.at = append(c.seq, seq), append(c.at, at)
	c.actor, c.behalf = append(c.actor, e.Actor), append(c.behalf, e.OnBehalfOf)
	c.action, c.otype, c.oid = append(c.action, e.Action), append(c.otype, e.ObjectType), append(c.oid, e.ObjectID)
	c.res, c.reqs = append(c.res, e.Result), append(c.reqs, e.RequestID)
	c.body, c.prev, c.hash = append(c.body, b), append(c.prev, prev), append(c.hash, hash)
	return hash
}

func (c *columns) args() []any {
	return []any{
		pq.Array(c.seq), pq.Array(c.at), pg.Texts(c.actor), pg.Texts(c.behalf), pg.Texts(c.action),
		pg.Texts(c.otype), pg.Texts(c.oid), pg.Texts(c.res), pg.Texts(c.reqs),
		pg.Byteas(c.body), pg.Byteas(c.prev), pg.Byteas(c.hash),
	}
}
