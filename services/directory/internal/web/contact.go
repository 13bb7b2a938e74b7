// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// contactPages are the pages about whom an organisation names.
func (h *Handler) contactPages() []httpserver.Route {
	const at = "/verzeichnis/kommunen/:id/kontakte"
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: "/verzeichnis/stelle/kontakte", Action: actor.ContactRead, Handler: h.ownContacts},
		{Method: get, Path: at, Action: actor.ContactRead, Handler: h.contacts},
		{Method: post, Path: at, Action: actor.ContactEdit, Handler: h.addContact},
		{Method: get, Path: at + "/neu", Action: actor.ContactEdit, Handler: h.newContact},
		{Method: get, Path: at + "/:contact", Action: actor.ContactEdit, Handler: h.contactForm},
		{Method: post, Path: at + "/:contact", Action: actor.ContactEdit, Handler: h.amendContact},
		{Method: post, Path: at + "/:contact/bestaetigen", Action: actor.ContactEdit, Handler: h.confirmContact},
		{Method: post, Path: at + "/:contact/entfernen", Action: actor.ContactEdit, Handler: h.removeContact},
	}
}

// contactLine is a contact as lists show it.
type contactLine struct {
	contact.Contact
	Age contact.Age
}

func (h *Handler) lines(list []contact.Contact) []contactLine {
	out := make([]contactLine, 0, len(list))
	for _, c := range list {
		out = append(out, contactLine{c, h.Contacts.Age(c)})
	}
	return out
}

// peopleSide is what the page of a body shows of the people it names.
type peopleSide struct {
	Show, MayEdit, NoEmergency bool
	Lines                      []contactLine
	Missing                    []contact.Function
	Coordinators               []contactLine // of the Landkreis that the body lies in
	CoordinatorsOf             string
	Sealed                     bool // an emergency contact outside the own IT is on file
	MaySeal, MayOpen           bool
	Steps                      []step // of one's own admission, until it is done
	Stage                      onboarding.Stage
	MayManage                  bool
}

func (h *Handler) peopleSide(c echo.Context, o constituency.Organisation) (peopleSide, error) {
	ctx, a := c.Request().Context(), session.Actor(c)
	object := actor.Object{Organisation: o.ID}
	p := peopleSide{Show: a.May(actor.ContactRead, object).Allowed, MayEdit: a.May(actor.ContactEdit, object).Allowed && !o.Gone()}
	if !p.Show {
		return p, nil
	}
	_, list, err := h.Contacts.Of(ctx, act(c), o.ID)
	if err != nil {
		return p, err
	}
	p.Lines, p.NoEmergency, p.Missing = h.lines(list), contact.WithoutEmergency(list), contact.Missing(o, list)
	p.MayManage = a.May(actor.OnboardingManage, object).Allowed && !o.Gone()
	if !o.Gone() {
		l, err := h.Onboarding.Store.Onboarding(ctx, o.ID)
		if err != nil {
			return p, err
		}
		p.Stage = l.Stage
		if contact.Own(a, o.ID) && l.Stage != onboarding.Active {
			p.Steps = stepsOf(l, true)
		}
	}
	sealed, err := h.Emergencies.Present(ctx, o)
	if err != nil {
		return p, err
	}
	p.Sealed, p.MaySeal, p.MayOpen = sealed.Present, a.May(actor.EmergencyEdit, object).Allowed, a.May(actor.SealedOpen, object).Allowed
	if o.Level == constituency.Kreis || o.Kreis == "" {
		return p, nil
	}
	of, coordinators, err := h.Reads.Coordinators(ctx, o.Kreis)
	p.CoordinatorsOf, p.Coordinators = of, h.lines(coordinators)
	return p, err
}

type contactsView struct {
	page.Base
	Organisation constituency.Organisation
	People       peopleSide
	Own          bool
	Tasks        bool // the link to what is to be looked at
}

// ownContacts is the list of the body that the person belongs to; ?id= names
// another one of theirs.
func (h *Handler) ownContacts(c echo.Context) error {
	id := c.QueryParam("id")
	for _, m := range session.Actor(c).Memberships {
		if (id == "" || id == m.Organisation) && session.Actor(c).May(actor.ContactRead, actor.Object{Organisation: m.Organisation}).Allowed {
			return h.renderContacts(c, m.Organisation)
		}
	}
	return fault.New(fault.NotFound, "you belong to no such organisation")
}

func (h *Handler) contacts(c echo.Context) error { return h.renderContacts(c, c.Param("id")) }

func (h *Handler) renderContacts(c echo.Context, reference string) error {
	o, list, err := h.Contacts.Of(c.Request().Context(), act(c), reference)
	if err != nil {
		return err
	}
	v := &contactsView{
		Base: base(c, h.Pages.T(c, "directory.contact.of", "Name", o.Name)), Organisation: o, Own: contact.Own(session.Actor(c), o.ID),
		Tasks: !session.Actor(c).View(actor.TaskWork).Empty(),
		People: peopleSide{
			Show: true, Lines: h.lines(list), NoEmergency: contact.WithoutEmergency(list), Missing: contact.Missing(o, list),
			MayEdit: session.Actor(c).May(actor.ContactEdit, actor.Object{Organisation: o.ID}).Allowed && !o.Gone(),
		},
	}
	return h.Pages.Render(c, http.StatusOK, "kontakte", v)
}

// contactForm is what is typed about a contact.
type contactForm struct {
	Name, Phone, Mobile, Email, Hours string
	Functions                         []string
	Always                            bool
	Version                           int
	Key                               string
}

func contactFormOf(x contact.Contact) contactForm {
	f := contactForm{Name: x.Name, Phone: x.Phone, Mobile: x.Mobile, Email: x.Email, Hours: x.Hours, Always: x.Always, Version: x.Version}
	for _, fn := range x.Functions {
		f.Functions = append(f.Functions, string(fn))
	}
	return f
}

// typedContact reads the form.
func typedContact(c echo.Context) (contactForm, error) {
	values, err := c.FormParams()
	if err != nil {
		return contactForm{}, fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	f := contactForm{
		Name: values.Get("name"), Phone: values.Get("phone"), Mobile: values.Get("mobile"), Email: values.Get("email"),
		Hours: values.Get("hours"), Functions: values["functions"], Always: values.Get("always") != "", Key: values.Get("key"),
	}
	f.Version, _ = strconv.Atoi(values.Get("version"))
	return f, nil
}

func (f contactForm) details() contact.Details {
	d := contact.Details{Name: f.Name, Phone: f.Phone, Mobile: f.Mobile, Email: f.Email, Hours: f.Hours, Always: f.Always}
	for _, fn := range f.Functions {
		d.Functions = append(d.Functions, contact.Function(fn))
	}
	return d
}

type contactView struct {
	page.Base
	Organisation constituency.Organisation
	Contact      *contactLine // nil: a new one
	Form         contactForm
	Functions    []page.Option
	Action       string
}

func (h *Handler) renderContact(c echo.Context, status int, o constituency.Organisation, x *contact.Contact, f contactForm, fail error) error {
	v := &contactView{Organisation: o, Form: f, Action: "/verzeichnis/kommunen/" + o.ID + "/kontakte"}
	title := h.Pages.T(c, "directory.contact.new")
	if x != nil {
		v.Contact = &contactLine{*x, h.Contacts.Age(*x)}
		v.Action += "/" + x.ID
		title = x.Name
	}
	v.Base = base(c, title)
	v.Fail(fail)
	if fault.Is(fail, fault.Stale) {
		v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.contact.stale")}
	}
	for _, fn := range contact.Functions(o.Level) {
		v.Functions = append(v.Functions, page.Option{Value: string(fn), Label: h.Pages.T(c, "directory.contact.function."+string(fn))})
	}
	return h.Pages.Render(c, status, "kontakt", v)
}

func (h *Handler) newContact(c echo.Context) error {
	o, err := h.editable(c)
	if err != nil {
		return err
	}
	return h.renderContact(c, http.StatusOK, o, nil, contactForm{Key: event.NewID()}, nil)
}

// editable is the organisation of the path for who may change its contacts.
func (h *Handler) editable(c echo.Context) (constituency.Organisation, error) {
	o, err := h.Reads.Organisation(c.Request().Context(), c.Param("id"))
	if err != nil {
		return o, err
	}
	return o, h.Register.Allow(c.Request().Context(), act(c), actor.ContactEdit, "organisation", o.ID)
}

func (h *Handler) addContact(c echo.Context) error {
	o, err := h.editable(c)
	if err != nil {
		return err
	}
	f, err := typedContact(c)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = h.makeContact(c, o, f.Key, raw, f.details())
	if fault.FieldsOf(err) != nil {
		return h.renderContact(c, http.StatusUnprocessableEntity, o, nil, f, err)
	}
	if err != nil {
		return err
	}
	page.Flash(c, "success", "directory.contact.added")
	return page.Redirect(c, h.contactsPath(c, o))
}

// makeContact names a contact once for the key.
func (h *Handler) makeContact(c echo.Context, o constituency.Organisation, key string, raw []byte, d contact.Details) (idem.Answer, error) {
	ctx := c.Request().Context()
	return h.OnceContact(ctx, idem.Request{Scope: scope(c, "contacts "+o.ID), Key: key, Body: raw},
		func(desk *contact.Desk) (int, any, error) {
			x, err := desk.Add(ctx, act(c), o.ID, d)
			return http.StatusCreated, h.contactBodyOf(x), err
		})
}

// contactsPath leads one's own people to their own page.
func (h *Handler) contactsPath(c echo.Context, o constituency.Organisation) string {
	if contact.Own(session.Actor(c), o.ID) {
		return "/verzeichnis/stelle/kontakte?id=" + o.ID
	}
	return "/verzeichnis/kommunen/" + o.ID + "/kontakte"
}

func (h *Handler) contactForm(c echo.Context) error {
	o, x, err := h.Contacts.Get(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	if err := h.Register.Allow(c.Request().Context(), act(c), actor.ContactEdit, "organisation", o.ID); err != nil {
		return err
	}
	return h.renderContact(c, http.StatusOK, o, &x, contactFormOf(x), nil)
}

func (h *Handler) amendContact(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := typedContact(c)
	if err != nil {
		return err
	}
	x, err := h.Contacts.Amend(ctx, act(c), c.Param("id"), c.Param("contact"), f.Version, f.details())
	if fault.Is(err, fault.Stale) || fault.FieldsOf(err) != nil {
		return h.contactAgain(c, f, err)
	}
	if err != nil {
		return err
	}
	return h.afterContact(c, x, "directory.contact.saved")
}

// contactAgain shows the form with everything that was typed. After a change by
// somebody else it carries the version of now: saving again is a decision.
func (h *Handler) contactAgain(c echo.Context, f contactForm, fail error) error {
	o, now, err := h.Contacts.Get(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	status := http.StatusUnprocessableEntity
	if fault.Is(fail, fault.Stale) {
		status = http.StatusConflict
	}
	f.Version = now.Version
	return h.renderContact(c, status, o, &now, f, fail)
}

func (h *Handler) afterContact(c echo.Context, x contact.Contact, message string) error {
	page.Flash(c, "success", message)
	return page.Redirect(c, h.contactsPath(c, constituency.Organisation{ID: x.Organisation}))
}

func (h *Handler) confirmContact(c echo.Context) error {
	x, err := h.Contacts.Confirm(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
	if err != nil {
		return err
	}
	return h.afterContact(c, x, "directory.contact.confirmed")
}

func (h *Handler) removeContact(c echo.Context) error {
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "version is no number")
	}
	x, err := h.Contacts.Remove(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"), version)
	if fault.Is(err, fault.Stale) {
		_, now, readErr := h.Contacts.Get(c.Request().Context(), act(c), c.Param("id"), c.Param("contact"))
		if readErr != nil {
			return readErr
		}
		return h.contactAgain(c, contactFormOf(now), err)
	}
	if err != nil {
		return err
	}
	return h.afterContact(c, x, "directory.contact.removed")
}

// Officer reports whether the contact has qualifications to show.
func (l contactLine) Officer() bool { return l.Has(contact.ISB) || l.Has(contact.ISBDeputy) }

// Tel is the number as a link dials it.
func (l contactLine) Tel(number string) template.URL {
	digits := strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	return template.URL("tel:" + digits) //nolint:gosec // digits and plus
}
