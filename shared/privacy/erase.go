// SPDX-License-Identifier: EUPL-1.2

package privacy

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the table of erased people.
var Migrations = pg.Sub("privacy", files)

// Former is what people who were erased are called, with a few signs of their
// token so that two of them in one conversation stay two.
const Former = "Ehemalige Person"

// Erasure is one place where a person's name or address stands beside their id.
// The id stays: it is the pseudonym that the audit uses.
type Erasure struct {
	Table string // with an alias
	Set   string // what is written there, with $2 the pseudonym; "": the row goes
	Mine  string // the rows of the person $1 that still name them
	Free  string // of those, the ones that no open case and no legal hold keeps; "": all
}

// Eraser forgets people in one service.
type Eraser struct {
	Service string
	DB      *sqlx.DB
	Places  []Erasure
	Now     func() time.Time
	Log     *zap.Logger
}

// Handle is told by the directory that a person was erased.
func (x *Eraser) Handle(ctx context.Context, tx pg.DB, e event.Event) error {
	p, err := event.Decode[event.PersonErased](e)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO person_erased (person, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.ID, p.At); err != nil {
		return fmt.Errorf("note the erased person: %w", err)
	}
	return x.forget(ctx, tx, p.ID)
}

// forget replaces the person wherever nothing keeps them. The audit says how
// many places it was, and whether some are left.
func (x *Eraser) forget(ctx context.Context, tx pg.DB, person string) error {
	var name string
	if err := tx.GetContext(ctx, &name, `SELECT $2::text || ' ' || upper(substr(retention_token($1), 2, 4))`, person, Former); err != nil {
		return fmt.Errorf("pseudonym: %w", err)
	}
	var done, left int64
	for _, p := range x.Places {
		res, err := tx.ExecContext(ctx, p.change(), person, name)
		if err != nil {
			return fmt.Errorf("forget in %s: %w", p.Table, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		done += n
		if err := tx.GetContext(ctx, &n, `SELECT count(*) FROM `+p.Table+p.where(), person, name); err != nil {
			return fmt.Errorf("count in %s: %w", p.Table, err)
		}
		left += n
	}
	sent, waiting, err := ForgetWires(ctx, tx, Who{ID: person, Name: name})
	if err != nil {
		return err
	}
	done, left = done+sent, left+waiting
	at := x.Now().UTC()
	if left == 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE person_erased SET done_at = $2 WHERE person = $1`, person, at); err != nil {
			return fmt.Errorf("note that the person is gone: %w", err)
		}
	}
	if done == 0 && left > 0 {
		return nil // nothing changed
	}
	_, err = audit.Append(ctx, tx, audit.Entry{
		At: at, Action: "person.forget", ObjectType: "person", ObjectID: person,
		Digests: map[string]string{"places": strconv.FormatInt(done, 10), "left": strconv.FormatInt(left, 10)},
	}.By(actor.System(x.Service), ""))
	return err
}

func (p Erasure) where() string {
	return ` WHERE ($1::text, $2::text) IS NOT NULL AND (` + p.Mine + `)`
}

func (p Erasure) change() string {
	where := p.where()
	if p.Free != "" {
		where += ` AND (` + p.Free + `)`
	}
	if p.Set == "" {
		return `DELETE FROM ` + p.Table + where
	}
	return `UPDATE ` + p.Table + ` SET ` + p.Set + where
}

// every is how often it is looked whether a case that kept somebody is closed.
const every = time.Hour

// Run forgets later what an open case kept, until ctx ends.
func (x *Eraser) Run(ctx context.Context) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := x.Again(ctx); err != nil && ctx.Err() == nil {
			x.Log.Warn("privacy: some erased people are left", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Again tries everybody who is still named somewhere.
func (x *Eraser) Again(ctx context.Context) error {
	var people []string
	if err := x.DB.SelectContext(ctx, &people, `SELECT person FROM person_erased WHERE done_at IS NULL ORDER BY person`); err != nil {
		return pg.Classify(ctx, fmt.Errorf("list erased people: %w", err))
	}
	for _, p := range people {
		if err := pg.InTx(ctx, x.DB, func(tx pg.DB) error {
			var one string
			if err := tx.GetContext(ctx, &one, `SELECT person FROM person_erased WHERE person = $1 FOR UPDATE`, p); err != nil {
				return err
			}
			return x.forget(ctx, tx, p)
		}); err != nil {
			return err
		}
	}
	return nil
}
