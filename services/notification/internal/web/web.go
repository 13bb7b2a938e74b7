// SPDX-License-Identifier: EUPL-1.2

// Package web is notification's door for people and programs: warnings and
// answers as pages that need no JavaScript, the editors' desk with its live
// board, and the JSON API. Handlers translate; the desks decide.
package web

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Files are the templates and texts of the pages.
//
//go:embed templates/*.html messages/*.json
var Files embed.FS

// Handler answers notification's routes.
type Handler struct {
	Desk          alert.Desk
	Subscriptions subscription.Desk
	// Once runs a creating request once per key, in one transaction with its record.
	Once func(ctx context.Context, r idem.Request, effect func(alert.Desk) (status int, body any, err error)) (idem.Answer, error)
	// Compose writes a mail, for the preview.
	Compose  func(n message.Notice, d message.Delivery) (message.Mail, error)
	Register *register.Register
	Pages    *page.Renderer
	Board    *Board
	// Denied notes in the audit that somebody asked for what they may not.
	Denied   func(c echo.Context, action actor.Action, objectType, objectID string)
	Now      func() time.Time
	Location *time.Location
	Log      *zap.Logger
}

// Routes are all addresses of notification, with the row of the matrix each
// needs. The answer pages are public: a link's token, or the session, decides
// there. /echt stands at the root because it is read out on the phone.
func (h *Handler) Routes() []httpserver.Route {
	const api = "/api/notification/v1"
	get, post, put, patch := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch
	routes := []httpserver.Route{
		{Method: post, Path: api + "/alerts", Action: actor.AlertDraft, Handler: h.apiCreate},
		{Method: get, Path: api + "/alerts", Action: actor.AlertRead, Handler: h.apiList},
		{Method: get, Path: api + "/alerts/:id", Action: actor.AlertRead, Handler: h.apiGet},
		{Method: patch, Path: api + "/alerts/:id", Action: actor.AlertDraft, Handler: h.apiPatch},
		{Method: get, Path: api + "/alerts/:id/audience", Action: actor.AlertWork, Handler: h.apiAudience},
		{Method: post, Path: api + "/alerts/:id/release", Action: actor.AlertApprove, Handler: h.apiRelease},
		{Method: post, Path: api + "/alerts/:id/withdraw", Action: actor.AlertApprove, Handler: h.apiWithdraw},
		{Method: get, Path: api + "/alerts/:id/deliveries", Action: actor.DeliveryRead, Handler: h.apiDeliveries},
		{Method: get, Path: api + "/alerts/:id/answers", Action: actor.AlertWork, Handler: h.apiAnswers},
		{Method: post, Path: api + "/alerts/:id/answers", Action: actor.PollAnswer, Handler: h.apiAnswer},
		{Method: get, Path: api + "/subscriptions", Action: actor.Subscribe, Handler: h.apiSubscriptions},
		{Method: put, Path: api + "/subscriptions", Action: actor.Subscribe, Handler: h.apiSubscribe},

		{Method: get, Path: "/warnungen", Action: actor.AlertRead, Handler: h.list},
		{Method: get, Path: "/warnungen/abo", Action: actor.Subscribe, Handler: h.showSubscriptions},
		{Method: post, Path: "/warnungen/abo", Action: actor.Subscribe, Handler: h.saveSubscription},
		{Method: get, Path: "/warnungen/echt", Action: actor.Public, Handler: h.genuine},
		{Method: get, Path: "/echt", Action: actor.Public, Handler: h.genuine},
		{Method: get, Path: "/warnungen/:ref", Action: actor.Public, Handler: h.show},
		{Method: http.MethodHead, Path: "/warnungen/:ref", Action: actor.Public, Handler: h.show},
		{Method: post, Path: "/warnungen/:ref/antwort", Action: actor.Public, Handler: h.answer},
	}
	return append(routes, h.deskRoutes()...)
}

func (h *Handler) deskRoutes() []httpserver.Route {
	const desk, one = "/warnungen/redaktion", "/warnungen/redaktion/:ref"
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: get, Path: desk, Action: actor.AlertWork, Handler: h.deskList},
		{Method: get, Path: desk + "/neu", Action: actor.AlertDraft, Handler: h.newDraft},
		{Method: post, Path: desk + "/neu", Action: actor.AlertDraft, Handler: h.createDraft},
		{Method: get, Path: one, Action: actor.AlertWork, Handler: h.board},
		{Method: get, Path: one + "/stand", Action: actor.AlertWork, Handler: h.boardState},
		{Method: get, Path: one + "/bearbeiten", Action: actor.AlertDraft, Handler: h.editDraft},
		{Method: post, Path: one + "/bearbeiten", Action: actor.AlertDraft, Handler: h.saveDraft},
		{Method: get, Path: one + "/vorschau", Action: actor.AlertWork, Handler: h.preview},
		{Method: post, Path: one + "/freigeben", Action: actor.AlertApprove, Handler: h.release},
		{Method: post, Path: one + "/zurueckziehen", Action: actor.AlertApprove, Handler: h.withdraw},
		{Method: get, Path: one + "/zustellungen", Action: actor.DeliveryRead, Handler: h.deliveries},
		{Method: get, Path: one + "/anrufliste", Action: actor.AlertWork, Handler: h.callList},
		{Method: get, Path: one + "/ereignisse", Action: actor.AlertWork, Handler: h.stream, Stream: true},
	}
}

// reading is what the person who asks sees of alerts.
func (h *Handler) reading(c echo.Context) alert.Reading {
	return h.Desk.Store.As(alert.SeerOf(session.Actor(c)))
}

// alert loads an alert as the person who asks may see it. Whoever asks for
// somebody else's is written down; TLP:RED needs a step-up (§2.5).
func (h *Handler) alert(c echo.Context, ref string) (alert.Alert, error) {
	ctx := c.Request().Context()
	a, err := h.reading(c).Alert(ctx, ref)
	if fault.Is(err, fault.NotFound) && session.Actor(c).SignedIn() {
		if other, otherErr := h.Desk.Store.As(ownWork.Seer()).Alert(ctx, ref); otherErr == nil {
			h.Denied(c, actor.AlertRead, "alert", other.ID)
		}
	}
	if err == nil && h.hidden(c, &a) {
		h.Denied(c, actor.AlertRead, "alert", a.ID)
		return alert.Alert{}, httpserver.StepUp()
	}
	return a, err
}

// hidden reports whether the alert is TLP:RED and the person has to show the
// second factor first.
func (h *Handler) hidden(c echo.Context, a *alert.Alert) bool {
	red := a.Draft != nil && a.Draft.TLP == tlp.Red || a.Current != nil && a.Current.TLP == tlp.Red
	return session.Actor(c).MustStepUp(actor.AlertRead, actor.Object{Red: red}, h.Now())
}

// ownWork reads what no single reader sees, for an answer that says no more than
// it may.
var ownWork = actor.System("notification")

func by(c echo.Context) alert.By {
	return alert.By{Actor: session.Actor(c), RequestID: httpserver.RequestID(c)}
}

// mayDo reports whether the person may do the action somewhere, for buttons.
func mayDo(c echo.Context, a actor.Action) bool { return !session.Actor(c).View(a).Empty() }

// name is an organisation's name, "" for one that is not known.
func (h *Handler) name(id string) string {
	o, _ := h.Register.Organisation(id)
	return o.Name
}

// signIn sends a guest to the sign-in page and back.
func signIn(c echo.Context) error {
	lang := page.Language(c)
	next := url.QueryEscape(page.Link(lang, c.Request().URL.Path)) // without the query: it may hold a token
	return c.Redirect(http.StatusSeeOther, page.Link(lang, "/konto/anmelden")+"?next="+next)
}

// guard keeps the token of an answer link out of the Referer header.
func guard(c echo.Context) {
	c.Response().Before(func() {
		c.Response().Header().Set(echo.HeaderReferrerPolicy, "strict-origin")
		c.Response().Header().Set("X-Robots-Tag", "noindex, nofollow")
	})
}

// Block is a piece of an alert's text: numbered steps, a list, or a paragraph.
type Block struct {
	Kind  string // steps, list, text
	Items []Item
}

// Item is a line of a block with what follows it, indented.
type Item struct{ Text, More string }

// Blocks reads the little an editor may write: lines "1. …" are steps, "- …" a
// list, indented lines belong to the one above, empty lines part paragraphs.
func Blocks(text string) []Block {
	var out []Block
	last := func() *Block {
		if len(out) == 0 {
			return nil
		}
		return &out[len(out)-1]
	}
	open := false
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		kind, rest := kindOf(trimmed)
		b := last()
		switch {
		case trimmed == "":
			open = false
			continue
		case kind != "text":
			if b == nil || b.Kind != kind || !open && kind == "list" {
				out = append(out, Block{Kind: kind})
				b = last()
			}
			b.Items = append(b.Items, Item{Text: rest})
		case b != nil && open && (b.Kind != "text" && strings.HasPrefix(line, " ")):
			it := &b.Items[len(b.Items)-1]
			it.More = strings.TrimSpace(it.More + " " + trimmed)
		case b != nil && open && b.Kind == "text":
			it := &b.Items[len(b.Items)-1]
			it.Text += "\n" + trimmed
		default:
			out = append(out, Block{Kind: "text", Items: []Item{{Text: trimmed}}})
		}
		open = true
	}
	return out
}

func kindOf(line string) (kind, rest string) {
	if r, ok := strings.CutPrefix(line, "- "); ok {
		return "list", strings.TrimSpace(r)
	}
	if n, r, ok := strings.Cut(line, ". "); ok && n != "" && len(n) < 3 && strings.Trim(n, "0123456789") == "" {
		return "steps", strings.TrimSpace(r)
	}
	return "text", line
}

func organisationsOf(bodies []alert.Body) []string {
	out := make([]string, len(bodies))
	for i, b := range bodies {
		out[i] = b.Organisation.Name
	}
	slices.Sort(out)
	return out
}
