// SPDX-License-Identifier: EUPL-1.2

// Package web is intake's door for people and programs: the form and the own
// reports as pages that need no JavaScript, and the JSON API. Handlers
// translate; what is right or wrong decides the desk.
package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Handler answers intake's routes.
type Handler struct {
	Desk     *report.Desk
	Figures  *figures.Desk
	Pages    *page.Renderer
	Register *register.Register
	Gate     *Gate
	Log      *zap.Logger
	Now      func() time.Time
	Cookies  []byte // key of the guest's cookie
	Security Security
	Aid      AidTexts
	Drafts   time.Duration // how long an unfinished report is kept
}

// Security is what /.well-known/security.txt says (RFC 9116).
type Security struct {
	Contacts []string `env:"SECURITY_CONTACT" doc:"mailto: or https: addresses for reports about this very system, separated by commas"`
	Policy   string   `env:"SECURITY_POLICY" doc:"address of the disclosure policy"`
}

// occasion is what a request is about, whoever asks.
func (h *Handler) occasion(c echo.Context) report.Occasion {
	o := report.Occasion{By: session.Actor(c), Language: page.Language(c), RequestID: httpserver.RequestID(c)}
	if tp := c.Request().Header.Get("Traceparent"); len(tp) <= 64 {
		o.TraceParent = tp
	}
	if o.By.Language != "" && strings.HasPrefix(c.Request().URL.Path, "/api/") {
		o.Language = o.By.Language
	}
	return o
}

// bearer reports whether a program asks with a token.
func bearer(c echo.Context) bool { return c.Request().Header.Get(echo.HeaderAuthorization) != "" }

// keyOf reads the Idempotency-Key. A Bearer must send one; guests' keys are
// kept apart by what they send, so that strangers' keys never meet (design §7).
func keyOf(c echo.Context, by actor.Actor, what []byte) (report.Key, error) {
	hash := sha256.Sum256(what)
	k := report.Key{Key: c.Request().Header.Get("Idempotency-Key"), Hash: hash[:]}
	if len(k.Key) > 255 || strings.ContainsFunc(k.Key, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return k, fault.New(fault.Malformed, "the Idempotency-Key is longer than 255 characters or has control characters")
	}
	if k.Key == "" {
		if bearer(c) {
			return k, fault.New(fault.Malformed, "this request needs an Idempotency-Key header")
		}
		k.Key = "own-" + rand.Text()
	}
	k.Scope = scopeOf(by, hash[:])
	return k, nil
}

func scopeOf(by actor.Actor, hash []byte) string {
	if by.SignedIn() {
		return "person " + by.Person + " " + by.Home()
	}
	return "guest " + hex.EncodeToString(hash)
}

// Routes are all addresses of intake, with the row of the matrix each needs.
func (h *Handler) Routes() []httpserver.Route {
	const api = "/api/intake/v1"
	get, post := http.MethodGet, http.MethodPost
	upload := h.Desk.MaxFile + 1<<20
	routes := []httpserver.Route{
		{Method: post, Path: api + "/reports", Action: actor.ReportCreate, Handler: h.createReport},
		{Method: get, Path: api + "/reports", Action: actor.ReportRead, Handler: h.listReports},
		{Method: get, Path: api + "/reports/:id", Action: actor.ReportRead, Handler: h.getReport},
		{Method: post, Path: api + "/reports/:id/supplements", Action: actor.ReportSupplement, Handler: h.createSupplement},
		{Method: post, Path: api + "/reports/:id/messages", Action: actor.ReportMessage, Handler: h.createMessage},
		{Method: post, Path: api + "/reports/:id/attachments", Action: actor.AttachmentAdd, Handler: h.createAttachment, Limit: upload, Stream: true},
		{Method: get, Path: api + "/reports/:id/attachments/:file", Action: actor.AttachmentDownload, Handler: h.downloadAPI, Stream: true},
		{Method: get, Path: api + "/reports/:id/affected", Action: actor.ReportRead, Handler: h.affectedAPI},
		{Method: post, Path: api + "/reports/:id/affected", Action: actor.ReportExtend, Handler: h.extendAPI},
		{Method: post, Path: api + "/reports/:id/takeover", Action: actor.ReportTakeOver, Handler: h.takeOverAPI},
		{Method: post, Path: api + "/reports/:id/return", Action: actor.ReportTakeOver, Handler: h.giveBackAPI},
		{Method: post, Path: api + "/reports/:id/contradiction", Action: actor.ReportContradict, Handler: h.contradictAPI},
		{Method: get, Path: api + "/receipt-key", Action: actor.Public, Handler: h.receiptKey},
	}
	return slices.Concat(routes, h.formRoutes(), h.pageRoutes(), h.accessRoutes(), h.figuresRoutes())
}

// formRoutes are the four steps of the form and what follows them.
func (h *Handler) formRoutes() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	create := actor.ReportCreate
	out := []httpserver.Route{
		{Method: get, Path: "/melden", Action: create, Handler: h.begin},
		{Method: get, Path: "/melden/weiter", Action: create, Handler: h.showResume},
		{Method: post, Path: "/melden/weiter", Action: create, Handler: h.resume},
		{Method: post, Path: "/melden/:code/absenden", Action: create, Handler: h.send},
		{Method: get, Path: "/melden/:code/fertig", Action: create, Handler: h.done},
	}
	limits := map[string]int64{"betroffen": 4 * h.Desk.MaxFile} // it may bring a photo; one that is too large is read on, so that the answers are kept
	for i, step := range steps {
		out = append(out, httpserver.Route{Method: get, Path: "/melden/:code/" + step, Action: create, Handler: h.showStep(step)})
		if i < len(steps)-1 {
			out = append(out, httpserver.Route{Method: post, Path: "/melden/:code/" + step, Action: create, Handler: h.saveStep(step), Limit: limits[step], Stream: limits[step] > 0})
		}
	}
	return append(out, h.memberRoutes()...)
}

// pageRoutes are the own reports and the pages that every installation has.
func (h *Handler) pageRoutes() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	upload := h.Desk.MaxFile + 1<<20
	const one = "/melden/vorgang/:id"
	out := []httpserver.Route{
		{Method: get, Path: "/melden/vorgaenge", Action: actor.ReportRead, Handler: h.listPage},
		{Method: get, Path: "/melden/vorgang", Action: actor.ReportRead, Handler: h.showCode},
		{Method: post, Path: "/melden/vorgang", Action: actor.ReportRead, Handler: h.enterCode},
		{Method: get, Path: one, Action: actor.ReportRead, Handler: h.showReport},
		{Method: get, Path: one + "/druck", Action: actor.ReportRead, Handler: h.printReport},
		{Method: post, Path: one + "/nachricht", Action: actor.ReportMessage, Handler: h.postMessage},
		{Method: get, Path: one + "/nachtragen", Action: actor.ReportSupplement, Handler: h.showSupplement},
		{Method: post, Path: one + "/nachtragen", Action: actor.ReportSupplement, Handler: h.postSupplement},
		{Method: get, Path: one + "/datei", Action: actor.AttachmentAdd, Handler: h.showUpload},
		{Method: post, Path: one + "/datei", Action: actor.AttachmentAdd, Handler: h.postUpload, Limit: upload, Stream: true},
		{Method: get, Path: one + "/datei/:file", Action: actor.AttachmentDownload, Handler: h.showFile},
		{Method: post, Path: one + "/datei/:file", Action: actor.AttachmentDownload, Handler: h.download, Stream: true},
		{Method: get, Path: one + "/stellen", Action: actor.ReportExtend, Handler: h.showExtend},
		{Method: post, Path: one + "/stellen", Action: actor.ReportExtend, Handler: h.postExtend, Limit: listLimit},
		{Method: get, Path: one + "/uebernehmen", Action: actor.ReportTakeOver, Handler: h.showTakeOver},
		{Method: post, Path: one + "/uebernehmen", Action: actor.ReportTakeOver, Handler: h.postTakeOver},
		{Method: post, Path: one + "/zurueckgeben", Action: actor.ReportTakeOver, Handler: h.postGiveBack},
		{Method: get, Path: one + "/widersprechen", Action: actor.ReportContradict, Handler: h.showContradict},
		{Method: post, Path: one + "/widersprechen", Action: actor.ReportContradict, Handler: h.postContradict},
		{Method: get, Path: "/", Action: actor.Public, Handler: h.start},
		{Method: get, Path: "/notfallkarte", Action: actor.Public, Handler: h.card},
		{Method: get, Path: "/.well-known/security.txt", Action: actor.Public, Handler: h.securityTxt},
		{Method: get, Path: "/assets/*", Action: actor.Public, Handler: echo.WrapHandler(page.Assets())},
	}
	for _, path := range page.StaticPages() {
		out = append(out, httpserver.Route{Method: get, Path: path, Action: actor.Public, Handler: func(c echo.Context) error {
			return h.Pages.RenderStatic(c, path)
		}})
	}
	return out
}

// proof is the report whose code the request shows: in the header Report-Code
// of a program, or in the cookie of the code page. Wrong codes are counted.
func (h *Handler) proof(c echo.Context, ref string) (string, error) {
	if code := c.Request().Header.Get("Report-Code"); code != "" {
		_, proof, err := h.prove(c, ref, code)
		return proof, err
	}
	return h.guestReport(c), nil
}

// prove checks reference and code; after too many wrong ones from a network
// even a right one has to wait.
func (h *Handler) prove(c echo.Context, ref, code string) (r report.Report, proof string, err error) {
	from := network(c.RealIP())
	if err := h.Gate.codes.Open(from); err != nil {
		return report.Report{}, "", err
	}
	r, proof, err = h.Desk.Prove(c.Request().Context(), ref, code)
	if fault.Is(err, fault.NotFound) {
		_ = h.Gate.codes.Take(from)
	}
	return r, proof, err
}
