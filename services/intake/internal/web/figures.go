// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

const figuresPath = "/melden/zahlen"

// Zone is whose months the pages show.
func Zone() *time.Location { return berlin }

func (h *Handler) figuresRoutes() []httpserver.Route {
	get := http.MethodGet
	return []httpserver.Route{
		{Method: get, Path: figuresPath, Action: actor.Aggregate, Handler: h.figuresPage},
		{Method: get, Path: figuresPath + "/druck", Action: actor.Aggregate, Handler: h.printFigures},
		{Method: get, Path: figuresPath + ".csv", Action: actor.AggregateExport, Handler: h.figuresCSV},
		{Method: get, Path: "/api/intake/v1/figures", Action: actor.Aggregate, Handler: h.figuresAPI},
		{Method: get, Path: "/api/intake/v1/figures/organisations", Action: actor.Aggregate, Handler: h.figuresEachAPI},
	}
}

// question is what a request wants to know; the page's parameters are German.
func (h *Handler) question(c echo.Context, organisation, period string) figures.Question {
	o := h.occasion(c)
	return figures.Question{By: o.By, RequestID: o.RequestID, Organisation: c.QueryParam(organisation), Period: c.QueryParam(period)}
}

// figuresView is "Unsere Zahlen".
type figuresView struct {
	page.Base
	figures.Answer
	Span    string // the period in words
	Last    time.Time
	One     bool // this organisation was asked for
	Several bool // there are others
	Periods []periodLink
	All     string // address of all organisations together
	Print   string
	CSV     string
	Chart   template.HTML
	Kinds   []kindRow
	Clocks  []clockRow
	Lines   []figuresRow
	Hidden  int // organisations about which there is nothing
	More    string
	Paper   bool
	Running bool // its last month is not over
	Missed  int
	Met     int
	Middle  string // the median in words
}

type periodLink struct {
	Label, Href string
	Here        bool
}

type kindRow struct {
	Label   string
	Reports int
}

type clockRow struct {
	Name string
	figures.Clock
}

type figuresRow struct {
	figures.Line
	Href   string
	Missed int
	Middle string
}

func (h *Handler) figuresPage(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	v, err := h.figuresView(c)
	if err != nil {
		return err
	}
	rest, next := after(v.Each, p)
	v.Lines = h.figuresRows(c, v, rest)
	if next != "" {
		v.More = page.Link(page.Language(c), v.at(url.Values{"after": {next}, "stelle": nil}))
	}
	v.Main = page.MainBoard
	return h.Pages.Render(c, http.StatusOK, "zahlen", v)
}

func (h *Handler) printFigures(c echo.Context) error {
	v, err := h.figuresView(c)
	if err != nil {
		return err
	}
	v.Lines, v.Layout, v.Paper = h.figuresRows(c, v, v.Each), page.Print, true
	return h.Pages.Render(c, http.StatusOK, "zahlen", v)
}

// after is a page of the organisations, which are sorted by name and then by id.
func after(list []figures.Line, p httpserver.Page) (out []figures.Line, next string) {
	if i := slices.IndexFunc(list, func(l figures.Line) bool { return l.Organisation.ID == p.After }); i >= 0 {
		list = list[i+1:]
	}
	if len(list) > p.Limit {
		return list[:p.Limit], list[p.Limit-1].Organisation.ID
	}
	return list, ""
}

func (h *Handler) figuresView(c echo.Context) (*figuresView, error) {
	q := h.question(c, "stelle", "zeitraum")
	a, err := h.Figures.Count(c.Request().Context(), q)
	if err != nil {
		return nil, err
	}
	v := &figuresView{Answer: a, Span: h.span(c, a.Period.Key), Last: a.Period.To.AddDate(0, 0, -1), Hidden: a.Bodies - len(a.Each)}
	v.One, v.Several = q.Organisation != "", len(q.By.View(actor.Aggregate).Organisations) > 1
	v.Title = h.Pages.T(c, "intake.figures.title")
	for i, key := range figures.Periods(a.At, berlin) {
		to := v.at(url.Values{"zeitraum": {key}})
		if i == 0 { // the usual one
			to = v.at(url.Values{"zeitraum": nil})
		}
		v.Periods = append(v.Periods, periodLink{h.span(c, key), to, key == a.Period.Key})
	}
	v.All = v.at(url.Values{"stelle": nil})
	v.Print, v.CSV = strings.Replace(v.at(nil), figuresPath, figuresPath+"/druck", 1), strings.Replace(v.at(nil), figuresPath, figuresPath+".csv", 1)
	v.Chart = h.monthsChart(c, a.Months)
	v.Running = len(a.Months) > 0 && a.Months[len(a.Months)-1].Running
	for _, k := range a.Figures.Kinds {
		v.Kinds = append(v.Kinds, kindRow{h.kindName(c, k.What), k.Reports})
	}
	for _, k := range a.Figures.Clocks {
		v.Clocks = append(v.Clocks, clockRow{h.ruleName(c, k.Rule), k})
	}
	v.Met, v.Missed = kept(a.Figures)
	v.Middle = h.middle(c, a.Median)
	return v, nil
}

// at is the page's own address with something else in it; nil takes it out.
func (v *figuresView) at(change url.Values) string {
	q := url.Values{}
	if v.Period.Key != figures.Rolling {
		q.Set("zeitraum", v.Period.Key)
	}
	if v.One {
		q.Set("stelle", v.Organisation.ID)
	}
	for k, x := range change {
		q.Del(k)
		if len(x) > 0 {
			q.Set(k, x[0])
		}
	}
	if len(q) == 0 {
		return figuresPath
	}
	return figuresPath + "?" + q.Encode()
}

func (h *Handler) figuresRows(c echo.Context, v *figuresView, list []figures.Line) []figuresRow {
	out := make([]figuresRow, len(list))
	for i, l := range list {
		_, missed := kept(l.Figures)
		out[i] = figuresRow{Line: l, Href: v.at(url.Values{"stelle": {l.Organisation.ID}}), Missed: missed, Middle: h.middle(c, l.Median)}
		if l.Organisation.Name == "" {
			out[i].Organisation.Name, out[i].Href = l.Organisation.ID, ""
		}
	}
	return out
}

// kept is how often any of the duties was met and missed.
func kept(f figures.Figures) (met, missed int) {
	for _, k := range f.Clocks {
		met, missed = met+k.Met, missed+k.Missed
	}
	return met, missed
}

// middle is "38 min", from two hours on "2:05 h".
func (h *Handler) middle(c echo.Context, d *time.Duration) string {
	if d == nil {
		return "–"
	}
	m := int(math.Round(d.Minutes()))
	switch {
	case m == 0:
		return h.Pages.T(c, "intake.figures.median.soon")
	case m < 120:
		return strconv.Itoa(m) + " min"
	}
	return fmt.Sprintf("%d:%02d h", m/60, m%60)
}

// span is a period in words.
func (h *Handler) span(c echo.Context, key string) string {
	switch {
	case key == figures.Rolling:
		return h.Pages.T(c, "intake.figures.period.12m")
	case len(key) > 4:
		return h.Pages.T(c, "intake.figures.period.quarter", "Quarter", key[6:], "Year", key[:4])
	}
	return key
}

func (h *Handler) kindName(c echo.Context, what string) string {
	if what == figures.Sealed {
		return h.Pages.T(c, "intake.figures.sealed")
	}
	return h.Pages.Word(page.Language(c), "what", what)
}

func (h *Handler) ruleName(c echo.Context, rule string) string {
	if slices.Contains(knownRules, rule) {
		return h.Pages.T(c, "intake.clock."+rule)
	}
	return rule
}

// The picture's measures, in its own units: it is as large on a phone as on a desk.
const (
	chartWidth = 360.0
	chartBase  = 132.0
	chartTop   = 22.0
)

// monthsChart draws a bar for each month with its number above; the table beside
// it says the same.
func (h *Handler) monthsChart(c echo.Context, months []figures.Month) template.HTML {
	most := 1
	for _, m := range months {
		most = max(most, m.Reports)
	}
	esc := template.HTMLEscapeString
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot plot--s" viewBox="0 0 %.0f 152" role="img" aria-labelledby="mo-t" aria-describedby="mo-d"><title id="mo-t">%s</title><desc id="mo-d">%s</desc><line class="base" x1="0" x2="%.0f" y1="%.0f" y2="%.0f"/>`,
		chartWidth, esc(h.Pages.T(c, "intake.figures.months")), esc(h.Pages.T(c, "intake.figures.chart", "Max", strconv.Itoa(most))), chartWidth, chartBase, chartBase)
	slot := chartWidth / float64(max(len(months), 1))
	for i, m := range months {
		x, high := slot*float64(i), (chartBase-chartTop)*float64(m.Reports)/float64(most)
		middle, class := x+slot/2, "b2"
		if m.Running {
			class += " part"
		}
		if m.Reports > 0 {
			wide := min(slot*0.68, 48)
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" width="%.1f" y="%.1f" height="%.1f"/><text class="v" x="%.1f" y="%.1f" text-anchor="middle">%d</text>`,
				class, middle-wide/2, wide, chartBase-high, high, middle, chartBase-high-5, m.Reports)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="148" text-anchor="middle">%d</text>`, middle, int(m.First.Month()))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // texts are escaped, the rest are numbers
}
