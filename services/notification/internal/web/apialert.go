// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

type recipientJSON struct {
	Name         string   `json:"name"`
	Email        string   `json:"email"`
	Person       string   `json:"person,omitempty"` // none: a functional mailbox
	Organisation string   `json:"organisation"`
	Bodies       []string `json:"bodies"`
	Principals   []string `json:"principals"` // under a mandate
}

type audienceJSON struct {
	Organisations []event.Organisation `json:"organisations"`
	Recipients    []recipientJSON      `json:"recipients"`
	Unreachable   []event.Organisation `json:"unreachable"` // the phone list
}

// apiAudience is GET /alerts/{id}/audience: exactly who would get it now.
func (h *Handler) apiAudience(c echo.Context) error {
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("id"))
	if err != nil {
		return err
	}
	who, err := h.Desk.Audience(ctx, &a)
	if err != nil {
		return err
	}
	out := audienceJSON{Organisations: refs(who.Organisations), Recipients: []recipientJSON{}, Unreachable: refs(who.Unreachable)}
	for _, r := range who.Recipients {
		x := recipientJSON{Name: r.Name, Email: r.Email, Person: r.Person, Organisation: r.Organisation, Bodies: r.Bodies, Principals: r.Principals}
		if x.Principals == nil {
			x.Principals = []string{}
		}
		out.Recipients = append(out.Recipients, x)
	}
	return c.JSON(http.StatusOK, out)
}

func refs(list []alert.Organisation) []event.Organisation {
	out := make([]event.Organisation, len(list))
	for i, o := range list {
		out[i] = o.Organisation
	}
	return out
}

// apiRelease is POST /alerts/{id}/release. If-Match says which text the approver
// read: what somebody changed since goes out to nobody.
func (h *Handler) apiRelease(c echo.Context) error { return h.apiStep(c, h.Desk.Release) }

// apiWithdraw is POST /alerts/{id}/withdraw.
func (h *Handler) apiWithdraw(c echo.Context) error { return h.apiStep(c, h.Desk.Withdraw) }

func (h *Handler) apiStep(c echo.Context, do stepFunc) error {
	revision, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	a, err := do(c.Request().Context(), by(c), c.Param("id"), revision)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(a.Revision))
	return c.JSON(http.StatusOK, h.answerOf(c, &a, true))
}

type deliveryJSON struct {
	ID           string     `json:"id"`
	Version      int        `json:"version"`
	Kind         string     `json:"kind"`
	Channel      string     `json:"channel"`
	Recipient    string     `json:"recipient"`
	Name         string     `json:"name"`
	Organisation string     `json:"organisation"`
	Principals   int        `json:"principals"`
	State        string     `json:"state"`
	Attempts     int        `json:"attempts"`
	NextAt       *time.Time `json:"next_at,omitempty"`
	DoneAt       *time.Time `json:"done_at,omitempty"`
	Reason       string     `json:"reason,omitempty"`
}

// apiDeliveries is GET /alerts/{id}/deliveries?state=.
func (h *Handler) apiDeliveries(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("id"))
	if err != nil {
		return err
	}
	list, next, err := h.reading(c).Deliveries(ctx, a.ID, alert.DeliveryFilter{State: c.QueryParam("state"), After: p.After, Limit: p.Limit})
	if err != nil {
		return err
	}
	out := httpserver.List[deliveryJSON]{Items: []deliveryJSON{}, Next: next}
	for _, d := range list {
		out.Items = append(out.Items, deliveryJSON{
			ID: d.ID, Version: d.Version, Kind: d.Kind, Channel: d.Channel, Recipient: d.Recipient,
			Name: d.Name, Organisation: d.Organisation, Principals: d.Mandated, State: d.State, Attempts: d.Attempts,
			NextAt: d.NextAt, DoneAt: d.DoneAt, Reason: d.Reason,
		})
	}
	return c.JSON(http.StatusOK, out)
}

type answerJSON struct {
	Organisation event.Organisation `json:"organisation"`
	Answer       string             `json:"answer"` // "" while silent
	Detail       string             `json:"detail,omitempty"`
	Text         string             `json:"text,omitempty"`
	Version      int                `json:"version"`
	AnsweredAt   *time.Time         `json:"answered_at,omitempty"`
	AnsweredBy   *event.Person      `json:"answered_by,omitempty"`
	OnBehalf     string             `json:"on_behalf,omitempty"`
	Agent        string             `json:"agent,omitempty"` // who answered on its behalf
	Mails        mailsJSON          `json:"mails"`
}

type mailsJSON struct {
	Pending int `json:"pending"`
	Sent    int `json:"sent"`
	Failed  int `json:"failed"`
}

func answerOf(b alert.Body) answerJSON {
	out := answerJSON{
		Organisation: b.Organisation, Answer: b.Answer, Detail: b.Detail, Text: b.Text, Version: b.Version,
		AnsweredAt: b.AnsweredAt, OnBehalf: b.OnBehalf, Agent: b.Agent, Mails: mailsJSON(b.Mails),
	}
	if b.AnsweredAt != nil {
		out.AnsweredBy = &b.AnsweredBy
	}
	return out
}

// answersJSON is the poll's live matrix.
type answersJSON struct {
	Total    int            `json:"total"`
	Answered int            `json:"answered"`
	By       map[string]int `json:"by"`
	httpserver.List[answerJSON]
}

// apiAnswers is GET /alerts/{id}/answers?answer=: counts and bodies; "none"
// lists the silent ones.
func (h *Handler) apiAnswers(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("id"))
	if err != nil {
		return err
	}
	filter := c.QueryParam("answer")
	if filter != "" && filter != "none" && !slices.Contains(alert.Answers(), filter) {
		return fault.New(fault.Malformed, "answer is one of the answers, or none")
	}
	after, err := url.QueryUnescape(p.After)
	if err != nil {
		return fault.New(fault.Malformed, "after is no cursor of this list")
	}
	counts, err := h.Desk.Store.Counts(ctx, a.ID)
	if err != nil {
		return err
	}
	bodies, next, err := h.reading(c).Bodies(ctx, a.ID, alert.BodyFilter{Answer: filter, After: after, Limit: p.Limit})
	if err != nil {
		return err
	}
	n := counts[a.ID]
	out := answersJSON{Total: n.Total, Answered: n.Answered, By: n.By}
	out.Items, out.Next = []answerJSON{}, url.QueryEscape(next)
	for _, b := range bodies {
		out.Items = append(out.Items, answerOf(b))
	}
	return c.JSON(http.StatusOK, out)
}

type answerIn struct {
	Organisation string `json:"organisation"` // AGS or id
	Answer       string `json:"answer"`
	Detail       string `json:"detail"`
	Text         string `json:"text"`
}

// apiAnswer is POST /alerts/{id}/answers: for an own or mandated body.
func (h *Handler) apiAnswer(c echo.Context) error {
	var in answerIn
	body, err := httpserver.DecodeJSON(c, &in)
	if err != nil {
		return err
	}
	r, err := apiKey(c, body)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := h.Desk.Store.As(ownWork.Seer()).Alert(ctx, c.Param("id")) // its id; who may answer is asked below
	if err != nil {
		return err
	}
	org, ok := h.Register.Resolve(in.Organisation)
	if !ok {
		return fault.New(fault.NotFound, "there is no such organisation")
	}
	allowed, err := h.Desk.Answerable(ctx, session.Actor(c), a.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(allowed, func(b alert.Body) bool { return b.Organisation.ID == org.ID }) {
		h.Denied(c, actor.PollAnswer, "organisation", org.ID) // the desk says no below
	}
	done, err := h.Once(ctx, r, func(d alert.Desk) (int, any, error) {
		b, err := d.Answer(ctx, by(c), a.ID, org.ID, allowed, alert.Reply{Answer: in.Answer, Detail: in.Detail, Text: in.Text})
		return http.StatusCreated, answerOf(b), err
	})
	if err != nil {
		return err
	}
	return respond(c, done)
}
