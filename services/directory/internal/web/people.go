// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// reachOf returns the body whose people the actor may manage: "" for all.
// Managers of one body see that body only.
func reachOf(c echo.Context, asked string) (string, error) {
	v := session.Actor(c).View(actor.PersonManage)
	switch {
	case v.Everything:
		return asked, nil
	case asked == "" && len(v.Organisations) > 0:
		return v.Organisations[0], nil
	case slices.Contains(v.Organisations, asked):
		return asked, nil
	}
	return "", fault.New(fault.NotFound, "there is nothing here")
}

type peopleView struct {
	page.Base
	Query string
	Items []account.Person
	More  string

	MayInvite   bool
	Invitations []invitationLine
}

func (h *Handler) people(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	organisation, err := reachOf(c, c.QueryParam("organisation"))
	if err != nil {
		return err
	}
	q := c.QueryParam("q")
	items, next, err := h.Reads.People(c.Request().Context(), q, organisation, p.After, p.Limit)
	if err != nil {
		return err
	}
	v := &peopleView{Base: base(c, h.Pages.T(c, "directory.people")), Query: q, Items: items}
	v.MayInvite = !session.Actor(c).View(actor.RoleChange).Empty()
	if q == "" && p.After == "" {
		if v.Invitations, err = h.openInvitations(c, ""); err != nil {
			return err
		}
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/verzeichnis/verwaltung/personen?"+url.Values{"q": {q}, "after": {next}}.Encode())
	}
	return h.Pages.Render(c, http.StatusOK, "personen", v)
}

type personView struct {
	page.Base
	Person      account.Person
	Roles       []role
	ShowAccount bool // sessions and the lock: administrators
	Sessions    []account.Session
	Self        bool

	MayChange   bool // roles
	MayReset    bool
	Invitations []invitationLine
	MayErase    bool
}

func (h *Handler) person(c echo.Context) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p, err := h.Reads.Person(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	v := a.View(actor.PersonManage)
	if !v.Everything && !slices.ContainsFunc(v.Organisations, p.In) {
		return h.unseen(c, actor.PersonManage, "person", p.ID)
	}
	view := &personView{Base: base(c, p.Name), Person: p, Self: p.ID == a.Person, ShowAccount: !a.View(actor.SessionEndAny).Empty()}
	view.MayErase = !view.Self && !a.View(actor.PersonErase).Empty()
	if view.Roles, err = h.rolesOf(c, p); err != nil {
		return err
	}
	if !v.Everything { // what somebody is elsewhere is not this manager's business
		view.Roles = slices.DeleteFunc(view.Roles, func(r role) bool { return !slices.Contains(v.Organisations, r.ID) })
	}
	view.MayChange = !view.Self && !a.View(actor.RoleChange).Empty()
	view.MayReset = view.MayChange && p.Active && invitation.Touches(a, p)
	if view.Invitations, err = h.openInvitations(c, p.ID); err != nil {
		return err
	}
	if view.ShowAccount {
		if view.Sessions, err = h.Reads.SessionsOf(ctx, p.ID, h.Now()); err != nil {
			return err
		}
	}
	return h.Pages.Render(c, http.StatusOK, "person", view)
}

func (h *Handler) endSessionsOf(c echo.Context) error {
	ended, err := h.Accounts.EndSessionsOf(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), ended, nil)
	page.Flash(c, "success", "directory.session.ended")
	return page.Redirect(c, "/verzeichnis/verwaltung/personen/"+url.PathEscape(c.Param("id")))
}

func (h *Handler) lock(c echo.Context) error { return h.setActive(c, false, "directory.person.locked") }

func (h *Handler) unlock(c echo.Context) error {
	return h.setActive(c, true, "directory.person.unlocked")
}

func (h *Handler) setActive(c echo.Context, active bool, said string) error {
	back := "/verzeichnis/verwaltung/personen/" + url.PathEscape(c.Param("id"))
	l, err := h.Accounts.SetActive(c.Request().Context(), act(c), c.Param("id"), active)
	if r, last := account.IsLast(err); last {
		page.Flash(c, "danger", lastMessage(r))
		return page.Redirect(c, back)
	}
	if err != nil {
		return err
	}
	h.Tell(c.Request().Context(), l.Sessions, l.Tokens)
	page.Flash(c, "success", said)
	return page.Redirect(c, back)
}

// lastMessage says what to do before the last one who manages people may go.
func lastMessage(r actor.Role) string { return "directory.last." + string(r) }
