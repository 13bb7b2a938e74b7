// SPDX-License-Identifier: EUPL-1.2

// Package pages shows people what a service holds about them, and gives it to
// those who answer people's requests. It knows no class of data.
package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/privacy"
	"github.com/thueringencert/leitstelle/shared/session"
)

// paths are the pages of the four services.
var paths = []struct{ service, href string }{
	{"directory", "/konto/daten"},
	{"intake", "/melden/meine-daten"},
	{"triage", "/lage/meine-daten"},
	{"notification", "/warnungen/meine-daten"},
}

// Handler answers for one service.
type Handler struct {
	Desk  *privacy.Desk
	Pages *page.Renderer
}

// Routes are the addresses under the service's own prefixes.
func (h *Handler) Routes() []httpserver.Route {
	api := "/api/" + h.Desk.Service + "/v1/privacy"
	var own string
	for _, p := range paths {
		if p.service == h.Desk.Service {
			own = p.href
		}
	}
	return []httpserver.Route{
		{Method: http.MethodGet, Path: own, Action: actor.AccountOwn, Handler: h.show},
		{Method: http.MethodGet, Path: api + "/me", Action: actor.AccountOwn, Handler: h.apiOwn},
		{Method: http.MethodPost, Path: api + "/reports", Action: actor.PrivacyRead, Handler: h.apiReport},
	}
}

func by(c echo.Context) privacy.By {
	return privacy.By{Actor: session.Actor(c), Request: httpserver.RequestID(c)}
}

type service struct {
	Label, Href string
	Current     bool
}

// Cell is one value: a time, or a text.
type Cell struct {
	Time *time.Time
	Text string
}

// Part is a class of data as the page shows it.
type Part struct {
	Title, Purpose, Source, Recipients, Kept string
	Head                                     []string
	Items                                    [][]Cell
	More                                     int
}

type view struct {
	page.Base
	Services []service
	Parts    []Part
}

func (h *Handler) show(c echo.Context) error {
	who := by(c)
	found, err := h.Desk.Own(c.Request().Context(), who)
	if err != nil {
		return err
	}
	v := &view{Base: page.Base{Title: h.Pages.T(c, "page.privacy.title")}}
	if len(page.DeskMenu(page.UserOf(who.Actor, ""))) > 0 {
		v.Layout = page.Desk
	}
	for _, p := range paths {
		v.Services = append(v.Services, service{Label: "page.retention.service." + p.service, Href: p.href, Current: p.service == h.Desk.Service})
	}
	if v.Parts, err = Show(page.Language(c), found); err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, "common/personal", v)
}

// Show turns parts into tables: the columns in the order of the first entry.
func Show(lang string, found []privacy.Part) ([]Part, error) {
	out := make([]Part, 0, len(found))
	for _, f := range found {
		p := Part{
			Title: f.Title.In(lang), Purpose: f.Purpose.In(lang), Source: f.Source.In(lang),
			Recipients: f.Recipients.In(lang), Kept: f.Kept.In(lang), More: f.Count - len(f.Items),
		}
		for i, raw := range f.Items {
			names, cells, err := row(raw)
			if err != nil {
				return nil, fmt.Errorf("personal data, %s: %w", f.Name, err)
			}
			if i == 0 {
				for _, n := range names {
					p.Head = append(p.Head, privacy.Word(lang, n))
				}
			}
			p.Items = append(p.Items, cells)
		}
		out = append(out, p)
	}
	return out, nil
}

// row reads one entry: every entry of a class has the same columns in the same order.
func row(raw json.RawMessage) (names []string, cells []Cell, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, nil, err
		}
		names = append(names, fmt.Sprint(name))
		cells = append(cells, cell(v))
	}
	return names, cells, nil
}

func cell(v any) Cell {
	switch x := v.(type) {
	case nil:
		return Cell{Text: "–"}
	case string:
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return Cell{Time: &t}
		}
		return Cell{Text: x}
	case bool:
		if x {
			return Cell{Text: "✓"}
		}
		return Cell{Text: "–"}
	case []any:
		parts := make([]string, len(x))
		for i, p := range x {
			parts[i] = cell(p).Text
		}
		return Cell{Text: strings.Join(parts, ", ")}
	}
	return Cell{Text: fmt.Sprint(v)}
}

type partShape struct {
	Class      string            `json:"class"`
	Title      string            `json:"title"`
	Purpose    string            `json:"purpose"`
	Source     string            `json:"source"`
	Recipients string            `json:"recipients"`
	Kept       string            `json:"kept"`
	Count      int               `json:"count"`
	Items      []json.RawMessage `json:"items"`
}

// Shape is the report of one service, as programs get it.
type Shape struct {
	Service string      `json:"service"`
	At      time.Time   `json:"at"`
	Note    string      `json:"note"`
	Classes []partShape `json:"classes"`
}

// FreeText is what no report can find.
const FreeText = "Fields about a person were looked through; names in somebody's free text are not found."

// ShapeOf puts the parts of a service into the words of a language.
func ShapeOf(service, lang string, at time.Time, found []privacy.Part) Shape {
	out := Shape{Service: service, At: at.UTC().Truncate(time.Second), Note: FreeText, Classes: []partShape{}}
	for _, p := range found {
		out.Classes = append(out.Classes, partShape{
			p.Name, p.Title.In(lang), p.Purpose.In(lang), p.Source.In(lang), p.Recipients.In(lang), p.Kept.In(lang), p.Count, p.Items,
		})
	}
	return out
}

func (h *Handler) apiOwn(c echo.Context) error {
	found, err := h.Desk.Own(c.Request().Context(), by(c))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, ShapeOf(h.Desk.Service, page.Language(c), h.Desk.Now(), found))
}

// apiReport is POST …/privacy/reports. It is a POST since addresses of people
// do not belong into the addresses of requests, which proxies write down.
func (h *Handler) apiReport(c echo.Context) error {
	var s privacy.Subject
	if _, err := httpserver.DecodeJSON(c, &s); err != nil {
		return err
	}
	found, err := h.Desk.Report(c.Request().Context(), by(c), s)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, ShapeOf(h.Desk.Service, page.Language(c), h.Desk.Now(), found))
}
