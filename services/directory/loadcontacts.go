// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Contact to load. Organisation is an AGS, a key of the register or an id; Age
// is how long ago the entry was confirmed, negative for never.
type Contact struct {
	Organisation, Name          string
	Functions                   []string
	Phone, Mobile, Email, Hours string
	Always                      bool
	Age                         time.Duration
}

// LoadContacts adds contacts to the organisations that have none yet.
func (s *Service) LoadContacts(ctx context.Context, contacts []Contact) error {
	act := s.operator()
	had := map[string]bool{}
	for _, c := range contacts {
		o, err := s.Resolve(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if _, looked := had[o.ID]; !looked {
			list, err := s.store.Contacts(ctx, o.ID)
			if err != nil {
				return err
			}
			had[o.ID] = len(list) > 0
		}
		if had[o.ID] {
			continue
		}
		x := contact.Contact{
			ID: event.NewID(), Organisation: o.ID, Name: c.Name, Phone: c.Phone, Mobile: c.Mobile, Email: c.Email, Hours: c.Hours,
			Always: c.Always, CreatedAt: act.At, UpdatedAt: act.At, Version: 1,
		}
		for _, f := range c.Functions {
			x.Functions = append(x.Functions, contact.Function(f))
		}
		if c.Age >= 0 {
			at := act.At.Add(-c.Age)
			x.ConfirmedAt = &at
		}
		if err := s.store.AddContact(ctx, act, x); err != nil {
			return err
		}
	}
	return nil
}

// Admission to load: how far an organisation is, and what else it left with the
// CERT. Everything but the organisation may be empty.
type Admission struct {
	Organisation string
	Email        string // of the body
	Invited      bool
	Document     string        // declaration of participation
	Certificate  string        // of its ISB
	Lasts        time.Duration // of the certificate, from now
	Emergency    string        // whom one reaches outside its own IT, by Mobile
	Mobile       string
	Bounced      string // an address that a mail did not reach
}

// LoadAdmissions brings in the admissions that nobody has begun yet.
func (s *Service) LoadAdmissions(ctx context.Context, list []Admission) error {
	act := s.operator()
	for _, a := range list {
		o, err := s.Resolve(ctx, a.Organisation)
		if err != nil {
			return err
		}
		l, err := s.store.Onboarding(ctx, o.ID)
		if err != nil || l.Version > 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.admit(ctx, act, o.ID, a); err != nil {
			return err
		}
	}
	_, err := s.StageRound(ctx)
	return err
}

func (s *Service) admit(ctx context.Context, act constituency.Act, id string, a Admission) error {
	o, err := s.store.Organisation(ctx, id)
	if err != nil {
		return err
	}
	if a.Email != "" && o.Email == "" {
		if _, err := s.register.Amend(ctx, act, id, o.Version, constituency.Contact{Email: &a.Email}); err != nil {
			return err
		}
	}
	_, err = s.store.UpdateOnboarding(ctx, act, id, "onboarding.load", func(r *onboarding.Record, _ onboarding.Facts) (bool, bool, error) {
		if a.Invited {
			r.InvitedAt = &act.At
		}
		return true, false, r.Keep(onboarding.Plan{Document: a.Document}, act.At)
	})
	if err != nil {
		return err
	}
	if a.Emergency != "" {
		if _, err := s.emergencies.Keep(ctx, act, id, 0, emergency.Ways{Name: a.Emergency, Mobile: a.Mobile}); err != nil {
			return err
		}
	}
	if a.Bounced != "" {
		if err := s.tasks.Failed(ctx, task.Failure{Organisation: id, Address: a.Bounced, Reason: "550 5.1.1 mailbox unavailable", At: act.At}); err != nil {
			return err
		}
	}
	return s.certify(ctx, act, id, a)
}

// certify enters the certificate of the first ISB.
func (s *Service) certify(ctx context.Context, act constituency.Act, id string, a Admission) error {
	if a.Certificate == "" {
		return nil
	}
	list, err := s.store.Contacts(ctx, id)
	if err != nil {
		return err
	}
	for _, c := range list {
		if !c.Has(contact.ISB) {
			continue
		}
		until := act.At.Add(a.Lasts).Truncate(24 * time.Hour)
		_, err := s.officers.Add(ctx, act, id, c.ID, qualification.Qualification{
			Kind: qualification.Certificate, Name: a.Certificate, Issuer: "Akademie Beispiel",
			ObtainedOn: act.At.AddDate(-3, 0, 0).Truncate(24 * time.Hour), ValidUntil: &until, Document: "Personalakte",
		})
		return err
	}
	return nil
}
