// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

// structure is what came before and after a body.
type structure struct {
	Step         *succession.Succession // nil: nobody is known to have taken over
	Successor    *constituency.Organisation
	Predecessors []constituency.Organisation
	KreisMembers []participation.Member // of a Landkreis, for its own people and those who keep the register
}

func (h *Handler) structureOf(c echo.Context, o constituency.Organisation) (structure, error) {
	ctx := c.Request().Context()
	var s structure
	var err error
	if o.Gone() {
		step, err := h.Reads.Succession(ctx, o.ID)
		if fault.Is(err, fault.NotFound) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		next, err := h.Reads.Organisation(ctx, step.Successor)
		s.Step, s.Successor = &step, &next
		return s, err
	}
	if s.Predecessors, err = h.Reads.PredecessorsOf(ctx, o.ID); err != nil {
		return s, err
	}
	if o.Level == constituency.Kreis && session.Actor(c).May(actor.ContactRead, actor.Object{Organisation: o.ID}).Allowed {
		s.KreisMembers, err = h.Reads.KreisMembers(ctx, o.Kreis)
	}
	return s, err
}
