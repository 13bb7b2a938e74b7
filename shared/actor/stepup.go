// SPDX-License-Identifier: EUPL-1.2

package actor

import "time"

// NeedsStepUp reports whether an action demands that the person showed a second
// factor a moment ago: releasing alerts, exports, role changes, API tokens,
// sealed contacts, and mandates, which let another firm in (reliability model §2.5 and §5).
func NeedsStepUp(action Action) bool { return matrix[action].fresh }

// SteppedUp reports whether the person has shown a second factor recently
// enough. A service needs none; a token was made by somebody who had.
func (a Actor) SteppedUp(now time.Time) bool { return a.Service != "" || now.Before(a.StepUpUntil) }

// MustStepUp reports whether a has to confirm first: because of the action, or
// because the object is TLP:RED (§2.5: named persons, after step-up). A guest
// who shows the object's own code has nothing else to confirm with.
func (a Actor) MustStepUp(action Action, o Object, now time.Time) bool {
	if !matrix[action].fresh && !o.Red || o.Code && !a.SignedIn() {
		return false
	}
	return !a.SteppedUp(now)
}
