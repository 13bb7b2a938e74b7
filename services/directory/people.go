// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// people are the desks of an organisation's people.
type people struct {
	contacts    *contact.Desk
	checks      *contact.Checks
	tasks       *task.Desk
	emergencies *emergency.Desk
	admission   *onboarding.Desk
	officers    *qualification.Desk
}

// peopleDesks are what the pages about an organisation's people need.
func (s *Service) peopleDesks() web.PeopleDesks {
	return web.PeopleDesks{Contacts: s.contacts, OnceContact: s.onceContact, Checks: s.checks, Tasks: s.tasks, Emergencies: s.emergencies, Onboarding: s.admission, Officers: s.officers, OnceOfficer: s.onceOfficer, OnceOnboarding: s.onceOnboarding}
}

// preparePeople makes the desks.
func (s *Service) preparePeople(cfg Config, keys *secret.Keys) {
	fresh := days(cfg.ContactDays)
	s.contacts = &contact.Desk{Store: s.store, Now: s.base.Now, Fresh: fresh}
	s.checks = &contact.Checks{Store: s.store, Links: keys, Now: s.base.Now, Fresh: fresh}
	s.tasks = &task.Desk{Store: s.store, Now: s.base.Now}
	s.emergencies = &emergency.Desk{Store: s.store, Vault: keys, Now: s.base.Now}
	s.admission = &onboarding.Desk{Store: s.store, Now: s.base.Now}
	s.officers = &qualification.Desk{Store: s.store, Now: s.base.Now}
}

// peopleParts are what runs for them.
func (s *Service) peopleParts() []func(context.Context) error {
	return []func(context.Context) error{s.rounds, s.stages}
}

// roundEvery is how often the day's work is looked for; doing it twice is doing
// it once.
const roundEvery = 15 * time.Minute

// rounds asks contacts once a year, reminds and hands over. The first one lets
// the start of all services pass.
func (s *Service) rounds(ctx context.Context) error {
	t := time.NewTimer(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			t.Reset(roundEvery)
		}
		if n, err := s.ContactRound(ctx); err != nil && ctx.Err() == nil {
			s.base.Log.Warn("directory: the round of contacts will be tried again", zap.Error(err))
		} else if n > 0 {
			s.base.Log.Info("directory: contacts were asked", zap.Int("mails", n))
		}
	}
}

// stageEvery is how soon a stage follows from new facts.
const stageEvery = 30 * time.Second

// stages brings the admission of each organisation to what the facts say.
func (s *Service) stages(ctx context.Context) error {
	t := time.NewTicker(stageEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if _, err := s.StageRound(ctx); err != nil && ctx.Err() == nil {
			s.base.Log.Warn("directory: the stages of admissions will be looked at again", zap.Error(err))
		}
	}
}

// StageRound does it once and returns how many moved.
func (s *Service) StageRound(ctx context.Context) (int, error) { return s.admission.Round(ctx) }

// ContactRound does what is due now and returns how many contacts are asked.
func (s *Service) ContactRound(ctx context.Context) (int, error) { return s.checks.Round(ctx) }

// failures makes tasks of mails that did not arrive.
func (s *Service) failures() bus.Consumer {
	return bus.Consumer{
		Name: "directory-failures", Stream: bus.Alerts, Subjects: []string{"delivery.failed"},
		Handle: func(ctx context.Context, tx pg.DB, e event.Event) error {
			f, err := event.Decode[event.DeliveryFailed](e)
			if err != nil || f.Channel != "email" {
				return err
			}
			desk := *s.tasks
			desk.Store = s.store.On(tx)
			return desk.Failed(ctx, task.Failure{Organisation: f.Organisation, Person: f.Person, Address: f.Recipient, Reason: f.Reason, At: f.At})
		},
	}
}

// onceContact is once for the contacts.
func (s *Service) onceContact(ctx context.Context, r idem.Request, effect func(*contact.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.contacts
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// onceOfficer is once for the register of ISBs.
func (s *Service) onceOfficer(ctx context.Context, r idem.Request, effect func(*qualification.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.officers
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// onceOnboarding is once for admissions.
func (s *Service) onceOnboarding(ctx context.Context, r idem.Request, effect func(*onboarding.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.admission
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}

// days of a setting; none is the good default of a year.
func days(n int) time.Duration {
	if n <= 0 {
		n = 365
	}
	return time.Duration(n) * 24 * time.Hour
}
