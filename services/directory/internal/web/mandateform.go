// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// mandateForm is what people type, kept when something is wrong.
type mandateForm struct {
	Scopes              []string
	Services            string // one a line
	From, To            string // first and last day
	Document, GrantedBy string
	Key, Replaces       string
	Version             string // of the mandate that is answered or replaced, as it was shown
}

func mandateFormOf(c echo.Context) (mandateForm, error) {
	form, err := c.FormParams()
	if err != nil {
		return mandateForm{}, fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	return mandateForm{
		Scopes: form["scopes"], Services: c.FormValue("services"), From: c.FormValue("from"), To: c.FormValue("to"),
		Document: c.FormValue("document"), GrantedBy: c.FormValue("granted_by"), Key: c.FormValue("key"), Replaces: c.FormValue("replaces"), Version: c.FormValue("version"),
	}, nil
}

// formOf fills the form from a mandate that is asked for or to be replaced.
func formOf(m mandate.Mandate) mandateForm {
	f := mandateForm{Services: strings.Join(m.Services, "\n"), From: m.From.In(berlin).Format(time.DateOnly), Document: m.Document, GrantedBy: m.GrantedBy, Version: strconv.Itoa(m.Version)}
	for _, s := range m.Scopes {
		f.Scopes = append(f.Scopes, string(s))
	}
	if m.To != nil {
		f.To = m.To.Add(-time.Second).In(berlin).Format(time.DateOnly)
	}
	return f
}

// mandate reads the typed terms; days that are none are a mistake at the field.
func (f mandateForm) mandate(principal, agent string) (mandate.Mandate, error) {
	m := mandate.Mandate{
		Principal: principal, Agent: agent, Document: f.Document, GrantedBy: f.GrantedBy, Replaces: f.Replaces,
		Services: strings.Split(strings.ReplaceAll(f.Services, "\r", ""), "\n"),
	}
	for _, s := range f.Scopes {
		m.Scopes = append(m.Scopes, actor.Scope(s))
	}
	var bad fault.Fields
	day := func(name, s string) time.Time {
		t, err := time.ParseInLocation(time.DateOnly, s, berlin)
		if err != nil {
			bad.Add(name, "directory.mandate.error.day", name+" is no day")
		}
		return t
	}
	if f.From != "" {
		m.From = day("from", f.From).UTC()
	}
	if f.To != "" {
		to := day("to", f.To).AddDate(0, 0, 1).UTC()
		m.To = &to
	}
	return m, bad.Err()
}

type mandateFormView struct {
	page.Base
	Kind       string // grant, request or accept: which words
	Principal  constituency.Organisation
	Agent      constituency.Organisation
	Action     string
	Back       string
	Paper      bool // the CERT enters a signed paper: it counts at once
	Form       mandateForm
	ScopeList  []page.Option
	OtherParty string // name of the parameter with the other side
	Other      string // its id
}

type mandateSearchView struct {
	page.Base
	Kind   string
	Own    constituency.Organisation
	Action string
	Query  string
	Items  []searchItem
}

type searchItem struct {
	constituency.Organisation
	Href string
}

// ownSide is the body for which somebody grants or asks: the one they name, if
// they may, else their own.
func (h *Handler) ownSide(c echo.Context, action actor.Action) (constituency.Organisation, error) {
	a := session.Actor(c)
	id := c.QueryParam("stelle")
	if id == "" {
		id = c.FormValue("stelle")
	}
	view := a.View(action)
	if id == "" && len(view.Organisations) > 0 {
		id = view.Organisations[0]
	}
	if id == "" {
		return constituency.Organisation{}, nil // the CERT has still to say for whom
	}
	o, err := h.Reads.Organisation(c.Request().Context(), id)
	if err == nil && !a.May(action, actor.Object{Organisation: o.ID}).Allowed {
		err = fault.New(fault.NotFound, "no organisation %s", id)
	}
	return o, err
}

// scopeOptions are the scopes with what they mean in plain words.
func (h *Handler) scopeOptions(c echo.Context) []page.Option {
	out := h.Pages.Options(page.Language(c), "scope")
	for i := range out {
		out[i].Hint = h.Pages.T(c, "directory.mandate.scope."+out[i].Value)
	}
	return out
}

// grantForm first asks for the agent, then for the terms. ?ersetzt= begins with
// those of a mandate whose place the new one takes.
func (h *Handler) grantForm(c echo.Context) error {
	f := mandateForm{Key: event.NewID(), From: h.Now().In(berlin).Format(time.DateOnly), Scopes: []string{"report", "read"}}
	if id := c.QueryParam("ersetzt"); id != "" {
		old, err := h.Reads.NamedMandate(c.Request().Context(), id)
		if err == nil && !session.Actor(c).May(actor.MandateGrant, actor.Object{Organisation: old.Principal}).Allowed {
			err = fault.New(fault.NotFound, "no mandate %s", id)
		}
		if err != nil {
			return err
		}
		f = formOf(old.Mandate)
		f.Key, f.Replaces, f.From = event.NewID(), old.ID, h.Now().In(berlin).Format(time.DateOnly)
		return h.renderForm(c, http.StatusOK, "grant", old.Principal, old.Agent, f, nil)
	}
	own, err := h.ownSide(c, actor.MandateGrant)
	if err != nil {
		return err
	}
	if own.ID == "" || c.QueryParam("mit") == "" {
		return h.search(c, "grant", own, "/verzeichnis/mandate/neu")
	}
	return h.renderForm(c, http.StatusOK, "grant", own.ID, c.QueryParam("mit"), f, nil)
}

func (h *Handler) requestForm(c echo.Context) error {
	own, err := h.ownSide(c, actor.MandateRequest)
	if err != nil {
		return err
	}
	if c.QueryParam("mit") == "" {
		return h.search(c, "request", own, "/verzeichnis/mandate/anfragen")
	}
	f := mandateForm{Key: event.NewID(), From: h.Now().In(berlin).Format(time.DateOnly), Scopes: []string{"report", "read"}}
	return h.renderForm(c, http.StatusOK, "request", c.QueryParam("mit"), own.ID, f, nil)
}

// search finds the other side. Without a search the providers are offered: they
// are whom most bodies look for. The CERT names the principal first.
func (h *Handler) search(c echo.Context, kind string, own constituency.Organisation, action string) error {
	v := &mandateSearchView{
		Base: base(c, h.Pages.T(c, "directory.mandate."+kind)), Kind: kind, Own: own, Action: action, Query: c.QueryParam("q"),
	}
	f := constituency.Filter{Query: v.Query, Limit: 50}
	switch {
	case len(v.Query) > 200:
		return fault.New(fault.Malformed, "q has at most 200 characters")
	case v.Query == "" && kind == "grant" && own.ID != "":
		f.Level = constituency.Provider
	case v.Query == "":
		return h.Pages.Render(c, http.StatusOK, "mandat-suche", v)
	}
	list, err := h.Reads.Organisations(c.Request().Context(), f)
	if err != nil {
		return err
	}
	for _, o := range list.Items {
		q := url.Values{"stelle": {own.ID}, "mit": {o.ID}}
		if own.ID == "" {
			q = url.Values{"stelle": {o.ID}}
		}
		if o.ID != own.ID {
			v.Items = append(v.Items, searchItem{o, action + "?" + q.Encode()})
		}
	}
	return h.Pages.Render(c, http.StatusOK, "mandat-suche", v)
}

func (h *Handler) renderForm(c echo.Context, status int, kind, principal, agent string, f mandateForm, fail error) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	v := &mandateFormView{
		Base: base(c, h.Pages.T(c, "directory.mandate."+kind)), Kind: kind, Form: f, ScopeList: h.scopeOptions(c),
		Back: "/verzeichnis/mandate", OtherParty: "mit",
		Paper: kind != "request" && mandate.MayConfirm(a),
	}
	var err error
	if v.Principal, err = h.Reads.Organisation(ctx, principal); err != nil {
		return err
	}
	if v.Agent, err = h.Reads.Organisation(ctx, agent); err != nil {
		return err
	}
	v.Other = v.Agent.ID
	switch kind {
	case "grant":
		v.Action = "/verzeichnis/mandate/neu?" + url.Values{"stelle": {v.Principal.ID}}.Encode()
	case "request":
		v.Action, v.Other = "/verzeichnis/mandate/anfragen?"+url.Values{"stelle": {v.Agent.ID}}.Encode(), v.Principal.ID
	case "accept":
		v.Back = "/verzeichnis/mandate/" + c.Param("id")
		v.Action = v.Back + "/erteilen"
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "mandat-neu", v)
}

func (h *Handler) grantMandate(c echo.Context) error {
	own, err := h.ownSide(c, actor.MandateGrant)
	if err != nil {
		return err
	}
	f, err := mandateFormOf(c)
	if err != nil {
		return err
	}
	return h.newMandate(c, "grant", own.ID, c.FormValue("mit"), f, h.grant(shownIn(f.Version)))
}

func (h *Handler) requestMandate(c echo.Context) error {
	own, err := h.ownSide(c, actor.MandateRequest)
	if err != nil {
		return err
	}
	f, err := mandateFormOf(c)
	if err != nil {
		return err
	}
	return h.newMandate(c, "request", c.FormValue("mit"), own.ID, f, h.ask)
}

// newMandate stores a new mandate from the form and shows it. With mistakes, or when
// the two wait for another decision already, the form comes back as it was typed.
func (h *Handler) newMandate(c echo.Context, kind, principal, agent string, f mandateForm, do making) error {
	if principal == "" || agent == "" {
		return fault.New(fault.Malformed, "the form names no organisation")
	}
	m, err := f.mandate(principal, agent)
	var answer idem.Answer
	if err == nil {
		raw, _ := json.Marshal(f) // strings only: cannot fail
		answer, err = do(c, f.Key, raw, m)
	}
	if fault.FieldsOf(err) != nil {
		return h.renderForm(c, http.StatusUnprocessableEntity, kind, principal, agent, f, err)
	}
	if fault.Is(err, fault.Stale) {
		if old, err := h.Reads.NamedMandate(c.Request().Context(), f.Replaces); err == nil {
			f.Version, f.Key = strconv.Itoa(old.Version), event.NewID() // sent again, it is another decision
		}
		return h.renderForm(c, http.StatusConflict, kind, principal, agent, f, meanwhile())
	}
	if fault.Is(err, fault.Conflict) {
		var bad fault.Fields
		bad.Add("", "directory.mandate.error.waits", "the two organisations have a mandate that waits for a decision")
		return h.renderForm(c, http.StatusConflict, kind, principal, agent, f, bad.Err())
	}
	if err != nil {
		return err
	}
	var made mandateBody
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		return err
	}
	page.Flash(c, "success", "directory.mandate.made."+string(made.State))
	return page.Redirect(c, "/verzeichnis/mandate/"+made.ID)
}

func (h *Handler) grantRequestedForm(c echo.Context) error {
	m, err := h.requested(c)
	if err != nil {
		return err
	}
	return h.renderForm(c, http.StatusOK, "accept", m.Principal, m.Agent, formOf(m.Mandate), nil)
}

// requested is a mandate that waits for this principal's answer.
func (h *Handler) requested(c echo.Context) (mandate.Named, error) {
	m, err := h.readMandate(c)
	if err != nil {
		return m, err
	}
	if !session.Actor(c).May(actor.MandateGrant, actor.Object{Organisation: m.Principal}).Allowed {
		return m, fault.New(fault.Forbidden, "only the principal grants a mandate")
	}
	if s := m.StateAt(h.Now()); s != mandate.Requested {
		return m, fault.New(fault.Conflict, "the mandate is %s; nobody asks for it any more", s)
	}
	return m, nil
}

func (h *Handler) grantRequested(c echo.Context) error {
	m, err := h.requested(c)
	if err != nil {
		return err
	}
	f, err := mandateFormOf(c)
	if err != nil {
		return err
	}
	with, err := f.mandate(m.Principal, m.Agent)
	if err == nil {
		_, err = h.Mandates.GrantRequested(c.Request().Context(), act(c), m.ID, shownIn(f.Version), with)
	}
	if fault.FieldsOf(err) != nil {
		return h.renderForm(c, http.StatusUnprocessableEntity, "accept", m.Principal, m.Agent, f, err)
	}
	if fault.Is(err, fault.Stale) {
		f.Version = strconv.Itoa(m.Version)
		return h.renderForm(c, http.StatusConflict, "accept", m.Principal, m.Agent, f, meanwhile())
	}
	return h.afterMandate(c, "directory.mandate.made.granted", err)
}
