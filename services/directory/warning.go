// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"

	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// warnings keeps who was asked by a warning and who answered, for the share of
// those that answered the last one.
func (s *Service) warnings() bus.Consumer {
	return bus.Consumer{
		Name: "directory-warnings", Stream: bus.Alerts, Subjects: []string{"alert.published", "poll.answered"},
		Handle: func(ctx context.Context, tx pg.DB, e event.Event) error { return keepWarning(ctx, s.store.On(tx), e) },
	}
}

// keepWarning takes one event. Exercises and warnings without a question do not
// count.
func keepWarning(ctx context.Context, to participation.Feed, e event.Event) error {
	switch e.Type {
	case event.AlertPublished{}.Type():
		a, err := event.Decode[event.AlertPublished](e)
		if err != nil || a.Poll == nil || a.Exercise {
			return err
		}
		return to.PutWarning(ctx, participation.Warning{ID: a.ID, Version: a.Version, At: a.PublishedAt, Bodies: a.Bodies})
	case event.PollAnswered{}.Type():
		p, err := event.Decode[event.PollAnswered](e)
		if err != nil {
			return err
		}
		return to.PutReply(ctx, participation.Reply{Warning: p.Alert, Organisation: p.Organisation.ID, At: p.At})
	}
	return nil
}
