// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/chart"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

const (
	inboxPath  = "/lage/eingang"
	streamPath = api + "/stream"
	pageSize   = 50
)

// query is what the address of a list says; every filter stands in it.
type query struct {
	path                                           string
	View, Due, State, Severity, Class, Kreis, Sort string
	Q, After, Case, Tab                            string
	Campaign, Mark                                 string
}

var views = map[string]string{"": casefile.ViewOpen, "offen": casefile.ViewOpen, "meine": casefile.ViewMine, "niemand": casefile.ViewUnassigned, "alle": casefile.ViewAll}

var sorts = map[string]string{"": casefile.SortDue, "frist": casefile.SortDue, "schwere": casefile.SortSeverity, "eingang": casefile.SortReceived}

var dues = map[string]string{"": "", "ueberfaellig": "overdue", "bald": "soon"}

func queryOf(c echo.Context, path string) query {
	q := c.QueryParam
	return query{
		path: path, View: q("ansicht"), Due: q("frist"), State: q("status"), Severity: q("schwere"), Class: q("klasse"),
		Kreis: q("kreis"), Sort: q("sort"), Q: strings.TrimSpace(q("q")), After: q("nach"), Case: q("fall"), Tab: q("t"), Campaign: q("lage"), Mark: q("merkmal"),
	}
}

// href is the address with some parameters changed; a changed filter begins at
// the first page.
func (q query) href(changes ...string) string {
	v := url.Values{}
	for _, p := range []struct{ name, value string }{
		{"ansicht", q.View},
		{"frist", q.Due},
		{"status", q.State},
		{"schwere", q.Severity},
		{"klasse", q.Class},
		{"kreis", q.Kreis},
		{"sort", q.Sort},
		{"lage", q.Campaign},
		{"merkmal", q.Mark},
		{"q", q.Q},
		{"nach", q.After},
		{"fall", q.Case},
		{"t", q.Tab},
	} {
		v.Set(p.name, p.value)
	}
	for i := 0; i+1 < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
		if changes[i] != "fall" && changes[i] != "t" && changes[i] != "nach" {
			v.Set("nach", "")
		}
	}
	for name := range v {
		if v.Get(name) == "" {
			v.Del(name)
		}
	}
	if len(v) == 0 {
		return q.path
	}
	return q.path + "?" + v.Encode()
}

func (q query) filter() casefile.Filter {
	pick := func(m map[string]string, key string) string {
		if v, ok := m[key]; ok {
			return v
		}
		return key // unknown: the desk refuses it by name
	}
	return casefile.Filter{
		View: pick(views, q.View), Due: pick(dues, q.Due), State: q.State, Severity: q.Severity, Class: q.Class,
		Kreis: q.Kreis, Sort: pick(sorts, q.Sort), Query: q.Q, Mark: q.Mark, After: q.After, Limit: pageSize,
	}
}

// filtered reports whether anything narrows the list besides the view.
func (q query) filtered() bool {
	return q.Due+q.State+q.Severity+q.Class+q.Kreis+q.Campaign+q.Mark+q.Q != ""
}

// choice is one link of a filter.
type choice struct {
	Label   string
	Count   int
	Counted bool
	Href    string
	Current bool
}

// drop is a filter that opens a list of links.
type drop struct {
	Label   string // what it filters by
	Value   string // what is chosen, in words
	Choices []choice
}

// rowView is one line of the queue.
type rowView struct {
	casefile.Summary
	Href, Fragment string
	Short          string // reference without the year
	Name           string // title without the organisation, which stands below it
	Group          string
	Current, Pane  bool
	Single         string // of a line that stands for a campaign: where its cases are shown one by one
	ClockState     string
}

func (h *Handler) row(c echo.Context, s casefile.Summary, href string, current bool) rowView {
	r := rowView{
		Summary: s, Href: href, Fragment: "/lage/zeile/" + s.ID, Short: shortReference(s.Reference),
		Name:    strings.TrimSuffix(s.Title, " – "+s.Organisation.Name),
		Group:   h.Pages.T(c, "triage.short."+casefile.ClassGroup(s.Shown())),
		Current: current, ClockState: clockState(s),
	}
	switch {
	case r.Name == "" && s.TLP == tlp.Red:
		r.Name = h.Pages.T(c, "triage.red.title")
	case r.Name == "":
		r.Name = s.Reference
	}
	return r
}

// shortReference is the number that people say: "V-2026-000147" → "000147" →
// four digits where they are enough.
func shortReference(ref string) string {
	n := ref[strings.LastIndex(ref, "-")+1:]
	for len(n) > 4 && n[0] == '0' {
		n = n[1:]
	}
	return n
}

func clockState(s casefile.Summary) string {
	switch {
	case s.NextDue != nil:
		return ""
	case s.State == casefile.Waiting:
		return "waiting"
	case s.AnsweredAt != nil:
		return "met"
	}
	return ""
}

// inboxView is mock 05.
type inboxView struct {
	page.Base
	Query   query
	Segs    []choice
	Drops   []drop
	Heads   map[string]string // where a column head leads
	Rows    []rowView
	Next    string
	Here    string
	Empty   page.Empty
	NoRed   string // where to confirm, when the filters leave out TLP:RED
	KPI     kpiView
	Charts  chartsView
	Pane    *caseView
	Workers []page.Option
}

// inbox is GET /lage/eingang. With fall= the case stands beside the queue; htmx
// gets the pane alone.
func (h *Handler) inbox(c echo.Context) error {
	ctx, who := c.Request().Context(), by(c)
	q := queryOf(c, inboxPath)
	if q.Case != "" && page.WantsFragment(c) {
		v, err := h.openCase(c, q.Case, q.Tab, q.href())
		if err != nil {
			return err
		}
		return h.Pages.Fragment(c, http.StatusOK, "inbox", "pane", v)
	}
	f := q.filter()
	var err error
	if f.Campaign, err = h.lage(c, q.Campaign); err != nil {
		return err
	}
	// A campaign's cases do not flood the queue: one line stands for them.
	f.Fold = f.Campaign == "" && (f.View == casefile.ViewOpen || f.View == casefile.ViewUnassigned)
	l, err := h.desk().List(ctx, who, f)
	if err != nil {
		return err
	}
	v := &inboxView{Base: h.base(c, h.Pages.T(c, "triage.inbox"), page.NavInbox), Query: q, Here: q.href("nach", ""), Workers: h.workers(c)}
	v.Main, v.NoRed = page.MainWork, h.noRed(c, f)
	if v.KPI, err = h.kpis(c); err != nil {
		return err
	}
	if v.Charts, err = h.charts(c); err != nil {
		return err
	}
	v.Counts = map[string]int{page.NavInbox: v.KPI.Unassigned}
	if q.Case == "" && len(l.Items) > 0 && q.After == "" {
		v.Notice = h.bulkNotice(c)
	}
	if q.Case != "" {
		if v.Pane, err = h.openCase(c, q.Case, q.Tab, q.href()); err != nil {
			return err
		}
	}
	h.fillInbox(c, v, l)
	return h.Pages.Render(c, http.StatusOK, "inbox", v)
}

// fillRows makes the lines; one that stands for a campaign is counted anew by
// the same filters.
func (h *Handler) fillRows(c echo.Context, v *inboxView, l casefile.List) {
	q := v.Query
	for _, s := range l.Items {
		r := h.row(c, s, q.href("fall", s.Reference, "t", ""), v.Pane != nil && v.Pane.ID == s.ID)
		r.Pane = true
		if s.Fold != nil {
			r.Fragment = query{path: "/lage/lagezeile/" + s.Campaign.Reference, View: q.View, Due: q.Due, State: q.State, Severity: q.Severity, Class: q.Class, Kreis: q.Kreis, Sort: q.Sort, Mark: q.Mark}.href()
			r.Href, r.Single = campaignsPath+"/"+s.Campaign.Reference, q.href("lage", s.Campaign.Reference, "fall", "")
		}
		v.Rows = append(v.Rows, r)
	}
}

func (h *Handler) fillInbox(c echo.Context, v *inboxView, l casefile.List) {
	q := v.Query
	h.fillRows(c, v, l)
	if l.Next != "" {
		v.Next = q.href("nach", l.Next, "fall", "")
	}
	v.Segs = []choice{
		{h.Pages.T(c, "triage.view.open"), v.KPI.Active, true, q.href("ansicht", "", "fall", ""), views[q.View] == casefile.ViewOpen},
		{h.Pages.T(c, "triage.view.mine"), v.KPI.Mine, true, q.href("ansicht", "meine", "fall", ""), q.View == "meine"},
		{h.Pages.T(c, "triage.view.nobody"), v.KPI.Nobody, true, q.href("ansicht", "niemand", "fall", ""), q.View == "niemand"},
		{h.Pages.T(c, "triage.view.all"), 0, false, q.href("ansicht", "alle", "fall", ""), q.View == "alle"},
	}
	v.Drops = h.drops(c, q, false)
	v.Heads = map[string]string{"severity": q.href("sort", "schwere"), "due": q.href("sort", ""), "received": q.href("sort", "eingang")}
	v.Empty = page.Empty{Text: h.Pages.T(c, "triage.inbox.empty")}
	if q.filtered() || q.View == "meine" || q.View == "niemand" {
		v.Empty = page.Empty{Text: h.Pages.T(c, "triage.inbox.nohit"), Href: inboxPath, Link: h.Pages.T(c, "triage.filter.clear")}
	}
}

// drops are the filters of both lists.
func (h *Handler) drops(c echo.Context, q query, withState bool) []drop {
	lang := page.Language(c)
	words := func(label, param, list, chosen string, ids []string) drop {
		d := drop{Label: h.Pages.T(c, label), Choices: []choice{{Label: h.Pages.T(c, "triage.filter.any"), Href: q.href(param, "", "fall", ""), Current: chosen == ""}}}
		for _, id := range ids {
			word := h.Pages.Word(lang, list, id)
			d.Choices = append(d.Choices, choice{Label: word, Href: q.href(param, id, "fall", ""), Current: id == chosen})
			if id == chosen {
				d.Value = word
			}
		}
		return d
	}
	var out []drop
	if withState {
		out = append(out, words("triage.col.state", "status", "state", q.State, page.Words("state")))
	}
	out = append(out, words("triage.col.severity", "schwere", "severity", q.Severity, page.Words("severity")),
		words("triage.col.class", "klasse", "rsit_class", casefile.ClassGroup(q.Class), page.Words("rsit_class")))
	kreis := drop{Label: h.Pages.T(c, "triage.col.kreis"), Choices: []choice{{Label: h.Pages.T(c, "triage.filter.any"), Href: q.href("kreis", "", "fall", ""), Current: q.Kreis == ""}}}
	for _, d := range chart.Districts() {
		kreis.Choices = append(kreis.Choices, choice{Label: d.Name, Href: q.href("kreis", d.Code, "fall", ""), Current: d.Code == q.Kreis})
		if d.Code == q.Kreis {
			kreis.Value = d.Name
		}
	}
	return append(out, kreis)
}

// oneRow is GET /lage/zeile/{id}: the line of a case as it is now, for the
// stream to put in place. It says no more than the list.
func (h *Handler) oneRow(c echo.Context) error {
	s, err := h.desk().Line(c.Request().Context(), by(c), c.Param("id"))
	if err != nil {
		return err
	}
	r := h.row(c, s, inboxPath+"?fall="+s.Reference, false)
	r.Pane = true
	return h.Pages.Fragment(c, http.StatusOK, "inbox", "row", r)
}

// campaignRow is GET /lage/lagezeile/{ref}: the line that stands for a campaign's
// cases as it is now, counted by the same filters as the list around it.
func (h *Handler) campaignRow(c echo.Context) error {
	v := &inboxView{Query: queryOf(c, inboxPath)}
	f := v.Query.filter()
	var err error
	if f.Campaign, err = h.campaigns().Store.FindCampaign(c.Request().Context(), c.Param("ref")); err != nil {
		return err
	}
	f.Fold, f.Limit, f.Query, f.After = f.View == casefile.ViewOpen || f.View == casefile.ViewUnassigned, 1, "", ""
	l, err := h.desk().List(c.Request().Context(), by(c), f)
	if err != nil {
		return err
	}
	if len(l.Items) == 0 {
		return fault.New(fault.NotFound, "no case of the campaign is in this list")
	}
	h.fillRows(c, v, l)
	if v.Rows[0].Fold == nil {
		return h.Pages.Fragment(c, http.StatusOK, "inbox", "row", v.Rows[0])
	}
	return h.Pages.Fragment(c, http.StatusOK, "inbox", "row-campaign", v.Rows[0])
}

// streamKey is where a request keeps up to which change its page is current.
const streamKey = "stream at"

// base is what all pages of the Lagezentrum have.
func (h *Handler) base(c echo.Context, title, nav string) page.Base {
	at, _ := c.Get(streamKey).(string)
	return page.Base{Title: title, Layout: page.Desk, Nav: nav, Stream: streamPath, StreamAt: at}
}

// workers are the people who may get a case, oneself first.
func (h *Handler) workers(c echo.Context) []page.Option {
	me := session.Actor(c).Person
	out := []page.Option{{Value: me, Label: h.Pages.T(c, "triage.assign.me")}}
	for _, p := range h.Register.People("", actor.Duty, actor.Analyst, actor.Lead) {
		if p.ID != me {
			out = append(out, page.Option{Value: p.ID, Label: p.Name})
		}
	}
	return out
}
