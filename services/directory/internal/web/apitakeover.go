// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

func (h *Handler) takeoverAPI() []httpserver.Route {
	const api = "/api/directory/v1/organisations/:id"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: api + "/succession", Action: actor.RegisterImport, Handler: h.apiEstate},
		{Method: http.MethodPost, Path: api + "/handover", Action: actor.RegisterHandOver, Handler: h.apiHandOver},
	}
}

// estateBody is what is still attached to a body, as the API shows it; of a body
// that is in the register it is nothing.
type estateBody struct {
	Organisation    ref             `json:"organisation"`
	Gone            bool            `json:"gone"`
	Successor       *ref            `json:"successor"` // at the end of the steps
	Kind            succession.Kind `json:"kind"`
	Date            *string         `json:"date"` // null: not known
	HandedAt        *time.Time      `json:"handed_at"`
	People          []estatePerson  `json:"people"`
	Deputies        []estateDeputy  `json:"deputies"`
	Contacts        []estateContact `json:"contacts"`
	Requests        []estateRequest `json:"requests"`
	Mandates        []estateMandate `json:"mandates"`
	Sealed          bool            `json:"sealed"`
	SuccessorSealed bool            `json:"successor_sealed"`
	Invitations     int             `json:"invitations"`
	Tasks           int             `json:"tasks"`
	Version         int             `json:"version"`
}

type estatePerson struct {
	ID    string       `json:"id"`
	Name  string       `json:"name"`
	Roles []actor.Role `json:"roles"`
}

type estateDeputy struct {
	Person     string `json:"person"`
	Name       string `json:"name"`
	Deputy     string `json:"deputy"`
	DeputyName string `json:"deputy_name"`
}

type estateContact struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Twice bool   `json:"twice"` // the successor has it already
}

type estateRequest struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	State   string `json:"state"`
}

type estateMandate struct {
	ID        string `json:"id"`
	Principal string `json:"principal"` // names
	Agent     string `json:"agent"`
}

func (h *Handler) apiEstate(c echo.Context) error {
	o, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.sendEstate(c, o)
}

// apiHandOver carries out what was decided about the estate in the version that
// was read.
func (h *Handler) apiHandOver(c echo.Context) error {
	ctx := c.Request().Context()
	var req struct {
		People   []string `json:"people"`
		Contacts []string `json:"contacts"`
		Requests []string `json:"requests"`
		Mandates []string `json:"mandates"`
		Seal     string   `json:"seal"`
		Rest     bool     `json:"rest"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	o, err := h.Reads.Organisation(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	answer, err := h.Finder.Answer(ctx, o)
	if err != nil {
		return err
	}
	seal, err := takeover.ParseSeal(req.Seal)
	if err != nil {
		return err
	}
	if version < 1 {
		return fault.New(fault.Stale, "the record is in version %d by now", o.Version)
	}
	w := takeover.Wish{
		People: req.People, Contacts: req.Contacts, Requests: req.Requests, Mandates: req.Mandates, Seal: seal, Rest: req.Rest, Version: version,
	}
	if err := h.Takeover.HandOver(ctx, act(c), o.ID, answer.Body, w); err != nil {
		return err
	}
	if o, err = h.Reads.Organisation(ctx, o.ID); err != nil {
		return err
	}
	return h.sendEstate(c, o)
}

func (h *Handler) sendEstate(c echo.Context, o constituency.Organisation) error {
	b := estateBody{
		Organisation: refOf(o), Gone: o.Gone(), Version: o.Version, People: []estatePerson{}, Deputies: []estateDeputy{},
		Contacts: []estateContact{}, Requests: []estateRequest{}, Mandates: []estateMandate{},
	}
	if o.Gone() {
		if err := h.fillEstateBody(c, &b, o); err != nil {
			return err
		}
	}
	c.Response().Header().Set("ETag", httpserver.ETag(o.Version))
	return c.JSON(http.StatusOK, b)
}

func (h *Handler) fillEstateBody(c echo.Context, b *estateBody, o constituency.Organisation) error {
	ctx := c.Request().Context()
	answer, err := h.Finder.Answer(ctx, o)
	if err != nil {
		return err
	}
	heir := answer.Body
	if !heir.Gone() {
		r := refOf(heir)
		b.Successor = &r
	}
	s, err := h.structureOf(c, o)
	if err != nil {
		return err
	}
	if s.Step != nil {
		b.Kind, b.Date = s.Step.Kind, dayText(s.Step.Date)
	}
	people, err := h.peopleAt(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, p := range people {
		b.People = append(b.People, estatePerson{p.ID, p.Name, p.RolesIn(o.ID)})
	}
	e, err := h.Takeover.Estate(ctx, o, heir)
	if err != nil {
		return err
	}
	b.HandedAt, b.Sealed, b.Invitations, b.Tasks = e.HandedAt, e.Sealed, e.Invitations, e.Tasks
	b.SuccessorSealed = e.HeirSealed && b.Successor != nil
	for _, x := range e.Contacts {
		b.Contacts = append(b.Contacts, estateContact{x.ID, x.Name, x.Detail, x.Twice && b.Successor != nil})
	}
	for _, x := range e.Requests {
		b.Requests = append(b.Requests, estateRequest{x.ID, x.Name, x.Detail})
	}
	for _, x := range e.Deputies {
		b.Deputies = append(b.Deputies, estateDeputy(x))
	}
	return h.fillEstateMandates(ctx, b, o, e)
}

// fillEstateMandates names both sides of the mandates that can be offered anew.
func (h *Handler) fillEstateMandates(ctx context.Context, b *estateBody, o constituency.Organisation, e takeover.Estate) error {
	named, err := h.Reads.NamedMandates(ctx, o.ID)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	for _, m := range e.Mandates {
		open[m.ID] = true
	}
	for _, m := range named {
		if open[m.ID] {
			b.Mandates = append(b.Mandates, estateMandate{m.ID, m.PrincipalName, m.AgentName})
		}
	}
	return nil
}

// dayText is a day as programs read it; nil stays nil, it is not known.
func dayText(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := t.Format(time.DateOnly)
	return &s
}

// peopleAt lists everybody of a body.
func (h *Handler) peopleAt(ctx context.Context, organisation string) ([]account.Person, error) {
	var out []account.Person
	for after := ""; ; {
		list, next, err := h.Reads.People(ctx, "", organisation, after, 200)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
		if next == "" {
			return out, nil
		}
		after = next
	}
}
