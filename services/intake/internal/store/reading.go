// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// reading is the store as one reader sees it: the database leaves out the rest.
type reading struct {
	*Store
	seer actor.Seer
}

// As implements report.Store.
func (s *Store) As(seer actor.Seer) report.Reading { return reading{s, seer} }

func (r reading) see(ctx context.Context, fn func(tx pg.DB) error) error {
	return pg.As(ctx, r.people, r.seer, fn)
}

// Report returns a report by id.
func (r reading) Report(ctx context.Context, id string) (report.Report, error) {
	if !event.IsID(id) {
		return report.Report{}, fault.New(fault.NotFound, "there is no such report")
	}
	return r.one(ctx, `SELECT `+reportColumns+` FROM report r WHERE r.id = $1`, id)
}

// ByReference returns a report by its human number.
func (r reading) ByReference(ctx context.Context, reference string) (report.Report, error) {
	return r.one(ctx, `SELECT `+reportColumns+` FROM report r WHERE r.reference = $1`, reference)
}

func (r reading) one(ctx context.Context, query string, args ...any) (out report.Report, err error) {
	err = r.see(ctx, func(tx pg.DB) error {
		out, _, err = one(ctx, tx, query, args...)
		return err
	})
	return out, err
}

// List returns the newest reports of a filter.
func (r reading) List(ctx context.Context, f report.Filter) (out []report.Report, err error) {
	err = r.see(ctx, func(tx pg.DB) error {
		out, err = list(ctx, tx, f)
		return err
	})
	return out, err
}
