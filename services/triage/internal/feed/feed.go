// SPDX-License-Identifier: EUPL-1.2

// Package feed is the third door to the desk: events of intake and notification
// change cases in the transaction that notes the event as done.
package feed

import (
	"context"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Feed hands events to the desk.
type Feed struct {
	Desk func(tx pg.DB) *casefile.Desk
}

// Consumers are what the service reads; the root adds the database. Reports and
// the facts about them come through one consumer, so that they mostly keep their
// order; where they do not, the desk lets a fact wait for its report.
func (f *Feed) Consumers() []bus.Consumer {
	return []bus.Consumer{
		{Name: "triage-reports", Stream: bus.Reports, Subjects: []string{"report.>"}, Handle: f.report},
		{Name: "triage-successions", Stream: bus.Directory, Subjects: []string{"directory.organisation.succeeded.>"}, Handle: f.succeeded},
		{Name: "triage-alerts", Stream: bus.Alerts, Subjects: []string{"alert.published", "alert.withdrawn", "poll.answered", "delivery.failed"}, Handle: f.alert},
	}
}

func (f *Feed) report(ctx context.Context, tx pg.DB, e event.Event) error {
	desk := f.Desk(tx)
	switch e.Type {
	case event.ReportSubmitted{}.Type():
		r, err := event.Decode[event.ReportSubmitted](e)
		if err != nil {
			return err
		}
		return desk.Reported(ctx, r)
	case event.ReportSupplemented{}.Type(), event.ReportMessagePosted{}.Type(), event.ReportAttachmentAdded{}.Type(),
		event.ReportTakenOver{}.Type(), event.ReportContradicted{}.Type():
		return desk.Fact(ctx, e)
	}
	return nil // a type of a later version that this one has no use for
}

func (f *Feed) succeeded(ctx context.Context, tx pg.DB, e event.Event) error {
	s, err := event.Decode[event.OrganisationSucceeded](e)
	if err != nil {
		return err
	}
	return f.Desk(tx).Succeeded(ctx, s)
}

func (f *Feed) alert(ctx context.Context, tx pg.DB, e event.Event) error {
	desk := f.Desk(tx)
	switch e.Type {
	case event.AlertPublished{}.Type():
		a, err := event.Decode[event.AlertPublished](e)
		if err != nil {
			return err
		}
		return desk.Alerted(ctx, a.Alert)
	case event.AlertWithdrawn{}.Type():
		a, err := event.Decode[event.AlertWithdrawn](e)
		if err != nil {
			return err
		}
		return desk.Alerted(ctx, a.Alert)
	case event.PollAnswered{}.Type():
		p, err := event.Decode[event.PollAnswered](e)
		if err != nil {
			return err
		}
		return desk.Answered(ctx, p)
	case event.DeliveryFailed{}.Type():
		d, err := event.Decode[event.DeliveryFailed](e)
		if err != nil {
			return err
		}
		return desk.Undelivered(ctx, d)
	}
	return nil
}
