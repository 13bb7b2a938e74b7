// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// narrow is what every list filters by. The planner knows the values when it
// plans, so that an empty one costs nothing and a given one finds its index.
const narrow = `
	($1 IN ('', 'open') OR state = $1)
	AND ($1 <> 'open' OR active AND state IN ('assessing', 'working', 'waiting', 'contained', 'recovering'))
	AND ($2 = '' OR severity = $2)
	AND ($3 = '' OR class_group = $3)
	AND ($4 = '' OR coalesce(nullif(class, ''), suggested) = $4)
	AND ($5 = '' OR org_kreis = $5)
	AND ($6 = '' OR assignee_id = CASE $6 WHEN 'none' THEN '' ELSE $6 END)
	AND ($7 = '' OR org_id = $7)
	AND ($8 = '' OR next_due < CASE $8 WHEN 'overdue' THEN $9::timestamptz ELSE $9::timestamptz + interval '4 hours' END)
	AND ($8 <> 'soon' OR next_due >= $9::timestamptz)
	AND ($10 = '' OR NOT $17 OR tlp <> 'RED')
	AND ($10 = '' OR search @@ (websearch_to_tsquery('german', $10) || to_tsquery('simple', $11)))`

// The orders, each with the keyset of the page before. The queue's read the
// small indexes of what is unfinished, the archive's the newest first.
const (
	listDue = `
SELECT ` + columns + ` FROM cases
WHERE active AND ` + narrow + `
	AND (due_order, severity_rank, received_at, id) > ($12::timestamptz, $13::smallint, $14::timestamptz, $15::uuid)
ORDER BY due_order, severity_rank, received_at, id LIMIT $16`
	listSeverity = `
SELECT ` + columns + ` FROM cases
WHERE active AND ` + narrow + `
	AND (severity_rank, due_order, received_at, id) > ($13::smallint, $12::timestamptz, $14::timestamptz, $15::uuid)
ORDER BY severity_rank, due_order, received_at, id LIMIT $16`
	listNewest = `
SELECT ` + columns + ` FROM cases
WHERE active AND $12::timestamptz IS NOT NULL AND $13::smallint IS NOT NULL AND ` + narrow + `
	AND (received_at, id) < ($14::timestamptz, $15::uuid)
ORDER BY received_at DESC, id DESC LIMIT $16`
	listAll = `
SELECT ` + columns + ` FROM cases
WHERE $12::timestamptz IS NOT NULL AND $13::smallint IS NOT NULL AND ` + narrow + `
	AND (received_at, id) < ($14::timestamptz, $15::uuid)
ORDER BY received_at DESC, id DESC LIMIT $16`
)

// cursor is the last line of a page.
type cursor struct {
	Due      string `json:"d,omitempty"` // "infinity" without a deadline
	Rank     int    `json:"s,omitempty"`
	Received string `json:"r"`
	ID       string `json:"i"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var (
	first = cursor{Due: "-infinity", Rank: 0, Received: "-infinity", ID: uuid.Nil.String()}
	last  = cursor{Due: "-infinity", Rank: 0, Received: "infinity", ID: uuid.Max.String()}
)

// parseCursor reads what String wrote; anything else is Malformed and never
// reaches the database.
func parseCursor(s string, start cursor) (cursor, error) {
	if s == "" {
		return start, nil
	}
	bad := fault.New(fault.Malformed, "after is no cursor of this list")
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return cursor{}, bad
	}
	c := cursor{}
	if err := json.Unmarshal(b, &c); err != nil {
		return cursor{}, bad
	}
	if c.Due == "" {
		c.Due = start.Due
	}
	if _, err := time.Parse(stamp, c.Received); err != nil || !event.IsID(c.ID) || c.Rank < 0 || c.Rank > 9 {
		return cursor{}, bad
	}
	if _, err := time.Parse(stamp, c.Due); err != nil && c.Due != "infinity" && c.Due != "-infinity" {
		return cursor{}, bad
	}
	return c, nil
}

// stamp keeps the microseconds that PostgreSQL orders by.
const stamp = "2006-01-02T15:04:05.000000Z"

func cursorOf(r row) string {
	c := cursor{Due: "infinity", Rank: r.Rank, Received: r.ReceivedAt.UTC().Format(stamp), ID: r.ID}
	if r.NextDue != nil {
		c.Due = r.NextDue.UTC().Format(stamp)
	}
	return c.String()
}

// List returns a page of summaries. A search writes one line into the audit, in
// the transaction that reads the answer.
func (s *Store) List(ctx context.Context, by casefile.By, f casefile.Filter) (casefile.List, error) {
	if f.Query == "" {
		return list(ctx, s.db, f)
	}
	var out casefile.List
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var err error
		if out, err = list(ctx, tx, f); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, audit.Entry{
			At: f.Now, Action: "case.search", ObjectType: "cases",
			ObjectID: strconv.Itoa(len(out.Items)), RequestID: by.Request,
		}.By(by.Actor, ""))
		return err
	})
	return out, err
}

func list(ctx context.Context, db pg.DB, f casefile.Filter) (casefile.List, error) {
	query, args, err := listQuery(f)
	if err != nil {
		return casefile.List{}, err
	}
	var rows []row
	if err := db.SelectContext(ctx, &rows, query, args...); err != nil {
		return casefile.List{}, pg.Classify(ctx, fmt.Errorf("list cases: %w", err))
	}
	out := casefile.List{}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		out.Next = cursorOf(rows[f.Limit-1])
	}
	out.Items = make([]casefile.Summary, len(rows))
	for i, r := range rows {
		out.Items[i] = r.summary()
	}
	return out, nil
}

// listQuery picks one of the four statements and its arguments.
func listQuery(f casefile.Filter) (string, []any, error) {
	query, start := listDue, first
	switch {
	case f.View == "" || f.View == casefile.ViewAll:
		query, start = listAll, last
	case f.Sort == casefile.SortSeverity:
		query = listSeverity
	case f.Sort == casefile.SortReceived:
		query, start = listNewest, last
	}
	c, err := parseCursor(f.After, start)
	if err != nil {
		return "", nil, err
	}
	assignee := f.Assignee
	switch f.View {
	case casefile.ViewMine:
		assignee = f.Mine
	case casefile.ViewUnassigned:
		assignee = "none"
	}
	group, full := casefile.ClassGroup(f.Class), ""
	if group != f.Class {
		full = f.Class
	}
	q := strings.TrimSpace(f.Query)
	return query, []any{
		f.State, f.Severity, group, full, f.Kreis, assignee, f.Organisation, f.Due, f.Now,
		q, prefixes(q), c.Due, c.Rank, c.Received, c.ID, f.Limit + 1, f.NoRed,
	}, nil
}

// prefixes makes every word of a query the beginning of a word: who types
// "Musterh" finds Musterhausen, "V-2026-000147" the case.
func prefixes(q string) string {
	parts := strings.FieldsFunc(strings.ToLower(q), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, p := range parts {
		if strings.ContainsFunc(p, unicode.IsLetter) { // a number is meant as it stands
			parts[i] = p + ":*"
		}
	}
	return strings.Join(parts, " & ")
}
