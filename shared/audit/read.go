// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Filter says which entries somebody wants to see. What is empty leaves nothing
// out.
type Filter struct {
	Actors       []string // ids of people, "service:<name>" or "guest"
	Action       string   // the beginning of its name
	ObjectType   string
	ObjectID     string
	Organisation string    // on whose behalf, or the object itself
	From, To     time.Time // To is exclusive
	Before       int64     // cursor: only what is older than the entry of this seq
	Limit        int
}

// Row is an entry as it was written, without its digests.
type Row struct {
	Seq        int64
	At         time.Time
	Actor      string
	OnBehalfOf []string
	Action     string
	ObjectType string
	ObjectID   string
	Result     string
	RequestID  string
}

// distinct reads the different values of a column that begins an index, one
// step in the index for each, however many entries there are.
func distinct(ctx context.Context, db pg.DB, column string) ([]string, error) {
	var out []string
	err := db.SelectContext(ctx, &out, `
		WITH RECURSIVE x AS (
			(SELECT `+column+` AS v FROM audit ORDER BY `+column+` LIMIT 1)
			UNION ALL
			SELECT (SELECT a.`+column+` FROM audit a WHERE a.`+column+` > x.v ORDER BY a.`+column+` LIMIT 1) FROM x WHERE x.v IS NOT NULL
		) SELECT v FROM x WHERE v IS NOT NULL`)
	if err != nil {
		return nil, fmt.Errorf("list what the audit knows of %s: %w", column, err)
	}
	return out, nil
}

// query collects a statement's arguments.
type query struct {
	where []string
	args  []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

func (q *query) and(condition string, values ...any) {
	for _, v := range values {
		condition = strings.Replace(condition, "?", q.arg(v), 1)
	}
	q.where = append(q.where, condition)
}

const newest = ` ORDER BY a.at DESC, a.seq DESC LIMIT `

// read returns the entries of f, the newest first.
func read(ctx context.Context, db pg.DB, f Filter) ([]Row, error) {
	text, args, err := f.statement(ctx, db)
	if err != nil || text == "" {
		return nil, err
	}
	var rows []stored
	if err := db.SelectContext(ctx, &rows, text, args...); err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = r.row()
	}
	return out, nil
}

// statement reads a page, "" when there can be none. The narrowest part of the
// filter chooses the index; of each of its values no more than a page is read.
func (f Filter) statement(ctx context.Context, db pg.DB) (string, []any, error) {
	actions, err := f.actions(ctx, db)
	if err != nil || f.Action != "" && len(actions) == 0 {
		return "", nil, err
	}
	q := &query{}
	if !f.From.IsZero() {
		q.and(`a.at >= ?`, f.From.UTC())
	}
	if !f.To.IsZero() {
		q.and(`a.at < ?`, f.To.UTC())
	}
	if f.Before > 0 {
		q.and(`(a.at, a.seq) < (SELECT b.at, b.seq FROM audit b WHERE b.seq = ?)`, f.Before)
	}
	limit := q.arg(f.Limit)
	from, err := f.from(ctx, db, q, limit, actions)
	return `SELECT a.* FROM (` + from + `) a` + newest + limit, q.args, err
}

const columnsOf = `SELECT a.seq, a.at, a.actor, a.on_behalf_of, a.action, a.object_type, a.object_id, a.result, a.request_id, a.body FROM audit a WHERE `

// from is the part of the statement that finds the entries.
func (f Filter) from(ctx context.Context, db pg.DB, q *query, limit string, actions []string) (string, error) {
	if f.ObjectID != "" {
		types := []string{f.ObjectType}
		if f.ObjectType == "" {
			var err error
			if types, err = distinct(ctx, db, "object_type"); err != nil {
				return "", err
			}
		}
		q.and(`a.object_type = ANY (?)`, pq.Array(types))
		q.and(`a.object_id = ?`, f.ObjectID)
	}
	byActor, byOrganisation, byAction := len(f.Actors) > 0, f.Organisation != "", actions != nil
	each := func(column string, values []string, rest string) string {
		return `SELECT y.* FROM unnest(` + q.arg(pq.Array(values)) + `::text[]) AS x(v) CROSS JOIN LATERAL (` +
			columnsOf + `a.` + column + ` = x.v` + rest + newest + limit + `) y`
	}
	if byAction && (byActor || byOrganisation || f.ObjectID != "") {
		q.and(`a.action = ANY (?)`, pq.Array(actions))
	}
	if byActor && byOrganisation {
		q.and(`a.actor = ANY (?)`, pq.Array(f.Actors))
	}
	rest := strings.Join(append([]string{""}, q.where...), " AND ")
	switch {
	case byOrganisation:
		org := q.arg(f.Organisation)
		return `(` + columnsOf + `a.on_behalf_of = ` + org + ` AND a.on_behalf_of <> ''` + rest + newest + limit + `) UNION ALL (` +
			columnsOf + `a.object_type = 'organisation' AND a.object_id = ` + org + ` AND a.on_behalf_of <> ` + org + rest + newest + limit + `)`, nil
	case byActor:
		return each("actor", f.Actors, rest), nil
	case byAction && f.ObjectID == "":
		return each("action", actions, rest), nil
	}
	return columnsOf + `true` + rest + newest + limit, nil
}

// actions are the names that begin as the filter says, nil for all.
func (f Filter) actions(ctx context.Context, db pg.DB) ([]string, error) {
	if f.Action == "" {
		return nil, nil
	}
	all, err := distinct(ctx, db, "action")
	out := []string{}
	for _, a := range all {
		if strings.HasPrefix(a, f.Action) {
			out = append(out, a)
		}
	}
	return out, err
}

func (s stored) row() Row {
	r := Row{
		Seq: s.Seq, At: s.At.UTC(), Actor: s.Actor, Action: s.Action, ObjectType: s.ObjectType, ObjectID: s.ObjectID,
		Result: s.Result, RequestID: s.RequestID,
	}
	if s.OnBehalfOf != "" {
		r.OnBehalfOf = []string{s.OnBehalfOf}
	}
	if bytes.Contains(s.Body, []byte(`"principals"`)) {
		var b body
		if json.Unmarshal(s.Body, &b) == nil && len(b.Principals) > 0 {
			r.OnBehalfOf = b.Principals
		}
	}
	return r
}
