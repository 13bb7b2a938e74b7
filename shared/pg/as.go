// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// see tells the policies for whom the rows are, until the transaction ends.
const see = `SELECT set_config('app.everything', $1, true), set_config('app.orgs', $2, true), set_config('app.mandated', $3, true),
	set_config('app.person', $4, true), set_config('app.object', $5, true), set_config('app.part', $6, true), set_config('app.key', $7, true), set_config('app.homes', $8, true)`

// As reads on behalf of s: fn gets a transaction that changes nothing and in
// which the database shows what s may see. people is a pool of OpenReader.
func As(ctx context.Context, people *sqlx.DB, s actor.Seer, fn func(tx DB) error) error {
	tx, err := people.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Classify(ctx, fmt.Errorf("begin: %w", err))
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	everything := ""
	if s.Everything {
		everything = "on"
	}
	if _, err := tx.ExecContext(ctx, see, everything, literal(s.Organisations), literal(s.Mandated), s.Person, s.Object, s.Part, s.Key, literal(s.Homes)); err != nil {
		return Classify(ctx, fmt.Errorf("say who reads: %w", err))
	}
	if err := fn(tx); err != nil {
		return Classify(ctx, err)
	}
	return nil
}

// literal writes ids as PostgreSQL writes an array. They are ids of the register:
// none has a character that would need quoting, and one that had would show nothing.
func literal(ids []string) string { return "{" + strings.Join(ids, ",") + "}" }
