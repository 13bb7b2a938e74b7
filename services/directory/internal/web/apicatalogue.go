// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

func (h *Handler) catalogueAPI() []httpserver.Route {
	const api = "/api/directory/v1"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: api + "/services", Action: actor.ServiceRead, Handler: h.apiServices},
		{Method: http.MethodPost, Path: api + "/services", Action: actor.ServiceEdit, Handler: h.apiAddService},
		{Method: http.MethodPatch, Path: api + "/services/:id", Action: actor.ServiceEdit, Handler: h.apiAmendService},
		{Method: http.MethodPost, Path: api + "/services/:id/requests", Action: actor.ServiceRequest, Handler: h.apiRequestService},
		{Method: http.MethodGet, Path: api + "/service-requests", Action: actor.ServiceAsked, Handler: h.apiServiceRequests},
		{Method: http.MethodGet, Path: api + "/service-requests/:id", Action: actor.ServiceAsked, Handler: h.apiServiceRequest},
		{Method: http.MethodPost, Path: api + "/service-requests/:id/answer", Action: actor.ServiceAnswer, Handler: h.apiAnswerRequest},
	}
}

// serviceBody is a service as the API shows it.
type serviceBody struct {
	ID          string                                `json:"id"`
	Key         string                                `json:"key"`
	Name        catalogue.Text                        `json:"name"`
	Description catalogue.Text                        `json:"description"`
	Conditions  map[constituency.Level]catalogue.Text `json:"conditions"`
	Status      catalogue.Status                      `json:"status"`
	Contact     string                                `json:"contact"`
	Position    int                                   `json:"position"`
	Available   bool                                  `json:"available"` // for the asker's own body
	Version     int                                   `json:"version"`
}

func serviceBodyOf(s catalogue.Service, bodies []constituency.Organisation) serviceBody {
	b := serviceBody{
		ID: s.ID, Key: s.Key, Name: s.Name, Description: s.Description, Conditions: s.Conditions, Status: s.Status, Contact: s.Contact,
		Position: s.Position, Available: serviceLineOf(s, "de", bodies).Available, Version: s.Version,
	}
	if b.Conditions == nil {
		b.Conditions = map[constituency.Level]catalogue.Text{}
	}
	return b
}

func (h *Handler) apiServices(c echo.Context) error {
	list, err := h.Catalogue.Store.Services(c.Request().Context())
	if err != nil {
		return err
	}
	bodies, err := h.bodiesOf(c)
	if err != nil {
		return err
	}
	out := httpserver.List[serviceBody]{Items: make([]serviceBody, 0, len(list))}
	for _, s := range list {
		out.Items = append(out.Items, serviceBodyOf(s, bodies))
	}
	return c.JSON(http.StatusOK, out)
}

// servicePatch is what may be changed; what is missing stays.
type servicePatch struct {
	Name        *catalogue.Text                       `json:"name"`
	Description *catalogue.Text                       `json:"description"`
	Conditions  map[constituency.Level]catalogue.Text `json:"conditions"`
	Status      *catalogue.Status                     `json:"status"`
	Contact     *string                               `json:"contact"`
	Position    *int                                  `json:"position"`
}

func (h *Handler) apiAddService(c echo.Context) error {
	var req struct {
		Key string `json:"key"`
		servicePatch
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	s, err := h.Catalogue.Add(c.Request().Context(), act(c), req.Key, catalogue.Details(req.servicePatch))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(s.Version))
	return c.JSON(http.StatusCreated, serviceBodyOf(s, nil))
}

func (h *Handler) apiAmendService(c echo.Context) error {
	var req servicePatch
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	s, err := h.Catalogue.Amend(c.Request().Context(), act(c), c.Param("id"), version, catalogue.Details(req))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(s.Version))
	return c.JSON(http.StatusOK, serviceBodyOf(s, nil))
}

// requestBody is a request as the API shows it.
type requestBody struct {
	ID           string              `json:"id"`
	Service      string              `json:"service"`
	ServiceName  catalogue.Text      `json:"service_name"`
	Organisation ref                 `json:"organisation"`
	Person       string              `json:"person"`
	PersonName   string              `json:"person_name"`
	Wish         string              `json:"wish"`
	WantedOn     *string             `json:"wanted_on"`
	Contact      string              `json:"contact"`
	State        catalogue.State     `json:"state"`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
	Answers      []requestAnswerBody `json:"answers,omitempty"`
	Version      int                 `json:"version"`
}

type requestAnswerBody struct {
	State catalogue.State `json:"state"`
	Text  string          `json:"text"`
	By    string          `json:"by"`
	At    time.Time       `json:"at"`
}

func requestBodyOf(r catalogue.Request) requestBody {
	b := requestBody{
		ID: r.ID, Service: r.Service, ServiceName: r.ServiceName, Organisation: ref{ID: r.Organisation, AGS: r.OrgAGS, Name: r.OrgName},
		Person: r.Person, PersonName: r.PersonName, Wish: r.Wish, WantedOn: dayOf(r.WantedOn), Contact: r.Contact, State: r.State,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
	for _, a := range r.Answers {
		b.Answers = append(b.Answers, requestAnswerBody{a.State, a.Text, a.PersonName, a.At})
	}
	return b
}

func (h *Handler) apiRequestService(c echo.Context) error {
	var req struct {
		Organisation string  `json:"organisation"` // AGS or id; "" for the own one
		Wish         string  `json:"wish"`
		WantedOn     *string `json:"wanted_on"`
		Contact      string  `json:"contact"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	r := catalogue.Request{Wish: req.Wish, Contact: req.Contact}
	if req.WantedOn != nil {
		day, err := time.Parse(time.DateOnly, *req.WantedOn)
		if err != nil {
			var bad fault.Fields
			bad.Add("wanted_on", "directory.error.date", "wanted_on is no day: 2026-01-31")
			return bad.Err()
		}
		r.WantedOn = &day
	}
	_, answer, err := h.askFor(c, c.Param("id"), req.Organisation, idempotencyKey(c), raw, r)
	return reply(c, answer, err)
}

func (h *Handler) apiServiceRequests(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	items, next, err := h.Catalogue.List(c.Request().Context(), act(c), catalogue.Filter{Open: c.QueryParam("open") == "true", After: p.After, Limit: p.Limit})
	if err != nil {
		return err
	}
	out := httpserver.List[requestBody]{Items: make([]requestBody, 0, len(items)), Next: next}
	for _, r := range items {
		out.Items = append(out.Items, requestBodyOf(r))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiServiceRequest(c echo.Context) error {
	r, err := h.Catalogue.Get(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(r.Version))
	return c.JSON(http.StatusOK, requestBodyOf(r))
}

func (h *Handler) apiAnswerRequest(c echo.Context) error {
	var req struct {
		State catalogue.State `json:"state"`
		Text  string          `json:"text"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	r, err := h.Catalogue.Answer(c.Request().Context(), act(c), c.Param("id"), version, req.State, req.Text)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(r.Version))
	return c.JSON(http.StatusOK, requestBodyOf(r))
}
