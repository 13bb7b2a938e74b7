// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// The actions of a campaign, as the addresses name them. Those of orders touch
// many cases.
const (
	lageMessage  = "nachricht"
	lageClassify = "einstufen"
	lageState    = "status"
	lageGive     = "faelle-zuweisen"
	lageNote     = "notiz"
	lageAssign   = "zuweisen"
	lageRename   = "umbenennen"
	lageAdd      = "fall-dazu"
	lageRemove   = "fall-heraus"
	lageClose    = "abschliessen"
	lageReopen   = "oeffnen"
)

var lageActs = []string{lageMessage, lageClassify, lageState, lageGive, lageNote, lageAssign, lageRename, lageAdd, lageRemove, lageClose, lageReopen}

var orders = map[string]string{lageMessage: campaign.JobMessage, lageClassify: campaign.JobClassify, lageState: campaign.JobState, lageGive: campaign.JobAssign}

// campaignAct is the form of an action. One that touches many cases says how
// many, and narrows them as the table beside it.
type campaignAct struct {
	actView
	Orders bool
	Count  int
	Which  campaign.Which
	Narrow bool // the table is filtered: so is the order
}

// whichOf is what the address, or a form, narrows the cases to.
func whichOf(get func(string) string) campaign.Which {
	w := campaign.Which{State: get("status"), Severity: get("schwere"), Kreis: get("kreis"), Mark: get("merkmal")}
	if !slices.Contains(casefile.States(), casefile.State(w.State)) {
		w.State = ""
	}
	if !slices.Contains(casefile.Marks(), w.Mark) {
		w.Mark = ""
	}
	return w
}

// campaignActs are the forms beside the table.
func (h *Handler) campaignActs(c echo.Context, v *campaignView) []campaignAct {
	if !v.May {
		return nil
	}
	var out []campaignAct
	for _, name := range lageActs {
		if (name == lageReopen) != (v.K.State == campaign.Closed) && (name == lageReopen || name != lageNote && name != lageRename) {
			continue
		}
		out = append(out, h.campaignAct(c, v, name, nil))
	}
	return out
}

// campaignAct makes the form of an action; given what was typed it keeps it.
func (h *Handler) campaignAct(c echo.Context, v *campaignView, name string, typed url.Values) campaignAct {
	a := campaignAct{actView: actView{
		Name: "lage." + name, Action: v.Path + "/tun/" + name, Version: v.K.Version, Back: v.Here, Key: event.NewID(), Inputs: h.campaignInputs(c, v, name),
	}}
	get := c.QueryParam
	if typed != nil {
		get = typed.Get
		if k := typed.Get("key"); k != "" {
			a.Key = k
		}
	}
	if _, a.Orders = orders[name]; a.Orders {
		a.Which = whichOf(get)
		a.Narrow = a.Which.State+a.Which.Severity+a.Which.Kreis+a.Which.Mark != ""
		if n, err := h.campaigns().Count(c.Request().Context(), by(c), v.K.ID, a.Which); err == nil {
			a.Count = n
		}
	}
	for i := range a.Inputs {
		in := &a.Inputs[i]
		in.ID = name + "-" + in.Name
		if typed != nil {
			in.ID, in.Value = in.Name, typed.Get(in.Name)
		}
		for j := range in.Options {
			in.Options[j].Chosen = in.Options[j].Value == in.Value
		}
		for _, e := range v.Errors {
			if e.Field == in.Name {
				in.Error = h.errorText(c, e)
			}
		}
	}
	return a
}

// campaignInputs are the fields of an action. The names of an order's fields
// differ from those of the filter that narrows it.
func (h *Handler) campaignInputs(c echo.Context, v *campaignView, name string) []inputView {
	lang := page.Language(c)
	none := page.Option{Label: h.Pages.T(c, "triage.choose")}
	reason := inputView{Kind: "textarea", Name: "reason", Label: "triage.field.reason", Rows: 2, Max: campaign.MaxReason}
	workers := append(h.workers(c), page.Option{Label: h.Pages.T(c, "triage.assign.nobody")})
	severity := inputView{Kind: "select", Name: "severity", Label: "triage.field.severity", Options: append([]page.Option{none}, h.Pages.Options(lang, "severity")...)}
	class := inputView{Kind: "select", Name: "class", Label: "triage.field.class", Options: append([]page.Option{none}, h.classes(c)...)}
	switch name {
	case lageMessage:
		return []inputView{
			{Kind: "textarea", Name: "text", Label: "triage.field.message", Hint: "triage.field.message.hint", Rows: 5, Max: campaign.MaxText},
			{Kind: "check", Name: "wait", Label: "triage.campaign.wait"},
		}
	case lageClassify:
		return []inputView{severity, class, reason}
	case lageState:
		states := []page.Option{none}
		for _, s := range casefile.States() {
			if s != casefile.New && s != casefile.Merged {
				states = append(states, page.Option{Value: string(s), Label: h.Pages.Word(lang, "state", string(s))})
			}
		}
		class.Hint = "triage.campaign.closing"
		return []inputView{
			{Kind: "select", Name: "state", Label: "triage.field.state", Options: states},
			class,
			{Kind: "select", Name: "disposition", Label: "triage.field.disposition", Hint: "triage.campaign.closing", Options: append([]page.Option{none}, h.Pages.Options(lang, "disposition")...)},
			reason,
		}
	case lageGive, lageAssign:
		return []inputView{{Kind: "select", Name: "assignee", Label: "triage.field.assignee", Options: workers}}
	case lageNote:
		return []inputView{{Kind: "textarea", Name: "text", Label: "triage.field.note", Hint: "triage.field.note.hint", Rows: 4, Max: campaign.MaxText}}
	case lageRename:
		return []inputView{{Kind: "text", Name: "title", Label: "triage.field.title", Value: v.K.Title, Max: campaign.MaxTitle}}
	case lageAdd, lageRemove:
		reason.Label = map[string]string{lageAdd: "triage.campaign.reason.add", lageRemove: "triage.field.reason"}[name]
		return []inputView{{Kind: "text", Name: "cases", Label: "triage.campaign.case", Hint: "triage.campaign.case.hint", Max: 40}, reason}
	case lageClose, lageReopen:
		return []inputView{reason}
	}
	return nil
}

// campaignActPage is an action as a page of its own.
type campaignActPage struct {
	page.Base
	K       campaign.Overview
	Path    string
	Back    string
	Act     campaignAct
	Changed bool // somebody changed the campaign in the meantime
}

// campaignForm is GET /lage/lagen/{ref}/tun/{name}.
func (h *Handler) campaignForm(c echo.Context) error {
	if !slices.Contains(lageActs, c.Param("name")) {
		return fault.New(fault.NotFound, "there is no such action")
	}
	return h.campaignActPage(c, http.StatusOK, nil, nil)
}

func (h *Handler) campaignActPage(c echo.Context, status int, typed url.Values, cause error) error {
	v, err := h.openCampaign(c, by(c))
	if err != nil {
		return err
	}
	p := &campaignActPage{Base: v.Base, K: v.K, Path: v.Path, Back: safeBack(firstOf(c.QueryParam("zurueck"), typed.Get("zurueck")), v.Path)}
	switch {
	case fault.Is(cause, fault.Stale), fault.Is(cause, fault.Conflict):
		p.Changed = true
	case cause != nil:
		p.Fail(cause)
		v.Errors = p.Errors
	}
	v.Here = p.Back
	p.Act = h.campaignAct(c, v, c.Param("name"), typed)
	p.Title = h.Pages.T(c, p.Act.Title()) + " – " + v.K.Reference
	return h.Pages.Render(c, status, "campaignact", p)
}

// campaignDo is POST /lage/lagen/{ref}/tun/{name}.
func (h *Handler) campaignDo(c echo.Context) error {
	f, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	name := c.Param("name")
	if !slices.Contains(lageActs, name) {
		return fault.New(fault.NotFound, "there is no such action")
	}
	seen, err := strconv.Atoi(f.Get("version"))
	if err != nil || seen < 1 {
		return fault.New(fault.Malformed, "the form does not say which version of the campaign it is about")
	}
	to := safeBack(f.Get("zurueck"), campaignsPath+"/"+c.Param("ref"))
	body := []byte(name + " " + withoutKey(f).Encode())
	a, err := idem.Do(c.Request().Context(), h.DB, h.once(c, firstOf(f.Get("key"), event.NewID()), body), func(tx pg.DB) (int, any, error) {
		job, err := h.campaignStep(c, h.Campaigns(tx), name, seen, f)
		return http.StatusSeeOther, job, err
	})
	switch {
	case err == nil:
	case len(fault.FieldsOf(err)) > 0:
		return h.campaignActPage(c, http.StatusUnprocessableEntity, f, err)
	case fault.Is(err, fault.Stale), fault.Is(err, fault.Conflict):
		return h.campaignActPage(c, http.StatusConflict, f, err)
	default:
		return err
	}
	if job := strings.Trim(strings.TrimSpace(string(a.Body)), `"`); event.IsID(job) {
		to = campaignsPath + "/" + c.Param("ref") + "/arbeit/" + job
	}
	return page.Redirect(c, to)
}

func withoutKey(f url.Values) url.Values {
	out := url.Values{}
	for name, v := range f {
		if name != "key" && name != "version" {
			out[name] = v
		}
	}
	return out
}

// campaignStep does an action; of an order it returns the job.
func (h *Handler) campaignStep(c echo.Context, d *campaign.Desk, name string, seen int, f url.Values) (string, error) {
	ctx, who, ref := c.Request().Context(), by(c), c.Param("ref")
	if kind, ok := orders[name]; ok {
		j, err := d.Order(ctx, who, ref, kind, campaign.Order{
			Text: f.Get("text"), Wait: f.Get("wait") != "", Severity: f.Get("severity"), Class: f.Get("class"), State: f.Get("state"),
			Disposition: f.Get("disposition"), Reason: f.Get("reason"), Assignee: f.Get("assignee"),
		}, whichOf(f.Get))
		return j.ID, err
	}
	var err error
	switch name {
	case lageNote:
		_, err = d.Note(ctx, who, ref, f.Get("text"))
	case lageAssign:
		_, err = d.Assign(ctx, who, ref, seen, f.Get("assignee"))
	case lageRename:
		_, err = d.Rename(ctx, who, ref, seen, f.Get("title"))
	case lageAdd:
		_, err = d.Add(ctx, who, ref, 0, strings.FieldsFunc(f.Get("cases"), separates), f.Get("reason"))
	case lageRemove:
		_, err = d.Remove(ctx, who, ref, 0, strings.TrimSpace(f.Get("cases")), f.Get("reason"))
		if fault.Is(err, fault.NotFound) {
			err = fieldError("cases", "triage.campaign.err.notin", "is no case of the campaign")
		}
	case lageClose:
		_, err = d.Close(ctx, who, ref, seen, f.Get("reason"))
		if fields := fault.FieldsOf(err); len(fields) > 0 && fields[0].Name == "state" {
			err = fieldError("reason", "triage.campaign.err.open", fields[0].Detail)
		}
	case lageReopen:
		_, err = d.Reopen(ctx, who, ref, seen, f.Get("reason"))
	}
	return "", err
}

func separates(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\t' }

// bulkCampaign puts the ticked cases of the queue into a campaign: a new one
// with the first case's title, or the one that was named.
func (h *Handler) bulkCampaign(c echo.Context, f url.Values) error {
	ctx, ids, ref := c.Request().Context(), f["sel"], strings.TrimSpace(f.Get("lage"))
	back := safeBack(f.Get("zurueck"), inboxPath)
	var err error
	if ref == "" {
		var k *campaign.Campaign
		title := ""
		if len(ids) > 0 {
			if s, lookErr := h.desk().Line(ctx, by(c), ids[0]); lookErr == nil {
				// Not one body's name for what is about several; it would outlive a lock.
				title = firstOf(strings.TrimSuffix(s.Title, " – "+s.Organisation.Name), s.Reference)
				if s.Locked { // the campaign is for all analysts
					title = h.Pages.T(c, "triage.campaign")
				}
			}
		}
		if len(ids) == 0 {
			title = "–" // the desk says that no case was named
		}
		if k, err = h.campaigns().Create(ctx, by(c), title, ids); err == nil {
			return page.Redirect(c, campaignsPath+"/"+k.Reference)
		}
	} else if _, err = h.campaigns().Add(ctx, by(c), ref, 0, ids, f.Get("reason")); err == nil {
		return page.Redirect(c, campaignsPath+"/"+strings.ToUpper(ref))
	}
	code := ""
	switch fields := fault.FieldsOf(err); {
	case len(fields) > 0:
		code = fields[0].Code
	case fault.Is(err, fault.NotFound):
		code = "triage.campaign.err.unknown"
	case fault.Is(err, fault.Conflict):
		code = "triage.campaign.err.taken"
	default:
		return err
	}
	page.Flash(c, "warning", code)
	return page.Redirect(c, back)
}
