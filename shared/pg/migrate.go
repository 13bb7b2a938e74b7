// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations are the numbered files of one owner, 00001_name.sql and on, in the
// root of FS. Each owner counts in a table of its own, goose_<name>.
type Migrations struct {
	Name string
	FS   fs.FS
}

// Migrate brings the database up to date, in the given order. A session lock
// lets many replicas start together. Migrations only go forward.
func Migrate(ctx context.Context, db *sqlx.DB, sets ...Migrations) error {
	for _, set := range sets {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return fmt.Errorf("migration lock: %w", err)
		}
		p, err := goose.NewProvider(goose.DialectPostgres, db.DB, set.FS,
			goose.WithTableName("goose_"+set.Name), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("migrations of %s: %w", set.Name, err)
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", set.Name, err)
		}
	}
	return nil
}

// Sub returns the migrations folder of an embedded file system.
func Sub(name string, embedded fs.FS) Migrations {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic("pg: " + name + " has no migrations folder: " + err.Error())
	}
	return Migrations{Name: name, FS: sub}
}
