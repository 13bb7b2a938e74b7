// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Membership of a person to load. Organisation is an AGS, a key of the register
// ("thueringencert", "kiv-thueringen", nine digits of a VG) or an id.
type Membership struct {
	Organisation string
	Role         actor.Role
}

// Person to load, with what they prove themselves with. An empty Password or
// TOTPSecret is made up and returned; an empty Token gives none.
type Person struct {
	Name, Email, Phone, Function, Language string
	Password, TOTPSecret, Token            string
	Memberships                            []Membership
}

// Mandate to load, organisations as in Membership. From zero: now; To nil: open.
type Mandate struct {
	Principal, Agent string
	Scopes           []actor.Scope
	From             time.Time
	To               *time.Time
	Document         string
	Services         []string
	GrantedBy        string
	State            MandateState // "": in force
}

// MandateState is how far a mandate has come.
type MandateState = mandate.State

// States of mandates that wait for a decision.
const (
	MandateRequested = mandate.Requested
	MandateGranted   = mandate.Granted
)

// Organisation names a body.
type Organisation struct {
	ID    string `json:"id"`
	AGS   string `json:"ags"`
	Name  string `json:"name"`
	Level string `json:"level"`
}

// Loaded is a person as they are now. Password and TOTPSecret are those given
// or made up; for somebody who was there before (Known) they are what was
// given, and what was stored before stays.
type Loaded struct {
	ID, Name, Email             string
	Password, TOTPSecret, Token string
	Roles                       []actor.Role
	Organisation                Organisation // of the first membership
	Known                       bool
}

// operator is who loads: the command line, not a person of the system.
func (s *Service) operator() constituency.Act {
	return constituency.Act{Actor: actor.System("operator"), At: s.base.Now().UTC().Truncate(time.Microsecond)}
}

// LoadRegister puts the embedded register of Thuringia and the example catalogue
// of services where there are none, and returns how many bodies there are.
func (s *Service) LoadRegister(ctx context.Context) (int, error) {
	n, err := s.register.Load(ctx, s.operator())
	if err != nil {
		return n, err
	}
	desk := catalogue.Desk{Store: s.store, Now: s.base.Now}
	return n, desk.Load(ctx, s.operator())
}

// Resolve finds a body by AGS, key or id.
func (s *Service) Resolve(ctx context.Context, reference string) (Organisation, error) {
	o, err := s.store.Organisation(ctx, reference)
	if fault.Is(err, fault.NotFound) {
		o, err = s.store.OrganisationByKey(ctx, reference)
	}
	if err != nil {
		return Organisation{}, fmt.Errorf("organisation %s: %w", reference, err)
	}
	return Organisation{ID: o.ID, AGS: o.AGS, Name: o.Name, Level: string(o.Level)}, nil
}

// LoadPeople adds people who are not there yet, known by their e-mail address.
func (s *Service) LoadPeople(ctx context.Context, people []Person) ([]Loaded, error) {
	act := s.operator()
	newcomers := make([]account.Newcomer, len(people))
	out := make([]Loaded, len(people))
	for i, p := range people {
		if p.Password == "" {
			p.Password = s.sealer.NewSession()[:20]
		}
		if p.TOTPSecret == "" {
			p.TOTPSecret = secret.NewTOTP()
		}
		n := account.Newcomer{Password: p.Password, TOTP: p.TOTPSecret, Token: p.Token, Person: account.Person{
			Name: p.Name, Email: p.Email, Phone: p.Phone, Function: p.Function, Language: p.Language,
		}}
		out[i] = Loaded{Name: p.Name, Email: account.CleanEmail(p.Email), Password: p.Password, TOTPSecret: p.TOTPSecret, Token: p.Token}
		for j, m := range p.Memberships {
			o, err := s.Resolve(ctx, m.Organisation)
			if err != nil {
				return nil, err
			}
			if j == 0 {
				out[i].Organisation = o
			}
			n.Person.Memberships = append(n.Person.Memberships, account.Membership{Organisation: o.ID, Role: m.Role})
			out[i].Roles = append(out[i].Roles, m.Role)
		}
		newcomers[i] = n
	}
	stored, err := account.Load(ctx, s.store, s.sealer, act, newcomers)
	if err != nil {
		return nil, err
	}
	for i, p := range stored {
		out[i].ID, out[i].Known = p.Person.ID, p.Known
	}
	return out, nil
}

// LoadMandates adds mandates unless the agent has one of the principal already.
func (s *Service) LoadMandates(ctx context.Context, mandates []Mandate) error {
	list := make([]mandate.Mandate, 0, len(mandates))
	for _, m := range mandates {
		principal, err := s.Resolve(ctx, m.Principal)
		if err != nil {
			return err
		}
		agent, err := s.Resolve(ctx, m.Agent)
		if err != nil {
			return err
		}
		list = append(list, mandate.Mandate{
			Principal: principal.ID, Agent: agent.ID, Scopes: m.Scopes, From: m.From, To: m.To, Document: m.Document,
			Services: m.Services, GrantedBy: m.GrantedBy, State: m.State,
		})
	}
	return mandate.Load(ctx, s.store, s.operator(), list)
}

// Municipalities returns up to n municipalities of the register in the order of
// their AGS, for those who load mandates.
func (s *Service) Municipalities(ctx context.Context, n int) ([]Organisation, error) {
	all, err := s.store.AllOrganisations(ctx)
	if err != nil {
		return nil, err
	}
	var out []Organisation
	for _, o := range all {
		if (o.Level == constituency.Gemeinde || o.Level == constituency.Kreisfrei) && !o.Gone() {
			out = append(out, Organisation{ID: o.ID, AGS: o.AGS, Name: o.Name, Level: string(o.Level)})
		}
	}
	slices.SortFunc(out, func(a, b Organisation) int { return cmp.Compare(a.AGS, b.AGS) })
	return out[:min(n, len(out))], nil
}

// Differences is what a register file would change.
type Differences = constituency.Differences

// RegisterDiff reads a GV100AD file and returns what it would change, which
// nothing does yet.
func (s *Service) RegisterDiff(ctx context.Context, r io.Reader) (Differences, error) {
	_, diff, err := s.register.Compare(ctx, r)
	return diff, err
}

// RegisterApply applies a GV100AD file if its differences are exactly those
// with the hash that RegisterDiff gave.
func (s *Service) RegisterApply(ctx context.Context, r io.Reader, hash string) (Differences, error) {
	f, _, err := s.register.Compare(ctx, r)
	if err != nil {
		return Differences{}, err
	}
	return s.register.Apply(ctx, s.operator(), f, hash)
}
