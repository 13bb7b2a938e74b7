// SPDX-License-Identifier: EUPL-1.2

package mandate

import "github.com/thueringencert/leitstelle/shared/fault"

// Seen is a mandate in the version that somebody decides on: what they read is
// what they decide. Version 0 means that they did not say.
type Seen struct {
	ID      string
	Version int
}

// current answers nil when the mandate is still as it was seen.
func (m Mandate) current(seen int) error {
	switch {
	case seen == 0:
		return fault.New(fault.PreconditionRequired, "a decision about a mandate needs an If-Match header with the version you saw")
	case seen != m.Version:
		return fault.New(fault.Stale, "the mandate is in version %d by now", m.Version)
	}
	return nil
}
