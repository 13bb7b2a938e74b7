// SPDX-License-Identifier: EUPL-1.2

package directory

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/idp"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/services/directory/internal/passkey"
	"github.com/thueringencert/leitstelle/services/directory/internal/web"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// OIDC is one OpenID provider.
type OIDC = idp.Config

// SignInConfig is how people may sign in beside password and app.
type SignInConfig struct {
	PerNetwork    int    `env:"SIGNIN_PER_NETWORK" envDefault:"20" doc:"failed sign-ins of one network in 15 minutes before it has to wait; raise it where a whole administration shares one address"`
	PasskeyDomain string `env:"PASSKEY_DOMAIN" doc:"domain that passkeys are bound to, such as cert.thueringen.de; empty: the host of SITE_URL; never change it later"`
	First         OIDC   `envPrefix:"OIDC_1_"`
	Second        OIDC   `envPrefix:"OIDC_2_"`
	Third         OIDC   `envPrefix:"OIDC_3_"`
}

// signInsAtOnce is how many sign-ins may be at the database at once.
const signInsAtOnce = 4

func (c SignInConfig) limits() account.Limits { return account.Limits{Address: c.PerNetwork} }

// newSignIn prepares providers, passkeys and the desks of factors and
// invitations. Providers are asked nothing yet: one that is down keeps nobody
// from starting.
func (s *Service) newSignIn(cfg Config) (web.SignIn, error) {
	site := s.base.Config.Site
	providers, err := idp.New([]idp.Config{cfg.SignIn.First, cfg.SignIn.Second, cfg.SignIn.Third}, site.URL, s.base.Now)
	if err != nil {
		return web.SignIn{}, err
	}
	passkeys, err := passkey.New(site.URL, cfg.SignIn.PasskeyDomain, cmp.Or(site.Operator, "Leitstelle"))
	if err != nil {
		return web.SignIn{}, err
	}
	strong := map[string]bool{}
	for _, p := range providers.All() {
		strong[p.Name] = p.CanBeStrong()
	}
	factors := &factor.Desk{Store: s.store, Sealer: s.sealer, Strong: strong, NewSet: newSet, Now: s.base.Now}
	invitations := &invitation.Desk{Store: s.store, Accounts: s.accounts, Factors: factors, Vault: s.sealer, Now: s.base.Now}
	return web.SignIn{
		Factors: factors, Invitations: invitations, Invited: s.store, Providers: providers, Passkeys: passkeys,
		Ceremonies: s.store, Site: site, InviteOnce: s.inviteOnce,
	}, nil
}

// newSet is the id of a set of recovery codes, all of it random: the codes
// follow from it.
func newSet() string {
	id, err := uuid.NewRandomFromReader(rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("directory: no randomness: %v", err)) // crypto/rand never fails
	}
	return id.String()
}

// inviteOnce is once for invitations.
func (s *Service) inviteOnce(ctx context.Context, r idem.Request, effect func(*invitation.Desk) (int, any, error)) (idem.Answer, error) {
	return idem.Do(ctx, s.base.DB, r, func(tx pg.DB) (int, any, error) {
		desk := *s.signIn.Invitations
		desk.Store = s.store.On(tx)
		return effect(&desk)
	})
}
