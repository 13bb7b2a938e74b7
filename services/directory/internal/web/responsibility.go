// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) responsibilityPages() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/verzeichnis/zustaendig", Action: actor.Public, Handler: h.responsibility},
	}
}

func (h *Handler) responsibilityAPI() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/api/directory/v1/responsibility", Action: actor.Public, Handler: h.apiResponsibility},
	}
}

// outside is where those turn to whom the CERT does not serve.
type outside struct {
	Who, Text string
	Office    page.Authority
}

type responsibilityView struct {
	page.Base
	Query        string
	Asked        bool
	Answer       *responsibility.Answer
	Supervision  *page.Authority
	Providers    []string
	Coordinators []contact.Contact // of the Landkreis, for those who are signed in
	Others       []constituency.Organisation
	MoreHits     bool
	Outside      []outside
	Unchecked    []string // for those who keep the register
	Source       string
}

func authorityOf(o responsibility.Office) page.Authority {
	return page.Authority{Name: o.Name, Address: o.Address, Phone: o.Phone, Mail: o.Mail, URL: o.URL}
}

// asked reads ?ags= (an AGS, a regional key or an id) or ?q=.
func (h *Handler) asked(c echo.Context) (responsibility.Found, error) {
	ctx := c.Request().Context()
	if ref := c.QueryParam("ags"); ref != "" {
		a, err := h.Finder.Of(ctx, ref)
		return responsibility.Found{Answer: &a}, err
	}
	return h.Finder.Ask(ctx, c.QueryParam("q"))
}

func (h *Handler) responsibility(c echo.Context) error {
	found, err := h.asked(c)
	if fault.Is(err, fault.NotFound) {
		found, err = responsibility.Found{}, nil
	}
	if err != nil {
		return err
	}
	v := &responsibilityView{
		Base:  base(c, h.Pages.T(c, "directory.responsible")),
		Query: c.QueryParam("q"), Asked: c.QueryParam("q") != "" || c.QueryParam("ags") != "",
		Answer: found.Answer, Others: found.Others, MoreHits: found.More, Source: constituency.Notice,
	}
	v.Index = true
	for _, x := range h.Finder.Offices.Outside {
		lang := page.Language(c)
		v.Outside = append(v.Outside, outside{x.Who.In(lang), x.Text.In(lang), authorityOf(x.Office)})
	}
	if !session.Actor(c).View(actor.RegisterImport).Empty() {
		v.Unchecked = h.Finder.Offices.Unchecked()
	}
	if v.Answer != nil {
		if v.Query == "" {
			v.Query = v.Answer.Body.Name
		}
		if x := v.Answer.Supervision; x != nil {
			a := authorityOf(*x)
			v.Supervision = &a
		}
		if k := v.Answer.Body.Kreis; k != "" && session.Actor(c).Reaches(actor.OrganisationRead) {
			if _, v.Coordinators, err = h.Reads.Coordinators(c.Request().Context(), k); err != nil {
				return err
			}
		}
		if v.Providers, err = h.providersOf(c, v.Answer.Body.ID); err != nil {
			return err
		}
	}
	return h.Pages.Render(c, http.StatusOK, "zustaendig", v)
}

// providersOf names who acts for a body: to everybody when the operator says
// so, else to those who may read its mandates.
func (h *Handler) providersOf(c echo.Context, id string) ([]string, error) {
	if !h.ShowProviders && !session.Actor(c).May(actor.MandateRead, actor.Object{Organisation: id}).Allowed {
		return nil, nil
	}
	return h.Reads.ProvidersOf(c.Request().Context(), id, h.Now())
}

// officeBody is an office as the API shows it.
type officeBody struct {
	Name    string   `json:"name"`
	Address []string `json:"address"`
	Phone   string   `json:"phone"`
	Mail    string   `json:"mail"`
	URL     string   `json:"url"`
}

func officeBodyOf(a page.Authority) *officeBody {
	if a.Name == "" {
		return nil
	}
	lines := a.Lines()
	if lines == nil {
		lines = []string{}
	}
	return &officeBody{a.Name, lines, a.Phone, a.Mail, a.URL}
}

type formerBody struct {
	ref
	Kind string     `json:"kind"`
	Date *time.Time `json:"date"` // null: not known
}

// placeBody is a body with what tells it from others of the same name.
type placeBody struct {
	ref
	ARS       string `json:"ars"`
	KreisName string `json:"kreis_name"`
	Postcode  string `json:"postcode"`
	Active    bool   `json:"active"`
}

func placeBodyOf(o constituency.Organisation) placeBody {
	return placeBody{refOf(o), o.ARS, o.KreisName, o.Postcode, !o.Gone()}
}

type responsibilityBody struct {
	Organisation   placeBody    `json:"organisation"`
	Former         []formerBody `json:"former"`
	Administration *placeBody   `json:"administration,omitempty"` // another body that works for it
	Kreis          *placeBody   `json:"kreis,omitempty"`
	SupervisedBy   *placeBody   `json:"supervised_by,omitempty"`
	Supervision    *officeBody  `json:"supervision,omitempty"`
	CERT           *officeBody  `json:"cert,omitempty"`
	DataProtection *officeBody  `json:"data_protection,omitempty"`
	Police         *officeBody  `json:"police,omitempty"`
	Providers      []string     `json:"providers"` // only for those who may know
}

func placeOf(o *constituency.Organisation) *placeBody {
	if o == nil {
		return nil
	}
	b := placeBodyOf(*o)
	return &b
}

func (h *Handler) apiResponsibility(c echo.Context) error {
	if c.QueryParam("q") == "" && c.QueryParam("ags") == "" {
		return fault.New(fault.Malformed, "give q or ags")
	}
	found, err := h.asked(c)
	if err != nil {
		return err
	}
	out := struct {
		Answer *responsibilityBody `json:"answer"`
		Others []placeBody         `json:"others"`
		More   bool                `json:"more"`
	}{Others: make([]placeBody, 0, len(found.Others)), More: found.More}
	for _, o := range found.Others {
		out.Others = append(out.Others, placeBodyOf(o))
	}
	if a := found.Answer; a != nil {
		site := h.Pages.Site()
		b := responsibilityBody{
			Organisation: placeBodyOf(a.Body), Former: []formerBody{}, Administration: placeOf(a.Administration), Kreis: placeOf(a.Kreis),
			SupervisedBy: placeOf(a.SupervisedBy), DataProtection: officeBodyOf(site.DataAuthority), Police: officeBodyOf(site.Police),
			CERT: officeBodyOf(page.Authority{Name: site.Operator, Phone: site.Phone, Mail: site.Mail, URL: site.URL}), Providers: []string{},
		}
		for _, x := range a.Former {
			b.Former = append(b.Former, formerBody{refOf(x.Organisation), string(x.Succession.Kind), x.Date})
		}
		if a.Supervision != nil {
			b.Supervision = officeBodyOf(authorityOf(*a.Supervision))
		}
		names, err := h.providersOf(c, a.Body.ID)
		if err != nil {
			return err
		}
		b.Providers = append(b.Providers, names...)
		out.Answer = &b
	}
	return c.JSON(http.StatusOK, out)
}
