// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// memberRoutes are the pages on which a provider names its members.
func (h *Handler) memberRoutes() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	create := actor.ReportCreate
	return []httpserver.Route{
		{Method: get, Path: "/melden/:code/stellen", Action: create, Handler: h.forSeveral(h.showPicking)},
		{Method: post, Path: "/melden/:code/stellen", Action: create, Handler: h.forSeveral(h.savePicking)},
		{Method: get, Path: "/melden/:code/liste", Action: create, Handler: h.forSeveral(h.showList)},
		{Method: post, Path: "/melden/:code/liste", Action: create, Handler: h.forSeveral(h.saveList), Limit: listLimit},
		{Method: get, Path: "/melden/:code/ergebnis", Action: create, Handler: h.forSeveral(h.showMatches)},
		{Method: post, Path: "/melden/:code/ergebnis", Action: create, Handler: h.forSeveral(h.saveMatches)},
		{Method: get, Path: "/melden/:code/angaben", Action: create, Handler: h.forSeveral(h.showParticular)},
		{Method: post, Path: "/melden/:code/angaben", Action: create, Handler: h.forSeveral(h.saveParticular)},
	}
}

// memberPage is a page of the form about the members of a provider.
type memberPage func(c echo.Context, code string, d report.Draft) error

// forSeveral opens the draft; who reports for one body has nothing to pick.
func (h *Handler) forSeveral(next memberPage) echo.HandlerFunc {
	return func(c echo.Context) error {
		code, d, err := h.draft(c)
		switch {
		case err != nil:
			return h.noDraft(c, code, err)
		case !h.several(session.Actor(c)):
			return page.Redirect(c, "/melden/"+report.FormatCode(code)+"/betroffen")
		}
		return next(c, code, d)
	}
}

// kreisGroup are bodies of one Kreis.
type kreisGroup struct {
	Key, Name string
	Own       bool // one of them has something of its own
	Bodies    []memberView
}

// memberView is one body to pick, or picked.
type memberView struct {
	ID, Name, Phone, Change string
	Chosen, Own             bool
	FieldID                 string
}

// maxPicked is how many bodies a page of the picking step shows.
const maxPicked = 50

// pickView is the step that picks members.
type pickView struct {
	stepView
	Query, Kreis, Level string
	OnlyChosen          bool
	All, Found          int // mandates, and what the filter lets through
	Groups              []kreisGroup
	Kreise, Levels      []page.Option
	Next                string // cursor
	First               bool   // this is the first page
	ListPath            string
}

// pickFilter narrows the bodies to pick from; it travels in the address.
type pickFilter struct {
	query, kreis, level string
	chosen              bool
	after               string
}

func pickFilterOf(v url.Values) pickFilter {
	f := pickFilter{query: v.Get("q"), kreis: v.Get("kreis"), level: v.Get("level"), chosen: v.Get("gewaehlt") == "yes", after: v.Get("after")}
	if len(f.query) > 200 {
		f.query = ""
	}
	return f
}

func (f pickFilter) address(path, back string) string {
	v := url.Values{}
	set := func(k, x string) {
		if x != "" {
			v.Set(k, x)
		}
	}
	set("q", f.query)
	set("kreis", f.kreis)
	set("level", f.level)
	set("after", f.after)
	set("zurueck", back)
	if f.chosen {
		v.Set("gewaehlt", "yes")
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// kreisOf is the Kreis as a heading names it, and its key.
func (h *Handler) kreisOf(o register.Organisation) (key, name string) {
	switch {
	case o.Kreis == "":
		return "", ""
	case o.KreisName != "":
		return o.Kreis, strings.TrimPrefix(o.KreisName, "Landkreis ")
	}
	return o.Kreis, o.Name
}

// sorted are the bodies one may report for, by Kreis and name, with their keys.
func (h *Handler) sorted(by actor.Actor) (list []register.Organisation, keys []string) {
	type keyed struct {
		key string
		register.Organisation
	}
	own := h.ownBodies(by)
	all := make([]keyed, len(own))
	for i, o := range own {
		_, kreis := h.kreisOf(o)
		all[i] = keyed{register.Fold(kreis) + "\x00" + register.Fold(o.Name) + "\x00" + o.ID, o}
	}
	slices.SortFunc(all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	for _, k := range all {
		list, keys = append(list, k.Organisation), append(keys, k.key)
	}
	return list, keys
}

// pick are the bodies that a filter lets through.
func (h *Handler) pick(by actor.Actor, f pickFilter, chosen map[string]bool) (list []register.Organisation, keys []string) {
	all, allKeys := h.sorted(by)
	q := register.Fold(f.query)
	for i, o := range all {
		if f.kreis != "" && o.Kreis != f.kreis || f.level != "" && o.Level != f.level || f.chosen && !chosen[o.ID] ||
			q != "" && !strings.Contains(register.Fold(o.Name), q) && !strings.HasPrefix(o.AGS, q) {
			continue
		}
		list, keys = append(list, o), append(keys, allKeys[i])
	}
	return list, keys
}

func setOf(ids []string) map[string]bool {
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out
}

func (h *Handler) showPicking(c echo.Context, code string, d report.Draft) error {
	return h.pickPage(c, http.StatusOK, code, d.Form, pickFilterOf(c.QueryParams()), nil)
}

func (h *Handler) pickPage(c echo.Context, status int, code string, form report.Form, f pickFilter, wrong []page.FieldError) error {
	by := session.Actor(c)
	v := &pickView{stepView: *h.view(c, code, picking, form), Query: f.query, Kreis: f.kreis, Level: f.level, OnlyChosen: f.chosen, First: f.after == ""}
	v.ListPath, v.Errors = "/melden/"+v.Code+"/liste", wrong
	chosen := setOf(form.Affected)
	list, keys := h.pick(by, f, chosen)
	v.Found = len(list)
	after, _ := base64.RawURLEncoding.DecodeString(f.after)
	var shown []register.Organisation
	for i, o := range list {
		if keys[i] <= string(after) && len(after) > 0 {
			continue
		}
		if len(shown) == maxPicked {
			v.Next = base64.RawURLEncoding.EncodeToString([]byte(keys[i-1]))
			break
		}
		shown = append(shown, o)
	}
	v.Groups = h.grouped(shown, chosen)
	h.pickChoices(c, v, by)
	return h.Pages.Render(c, status, picking, v)
}

// pickChoices are what the filter offers: the Kreise and levels of one's own members.
func (h *Handler) pickChoices(c echo.Context, v *pickView, by actor.Actor) {
	kreise, levels := map[string]string{}, map[string]bool{}
	all, _ := h.sorted(by)
	v.All = len(all)
	for _, o := range all {
		if key, name := h.kreisOf(o); key != "" {
			kreise[key] = name
		}
		levels[o.Level] = true
	}
	v.Kreise = []page.Option{{Label: h.Pages.T(c, "intake.members.kreis.all")}}
	for _, key := range slices.SortedFunc(maps.Keys(kreise), func(a, b string) int {
		return strings.Compare(register.Fold(kreise[a]), register.Fold(kreise[b]))
	}) {
		v.Kreise = append(v.Kreise, page.Option{Value: key, Label: kreise[key]})
	}
	v.Levels = []page.Option{{Label: h.Pages.T(c, "intake.members.level.all")}}
	for _, l := range slices.Sorted(maps.Keys(levels)) {
		v.Levels = append(v.Levels, page.Option{Value: l, Label: h.Pages.Word(page.Language(c), "level", l)})
	}
}

// grouped puts bodies that are sorted by Kreis into groups.
func (h *Handler) grouped(list []register.Organisation, chosen map[string]bool) []kreisGroup {
	var out []kreisGroup
	for i, o := range list {
		key, name := h.kreisOf(o)
		if len(out) == 0 || out[len(out)-1].Key != key {
			out = append(out, kreisGroup{Key: key, Name: name})
		}
		m := memberView{ID: o.ID, Name: memberName(o), Chosen: chosen[o.ID], FieldID: "affected-" + o.ID}
		if i == 0 {
			m.FieldID = "affected"
		}
		out[len(out)-1].Bodies = append(out[len(out)-1].Bodies, m)
	}
	return out
}

// memberName is a body under the heading of its Kreis.
func memberName(o register.Organisation) string {
	if o.Level == "kreis" {
		return bodyName(o)
	}
	return o.Name
}

// withoutOne begins what the check page's buttons say that take one body out.
const withoutOne = "ohne:"

// savePicking keeps the ticks of the page that was shown, whatever else is
// wanted: nothing picked is lost by filtering, turning pages or going back.
func (h *Handler) savePicking(c echo.Context, code string, d report.Draft) error {
	form, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	by := session.Actor(c)
	f := pickFilterOf(form)
	own, _ := h.sorted(by)
	chosen := setOf(d.Form.Affected)
	ticked := setOf(form["affected"])
	for _, id := range form["shown"] {
		chosen[id] = ticked[id]
	}
	do := form.Get("do")
	if id, one := strings.CutPrefix(do, withoutOne); one {
		delete(chosen, id)
	}
	h.choosing(by, do, f, chosen)
	d.Form.Affected, d.Form.FreeText = nil, false
	for _, o := range own {
		if chosen[o.ID] {
			d.Form.Affected = append(d.Form.Affected, o.ID)
		}
	}
	if err := h.Desk.Store.SaveDraft(c.Request().Context(), d); err != nil {
		return h.busyPicking(c, code, d.Form, f, err)
	}
	path, back := "/melden/"+report.FormatCode(code)+"/", form.Get("zurueck")
	if strings.HasPrefix(do, withoutOne) && len(d.Form.Affected) > 0 {
		return page.Redirect(c, path+"pruefen#stellen")
	}
	if back != "pruefen" {
		back = ""
	}
	if after, ok := strings.CutPrefix(do, "page:"); ok {
		f.after = after
	}
	switch {
	case do == "list":
		return page.Redirect(c, path+"liste")
	case do != "":
		return page.Redirect(c, f.address(path+picking, back)+"#wahl")
	case form.Get("go") == "back":
		return page.Redirect(c, path+"was")
	case len(d.Form.Affected) == 0:
		return h.pickPage(c, http.StatusUnprocessableEntity, code, d.Form, f, []page.FieldError{{Field: "affected", Code: "intake.err.members.none"}})
	case back != "":
		return page.Redirect(c, path+"pruefen")
	}
	return page.Redirect(c, path+"betroffen")
}

// choosing does what a button of the picking step says: all or none of what the
// filter lets through, or a whole Kreis.
func (h *Handler) choosing(by actor.Actor, do string, f pickFilter, chosen map[string]bool) {
	kreis, whole := strings.CutPrefix(do, "kreis:")
	if do != "all" && do != "none" && !whole {
		return
	}
	f.after = ""
	if whole {
		f.kreis = kreis
	}
	list, _ := h.pick(by, f, chosen)
	for _, o := range list {
		if !whole || o.Kreis == kreis {
			chosen[o.ID] = do != "none"
		}
	}
}

func (h *Handler) busyPicking(c echo.Context, code string, form report.Form, f pickFilter, err error) error {
	kind := fault.KindOf(err)
	if kind != fault.Unavailable && kind != fault.Limited {
		return err
	}
	c.Response().Header().Set("Retry-After", seconds(retryOf(err)))
	return h.pickPage(c, http.StatusServiceUnavailable, code, form, f,
		[]page.FieldError{{Code: "intake.busy.unavailable", Args: []any{"Phone", h.Pages.Site().Phone}}})
}

// chosenByKreis are the picked bodies for the check page.
func (h *Handler) chosenByKreis(c echo.Context, path string, f report.Form) []kreisGroup {
	chosen := setOf(f.Affected)
	list, _ := h.pick(session.Actor(c), pickFilter{chosen: true}, chosen)
	groups := h.grouped(list, chosen)
	for i := range groups {
		if groups[i].Name == "" {
			groups[i].Name = h.Pages.T(c, "intake.members.nokreis")
		}
		for j := range groups[i].Bodies {
			b := &groups[i].Bodies[j]
			o, _ := h.Register.Organisation(b.ID)
			own, has := f.Members[b.ID]
			b.Own = has && !own.Empty()
			b.Phone, b.Change = o.Phone, path+"angaben?stelle="+b.ID
			groups[i].Own = groups[i].Own || b.Own
		}
	}
	return groups
}

// kindsOf counts what was picked by level, and finds what cannot be reported for
// any more.
func (h *Handler) kindsOf(c echo.Context, v *stepView, f report.Form) {
	own := map[string]bool{}
	for _, o := range h.ownBodies(session.Actor(c)) {
		own[o.ID] = true
	}
	levels, particular := map[string]int{}, 0
	for _, id := range f.Affected {
		o, known := h.Register.Organisation(id)
		if !own[id] {
			name := o.Name
			if !known {
				name = id
			}
			v.Gone = append(v.Gone, memberView{ID: id, Name: name})
			continue
		}
		levels[o.Level]++
		if p, has := f.Members[id]; has && !p.Empty() {
			particular++
		}
	}
	for _, l := range slices.Sorted(maps.Keys(levels)) {
		v.Kinds = append(v.Kinds, h.Pages.T(c, "intake.check.kind", "Kind", h.Pages.Word(page.Language(c), "level", l), "N", levels[l]))
	}
	if particular > 0 {
		v.Kinds = append(v.Kinds, h.Pages.T(c, "intake.check.kind", "Kind", h.Pages.T(c, "intake.members.own"), "N", particular))
	}
}

// membersIn is what the form says about single bodies, of those that are picked.
func membersIn(f report.Form) []report.Member {
	var out []report.Member
	for _, id := range f.Affected {
		if p, ok := f.Members[id]; ok && !p.Empty() {
			out = append(out, report.Member{Affected: id, Particular: p})
		}
	}
	return out
}
