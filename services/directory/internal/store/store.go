// SPDX-License-Identifier: EUPL-1.2

// Package store keeps the constituency and the accounts in PostgreSQL. Every
// change writes its event and, last, its audit entry in the same transaction.
package store

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the directory's own tables.
var Migrations = pg.Sub("directory", files)

// Store is the one implementation of the domain's store interfaces. DB is the
// pool or a transaction.
type Store struct {
	DB       pg.DB
	Pool     pg.DB         // for refusals when DB is a transaction: they stay though it is rolled back
	AuditKey []byte        // of digests in the audit
	Door     chan struct{} // how many sign-ins may count their tries at once; nil: any number
}

// On is the store in a transaction that somebody else opened.
func (s *Store) On(tx pg.DB) *Store {
	return &Store{DB: tx, Pool: s.denials(), AuditKey: s.AuditKey, Door: s.Door}
}

func (s *Store) denials() pg.DB {
	if s.Pool != nil {
		return s.Pool
	}
	return s.DB
}

// change is one audited act with its events.
type change struct {
	act        constituency.Act
	action     string
	objectType string
	objectID   string
	events     []event.Payload
}

// commit writes the events and then, as the last statements of the
// transaction, the audit entry.
func (s *Store) commit(ctx context.Context, tx pg.DB, c change) error {
	if err := addEvents(ctx, tx, c.act, c.events...); err != nil {
		return err
	}
	_, err := audit.Append(ctx, tx, entry(c.act, c.action, c.objectType, c.objectID))
	return err
}

func addEvents(ctx context.Context, tx pg.DB, act constituency.Act, payloads ...event.Payload) error {
	events := make([]event.Event, len(payloads))
	for i, p := range payloads {
		events[i] = event.New(p, event.Meta{At: act.At, Actor: act.Actor.ID(), OnBehalfOf: act.OnBehalfOf})
	}
	return outbox.Add(ctx, tx, events...)
}

func entry(act constituency.Act, action, objectType, objectID string) audit.Entry {
	return audit.Entry{
		At: act.At, Action: action, ObjectType: objectType, ObjectID: objectID,
		RequestID: act.RequestID,
	}.By(act.Actor, act.OnBehalfOf)
}

// Deny writes the audit entry of a denial.
func (s *Store) Deny(ctx context.Context, act constituency.Act, action, objectType, objectID string) error {
	e := entry(act, action, objectType, objectID)
	e.Result = audit.Denied
	return pg.InTx(ctx, s.denials(), func(tx pg.DB) error {
		_, err := audit.Append(ctx, tx, e)
		return err
	})
}

// validID keeps what is no UUID away from uuid columns: it does not exist.
func validID(kind, id string) error {
	if len(id) == 36 && strings.Count(id, "-") == 4 && strings.Trim(id, "0123456789abcdefABCDEF-") == "" &&
		id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' {
		return nil
	}
	return fault.New(fault.NotFound, "no %s %s", kind, strconv.QuoteToASCII(id))
}

// cursor is the place in a list sorted by (sort, id): the next page starts
// after it. Clients take it as it is.
func cursor(sort, id string) string { return id + "." + sort }

func parseCursor(s string) (sort, id string, err error) {
	if s == "" {
		return "", "00000000-0000-0000-0000-000000000000", nil
	}
	id, sort, ok := strings.Cut(s, ".")
	if !ok || validID("page", id) != nil {
		return "", "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	return sort, id, nil
}

// patterns makes a LIKE pattern of each folded word of a query.
func patterns(q string) any {
	terms := constituency.Terms(q)
	out := make([]string, len(terms))
	for i, t := range terms {
		out[i] = "%" + t + "%"
	}
	return pq.Array(out)
}

// limit is how many rows a list gives (design §7).
func limit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 200)
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func classify(ctx context.Context, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return pg.Classify(ctx, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err))
}
