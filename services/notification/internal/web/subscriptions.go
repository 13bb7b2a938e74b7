// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// settingView is one form of the page of subscriptions.
type settingView struct {
	subscription.Setting
	Name, CategoryText string
	Box                bool // the functional mailbox
}

type subscriptionsView struct {
	page.Base
	Items []settingView
	Bad   string // the form whose mistakes are shown
}

func (h *Handler) settings(c echo.Context) ([]settingView, error) {
	list, err := h.Subscriptions.Mine(c.Request().Context(), session.Actor(c))
	if err != nil {
		return nil, err
	}
	out := make([]settingView, len(list))
	for i, s := range list {
		out[i] = settingView{Setting: s, Name: h.name(s.Organisation), CategoryText: strings.Join(s.Categories, ", "), Box: s.Person == ""}
	}
	return out, nil
}

// showSubscriptions is GET /warnungen/abo.
func (h *Handler) showSubscriptions(c echo.Context) error {
	items, err := h.settings(c)
	if err != nil {
		return err
	}
	v := &subscriptionsView{Base: page.Base{Title: h.Pages.T(c, "notification.abo.title")}, Items: items}
	return h.Pages.Render(c, http.StatusOK, "abo", v)
}

// saveSubscription is POST /warnungen/abo: one form, one setting.
func (h *Handler) saveSubscription(c echo.Context) error {
	version, err := strconv.Atoi(c.FormValue("version"))
	if err != nil {
		return fault.New(fault.Malformed, "the form is incomplete")
	}
	s := subscription.Setting{
		Organisation: c.FormValue("organisation"), Person: session.Actor(c).Person,
		Off: c.FormValue("off") == "yes", MinSeverity: c.FormValue("min_severity"), Version: version,
		Categories: splitList(c.FormValue("categories")),
	}
	if c.FormValue("box") == "yes" {
		s.Person, s.Mailbox = "", c.FormValue("mailbox")
	}
	if _, err := h.Subscriptions.Put(c.Request().Context(), by(c), s); err != nil {
		items, listErr := h.settings(c)
		if listErr != nil {
			return listErr
		}
		v := &subscriptionsView{Base: page.Base{Title: h.Pages.T(c, "notification.abo.title")}, Items: items, Bad: s.Organisation + s.Person}
		stale := fault.Is(err, fault.Stale)
		for i, x := range v.Items {
			if x.Organisation == s.Organisation && x.Person == s.Person {
				if stale { // what was typed stays, and can be sent again on what is there now
					s.Version = x.Version
				}
				v.Items[i].Setting, v.Items[i].CategoryText = s, c.FormValue("categories")
			}
		}
		if stale {
			v.Notice = &page.Notice{Kind: "warning", Text: h.Pages.T(c, "notification.abo.stale")}
		} else if !v.Fail(err) {
			return err
		}
		return h.Pages.Render(c, httpserver.StatusOf(err), "abo", v)
	}
	page.Flash(c, "success", "notification.abo.saved")
	return page.Redirect(c, "/warnungen/abo")
}

func splitList(s string) []string {
	var out []string
	for _, x := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == ';' }) {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

type settingJSON struct {
	Organisation string   `json:"organisation"`
	Mailbox      *string  `json:"mailbox,omitempty"` // set: the functional mailbox of the organisation
	Off          bool     `json:"off"`
	MinSeverity  string   `json:"min_severity"`
	Categories   []string `json:"categories"`
	Version      int      `json:"version"`
}

func settingOf(s subscription.Setting) settingJSON {
	out := settingJSON{Organisation: s.Organisation, Off: s.Off, MinSeverity: s.MinSeverity, Categories: s.Categories, Version: s.Version}
	if out.Categories == nil {
		out.Categories = []string{}
	}
	if s.Person == "" {
		out.Mailbox = &s.Mailbox
	}
	return out
}

// apiSubscriptions is GET /subscriptions: the own settings and mailboxes.
func (h *Handler) apiSubscriptions(c echo.Context) error {
	list, err := h.Subscriptions.Mine(c.Request().Context(), session.Actor(c))
	if err != nil {
		return err
	}
	out := httpserver.List[settingJSON]{Items: []settingJSON{}}
	for _, s := range list {
		out.Items = append(out.Items, settingOf(s))
	}
	return c.JSON(http.StatusOK, out)
}

// apiSubscribe is PUT /subscriptions: the setting of one organisation; with
// "mailbox" that of its functional mailbox. If-Match carries the version that was
// read, "0" where there is none yet.
func (h *Handler) apiSubscribe(c echo.Context) error {
	var in settingJSON
	if _, err := httpserver.DecodeJSON(c, &in); err != nil {
		return err
	}
	version, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	org, ok := h.Register.Resolve(in.Organisation)
	if !ok {
		return fault.New(fault.NotFound, "there is no such organisation")
	}
	s := subscription.Setting{
		Organisation: org.ID, Person: session.Actor(c).Person, Off: in.Off, MinSeverity: in.MinSeverity,
		Categories: in.Categories, Version: version,
	}
	if in.Mailbox != nil {
		s.Person, s.Mailbox = "", *in.Mailbox
	}
	saved, err := h.Subscriptions.Put(c.Request().Context(), by(c), s)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", httpserver.ETag(saved.Version))
	return c.JSON(http.StatusOK, settingOf(saved))
}
