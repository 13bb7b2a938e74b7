// SPDX-License-Identifier: EUPL-1.2

// Package store keeps case files in PostgreSQL. Each change is one transaction:
// the case under its lock, what it added, its events in the outbox, its line in
// the stream, and its entries in the audit.
package store

import (
	"embed"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the triage tables.
var Migrations = pg.Sub("triage", files)

// Channel is notified with every change of a case.
const Channel = "triage_changes"

// Store works on the pool, or inside a transaction that somebody else opened.
type Store struct {
	db pg.DB
}

var _ casefile.Store = (*Store)(nil)

// New returns a store on db.
func New(db pg.DB) *Store { return &Store{db: db} }
