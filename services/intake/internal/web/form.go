// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// The steps of the form, as they stand in addresses. Who reports for several
// bodies under mandates picks them in a step of its own.
var (
	steps        = []string{"was", "betroffen", "kontakt", "pruefen"}
	severalSteps = []string{"was", picking, "betroffen", "kontakt", "pruefen"}
)

// picking is the step in which a provider chooses its members.
const picking = "stellen"

// several reports whether somebody picks from many bodies: an agent of more than one.
func (h *Handler) several(by actor.Actor) bool {
	return by.Has(actor.Provider) && len(by.View(actor.ReportCreate).Organisations) > 1 && !by.View(actor.ReportCreate).Everything
}

func (h *Handler) steps(by actor.Actor) []string {
	if h.several(by) {
		return severalSteps
	}
	return steps
}

// tiles are the choices of the first step: by symptom, the frequent ones first.
var tiles = []string{
	"ransomware", "phishing", "account_takeover", "outage", "data_leak", "malware", "intrusion", "ddos",
	"lost_device", "mistake", "vulnerability", "tip", "unknown",
}

// places say at which step and input a mistake is shown.
var places = map[string][2]string{
	"what": {"was", "what"}, "description": {"was", "description"},
	"impact": {"betroffen", "impact"}, "noticed_at": {"betroffen", "noticed_at"}, "still_running": {"betroffen", "still_running"},
	"systems": {"betroffen", "systems"}, "help_needed": {"betroffen", "help_needed"},
	"affected": {"kontakt", "body"}, "affected_text": {"kontakt", "body"},
	"callback.name": {"kontakt", "name"}, "callback.phone": {"kontakt", "phone"}, "callback.email": {"kontakt", "email"},
}

const draftCookie = "__Host-entwurf"

// berlin is the time zone of what people type.
var berlin = func() *time.Location {
	l, err := time.LoadLocation("Europe/Berlin") // page embeds the zone files
	if err != nil {
		return time.UTC
	}
	return l
}()

// begin makes a draft and leads to the first step. ?warnung= and ?stelle= come
// from the answer to a warning.
func (h *Handler) begin(c echo.Context) error {
	by := session.Actor(c)
	if by.SignedIn() && by.View(actor.ReportCreate).Empty() {
		return fault.New(fault.Forbidden, "your role does not report incidents; sign out to report as a guest")
	}
	if err := h.Gate.drafts.Take(network(c.RealIP())); err != nil {
		return err
	}
	f, err := h.prefilled(c, by)
	if err != nil {
		return err
	}
	code, err := h.Desk.NewDraft(c.Request().Context(), f, h.Drafts)
	if err != nil {
		return err
	}
	c.SetCookie(&http.Cookie{
		Name: draftCookie, Value: code + "." + h.sealDraft(code), Path: "/", MaxAge: int(h.Drafts.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/was")
}

// prefilled is what is known before the first question: of the signed-in person,
// and of the warning that is answered.
func (h *Handler) prefilled(c echo.Context, by actor.Actor) (report.Form, error) {
	f := report.Form{NoticedAt: h.Now().In(berlin).Format("2006-01-02T15:04"), Exercise: c.QueryParam("uebung") == "1"}
	if p, ok := h.Register.Person(by.Person); ok && by.SignedIn() {
		f.Name, f.Phone, f.Email = p.Name, p.Phone, p.Email
	}
	if own := h.ownBodies(by); len(own) == 1 {
		f.Affected = []string{own[0].ID}
	}
	if ref := c.QueryParam("stelle"); ref != "" {
		if o, ok := h.Register.Resolve(ref); ok {
			f.Affected, f.Body = []string{o.ID}, bodyName(o)
		}
	}
	ref := c.QueryParam("warnung")
	if ref == "" || len(ref) > 64 {
		return f, nil
	}
	a, err := h.Desk.Store.Alert(c.Request().Context(), ref)
	if fault.Is(err, fault.NotFound) {
		return f, nil
	}
	f.Alert = a.Reference
	return f, err
}

// ownBodies are the bodies a signed-in reporter picks from; none for guests and
// for the CERT, who search.
func (h *Handler) ownBodies(by actor.Actor) []register.Organisation {
	v := by.View(actor.ReportCreate)
	if v.Everything {
		return nil
	}
	var out []register.Organisation
	for _, id := range v.Organisations {
		if o, ok := h.Register.Organisation(id); ok && o.Active {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b register.Organisation) int {
		return strings.Compare(register.Fold(bodyName(a)), register.Fold(bodyName(b)))
	})
	return out
}

// bodyName tells same-named places apart by their Kreis.
func bodyName(o register.Organisation) string {
	if o.KreisName == "" || o.KreisName == o.Name {
		if o.Level == "kreis" {
			return "Landkreis " + strings.TrimPrefix(o.Name, "Landkreis ")
		}
		return o.Name
	}
	return o.Name + " (" + o.KreisName + ")"
}

// draft opens the draft of the address. Wrong codes are counted, except where the
// draft began: neither a neighbour's guesses nor a second click on "send" keep
// somebody behind the same address from reporting.
func (h *Handler) draft(c echo.Context) (code string, d report.Draft, err error) {
	code, ok := report.ParseCode(c.Param("code"))
	own := ok && h.sameDevice(c, code)
	from := network(c.RealIP())
	if !own {
		if err := h.Gate.codes.Open(from); err != nil {
			return "", d, err
		}
	}
	if !ok {
		return "", d, fault.New(fault.NotFound, "there is no such draft")
	}
	d, err = h.Desk.Draft(c.Request().Context(), code)
	if fault.Is(err, fault.NotFound) && !own {
		_ = h.Gate.codes.Take(from)
	}
	return code, d, err
}

// sameDevice reports whether this browser began the draft; elsewhere the phone
// number is masked. The cookie is signed: who only knows the code cannot make it.
func (h *Handler) sameDevice(c echo.Context, code string) bool {
	ck, err := c.Cookie(draftCookie)
	return err == nil && report.SameCode(ck.Value, code+"."+h.sealDraft(code))
}

// fill takes what a step posts into the form, right or wrong.
func fill(c echo.Context, step string, f *report.Form) error {
	v, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	for _, values := range v {
		for _, x := range values {
			if strings.ContainsRune(x, 0) || len(x) > 64<<10 || strings.ToValidUTF8(x, "") != x {
				return fault.New(fault.Malformed, "the form cannot be read")
			}
		}
	}
	switch step {
	case "was":
		f.What, f.Description = v.Get("what"), v.Get("description")
	case "betroffen":
		f.Impact, f.NoticedAt, f.Approx = v.Get("impact"), v.Get("noticed_at"), v.Get("noticed_approx") == "yes"
		f.StillRunning, f.Systems, f.Help = v.Get("still_running"), v["systems"], v["help_needed"]
		f.PhotoForAll = v.Get("photo_for_all") == "yes"
	case "kontakt":
		f.Name, f.Email = v.Get("name"), v.Get("email")
		if phone := v.Get("phone"); phone != report.MaskPhone(f.Phone) || f.Phone == "" {
			f.Phone = phone
		}
		if v.Has("body") && v.Get("body") != f.Body {
			f.Body, f.Affected, f.FreeText = v.Get("body"), nil, false
		}
		if v.Has("picked") { // in a step of its own
			break
		}
		if v.Has("affected") {
			f.Affected = v["affected"]
		} else if !v.Has("body") {
			f.Affected = nil
		}
	}
	return nil
}

// submissionOf is the form as the domain checks it.
func submissionOf(f report.Form, guest bool) report.Submission {
	at, err := time.ParseInLocation("2006-01-02T15:04", f.NoticedAt, berlin)
	if err != nil {
		at, _ = time.ParseInLocation("2006-01-02T15:04:05", f.NoticedAt, berlin)
	}
	s := report.Submission{Affected: slices.Clone(f.Affected), Members: membersIn(f), Alert: f.Alert, Content: report.Content{
		What: f.What, Description: f.Description, NoticedAt: at, NoticedApprox: f.Approx, Impact: f.Impact,
		StillRunning: f.StillRunning, Systems: f.Systems, HelpNeeded: f.Help, Exercise: f.Exercise,
		Callback: event.Contact{Name: f.Name, Phone: f.Phone, Email: f.Email},
	}}
	if f.FreeText {
		s.Affected, s.AffectedText = nil, f.Body
	}
	s.Tidy(guest)
	return s
}

// mistakes are those of a step, at its inputs; step "" gives all.
func (h *Handler) mistakes(err error, step string) []page.FieldError {
	var out []page.FieldError
	for _, f := range fault.FieldsOf(err) {
		name, _, _ := strings.Cut(f.Name, "[") // affected[3] is asked for where affected is
		place, ok := places[name]
		if !ok {
			place = [2]string{"pruefen", ""}
		}
		if step == "" || place[0] == step {
			out = append(out, page.FieldError{Field: place[1], Code: f.Code, Detail: f.Detail})
		}
	}
	return out
}
