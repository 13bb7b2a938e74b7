// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"embed"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

//go:embed templates/*.html messages/*.json
var files embed.FS

// mailbox shows what the SMTP sink caught: the mails of the demo never leave
// this machine, and whoever tries the system wants to read them.
type mailbox struct {
	sink  *mailsink.Sink
	pages *page.Renderer
}

type mailboxView struct {
	page.Base
	To       string
	Messages []mailsink.Message
	Open     *mailsink.Message
}

// newMailbox returns the handler of /postfach.
func newMailbox(sink *mailsink.Sink, site page.Site, now func() time.Time) (http.Handler, error) {
	pages, err := page.New(page.Options{Site: site, Templates: files, Messages: files, Now: now})
	if err != nil {
		return nil, err
	}
	m := mailbox{sink: sink, pages: pages}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			_ = pages.RenderError(c, http.StatusNotFound, err, "")
		}
	}
	e.GET("/postfach", m.list)
	e.GET("/postfach/messages", echo.WrapHandler(http.HandlerFunc(sink.ServeJSON)))
	e.GET("/postfach/:id", m.show)
	return e, nil
}

const mailboxPage = 50

func (m mailbox) list(c echo.Context) error {
	v := &mailboxView{To: c.QueryParam("to"), Messages: m.sink.Messages(c.QueryParam("to"))}
	v.Title = m.pages.T(c, "standalone.mailbox.title")
	slices.Reverse(v.Messages)
	if len(v.Messages) > mailboxPage {
		v.Messages = v.Messages[:mailboxPage]
	}
	return m.pages.Render(c, http.StatusOK, "mailbox", v)
}

func (m mailbox) show(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "there is no such message")
	}
	found, _ := m.sink.List("", id-1, 1)
	if len(found) == 0 || found[0].ID != id {
		return fault.New(fault.NotFound, "there is no such message")
	}
	v := &mailboxView{Open: &found[0]}
	v.Title = m.pages.T(c, "standalone.mailbox.title")
	return m.pages.Render(c, http.StatusOK, "mailbox", v)
}
