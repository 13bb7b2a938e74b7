// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// campaignShape is a campaign in a list.
type campaignShape struct {
	ID        string              `json:"id"`
	Reference string              `json:"reference"`
	State     string              `json:"state"`
	Title     string              `json:"title"`
	Report    *event.ReportRef    `json:"report"`
	Agent     *event.Organisation `json:"agent"`
	Exercise  bool                `json:"exercise"`
	Expected  int                 `json:"expected"`
	Assignee  *event.Person       `json:"assignee"`
	Cases     campaignCounts      `json:"cases"`
	Worst     string              `json:"worst_severity"`
	NextDue   *time.Time          `json:"next_due"`
	FirstSeen time.Time           `json:"first_seen"`
	ChangedAt time.Time           `json:"changed_at"`
	ClosedAt  *time.Time          `json:"closed_at"`
	Version   int                 `json:"version"`
}

type campaignCounts struct {
	Total        int `json:"total"`
	New          int `json:"new"`
	Open         int `json:"open"`
	Resolved     int `json:"resolved"`
	Closed       int `json:"closed"`
	Overdue      int `json:"overdue"`
	Unassigned   int `json:"unassigned"`
	Contradicted int `json:"contradicted"`
	TakenOver    int `json:"taken_over"`
	Unread       int `json:"unread"`
}

func campaignShapeOf(k campaign.Campaign, n campaign.Numbers) campaignShape {
	s := campaignShape{
		ID: k.ID, Reference: k.Reference, State: string(k.State), Title: k.Title, Exercise: k.Exercise, Expected: k.Expected,
		Assignee: k.Assignee, Worst: string(n.Worst), NextDue: n.NextDue, FirstSeen: k.FirstSeen, ChangedAt: k.ChangedAt,
		ClosedAt: k.ClosedAt, Version: k.Version,
		Cases: campaignCounts{
			Total: n.Total, New: n.New, Open: n.Open, Resolved: n.Resolved, Closed: n.Closed, Overdue: n.Overdue,
			Unassigned: n.Unassigned, Contradicted: n.Contradicted, TakenOver: n.TakenOver, Unread: n.Unread,
		},
	}
	if k.Report.ID != "" {
		s.Report = &k.Report
	}
	if k.Agent.ID != "" {
		s.Agent = &event.Organisation{ID: k.Agent.ID, Name: k.Agent.Name}
	}
	return s
}

// overviewShape is a whole campaign.
type overviewShape struct {
	campaignShape
	States      map[casefile.State]int    `json:"states"`
	Severities  map[casefile.Severity]int `json:"severities"`
	Kreise      map[string]int            `json:"kreise"`
	Unreachable []bodyShape               `json:"unreachable"`
	Timeline    []entryShape              `json:"timeline"`
	Jobs        []jobShape                `json:"jobs"`
}

// bodyShape is an affected body that no mail reaches, with its case.
type bodyShape struct {
	Organisation event.Organisation `json:"organisation"`
	Case         string             `json:"case"`
}

type jobShape struct {
	ID        string       `json:"id"`
	Kind      string       `json:"kind"`
	By        event.Person `json:"by"`
	Total     int          `json:"total"`
	Done      int          `json:"done"`
	Failed    int          `json:"failed"`
	CreatedAt time.Time    `json:"created_at"`
	EndedAt   *time.Time   `json:"ended_at"`
	Left      []leftShape  `json:"left"`
}

type leftShape struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Reason    string `json:"reason"`
}

func jobShapeOf(j campaign.Job) jobShape {
	s := jobShape{
		ID: j.ID, Kind: j.Kind, By: j.By, Total: j.Total, Done: j.Done, Failed: j.Failed,
		CreatedAt: j.CreatedAt, EndedAt: j.EndedAt, Left: []leftShape{},
	}
	for _, l := range j.Left {
		s.Left = append(s.Left, leftShape{ID: l.Case, Reference: l.Reference, Reason: l.Reason})
	}
	return s
}

// apiCampaigns is GET /campaigns.
func (h *Handler) apiCampaigns(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	l, err := h.campaigns().List(c.Request().Context(), by(c), campaign.Filter{State: c.QueryParam("state"), Limit: p.Limit, After: p.After})
	if err != nil {
		return err
	}
	out := httpserver.List[campaignShape]{Items: make([]campaignShape, len(l.Items)), Next: l.Next}
	for i, k := range l.Items {
		out.Items[i] = campaignShapeOf(k.Campaign, k.Numbers)
	}
	return c.JSON(http.StatusOK, out)
}

// apiCampaign is GET /campaigns/{id}; the reference works as well.
func (h *Handler) apiCampaign(c echo.Context) error {
	s, err := h.overview(c, h.campaigns(), c.Param("id"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(s.Version))
	return c.JSON(http.StatusOK, s)
}

func (h *Handler) overview(c echo.Context, d *campaign.Desk, ref string) (overviewShape, error) {
	o, err := d.Read(c.Request().Context(), by(c), ref)
	if err != nil {
		return overviewShape{}, err
	}
	s := overviewShape{
		campaignShape: campaignShapeOf(o.Campaign, o.Numbers), States: o.States, Severities: o.Severities, Kreise: o.Kreise,
		Unreachable: []bodyShape{}, Timeline: []entryShape{}, Jobs: []jobShape{},
	}
	for _, b := range o.Bodies {
		if !h.reachable(b.Organisation.ID) {
			s.Unreachable = append(s.Unreachable, bodyShape{Organisation: b.Organisation, Case: b.Case})
		}
	}
	for _, e := range o.Timeline {
		s.Timeline = append(s.Timeline, entryShape{
			ID: e.ID, At: e.At, Version: e.Version, Actor: e.Actor, Kind: e.Kind,
			From: e.From, To: e.To, Reason: e.Reason, Ref: e.Ref,
		})
	}
	for _, j := range o.Jobs {
		s.Jobs = append(s.Jobs, jobShapeOf(j))
	}
	return s, nil
}

// apiCampaignCases is GET /campaigns/{id}/cases.
func (h *Handler) apiCampaignCases(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	id, err := h.campaigns().Store.FindCampaign(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	l, err := h.desk().List(c.Request().Context(), by(c), casefile.Filter{
		Campaign: id, State: c.QueryParam("state"), Severity: c.QueryParam("severity"), Kreis: c.QueryParam("kreis"),
		Mark: c.QueryParam("mark"), Limit: p.Limit, After: p.After,
	})
	if err != nil {
		return err
	}
	out := httpserver.List[summaryShape]{Items: make([]summaryShape, len(l.Items)), Next: l.Next}
	for i, s := range l.Items {
		out.Items[i] = shapeOf(s)
	}
	return c.JSON(http.StatusOK, out)
}

type campaignRequest struct {
	Title string   `json:"title"`
	Cases []string `json:"cases"` // ids or references
}

// apiCampaignCreate is POST /campaigns.
func (h *Handler) apiCampaignCreate(c echo.Context) error {
	return createdOn(h, c, func(db pg.DB, req campaignRequest) (int, any, error) {
		k, err := h.Campaigns(db).Create(c.Request().Context(), by(c), req.Title, req.Cases)
		if err != nil {
			return 0, nil, err
		}
		s, err := h.overview(c, h.Campaigns(db), k.ID)
		return http.StatusCreated, s, err
	})
}

type joinRequest struct {
	Cases  []string `json:"cases"`
	Reason string   `json:"reason"` // needed where a case belongs to another campaign
}

// apiCampaignAdd is POST /campaigns/{id}/cases.
func (h *Handler) apiCampaignAdd(c echo.Context) error {
	seen, err := ifGiven(c)
	if err != nil {
		return err
	}
	return createdOn(h, c, func(db pg.DB, req joinRequest) (int, any, error) {
		id, err := h.Campaigns(db).Add(c.Request().Context(), by(c), c.Param("id"), seen, req.Cases, req.Reason)
		if err != nil {
			return 0, nil, err
		}
		s, err := h.overview(c, h.Campaigns(db), id)
		return http.StatusCreated, s, err
	})
}

// apiCampaignRemove is DELETE /campaigns/{id}/cases/{case}?reason=.
func (h *Handler) apiCampaignRemove(c echo.Context) error {
	seen, err := seenVersion(c)
	if err != nil {
		return err
	}
	if _, err := h.campaigns().Remove(c.Request().Context(), by(c), c.Param("id"), seen, c.Param("case"), c.QueryParam("reason")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// seenVersion is the version of an If-Match that must be there.
func seenVersion(c echo.Context) (int, error) {
	seen, err := httpserver.IfMatch(c)
	if err == nil && seen == 0 {
		seen = -1 // nothing was ever at version 0
	}
	return seen, err
}

type campaignChange struct {
	Title    *string `json:"title"`
	Assignee *string `json:"assignee"` // person id, "" for nobody
	State    *string `json:"state"`    // open, closed
	Reason   string  `json:"reason"`   // with state
}

// apiCampaignChange is PATCH /campaigns/{id}: one thing at a time, since each is
// a change with a version of its own.
func (h *Handler) apiCampaignChange(c echo.Context) error {
	var req campaignChange
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	seen, err := seenVersion(c)
	if err != nil {
		return err
	}
	ctx, who, d := c.Request().Context(), by(c), h.campaigns()
	ref, err := d.Store.FindCampaign(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	n := 0
	for _, given := range []bool{req.Title != nil, req.Assignee != nil, req.State != nil} {
		if given {
			n++
		}
	}
	switch {
	case n != 1:
		return fieldError("title", "triage.err.nothing", "give exactly one of title, assignee and state")
	case req.Title != nil:
		_, err = d.Rename(ctx, who, ref, seen, *req.Title)
	case req.Assignee != nil:
		_, err = d.Assign(ctx, who, ref, seen, *req.Assignee)
	case *req.State == string(campaign.Closed):
		_, err = d.Close(ctx, who, ref, seen, req.Reason)
	case *req.State == string(campaign.Open):
		_, err = d.Reopen(ctx, who, ref, seen, req.Reason)
	default:
		return fieldError("state", "triage.campaign.err.state", "is no state of a campaign")
	}
	if err != nil {
		return err
	}
	return h.apiCampaign(c)
}

type campaignNote struct {
	Text string `json:"text"`
}

// apiCampaignNote is POST /campaigns/{id}/notes.
func (h *Handler) apiCampaignNote(c echo.Context) error {
	return createdOn(h, c, func(db pg.DB, req campaignNote) (int, any, error) {
		id, err := h.Campaigns(db).Note(c.Request().Context(), by(c), c.Param("id"), req.Text)
		return http.StatusCreated, map[string]string{"id": id}, err
	})
}

// orderRequest is a change of many cases: the fields of the same change of one
// case, and which cases of the campaign; none named means all unfinished ones.
type orderRequest struct {
	Text        string   `json:"text"`
	Wait        bool     `json:"wait"`
	Severity    string   `json:"severity"`
	Class       string   `json:"class"`
	TLP         string   `json:"tlp"`
	State       string   `json:"state"`
	Disposition string   `json:"disposition"`
	Assignee    string   `json:"assignee"`
	Reason      string   `json:"reason"`
	Cases       []string `json:"cases"` // ids
}

// apiOrder is POST /campaigns/{id}/messages|classify|state|assign: 202, the work
// is done in batches.
func (h *Handler) apiOrder(kind string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return createdOn(h, c, func(db pg.DB, req orderRequest) (int, any, error) {
			for _, id := range req.Cases {
				if !event.IsID(id) {
					return 0, nil, fault.New(fault.Malformed, "cases are named by their ids")
				}
			}
			j, err := h.Campaigns(db).Order(c.Request().Context(), by(c), c.Param("id"), kind, campaign.Order{
				Text: req.Text, Wait: req.Wait, Severity: req.Severity, Class: req.Class, TLP: req.TLP, State: req.State,
				Disposition: req.Disposition, Assignee: req.Assignee, Reason: req.Reason,
			}, campaign.Which{Cases: req.Cases})
			return http.StatusAccepted, jobShapeOf(j), err
		})
	}
}

// apiJob is GET /campaigns/{id}/jobs/{job}.
func (h *Handler) apiJob(c echo.Context) error {
	j, err := h.campaigns().Job(c.Request().Context(), by(c), c.Param("id"), c.Param("job"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, jobShapeOf(j))
}
