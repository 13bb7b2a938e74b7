// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

// officerAPI is the register of ISBs and what each has learnt, for programs.
func (h *Handler) officerAPI() []httpserver.Route {
	const at = "/api/directory/v1/organisations/:id/contacts/:contact/qualifications"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/api/directory/v1/officers", Action: actor.OfficersRead, Handler: h.apiOfficers},
		{Method: http.MethodGet, Path: at, Action: actor.ContactRead, Handler: h.apiQualifications},
		{Method: http.MethodPost, Path: at, Action: actor.OfficerEdit, Handler: h.apiAddQualification},
		{Method: http.MethodDelete, Path: at + "/:qualification", Action: actor.OfficerEdit, Handler: h.apiRemoveQualification},
	}
}

// officerBody is one organisation with its ISB; who it is only for those who may
// read contacts.
type officerBody struct {
	Organisation ref                 `json:"organisation"`
	KreisName    string              `json:"kreis_name"`
	State        qualification.State `json:"state"`
	Officer      *officerName        `json:"officer,omitempty"`
	Serves       int                 `json:"serves"`
	Certificate  *certificateBody    `json:"certificate"` // the one that lasts longest
}

type officerName struct {
	Contact string `json:"contact"`
	Name    string `json:"name"`
	Email   string `json:"email"`
}

type certificateBody struct {
	Name       string  `json:"name"`
	Issuer     string  `json:"issuer"`
	ObtainedOn string  `json:"obtained_on"`
	ValidUntil *string `json:"valid_until"`
}

func officerBodyOf(l qualification.Line, named bool, at time.Time) officerBody {
	b := officerBody{
		Organisation: ref{ID: l.Organisation, AGS: l.AGS, Name: l.OrganisationName, Level: string(l.Level)}, KreisName: l.KreisName,
		State: l.State(at), Serves: l.Serves,
	}
	if named && l.Contact != "" {
		b.Officer = &officerName{l.Contact, l.Name, l.Email}
	}
	if q := l.Best; q != nil {
		b.Certificate = &certificateBody{q.Name, q.Issuer, q.ObtainedOn.Format(time.DateOnly), dayOf(q.ValidUntil)}
	}
	return b
}

// officerList is a part of the register; total counts what the filter lets through.
type officerList struct {
	httpserver.List[officerBody]
	Total int `json:"total"`
}

func (h *Handler) apiOfficers(c echo.Context) error {
	f, err := officersFilter(c)
	if err != nil {
		return err
	}
	f.Shared = c.QueryParam("shared") == "true"
	part, err := h.Officers.Register(c.Request().Context(), act(c), f)
	if err != nil {
		return err
	}
	named := session.Actor(c).View(actor.ContactRead).Everything
	out := officerList{List: httpserver.List[officerBody]{Items: make([]officerBody, 0, len(part.Lines)), Next: part.Next}, Total: part.Total}
	for _, l := range part.Lines {
		out.Items = append(out.Items, officerBodyOf(l, named, h.Now()))
	}
	return c.JSON(http.StatusOK, out)
}

// qualificationBody is a certificate or training as the API shows it.
type qualificationBody struct {
	ID         string             `json:"id"`
	Contact    string             `json:"contact"`
	Kind       qualification.Kind `json:"kind"`
	Name       string             `json:"name"`
	Issuer     string             `json:"issuer"`
	ObtainedOn string             `json:"obtained_on"`
	ValidUntil *string            `json:"valid_until"`
	Document   string             `json:"document"`
	Version    int                `json:"version"`
}

func qualificationBodyOf(q qualification.Qualification) qualificationBody {
	return qualificationBody{
		ID: q.ID, Contact: q.Contact, Kind: q.Kind, Name: q.Name, Issuer: q.Issuer, ObtainedOn: q.ObtainedOn.Format(time.DateOnly),
		ValidUntil: dayOf(q.ValidUntil), Document: q.Document, Version: q.Version,
	}
}

func (h *Handler) apiQualifications(c echo.Context) error {
	_, _, list, err := h.Officers.Of(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	out := httpserver.List[qualificationBody]{Items: make([]qualificationBody, 0, len(list))}
	for _, q := range list {
		out.Items = append(out.Items, qualificationBodyOf(q))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiAddQualification(c echo.Context) error {
	var req struct {
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Issuer     string `json:"issuer"`
		ObtainedOn string `json:"obtained_on"`
		ValidUntil string `json:"valid_until"`
		Document   string `json:"document"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	f := qualificationForm{
		Kind: req.Kind, Name: req.Name, Issuer: req.Issuer, Obtained: req.ObtainedOn, Valid: req.ValidUntil, Document: req.Document,
	}
	if err := h.Officers.Allow(c.Request().Context(), act(c), c.Param("id"), c.Param("contact")); err != nil {
		return err // before what was typed is looked at
	}
	q, err := f.qualification()
	if err != nil {
		return err
	}
	answer, err := h.makeQualification(c, idempotencyKey(c), raw, q)
	return reply(c, answer, err)
}

func (h *Handler) apiRemoveQualification(c echo.Context) error {
	if err := h.Officers.Remove(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"), c.Param("qualification")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
