// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

func (h *Handler) participationPages() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/verzeichnis/beteiligung", Action: actor.Aggregate, Handler: h.participation},
		{Method: http.MethodGet, Path: "/verzeichnis/beteiligung.csv", Action: actor.AggregateExport, Handler: h.participationCSV},
	}
}

func (h *Handler) participationAPI() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/api/directory/v1/participation", Action: actor.Aggregate, Handler: h.apiParticipation},
	}
}

// months is how far back the page looks.
const months = 24

// counted is everything about participation that the asker may see. Those who
// read contacts know each body anyway and see every number; the others see none
// from 1 to 4.
type counted struct {
	Total          participation.Row
	Levels, Kreise []participation.Row
	Months         []participation.Row
	Exact          bool
	At             time.Time
}

// counted are numbers of the whole state: a row that gives somebody those of the
// own organisation alone does not open them.
func (h *Handler) counted(c echo.Context) (counted, error) {
	ctx, at := c.Request().Context(), h.Now().UTC()
	if !session.Actor(c).May(actor.Aggregate, actor.Object{}).Allowed {
		h.Denied(c, actor.Aggregate, "route", c.Request().Method+" "+c.Request().URL.Path)
		return counted{}, fault.New(fault.NotFound, "there is nothing here")
	}
	cells, err := h.Participation.Participation(ctx, at)
	if err != nil {
		return counted{}, err
	}
	list, err := h.Participation.ParticipationMonths(ctx, months)
	if err != nil {
		return counted{}, err
	}
	out := counted{
		Total: participation.Total(cells), Levels: participation.ByLevel(cells), Kreise: participation.ByKreis(cells), At: at,
		Exact: session.Actor(c).View(actor.ContactRead).Everything,
	}
	for _, m := range list {
		out.Months = append(out.Months, participation.RowOf(m))
	}
	if !out.Exact {
		out.Total = participation.Hide([]participation.Row{out.Total})[0]
		out.Levels, out.Kreise, out.Months = participation.Hide(out.Levels), participation.Hide(out.Kreise), participation.Hide(out.Months)
	}
	return out, nil
}

type participationView struct {
	page.Base
	counted
	Bars []bar
}

// bar is one month of the picture, in its own units (a field of 100 by 100).
type bar struct {
	X, Y, Width, Height float64
	Label               string
	Percent             int
}

// bars draws the share of active bodies over time.
func bars(rows []participation.Row) []bar {
	out := make([]bar, len(rows))
	for i, r := range rows {
		step := 640.0 / float64(len(rows))
		p := r.Figures[0].Percent()
		out[i] = bar{X: float64(i)*step + step*0.1, Width: min(step*0.8, 60), Height: float64(p) * 1.6, Y: 165 - float64(p)*1.6, Label: r.Key, Percent: p}
	}
	return out
}

func (h *Handler) participation(c echo.Context) error {
	x, err := h.counted(c)
	if err != nil {
		return err
	}
	v := &participationView{Base: base(c, h.Pages.T(c, "directory.participation")), counted: x, Bars: bars(x.Months)}
	return h.Pages.Render(c, http.StatusOK, "beteiligung", v)
}

// participationCSV is the same as a table for spreadsheets. Every cell is a
// number, a word of ours or a name of the register; a name that a spreadsheet
// would take for a formula gets an apostrophe.
func (h *Handler) participationCSV(c echo.Context) error {
	x, err := h.counted(c)
	if err != nil {
		return err
	}
	t := func(id string) string { return h.Pages.T(c, id) }
	rows := [][]string{{t("directory.participation.table"), t("directory.participation.of"), t("directory.participation.bodies"), t("directory.participation.active"), t("directory.participation.reachable"), t("directory.participation.officer"), t("directory.participation.mandate"), t("directory.participation.asked"), t("directory.participation.answered")}}
	add := func(table string, r participation.Row, name string) {
		line := []string{table, name, strconv.Itoa(r.Bodies)}
		for _, f := range r.Figures {
			if f.Hidden {
				line = append(line, t("directory.participation.few"))
			} else {
				line = append(line, strconv.Itoa(f.N))
			}
		}
		rows = append(rows, line)
	}
	add(t("directory.participation.total"), x.Total, "")
	for _, r := range x.Levels {
		add(t("directory.level"), r, h.Pages.Word(page.Language(c), "level", r.Key))
	}
	for _, r := range x.Kreise {
		add(t("directory.kreis"), r, r.Name)
	}
	for _, r := range x.Months {
		add(t("directory.participation.month"), r, r.Key)
	}
	b, err := page.CSV(rows)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="beteiligung-`+x.At.Format(time.DateOnly)+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", b)
}

// participationRow is one line as the API shows it; null is a number that is too
// small to be shown.
type participationRow struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	Bodies    int    `json:"bodies"`
	Active    *int   `json:"active"`
	Reachable *int   `json:"reachable"`
	Officer   *int   `json:"officer"`
	Mandate   *int   `json:"mandate"`
	Asked     *int   `json:"asked"`
	Answered  *int   `json:"answered"`
}

func participationRowOf(r participation.Row) participationRow {
	n := func(f participation.Figure) *int {
		if f.Hidden {
			return nil
		}
		return &f.N
	}
	return participationRow{r.Key, r.Name, r.Bodies, n(r.Figures[0]), n(r.Figures[1]), n(r.Figures[2]), n(r.Figures[3]), n(r.Figures[4]), n(r.Figures[5])}
}

func participationRowsOf(rows []participation.Row) []participationRow {
	out := make([]participationRow, len(rows))
	for i, r := range rows {
		out[i] = participationRowOf(r)
	}
	return out
}

func (h *Handler) apiParticipation(c echo.Context) error {
	x, err := h.counted(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		At     time.Time          `json:"at"`
		Total  participationRow   `json:"total"`
		Levels []participationRow `json:"levels"`
		Kreise []participationRow `json:"kreise"`
		Months []participationRow `json:"months"`
	}{x.At, participationRowOf(x.Total), participationRowsOf(x.Levels), participationRowsOf(x.Kreise), participationRowsOf(x.Months)})
}
