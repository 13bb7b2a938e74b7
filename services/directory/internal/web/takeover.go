// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

func (h *Handler) takeoverRoutes() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/verzeichnis/kommunen/:id/nachfolge", Action: actor.RegisterImport, Handler: h.takeover},
		{Method: http.MethodPost, Path: "/verzeichnis/kommunen/:id/nachfolge", Action: actor.RegisterImport, Handler: h.nameSuccessor},
		{Method: http.MethodPost, Path: "/verzeichnis/kommunen/:id/uebernahme", Action: actor.RegisterHandOver, Handler: h.handOver},
	}
}

// takeoverView is what is still attached to a body that is gone.
type takeoverView struct {
	page.Base
	Organisation          constituency.Organisation
	Structure             structure
	Heir                  constituency.Organisation // at the end of the steps
	People                []page.Option
	Chosen                []string
	Mandates              []mandate.Named // ended with the body; the successor gives them anew
	Estate                takeover.Estate
	Contacts, Requests    []page.Option
	Offers                []page.Option // of Mandates those that can be offered anew
	Seal                  string
	Seals                 []page.Option
	Wish                  takeover.Wish // what was ticked, at first everything
	Successor, Kind, Date string
	Kinds                 []page.Option
}

func (h *Handler) takeover(c echo.Context) error {
	o, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.renderTakeover(c, http.StatusOK, o, nil)
}

func (h *Handler) renderTakeover(c echo.Context, status int, o constituency.Organisation, fail error) error {
	ctx := c.Request().Context()
	v := &takeoverView{Base: base(c, h.Pages.T(c, "directory.takeover")), Organisation: o, Kinds: h.successionKinds(c), Kind: string(succession.Incorporated)}
	v.Fail(fail)
	answer, err := h.Finder.Answer(ctx, o)
	if err != nil {
		return err
	}
	v.Heir = answer.Body
	if v.Structure, err = h.structureOf(c, o); err != nil {
		return err
	}
	if s := v.Structure; s.Step != nil {
		v.Successor, v.Kind = s.Successor.Reference(), string(s.Step.Kind)
		if s.Step.Date != nil {
			v.Date = s.Step.Date.Format(time.DateOnly)
		}
	}
	people, err := h.peopleAt(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, p := range people {
		var roles []string
		for _, r := range p.RolesIn(o.ID) {
			roles = append(roles, h.Pages.Word(page.Language(c), "role", string(r)))
		}
		v.People = append(v.People, page.Option{Value: p.ID, Label: p.Name, Hint: strings.Join(roles, ", ")})
		v.Chosen = append(v.Chosen, p.ID)
	}
	if v.Mandates, err = h.Reads.NamedMandates(ctx, o.ID); err != nil {
		return err
	}
	if v.Estate, err = h.Takeover.Estate(ctx, o, v.Heir); err != nil {
		return err
	}
	h.fillEstate(c, v)
	switch form, _ := c.FormParams(); { // it was read before
	case c.Request().Method != http.MethodPost:
	case strings.HasSuffix(c.Path(), "/uebernahme"):
		v.Chosen, v.Seal = form["people"], form.Get("seal")
		v.Wish.Contacts, v.Wish.Requests, v.Wish.Mandates = form["contacts"], form["requests"], form["mandates"]
	default:
		v.Successor, v.Kind, v.Date = form.Get("successor"), form.Get("kind"), form.Get("date")
	}
	return h.Pages.Render(c, status, "nachfolge", v)
}

// fillEstate offers what is left with everything ticked; only deleting never is.
func (h *Handler) fillEstate(c echo.Context, v *takeoverView) {
	options := func(items []takeover.Item, hint func(takeover.Item) string) (list []page.Option, all []string) {
		for _, x := range items {
			list = append(list, page.Option{Value: x.ID, Label: x.Name, Hint: hint(x)})
			all = append(all, x.ID)
		}
		return list, all
	}
	v.Contacts, v.Wish.Contacts = options(v.Estate.Contacts, func(x takeover.Item) string {
		if x.Twice {
			return h.Pages.T(c, "directory.takeover.twice", "Detail", x.Detail)
		}
		return x.Detail
	})
	v.Requests, v.Wish.Requests = options(v.Estate.Requests, func(x takeover.Item) string {
		return h.Pages.T(c, "directory.request.state."+x.Detail)
	})
	open := map[string]bool{}
	for _, m := range v.Estate.Mandates {
		open[m.ID] = true
	}
	for _, m := range v.Mandates {
		if open[m.ID] {
			v.Offers = append(v.Offers, page.Option{Value: m.ID, Label: m.PrincipalName + " → " + m.AgentName})
			v.Wish.Mandates = append(v.Wish.Mandates, m.ID)
		}
	}
	v.Seal = string(takeover.SealMove)
	if v.Estate.HeirSealed {
		v.Seal = string(takeover.SealLeave)
	}
	for _, x := range []takeover.Seal{takeover.SealMove, takeover.SealLeave, takeover.SealDrop} {
		key := "directory.takeover.seal." + string(x)
		switch {
		case x == takeover.SealLeave:
			key = "directory.takeover.seal.leave"
		case x == takeover.SealMove && v.Estate.HeirSealed:
			key = "directory.takeover.seal.replace"
		}
		v.Seals = append(v.Seals, page.Option{Value: string(x), Label: h.Pages.T(c, key)})
	}
}

func (h *Handler) nameSuccessor(c echo.Context) error {
	ctx := c.Request().Context()
	o, err := h.Reads.Organisation(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	date, err := dateOf(c, "date")
	if err == nil {
		err = h.Takeover.Name(ctx, act(c), o.ID, strings.TrimSpace(c.FormValue("successor")), succession.Kind(c.FormValue("kind")), date)
	}
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderTakeover(c, http.StatusUnprocessableEntity, o, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	return page.Redirect(c, "/verzeichnis/kommunen/"+o.Reference()+"/nachfolge")
}

// dateOf reads a day as browsers send it; an empty field is none.
func dateOf(c echo.Context, name string) (*time.Time, error) {
	text := strings.TrimSpace(c.FormValue(name))
	if text == "" {
		return nil, nil //nolint:nilnil // no date is an answer
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		var bad fault.Fields
		bad.Add(name, "directory.error.date", "not a date: 2026-01-31")
		return nil, bad.Err()
	}
	return &day, nil
}

// handOver carries out what was ticked.
func (h *Handler) handOver(c echo.Context) error {
	ctx := c.Request().Context()
	o, err := h.Reads.Organisation(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	answer, err := h.Finder.Answer(ctx, o)
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	w := takeover.Wish{
		People: form["people"], Contacts: form["contacts"], Requests: form["requests"], Mandates: form["mandates"], Rest: form.Get("rest") != "",
	}
	w.Version, _ = strconv.Atoi(form.Get("version")) // without one: whichever it is in
	if w.Seal, err = takeover.ParseSeal(form.Get("seal")); err == nil {
		err = h.Takeover.HandOver(ctx, act(c), o.ID, answer.Body, w)
	}
	if fault.Is(err, fault.Stale) {
		if o, err = h.Reads.Organisation(ctx, o.ID); err != nil {
			return err
		}
		return h.renderTakeover(c, http.StatusConflict, o, meanwhile())
	}
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderTakeover(c, http.StatusUnprocessableEntity, o, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.takeover.moved")
	return page.Redirect(c, "/verzeichnis/kommunen/"+o.Reference()+"/nachfolge")
}
