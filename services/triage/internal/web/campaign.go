// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/chart"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
)

const campaignsPath = "/lage/lagen"

// campaignRoutes are the addresses of campaigns. The print view leaves the
// system, so it is an export as that of a case is.
func (h *Handler) campaignRoutes() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: api + "/campaigns", Action: actor.CampaignRead, Handler: h.apiCampaigns},
		{Method: post, Path: api + "/campaigns", Action: actor.CampaignEdit, Handler: h.apiCampaignCreate},
		{Method: get, Path: api + "/campaigns/:id", Action: actor.CampaignRead, Handler: h.apiCampaign},
		{Method: http.MethodPatch, Path: api + "/campaigns/:id", Action: actor.CampaignEdit, Handler: h.apiCampaignChange},
		{Method: get, Path: api + "/campaigns/:id/cases", Action: actor.CampaignRead, Handler: h.apiCampaignCases},
		{Method: post, Path: api + "/campaigns/:id/cases", Action: actor.CampaignEdit, Handler: h.apiCampaignAdd},
		{Method: http.MethodDelete, Path: api + "/campaigns/:id/cases/:case", Action: actor.CampaignEdit, Handler: h.apiCampaignRemove},
		{Method: post, Path: api + "/campaigns/:id/notes", Action: actor.CampaignEdit, Handler: h.apiCampaignNote},
		{Method: post, Path: api + "/campaigns/:id/messages", Action: actor.CampaignEdit, Handler: h.apiOrder(campaign.JobMessage)},
		{Method: post, Path: api + "/campaigns/:id/classify", Action: actor.CampaignEdit, Handler: h.apiOrder(campaign.JobClassify)},
		{Method: post, Path: api + "/campaigns/:id/state", Action: actor.CampaignEdit, Handler: h.apiOrder(campaign.JobState)},
		{Method: post, Path: api + "/campaigns/:id/assign", Action: actor.CampaignEdit, Handler: h.apiOrder(campaign.JobAssign)},
		{Method: get, Path: api + "/campaigns/:id/jobs/:job", Action: actor.CampaignRead, Handler: h.apiJob},

		{Method: get, Path: campaignsPath, Action: actor.CampaignRead, Handler: h.campaignList},
		{Method: get, Path: campaignsPath + "/:ref", Action: actor.CampaignRead, Handler: h.campaignPage},
		{Method: get, Path: campaignsPath + "/:ref/druck", Action: actor.CaseExport, Handler: h.campaignPrint},
		{Method: get, Path: campaignsPath + "/:ref/tun/:name", Action: actor.CampaignRead, Handler: h.campaignForm},
		{Method: post, Path: campaignsPath + "/:ref/tun/:name", Action: actor.CampaignEdit, Handler: h.campaignDo},
		{Method: get, Path: campaignsPath + "/:ref/arbeit/:job", Action: actor.CampaignRead, Handler: h.campaignJob},
	}
}

// campaigns is the desk of campaigns on the pool.
func (h *Handler) campaigns() *campaign.Desk { return h.Campaigns(h.DB) }

// campaignLine is one line of the list.
type campaignLine struct {
	campaign.Line
	Href string
}

// campaignsView is the list of campaigns.
type campaignsView struct {
	page.Base
	Segs  []choice
	Rows  []campaignLine
	Next  string
	Empty page.Empty
}

// campaignList is GET /lage/lagen.
func (h *Handler) campaignList(c echo.Context) error {
	state := c.QueryParam("status")
	q := query{path: campaignsPath, State: state, After: c.QueryParam("nach")}
	l, err := h.campaigns().List(c.Request().Context(), by(c), campaign.Filter{State: state, Limit: pageSize, After: q.After})
	if err != nil {
		return err
	}
	v := &campaignsView{Base: h.base(c, h.Pages.T(c, "triage.campaigns"), page.NavCampaigns), Empty: page.Empty{Text: h.Pages.T(c, "triage.campaigns.empty")}}
	for _, s := range []struct{ id, label string }{{"", "triage.view.all"}, {"open", "triage.view.open"}, {"closed", "triage.campaign.closed"}} {
		v.Segs = append(v.Segs, choice{Label: h.Pages.T(c, s.label), Href: q.href("status", s.id), Current: s.id == state})
	}
	for _, k := range l.Items {
		if k.Title == "" {
			k.Title = h.Pages.T(c, "triage.red.title")
		}
		v.Rows = append(v.Rows, campaignLine{Line: k, Href: campaignsPath + "/" + k.Reference})
	}
	if l.Next != "" {
		v.Next = q.href("nach", l.Next)
	}
	return h.Pages.Render(c, http.StatusOK, "campaigns", v)
}

// countView is one figure of the head with the list behind it.
type countView struct {
	ID, Label, Href string
	N               int
}

// jobView is a change of many cases in words.
type jobView struct {
	campaign.Job
	Href, What string
	Running    bool
	Worked     int
}

// campaignView is the page of a campaign.
type campaignView struct {
	page.Base
	K           campaign.Overview
	Path        string
	Here        string
	Query       query
	Segs        []choice
	Drops       []drop
	Rows        []rowView
	Next        string
	Empty       page.Empty
	States      []countView
	Severities  []countView
	Kreise      []countView
	Answers     []countView // what the bodies said to their provider's report
	Unreachable []campaign.Body
	Log         []logView
	Jobs        []jobView
	Acts        []campaignAct
	May         bool
}

// campaignPage is GET /lage/lagen/{ref}.
func (h *Handler) campaignPage(c echo.Context) error {
	v, err := h.openCampaign(c, by(c))
	if err != nil {
		return err
	}
	if err := h.campaignCases(c, v, pageSize); err != nil {
		return err
	}
	v.Acts = h.campaignActs(c, v)
	return h.Pages.Render(c, http.StatusOK, "campaign", v)
}

// printMost is how many cases a print view lists.
const printMost = 1000

// campaignPrint is GET /lage/lagen/{ref}/druck: the campaign on paper.
func (h *Handler) campaignPrint(c echo.Context) error {
	who := by(c)
	who.Export = true
	v, err := h.openCampaign(c, who)
	if err != nil {
		return err
	}
	v.Query = query{path: v.Path, View: "alle"}
	if err := h.campaignCases(c, v, printMost); err != nil {
		return err
	}
	v.Layout, v.Nav, v.Stream, v.TLP = page.Print, "", "", "AMBER+STRICT"
	return h.Pages.Render(c, http.StatusOK, "campaignprint", v)
}

func (h *Handler) openCampaign(c echo.Context, who casefile.By) (*campaignView, error) {
	o, err := h.campaigns().Read(c.Request().Context(), who, c.Param("ref"))
	if err != nil {
		return nil, err
	}
	v := &campaignView{
		Base: h.base(c, o.Reference+" "+o.Title, page.NavCampaigns), K: o, Path: campaignsPath + "/" + o.Reference,
		May: who.View(actor.CampaignEdit).Everything,
	}
	v.Exercise = o.Exercise
	v.Query = queryOf(c, v.Path)
	v.Query.Campaign = "" // it stands in the path
	if v.Query.View == "" && o.Open+o.Resolved == 0 {
		v.Query.View = "alle"
	}
	v.Here = v.Query.href("nach", "")
	h.campaignFigures(c, v)
	for _, b := range o.Bodies {
		if !h.reachable(b.Organisation.ID) {
			v.Unreachable = append(v.Unreachable, b)
		}
	}
	for _, e := range o.Timeline {
		v.Log = append(v.Log, h.campaignEntry(c, e))
	}
	for _, j := range o.Jobs {
		v.Jobs = append(v.Jobs, h.jobView(c, v.Path, j))
	}
	return v, nil
}

// reachable reports whether a body can be told of something by mail: its
// officers, else who administers it, else its own address.
func (h *Handler) reachable(organisation string) bool {
	if organisation == "" {
		return false
	}
	for _, p := range h.Register.People(organisation, actor.Officer, actor.OrgAdmin) {
		if p.Email != "" {
			return true
		}
	}
	o, ok := h.Register.Organisation(organisation)
	return ok && o.Email != ""
}

func (h *Handler) campaignFigures(c echo.Context, v *campaignView) {
	lang, q := page.Language(c), query{path: v.Path, View: "alle"}
	for _, s := range casefile.States() {
		if n := v.K.States[s]; n > 0 {
			v.States = append(v.States, countView{ID: string(s), Label: h.Pages.Word(lang, "state", string(s)), Href: q.href("status", string(s)), N: n})
		}
	}
	for _, s := range casefile.Severities() {
		if n := v.K.Severities[s]; n > 0 {
			v.Severities = append(v.Severities, countView{ID: string(s), Label: h.Pages.Word(lang, "severity", string(s)), Href: q.href("schwere", string(s)), N: n})
		}
	}
	names := map[string]string{}
	for _, d := range chart.Districts() {
		names[d.Code] = d.Name
	}
	for _, k := range slices.Sorted(maps.Keys(v.K.Kreise)) {
		name := names[k]
		if name == "" {
			name = h.Pages.T(c, "triage.campaign.nokreis")
		}
		v.Kreise = append(v.Kreise, countView{ID: k, Label: name, Href: q.href("kreis", k), N: v.K.Kreise[k]})
	}
	for _, a := range []struct {
		id string
		n  int
	}{{casefile.MarkContradicted, v.K.Contradicted}, {casefile.MarkTakenOver, v.K.TakenOver}, {casefile.MarkMessage, v.K.Unread}} {
		v.Answers = append(v.Answers, countView{ID: a.id, Label: h.Pages.T(c, "triage.mark."+a.id), Href: q.href("merkmal", a.id), N: a.n})
	}
}

// campaignCases fills the table.
func (h *Handler) campaignCases(c echo.Context, v *campaignView, most int) error {
	f := v.Query.filter()
	f.Campaign, f.Limit = v.K.ID, most
	if v.Query.View == "alle" {
		f.View, f.Sort = casefile.ViewAll, ""
	}
	l, err := h.desk().List(c.Request().Context(), by(c), f)
	if err != nil {
		return err
	}
	for _, s := range l.Items {
		r := h.row(c, s, "/lage/fall/"+s.Reference, false)
		// What the cases share stands above: here the body comes first.
		r.Campaign, r.Name, r.Organisation.Name = nil, s.Organisation.Name, r.Name
		v.Rows = append(v.Rows, r)
	}
	if l.Next != "" {
		v.Next = v.Query.href("nach", l.Next)
	}
	v.Segs = []choice{
		{h.Pages.T(c, "triage.view.open"), v.K.Open + v.K.Resolved, true, v.Query.href("ansicht", ""), v.Query.View == ""},
		{h.Pages.T(c, "triage.view.all"), v.K.Total, true, v.Query.href("ansicht", "alle"), v.Query.View == "alle"},
	}
	v.Drops = append(h.drops(c, v.Query, true), h.markDrop(c, v.Query))
	v.Empty = page.Empty{Text: h.Pages.T(c, "triage.cases.nohit"), Href: v.Path + "?ansicht=alle", Link: h.Pages.T(c, "triage.filter.clear")}
	return nil
}

// markDrop filters by what the bodies said.
func (h *Handler) markDrop(c echo.Context, q query) drop {
	d := drop{Label: h.Pages.T(c, "triage.mark"), Choices: []choice{{Label: h.Pages.T(c, "triage.filter.any"), Href: q.href("merkmal", ""), Current: q.Mark == ""}}}
	for _, m := range casefile.Marks() {
		word := h.Pages.T(c, "triage.mark."+m)
		d.Choices = append(d.Choices, choice{Label: word, Href: q.href("merkmal", m), Current: m == q.Mark})
		if m == q.Mark {
			d.Value = word
		}
	}
	return d
}

// campaignEntry is one line of the campaign's timeline in the reader's language.
func (h *Handler) campaignEntry(c echo.Context, e campaign.Entry) logView {
	v := logView{At: e.At, Who: e.Actor.Name, Reason: e.Reason}
	if strings.HasPrefix(e.Actor.ID, "service:") {
		v.Who = h.Pages.T(c, "triage.system")
	}
	t := func(id string, args ...any) string { return h.Pages.T(c, "triage.campaign.log."+id, args...) }
	switch e.Kind {
	case campaign.KindOpened:
		v.Text, v.Tone = t("opened"), "in"
		if e.Ref != "" {
			v.Text = t("opened.report", "Ref", e.Ref)
		}
	case campaign.KindAdded:
		v.Text, v.Tone = t("added", "What", e.To), "me"
	case campaign.KindRemoved:
		v.Text = t("removed", "What", e.From)
	case campaign.KindRenamed:
		v.Text = t("renamed", "From", e.From, "To", e.To)
	case campaign.KindAssigned:
		v.Text = t("assigned", "Name", e.To)
		if e.To == "" {
			v.Text = t("unassigned", "Name", e.From)
		}
	case campaign.KindNoted:
		v.Text = t("noted")
	case campaign.KindClosed:
		v.Text = t("closed")
	case campaign.KindReopened:
		v.Text = t("reopened")
	case campaign.KindOrdered:
		v.Text = t("ordered", "What", h.jobWords(c, e.To), "N", e.From)
	default:
		v.Text = e.Kind
	}
	return v
}

// jobWords names the kind of a change of many cases.
func (h *Handler) jobWords(c echo.Context, kind string) string {
	switch kind {
	case campaign.JobMessage, campaign.JobClassify, campaign.JobState, campaign.JobAssign:
		return h.Pages.T(c, "triage.job."+kind)
	}
	return kind
}

func (h *Handler) jobView(c echo.Context, path string, j campaign.Job) jobView {
	return jobView{Job: j, Href: path + "/arbeit/" + j.ID, What: h.jobWords(c, j.Kind), Running: j.EndedAt == nil, Worked: j.Done + j.Failed}
}

// campaignJobView is how far a change of many cases is.
type campaignJobView struct {
	page.Base
	J         jobView
	Reference string
	Path      string
	Fragment  string
}

// campaignJob is GET /lage/lagen/{ref}/arbeit/{job}: how far it is, and at which
// cases it did nothing and why.
func (h *Handler) campaignJob(c echo.Context) error {
	j, err := h.campaigns().Job(c.Request().Context(), by(c), c.Param("ref"), c.Param("job"))
	if err != nil {
		return err
	}
	ref := strings.ToUpper(c.Param("ref"))
	v := &campaignJobView{Path: campaignsPath + "/" + ref, Reference: ref}
	v.J = h.jobView(c, v.Path, j)
	v.Base = h.base(c, h.Pages.T(c, "triage.job.title", "What", v.J.What, "Ref", ref), page.NavCampaigns)
	v.Fragment = v.J.Href + "?teil=1"
	if c.QueryParam("teil") != "" {
		return h.Pages.Fragment(c, http.StatusOK, "campaignjob", "job", v)
	}
	return h.Pages.Render(c, http.StatusOK, "campaignjob", v)
}

// lage resolves the queue's filter by campaign; a number that is none is refused
// rather than shown as an empty queue.
func (h *Handler) lage(c echo.Context, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	id, err := h.campaigns().Store.FindCampaign(c.Request().Context(), ref)
	if fault.Is(err, fault.NotFound) {
		return "", fieldError("lage", "triage.campaign.err.unknown", "names no campaign")
	}
	return id, err
}
