// SPDX-License-Identifier: EUPL-1.2

package invitation

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// RightLost is why an invitation ends whose backer may not give its roles any more.
const RightLost = "right_lost"

// Backer is whose right an invitation rests on: of roles of the CERT the second
// administrator's once they agreed, else the inviter's.
func (i Invitation) Backer() string { return cmp.Or(i.ConfirmedBy, i.InvitedBy) }

// BackedBy reports whether what the backer may do now still covers the
// invitation. target is the person of a reset.
func (i Invitation) BackedBy(a actor.Actor, target account.Person) bool {
	switch i.Kind {
	case Password, Factor:
		return Touches(a, target)
	case Join, Roles4:
	}
	return !slices.ContainsFunc(i.Memberships, func(m account.Membership) bool { return !Grants(a, m) })
}

// end ends an invitation that nobody stands behind any more.
func (i *Invitation) end(act Act, why string) {
	i.WithdrawnAt, i.EndedWhy, i.Sum = &act.At, why, nil
	i.Version++
}

// backed answers nil when somebody still stands behind the invitation. Else it
// ends, once and for the audit, and the link is as good as any that ended.
func (d *Desk) backed(ctx context.Context, requestID string, i Invitation) error {
	if strings.HasPrefix(i.Backer(), "service:") {
		return nil // the operator's own
	}
	act := Act{Actor: actor.System("directory"), RequestID: requestID, At: d.now()}
	a, active, err := d.Store.ActorOf(ctx, i.Backer(), act.At)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	var target account.Person
	if i.Kind == Password || i.Kind == Factor {
		if target, err = d.Store.Person(ctx, i.Person); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	if active && i.BackedBy(a, target) {
		return nil
	}
	if _, err := d.Store.UpdateInvitation(ctx, act, i.ID, "invitation.void", func(i *Invitation) ([]event.Payload, error) {
		if !i.Usable(act.At) {
			return nil, errGone()
		}
		i.end(act, RightLost)
		return nil, nil
	}); err != nil {
		return err
	}
	return errGone()
}
