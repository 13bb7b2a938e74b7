// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"embed"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"rsc.io/qr"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

// Files are the templates, messages and first-aid steps of intake's pages.
//
//go:embed templates/*.html messages/*.json aid/*.json
var Files embed.FS

// ErrorPage answers a browser with the page of an error; a file that is too
// large gets the upload page again.
func (h *Handler) ErrorPage(c echo.Context, status int, err error, requestID string) error {
	if status == http.StatusRequestEntityTooLarge && strings.HasSuffix(c.Path(), "/datei") {
		return h.uploadPage(c, status, c.Param("id"), fault.New(fault.TooLarge, "the file is too large"))
	}
	return h.Pages.RenderError(c, status, err, requestID)
}

// startView is the landing page: two doors.
type startView struct{ page.Base }

func (h *Handler) start(c echo.Context) error {
	v := &startView{}
	v.Title, v.Index = h.Pages.T(c, "intake.start.title"), true
	return h.Pages.Render(c, http.StatusOK, "start", v)
}

// cardView is the emergency card for the wall.
type cardView struct {
	page.Base
	Address string
	QR      string // path of the dark squares
	Size    int
	Aid     []Aid
}

// card is an A5 page to print: it helps when the computers are dead.
func (h *Handler) card(c echo.Context) error {
	address := h.Pages.Site().URL + "/melden"
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return fmt.Errorf("make the QR code: %w", err)
	}
	v := &cardView{Address: strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"), QR: squares(code), Size: code.Size + 8, Aid: h.aid(c, "card")}
	v.Title, v.Layout, v.Index = h.Pages.T(c, "intake.card.title"), page.Plain, true
	return h.Pages.Render(c, http.StatusOK, "notfallkarte", v)
}

// squares draws the dark modules as one path, with the quiet zone of four.
func squares(code *qr.Code) string {
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				_, _ = fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+4, y+4, n, n)
				x += n
			}
		}
	}
	return b.String()
}

// securityTxt says where to report weaknesses of this very system (RFC 9116).
func (h *Handler) securityTxt(c echo.Context) error {
	if len(h.Security.Contacts) == 0 {
		return fault.New(fault.NotFound, "there is nothing here")
	}
	var b strings.Builder
	for _, x := range h.Security.Contacts {
		_, _ = fmt.Fprintf(&b, "Contact: %s\n", strings.TrimSpace(x))
	}
	_, _ = fmt.Fprintf(&b, "Expires: %s\n", h.Now().UTC().AddDate(0, 6, 0).Format(time.RFC3339))
	_, _ = fmt.Fprint(&b, "Preferred-Languages: de, en\n")
	if h.Security.Policy != "" {
		_, _ = fmt.Fprintf(&b, "Policy: %s\n", h.Security.Policy)
	}
	if url := h.Pages.Site().URL; url != "" {
		_, _ = fmt.Fprintf(&b, "Canonical: %s/.well-known/security.txt\n", url)
	}
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(b.String()))
}
