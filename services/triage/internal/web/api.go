// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
)

// apiList is GET /cases.
func (h *Handler) apiList(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	assignee := c.QueryParam("assignee")
	if assignee == "me" {
		assignee = session.Actor(c).Person
	}
	together, err := h.lage(c, c.QueryParam("campaign"))
	if err != nil {
		return err
	}
	l, err := h.desk().List(c.Request().Context(), by(c), casefile.Filter{
		Campaign: together, Mark: c.QueryParam("mark"), View: c.QueryParam("view"), Sort: c.QueryParam("sort"), State: c.QueryParam("state"), Severity: c.QueryParam("severity"),
		Assignee: assignee, Organisation: h.organisationID(c.QueryParam("organisation")), Class: c.QueryParam("class"),
		Kreis: c.QueryParam("kreis"), Due: c.QueryParam("due"), Query: c.QueryParam("q"), Limit: p.Limit, After: p.After,
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

// organisationID takes an id or an AGS.
func (h *Handler) organisationID(agsOrID string) string {
	if o, ok := h.Register.Resolve(agsOrID); ok {
		return o.ID
	}
	return agsOrID
}

// apiCase is GET /cases/{id}; the reference works as well.
func (h *Handler) apiCase(c echo.Context) error {
	w, err := windowOf(c)
	if err != nil {
		return err
	}
	return h.answerCase(c, c.Param("id"), w)
}

// answerCase answers with the case as it is now, and its version as ETag.
func (h *Handler) answerCase(c echo.Context, id string, w casefile.Window) error {
	d, err := h.desk().Dossier(c.Request().Context(), by(c), id, w)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(d.Version))
	return c.JSON(http.StatusOK, caseShapeOf(d, h.Now()))
}

// windowOf reads how much of the case's lists is wanted.
func windowOf(c echo.Context) (casefile.Window, error) {
	before, err := casefile.ParseCursor(c.QueryParam("before"))
	w := casefile.Window{Before: before}
	if limit := c.QueryParam("limit"); limit != "" && err == nil {
		if w.Limit, err = strconv.Atoi(limit); err != nil || w.Limit < 1 {
			return w, fault.New(fault.Malformed, "limit is a number from 1")
		}
	}
	return w, err
}

// changed runs one change that demands If-Match and answers with the case and the
// newest of its lists: what was changed is never answered by a refusal.
func changed[T any](h *Handler, c echo.Context, do func(req T, seen int) (string, error)) error {
	var req T
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	seen, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	if seen == 0 {
		seen = -1 // no case was ever at version 0
	}
	id, err := do(req, seen)
	if err != nil {
		return err
	}
	if err = h.answerCase(c, id, casefile.Window{}); fault.Is(err, fault.NotFound) { // locked, and given to somebody else
		return c.NoContent(http.StatusNoContent)
	}
	return err
}

type assignRequest struct {
	Assignee *string `json:"assignee"` // person id; "me" or nothing takes the case; "" gives it back
	Reason   string  `json:"reason"`
}

func (h *Handler) apiAssign(c echo.Context) error {
	return changed(h, c, func(req assignRequest, seen int) (string, error) {
		ctx, who := c.Request().Context(), by(c)
		if req.Assignee == nil || *req.Assignee == "me" {
			return h.desk().Take(ctx, who, c.Param("id"), seen)
		}
		return h.desk().Assign(ctx, who, c.Param("id"), seen, *req.Assignee, req.Reason)
	})
}

type stateRequest struct {
	State       string `json:"state"`
	Reason      string `json:"reason"`
	Class       string `json:"class"`
	Disposition string `json:"disposition"`
}

func (h *Handler) apiState(c echo.Context) error {
	return changed(h, c, func(req stateRequest, seen int) (string, error) {
		s, err := casefile.ParseState(req.State)
		if err != nil {
			return "", err
		}
		return h.desk().Move(c.Request().Context(), by(c), c.Param("id"), seen,
			casefile.Move{State: s, Reason: req.Reason, Class: req.Class, Disposition: req.Disposition})
	})
}

type classifyRequest struct {
	Severity string `json:"severity"`
	Class    string `json:"class"`
	TLP      string `json:"tlp"`
	Title    string `json:"title"`
	Reason   string `json:"reason"`
	Verified bool   `json:"verified"`     // true confirms the organisation
	Body     string `json:"organisation"` // with verified: the right one, AGS or id
}

func (h *Handler) apiClassify(c echo.Context) error {
	return changed(h, c, func(req classifyRequest, seen int) (string, error) {
		ctx, who, id := c.Request().Context(), by(c), c.Param("id")
		k := casefile.Classify{Severity: req.Severity, Class: req.Class, TLP: req.TLP, Title: req.Title, Reason: req.Reason}
		only := k == casefile.Classify{Reason: req.Reason}
		switch {
		case req.Verified && only:
			return h.desk().Verify(ctx, who, id, seen, req.Body)
		case req.Verified: // two changes, each with its own version: half of it would be lost
			return "", fieldError("verified", "triage.err.verified.alone", "goes in a request of its own")
		case req.Body != "":
			return "", fieldError("organisation", "triage.err.verified.alone", "goes with verified")
		}
		return h.desk().Classify(ctx, who, id, seen, k)
	})
}

// created runs a POST that creates. The key is required of programs; without
// one, from a page's own script, the change just happens.
func created[T any](h *Handler, c echo.Context, do func(desk *casefile.Desk, req T) (int, any, error)) error {
	return createdOn(h, c, func(db pg.DB, req T) (int, any, error) { return do(h.Desk(db), req) })
}

// createdOn is created for whatever desk works on the database that do gets.
func createdOn[T any](h *Handler, c echo.Context, do func(db pg.DB, req T) (int, any, error)) error {
	var req T
	raw, err := httpserver.DecodeJSON(c, &req)
	if err != nil {
		return err
	}
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" && session.Of(c).Kind != session.KindToken {
		status, body, err := do(h.DB, req)
		if err != nil {
			return err
		}
		return c.JSON(status, body)
	}
	a, err := idem.Do(c.Request().Context(), h.DB, h.once(c, key, raw), func(tx pg.DB) (int, any, error) { return do(tx, req) })
	if err != nil {
		return err
	}
	if a.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return c.JSONBlob(a.Status, a.Body)
}

// once scopes a key to the person, the organisation and the address.
func (h *Handler) once(c echo.Context, key string, body []byte) idem.Request {
	a := session.Actor(c)
	return idem.Request{Scope: a.Person + " " + a.Home() + " " + c.Request().URL.Path, Key: key, Body: body}
}

// ifGiven is the version of an optional If-Match; 0 asks for no check.
func ifGiven(c echo.Context) (int, error) {
	if c.Request().Header.Get("If-Match") == "" {
		return 0, nil
	}
	return httpserver.IfMatch(c)
}

type lockRequest struct {
	Reason string `json:"reason"`
}

// apiLock is POST /cases/{id}/lock and /unlock.
func (h *Handler) apiLock(on bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		return changed(h, c, func(req lockRequest, seen int) (string, error) {
			return h.desk().Lock(c.Request().Context(), by(c), c.Param("id"), seen, on, req.Reason)
		})
	}
}

type messageRequest struct {
	Text string `json:"text"`
	Wait bool   `json:"wait"` // the case waits for the answer
}

func (h *Handler) apiMessage(c echo.Context) error {
	seen, err := ifGiven(c)
	if err != nil {
		return err
	}
	return created(h, c, func(desk *casefile.Desk, req messageRequest) (int, any, error) {
		m, err := desk.Post(c.Request().Context(), by(c), c.Param("id"), seen, casefile.Post{Text: req.Text, Wait: req.Wait})
		return http.StatusCreated, messageShapeOf(m), err
	})
}

type noteRequest struct {
	Text     string `json:"text"`
	Answered bool   `json:"answered"` // the reporter was reached by phone
}

func (h *Handler) apiNote(c echo.Context) error {
	seen, err := ifGiven(c)
	if err != nil {
		return err
	}
	return created(h, c, func(desk *casefile.Desk, req noteRequest) (int, any, error) {
		n, err := desk.Note(c.Request().Context(), by(c), c.Param("id"), seen, req.Text, req.Answered)
		return http.StatusCreated, noteShapeOf(n), err
	})
}

type mergeRequest struct {
	Target string `json:"target"` // id or reference
	Reason string `json:"reason"`
}

// mergeShape says where the reports went.
type mergeShape struct {
	ID     string `json:"id"`
	Target string `json:"target"`
}

func (h *Handler) apiMerge(c echo.Context) error {
	seen, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	if seen == 0 {
		seen = -1
	}
	return created(h, c, func(desk *casefile.Desk, req mergeRequest) (int, any, error) {
		target, err := desk.Merge(c.Request().Context(), by(c), c.Param("id"), seen, req.Target, req.Reason)
		return http.StatusCreated, mergeShape{ID: c.Param("id"), Target: target}, err
	})
}
