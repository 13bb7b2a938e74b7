// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/demoidp"
	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// DemoProvider is the OpenID provider of the demonstration.
type DemoProvider struct {
	Name   string        `json:"name"` // in addresses: /konto/oidc/NAME
	Label  string        `json:"label"`
	URL    string        `json:"url"` // its page
	Issuer string        `json:"issuer"`
	People []DemoAccount `json:"people"`
}

// DemoAccount is somebody there. Person is whose account here it is linked to,
// by e-mail address; empty: nobody's.
type DemoAccount struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Person string `json:"person,omitempty"`
	Strong bool   `json:"strong"` // shows two factors there
}

const (
	providerName  = "servicekonto"
	providerLabel = "Servicekonto (Vorführung)"
)

// demoAccounts show the three ways it can end.
var demoAccounts = []struct {
	demoidp.Person
	of string
}{
	{demoidp.Person{
		Subject: "kim", Name: "Kim Beispiel", Email: "kim.beispiel@konto.example", Strong: true, How: "mit Online-Ausweis, also zwei Faktoren",
		Expect: "Verknüpft mit dem Konto der IT-Sicherheitsbeauftragten von Klettbach: sofort angemeldet.",
	}, "it-sicherheit@klettbach.example"},
	{demoidp.Person{
		Subject: "nora", Name: "Nora Nacht", Email: "nora.nacht@konto.example", How: "mit Benutzername und Passwort, also einem Faktor",
		Expect: "Verknüpft mit dem Konto der IT-Sicherheitsbeauftragten von Erfurt: Die Leitstelle fragt noch nach einem zweiten Faktor.",
	}, "it@erfurt.example"},
	{demoidp.Person{
		Subject: "gustav", Name: "Gustav Gast", Email: "gustav.gast@konto.example", Strong: true, How: "mit Online-Ausweis, also zwei Faktoren",
		Expect: "Mit niemandem verknüpft: kommt nur hinein, wenn jemand dieses Konto unter „Sicherheit“ verknüpft oder damit eine Einladung annimmt.",
	}, ""},
}

// startProvider opens the demonstration's OpenID provider on this machine,
// preferably at the port after the front door's, so that links made by hand
// outlive a restart. There is none without demo people.
func (s *System) startProvider(ctx context.Context) error {
	if s.Options.NoDemo || s.Options.NoProvider {
		return nil
	}
	door, err := netip.ParseAddrPort(s.listener.Addr().String())
	if err != nil {
		return err
	}
	open := func(port uint16) (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String())
	}
	l, err := open(door.Port() + 1)
	if err != nil {
		l, err = open(0)
	}
	if err != nil {
		return fmt.Errorf("open the demonstration's OpenID provider: %w", err)
	}
	var people []demoidp.Person
	s.Demo.Provider = &DemoProvider{Name: providerName, Label: providerLabel}
	for _, a := range demoAccounts {
		people = append(people, a.Person)
		s.Demo.Provider.People = append(s.Demo.Provider.People, DemoAccount{ID: a.Subject, Name: a.Name, Person: a.of, Strong: a.Strong})
	}
	p, err := demoidp.New(l, s.Demo.URL+"/konto/oidc/"+providerName+"/rueckkehr", people, s.Options.Now)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.Demo.Provider.URL, s.Demo.Provider.Issuer = p.Home(), p.Issuer()
	s.provider, s.providerAt = p, l
	return nil
}

// serveProvider answers there until ctx ends or the provider is stopped.
func (s *System) serveProvider(ctx context.Context) error {
	err := httpserver.Serve(ctx, s.providerAt, s.provider.Handler())
	if errors.Is(err, net.ErrClosed) {
		<-ctx.Done() // the others go on
		return nil
	}
	return err
}

// StopProvider closes the demonstration's OpenID provider: what happens when a
// provider is down.
func (s *System) StopProvider() error { return s.providerAt.Close() }

// providerSettings are the directory's settings for it.
func (s *System) providerSettings() []string {
	if s.provider == nil {
		return nil
	}
	return []string{
		"OIDC_1_NAME=" + providerName, "OIDC_1_LABEL=" + providerLabel, "OIDC_1_LABEL_EN=Service account (demonstration)",
		"OIDC_1_ISSUER=" + s.provider.Issuer(), "OIDC_1_CLIENT_ID=" + s.provider.ClientID(), "OIDC_1_CLIENT_SECRET=" + s.provider.ClientSecret(),
		"OIDC_1_ACR=" + demoidp.Strong,
	}
}

// linkDemoAccounts links the demo people's accounts there.
func (s *System) linkDemoAccounts(ctx context.Context) error {
	if s.provider == nil {
		return nil
	}
	var links []directory.Link
	for _, a := range demoAccounts {
		if a.of != "" {
			links = append(links, directory.Link{
				Person: a.of, Issuer: s.provider.Issuer(), Subject: a.Subject, Provider: providerName, Label: a.Name + " (" + a.Email + ")",
			})
		}
	}
	if err := s.services.directory.LoadLinks(ctx, links); err != nil {
		return fmt.Errorf("link the demo accounts: %w", err)
	}
	return nil
}
