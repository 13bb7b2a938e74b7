// SPDX-License-Identifier: EUPL-1.2

// Package store keeps alerts, notices, deliveries, answers and subscriptions in
// PostgreSQL. Every change writes its audit entry in the same transaction, as
// the last statement.
package store

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of this service.
var Migrations = pg.Sub("notification", files)

// Channels that the database notifies.
const (
	WakeCourier = "deliveries" // something is due
	WakeBoard   = "boards"     // answers or deliveries changed
)

// Store works on the pool, or on somebody else's transaction (On).
type Store struct {
	db     pg.DB
	people *sqlx.DB // reads on behalf of people
	now    func() time.Time
	keys   alert.Keyring
}

// Reader is the database's role for what people read.
const Reader = "notification_reader"

// New returns a store on the pool; people is one of pg.OpenReader.
func New(db pg.DB, people *sqlx.DB, now func() time.Time, keys alert.Keyring) *Store {
	return &Store{db: db, people: people, now: now, keys: keys}
}

// On returns the same store inside a transaction that somebody else commits.
func (s *Store) On(tx pg.DB) *Store {
	return &Store{db: tx, people: s.people, now: s.now, keys: s.keys}
}

func (s *Store) entry(by alert.By, action, kind, id, onBehalf string) audit.Entry {
	return audit.Entry{At: s.now(), Action: action, ObjectType: kind, ObjectID: id, RequestID: by.RequestID}.By(by.Actor, onBehalf)
}

// publish puts events into the outbox.
func (s *Store) publish(ctx context.Context, tx pg.DB, by alert.By, onBehalf string, payloads ...event.Payload) error {
	events := make([]event.Event, len(payloads))
	for i, p := range payloads {
		events[i] = event.New(p, event.Meta{At: s.now(), Actor: by.ID(), OnBehalfOf: onBehalf})
	}
	return outbox.Add(ctx, tx, events...)
}

func wake(ctx context.Context, tx pg.DB, channel string) error {
	if _, err := tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
		return fmt.Errorf("wake %s: %w", channel, err)
	}
	return nil
}

// system is this service as an actor.
func system() alert.By { return alert.By{Actor: actor.System("notification")} }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T cannot be encoded: %v", v, err)) // own structs: cannot happen
	}
	return string(b)
}

func decode(b []byte, v any) error {
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("stored %T: %w", v, err)
	}
	return nil
}
