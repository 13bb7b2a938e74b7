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
)

// attachment hands out a file of a case. It may be malware: never inline, never
// with the type its sender claimed, and in a sandbox should a browser open it
// all the same. Who took it is in the audit before the first byte leaves.
func (h *Handler) attachment(c echo.Context) error {
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
	header := c.Response().Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(a.Name)}))
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Cache-Control", "private, no-store")
	header.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	c.Response().WriteHeader(http.StatusOK)
	if _, err := io.Copy(c.Response(), r); err != nil {
		h.Log.Warn("web: an attachment broke off", zap.String("attachment", a.ID), zap.Error(err))
	}
	return nil
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
