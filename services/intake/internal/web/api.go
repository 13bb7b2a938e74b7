// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

// reportRequest is the body of POST …/reports (design §5).
type reportRequest struct {
	Affected []string `json:"affected"`

	Members       []memberRequest `json:"members"`       // what holds for single ones of them alone
	AffectedText  string          `json:"affected_text"` // guests only: a body that is in no list
	What          string          `json:"what"`
	Description   string          `json:"description"`
	NoticedAt     time.Time       `json:"noticed_at"`
	NoticedApprox bool            `json:"noticed_approx"`
	Impact        string          `json:"impact"`
	StillRunning  string          `json:"still_running"`
	Systems       []string        `json:"systems"`
	Callback      event.Contact   `json:"callback"`
	TLP           string          `json:"tlp"`
	HelpNeeded    []string        `json:"help_needed"`
	Exercise      bool            `json:"exercise"`
	AlertID       string          `json:"alert_id"` // id or reference of the warning it answers
}

func (r reportRequest) submission() report.Submission {
	return report.Submission{
		Affected: r.Affected, Members: membersOf(r.Members), AffectedText: r.AffectedText, Alert: r.AlertID,
		Content: report.Content{
			What: r.What, Description: r.Description, NoticedAt: r.NoticedAt, NoticedApprox: r.NoticedApprox,
			Impact: r.Impact, StillRunning: r.StillRunning, Systems: r.Systems, Callback: r.Callback, TLP: r.TLP,
			HelpNeeded: r.HelpNeeded, Exercise: r.Exercise,
		},
	}
}

type bodyRef struct {
	ID   string `json:"id,omitempty"`
	AGS  string `json:"ags,omitempty"`
	Name string `json:"name"`
}

// reportCreated is the answer to POST …/reports; a replay gives the same bytes.
type reportCreated struct {
	ID         string    `json:"id"`
	Reference  string    `json:"reference"`
	Code       string    `json:"code"`
	ReceivedAt time.Time `json:"received_at"`
	CallbackBy time.Time `json:"callback_by"`
	Affected   []bodyRef `json:"affected"`
	StatusURL  string    `json:"status_url"`
	Receipt    string    `json:"receipt"`
}

func (h *Handler) createdOf(r report.Report) reportCreated {
	out := reportCreated{
		ID: r.ID, Reference: r.Reference, Code: h.Desk.CodeOf(r), ReceivedAt: r.ReceivedAt, CallbackBy: r.CallbackBy,
		StatusURL: h.Pages.Site().URL + "/melden/vorgang/" + r.Reference, Receipt: h.Desk.ReceiptOf(r),
		Affected: make([]bodyRef, len(r.Affected)),
	}
	for i, b := range r.Affected {
		out.Affected[i] = refOf(b)
	}
	return out
}

func (h *Handler) createReport(c echo.Context) error {
	o := h.occasion(c)
	o.Channel = channelOf(c, report.API)
	var req reportRequest
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	if o.Key, err = keyOf(c, o.By, raw); err != nil {
		return err
	}
	if err := h.Gate.report(o.By, c.RealIP()); err != nil {
		return err
	}
	r, replayed, err := h.Desk.Submit(c.Request().Context(), req.submission(), o)
	if err != nil {
		return err
	}
	return created(c, "/api/intake/v1/reports/"+r.ID, h.createdOf(r), replayed)
}

// channelOf is the door: a guest is a guest wherever the report comes from.
func channelOf(c echo.Context, door report.Channel) report.Channel {
	switch {
	case !session.Actor(c).SignedIn():
		return report.Guest
	case door == report.API && !bearer(c):
		return report.Portal
	}
	return door
}

// created answers a POST that made something, now or before.
func created(c echo.Context, location string, body any, replayed bool) error {
	if replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	if location != "" {
		c.Response().Header().Set(echo.HeaderLocation, location)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusCreated, b)
}

func (h *Handler) receiptKey(c echo.Context) error {
	key, _ := h.Desk.Keys.Receipt.Public().(ed25519.PublicKey)
	return c.JSON(http.StatusOK, map[string]string{
		"algorithm": "Ed25519", "public_key": base64.RawURLEncoding.EncodeToString(key),
		"signed": "the characters before the dot; they are base64url of {id, reference, received_at, tlp, sha256}",
	})
}

func (h *Handler) listReports(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	o := h.occasion(c)
	if !o.By.SignedIn() { // a guest has the one report of a code, and no list
		return fault.New(fault.Unauthenticated, "please sign in; a guest reads one report with its code")
	}
	list, next, err := h.Desk.List(c.Request().Context(), o.By, p.After, p.Limit)
	if err != nil {
		return err
	}
	out := httpserver.List[reportSummary]{Items: make([]reportSummary, len(list)), Next: next}
	for i, r := range list {
		out.Items[i] = inList(r)
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) getReport(c echo.Context) error {
	o, err := h.reading(c)
	if err != nil {
		return err
	}
	if o.Window, err = windowOf(c); err != nil {
		return err
	}
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.detailOf(s, o))
}

// windowOf reads how much of the thread is wanted.
func windowOf(c echo.Context) (report.Window, error) {
	before, err := report.ParseCursor(c.QueryParam("before"))
	w := report.Window{Before: before}
	if limit := c.QueryParam("limit"); limit != "" && err == nil {
		if w.Limit, err = strconv.Atoi(limit); err != nil || w.Limit < 1 {
			return w, fault.New(fault.Malformed, "limit is a number from 1")
		}
	}
	return w, err
}

// reading is the occasion of a request about one report.
func (h *Handler) reading(c echo.Context) (report.Occasion, error) {
	o := h.occasion(c)
	var err error
	o.Proof, err = h.proof(c, c.Param("id"))
	return o, err
}

// adding is the occasion of a request that adds to a report; what it sends and
// where make the hash of its key.
func (h *Handler) adding(c echo.Context, raw []byte) (report.Occasion, error) {
	o, err := h.reading(c)
	if err != nil {
		return o, err
	}
	if err := h.Gate.addition(o.By, c.RealIP()); err != nil {
		return o, err
	}
	o.Key, err = keyOf(c, o.By, append([]byte(c.Path()+" "+c.Param("id")+"\n"), raw...))
	if o.Proof != "" && !o.By.SignedIn() {
		o.Key.Scope = "guest of " + o.Proof
	}
	return o, err
}

func (h *Handler) createMessage(c echo.Context) error {
	var req struct {
		Text     string   `json:"text"`
		Affected []string `json:"affected"` // of several bodies these; none: all
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	o, err := h.adding(c, raw)
	if err != nil {
		return err
	}
	o.To = req.Affected
	m, replayed, err := h.Desk.Say(c.Request().Context(), c.Param("id"), req.Text, o)
	if err != nil {
		return err
	}
	return created(c, "", messageOf(m), replayed)
}

func (h *Handler) createSupplement(c echo.Context) error {
	var req struct {
		report.Later
		Affected []string `json:"affected"`
	}
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	o, err := h.adding(c, raw)
	if err != nil {
		return err
	}
	o.To = req.Affected
	s, replayed, err := h.Desk.Supplement(c.Request().Context(), c.Param("id"), req.Later, o)
	if err != nil {
		return err
	}
	return created(c, "", supplementOf(s), replayed)
}

func (h *Handler) createAttachment(c echo.Context) error {
	o, err := h.adding(c, nil)
	if err != nil {
		return err
	}
	f, err := upload(c)
	if err != nil {
		return err
	}
	o.To, f.ForAll = f.addressed()
	a, replayed, err := h.Desk.Attach(c.Request().Context(), c.Param("id"), f.File, o)
	if err != nil {
		return err
	}
	return created(c, "/api/intake/v1/reports/"+url.PathEscape(c.Param("id"))+"/attachments/"+a.ID, attachmentOf(a), replayed)
}

func (h *Handler) downloadAPI(c echo.Context) error {
	o, err := h.reading(c)
	if err != nil {
		return err
	}
	return h.sendFile(c, c.Param("id"), c.Param("file"), o)
}
