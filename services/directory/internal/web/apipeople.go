// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/session"
)

// invitationBody is an invitation as the API shows it. It never carries the
// token: only the mail does.
type invitationBody struct {
	ID          string           `json:"id"`
	Kind        string           `json:"kind"`
	State       string           `json:"state"`
	Name        string           `json:"name"`
	Email       string           `json:"email"`
	Memberships []membershipBody `json:"memberships"`
	MadeAt      time.Time        `json:"made_at"`
	ExpiresAt   time.Time        `json:"expires_at"`
}

func (h *Handler) invitationBodyOf(i invitation.Invitation) invitationBody {
	b := invitationBody{
		ID: i.ID, Kind: string(i.Kind), State: string(i.State(h.Now())), Name: i.Name, Email: i.Email,
		Memberships: []membershipBody{}, MadeAt: i.MadeAt, ExpiresAt: i.ExpiresAt,
	}
	for _, m := range i.Memberships {
		b.Memberships = append(b.Memberships, membershipBody(m))
	}
	return b
}

// membershipsOf reads AGS or ids of organisations; one that nobody finds stays
// as it was given and is refused by the desk.
func (h *Handler) membershipsOf(c echo.Context, list []membershipBody) ([]account.Membership, error) {
	out := make([]account.Membership, 0, len(list))
	for _, m := range list {
		o, err := h.Reads.Organisation(c.Request().Context(), m.Organisation)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		id := o.ID
		if err != nil {
			id = m.Organisation
		}
		out = append(out, account.Membership{Organisation: id, Role: m.Role})
	}
	return out, nil
}

func (h *Handler) apiInvite(c echo.Context) error {
	var req struct {
		Name        string           `json:"name"`
		Email       string           `json:"email"`
		Function    string           `json:"function"`
		Language    string           `json:"language"`
		Memberships []membershipBody `json:"memberships"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	ms, err := h.membershipsOf(c, req.Memberships)
	if err != nil {
		return err
	}
	w := invitation.Wish{Name: req.Name, Email: req.Email, Function: req.Function, Language: req.Language, Memberships: ms}
	answer, err := h.InviteOnce(c.Request().Context(), idem.Request{Scope: scope(c, "people"), Key: idempotencyKey(c), Body: raw},
		func(d *invitation.Desk) (int, any, error) {
			i, err := d.Invite(c.Request().Context(), act(c), w)
			return http.StatusCreated, h.invitationBodyOf(i), err
		})
	return reply(c, answer, err)
}

func (h *Handler) apiInvitations(c echo.Context) error {
	v := session.Actor(c).View(actor.RoleChange)
	list, err := h.Invited.OpenInvitations(c.Request().Context(), v.Everything, v.Organisations, "")
	if err != nil {
		return err
	}
	out := httpserver.List[invitationBody]{Items: make([]invitationBody, 0, len(list))}
	for _, i := range list {
		out.Items = append(out.Items, h.invitationBodyOf(i))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiConfirmInvitation(c echo.Context) error {
	i, err := h.Invitations.Confirm(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.invitationBodyOf(i))
}

func (h *Handler) apiResendInvitation(c echo.Context) error {
	i, err := h.Invitations.Resend(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.invitationBodyOf(i))
}

func (h *Handler) apiWithdrawInvitation(c echo.Context) error {
	if _, err := h.Invitations.Withdraw(c.Request().Context(), act(c), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// apiPerson shows a person with the version that a change must name.
func (h *Handler) apiPerson(c echo.Context) error {
	p, err := h.manageable(c)
	if err != nil {
		return err
	}
	return h.personAnswer(c, p, nil)
}

type personAnswer struct {
	personBody
	Waiting *invitationBody `json:"waiting,omitempty"` // roles that a second administrator must confirm
}

func (h *Handler) personAnswer(c echo.Context, p account.Person, waiting *invitation.Invitation) error {
	v := session.Actor(c).View(actor.PersonManage)
	b := personAnswer{personBody: personBodyOf(p)}
	for _, m := range p.Memberships {
		if v.Everything || slices.Contains(v.Organisations, m.Organisation) {
			b.Memberships = append(b.Memberships, membershipBody(m))
		}
	}
	if waiting != nil {
		w := h.invitationBodyOf(*waiting)
		b.Waiting = &w
	}
	c.Response().Header().Set("ETag", httpserver.ETag(p.Version))
	return c.JSON(http.StatusOK, b)
}

// apiSetRoles makes the memberships within the caller's reach the given ones.
// Nothing else of a person can be changed here.
func (h *Handler) apiSetRoles(c echo.Context) error {
	var req struct {
		Memberships []membershipBody `json:"memberships"`
	}
	if _, err := h.manageable(c); err != nil {
		return err
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	if req.Memberships == nil {
		return fault.New(fault.Malformed, "memberships is missing")
	}
	wanted, err := h.membershipsOf(c, req.Memberships)
	if err != nil {
		return err
	}
	p, waiting, err := h.Invitations.SetRoles(c.Request().Context(), act(c), c.Param("id"), version, wanted)
	if err != nil {
		return err
	}
	return h.personAnswer(c, p, waiting)
}
