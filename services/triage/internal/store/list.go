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
	AND (NOT $17 OR tlp <> 'RED')
	AND ($21 = '*' OR NOT locked OR assignee_id = NULLIF($21, ''))
	AND ($18 = '' OR campaign_id = NULLIF($18, '')::uuid)
	AND ($19 = '' OR CASE $19 WHEN 'contradicted' THEN contradicted IS NOT NULL WHEN 'taken_over' THEN taken_over IS NOT NULL WHEN 'locked' THEN locked ELSE flags <> '{}' END)
	AND ($10 = '' OR search @@ (websearch_to_tsquery('german', $10) || to_tsquery('simple', $11)))`

// The orders, each with the keyset of the page before. The queue's read the
// small indexes of what is unfinished, the archive's the newest first.
// Folded, only a campaign's first case in the order stays, and says how many
// there are: the names without c. are those of the innermost table.
const (
	fold = `, CASE WHEN $20 AND campaign_id IS NOT NULL THEN (
	SELECT jsonb_build_object('Total', count(*), 'New', count(*) FILTER (WHERE state = 'new'), 'Rank', min(severity_rank),
		'Title', (SELECT k.title FROM campaigns k WHERE k.id = c.campaign_id),
		'Red', EXISTS (SELECT FROM cases r WHERE r.campaign_id = c.campaign_id AND r.tlp = 'RED'))
	FROM cases o WHERE o.campaign_id = c.campaign_id AND active AND ` + narrow + `) END AS fold`
	firstOf = `
	AND (NOT $20 OR campaign_id IS NULL OR NOT EXISTS (
		SELECT FROM cases o WHERE o.campaign_id = c.campaign_id AND active AND `
	noFold = `, CASE WHEN $20 THEN NULL END::text AS fold`

	listDue = `
SELECT ` + columns + fold + ` FROM cases c
WHERE active AND ` + narrow + `
	AND (due_order, severity_rank, received_at, id) > ($12::timestamptz, $13::smallint, $14::timestamptz, $15::uuid)` + firstOf + narrow + `
		AND (o.due_order, o.severity_rank, o.received_at, o.id) < (c.due_order, c.severity_rank, c.received_at, c.id)))
ORDER BY due_order, severity_rank, received_at, id LIMIT $16`
	listSeverity = `
SELECT ` + columns + fold + ` FROM cases c
WHERE active AND ` + narrow + `
	AND (severity_rank, due_order, received_at, id) > ($13::smallint, $12::timestamptz, $14::timestamptz, $15::uuid)` + firstOf + narrow + `
		AND (o.severity_rank, o.due_order, o.received_at, o.id) < (c.severity_rank, c.due_order, c.received_at, c.id)))
ORDER BY severity_rank, due_order, received_at, id LIMIT $16`
	listNewest = `
SELECT ` + columns + fold + ` FROM cases c
WHERE active AND $12::timestamptz IS NOT NULL AND $13::smallint IS NOT NULL AND ` + narrow + `
	AND (received_at, id) < ($14::timestamptz, $15::uuid)` + firstOf + narrow + `
		AND (o.received_at, o.id) > (c.received_at, c.id)))
ORDER BY received_at DESC, id DESC LIMIT $16`
	listAll = `
SELECT ` + columns + noFold + ` FROM cases
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
	var rows []listRow
	if err := db.SelectContext(ctx, &rows, query, args...); err != nil {
		return casefile.List{}, pg.Classify(ctx, fmt.Errorf("list cases: %w", err))
	}
	out := casefile.List{}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		out.Next = cursorOf(rows[f.Limit-1].row)
	}
	out.Items = make([]casefile.Summary, len(rows))
	for i, r := range rows {
		out.Items[i] = r.summary()
		if out.Items[i].Fold, err = r.fold(); err != nil {
			return casefile.List{}, err
		}
	}
	return out, nil
}

// listRow is a line that may stand for all of its campaign.
type listRow struct {
	row
	Fold *string `db:"fold"`
}

// fold reads how many cases the line stands for; one stands for itself.
func (r listRow) fold() (*casefile.Fold, error) {
	if r.Fold == nil {
		return nil, nil
	}
	var f struct {
		casefile.Fold
		Rank int
	}
	if err := json.Unmarshal([]byte(*r.Fold), &f); err != nil {
		return nil, fmt.Errorf("cases of campaign %s: %w", r.CampaignRef, err)
	}
	if f.Total < 2 || f.Rank < 1 || f.Rank > len(casefile.Severities()) {
		return nil, nil
	}
	f.Worst = casefile.Severities()[f.Rank-1]
	return &f.Fold, nil
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
		q, prefixes(q), c.Due, c.Rank, c.Received, c.ID, f.Limit + 1, f.NoRed, f.Campaign, f.Mark, f.Fold, string(f.Reader),
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
