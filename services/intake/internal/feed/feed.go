// SPDX-License-Identifier: EUPL-1.2

// Package feed is intake's third door: what triage, notification and directory
// tell about cases, warnings and mergers becomes intake's own copy, so that it answers a reporter
// also while they are down.
package feed

import (
	"context"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Copies keeps what others tell. Snapshots carry a version, an older one does
// nothing; facts come once (inbox).
type Copies interface {
	KeepCase(ctx context.Context, c event.Case) error
	KeepMessage(ctx context.Context, m event.CaseMessagePosted) error
	KeepAlert(ctx context.Context, a event.Alert) error
	Succeed(ctx context.Context, e event.OrganisationSucceeded) error
}

// Feed takes events. On gives the copies in the transaction of an event.
type Feed struct{ On func(tx pg.DB) Copies }

// Consumers are the durable readers of intake; the caller adds the database.
func (f Feed) Consumers() []bus.Consumer {
	return []bus.Consumer{
		{
			Name: "intake-cases", Stream: bus.Cases, Handle: f.handle,
			Subjects: []string{"case.opened.>", "case.updated.>", "case.closed.>", "case.message.posted.>"},
		},
		{
			Name: "intake-alerts", Stream: bus.Alerts, Handle: f.handle,
			Subjects: []string{"alert.published", "alert.withdrawn"},
		},
		{
			Name: "intake-successions", Stream: bus.Directory, Handle: f.handle,
			Subjects: []string{"directory.organisation.succeeded.>"},
		},
	}
}

func (f Feed) handle(ctx context.Context, tx pg.DB, e event.Event) error {
	to := f.On(tx)
	switch e.Type {
	case event.CaseOpened{}.Type():
		return keep(e, func(p event.CaseOpened) error { return to.KeepCase(ctx, p.Case) })
	case event.CaseUpdated{}.Type():
		return keep(e, func(p event.CaseUpdated) error { return to.KeepCase(ctx, p.Case) })
	case event.CaseClosed{}.Type():
		return keep(e, func(p event.CaseClosed) error { return to.KeepCase(ctx, p.Case) })
	case event.CaseMessagePosted{}.Type():
		return keep(e, func(p event.CaseMessagePosted) error { return to.KeepMessage(ctx, p) })
	case event.OrganisationSucceeded{}.Type():
		return keep(e, func(p event.OrganisationSucceeded) error { return to.Succeed(ctx, p) })
	case event.AlertPublished{}.Type():
		return keep(e, func(p event.AlertPublished) error { return to.KeepAlert(ctx, p.Alert) })
	case event.AlertWithdrawn{}.Type():
		return keep(e, func(p event.AlertWithdrawn) error { return to.KeepAlert(ctx, p.Alert) })
	}
	return nil // a type added later that this version does not need
}

func keep[T event.Payload](e event.Event, take func(T) error) error {
	p, err := event.Decode[T](e)
	if err != nil {
		return err
	}
	return take(p)
}
