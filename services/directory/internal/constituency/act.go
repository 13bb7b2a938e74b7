// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Act is who does something, when and in which request: what the audit and the
// events of a change say.
type Act struct {
	Actor      actor.Actor
	OnBehalfOf string // organisation, when a mandate gave the right
	RequestID  string
	At         time.Time
}
