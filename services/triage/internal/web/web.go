// SPDX-License-Identifier: EUPL-1.2

// Package web is the Lagezentrum's pages, the JSON API and the stream of
// changes. Handlers translate: what a request wants, one call of the desk, an
// answer. Every action of the pages is a plain form; htmx only spares a page load.
package web

import (
	"context"
	"embed"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/live"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Files are the templates and messages.
//
//go:embed templates/*.html messages/*.json
var Files embed.FS

// Files of cases, decrypted.
type files interface {
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// Handler answers requests.
type Handler struct {
	Desk func(db pg.DB) *casefile.Desk // on the pool, or inside a transaction
	// Campaigns is the desk of campaigns, on the pool or inside a transaction.
	Campaigns func(db pg.DB) *campaign.Desk
	DB        pg.DB
	Pages     *page.Renderer
	Register  *register.Register
	Files     files
	Hub       *live.Hub
	// Denied notes in the audit that somebody asked for what they may not.
	Denied func(c echo.Context, action actor.Action, objectType, objectID string)
	// Away says since when the broker is away: new reports come later than they should.
	Away func() time.Time
	Log  *zap.Logger
	Now  func() time.Time
}

const api = "/api/triage/v1"

// Routes are all addresses of the service. An address whose action a person
// reaches nothing of answers 404.
func (h *Handler) Routes() []httpserver.Route {
	const get, post = http.MethodGet, http.MethodPost
	routes := []httpserver.Route{
		{Method: get, Path: api + "/cases", Action: actor.CaseQueue, Handler: h.apiList},
		{Method: get, Path: api + "/cases/:id", Action: actor.CaseRead, Handler: h.apiCase},
		{Method: post, Path: api + "/cases/:id/assign", Action: actor.CaseAssign, Handler: h.apiAssign},
		{Method: post, Path: api + "/cases/:id/state", Action: actor.CaseEdit, Handler: h.apiState},
		{Method: post, Path: api + "/cases/:id/classify", Action: actor.CaseClassify, Handler: h.apiClassify},
		{Method: post, Path: api + "/cases/:id/messages", Action: actor.CaseMessage, Handler: h.apiMessage},
		{Method: post, Path: api + "/cases/:id/notes", Action: actor.CaseNote, Handler: h.apiNote},
		{Method: post, Path: api + "/cases/:id/lock", Action: actor.CaseLock, Handler: h.apiLock(true)},
		{Method: post, Path: api + "/cases/:id/unlock", Action: actor.CaseLock, Handler: h.apiLock(false)},
		{Method: post, Path: api + "/cases/:id/merge", Action: actor.CaseMerge, Handler: h.apiMerge},
		{Method: get, Path: api + "/cases/:id/attachments/:attachment", Action: actor.CaseAttachment, Handler: h.attachment, Stream: true},
		{Method: get, Path: api + "/stream", Action: actor.CaseQueue, Handler: h.stream, Stream: true},

		{Method: get, Path: "/lage", Action: actor.CaseQueue, Handler: toInbox},
		{Method: get, Path: inboxPath, Action: actor.CaseQueue, Handler: h.inbox},
		{Method: get, Path: "/lage/zeile/:id", Action: actor.CaseQueue, Handler: h.oneRow},
		{Method: get, Path: "/lage/lagezeile/:ref", Action: actor.CaseQueue, Handler: h.campaignRow},
		{Method: get, Path: "/lage/kennzahlen", Action: actor.CaseQueue, Handler: h.figures},
		{Method: post, Path: "/lage/sammel", Action: actor.CaseTake, Handler: h.bulk},
		{Method: get, Path: casesPath, Action: actor.CaseSearch, Handler: h.cases},
		{Method: get, Path: "/lage/suche", Action: actor.CaseSearch, Handler: h.cases},
		{Method: get, Path: "/lage/fall/:ref", Action: actor.CaseRead, Handler: h.caseWhole},
		{Method: get, Path: "/lage/fall/:ref/teil", Action: actor.CaseRead, Handler: h.casePart},
		{Method: get, Path: "/lage/fall/:ref/druck", Action: actor.CaseExport, Handler: h.casePrint},
		{Method: get, Path: "/lage/fall/:ref/datei/:attachment", Action: actor.CaseAttachment, Handler: h.attachmentZIP, Stream: true},
		{Method: get, Path: "/lage/fall/:ref/tun/:name", Action: actor.CaseRead, Handler: h.actForm},
		{Method: post, Path: "/lage/fall/:ref/" + actTake, Action: actor.CaseTake, Handler: h.do(actTake)},
		{Method: post, Path: "/lage/fall/:ref/" + actAssign, Action: actor.CaseAssign, Handler: h.do(actAssign)},
		{Method: post, Path: "/lage/fall/:ref/" + actClassify, Action: actor.CaseClassify, Handler: h.do(actClassify)},
		{Method: post, Path: "/lage/fall/:ref/" + actState, Action: actor.CaseEdit, Handler: h.do(actState)},
		{Method: post, Path: "/lage/fall/:ref/" + actClose, Action: actor.CaseEdit, Handler: h.do(actClose)},
		{Method: post, Path: "/lage/fall/:ref/" + actMessage, Action: actor.CaseMessage, Handler: h.do(actMessage)},
		{Method: post, Path: "/lage/fall/:ref/" + actNote, Action: actor.CaseNote, Handler: h.do(actNote)},
		{Method: post, Path: "/lage/fall/:ref/" + actMerge, Action: actor.CaseMerge, Handler: h.do(actMerge)},
		{Method: post, Path: "/lage/fall/:ref/" + actVerify, Action: actor.CaseClassify, Handler: h.do(actVerify)},
		{Method: post, Path: "/lage/fall/:ref/" + actLock, Action: actor.CaseLock, Handler: h.do(actLock)},
		{Method: post, Path: "/lage/fall/:ref/" + actUnlock, Action: actor.CaseLock, Handler: h.do(actUnlock)},
		{Method: get, Path: "/lage/konto", Action: actor.CaseQueue, Handler: toAccount},
	}
	routes = append(routes, h.holdRoutes()...)
	routes = append(routes, h.campaignRoutes()...)
	for i, r := range routes {
		routes[i].Handler = h.noted(r.Action, r.Handler)
	}
	return routes
}

// noted writes down who was turned away from a case, whatever became of the
// transaction that the attempt was in.
func (h *Handler) noted(action actor.Action, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(streamKey, h.streamAt(c)) // before the page reads anything
		err := next(c)
		ref := firstOf(c.Param("id")+c.Param("ref"), c.QueryParam("fall"))
		switch {
		case fault.Is(err, fault.Forbidden), fault.Is(err, fault.StepUpRequired):
			if id, findErr := h.desk().Store.Find(c.Request().Context(), ref); findErr == nil {
				ref = id
			}
			h.Denied(c, action, "case", ref)
		case fault.Is(err, fault.NotFound) && ref != "":
			if id, locked := h.lockedAway(c, ref); locked {
				h.Denied(c, action, "case", id)
			}
		}
		return err
	}
}

// lockedAway reports whether a case is there, but locked for who asks.
func (h *Handler) lockedAway(c echo.Context, ref string) (id string, locked bool) {
	ctx, store := c.Request().Context(), h.desk().Store
	id, err := store.Find(ctx, ref)
	if err != nil {
		return "", false
	}
	s, err := store.Summary(ctx, id)
	return id, err == nil && s.Locked && !session.Actor(c).May(actor.CaseRead, s.Object()).Allowed
}

func toInbox(c echo.Context) error { return page.Redirect(c, inboxPath) }

// toAccount leads to the one account page there is; the switch for the keys is
// in the list of keys on each page.
func toAccount(c echo.Context) error { return page.Redirect(c, "/konto") }

// by is who asks, and in which request.
func by(c echo.Context) casefile.By {
	return casefile.By{Actor: session.Actor(c), Request: httpserver.RequestID(c)}
}

// desk is the desk on the pool.
func (h *Handler) desk() *casefile.Desk { return h.Desk(h.DB) }
