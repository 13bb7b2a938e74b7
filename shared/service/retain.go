// SPDX-License-Identifier: EUPL-1.2

package service

import (
	"fmt"

	"github.com/thueringencert/leitstelle/shared/privacy"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// Retain gives the service its rules of what is deleted when: its own, and
// those of the tables that every service has. Run works them off.
func (b *Base) Retain(own ...retention.Rule) error {
	desk, err := retention.NewDesk(b.Name, b.DB, b.Config.Retention, b.Now, append(own, retention.Shared()...))
	if err != nil {
		return fmt.Errorf("rules of deletion: %w", err)
	}
	b.Deleting = desk
	return nil
}

// Forget names the places where the service keeps people's names beside their
// ids. Run replaces them when the directory erases somebody.
func (b *Base) Forget(places ...privacy.Erasure) {
	b.Erasing = &privacy.Eraser{Service: b.Name, DB: b.DB, Places: places, Now: b.Now, Log: b.Log}
}
