// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/chart"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// kpiView is the row of figures above the queue.
type kpiView struct {
	casefile.Numbers
	MedianText string
	Alert      *casefile.Alert
	Away       time.Time // since when reports and alerts are delayed; zero: they are not
}

// Bar places the parts of the answers' bar: x and width of each, in organisations.
func (k kpiView) Bar() [3][2]int {
	a := k.Alert
	return [3][2]int{{0, a.Done}, {a.Done, a.Working}, {a.Done + a.Working, a.Help}}
}

// Silent is how many organisations have not answered.
func (k kpiView) Silent() int { return max(k.Alert.Audience-k.Alert.Answered(), 0) }

func (h *Handler) kpis(c echo.Context) (kpiView, error) {
	ctx, store := c.Request().Context(), h.desk().Store
	n, err := store.Numbers(ctx, by(c).Reader(actor.CaseQueue), session.Actor(c).Person, h.Now())
	if err != nil {
		return kpiView{}, err
	}
	a, err := store.Alert(ctx, h.Now())
	if err != nil {
		return kpiView{}, err
	}
	v := kpiView{Numbers: n, Alert: a, MedianText: "–", Away: h.Away()}
	if n.Median != nil {
		v.MedianText = minutes(*n.Median)
	}
	return v, nil
}

// minutes is "38 min", from two hours on "2:05 h".
func minutes(d time.Duration) string {
	m := int(math.Round(d.Minutes()))
	if m < 120 {
		return strconv.Itoa(m) + " min"
	}
	return fmt.Sprintf("%d:%02d h", m/60, m%60)
}

// figures is GET /lage/kennzahlen, which the stream asks for now and then.
func (h *Handler) figures(c echo.Context) error {
	v, err := h.kpis(c)
	if err != nil {
		return err
	}
	return h.Pages.Fragment(c, http.StatusOK, "inbox", "kpi-row", v)
}

// chartsView are the two pictures below the queue, with the numbers as tables.
type chartsView struct {
	Weeks     template.HTML
	Span      string
	Legend    [chart.Groups]string
	Bars      []chart.Bar
	Map       template.HTML
	Districts []chart.Count
}

// weeksShown are the bars of the chart, the running week among them.
const weeksShown = 13

// groups are the parts of a bar; everything else is the last one.
var groups = [chart.Groups][]string{{"malicious-code"}, {"fraud"}, {"intrusions", "intrusion-attempts"}, nil}

func (h *Handler) charts(c echo.Context) (chartsView, error) {
	ctx, store := c.Request().Context(), h.desk().Store
	first := monday(h.Now()).AddDate(0, 0, -7*(weeksShown-1))
	who := by(c)
	reader, noRed := who.Reader(actor.CaseQueue), who.MustStepUp(actor.CaseQueue, actor.Object{Red: true}, h.Now())
	weeks, err := store.Weeks(ctx, reader, noRed, first)
	if err != nil {
		return chartsView{}, err
	}
	kreise, err := store.Kreise(ctx, reader, noRed)
	if err != nil {
		return chartsView{}, err
	}
	v := chartsView{Bars: bars(first, weeks), Districts: chart.Ranked(kreise), Legend: [chart.Groups]string{
		h.Pages.T(c, "triage.chart.malware"), h.Pages.T(c, "triage.chart.fraud"), h.Pages.T(c, "triage.chart.intrusion"), h.Pages.T(c, "triage.chart.rest"),
	}}
	v.Weeks, v.Span = h.weeksPicture(c, v.Bars)
	v.Map = h.mapPicture(c, kreise, v.Districts)
	return v, nil
}

// monday is the beginning of the ISO week in local time.
func monday(t time.Time) time.Time {
	t = t.In(berlin)
	day := (int(t.Weekday()) + 6) % 7
	return time.Date(t.Year(), t.Month(), t.Day()-day, 0, 0, 0, 0, berlin)
}

func bars(first time.Time, weeks casefile.Weeks) []chart.Bar {
	known := map[[2]int]casefile.Week{}
	for _, w := range weeks {
		known[[2]int{w.Year, w.Week}] = w
	}
	out := make([]chart.Bar, weeksShown)
	for i := range out {
		year, week := first.AddDate(0, 0, 7*i).ISOWeek()
		out[i] = chart.Bar{Label: strconv.Itoa(week), Running: i == weeksShown-1}
		rest := known[[2]int{year, week}].Total()
		for g, classes := range groups[:chart.Groups-1] {
			for _, class := range classes {
				out[i].Parts[g] += known[[2]int{year, week}].Classes[class]
			}
			rest -= out[i].Parts[g]
		}
		out[i].Parts[chart.Groups-1] = rest
	}
	return out
}

func (h *Handler) weeksPicture(c echo.Context, b []chart.Bar) (template.HTML, string) {
	mean := strconv.FormatFloat(chart.Average(b), 'f', 1, 64)
	if page.Language(c) != "en" {
		mean = strings.ReplaceAll(mean, ".", ",")
	}
	last, top := b[len(b)-1], b[chart.Highest(b)]
	span := h.Pages.T(c, "triage.chart.weeks.span", "From", b[0].Label, "To", last.Label)
	desc := h.Pages.T(c, "triage.chart.weeks.desc", "From", b[0].Label, "To", last.Label, "Max", strconv.Itoa(top.Total()),
		"MaxWeek", top.Label, "Mean", mean, "Now", strconv.Itoa(last.Total()))
	return chart.Stacked("wk", h.Pages.T(c, "triage.chart.weeks"), desc, "Ø "+mean, b), span
}

func (h *Handler) mapPicture(c echo.Context, kreise map[string]int, ranked []chart.Count) template.HTML {
	var most []string
	none := 0
	for i, d := range ranked {
		if d.N == 0 {
			none++
		} else if i < 3 {
			most = append(most, d.Name+" "+strconv.Itoa(d.N))
		}
	}
	if len(most) == 0 {
		most = []string{"–"}
	}
	desc := h.Pages.T(c, "triage.chart.map.desc", "Most", strings.Join(most, ", "), "None", strconv.Itoa(none), "All", strconv.Itoa(len(ranked)))
	return chart.Hexagons("map", h.Pages.T(c, "triage.chart.map.title"), desc, kreise, func(name string, n int) string {
		return h.Pages.T(c, "triage.chart.map.tip", "Name", name, "N", strconv.Itoa(n))
	})
}
