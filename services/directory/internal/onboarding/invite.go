// SPDX-License-Identifier: EUPL-1.2

package onboarding

import (
	"context"
	"fmt"
	"strings"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// MaxInvited is how many organisations one order names; a Kreis is named by its
// number.
const MaxInvited = 700

// Order says whom to invite: a Kreis, or organisations by AGS or id.
type Order struct {
	Kreis         string
	Organisations []string
}

// ParseOrder takes one of both.
func ParseOrder(kreis string, organisations []string) (Order, error) {
	var bad fault.Fields
	switch {
	case kreis == "" && len(organisations) == 0, kreis != "" && len(organisations) > 0:
		bad.Add("kreis", "directory.onboarding.error.whom", "name either a kreis or organisations")
	case kreis != "" && (len(kreis) != 5 || strings.Trim(kreis, "0123456789") != ""):
		bad.Add("kreis", "directory.onboarding.error.kreis", "kreis must be the 5 digits of a Landkreis")
	case len(organisations) > MaxInvited:
		bad.Add("organisations", "directory.onboarding.error.many", fmt.Sprintf("one order names at most %d organisations", MaxInvited))
	}
	return Order{kreis, organisations}, bad.Err()
}

// Sent counts what became of an order to invite.
type Sent struct{ Invited, WithoutAddress, Already int }

// InviteMany invites whom the order names. An organisation that is not there
// refuses the whole order, so that a mistyped number is noticed.
func (d *Desk) InviteMany(ctx context.Context, act Act, who Order) (Sent, error) {
	var n Sent
	if who.Kreis != "" {
		_, err := d.Store.Onboarding(ctx, who.Kreis+"000") // the Landkreis or the city itself
		if fault.Is(err, fault.NotFound) {
			var bad fault.Fields
			bad.Add("kreis", "directory.onboarding.error.kreis", "there is no kreis "+who.Kreis)
			return n, bad.Err()
		}
		if err != nil {
			return n, err
		}
		n.Invited, n.WithoutAddress, err = d.InviteKreis(ctx, act, who.Kreis)
		return n, err
	}
	act.At = d.now()
	if err := d.Allow(ctx, act, ""); err != nil {
		return n, err
	}
	list, err := d.named(ctx, who.Organisations)
	if err != nil {
		return n, err
	}
	done := map[string]bool{} // by AGS and by id is still one
	for _, l := range list {
		switch {
		case done[l.Organisation]:
			continue
		case l.InvitedAt != nil || l.Held != "":
			n.Already++
		case l.Email == "":
			n.WithoutAddress++
		default:
			if _, err := d.invite(ctx, act, l.Organisation); err != nil {
				return n, err
			}
			n.Invited++
		}
		done[l.Organisation] = true
	}
	return n, nil
}

// named reads them all; every one that is not there comes back at once.
func (d *Desk) named(ctx context.Context, references []string) ([]Line, error) {
	var bad fault.Fields
	out := make([]Line, 0, len(references))
	for i, ref := range references {
		l, err := d.Store.Onboarding(ctx, ref)
		if fault.Is(err, fault.NotFound) {
			bad.Add(fmt.Sprintf("organisations[%d]", i), "directory.onboarding.error.unknown", fmt.Sprintf("no organisation %q", ref))
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, bad.Err()
}
