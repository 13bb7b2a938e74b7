// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) cataloguePages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/verzeichnis/leistungen", Action: actor.ServiceRead, Handler: h.services},
		{Method: get, Path: "/verzeichnis/leistungen/neu", Action: actor.ServiceEdit, Handler: h.newService},
		{Method: post, Path: "/verzeichnis/leistungen/neu", Action: actor.ServiceEdit, Handler: h.addService},
		{Method: get, Path: "/verzeichnis/leistungen/anfragen", Action: actor.ServiceAsked, Handler: h.serviceRequests},
		{Method: get, Path: "/verzeichnis/leistungen/anfragen/:id", Action: actor.ServiceAsked, Handler: h.serviceRequest},
		{Method: post, Path: "/verzeichnis/leistungen/anfragen/:id", Action: actor.ServiceAnswer, Handler: h.answerRequest},
		{Method: get, Path: "/verzeichnis/leistungen/:id", Action: actor.ServiceRead, Handler: h.service},
		{Method: post, Path: "/verzeichnis/leistungen/:id", Action: actor.ServiceEdit, Handler: h.amendService},
		{Method: post, Path: "/verzeichnis/leistungen/:id/anfrage", Action: actor.ServiceRequest, Handler: h.requestService},
	}
}

// serviceTerms are what a service means for one level.
type serviceTerms struct {
	Level constituency.Level
	Text  string
}

// serviceLine is a service in the language of the page.
type serviceLine struct {
	catalogue.Service
	Title, Text string
	Terms       []serviceTerms // of all levels, for those who keep the catalogue
	Yours       string         // for the own body: the conditions
	Available   bool           // for the own body
}

type servicesView struct {
	page.Base
	Items    []serviceLine
	Body     string // the own body's name
	MayEdit  bool
	MayAsk   bool
	MayRead  bool // requests
	Statuses []page.Option
}

// bodiesOf are those for which the person may ask; without any the own one, to
// say what it would get.
func (h *Handler) bodiesOf(c echo.Context) ([]constituency.Organisation, error) {
	a := session.Actor(c)
	ids := slices.Clone(a.View(actor.ServiceRequest).Organisations)
	if len(ids) == 0 && a.Home() != "" {
		ids = []string{a.Home()}
	}
	out := make([]constituency.Organisation, 0, len(ids))
	for _, id := range ids {
		o, err := h.Reads.Organisation(c.Request().Context(), id)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func serviceLineOf(s catalogue.Service, lang string, bodies []constituency.Organisation) serviceLine {
	x := serviceLine{Service: s, Title: s.Name.In(lang), Text: s.Description.In(lang)}
	for _, l := range constituency.Levels() {
		if t, ok := s.Conditions[l]; ok {
			x.Terms = append(x.Terms, serviceTerms{l, t.In(lang)})
		}
	}
	for _, o := range bodies {
		if t, ok := s.For(o.Level); ok {
			x.Yours, x.Available = t.In(lang), true
			break
		}
	}
	return x
}

func (h *Handler) services(c echo.Context) error {
	list, err := h.Catalogue.Store.Services(c.Request().Context())
	if err != nil {
		return err
	}
	bodies, err := h.bodiesOf(c)
	if err != nil {
		return err
	}
	a := session.Actor(c)
	v := &servicesView{
		Base: base(c, h.Pages.T(c, "directory.services")), MayEdit: !a.View(actor.ServiceEdit).Empty(),
		MayAsk: !a.View(actor.ServiceRequest).Empty(), MayRead: !a.View(actor.ServiceAsked).Empty(),
	}
	if len(bodies) > 0 {
		v.Body = bodies[0].Name
	}
	for _, s := range list {
		v.Items = append(v.Items, serviceLineOf(s, page.Language(c), bodies))
	}
	return h.Pages.Render(c, http.StatusOK, "leistungen", v)
}

// requestForm is what is typed to ask for a service.
type requestForm struct{ Organisation, Wish, WantedOn, Contact, Key string }

type serviceView struct {
	page.Base
	Item    serviceLine
	Bodies  []page.Option
	MayAsk  bool
	Request requestForm
	MayEdit bool
	Form    serviceForm
	Choices []page.Option // statuses
}

func (h *Handler) service(c echo.Context) error {
	s, err := h.Catalogue.Store.Service(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	a := session.Actor(c)
	f := requestForm{Key: event.NewID(), Contact: a.Name}
	if p, err := h.Reads.Person(c.Request().Context(), a.Person); err == nil && p.Phone != "" {
		f.Contact = p.Name + ", " + p.Phone
	}
	return h.renderService(c, http.StatusOK, s, f, serviceFormOf(s), nil)
}

func (h *Handler) renderService(c echo.Context, status int, s catalogue.Service, f requestForm, form serviceForm, fail error) error {
	bodies, err := h.bodiesOf(c)
	if err != nil {
		return err
	}
	a := session.Actor(c)
	item := serviceLineOf(s, page.Language(c), bodies)
	v := &serviceView{
		Base: base(c, item.Title), Item: item, Request: f, Form: form, MayEdit: !a.View(actor.ServiceEdit).Empty(),
		MayAsk: item.Available && !a.View(actor.ServiceRequest).Empty(), Choices: h.statuses(c),
	}
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.service.stale")}
	}
	for _, o := range bodies {
		if t, ok := s.For(o.Level); ok {
			v.Bodies = append(v.Bodies, page.Option{Value: o.ID, Label: o.Name, Hint: t.In(page.Language(c))})
		}
	}
	if v.Request.Organisation == "" && len(v.Bodies) > 0 {
		v.Request.Organisation = v.Bodies[0].Value
	}
	return h.Pages.Render(c, status, "leistung", v)
}

func (h *Handler) statuses(c echo.Context) []page.Option {
	var out []page.Option
	for _, s := range catalogue.Statuses() {
		out = append(out, page.Option{Value: string(s), Label: h.Pages.T(c, "directory.service.status."+string(s))})
	}
	return out
}

func (h *Handler) requestService(c echo.Context) error {
	s, err := h.Catalogue.Store.Service(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	f := requestForm{c.FormValue("organisation"), c.FormValue("wish"), c.FormValue("wanted_on"), c.FormValue("contact"), c.FormValue("key")}
	var made catalogue.Request
	day, err := dateOf(c, "wanted_on")
	if err == nil {
		raw := []byte(s.ID + "\n" + f.Organisation + "\n" + f.Wish + "\n" + f.WantedOn + "\n" + f.Contact)
		made, _, err = h.askFor(c, s.ID, f.Organisation, f.Key, raw, catalogue.Request{Wish: f.Wish, WantedOn: day, Contact: f.Contact})
	}
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderService(c, http.StatusUnprocessableEntity, s, f, serviceFormOf(s), err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.request.sent")
	return page.Redirect(c, "/verzeichnis/leistungen/anfragen/"+made.ID)
}

// askFor makes a request once for the key.
func (h *Handler) askFor(c echo.Context, service, organisation, key string, raw []byte, r catalogue.Request) (catalogue.Request, idem.Answer, error) {
	ctx := c.Request().Context()
	if organisation != "" { // an AGS does as well
		o, err := h.Reads.Organisation(ctx, organisation)
		if err != nil {
			return r, idem.Answer{}, err
		}
		organisation = o.ID
	}
	answer, err := h.OnceCatalogue(ctx, idem.Request{Scope: scope(c, "requests "+service), Key: key, Body: raw},
		func(d *catalogue.Desk) (int, any, error) {
			made, err := d.Ask(ctx, act(c), service, organisation, r)
			return http.StatusCreated, requestBodyOf(made), err
		})
	if err != nil {
		return r, answer, err
	}
	var body requestBody
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		return r, answer, err
	}
	r.ID = body.ID
	return r, answer, nil
}

type requestsView struct {
	page.Base
	Items   []requestLine
	Open    bool
	MayEdit bool
	More    string
}

type requestLine struct {
	catalogue.Request
	Title string
}

func (h *Handler) serviceRequests(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	open := c.QueryParam("offen") == "1"
	items, next, err := h.Catalogue.List(c.Request().Context(), act(c), catalogue.Filter{Open: open, After: p.After, Limit: p.Limit})
	if err != nil {
		return err
	}
	v := &requestsView{Base: base(c, h.Pages.T(c, "directory.requests")), Open: open, MayEdit: !session.Actor(c).View(actor.ServiceAnswer).Empty()}
	for _, r := range items {
		v.Items = append(v.Items, requestLine{r, r.ServiceName.In(page.Language(c))})
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/verzeichnis/leistungen/anfragen?after="+next)
		if open {
			v.More += "&offen=1"
		}
	}
	return h.Pages.Render(c, http.StatusOK, "anfragen", v)
}

type requestView struct {
	page.Base
	Item        catalogue.Request
	Service     string
	MayAnswer   bool
	State, Text string
	States      []page.Option
	Version     int
}

func (h *Handler) serviceRequest(c echo.Context) error {
	r, err := h.Catalogue.Get(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	return h.renderRequest(c, http.StatusOK, r, "", "", nil)
}

func (h *Handler) renderRequest(c echo.Context, status int, r catalogue.Request, state, text string, fail error) error {
	v := &requestView{
		Base: base(c, h.Pages.T(c, "directory.request.of", "Service", r.ServiceName.In(page.Language(c)))), Item: r, Service: r.ServiceName.In(page.Language(c)),
		MayAnswer: !session.Actor(c).View(actor.ServiceAnswer).Empty() && !r.State.Final(), State: state, Text: text, Version: r.Version,
	}
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.request.stale")}
	}
	for _, s := range catalogue.States()[1:] {
		v.States = append(v.States, page.Option{Value: string(s), Label: h.Pages.T(c, "directory.request.state."+string(s))})
	}
	return h.Pages.Render(c, status, "anfrage", v)
}

func (h *Handler) answerRequest(c echo.Context) error {
	ctx := c.Request().Context()
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		version = -1
	}
	state, text := c.FormValue("state"), c.FormValue("text")
	r, err := h.Catalogue.Answer(ctx, act(c), c.Param("id"), version, catalogue.State(state), text)
	if fault.FieldsOf(err) != nil || fault.Is(err, fault.Stale) {
		status := http.StatusUnprocessableEntity
		if fault.Is(err, fault.Stale) {
			status = http.StatusConflict
		}
		now, readErr := h.Catalogue.Get(ctx, act(c), c.Param("id"))
		if readErr != nil {
			return readErr
		}
		return h.renderRequest(c, status, now, state, text, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.request.answered")
	return page.Redirect(c, "/verzeichnis/leistungen/anfragen/"+r.ID)
}

// dayOf writes a day as the API does.
func dayOf(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := t.Format(time.DateOnly)
	return &s
}
