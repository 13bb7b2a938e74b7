// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// memberRequest is what a report says about one of its bodies alone.
type memberRequest struct {
	Affected string `json:"affected"`
	report.Particular
}

func membersOf(list []memberRequest) []report.Member {
	out := make([]report.Member, len(list))
	for i, m := range list {
		out[i] = report.Member{Affected: m.Affected, Particular: m.Particular}
	}
	return out
}

// stepAnswer is what a body did about a report that its provider sent.
type stepAnswer struct {
	ID       string         `json:"id"`
	Kind     string         `json:"kind"` // taken_over, given_back, contradicted
	Affected []string       `json:"affected"`
	Author   string         `json:"author,omitempty"`
	Text     string         `json:"text,omitempty"`
	Callback *event.Contact `json:"callback,omitempty"`
	At       time.Time      `json:"at"`
}

func stepOf(s report.Step) stepAnswer {
	out := stepAnswer{ID: s.ID, Kind: string(s.Kind), Affected: s.Bodies, Author: s.Author.Name, Text: s.Text, At: s.At}
	if s.Contact != (event.Contact{}) {
		out.Callback = &s.Contact
	}
	return out
}

// partAnswer is what a member gets for its own part of a provider's report: the
// code that opens it without an account, and the receipt that names nobody else.
type partAnswer struct {
	Code    string `json:"code"`
	Receipt string `json:"receipt"`
}

// partOf is for the people of the one body that a provider reported for.
func (h *Handler) partOf(s report.Seen, o report.Occasion) *partAnswer {
	if !h.ownPart(s, o) {
		return nil
	}
	b := s.Affected[0]
	return &partAnswer{Code: h.Desk.PartCodeOf(s.Report, b), Receipt: h.Desk.PartReceiptOf(s.Report, b)}
}

// ownPart reports whether the reader is of the body that a provider reported for.
func (h *Handler) ownPart(s report.Seen, o report.Occasion) bool {
	return len(s.Affected) == 1 && s.Affected[0].OnBehalf != "" && !s.Agent &&
		(s.ByCode || !o.By.View(actor.ReportRead).Everything)
}

func (h *Handler) takeOverAPI(c echo.Context) error {
	var req struct {
		Affected string        `json:"affected"`
		Callback event.Contact `json:"callback"`
	}
	return h.stepAPI(c, &req, func(o report.Occasion) (report.Step, bool, error) {
		o.To = one(req.Affected)
		return h.Desk.TakeOver(c.Request().Context(), c.Param("id"), req.Callback, o)
	})
}

func (h *Handler) giveBackAPI(c echo.Context) error {
	var req struct {
		Affected string `json:"affected"`
	}
	return h.stepAPI(c, &req, func(o report.Occasion) (report.Step, bool, error) {
		o.To = one(req.Affected)
		return h.Desk.GiveBack(c.Request().Context(), c.Param("id"), o)
	})
}

func (h *Handler) contradictAPI(c echo.Context) error {
	var req struct {
		Affected string `json:"affected"`
		Text     string `json:"text"`
	}
	return h.stepAPI(c, &req, func(o report.Occasion) (report.Step, bool, error) {
		o.To = one(req.Affected)
		return h.Desk.Contradict(c.Request().Context(), c.Param("id"), req.Text, o)
	})
}

func one(affected string) []string {
	if affected == "" {
		return nil
	}
	return []string{affected}
}

func (h *Handler) stepAPI(c echo.Context, req any, do func(report.Occasion) (report.Step, bool, error)) error {
	raw, err := httpserver.DecodeJSON(c, req)
	if err != nil {
		return err
	}
	o, err := h.adding(c, raw)
	if err != nil {
		return err
	}
	s, replayed, err := do(o)
	if err != nil {
		return err
	}
	return created(c, "", stepOf(s), replayed)
}

// extended is the answer to naming further bodies.
type extended struct {
	ID            string        `json:"id"`
	Reference     string        `json:"reference"`
	ReceivedAt    time.Time     `json:"received_at"`
	Affected      []bodyReceipt `json:"affected"`
	AffectedTotal int           `json:"affected_total"`
}

// bodyReceipt is a body that joined, with the receipt of its part.
type bodyReceipt struct {
	bodyRef
	Receipt string `json:"receipt"`
}

func (h *Handler) extendAPI(c echo.Context) error {
	var req struct {
		Affected []string        `json:"affected"`
		Members  []memberRequest `json:"members"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	o, err := h.adding(c, raw)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	x, replayed, err := h.Desk.Extend(ctx, c.Param("id"), report.Submission{Affected: req.Affected, Members: membersOf(req.Members)}, o)
	if err != nil {
		return err
	}
	whole, err := h.Desk.Store.As(actor.System("intake").Seer()).Report(ctx, x.Report) // its receipt says what was signed
	if err != nil {
		return err
	}
	out := extended{ID: x.Report, Reference: x.Reference, ReceivedAt: x.At, AffectedTotal: x.Total, Affected: make([]bodyReceipt, len(x.Added))}
	for i, b := range x.Added {
		out.Affected[i] = bodyReceipt{bodyRef: refOf(b), Receipt: h.Desk.PartReceiptOf(whole, b)}
	}
	return created(c, "/api/intake/v1/reports/"+x.Report, out, replayed)
}

func refOf(b report.Body) bodyRef {
	return bodyRef{ID: b.Organisation.ID, AGS: b.Organisation.AGS, Name: b.Organisation.Name}
}

// affectedAPI lists the bodies of a report that the asker sees, by name.
func (h *Handler) affectedAPI(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	f := bodyFilter{Query: c.QueryParam("q"), Kreis: c.QueryParam("kreis"), Status: report.Status(c.QueryParam("status")), After: p.After, Limit: p.Limit}
	if err := f.check(); err != nil {
		return err
	}
	o, err := h.reading(c)
	if err != nil {
		return err
	}
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return err
	}
	list, next, _, err := h.pageOfBodies(s, f)
	if err != nil {
		return err
	}
	out := httpserver.List[affectedBody]{Items: make([]affectedBody, len(list)), Next: next}
	for i, b := range list {
		out.Items[i] = affectedOf(b)
	}
	return c.JSON(http.StatusOK, out)
}

func (f bodyFilter) check() error {
	if f.Status != "" && !knownStatus(f.Status) {
		return fault.New(fault.Malformed, "status is none of: received, in_progress, waiting_for_you, resolved, closed")
	}
	if len(f.Query) > 200 || len(f.Kreis) > 8 {
		return fault.New(fault.Malformed, "q or kreis is too long")
	}
	return nil
}
