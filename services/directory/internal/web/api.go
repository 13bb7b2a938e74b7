// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/session"
)

// ref names an organisation.
type ref struct {
	ID    string `json:"id"`
	AGS   string `json:"ags"`
	Name  string `json:"name"`
	Level string `json:"level,omitempty"`
}

func refOf(o constituency.Organisation) ref {
	return ref{ID: o.ID, AGS: o.AGS, Name: o.Name, Level: string(o.Level)}
}

// organisationBody is an organisation as the API shows it. Contact is only for
// those who may read it.
type organisationBody struct {
	ID             string       `json:"id"`
	AGS            string       `json:"ags"`
	ARS            string       `json:"ars"`
	Name           string       `json:"name"`
	ShortName      string       `json:"short_name"`
	OfficialName   string       `json:"official_name"`
	Level          string       `json:"level"`
	Kind           string       `json:"kind"`
	Kreis          string       `json:"kreis"`
	KreisName      string       `json:"kreis_name"`
	Population     int          `json:"population"`
	Postcode       string       `json:"postcode"`
	Seat           string       `json:"seat"`
	Administration string       `json:"administration"` // id, "" when it is its own
	Active         bool         `json:"active"`
	EndedAt        *time.Time   `json:"ended_at"` // null also when the day is not known
	Contact        *contactPair `json:"contact,omitempty"`
	AdministeredBy *ref         `json:"administered_by,omitempty"`
	Successor      *ref         `json:"successor,omitempty"` // who took over from one that ended
	Version        int          `json:"version"`
}

type contactPair struct {
	Email string `json:"email"`
	Phone string `json:"phone"`
}

func organisationBodyOf(o constituency.Organisation, a actor.Actor) organisationBody {
	b := organisationBody{
		ID: o.ID, AGS: o.AGS, ARS: o.ARS, Name: o.Name, ShortName: o.ShortName, OfficialName: o.OfficialName,
		Level: string(o.Level), Kind: o.Kind, Kreis: o.Kreis, KreisName: o.KreisName, Population: o.Population, Postcode: o.Postcode,
		Seat: o.Seat, Administration: o.Administration, Active: !o.Gone(), EndedAt: o.Ended(), Version: o.Version,
	}
	if a.May(actor.ContactRead, actor.Object{Organisation: o.ID}).Allowed {
		b.Contact = &contactPair{o.Email, o.Phone}
	}
	return b
}

func (h *Handler) apiOrganisations(c echo.Context) error {
	f, err := filterOf(c)
	if err != nil {
		return err
	}
	p, err := h.Reads.Organisations(c.Request().Context(), f)
	if err != nil {
		return err
	}
	out := httpserver.List[organisationBody]{Items: make([]organisationBody, 0, len(p.Items)), Next: p.Next}
	for _, o := range p.Items {
		out.Items = append(out.Items, organisationBodyOf(o, session.Actor(c)))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiOrganisation(c echo.Context) error {
	o, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	b := organisationBodyOf(o, session.Actor(c))
	if o.Administration != "" {
		adm, err := h.Reads.Organisation(c.Request().Context(), o.Administration)
		if err != nil {
			return err
		}
		r := refOf(adm)
		b.AdministeredBy = &r
	}
	if o.Successor != "" {
		next, err := h.Reads.Organisation(c.Request().Context(), o.Successor)
		if err != nil {
			return err
		}
		r := refOf(next)
		b.Successor = &r
	}
	c.Response().Header().Set("ETag", httpserver.ETag(o.Version))
	return c.JSON(http.StatusOK, b)
}

func (h *Handler) apiAmend(c echo.Context) error {
	var req struct {
		Name  *string `json:"name"`
		Email *string `json:"email"`
		Phone *string `json:"phone"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	o, err := h.Register.Amend(c.Request().Context(), act(c), c.Param("id"), version, constituency.Contact(req))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(o.Version))
	return c.JSON(http.StatusOK, organisationBodyOf(o, session.Actor(c)))
}

// idempotencyKey of the request. A program with a token must send one (it is
// checked where it is used); a browser's script need not.
func idempotencyKey(c echo.Context) string {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" && session.Of(c).Kind == session.KindPerson {
		return event.NewID()
	}
	return key
}

func reply(c echo.Context, a idem.Answer, err error) error {
	if err != nil {
		return err
	}
	if a.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSONBlob(a.Status, a.Body)
}

type personBody struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Email       string           `json:"email"`
	Phone       string           `json:"phone"`
	Function    string           `json:"function"`
	Language    string           `json:"language"`
	Active      bool             `json:"active"`
	Memberships []membershipBody `json:"memberships,omitempty"`
}

type membershipBody struct {
	Organisation string     `json:"organisation"`
	Role         actor.Role `json:"role"`
}

func personBodyOf(p account.Person) personBody {
	return personBody{ID: p.ID, Name: p.Name, Email: p.Email, Phone: p.Phone, Function: p.Function, Language: p.Language, Active: p.Active}
}

func (h *Handler) apiPeople(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	organisation, err := reachOf(c, c.QueryParam("organisation"))
	if err != nil {
		return err
	}
	items, next, err := h.Reads.People(c.Request().Context(), c.QueryParam("q"), organisation, p.After, p.Limit)
	if err != nil {
		return err
	}
	view := session.Actor(c).View(actor.PersonManage)
	out := httpserver.List[personBody]{Items: make([]personBody, 0, len(items)), Next: next}
	for _, x := range items {
		b := personBodyOf(x)
		for _, m := range x.Memberships {
			if view.Everything || slices.Contains(view.Organisations, m.Organisation) {
				b.Memberships = append(b.Memberships, membershipBody(m))
			}
		}
		out.Items = append(out.Items, b)
	}
	return c.JSON(http.StatusOK, out)
}
