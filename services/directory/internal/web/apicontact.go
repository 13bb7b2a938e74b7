// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// contactAPI are the same for programs.
func (h *Handler) contactAPI() []httpserver.Route {
	const at = "/api/directory/v1/organisations/:id/contacts"
	return []httpserver.Route{
		{Method: http.MethodGet, Path: at, Action: actor.ContactRead, Handler: h.apiContacts},
		{Method: http.MethodPost, Path: at, Action: actor.ContactEdit, Handler: h.apiAddContact},
		{Method: http.MethodGet, Path: at + "/:contact", Action: actor.ContactRead, Handler: h.apiContact},
		{Method: http.MethodPatch, Path: at + "/:contact", Action: actor.ContactEdit, Handler: h.apiAmendContact},
		{Method: http.MethodDelete, Path: at + "/:contact", Action: actor.ContactEdit, Handler: h.apiRemoveContact},
		{Method: http.MethodPost, Path: at + "/:contact/confirm", Action: actor.ContactEdit, Handler: h.apiConfirmContact},
	}
}

// contactBody is a contact as the API shows it.
type contactBody struct {
	ID           string             `json:"id"`
	Organisation string             `json:"organisation"`
	Person       string             `json:"person,omitempty"`
	Name         string             `json:"name"`
	Functions    []contact.Function `json:"functions"`
	Phone        string             `json:"phone"`
	Mobile       string             `json:"mobile"`
	Email        string             `json:"email"`
	Hours        string             `json:"hours"`
	Always       bool               `json:"always"`
	ConfirmedAt  *time.Time         `json:"confirmed_at"`
	Age          contact.Age        `json:"age"`
	Version      int                `json:"version"`
}

func (h *Handler) contactBodyOf(x contact.Contact) contactBody {
	return contactBody{
		ID: x.ID, Organisation: x.Organisation, Person: x.Person, Name: x.Name, Functions: x.Functions, Phone: x.Phone,
		Mobile: x.Mobile, Email: x.Email, Hours: x.Hours, Always: x.Always, ConfirmedAt: x.ConfirmedAt, Age: h.Contacts.Age(x), Version: x.Version,
	}
}

// contactList is a list with what it lacks.
type contactList struct {
	httpserver.List[contactBody]
	Missing []contact.Function `json:"missing"`
}

func (h *Handler) apiContacts(c echo.Context) error {
	o, list, err := h.Contacts.Of(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	out := contactList{List: httpserver.List[contactBody]{Items: make([]contactBody, 0, len(list))}, Missing: contact.Missing(o, list)}
	for _, x := range list {
		out.Items = append(out.Items, h.contactBodyOf(x))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiContact(c echo.Context) error {
	_, x, err := h.Contacts.Get(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	return h.answerContact(c, x, err)
}

func (h *Handler) answerContact(c echo.Context, x contact.Contact, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(x.Version))
	return c.JSON(http.StatusOK, h.contactBodyOf(x))
}

// contactRequest is a contact as a program sends it. In a PATCH what is missing
// stays as it is.
type contactRequest struct {
	Name      *string             `json:"name"`
	Functions *[]contact.Function `json:"functions"`
	Phone     *string             `json:"phone"`
	Mobile    *string             `json:"mobile"`
	Email     *string             `json:"email"`
	Hours     *string             `json:"hours"`
	Always    *bool               `json:"always"`
}

// on puts the request over what is there.
func (r contactRequest) on(x contact.Contact) contact.Details {
	d := contact.Details{Name: x.Name, Functions: x.Functions, Phone: x.Phone, Mobile: x.Mobile, Email: x.Email, Hours: x.Hours, Always: x.Always}
	put(&d.Name, r.Name)
	put(&d.Functions, r.Functions)
	put(&d.Phone, r.Phone)
	put(&d.Mobile, r.Mobile)
	put(&d.Email, r.Email)
	put(&d.Hours, r.Hours)
	put(&d.Always, r.Always)
	return d
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (h *Handler) apiAddContact(c echo.Context) error {
	var req contactRequest
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	o, err := h.editable(c)
	if err != nil {
		return err
	}
	answer, err := h.makeContact(c, o, idempotencyKey(c), raw, req.on(contact.Contact{}))
	return reply(c, answer, err)
}

func (h *Handler) apiAmendContact(c echo.Context) error {
	ctx := c.Request().Context()
	var req contactRequest
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	_, now, err := h.Contacts.Get(ctx, act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	x, err := h.Contacts.Amend(ctx, act(c), c.Param("id"), c.Param("contact"), version, req.on(now))
	return h.answerContact(c, x, err)
}

func (h *Handler) apiRemoveContact(c echo.Context) error {
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	if _, err := h.Contacts.Remove(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"), version); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) apiConfirmContact(c echo.Context) error {
	x, err := h.Contacts.Confirm(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	return h.answerContact(c, x, err)
}
