// SPDX-License-Identifier: EUPL-1.2

package mandate

import (
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
)

// Loader is what a bulk load needs beyond a Store.
type Loader interface {
	Store
	NamedMandates(ctx context.Context, organisation string) ([]Named, error)
}

// Load adds the mandates that do not run or wait yet between the same two
// organisations. It is how an operator brings mandates in: no permission is
// asked, and they count at once unless their state says otherwise.
func Load(ctx context.Context, store Loader, act Act, mandates []Mandate) error {
	for _, m := range mandates {
		if m.From.IsZero() {
			m.From = act.At
		}
		if m.State == "" {
			m.State = Active
		}
		m.ID, m.Version, m.ChangedAt = event.NewID(), 1, act.At
		if err := m.Check(); err != nil {
			return err
		}
		known, err := store.NamedMandates(ctx, m.Principal)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(k Named) bool { return sameParties(k.Mandate, m, act.At) }) {
			continue
		}
		if err := store.AddMandate(ctx, act, "mandate.load", m, Effect{Step: loadedAs(m.State), Note: m.Document}); err != nil {
			return err
		}
	}
	return nil
}

func loadedAs(s State) string {
	switch s {
	case Requested:
		return "requested"
	case Granted:
		return "granted"
	case Active, Declined, Revoked, Expired:
	}
	return "loaded"
}

func sameParties(a, b Mandate, at time.Time) bool {
	return a.Principal == b.Principal && a.Agent == b.Agent && a.RevokedAt == nil && (a.To == nil || at.Before(*a.To))
}
