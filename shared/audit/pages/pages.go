// SPDX-License-Identifier: EUPL-1.2

// Package pages shows the audit of a service to those who check it, on a page,
// as a file and to programs: who did what when, never what was in it. It knows
// no rule.
package pages

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// paths are the pages of the four services.
var paths = []struct{ service, href string }{
	{"directory", "/verzeichnis/audit"},
	{"intake", "/melden/audit"},
	{"triage", "/lage/audit"},
	{"notification", "/warnungen/audit"},
}

// Path is the page of a service.
func Path(service string) string {
	for _, p := range paths {
		if p.service == service {
			return p.href
		}
	}
	return ""
}

// Handler answers for one service.
type Handler struct {
	Desk     *audit.Desk
	Pages    *page.Renderer
	Register *register.Register // names of people and organisations
}

// Routes are the addresses under the service's own prefixes.
func (h *Handler) Routes() []httpserver.Route {
	const get = http.MethodGet
	base, api := Path(h.Desk.Service), "/api/"+h.Desk.Service+"/v1/audit"
	return []httpserver.Route{
		{Method: get, Path: base, Action: actor.AuditRead, Handler: h.show},
		{Method: get, Path: base + ".csv", Action: actor.AuditExport, Handler: h.export},
		{Method: get, Path: api, Action: actor.AuditRead, Handler: h.apiList},
		{Method: get, Path: api + "/chain", Action: actor.AuditRead, Handler: h.apiChain},
	}
}

func by(c echo.Context) audit.By {
	return audit.By{Actor: session.Actor(c), Request: httpserver.RequestID(c)}
}

type service struct {
	Label, Href string
	Current     bool
}

// view is the page.
type view struct {
	page.Base
	form
	Path, CSV, Clear string
	Services         []service
	Chain            audit.Chain
	Check            string // the address that checks the newest entries
	MayExport        bool
	Items            []line
	More             string
}

func (h *Handler) show(c echo.Context) error {
	v := &view{form: formOf(c), Path: Path(h.Desk.Service)}
	v.Title = h.Pages.T(c, "page.audit.title")
	h.frame(c, v)
	f, problem := h.filter(v.form)
	if problem != nil {
		if !v.Fail(problem) {
			return problem
		}
		return h.Pages.Render(c, http.StatusUnprocessableEntity, "common/audit", v)
	}
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	rows, next, chain, err := h.look(c, f, p, c.QueryParam("pruefen") != "")
	if err != nil {
		return err
	}
	v.Chain = chain
	for _, r := range rows {
		v.Items = append(v.Items, h.line(r))
	}
	if next != "" {
		q := v.values()
		q.Set("after", next)
		v.More = page.Link(page.Language(c), v.Path+"?"+q.Encode())
	}
	return h.Pages.Render(c, http.StatusOK, "common/audit", v)
}

// frame is what the page shows beside the entries.
func (h *Handler) frame(c echo.Context, v *view) {
	who := by(c)
	q := v.values()
	v.CSV, v.Clear = v.Path+".csv?"+q.Encode(), v.Path
	q.Set("pruefen", "ja")
	v.Check = v.Path + "?" + q.Encode()
	v.MayExport = who.May(actor.AuditExport, actor.Object{}).Allowed
	if len(page.DeskMenu(page.UserOf(who.Actor, ""))) > 0 {
		v.Layout = page.Desk
		if h.Desk.Service == "directory" {
			v.Nav = page.NavConstituency
		}
	}
	for _, p := range paths {
		v.Services = append(v.Services, service{Label: "page.retention.service." + p.service, Href: p.href, Current: p.service == h.Desk.Service})
	}
}

// look reads a page and one entry more, which tells whether there is a next one.
func (h *Handler) look(c echo.Context, f audit.Filter, p httpserver.Page, check bool) (rows []audit.Row, next string, chain audit.Chain, err error) {
	if f.Before, err = cursor(p.After); err != nil {
		return nil, "", chain, err
	}
	f.Limit = p.Limit + 1
	rows, chain, err = h.Desk.Look(c.Request().Context(), by(c), audit.Wish{Filter: f, Check: check})
	if len(rows) > p.Limit {
		rows = rows[:p.Limit]
		next = strconv.FormatInt(rows[p.Limit-1].Seq, 10)
	}
	return rows, next, chain, err
}

// export is the filtered entries for a spreadsheet.
func (h *Handler) export(c echo.Context) error {
	f, err := h.filter(formOf(c))
	if err != nil {
		return err
	}
	rows, err := h.Desk.Export(c.Request().Context(), by(c), f)
	if err != nil {
		return err
	}
	t := func(id string) string { return h.Pages.T(c, id) }
	table := [][]string{{
		t("page.audit.seq"), t("page.audit.at"), t("page.audit.who"), t("page.audit.who.id"), t("page.audit.behalf"), t("page.audit.what"), t("page.audit.what.id"),
		t("page.audit.object"), t("page.audit.object.id"), t("page.audit.result"), t("page.audit.request"),
	}}
	for _, r := range rows {
		l := h.line(r)
		who := l.Name
		if l.Words != "" {
			who = t(l.Words)
		}
		table = append(table, []string{
			strconv.FormatInt(r.Seq, 10), r.At.Format(time.RFC3339), who, r.Actor, l.Behalf, t(l.Did), r.Action,
			r.ObjectType, r.ObjectID, t(l.Outcome), r.RequestID,
		})
	}
	b, err := page.CSV(table)
	if err != nil {
		return err
	}
	head := c.Response().Header()
	head.Set("Content-Disposition", `attachment; filename="audit-`+h.Desk.Service+`.csv"`)
	head.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", b)
}

func (f form) values() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"actor": f.Actor, "action": f.Action, "object": f.Object, "organisation": f.Organisation, "from": f.From, "to": f.To} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q
}
