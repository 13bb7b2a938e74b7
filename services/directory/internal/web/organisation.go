// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// filterOf reads ?q=&level=&kreis=&limit=&after=. A Kreis has 5 digits; the 8
// of its AGS do as well.
func filterOf(c echo.Context) (constituency.Filter, error) {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return constituency.Filter{}, err
	}
	f := constituency.Filter{Query: c.QueryParam("q"), Kreis: strings.TrimSuffix(c.QueryParam("kreis"), "000"), After: p.After, Limit: p.Limit}
	if len(c.QueryParam("kreis")) == 5 {
		f.Kreis = c.QueryParam("kreis")
	}
	if l := c.QueryParam("level"); l != "" {
		if f.Level, err = constituency.ParseLevel(l); err != nil {
			return f, fault.Wrap(fault.Malformed, err, "%q is no level of an organisation", l)
		}
	}
	if len(f.Query) > 200 {
		return f, fault.New(fault.Malformed, "q has at most 200 characters")
	}
	if f.Kreis != "" && (len(f.Kreis) != 5 || strings.Trim(f.Kreis, "0123456789") != "") {
		return f, fault.New(fault.Malformed, "kreis must be the 5 digits of a Landkreis")
	}
	return f, nil
}

type organisationsView struct {
	page.Base
	Query, Level, Kreis string
	Kreise              []page.Option
	Levels              []page.Option
	Items               []constituency.Organisation
	More                string
	Source              string
}

func (h *Handler) organisations(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := filterOf(c)
	if err != nil {
		return err
	}
	list, err := h.Reads.Organisations(ctx, f)
	if err != nil {
		return err
	}
	kreise, err := h.Reads.Kreise(ctx)
	if err != nil {
		return err
	}
	all := page.Option{Label: h.Pages.T(c, "directory.all")}
	v := &organisationsView{
		Base: base(c, h.Pages.T(c, "directory.organisations")), Query: f.Query, Level: string(f.Level), Kreis: f.Kreis,
		Items: list.Items, Source: constituency.Notice, Kreise: []page.Option{all},
		Levels: append([]page.Option{all}, h.Pages.Options(page.Language(c), "level")...),
	}
	for _, k := range kreise {
		v.Kreise = append(v.Kreise, page.Option{Value: k.Kreis, Label: k.Name})
	}
	if list.Next != "" {
		q := url.Values{"q": {f.Query}, "level": {v.Level}, "kreis": {f.Kreis}, "after": {list.Next}}
		v.More = page.Link(page.Language(c), "/verzeichnis/kommunen?"+q.Encode())
	}
	return h.Pages.Render(c, http.StatusOK, "kommunen", v)
}

// group is the people of a body who hold a role.
type group struct {
	Role   actor.Role
	People []account.Person
}

type organisationView struct {
	page.Base
	Organisation   constituency.Organisation
	Administration *constituency.Organisation
	Structure      structure
	MayTakeOver    bool // the page of what is still attached
	Members        []constituency.Organisation
	ShowContact    bool
	Groups         []group
	ShowMandates   bool
	Given, Taken   []mandate.Named
	MayRevoke      bool
	MayEdit        bool
	Others         []constituency.Organisation // further bodies the person belongs to
	People         peopleSide
	Own            bool
	Hub            bool // shows the way to everything that is theirs
	Form           organisationForm
	Source         string
}

type organisationForm struct {
	Name, Email, Phone string
	Version            int
}

func (h *Handler) organisation(c echo.Context) error {
	o, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.renderOrganisation(c, http.StatusOK, o, nil, nil)
}

// ownOrganisation is the page of the body that the person belongs to; ?id=
// names another one of theirs.
func (h *Handler) ownOrganisation(c echo.Context) error {
	ctx := c.Request().Context()
	var mine []constituency.Organisation
	for _, m := range session.Actor(c).Memberships {
		if slices.ContainsFunc(mine, func(o constituency.Organisation) bool { return o.ID == m.Organisation }) {
			continue
		}
		o, err := h.Reads.Organisation(ctx, m.Organisation)
		if err != nil {
			return err
		}
		mine = append(mine, o)
	}
	at := 0
	if id := c.QueryParam("id"); id != "" {
		at = slices.IndexFunc(mine, func(o constituency.Organisation) bool { return o.ID == id || o.AGS == id })
	}
	if at < 0 || at >= len(mine) {
		return fault.New(fault.NotFound, "you belong to no such organisation")
	}
	return h.renderOrganisation(c, http.StatusOK, mine[at], slices.Delete(slices.Clone(mine), at, at+1), nil)
}

func (h *Handler) renderOrganisation(c echo.Context, status int, o constituency.Organisation, others []constituency.Organisation, fail error) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	object := actor.Object{Organisation: o.ID}
	v := &organisationView{
		Base: base(c, o.Name), Organisation: o, Others: others, Source: constituency.Notice,
		ShowContact:  a.May(actor.ContactRead, object).Allowed,
		ShowMandates: a.May(actor.MandateRead, object).Allowed,
		MayRevoke:    a.May(actor.MandateRevoke, object).Allowed,
		MayTakeOver:  o.Gone() && a.May(actor.RegisterImport, object).Allowed,
		MayEdit:      a.May(actor.OrganisationEdit, object).Allowed && !o.Gone(),
		Own:          slices.ContainsFunc(a.Memberships, func(m actor.Membership) bool { return m.Organisation == o.ID }),
		Form:         organisationForm{o.Name, o.Email, o.Phone, o.Version},
	}
	v.Hub = v.Own && v.Layout != page.Desk && o.ID == a.Home()
	if fail != nil {
		v.Fail(fail)
		v.Form = organisationForm{Name: c.FormValue("name"), Email: c.FormValue("email"), Phone: c.FormValue("phone"), Version: o.Version}
	}
	var err error
	if o.Administration != "" {
		adm, err := h.Reads.Organisation(ctx, o.Administration)
		if err != nil {
			return err
		}
		v.Administration = &adm
	}
	if v.Structure, err = h.structureOf(c, o); err != nil {
		return err
	}
	if v.Members, err = h.Reads.AdministeredBy(ctx, o.ID); err != nil {
		return err
	}
	if v.ShowContact {
		people, _, err := h.Reads.People(ctx, "", o.ID, "", 200)
		if err != nil {
			return err
		}
		v.Groups = groups(people, o.ID)
	}
	if v.People, err = h.peopleSide(c, o); err != nil {
		return err
	}
	if v.ShowMandates {
		if err := h.splitMandates(c, v); err != nil {
			return err
		}
	}
	return h.Pages.Render(c, status, "kommune", v)
}

func groups(people []account.Person, organisation string) []group {
	var out []group
	for _, r := range actor.Roles() {
		g := group{Role: r}
		for _, p := range people {
			if p.Active && slices.Contains(p.RolesIn(organisation), r) {
				g.People = append(g.People, p)
			}
		}
		if len(g.People) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func (h *Handler) splitMandates(c echo.Context, v *organisationView) error {
	mandates, err := h.Reads.NamedMandates(c.Request().Context(), v.Organisation.ID)
	if err != nil {
		return err
	}
	for _, m := range mandates {
		if !m.InForce(h.Now()) {
			continue
		}
		if m.Principal == v.Organisation.ID {
			v.Given = append(v.Given, m)
		} else {
			v.Taken = append(v.Taken, m)
		}
	}
	return nil
}

func (h *Handler) amendOrganisation(c echo.Context) error {
	ctx := c.Request().Context()
	name, email, phone := c.FormValue("name"), c.FormValue("email"), c.FormValue("phone")
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "version is no number")
	}
	o, err := h.Register.Amend(ctx, act(c), c.Param("id"), version, constituency.Contact{Name: &name, Email: &email, Phone: &phone})
	if fault.FieldsOf(err) != nil {
		old, readErr := h.Reads.Organisation(ctx, c.Param("id"))
		if readErr != nil {
			return readErr
		}
		return h.renderOrganisation(c, http.StatusUnprocessableEntity, old, nil, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return page.Redirect(c, "/verzeichnis/kommunen/"+o.Reference())
}
