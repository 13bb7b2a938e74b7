// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// InvitationReads is what the lists of invitations show.
type InvitationReads interface {
	OpenInvitations(ctx context.Context, everything bool, organisations []string, person string) ([]invitation.Invitation, error)
}

// invitationLine is an open invitation in a list.
type invitationLine struct {
	invitation.Invitation
	State invitation.State
	Roles []role
	Mine  bool // the second pair of eyes must be somebody else's
}

func (h *Handler) openInvitations(c echo.Context, person string) ([]invitationLine, error) {
	a := session.Actor(c)
	v := a.View(actor.RoleChange)
	if v.Empty() {
		return nil, nil
	}
	list, err := h.Invited.OpenInvitations(c.Request().Context(), v.Everything, v.Organisations, person)
	if err != nil {
		return nil, err
	}
	out := make([]invitationLine, 0, len(list))
	for _, i := range list {
		l := invitationLine{Invitation: i, State: i.State(h.Now()), Mine: i.InvitedBy == a.ID()}
		if l.Roles, err = h.rolesOf(c, account.Person{Memberships: i.Memberships}); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// inviteForm is what was typed: one organisation, several roles in it.
type inviteForm struct {
	Name, Email, Function, Language, Organisation string
	Roles                                         []string
	Key                                           string
}

type inviteView struct {
	page.Base
	Form         inviteForm
	Fixed        *constituency.Organisation // an org_admin's own body
	Roles        []page.Option
	Languages    []page.Option
	Certified    bool // roles of the CERT are among them
	Organisation string
}

// grantableRoles are the roles that the actor may give in an organisation; ""
// asks for those that could be given anywhere.
func grantableRoles(a actor.Actor, organisation string) []actor.Role {
	if organisation == "" {
		organisation = a.Home()
	}
	return invitation.Roles(a, organisation)
}

func (h *Handler) inviteForm(c echo.Context) error {
	f := inviteForm{Language: "de", Key: event.NewID(), Organisation: c.QueryParam("organisation")}
	return h.renderInvite(c, http.StatusOK, f, nil)
}

func (h *Handler) renderInvite(c echo.Context, status int, f inviteForm, fail error) error {
	a := session.Actor(c)
	v := &inviteView{Base: base(c, h.Pages.T(c, "directory.signin.invite")), Form: f}
	view := a.View(actor.RoleChange)
	if !view.Everything && len(view.Organisations) > 0 {
		own := view.Organisations[0]
		if slices.Contains(view.Organisations, f.Organisation) {
			own = f.Organisation
		}
		o, err := h.Reads.Organisation(c.Request().Context(), own)
		if err != nil {
			return err
		}
		v.Fixed, v.Form.Organisation = &o, o.Reference()
	}
	for _, r := range h.rolesFor(c, v.Fixed) {
		v.Roles = append(v.Roles, page.Option{Value: string(r), Label: h.Pages.Word(page.Language(c), "role", string(r))})
		v.Certified = v.Certified || slices.Contains(invitation.Certified(), r)
	}
	v.Languages = []page.Option{{Value: "de", Label: h.Pages.T(c, "directory.language.de")}, {Value: "en", Label: h.Pages.T(c, "directory.language.en")}}
	v.Fail(fail)
	return h.Pages.Render(c, status, "einladen", v)
}

// rolesFor are the roles that the form offers: a body that is no provider's
// gets no provider.
func (h *Handler) rolesFor(c echo.Context, o *constituency.Organisation) []actor.Role {
	id := ""
	if o != nil {
		id = o.ID
	}
	return slices.DeleteFunc(grantableRoles(session.Actor(c), id), func(r actor.Role) bool {
		return r == actor.Provider && o != nil && o.Level != constituency.Provider
	})
}

// wishOf reads the form. An organisation that nobody finds leaves the
// memberships empty, which the desk calls a mistake.
func (h *Handler) wishOf(c echo.Context, f inviteForm) (invitation.Wish, error) {
	w := invitation.Wish{Name: f.Name, Email: f.Email, Function: f.Function, Language: f.Language}
	o, err := h.Reads.Organisation(c.Request().Context(), strings.TrimSpace(f.Organisation))
	if fault.Is(err, fault.NotFound) {
		return w, nil
	}
	for _, r := range f.Roles {
		w.Memberships = append(w.Memberships, account.Membership{Organisation: o.ID, Role: actor.Role(r)})
	}
	return w, err
}

func (h *Handler) invite(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	f := inviteForm{
		Name: form.Get("name"), Email: form.Get("email"), Function: form.Get("function"), Language: form.Get("language"),
		Organisation: form.Get("organisation"), Roles: form["roles"], Key: form.Get("key"),
	}
	w, err := h.wishOf(c, f)
	if err != nil {
		return err
	}
	raw := url.Values{"n": {f.Name}, "e": {f.Email}, "f": {f.Function}, "l": {f.Language}, "o": {f.Organisation}, "r": f.Roles}.Encode()
	answer, err := h.InviteOnce(c.Request().Context(), idem.Request{Scope: scope(c, "people"), Key: f.Key, Body: []byte(raw)},
		func(d *invitation.Desk) (int, any, error) {
			i, err := d.Invite(c.Request().Context(), act(c), w)
			return http.StatusCreated, h.invitationBodyOf(i), err
		})
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderInvite(c, http.StatusUnprocessableEntity, f, err)
	}
	if err != nil {
		return err
	}
	said := "directory.signin.invite.sent"
	if strings.Contains(string(answer.Body), `"state":"waiting"`) {
		said = "directory.signin.invite.waiting"
	}
	page.Flash(c, "success", said)
	return page.Redirect(c, "/verzeichnis/verwaltung/personen")
}

func (h *Handler) confirmInvitation(c echo.Context) error {
	_, err := h.Invitations.Confirm(c.Request().Context(), act(c), c.Param("id"))
	return h.afterInvitation(c, err, "directory.signin.invite.confirmed")
}

func (h *Handler) resendInvitation(c echo.Context) error {
	_, err := h.Invitations.Resend(c.Request().Context(), act(c), c.Param("id"))
	return h.afterInvitation(c, err, "directory.signin.invite.sent")
}

func (h *Handler) withdrawInvitation(c echo.Context) error {
	_, err := h.Invitations.Withdraw(c.Request().Context(), act(c), c.Param("id"))
	return h.afterInvitation(c, err, "directory.signin.invite.withdrawn")
}

func (h *Handler) afterInvitation(c echo.Context, err error, said string) error {
	if err != nil {
		return err
	}
	page.Flash(c, "success", said)
	return page.Redirect(c, "/verzeichnis/verwaltung/personen")
}

// reset mails somebody a link to set one secret anew.
func (h *Handler) reset(c echo.Context) error {
	_, err := h.Invitations.Reset(c.Request().Context(), act(c), c.Param("id"), invitation.Kind(c.FormValue("kind")))
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.signin.reset.sent")
	return page.Redirect(c, "/verzeichnis/verwaltung/personen/"+url.PathEscape(c.Param("id")))
}

// rolesForm is the body whose roles are changed, and which of them are ticked.
type rolesView struct {
	page.Base
	Person       account.Person
	Organisation constituency.Organisation
	Roles        []page.Option
	Ticked       []string
	Elsewhere    []role // what stays as it is
	Others       []constituency.Organisation
	Certified    bool
	Open         []invitationLine
}

func (h *Handler) rolesForm(c echo.Context) error {
	p, err := h.manageable(c)
	if err != nil {
		return err
	}
	return h.renderRoles(c, http.StatusOK, p, nil, nil)
}

// manageable is the person of the address, if the actor's list shows them.
func (h *Handler) manageable(c echo.Context) (account.Person, error) {
	p, err := h.Reads.Person(c.Request().Context(), c.Param("id"))
	if err != nil {
		return p, err
	}
	if v := session.Actor(c).View(actor.RoleChange); !v.Everything && !slices.ContainsFunc(v.Organisations, p.In) {
		return p, h.unseen(c, actor.RoleChange, "person", p.ID)
	}
	return p, nil
}

// bodyFor is the organisation whose roles the form changes: the asked one, the
// actor's own, or the person's first.
func (h *Handler) bodyFor(c echo.Context, p account.Person) (constituency.Organisation, error) {
	asked := strings.TrimSpace(c.FormValue("organisation"))
	v := session.Actor(c).View(actor.RoleChange)
	switch {
	case !v.Everything && (asked == "" || !slices.Contains(v.Organisations, asked)):
		asked = v.Organisations[0]
	case asked == "" && len(p.Memberships) > 0:
		asked = p.Memberships[0].Organisation
	case asked == "":
		asked = session.Actor(c).Home()
	}
	return h.Reads.Organisation(c.Request().Context(), asked)
}

func (h *Handler) renderRoles(c echo.Context, status int, p account.Person, ticked []string, fail error) error {
	o, err := h.bodyFor(c, p)
	if err != nil {
		return err
	}
	v := &rolesView{Base: base(c, h.Pages.T(c, "directory.signin.roles.change", "Name", p.Name)), Person: p, Organisation: o, Ticked: ticked}
	all, err := h.rolesOf(c, p)
	if err != nil {
		return err
	}
	offered := h.rolesFor(c, &o)
	view := session.Actor(c).View(actor.RoleChange)
	for _, r := range all {
		here := r.ID == o.ID && slices.Contains(offered, r.Role)
		switch {
		case here && ticked == nil:
			v.Ticked = append(v.Ticked, string(r.Role))
		case !here && (view.Everything || slices.Contains(view.Organisations, r.ID)):
			v.Elsewhere = append(v.Elsewhere, r)
		}
	}
	for _, r := range offered {
		v.Roles = append(v.Roles, page.Option{Value: string(r), Label: h.Pages.Word(page.Language(c), "role", string(r))})
		v.Certified = v.Certified || slices.Contains(invitation.Certified(), r)
	}
	if v.Open, err = h.openInvitations(c, p.ID); err != nil {
		return err
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "rollen", v)
}

func (h *Handler) setRoles(c echo.Context) error {
	p, err := h.manageable(c)
	if err != nil {
		return err
	}
	o, err := h.bodyFor(c, p)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	version, _ := strconv.Atoi(form.Get("version"))
	offered := h.rolesFor(c, &o)
	wanted := slices.DeleteFunc(slices.Clone(p.Memberships), func(m account.Membership) bool {
		return m.Organisation == o.ID && slices.Contains(offered, m.Role)
	})
	for _, r := range form["roles"] {
		wanted = append(wanted, account.Membership{Organisation: o.ID, Role: actor.Role(r)})
	}
	_, waiting, err := h.Invitations.SetRoles(c.Request().Context(), act(c), p.ID, version, wanted)
	if r, last := account.IsLast(err); last {
		var bad fault.Fields
		bad.Add("memberships", lastMessage(r), err.Error())
		return h.renderRoles(c, http.StatusConflict, p, append([]string{}, form["roles"]...), bad.Err())
	}
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Stale) {
		if fault.Is(err, fault.Stale) {
			page.Flash(c, "danger", "directory.signin.roles.stale")
			return page.Redirect(c, "/verzeichnis/verwaltung/personen/"+p.ID+"/rollen")
		}
		return h.renderRoles(c, http.StatusUnprocessableEntity, p, append([]string{}, form["roles"]...), err)
	}
	if err != nil {
		return err
	}
	said := "directory.saved"
	if waiting != nil {
		said = "directory.signin.invite.waiting"
	}
	page.Flash(c, "success", said)
	return page.Redirect(c, "/verzeichnis/verwaltung/personen/"+p.ID)
}
