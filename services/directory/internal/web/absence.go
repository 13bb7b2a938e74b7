// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // absences are days of Thuringia

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// absencePages are for one's own absence and for that of an organisation's people.
func (h *Handler) absencePages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/konto/abwesenheit", Action: actor.AccountOwn, Handler: h.ownAbsence},
		{Method: post, Path: "/konto/abwesenheit", Action: actor.AccountOwn, Handler: h.planOwnAbsence},
		{Method: get, Path: "/verzeichnis/verwaltung/personen/:id/abwesenheit", Action: actor.PersonManage, Handler: h.absenceOf},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/abwesenheit", Action: actor.PersonManage, Handler: h.planAbsenceOf},
	}
}

type absenceForm struct{ From, To, Deputy string }

type absenceView struct {
	page.Base
	Person  account.Person
	Own     bool
	Deputy  string // name
	Until   time.Time
	Form    absenceForm
	Choices []page.Option
	Action  string
	Back    string
}

func (h *Handler) ownAbsence(c echo.Context) error {
	return h.showAbsence(c, session.Actor(c).Person)
}

func (h *Handler) absenceOf(c echo.Context) error { return h.showAbsence(c, c.Param("id")) }

// managed is a person whose absence the asker may plan; others do not exist.
func (h *Handler) managed(c echo.Context, id string) (account.Person, error) {
	p, err := h.Reads.Person(c.Request().Context(), id)
	if err != nil {
		return p, err
	}
	v := session.Actor(c).View(actor.PersonManage)
	if p.ID != session.Actor(c).Person && !v.Everything && !slices.ContainsFunc(v.Organisations, p.In) {
		return p, h.unseen(c, actor.PersonManage, "person", id)
	}
	return p, nil
}

func (h *Handler) showAbsence(c echo.Context, id string) error {
	p, err := h.managed(c, id)
	if err != nil {
		return err
	}
	f := absenceForm{Deputy: p.Absence.Deputy}
	if !p.Absence.None() {
		f.From, f.To = p.Absence.From.In(berlin).Format(time.DateOnly), lastDay(p.Absence).Format(time.DateOnly)
	}
	return h.renderAbsence(c, http.StatusOK, p, f, nil)
}

// lastDay is the day that people call the end.
func lastDay(a account.Absence) time.Time { return a.To.Add(-time.Second).In(berlin) }

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // time/tzdata is linked in
	}
	return loc
}()

func (h *Handler) renderAbsence(c echo.Context, status int, p account.Person, f absenceForm, fail error) error {
	ctx := c.Request().Context()
	v := &absenceView{
		Base: base(c, h.Pages.T(c, "directory.absence")), Person: p, Own: p.ID == session.Actor(c).Person, Form: f,
		Action: "/konto/abwesenheit", Back: "/konto", Choices: []page.Option{{Label: h.Pages.T(c, "directory.absence.nobody")}},
	}
	if !v.Own {
		v.Back = "/verzeichnis/verwaltung/personen/" + p.ID
		v.Action = v.Back + "/abwesenheit"
	}
	if !p.Absence.None() {
		v.Until = lastDay(p.Absence)
	}
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.contact.stale")}
	}
	seen := map[string]bool{p.ID: true}
	reach := session.Actor(c).View(actor.PersonManage)
	for _, m := range p.Memberships {
		if !v.Own && !reach.Everything && !slices.Contains(reach.Organisations, m.Organisation) {
			continue // who works elsewhere is not this manager's business
		}
		people, _, err := h.Reads.People(ctx, "", m.Organisation, "", 200)
		if err != nil {
			return err
		}
		for _, x := range people {
			if x.Active && !seen[x.ID] {
				seen[x.ID] = true
				v.Choices = append(v.Choices, page.Option{Value: x.ID, Label: x.Name})
			}
			if x.ID == p.Absence.Deputy {
				v.Deputy = x.Name
			}
		}
	}
	return h.Pages.Render(c, status, "abwesenheit", v)
}

func (h *Handler) planOwnAbsence(c echo.Context) error {
	return h.planAbsence(c, session.Actor(c).Person)
}

func (h *Handler) planAbsenceOf(c echo.Context) error { return h.planAbsence(c, c.Param("id")) }

// planAbsence takes first and last day; ?do=end ends what was planned.
func (h *Handler) planAbsence(c echo.Context, id string) error {
	p, err := h.managed(c, id)
	if err != nil {
		return err
	}
	f := absenceForm{c.FormValue("from"), c.FormValue("to"), c.FormValue("deputy")}
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "version is no number")
	}
	var a account.Absence
	if c.FormValue("do") != "end" {
		a, err = f.absence()
	}
	if err == nil {
		_, err = h.Accounts.PlanAbsence(c.Request().Context(), act(c), p.ID, version, a)
	}
	if fault.FieldsOf(err) != nil {
		return h.renderAbsence(c, http.StatusUnprocessableEntity, p, f, err)
	}
	if fault.Is(err, fault.Stale) {
		return h.staleAbsence(c, p.ID, f, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.saved")
	if p.ID == session.Actor(c).Person {
		return page.Redirect(c, "/konto/abwesenheit")
	}
	return page.Redirect(c, "/verzeichnis/verwaltung/personen/"+url.PathEscape(p.ID))
}

// staleAbsence shows what is planned by now next to what was typed.
func (h *Handler) staleAbsence(c echo.Context, id string, f absenceForm, stale error) error {
	now, err := h.managed(c, id)
	if err != nil {
		return err
	}
	return h.renderAbsence(c, http.StatusConflict, now, f, stale)
}

func (f absenceForm) absence() (account.Absence, error) {
	var bad fault.Fields
	day := func(name, s string) time.Time {
		t, err := time.ParseInLocation(time.DateOnly, s, berlin)
		if err != nil {
			bad.Add(name, "directory.absence.error.day", name+" is no day")
		}
		return t
	}
	a := account.Absence{From: day("from", f.From).UTC(), To: day("to", f.To).AddDate(0, 0, 1).UTC(), Deputy: f.Deputy}
	return a, bad.Err()
}
