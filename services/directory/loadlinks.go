// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"context"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Link binds an account at an OpenID provider to a person who is here, known by
// their e-mail address.
type Link struct {
	Person                           string
	Issuer, Subject, Provider, Label string
}

// LoadLinks links accounts that nobody has yet. A link of the same person with
// the same provider and subject at another issuer is replaced: the provider of a
// demonstration moves to another port. No setting and no page leads here.
func (s *Service) LoadLinks(ctx context.Context, links []Link) error {
	act := s.operator()
	for _, l := range links {
		if _, err := s.store.IdentityBySubject(ctx, l.Issuer, l.Subject); err == nil || !fault.Is(err, fault.NotFound) {
			if err != nil {
				return err
			}
			continue
		}
		p, err := s.store.PersonByEmail(ctx, account.CleanEmail(l.Person))
		if err != nil {
			return err
		}
		_, err = s.store.ChangeFactors(ctx, act, p.ID, func(o factor.Overview) (factor.Change, error) {
			c := factor.Change{Action: "identity.link", AddIdentity: &factor.Identity{
				ID: event.NewID(), Person: p.ID, Issuer: l.Issuer, Subject: l.Subject, Provider: l.Provider, Label: l.Label, LinkedAt: act.At,
			}}
			for _, i := range o.Identities {
				if i.Provider == l.Provider && i.Subject == l.Subject {
					c.DropIdentity = i.ID
				}
			}
			return c, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
