// SPDX-License-Identifier: EUPL-1.2

package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Filter of a list of requests. Organisations nil: of all.
type Filter struct {
	Organisations []string
	Open          bool // only what waits for the CERT
	After         string
	Limit         int
}

// Store keeps services and requests. Every change writes its audit entry and
// its events in the same transaction.
type Store interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	Services(ctx context.Context) ([]Service, error) // all, in their order; there are few
	Service(ctx context.Context, id string) (Service, error)
	AddServices(ctx context.Context, act constituency.Act, list ...Service) error
	// UpdateService loads it under a lock, changes and saves it.
	UpdateService(ctx context.Context, act constituency.Act, id string, change func(*Service) (bool, error)) (Service, error)
	// AddRequest keeps the request and has the constituency managers told.
	AddRequest(ctx context.Context, act constituency.Act, r Request) error
	Requests(ctx context.Context, f Filter) (items []Request, next string, err error)
	Request(ctx context.Context, id string) (Request, error) // with its answers
	// UpdateRequest loads it under a lock, changes and saves it, keeps the answer
	// and has the requester told.
	UpdateRequest(ctx context.Context, act constituency.Act, id string, change func(*Request) (Answer, error)) (Request, error)
	Deny(ctx context.Context, act constituency.Act, action, objectType, objectID string) error
}

// Desk is what people may do about the catalogue.
type Desk struct {
	Store Store
	Now   func() time.Time
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// allow answers nil when the actor may; what one may not see does not exist.
func (d *Desk) allow(ctx context.Context, act constituency.Act, action actor.Action, organisation, kind, id string) error {
	if act.Actor.May(action, actor.Object{Organisation: organisation}).Allowed {
		return nil
	}
	if err := d.Store.Deny(ctx, act, string(action), kind, id); err != nil {
		return err
	}
	return fault.New(fault.NotFound, "no %s %s", kind, id)
}

// Add takes a new service into the catalogue.
func (d *Desk) Add(ctx context.Context, act constituency.Act, key string, details Details) (Service, error) {
	act.At = d.now()
	if err := d.allow(ctx, act, actor.ServiceEdit, "", "service", key); err != nil {
		return Service{}, err
	}
	s := Service{ID: event.NewID(), Key: key, Status: Examined, Conditions: map[constituency.Level]Text{}}
	if _, err := s.Amend(details, act.At); err != nil {
		return Service{}, err
	}
	s.Version = 1
	return s, d.Store.AddServices(ctx, act, s)
}

// Amend changes a service when version is still the present one: else Stale.
func (d *Desk) Amend(ctx context.Context, act constituency.Act, id string, version int, details Details) (Service, error) {
	act.At = d.now()
	if err := d.allow(ctx, act, actor.ServiceEdit, "", "service", id); err != nil {
		return Service{}, err
	}
	return d.Store.UpdateService(ctx, act, id, func(s *Service) (bool, error) {
		if s.Version != version {
			return false, fault.New(fault.Stale, "the service is in version %d by now", s.Version)
		}
		return s.Amend(details, act.At)
	})
}

// Ask requests a service for an organisation: "" means the asker's first one
// that may. It must be offered to bodies of that level.
func (d *Desk) Ask(ctx context.Context, act constituency.Act, service, organisation string, r Request) (Request, error) {
	act.At = d.now()
	if mine := act.Actor.View(actor.ServiceRequest).Organisations; organisation == "" && len(mine) > 0 {
		organisation = mine[0]
	}
	s, err := d.Store.Service(ctx, service)
	if err != nil {
		return Request{}, err
	}
	if err := d.allow(ctx, act, actor.ServiceRequest, organisation, "organisation", organisation); err != nil {
		return Request{}, err
	}
	o, err := d.Store.Organisation(ctx, organisation)
	if err != nil {
		return Request{}, err
	}
	if _, ok := s.For(o.Level); !ok {
		return Request{}, fault.New(fault.Conflict, "the service %s cannot be requested by a body of level %s", s.Key, o.Level)
	}
	r.ID, r.Service, r.ServiceName, r.Organisation, r.OrgName, r.OrgAGS = event.NewID(), s.ID, s.Name, o.ID, o.Name, o.AGS
	r.Person, r.PersonName, r.State, r.Version = act.Actor.Person, act.Actor.Name, Received, 1
	r.CreatedAt, r.UpdatedAt = act.At, act.At
	if err := r.check(act.At); err != nil {
		return Request{}, err
	}
	return r, d.Store.AddRequest(ctx, act, r)
}

// List returns the requests that the actor may see.
func (d *Desk) List(ctx context.Context, act constituency.Act, f Filter) ([]Request, string, error) {
	v := act.Actor.View(actor.ServiceAsked)
	if !v.Everything {
		f.Organisations = slices.Clone(v.Organisations)
		if f.Organisations == nil {
			f.Organisations = []string{}
		}
	}
	return d.Store.Requests(ctx, f)
}

// Get returns a request with its answers.
func (d *Desk) Get(ctx context.Context, act constituency.Act, id string) (Request, error) {
	act.At = d.now()
	r, err := d.Store.Request(ctx, id)
	if err != nil {
		return r, err
	}
	return r, d.allow(ctx, act, actor.ServiceAsked, r.Organisation, "request", id)
}

// Answer sets the state of a request and says why, when version is still the
// present one: else Stale.
func (d *Desk) Answer(ctx context.Context, act constituency.Act, id string, version int, state State, text string) (Request, error) {
	act.At = d.now()
	if err := d.allow(ctx, act, actor.ServiceAnswer, "", "request", id); err != nil {
		return Request{}, err
	}
	return d.Store.UpdateRequest(ctx, act, id, func(r *Request) (Answer, error) {
		if r.Version != version {
			return Answer{}, fault.New(fault.Stale, "the request is in version %d by now", r.Version)
		}
		return r.Reply(state, text, act.Actor.Person, event.NewID(), act.At)
	})
}

// Load puts the shipped catalogue into an empty one.
func (d *Desk) Load(ctx context.Context, act constituency.Act) error {
	act.At = d.now()
	there, err := d.Store.Services(ctx)
	if err != nil || len(there) > 0 {
		return err
	}
	list, err := Shipped()
	if err != nil {
		return err
	}
	for i := range list {
		list[i].ID, list[i].Version, list[i].UpdatedAt = event.NewID(), 1, act.At
	}
	return d.Store.AddServices(ctx, act, list...)
}
