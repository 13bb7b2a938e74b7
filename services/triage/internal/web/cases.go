// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

const casesPath = "/lage/faelle"

// casesView is the archive: all cases, newest first, with search.
type casesView struct {
	page.Base
	Query query
	Drops []drop
	Rows  []rowView
	Next  string
	Empty page.Empty
	Clear string
	NoRed string // where to confirm, when the list leaves out TLP:RED
}

// cases is GET /lage/faelle and /lage/suche.
func (h *Handler) cases(c echo.Context) error {
	q := queryOf(c, casesPath)
	f := q.filter()
	f.View = casefile.ViewAll
	l, err := h.desk().List(c.Request().Context(), by(c), f)
	if err != nil {
		return err
	}
	v := &casesView{Base: h.base(c, h.Pages.T(c, "triage.cases"), page.NavCases), Query: q, Drops: append(h.drops(c, q, true), h.markDrop(c, q))}
	if q.Q != "" {
		v.Title = h.Pages.T(c, "triage.cases.search", "Q", q.Q)
	}
	for _, s := range l.Items {
		v.Rows = append(v.Rows, h.row(c, s, "/lage/fall/"+s.Reference, false))
	}
	if l.Next != "" {
		v.Next = q.href("nach", l.Next)
	}
	v.Empty = page.Empty{Text: h.Pages.T(c, "triage.cases.empty")}
	v.NoRed = h.noRed(c, f)
	if q.filtered() {
		v.Clear = casesPath
		v.Empty = page.Empty{Text: h.Pages.T(c, "triage.cases.nohit"), Href: casesPath, Link: h.Pages.T(c, "triage.filter.clear")}
	}
	return h.Pages.Render(c, http.StatusOK, "cases", v)
}

// noRed is where to confirm when a list leaves out TLP:RED, "" when it does not.
func (h *Handler) noRed(c echo.Context, f casefile.Filter) string {
	if !f.Hides() || session.Actor(c).SteppedUp(h.Now()) {
		return ""
	}
	return "/konto/bestaetigen?next=" + url.QueryEscape(c.Request().URL.RequestURI())
}
