// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"slices"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
)

// PeopleDesks are what the pages about an organisation's people need.
type PeopleDesks struct {
	Contacts *contact.Desk
	Checks   *contact.Checks
	Tasks    *task.Desk
	// Emergencies are the sealed ways to organisations whose own IT is down.
	Emergencies *emergency.Desk
	Onboarding  *onboarding.Desk
	Officers    *qualification.Desk
	// OnceOnboarding is Once for admissions.
	OnceOnboarding func(ctx context.Context, r idem.Request, effect func(*onboarding.Desk) (status int, body any, err error)) (idem.Answer, error)
	// OnceOfficer is Once for the register of ISBs.
	OnceOfficer func(ctx context.Context, r idem.Request, effect func(*qualification.Desk) (status int, body any, err error)) (idem.Answer, error)
	// OnceContact is Once for contacts.
	OnceContact func(ctx context.Context, r idem.Request, effect func(*contact.Desk) (status int, body any, err error)) (idem.Answer, error)
}

// PeopleReads is what those pages show.
type PeopleReads interface {
	Contacts(ctx context.Context, organisation string) ([]contact.Contact, error)
	Coordinators(ctx context.Context, kreis string) (of string, list []contact.Contact, err error)
}

// peoplePages are all pages about an organisation's people.
func (h *Handler) peoplePages() []httpserver.Route {
	return slices.Concat(h.contactPages(), h.absencePages(), h.checkPages(), h.taskPages(), h.emergencyPages(), h.onboardingPages(), h.officerPages())
}

// peopleAPI is the same for programs.
func (h *Handler) peopleAPI() []httpserver.Route {
	return slices.Concat(h.contactAPI(), h.taskAPI(), h.emergencyAPI(), h.onboardingAPI(), h.officerAPI())
}
