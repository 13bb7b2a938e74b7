// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// taskPages are what somebody has to look at.
func (h *Handler) taskPages() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/verzeichnis/aufgaben", Action: actor.TaskWork, Handler: h.tasks},
		{Method: http.MethodPost, Path: "/verzeichnis/aufgaben/:task/erledigt", Action: actor.TaskWork, Handler: h.finishTask},
	}
}

func (h *Handler) taskAPI() []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodGet, Path: "/api/directory/v1/tasks", Action: actor.TaskWork, Handler: h.apiTasks},
		{Method: http.MethodPost, Path: "/api/directory/v1/tasks/:task/done", Action: actor.TaskWork, Handler: h.apiFinishTask},
	}
}

type tasksView struct {
	page.Base
	Open, Done []task.Task
	All        bool // of every organisation
	ShowDone   bool
	More       string
	Bad        string // id of the task whose note was refused
	Note       string
}

func (h *Handler) tasks(c echo.Context) error { return h.renderTasks(c, http.StatusOK, "", "", nil) }

func (h *Handler) renderTasks(c echo.Context, status int, bad, note string, fail error) error {
	ctx, a := c.Request().Context(), session.Actor(c)
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	v := &tasksView{
		Base: base(c, h.Pages.T(c, "directory.tasks")), All: a.View(actor.TaskWork).Everything, ShowDone: c.QueryParam("erledigt") != "",
		Bad: bad, Note: note,
	}
	v.Fail(fail)
	list, next, err := h.Tasks.List(ctx, a, v.ShowDone, p.After, p.Limit)
	if err != nil {
		return err
	}
	q := url.Values{"after": {next}}
	if v.ShowDone {
		v.Done = list
		q.Set("erledigt", "1")
	} else {
		v.Open = list
	}
	if next != "" {
		v.More = page.Link(page.Language(c), "/verzeichnis/aufgaben?"+q.Encode())
	}
	return h.Pages.Render(c, status, "aufgaben", v)
}

func (h *Handler) finishTask(c echo.Context) error {
	_, err := h.Tasks.Done(c.Request().Context(), act(c), c.Param("task"), c.FormValue("note"))
	if fault.FieldsOf(err) != nil {
		return h.renderTasks(c, http.StatusUnprocessableEntity, c.Param("task"), c.FormValue("note"), err)
	}
	if err != nil && !fault.Is(err, fault.Conflict) { // done by somebody else meanwhile: the list says by whom
		return err
	}
	page.Flash(c, "success", "directory.task.finished")
	return page.Redirect(c, "/verzeichnis/aufgaben")
}

// taskBody is a task as the API shows it.
type taskBody struct {
	ID           string     `json:"id"`
	Kind         task.Kind  `json:"kind"`
	Organisation ref        `json:"organisation"`
	Contact      string     `json:"contact,omitempty"`
	Address      string     `json:"address"`
	Detail       string     `json:"detail"`
	Times        int        `json:"times"`
	OpenedAt     time.Time  `json:"opened_at"`
	LastAt       time.Time  `json:"last_at"`
	DoneAt       *time.Time `json:"done_at"`
	DoneBy       string     `json:"done_by,omitempty"`
	Note         string     `json:"note"`
	Version      int        `json:"version"`
}

func taskBodyOf(t task.Task) taskBody {
	return taskBody{
		ID: t.ID, Kind: t.Kind, Organisation: ref{ID: t.Organisation, AGS: t.OrganisationAGS, Name: t.OrganisationName}, Contact: t.Contact,
		Address: t.Address, Detail: t.Detail, Times: t.Times, OpenedAt: t.OpenedAt, LastAt: t.LastAt, DoneAt: t.DoneAt, DoneBy: t.DoneBy,
		Note: t.Note, Version: t.Version,
	}
}

func (h *Handler) apiTasks(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	list, next, err := h.Tasks.List(c.Request().Context(), session.Actor(c), c.QueryParam("done") == "true", p.After, p.Limit)
	if err != nil {
		return err
	}
	out := httpserver.List[taskBody]{Items: make([]taskBody, 0, len(list)), Next: next}
	for _, t := range list {
		out.Items = append(out.Items, taskBodyOf(t))
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) apiFinishTask(c echo.Context) error {
	var req struct {
		Note string `json:"note"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	t, err := h.Tasks.Done(c.Request().Context(), act(c), c.Param("task"), req.Note)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, taskBodyOf(t))
}
