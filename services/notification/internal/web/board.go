// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

type deskItem struct {
	card
	State, Author string
	Version       int
	Draft         bool
	Count         alert.Count
}

type deskListView struct {
	page.Base
	Drafts, Published []deskItem
	More              string
	MayDraft          bool
	Stuck             int // messages that have waited too long
	StuckSince        time.Time
}

// patience is how long mail may wait before the desk says so (F22): from then
// on people are called.
const patience = 15 * time.Minute

// stuck reports the messages that wait, when the oldest has waited too long.
func (h *Handler) stuck(c echo.Context) (int, time.Time, error) {
	n, since, err := h.Desk.Store.Backlog(c.Request().Context())
	if err != nil || n == 0 || h.Now().Sub(since) < patience {
		return 0, time.Time{}, err
	}
	return n, since, nil
}

// deskList is GET /warnungen/redaktion: what waits for release, and the rest.
func (h *Handler) deskList(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	list, next, err := h.reading(c).Alerts(ctx, alert.Filter{Everything: true, After: p.After, Limit: p.Limit})
	if err != nil {
		return err
	}
	v := &deskListView{
		Base:     page.Base{Title: h.Pages.T(c, "notification.desk.title"), Layout: page.Desk, Nav: page.NavAlerts},
		MayDraft: mayDo(c, actor.AlertDraft),
	}
	counts, err := h.Desk.Store.Counts(ctx, idsOf(list)...)
	if err != nil {
		return err
	}
	for i := range list {
		a := &list[i]
		if a.Draft != nil {
			d := *a
			d.Current = nil
			v.Drafts = append(v.Drafts, deskItem{card: h.card(c, &d, nil), State: string(a.State), Author: a.Draft.Author.Name, Version: a.Draft.Number, Draft: true})
		}
		if a.Current != nil {
			v.Published = append(v.Published, deskItem{
				card: h.card(c, a, nil), State: string(a.State), Author: a.Current.Author.Name,
				Version: a.Current.Number, Count: counts[a.ID],
			})
		}
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/warnungen/redaktion?after="+url.QueryEscape(next))
	}
	if v.Stuck, v.StuckSince, err = h.stuck(c); err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, "redaktion", v)
}

// segment is a part of the answers' bar.
type segment struct {
	Class, Answer string
	N, X          int
}

// boardView is an alert on the desk: draft with audience, or live board.
type boardView struct {
	page.Base
	Ref       string
	A         *alert.Alert
	V         *alert.Version // published, else draft
	Blocks    []Block
	Count     alert.Count
	Segments  []segment
	Tally     map[string]int
	Bodies    []alert.Body
	Filter    string
	More      string
	Audience  *alert.Audience // of a draft: who would get it now
	AtNow     time.Time
	EndedAt   *time.Time
	MayDraft  bool
	MayFree   bool // may release or withdraw
	Wrote     bool // wrote at the draft, so cannot release it
	Names     map[string]string
	CaseRef   string
	Fragment  string
	ShowMails bool
}

var answerClass = map[string]string{"not_affected": "a", "fixed": "d", "mitigating": "b", "help": "c", "checking": "e"}

func segments(n alert.Count) []segment {
	var out []segment
	x := 0
	for _, a := range alert.Answers() {
		out = append(out, segment{Class: answerClass[a], Answer: a, N: n.By[a], X: x})
		x += n.By[a]
	}
	return out
}

func (h *Handler) loadBoard(c echo.Context) (*boardView, error) {
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return nil, err
	}
	v := &boardView{
		Base: page.Base{Layout: page.Desk, Nav: page.NavAlerts}, Ref: a.Reference, A: &a, V: a.Shown(), AtNow: h.Now(),
		EndedAt: a.EndedAt(h.Now()), MayDraft: mayDo(c, actor.AlertDraft), MayFree: mayDo(c, actor.AlertApprove),
		ShowMails: mayDo(c, actor.DeliveryRead), Names: map[string]string{},
	}
	v.Title, v.Exercise, v.Blocks = a.Reference+" "+v.V.Title, v.V.Exercise, Blocks(v.V.Text)
	if v.V.CaseID != "" {
		if k, err := h.reading(c).Case(ctx, v.V.CaseID); err == nil && k.ReadableBy(session.Actor(c)) {
			v.CaseRef = k.Reference
		}
	}
	if a.Draft != nil {
		for _, p := range a.Draft.Contributors {
			v.Wrote = v.Wrote || p == session.Actor(c).Person
		}
		who, err := h.Desk.Audience(ctx, &a)
		if err != nil {
			return nil, err
		}
		v.Audience = &who
	}
	if a.Current == nil {
		return v, nil
	}
	return v, h.loadState(c, v)
}

// loadState reads what changes while one looks.
func (h *Handler) loadState(c echo.Context, v *boardView) error {
	ctx := c.Request().Context()
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	v.Filter = c.QueryParam("antwort")
	counts, err := h.Desk.Store.Counts(ctx, v.A.ID)
	if err != nil {
		return err
	}
	v.Count = counts[v.A.ID]
	if v.Tally, err = h.reading(c).DeliveryTally(ctx, v.A.ID); err != nil {
		return err
	}
	next := ""
	if v.Bodies, next, err = h.reading(c).Bodies(ctx, v.A.ID, alert.BodyFilter{Answer: v.Filter, After: p.After, Limit: p.Limit}); err != nil {
		return err
	}
	v.Segments = segments(v.Count)
	base := "/warnungen/redaktion/" + v.Ref
	query := url.Values{}
	if v.Filter != "" {
		query.Set("antwort", v.Filter)
	}
	if next != "" {
		query.Set("after", next)
		v.More = page.Link(page.Language(c), base+"?"+query.Encode())
	}
	query.Del("after")
	if p.After != "" {
		query.Set("after", p.After)
	}
	v.Stream = page.Link(page.Language(c), base+"/ereignisse")
	v.Fragment = page.Link(page.Language(c), base+"/stand?"+query.Encode())
	return nil
}

// board is GET /warnungen/redaktion/{ref}.
func (h *Handler) board(c echo.Context) error {
	v, err := h.loadBoard(c)
	if err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, "tafel", v)
}

// boardState is the fragment that live.js fetches anew on answers.changed.
func (h *Handler) boardState(c echo.Context) error {
	v, err := h.loadBoard(c)
	if err != nil {
		return err
	}
	if v.A.Current == nil {
		return fault.New(fault.NotFound, "this alert is not published")
	}
	return h.Pages.Fragment(c, http.StatusOK, "tafel", "state", v)
}

// release is POST …/freigeben. Why it is refused stands on the draft's page.
func (h *Handler) release(c echo.Context) error {
	return h.step(c, h.Desk.Release, "notification.board.released")
}

// withdraw is POST …/zurueckziehen.
func (h *Handler) withdraw(c echo.Context) error {
	return h.step(c, h.Desk.Withdraw, "notification.board.withdrawn")
}

type stepFunc func(ctx context.Context, by alert.By, id string, revision int) (alert.Alert, error)

func (h *Handler) step(c echo.Context, do stepFunc, said string) error {
	revision, err := strconv.Atoi(c.FormValue("revision"))
	if err != nil {
		return fault.New(fault.Malformed, "the form is incomplete")
	}
	_, err = do(c.Request().Context(), by(c), c.Param("ref"), revision)
	switch kind := fault.KindOf(err); kind {
	case "":
		page.Flash(c, "success", said)
		return page.Redirect(c, "/warnungen/redaktion/"+url.PathEscape(c.Param("ref")))
	case fault.Conflict, fault.Stale, fault.Invalid:
		v, loadErr := h.loadBoard(c)
		if loadErr != nil {
			return loadErr
		}
		v.Fail(err)
		v.Notice = &page.Notice{Kind: "danger", Text: h.Pages.T(c, refusal(v, err))}
		return h.Pages.Render(c, httpserver.StatusOf(err), "tafel", v)
	}
	return err
}

// refusal says in plain words why a release did not happen.
func refusal(v *boardView, err error) string {
	switch {
	case fault.Is(err, fault.Stale):
		return "notification.draft.stale"
	case v.A.Draft != nil && v.Wrote:
		return "notification.board.foureyes"
	case v.Audience != nil && len(v.Audience.Recipients) == 0:
		return "notification.board.nobody"
	case len(v.Errors) > 0:
		return "notification.board.fields"
	}
	return "notification.board.conflict"
}

type previewView struct {
	page.Base
	Ref, Subject, Mail, Lang string
	V                        *alert.Version
	Blocks                   []Block
}

// preview is GET …/vorschau: the draft as mail and as page.
func (h *Handler) preview(c echo.Context) error {
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return err
	}
	if a.Draft != nil { // as if it were released now
		a.Current, a.State = a.Draft, alert.Published
	}
	lang := page.Language(c)
	m, err := h.Compose(message.Notice{Kind: message.Alert, Data: a.MailData()},
		message.Delivery{Language: lang, Recipient: "empfang@example.org", Salt: make([]byte, alert.SaltSize)})
	if err != nil {
		return err
	}
	v := &previewView{Base: page.Base{
		Title: h.Pages.T(c, "notification.preview.title", "Ref", a.Reference), Layout: page.Desk, Nav: page.NavAlerts,
		Exercise: a.Current.Exercise,
	}, Ref: a.Reference, Subject: m.Subject, Mail: m.Text, Lang: lang, V: a.Current, Blocks: Blocks(a.Current.Text)}
	return h.Pages.Render(c, http.StatusOK, "vorschau", v)
}

type deliveriesView struct {
	page.Base
	Ref, State, More string
	Items            []deliveryRow
	Tally            map[string]int
}

type deliveryRow struct {
	alert.Delivery
	Body string
}

// deliveries is GET …/zustellungen.
func (h *Handler) deliveries(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return err
	}
	v := &deliveriesView{
		Base: page.Base{Title: h.Pages.T(c, "notification.deliveries.title", "Ref", a.Reference), Layout: page.Desk, Nav: page.NavAlerts},
		Ref:  a.Reference, State: c.QueryParam("stand"),
	}
	list, next, err := h.reading(c).Deliveries(ctx, a.ID, alert.DeliveryFilter{State: v.State, After: p.After, Limit: p.Limit})
	if err != nil {
		return err
	}
	for _, d := range list {
		v.Items = append(v.Items, deliveryRow{d, h.name(d.Organisation)})
	}
	if v.Tally, err = h.reading(c).DeliveryTally(ctx, a.ID); err != nil {
		return err
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/warnungen/redaktion/"+a.Reference+"/zustellungen?"+url.Values{"stand": {v.State}, "after": {next}}.Encode())
	}
	return h.Pages.Render(c, http.StatusOK, "zustellungen", v)
}

type callView struct {
	page.Base
	Ref   string
	V     *alert.Version
	Items []callRow
}

type callRow struct {
	event.Organisation
	KreisName, Phone string
	Failed           bool
	People           []contactPerson
}

type contactPerson struct{ Name, Function, Phone string }

// callList is GET …/anrufliste: the silent bodies with their numbers, to print.
func (h *Handler) callList(c echo.Context) error {
	ctx := c.Request().Context()
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return err
	}
	if a.Current == nil {
		return fault.New(fault.NotFound, "this alert is not published")
	}
	v := &callView{Base: page.Base{
		Title: h.Pages.T(c, "notification.calls.title", "Ref", a.Reference), Layout: page.Print,
		TLP: string(a.Current.TLP), Exercise: a.Current.Exercise,
	}, Ref: a.Reference, V: a.Current}
	silent, _, err := h.reading(c).Bodies(ctx, a.ID, alert.BodyFilter{Answer: "none", Limit: 2000})
	if err != nil {
		return err
	}
	for _, b := range silent {
		row := callRow{Organisation: b.Organisation, Failed: b.Mails.Failed > 0 || b.Mails.Sent+b.Mails.Pending == 0}
		if o, ok := h.Register.Organisation(b.Organisation.ID); ok {
			row.KreisName, row.Phone = o.KreisName, o.Phone
		}
		for _, p := range h.Register.People(b.Organisation.ID, actor.Officer, actor.OrgAdmin) {
			row.People = append(row.People, contactPerson{p.Name, p.Function, p.Phone})
		}
		v.Items = append(v.Items, row)
	}
	return h.Pages.Render(c, http.StatusOK, "anrufliste", v)
}
