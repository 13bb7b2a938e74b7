// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// card is a warning in a list.
type card struct {
	Reference, Title, Summary, Severity, TLP string
	PublishedAt                              *time.Time
	Due                                      *time.Time
	Open, Withdrawn, Exercise                bool
	Silent                                   int // own bodies that have not answered
	Answers                                  []string
}

type listView struct {
	page.Base
	Items     []card
	More      string
	Subscribe bool
}

// list is GET /warnungen: what the person may read, open answers first.
func (h *Handler) list(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	ctx, a := c.Request().Context(), session.Actor(c)
	f := alert.Filter{States: []alert.State{alert.Published, alert.Withdrawn}, After: p.After, Limit: p.Limit}.Listed(a)
	list, next, err := h.reading(c).Alerts(ctx, f)
	if err != nil {
		return err
	}
	v := &listView{Base: page.Base{Title: h.Pages.T(c, "notification.list.title")}, Subscribe: mayDo(c, actor.Subscribe)}
	mine, err := h.Desk.AnswerableOf(ctx, a, idsOf(list))
	if err != nil {
		return err
	}
	for i := range list {
		v.Items = append(v.Items, h.card(c, &list[i], mine[list[i].ID]))
	}
	slices.SortStableFunc(v.Items, func(a, b card) int { return cmp.Compare(rank(a), rank(b)) })
	if next != "" {
		v.More = page.Link(page.Language(c), "/warnungen?after="+url.QueryEscape(next))
	}
	return h.Pages.Render(c, http.StatusOK, "warnungen", v)
}

func rank(c card) int {
	switch {
	case c.Silent > 0 && c.Open:
		return 0
	case c.Open:
		return 1
	}
	return 2
}

func idsOf(list []alert.Alert) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

// card is an alert in a list; of TLP:RED it says nothing before a step-up.
func (h *Handler) card(c echo.Context, a *alert.Alert, mine []alert.Body) card {
	v := a.Shown()
	out := card{
		Reference: a.Reference, Title: v.Title, Summary: v.Summary, Severity: v.Severity, TLP: string(v.TLP),
		PublishedAt: v.PublishedAt, Open: a.Open(h.Now()), Withdrawn: a.State == alert.Withdrawn, Exercise: v.Exercise,
	}
	if h.hidden(c, a) {
		out.Title, out.Summary = h.Pages.T(c, "notification.red.title"), ""
	}
	if v.Poll != nil {
		out.Due = v.Poll.DueAt
		for _, b := range mine {
			if b.Answer == "" {
				out.Silent++
			} else if !slices.Contains(out.Answers, b.Answer) {
				out.Answers = append(out.Answers, b.Answer)
			}
		}
	}
	return out
}

// access is how somebody came to an alert and what that opens.
type access struct {
	alert  alert.Alert
	by     alert.By
	token  string
	bodies []alert.Body // for which the caller may answer
	names  []string     // whom the page speaks to, for links
}

// enter decides who may see an alert: the answer link (up to AMBER), or the
// session. Guests without either are sent to sign in (done is true then).
func (h *Handler) enter(c echo.Context, token string) (x access, done bool, err error) {
	x = access{by: by(c), token: token}
	if token != "" {
		g, err := h.granted(c, &x)
		if err == nil && alert.ForAgents(x.alert.Current.TLP) { // a mail carries a link for the same labels
			return x, false, h.byLink(c, &x, g)
		}
		if err != nil && !h.linkless(c) {
			return x, false, err
		}
	}
	x.token = ""
	if !x.by.SignedIn() {
		return x, true, signIn(c) // a guest does not learn which numbers there are
	}
	if x.alert, err = h.alert(c, c.Param("ref")); err == nil && x.alert.Current == nil {
		err = fault.New(fault.NotFound, "there is no such alert")
	}
	if err != nil {
		return x, false, err
	}
	return x, false, h.bySession(c, &x)
}

// granted is what the answer link stands for, and loads its alert.
func (h *Handler) granted(c echo.Context, x *access) (alert.Grant, error) {
	ctx := c.Request().Context()
	g, err := h.Desk.Store.Grant(ctx, alert.HashToken(x.token))
	if err == nil {
		x.alert, err = h.Desk.Store.As(actor.Seer{Object: g.Alert}).Alert(ctx, c.Param("ref"))
	}
	if err == nil && (x.alert.Current == nil || g.Alert != x.alert.ID) {
		err = fault.New(fault.NotFound, "this link is not valid")
	}
	return g, err
}

// linkless reports whether the alert is one that no link opens: then only the
// session counts.
func (h *Handler) linkless(c echo.Context) bool {
	a, err := h.Desk.Store.As(ownWork.Seer()).Alert(c.Request().Context(), c.Param("ref"))
	return err == nil && a.Current != nil && !alert.ForAgents(a.Current.TLP)
}

func (h *Handler) byLink(c echo.Context, x *access, g alert.Grant) (err error) {
	ctx := c.Request().Context()
	person, _ := h.Register.ActorOf(g.Person)
	x.by = alert.By{Actor: person, RequestID: x.by.RequestID, Via: "link"}
	if x.bodies, err = h.Desk.Granted(ctx, g, person); err != nil {
		return err
	}
	if g.Person == "" {
		x.by.Name = h.name(g.Organisation)
		x.names = []string{x.by.Name}
		return nil
	}
	x.names = organisationsOf(x.bodies)
	if len(x.bodies) == 0 { // may read, but not answer: a mandate for alerts alone
		return h.bySession(c, x)
	}
	return nil
}

func (h *Handler) bySession(c echo.Context, x *access) error {
	ctx := c.Request().Context()
	var err error
	if x.bodies, err = h.Desk.Answerable(ctx, x.by.Actor, x.alert.ID); err != nil {
		return err
	}
	orgs, everything, _ := alert.Readable(x.by.Actor)
	if everything {
		return nil
	}
	reached, _, err := h.Desk.Store.As(alert.SeerOf(x.by.Actor)).Bodies(ctx, x.alert.ID, alert.BodyFilter{Organisations: orgs, Limit: max(1, len(orgs))})
	if err != nil {
		return err
	}
	if len(orgs) == 0 || !alert.MayRead(x.by.Actor, x.alert.Current, reached) {
		h.Denied(c, actor.AlertRead, "alert", x.alert.ID)
		return fault.New(fault.NotFound, "there is no such alert")
	}
	return nil
}

// bodyView is one body's part of the answer form.
type bodyView struct {
	ID, Name, Answer, Detail, Text string
	AnsweredAt                     *time.Time
	AnsweredBy                     string
	Affected                       bool
	ReportLink                     string
}

// answeredBy names who answered; an agent with its firm and for whom.
func (h *Handler) answeredBy(c echo.Context, b alert.Body) string {
	if b.Agent == "" {
		return b.AnsweredBy.Name
	}
	return b.AnsweredBy.Name + ", " + h.Pages.T(c, "notification.behalf", "Agent", b.Agent, "Name", b.Organisation.Name)
}

type warningView struct {
	page.Base
	Ref, Token string
	V          *alert.Version
	Blocks     []Block
	Open       bool
	EndedAt    *time.Time
	Withdrawn  bool
	Bodies     []bodyView
	One        *bodyView
	Count      alert.Count
	Change     bool // the form is shown though there is an answer
	Late       bool
	Hours      int
	Minutes    int
	Typed      alert.Reply
	BoardLink  string
}

// show is GET /warnungen/{ref}: it shows and never answers, whoever fetches it.
func (h *Handler) show(c echo.Context) error {
	guard(c)
	x, done, err := h.enter(c, c.QueryParam("e"))
	if err != nil || done {
		return err
	}
	return h.render(c, http.StatusOK, x, alert.Reply{}, nil)
}

func (h *Handler) render(c echo.Context, status int, x access, typed alert.Reply, failed error) error {
	a, now := &x.alert, h.Now()
	v := &warningView{
		Base: page.Base{Main: page.MainAnswer, Exercise: a.Current.Exercise}, Ref: a.Reference, Token: x.token,
		V: a.Current, Blocks: Blocks(a.Current.Text), Open: a.Open(now), EndedAt: a.EndedAt(now),
		Withdrawn: a.State == alert.Withdrawn, Typed: typed, Change: c.QueryParam("aendern") != "" || failed != nil,
	}
	v.Title = h.Pages.T(c, "notification.warning.title", "Ref", a.Reference, "Title", a.Current.Title)
	if x.token != "" {
		v.Recipient = strings.Join(x.names[:min(3, len(x.names))], ", ")
		if len(x.names) > 3 {
			v.Recipient = h.Pages.T(c, "notification.warning.for", len(x.names))
		}
		v.User = &page.User{Name: x.by.Name}
	}
	for _, b := range x.bodies {
		v.Bodies = append(v.Bodies, bodyView{
			ID: b.Organisation.ID, Name: b.Organisation.Name, Answer: b.Answer, Detail: b.Detail,
			Text: b.Text, AnsweredAt: b.AnsweredAt, AnsweredBy: h.answeredBy(c, b), Affected: alert.Affected(b.Answer, b.Detail),
			ReportLink: "/melden?warnung=" + url.QueryEscape(a.Reference) + "&stelle=" + url.QueryEscape(b.Organisation.ID),
		})
	}
	if len(v.Bodies) == 1 {
		v.One = &v.Bodies[0]
		if failed == nil {
			v.Typed = alert.Reply{Answer: v.One.Answer, Detail: v.One.Detail, Text: v.One.Text}
		}
	}
	if a.Current.Poll != nil {
		if a.Current.Poll.DueAt != nil {
			left := a.Current.Poll.DueAt.Sub(now)
			v.Late, v.Hours, v.Minutes = left < 0, int(left.Hours()), int(left.Minutes())%60
		}
		counts, err := h.Desk.Store.Counts(c.Request().Context(), a.ID)
		if err != nil {
			return err
		}
		v.Count = counts[a.ID]
	}
	if mayDo(c, actor.AlertWork) && x.token == "" {
		v.BoardLink = "/warnungen/redaktion/" + a.Reference
	}
	if failed != nil && !v.Fail(failed) {
		return failed
	}
	return h.Pages.Render(c, status, "warnung", v)
}

// answer is POST /warnungen/{ref}/antwort: one tap for one body, or one choice
// each for several mandated bodies.
func (h *Handler) answer(c echo.Context) error {
	guard(c)
	token := c.FormValue("e")
	x, done, err := h.enter(c, token)
	if err != nil || done {
		return err
	}
	replies, err := repliesOf(c, x.bodies)
	if err != nil {
		return h.render(c, http.StatusUnprocessableEntity, x, alert.Reply{Text: c.FormValue("text")}, err)
	}
	for _, r := range replies {
		if _, err := h.Desk.Answer(c.Request().Context(), x.by, x.alert.ID, r.organisation, x.bodies, r.Reply); err != nil {
			if fault.Is(err, fault.Invalid) {
				return h.render(c, http.StatusUnprocessableEntity, x, r.Reply, err)
			}
			return err
		}
	}
	page.Flash(c, "success", "notification.answer.saved")
	back := "/warnungen/" + x.alert.Reference
	if x.token != "" {
		back += "?e=" + url.QueryEscape(x.token)
	}
	return page.Redirect(c, back+"#antwort")
}

type bodyReply struct {
	organisation string
	alert.Reply
}

// repliesOf reads the form: "answer" for one body, "answer.ID" for several.
// Bodies whose choice did not change are left out.
func repliesOf(c echo.Context, bodies []alert.Body) ([]bodyReply, error) {
	if len(bodies) == 0 {
		return nil, fault.New(fault.NotFound, "this link cannot answer")
	}
	one := alert.Reply{Answer: c.FormValue("answer"), Detail: c.FormValue("detail"), Text: c.FormValue("text")}
	if len(bodies) == 1 {
		return []bodyReply{{bodies[0].Organisation.ID, one}}, nil
	}
	var out []bodyReply
	for _, b := range bodies {
		answer := c.FormValue("answer." + b.Organisation.ID)
		if answer == "" {
			answer = c.FormValue("all")
		}
		if answer != "" && answer != b.Answer {
			out = append(out, bodyReply{b.Organisation.ID, alert.Reply{Answer: answer, Text: one.Text}})
		}
	}
	if len(out) == 0 {
		var f fault.Fields
		f.Add("all", "notification.error.answer", "choose an answer for at least one organisation")
		return nil, f.Err()
	}
	return out, nil
}

type genuineView struct {
	page.Base
	Number, Ref, Heading string
	Asked, Found         bool
	At                   *time.Time
	Withdrawn            bool
}

// genuine is GET /echt: is this number real? Title and time only, and the title
// only where everybody, or the signed-in reader, may know it.
func (h *Handler) genuine(c echo.Context) error {
	number := strings.ToUpper(strings.TrimSpace(c.QueryParam("nummer")))
	v := &genuineView{Base: page.Base{Title: h.Pages.T(c, "notification.genuine.title")}, Number: number, Asked: number != ""}
	if len(number) > 20 {
		number = number[:20]
	}
	if v.Asked {
		a, err := h.Desk.Store.As(ownWork.Seer()).Alert(c.Request().Context(), number)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return err
		case a.Current != nil && a.Reference == number:
			v.Found, v.Ref, v.At, v.Withdrawn = true, a.Reference, a.Current.PublishedAt, a.State == alert.Withdrawn
			label := a.Current.TLP
			if label == tlp.Clear || label == tlp.Green && session.Actor(c).SignedIn() {
				v.Heading = a.Current.Title
			}
		}
	}
	return h.Pages.Render(c, http.StatusOK, "echt", v)
}
