// SPDX-License-Identifier: EUPL-1.2

// Package web is the directory's door: pages under /konto and /verzeichnis and
// the JSON API. Handlers translate; the desks decide.
package web

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

//go:embed templates/*.html messages/*.json
var files embed.FS

// Reads is what pages and lists show.
type Reads interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	Organisations(ctx context.Context, f constituency.Filter) (constituency.Page, error)
	AdministeredBy(ctx context.Context, id string) ([]constituency.Organisation, error)
	Kreise(ctx context.Context) ([]constituency.Organisation, error)
	People(ctx context.Context, query, organisation, after string, limit int) ([]account.Person, string, error)
	Person(ctx context.Context, id string) (account.Person, error)
	PeopleReads
	MandateReads
	SessionsOf(ctx context.Context, person string, at time.Time) ([]account.Session, error)
	TokensOf(ctx context.Context, person string, at time.Time) ([]account.Token, error)
	Token(ctx context.Context, id string) (account.Token, error)
	Succession(ctx context.Context, predecessor string) (succession.Succession, error)
	PredecessorsOf(ctx context.Context, id string) ([]constituency.Organisation, error)
	KreisMembers(ctx context.Context, kreis string) ([]participation.Member, error)
	ProvidersOf(ctx context.Context, principal string, at time.Time) ([]string, error)
}

// Handler answers requests.
type Handler struct {
	Register *constituency.Desk
	Accounts *account.Desk
	Mandates *mandate.Desk
	Reads    Reads
	Pages    *page.Renderer
	Log      *zap.Logger
	Now      func() time.Time
	// Once runs effect once for an idempotency key, in one transaction with its record.
	Once func(ctx context.Context, r idem.Request, effect func(*account.Desk) (status int, body any, err error)) (idem.Answer, error)
	SignIn
	PeopleDesks
	StructureDesks
	ErasureDesk
	// OnceMandate is Once for what is done about mandates.
	OnceMandate func(ctx context.Context, r idem.Request, effect func(*mandate.Desk) (status int, body any, err error)) (idem.Answer, error)
	// Tell makes the other services know of sessions and tokens at once.
	Tell func(ctx context.Context, sessions []account.Session, tokens []account.Token)
	// Denied notes in the audit that somebody asked for what they may not.
	Denied func(c echo.Context, action actor.Action, objectType, objectID string)
}

// NewPages parses the directory's pages.
func NewPages(o page.Options) (*page.Renderer, error) {
	o.Templates, o.Messages, o.User = files, files, User
	return page.New(o)
}

const userKey = "leitstelle.user"

// User is who is signed in, as the header shows them.
func User(c echo.Context) *page.User {
	u, _ := c.Get(userKey).(*page.User)
	return u
}

// withUser looks up the name of the person's organisation for the header.
func (h *Handler) withUser(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		a := session.Actor(c)
		if !a.SignedIn() {
			return next(c)
		}
		name := ""
		if home := a.Home(); home != "" {
			o, err := h.Reads.Organisation(c.Request().Context(), home)
			if err != nil {
				return err
			}
			name = o.Name
		}
		c.Set(userKey, page.UserOf(a, name))
		return next(c)
	}
}

// Routes is the whole surface of the service; each line names the row of the
// matrix it needs.
func (h *Handler) Routes() []httpserver.Route {
	const api = "/api/directory/v1"
	get, post := http.MethodGet, http.MethodPost
	pages := []httpserver.Route{
		{Method: get, Path: "/konto/anmelden", Action: actor.Public, Handler: h.signInForm},
		{Method: post, Path: "/konto/anmelden", Action: actor.Public, Handler: h.signIn, Within: signInWait},
		{Method: post, Path: "/konto/abmelden", Action: actor.Public, Handler: h.signOut},
		{Method: get, Path: "/konto", Action: actor.AccountOwn, Handler: h.account},
		{Method: get, Path: "/konto/start", Action: actor.AccountOwn, Handler: h.start},
		{Method: post, Path: "/konto/sprache", Action: actor.AccountOwn, Handler: h.setLanguage},
		{Method: post, Path: "/konto/sitzungen/beenden", Action: actor.SessionEndOwn, Handler: h.endOwnSessions},
		{Method: post, Path: "/konto/sitzungen/:id/beenden", Action: actor.SessionEndOwn, Handler: h.endOwnSession},
		{Method: post, Path: "/konto/tokens", Action: actor.TokenMake, Handler: h.createToken},
		{Method: get, Path: "/konto/tokens/:id", Action: actor.AccountOwn, Handler: h.showToken},
		{Method: post, Path: "/konto/tokens/:id/widerrufen", Action: actor.AccountOwn, Handler: h.revokeToken},
		{Method: get, Path: "/verzeichnis", Action: actor.OrganisationRead, Handler: toRegister},
		{Method: get, Path: "/verzeichnis/kommunen", Action: actor.OrganisationRead, Handler: h.organisations},
		{Method: get, Path: "/verzeichnis/kommunen/:id", Action: actor.OrganisationRead, Handler: h.organisation},
		{Method: post, Path: "/verzeichnis/kommunen/:id", Action: actor.OrganisationEdit, Handler: h.amendOrganisation},
		{Method: get, Path: "/verzeichnis/stelle", Action: actor.OrganisationRead, Handler: h.ownOrganisation},
		{Method: get, Path: "/verzeichnis/verwaltung", Action: actor.PersonManage, Handler: toPeople},
		{Method: get, Path: "/verzeichnis/verwaltung/register", Action: actor.RegisterImport, Handler: h.importForm},
		{Method: post, Path: "/verzeichnis/verwaltung/register", Action: actor.RegisterImport, Handler: h.upload, Limit: httpserver.UploadLimit},
		{Method: get, Path: "/verzeichnis/verwaltung/register/:id", Action: actor.RegisterImport, Handler: h.differences},
		{Method: post, Path: "/verzeichnis/verwaltung/register/:id", Action: actor.RegisterImport, Handler: h.confirm},
		{Method: get, Path: "/verzeichnis/verwaltung/personen", Action: actor.PersonManage, Handler: h.people},
		{Method: get, Path: "/verzeichnis/verwaltung/personen/:id", Action: actor.PersonManage, Handler: h.person},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/sitzungen", Action: actor.SessionEndAny, Handler: h.endSessionsOf},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/sperren", Action: actor.SessionEndAny, Handler: h.lock},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/entsperren", Action: actor.SessionEndAny, Handler: h.unlock},
	}
	pages = slices.Concat(pages, h.mandatePages(), h.peoplePages(), h.structurePages(), h.signInPages(), h.erasurePages())
	for i := range pages {
		pages[i].Handler = h.withUser(pages[i].Handler)
	}
	return slices.Concat(pages, h.mandateAPI(api), h.peopleAPI(), h.structureAPI(), h.invitationAPI(api), h.personAPI(api), h.erasureAPI(), []httpserver.Route{
		{Method: get, Path: api + "/me", Action: actor.AccountOwn, Handler: h.apiMe},
		{Method: get, Path: api + "/organisations", Action: actor.OrganisationRead, Handler: h.apiOrganisations},
		{Method: get, Path: api + "/organisations/:id", Action: actor.OrganisationRead, Handler: h.apiOrganisation},
		{Method: http.MethodPatch, Path: api + "/organisations/:id", Action: actor.OrganisationEdit, Handler: h.apiAmend},
		{Method: get, Path: api + "/people", Action: actor.PersonManage, Handler: h.apiPeople},
		{Method: get, Path: api + "/sessions", Action: actor.SessionEndOwn, Handler: h.apiSessions},
		{Method: http.MethodDelete, Path: api + "/sessions", Action: actor.SessionEndOwn, Handler: h.apiEndSessions},
		{Method: http.MethodDelete, Path: api + "/sessions/:id", Action: actor.SessionEndOwn, Handler: h.apiEndSession},
		{Method: get, Path: api + "/tokens", Action: actor.AccountOwn, Handler: h.apiTokens},
		{Method: post, Path: api + "/tokens", Action: actor.TokenMake, Handler: h.apiCreateToken},
		{Method: http.MethodDelete, Path: api + "/tokens/:id", Action: actor.AccountOwn, Handler: h.apiRevokeToken},
		{Method: post, Path: api + "/register/diff", Action: actor.RegisterImport, Handler: h.apiDiff, Limit: httpserver.UploadLimit},
		{Method: post, Path: api + "/register/apply", Action: actor.RegisterImport, Handler: h.apiApply},
	})
}

// act is who does what this request asks for.
func act(c echo.Context) account.Act {
	return account.Act{Actor: session.Actor(c), RequestID: httpserver.RequestID(c)}
}

// unseen is the answer about what is there and not the asker's to see: the same
// as if it did not exist, and written down.
func (h *Handler) unseen(c echo.Context, action actor.Action, what, id string) error {
	a := act(c)
	a.At = h.Now().UTC().Truncate(time.Microsecond)
	if err := h.Mandates.Store.Deny(c.Request().Context(), a, string(action), what, id); err != nil {
		return err
	}
	return fault.New(fault.NotFound, "no %s %s", what, id)
}

func toRegister(c echo.Context) error { return page.Redirect(c, "/verzeichnis/kommunen") }

func toPeople(c echo.Context) error { return page.Redirect(c, "/verzeichnis/verwaltung/personen") }

// base starts a page; the Lagezentrum's people stay in its layout.
func base(c echo.Context, title string) page.Base {
	b := page.Base{Title: title}
	if u := User(c); u != nil && len(page.DeskMenu(u)) > 0 {
		b.Layout, b.Nav = page.Desk, page.NavConstituency
	}
	return b
}
