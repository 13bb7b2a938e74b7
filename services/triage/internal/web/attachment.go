// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/blob/zipae"
)

// attachment hands a program a file of a case. It may be malware: never inline,
// never with the type its sender claimed, and in a sandbox should a browser open
// it all the same. Who took it is in the audit before the first byte leaves.
func (h *Handler) attachment(c echo.Context) error {
	return h.handOut(c, func(a casefile.Attachment, r io.Reader) error {
		c.Response().Header().Set("Content-Length", strconv.FormatInt(a.Size, 10))
		harmless(c, fileName(a.Name))
		_, err := io.Copy(c.Response(), r)
		return err
	})
}

// attachmentZIP gives a person the file in a ZIP behind the password that the
// page shows: nothing on the way opens it (design §4).
func (h *Handler) attachmentZIP(c echo.Context) error {
	return h.handOut(c, func(a casefile.Attachment, r io.Reader) error {
		name := fileName(a.Name)
		harmless(c, name+".zip")
		return zipae.Write(c.Response(), name, a.Password(), a.Size, a.At, r)
	})
}

func (h *Handler) handOut(c echo.Context, send func(a casefile.Attachment, r io.Reader) error) error {
	ctx := c.Request().Context()
	a, err := h.desk().Attachment(ctx, by(c), c.Param("ref")+c.Param("id"), c.Param("attachment"))
	if err != nil {
		return err
	}
	r, err := h.Files.Get(ctx, a.Blob)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := send(a, r); err != nil {
		h.Log.Warn("web: an attachment broke off", zap.String("attachment", a.ID), zap.Error(err))
	}
	return nil
}

func harmless(c echo.Context, name string) {
	header := c.Response().Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Cache-Control", "private, no-store")
	c.Response().WriteHeader(http.StatusOK)
}

// fileName is the sender's name for the file without anything a system could
// take for a path or a command.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	if s = strings.Trim(s, ". "); s == "" {
		return "datei"
	}
	return s
}
