// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// step is one action with what the form says, on a version of the case.
type step func(desk *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error

// steps are the actions of the pages.
var steps = map[string]step{
	actTake: func(d *casefile.Desk, c echo.Context, ref string, seen int, _ url.Values) error {
		_, err := d.Take(c.Request().Context(), by(c), ref, seen)
		return err
	},
	actAssign: func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		_, err := d.Assign(c.Request().Context(), by(c), ref, seen, f.Get("assignee"), f.Get("reason"))
		return err
	},
	actClassify: func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		_, err := d.Classify(c.Request().Context(), by(c), ref, seen, casefile.Classify{
			Severity: f.Get("severity"), Class: f.Get("class"),
			TLP: f.Get("tlp"), Title: f.Get("title"), Reason: f.Get("reason"),
		})
		return err
	},
	actState: func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		s, err := casefile.ParseState(f.Get("state"))
		if err == nil {
			_, err = d.Move(c.Request().Context(), by(c), ref, seen, casefile.Move{State: s, Reason: f.Get("reason")})
		}
		return err
	},
	actClose: func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		_, err := d.Move(c.Request().Context(), by(c), ref, seen, casefile.Move{
			State: casefile.Closed, Class: f.Get("class"),
			Disposition: f.Get("disposition"), Reason: f.Get("reason"),
		})
		return err
	},
	actMessage: func(d *casefile.Desk, c echo.Context, ref string, _ int, f url.Values) error {
		_, err := d.Post(c.Request().Context(), by(c), ref, 0, casefile.Post{Text: f.Get("text"), Wait: f.Get("wait") != ""})
		return err
	},
	actNote: func(d *casefile.Desk, c echo.Context, ref string, _ int, f url.Values) error {
		_, err := d.Note(c.Request().Context(), by(c), ref, 0, f.Get("text"), f.Get("answered") != "")
		return err
	},
	actLock:   lock(true),
	actUnlock: lock(false),
	actMerge: func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		_, err := d.Merge(c.Request().Context(), by(c), ref, seen, strings.TrimSpace(f.Get("target")), f.Get("reason"))
		return err
	},
}

// lock locks a case, or opens it to all again.
func lock(on bool) step {
	return func(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
		_, err := d.Lock(c.Request().Context(), by(c), ref, seen, on, f.Get("reason"))
		return err
	}
}

// once are the actions that create something: their forms carry a key, so that
// sending one twice does it once.
var creating = map[string]bool{actMessage: true, actNote: true, actMerge: true}

// do is the handler of POST /lage/fall/{ref}/{name}.
func (h *Handler) do(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		f, err := c.FormParams()
		if err != nil {
			return fault.Wrap(fault.Malformed, err, "the form cannot be read")
		}
		run := steps[name]
		if name == actVerify {
			run = h.verify
		}
		ref := c.Param("ref")
		seen, err := h.seen(c, ref, f)
		if err == nil {
			err = h.run(c, name, run, ref, seen, f)
		}
		switch {
		case err == nil:
			return h.done(c, ref, f)
		case len(fault.FieldsOf(err)) > 0:
			return h.actAgain(c, name, f, err)
		case fault.Is(err, fault.Stale), fault.Is(err, fault.Conflict):
			return h.conflict(c, name, f)
		}
		return err
	}
}

// seen is the version the form was made on. What only adds to the file since
// then (a note, a message) does not stand in the way of an edit.
func (h *Handler) seen(c echo.Context, ref string, f url.Values) (int, error) {
	version, err := strconv.Atoi(f.Get("version"))
	if err != nil || version < 1 {
		return 0, fault.New(fault.Malformed, "the form does not say which version of the case it is about")
	}
	ctx, desk := c.Request().Context(), h.desk()
	id, err := desk.Store.Find(ctx, ref)
	if err != nil {
		return 0, err
	}
	since, err := desk.Store.Since(ctx, id, version)
	if err != nil {
		return 0, err
	}
	now := version
	for _, e := range since {
		if !e.Additive() {
			return version, nil // the desk will say that it is stale
		}
		now = max(now, e.Version)
	}
	return now, nil
}

func (h *Handler) run(c echo.Context, name string, run step, ref string, seen int, f url.Values) error {
	key := f.Get("key")
	if !creating[name] || key == "" {
		return run(h.desk(), c, ref, seen, f)
	}
	body := url.Values{}
	for _, field := range []string{"text", "wait", "answered", "target", "reason"} {
		body.Set(field, f.Get(field))
	}
	_, err := idem.Do(c.Request().Context(), h.DB, h.once(c, key, []byte(body.Encode())), func(tx pg.DB) (int, any, error) {
		return http.StatusSeeOther, nil, run(h.Desk(tx), c, ref, seen, f)
	})
	return err
}

// done leads back to where the form stood; htmx gets the pane as it is now.
func (h *Handler) done(c echo.Context, ref string, f url.Values) error {
	back := safeBack(f.Get("zurueck"), "/lage/fall/"+ref)
	if _, gone := h.lockedAway(c, ref); gone { // given to somebody else
		page.Flash(c, "success", "triage.locked.passed")
		return page.Redirect(c, inboxPath)
	}
	if page.WantsFragment(c) {
		v, err := h.openCase(c, ref, "", back)
		if err != nil {
			return err
		}
		return h.Pages.Fragment(c, http.StatusOK, "inbox", "pane", v)
	}
	return page.Redirect(c, back)
}

// verify confirms the body that the form names: from the list, or typed as AGS
// or name.
func (h *Handler) verify(d *casefile.Desk, c echo.Context, ref string, seen int, f url.Values) error {
	body := f.Get("organisation")
	if other := strings.TrimSpace(f.Get("other")); other != "" {
		body = other
		if _, ok := h.Register.Resolve(other); !ok {
			switch found := h.Register.Search(other, 2); len(found) {
			case 1:
				body = found[0].ID
			case 0:
				return fieldError("other", "triage.err.body.none", "names no body of the register")
			default:
				return fieldError("other", "triage.err.body.many", "names more than one body; give the AGS")
			}
		}
	}
	_, err := d.Verify(c.Request().Context(), by(c), ref, seen, body)
	return err
}

func fieldError(name, code, detail string) error {
	var f fault.Fields
	f.Add(name, code, detail)
	return f.Err()
}

// actPage is an action as a page of its own.
type actPage struct {
	page.Base
	Case    *caseView
	Act     actView
	Changes []logView  // somebody changed the case in the meantime
	Mine    []page.Row // what the form wanted
	Both    bool
}

// actForm is GET /lage/fall/{ref}/tun/{name}: the form for whoever needs room.
func (h *Handler) actForm(c echo.Context) error {
	name := c.Param("name")
	if _, ok := steps[name]; !ok && name != actVerify && name != actClass {
		return fault.New(fault.NotFound, "there is no such action")
	}
	p, err := h.actPage(c, c.Param("ref"), c.QueryParam("zurueck"))
	if err != nil {
		return err
	}
	p.Act = h.act(c, p.Case, name, nil, nil)
	p.Title = h.Pages.T(c, p.Act.Title()) + " – " + p.Case.Reference
	return h.Pages.Render(c, http.StatusOK, "act", p)
}

func (h *Handler) actPage(c echo.Context, ref, back string) (*actPage, error) {
	v, err := h.openCase(c, ref, "", "")
	if err != nil {
		return nil, err
	}
	v.Whole, v.Back = true, safeBack(back, v.Path)
	return &actPage{Base: h.base(c, v.Reference, page.NavInbox), Case: v}, nil
}

// actAgain shows the form with its mistakes, nothing typed lost.
func (h *Handler) actAgain(c echo.Context, name string, f url.Values, cause error) error {
	p, err := h.actPage(c, c.Param("ref"), f.Get("zurueck"))
	if err != nil {
		return err
	}
	if name == actClassify && f.Has("class") && !f.Has("severity") {
		name = actClass
	}
	p.Fail(cause)
	p.Act = h.act(c, p.Case, name, f, p.Errors)
	if v, err := strconv.Atoi(f.Get("version")); err == nil {
		p.Act.Version = v
	}
	p.Title = h.Pages.T(c, p.Act.Title()) + " – " + p.Case.Reference
	return h.Pages.Render(c, http.StatusUnprocessableEntity, "act", p)
}

// conflict says who changed what in the meantime, with both values, and keeps
// what was typed: sending again is on the case as it is now.
func (h *Handler) conflict(c echo.Context, name string, f url.Values) error {
	p, err := h.actPage(c, c.Param("ref"), f.Get("zurueck"))
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(f.Get("version"))
	for i, e := range p.Case.Timeline {
		if e.Case == p.Case.ID && e.Version > version {
			p.Changes = append(p.Changes, p.Case.Log[i])
		}
	}
	if len(p.Changes) == 0 { // nobody was faster: the case is like that already, or the step does not fit its state
		page.Flash(c, "info", "triage.unchanged")
		return h.done(c, c.Param("ref"), f)
	}
	if name == actClassify && f.Has("class") && !f.Has("severity") {
		name = actClass
	}
	p.Act = h.act(c, p.Case, name, f, nil)
	p.Mine, p.Both = h.mine(c, p.Act), true
	p.Title = h.Pages.T(c, "triage.conflict") + " – " + p.Case.Reference
	return h.Pages.Render(c, http.StatusConflict, "act", p)
}

// mine is what the form wanted, in words.
func (h *Handler) mine(c echo.Context, a actView) []page.Row {
	var out []page.Row
	for _, in := range a.Inputs {
		value := in.Value
		for _, o := range in.Options {
			if o.Value == in.Value {
				value = o.Label
			}
		}
		if value != "" {
			out = append(out, page.Row{Label: h.Pages.T(c, in.Label), Value: value})
		}
	}
	return out
}
