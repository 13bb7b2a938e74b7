// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

// figuresAnswer are the figures as the API shows them.
type figuresAnswer struct {
	Period struct {
		Key  string    `json:"key"`
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	} `json:"period"`
	At            time.Time `json:"at"`
	Organisation  *bodyRef  `json:"organisation"` // null: several together
	Organisations int       `json:"organisations"`
	countedFigures
	Months []countedMonth `json:"months"`
	Kinds  []countedKind  `json:"kinds"`
	Clocks []countedClock `json:"clocks"`
}

type countedFigures struct {
	Reports         int  `json:"reports"`
	DistinctReports int  `json:"distinct_reports"`
	Exercises       int  `json:"exercises"`
	Open            int  `json:"open"`
	WaitingForYou   int  `json:"waiting_for_you"`
	Ended           int  `json:"ended"`
	Answered        int  `json:"answered_cases"`
	Median          *int `json:"median_seconds"` // null without an answered case
}

type countedMonth struct {
	Month   string `json:"month"`
	Reports int    `json:"reports"`
}

type countedKind struct {
	What    string `json:"what"`
	Reports int    `json:"reports"`
}

type countedClock struct {
	Rule    string `json:"rule"`
	Met     int    `json:"met"`
	Missed  int    `json:"missed"`
	Running int    `json:"running"`
	ToCheck int    `json:"to_check"`
}

// countedOrganisation is one of several.
type countedOrganisation struct {
	Organisation bodyRef `json:"organisation"`
	countedFigures
	Met    int `json:"clocks_met"`
	Missed int `json:"clocks_missed"`
}

func countedOf(f figures.Figures) countedFigures {
	out := countedFigures{f.Reports, f.Distinct, f.Exercises, f.Open, f.Waiting, f.Ended, f.Answers, nil}
	if f.Median != nil {
		s := int(f.Median.Seconds())
		out.Median = &s
	}
	return out
}

func (h *Handler) figuresAPI(c echo.Context) error {
	a, err := h.Figures.Count(c.Request().Context(), h.question(c, "organisation", "period"))
	if err != nil {
		return err
	}
	out := figuresAnswer{
		At: a.At, Organisations: a.Bodies, countedFigures: countedOf(a.Figures),
		Months: make([]countedMonth, len(a.Months)), Kinds: make([]countedKind, len(a.Kinds)), Clocks: make([]countedClock, len(a.Clocks)),
	}
	out.Period.Key, out.Period.From, out.Period.To = a.Period.Key, a.Period.From.UTC(), a.Period.To.UTC()
	if a.Organisation.ID != "" {
		out.Organisation = &bodyRef{ID: a.Organisation.ID, AGS: a.Organisation.AGS, Name: a.Organisation.Name}
	}
	for i, m := range a.Months {
		out.Months[i] = countedMonth{m.First.Format("2006-01"), m.Reports}
	}
	for i, k := range a.Kinds {
		out.Kinds[i] = countedKind(k)
	}
	for i, k := range a.Clocks {
		out.Clocks[i] = countedClock(k)
	}
	return c.JSON(http.StatusOK, out)
}

// figuresEachAPI lists the organisations about which there is something, by name.
func (h *Handler) figuresEachAPI(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	a, err := h.Figures.Count(c.Request().Context(), h.question(c, "", "period"))
	if err != nil {
		return err
	}
	each := a.Each
	if a.Bodies == 1 && a.Reports > 0 {
		each = []figures.Line{{Organisation: a.Organisation, Figures: a.Figures}}
	}
	list, next := after(each, p)
	out := httpserver.List[countedOrganisation]{Items: make([]countedOrganisation, len(list)), Next: next}
	for i, l := range list {
		met, missed := kept(l.Figures)
		out.Items[i] = countedOrganisation{
			Organisation:   bodyRef{ID: l.Organisation.ID, AGS: l.Organisation.AGS, Name: l.Organisation.Name},
			countedFigures: countedOf(l.Figures), Met: met, Missed: missed,
		}
	}
	return c.JSON(http.StatusOK, out)
}

// figuresCSV is the page as a table for spreadsheets: numbers, words of ours and
// names of the register.
func (h *Handler) figuresCSV(c echo.Context) error {
	a, err := h.Figures.Export(c.Request().Context(), h.question(c, "stelle", "zeitraum"))
	if err != nil {
		return err
	}
	t := func(id string) string { return h.Pages.T(c, "intake.figures."+id) }
	n := strconv.Itoa
	rows := [][]string{{t("csv.table"), t("csv.what"), t("reports"), t("open"), t("waiting"), t("ended"), t("csv.median"), t("met"), t("missed"), t("running"), t("tocheck")}}
	line := func(table, name string, f figures.Figures) {
		met, missed := kept(f)
		median := ""
		if f.Median != nil {
			median = n(int(f.Median.Round(time.Minute).Minutes()))
		}
		rows = append(rows, []string{table, name, n(f.Reports), n(f.Open), n(f.Waiting), n(f.Ended), median, n(met), n(missed), "", ""})
	}
	line(t("csv.total"), h.span(c, a.Period.Key), a.Figures)
	for _, m := range a.Months {
		rows = append(rows, []string{t("month"), m.First.Format("2006-01"), n(m.Reports), "", "", "", "", "", "", "", ""})
	}
	for _, k := range a.Kinds {
		rows = append(rows, []string{t("kind"), h.kindName(c, k.What), n(k.Reports), "", "", "", "", "", "", "", ""})
	}
	for _, k := range a.Clocks {
		rows = append(rows, []string{t("clock"), h.ruleName(c, k.Rule), "", "", "", "", "", n(k.Met), n(k.Missed), n(k.Running), n(k.ToCheck)})
	}
	for _, l := range a.Each {
		line(t("body"), l.Organisation.Name, l.Figures)
	}
	b, err := page.CSV(rows)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="zahlen-`+a.Period.Key+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", b)
}
