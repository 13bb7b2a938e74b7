// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// officerPages are the register of ISBs and what each has learnt.
func (h *Handler) officerPages() []httpserver.Route {
	const at = "/verzeichnis/kommunen/:id/kontakte/:contact/nachweise"
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/verzeichnis/isb", Action: actor.OfficersRead, Handler: h.officers},
		{Method: get, Path: "/verzeichnis/isb.csv", Action: actor.OfficersExport, Handler: h.officersCSV},
		{Method: get, Path: at, Action: actor.ContactRead, Handler: h.qualifications},
		{Method: post, Path: at, Action: actor.OfficerEdit, Handler: h.addQualification},
		{Method: post, Path: at + "/:qualification/entfernen", Action: actor.OfficerEdit, Handler: h.removeQualification},
	}
}

type officerLine struct {
	qualification.Line
	State qualification.State
}

type officersView struct {
	page.Base
	State, Kreis   string
	Shared, Named  bool
	States, Kreise []page.Option
	Lines          []officerLine
	Total          int
	CSV, More      string
}

// officersFilter reads ?state=&kreis=&shared=&limit=&after=.
func officersFilter(c echo.Context) (qualification.Filter, error) {
	base, err := filterOf(c)
	if err != nil {
		return qualification.Filter{}, err
	}
	s, err := qualification.ParseState(c.QueryParam("state"))
	return qualification.Filter{State: s, Kreis: base.Kreis, Shared: c.QueryParam("shared") != "", After: base.After, Limit: base.Limit}, err
}

func (h *Handler) officers(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := officersFilter(c)
	if err != nil {
		return err
	}
	part, err := h.Officers.Register(ctx, act(c), f)
	if err != nil {
		return err
	}
	kreise, err := h.Reads.Kreise(ctx)
	if err != nil {
		return err
	}
	all := page.Option{Label: h.Pages.T(c, "directory.all")}
	v := &officersView{
		Base: base(c, h.Pages.T(c, "directory.isb")), State: string(f.State), Kreis: f.Kreis, Shared: f.Shared, States: []page.Option{all}, Kreise: []page.Option{all},
		Named: session.Actor(c).View(actor.ContactRead).Everything, Total: part.Total,
	}
	q := url.Values{"state": {string(f.State)}, "kreis": {f.Kreis}, "shared": {c.QueryParam("shared")}}
	v.CSV = "/verzeichnis/isb.csv?" + q.Encode()
	if part.Next != "" {
		q.Set("after", part.Next)
		v.More = page.Link(page.Language(c), "/verzeichnis/isb?"+q.Encode())
	}
	for _, s := range qualification.States() {
		v.States = append(v.States, page.Option{Value: string(s), Label: h.Pages.T(c, "directory.isb.state."+string(s))})
	}
	for _, k := range kreise {
		v.Kreise = append(v.Kreise, page.Option{Value: k.Kreis, Label: k.Name})
	}
	for _, l := range part.Lines {
		v.Lines = append(v.Lines, officerLine{l, l.State(h.Now())})
	}
	return h.Pages.Render(c, http.StatusOK, "isb", v)
}

// officersCSV is the whole list for a spreadsheet.
func (h *Handler) officersCSV(c echo.Context) error {
	f, err := officersFilter(c)
	if err != nil {
		return err
	}
	f.After, f.Limit = "", 0
	part, err := h.Officers.Register(c.Request().Context(), act(c), f)
	if err != nil {
		return err
	}
	res := c.Response()
	res.Header().Set("Content-Type", "text/csv; charset=utf-8")
	res.Header().Set("Content-Disposition", `attachment; filename="isb.csv"`)
	res.Header().Set("Cache-Control", "no-store")
	w := csv.NewWriter(res)
	w.Comma = ';'
	_ = w.Write([]string{"ags", "stelle", "ebene", "kreis", "isb", "email", "stellen", "stand", "nachweis", "aussteller", "erworben", "gueltig_bis"})
	for _, l := range part.Lines {
		row := []string{l.AGS, l.OrganisationName, string(l.Level), l.KreisName, l.Name, l.Email, strconv.Itoa(l.Serves), string(l.State(h.Now())), "", "", "", ""}
		if q := l.Best; q != nil {
			row[8], row[9], row[10] = q.Name, q.Issuer, q.ObtainedOn.Format(time.DateOnly)
			if q.ValidUntil != nil {
				row[11] = q.ValidUntil.Format(time.DateOnly)
			}
		}
		for i := range row {
			row[i] = cell(row[i])
		}
		_ = w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// cell keeps a spreadsheet from reading text as a formula (OWASP, CSV injection).
func cell(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n") {
		return "'" + s
	}
	return s
}

type qualificationForm struct{ Kind, Name, Issuer, Obtained, Valid, Document, Key string }

type qualificationsView struct {
	page.Base
	Organisation constituency.Organisation
	Contact      contact.Contact
	Items        []qualification.Qualification
	MayEdit      bool
	Form         qualificationForm
	Kinds        []page.Option
	Action       string
}

func (h *Handler) qualifications(c echo.Context) error {
	return h.renderQualifications(c, http.StatusOK, qualificationForm{Kind: "certificate", Key: event.NewID()}, nil)
}

func (h *Handler) renderQualifications(c echo.Context, status int, f qualificationForm, fail error) error {
	o, x, list, err := h.Officers.Of(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	v := &qualificationsView{
		Base: base(c, h.Pages.T(c, "directory.isb.of", "Name", x.Name)), Organisation: o, Contact: x, Items: list, Form: f,
		MayEdit: session.Actor(c).May(actor.OfficerEdit, actor.Object{Organisation: o.ID}).Allowed && (x.Has(contact.ISB) || x.Has(contact.ISBDeputy)),
		Action:  "/verzeichnis/kommunen/" + o.ID + "/kontakte/" + x.ID + "/nachweise",
		Kinds: []page.Option{
			{Value: "certificate", Label: h.Pages.T(c, "directory.isb.kind.certificate")}, {Value: "training", Label: h.Pages.T(c, "directory.isb.kind.training")},
		},
	}
	v.Fail(fail)
	return h.Pages.Render(c, status, "nachweise", v)
}

func (f qualificationForm) qualification() (qualification.Qualification, error) {
	q := qualification.Qualification{Kind: qualification.Kind(f.Kind), Name: f.Name, Issuer: f.Issuer, Document: f.Document}
	var bad fault.Fields
	if t, err := time.Parse(time.DateOnly, f.Obtained); err == nil {
		q.ObtainedOn = t
	}
	if f.Valid != "" {
		t, err := time.Parse(time.DateOnly, f.Valid)
		if err != nil {
			bad.Add("valid_until", "directory.absence.error.day", "valid_until is no day")
		}
		q.ValidUntil = &t
	}
	return q, bad.Err()
}

// makeQualification notes it once for the key. Who may not is refused outside of
// the transaction, which a refusal would take back with its audit entry.
func (h *Handler) makeQualification(c echo.Context, key string, raw []byte, q qualification.Qualification) (idem.Answer, error) {
	ctx := c.Request().Context()
	if err := h.Officers.Allow(ctx, act(c), c.Param("id"), c.Param("contact")); err != nil {
		return idem.Answer{}, err
	}
	return h.OnceOfficer(ctx, idem.Request{Scope: scope(c, "qualification "+c.Param("contact")), Key: key, Body: raw},
		func(d *qualification.Desk) (int, any, error) {
			made, err := d.Add(ctx, act(c), c.Param("id"), c.Param("contact"), q)
			return http.StatusCreated, qualificationBodyOf(made), err
		})
}

func (h *Handler) addQualification(c echo.Context) error {
	f := qualificationForm{
		Kind: c.FormValue("kind"), Name: c.FormValue("name"), Issuer: c.FormValue("issuer"), Obtained: c.FormValue("obtained_on"),
		Valid: c.FormValue("valid_until"), Document: c.FormValue("document"), Key: c.FormValue("key"),
	}
	q, err := f.qualification()
	if err == nil {
		body := strings.Join([]string{f.Kind, f.Name, f.Issuer, f.Obtained, f.Valid, f.Document}, "\x1f")
		_, err = h.makeQualification(c, f.Key, []byte(body), q)
	}
	if fault.FieldsOf(err) != nil {
		return h.renderQualifications(c, http.StatusUnprocessableEntity, f, err)
	}
	if err != nil {
		return err
	}
	return h.toQualifications(c, "directory.saved")
}

func (h *Handler) toQualifications(c echo.Context, said string) error {
	page.Flash(c, "success", said)
	return page.Redirect(c, "/verzeichnis/kommunen/"+url.PathEscape(c.Param("id"))+"/kontakte/"+url.PathEscape(c.Param("contact"))+"/nachweise")
}

func (h *Handler) removeQualification(c echo.Context) error {
	if err := h.Officers.Remove(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"), c.Param("qualification")); err != nil {
		return err
	}
	return h.toQualifications(c, "directory.isb.removed")
}
