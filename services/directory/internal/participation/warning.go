// SPDX-License-Identifier: EUPL-1.2

package participation

import (
	"context"
	"time"
)

// Warning is a released warning with a question, with the bodies that get it:
// those of its audience that subscribed to it, or must get it.
type Warning struct {
	ID      string
	Version int
	At      time.Time
	Bodies  []string
}

// Reply says that a body answered a warning; what it answered is not known here.
type Reply struct {
	Warning, Organisation string
	At                    time.Time
}

// Feed keeps what notification tells; the same again changes nothing, in any
// order.
type Feed interface {
	PutWarning(ctx context.Context, w Warning) error
	PutReply(ctx context.Context, r Reply) error
}
