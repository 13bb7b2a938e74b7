// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

func sortedKeys(v url.Values) []string { return slices.Sorted(maps.Keys(v)) }

// supplementView is the page that adds what became known later.
type supplementView struct {
	page.Base
	Path, Reference, Key string
	Several              bool
	To                   string
	L                    report.Later
	Services, Informed   []string
	Choices              map[string][]page.Option
}

// lists are the choices of later fields and the words they are shown in.
var lists = map[string][]string{
	"status_now": report.Situations, "services_affected": report.Services, "informed": report.Informed,
	"share_consent": report.Consents, "reporter_role": report.Roles,
}

func (h *Handler) choices(c echo.Context) map[string][]page.Option {
	lang := page.Language(c)
	out := map[string][]page.Option{
		"impact": h.Pages.Options(lang, "impact"), "yesno": h.Pages.Options(lang, "yesno"),
		"help_needed": h.Pages.Options(lang, "help_needed"),
	}
	for name, ids := range lists {
		for _, id := range ids {
			out[name] = append(out[name], page.Option{Value: id, Label: h.Pages.Word(lang, name, id)})
		}
	}
	return out
}

func (h *Handler) supplementView(c echo.Context, reference string) *supplementView {
	v := &supplementView{Path: "/melden/vorgang/" + reference, Reference: reference, Choices: h.choices(c), Key: newKey()}
	v.Title = h.Pages.T(c, "intake.supplement.title") + " – " + reference
	return v
}

func (h *Handler) showSupplement(c echo.Context) error {
	o := h.visit(c)
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return h.askForCode(c, o, err)
	}
	v := h.supplementView(c, s.Reference)
	v.Several, v.To = s.Several, h.toOf(c.QueryParam("an"), s)
	return h.Pages.Render(c, http.StatusOK, "nachtragen", v)
}

func (h *Handler) postSupplement(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	l := report.Later{
		Description: form.Get("description"), ReporterRole: form.Get("reporter_role"), StatusNow: form.Get("status_now"),
		Impact: form.Get("impact"), MaliciousSuspected: form.Get("malicious_suspected"), CrossBorder: form.Get("cross_border"),
		CrossOrgSpread: form.Get("cross_org_spread"), PersonalData: form.Get("personal_data"), HelpNeeded: form["help_needed"],
		ShareConsent: form["share_consent"],
	}
	for _, s := range form["services_affected"] {
		l.ServicesAffected = append(l.ServicesAffected, report.Service{Service: s})
	}
	for _, w := range form["informed"] {
		l.Informed = append(l.Informed, report.Told{Who: w})
	}
	o, err := h.adds(c, form.Get("key"))
	if err == nil {
		o.To, err = h.addressees(o.By, form.Get("to"))
	}
	if err == nil {
		_, _, err = h.Desk.Supplement(c.Request().Context(), c.Param("id"), l, o)
	}
	switch fault.KindOf(err) {
	case "":
		page.Flash(c, "success", "intake.supplement.saved")
		return page.Redirect(c, "/melden/vorgang/"+c.Param("id"))
	case fault.Invalid:
		v := h.supplementView(c, c.Param("id"))
		v.L, v.Services, v.Informed, v.Key = l, form["services_affected"], form["informed"], form.Get("key")
		v.Several, v.To = form.Has("to"), form.Get("to")
		if !v.Fail(addressing(err)) {
			return err
		}
		return h.Pages.Render(c, http.StatusUnprocessableEntity, "nachtragen", v)
	}
	return h.again(c, err)
}

// laterRows are the later fields of a supplement in words.
func (h *Handler) laterRows(c echo.Context, fields map[string]any) []page.Row {
	var out []page.Row
	for _, name := range report.Order(fields) {
		out = append(out, page.Row{Label: h.Pages.T(c, "intake."+name), Lines: h.laterWords(c, name, fields[name])})
	}
	return out
}

func (h *Handler) laterWords(c echo.Context, name string, v any) []string {
	lang := page.Language(c)
	switch x := v.(type) {
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, h.laterWords(c, name, e)...)
		}
		return out
	case map[string]any:
		id, _ := x["service"].(string)
		if id == "" {
			id, _ = x["who"].(string)
		}
		return h.laterWords(c, name, id)
	case string:
		switch {
		case name == "impact", name == "help_needed", slices.Contains(lists[name], x):
			return []string{h.Pages.Word(lang, name, x)}
		case slices.Contains(report.YesNo, x):
			return []string{h.Pages.Word(lang, "yesno", x)}
		}
		return []string{x}
	}
	return []string{fmt.Sprint(v)}
}
