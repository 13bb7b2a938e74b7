// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

func newKey() string { return rand.Text() }

// fileView is a file at a report.
type fileView struct {
	report.Attachment
	Size, Href string
}

func (h *Handler) fileSize(c echo.Context, n int64) string {
	unit, s := "kB", strconv.FormatFloat(float64(n)/1000, 'f', 1, 64)
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " Byte"
	case n >= 1e6:
		unit, s = "MB", strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64)
	}
	if page.Language(c) == "de" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + " " + unit
}

// uploadView is the page that takes a file.
type uploadView struct {
	page.Base
	Path, Reference, Key string
	MaxMB                int64
	Several, ForAll      bool
	To                   string
}

func (h *Handler) uploadPage(c echo.Context, status int, reference string, err error) error {
	return h.uploadTo(c, status, reference, nil, err)
}

// uploadTo is the page for who deals with several bodies: to is what they said
// about whom the file is for, nil when they were not asked.
func (h *Handler) uploadTo(c echo.Context, status int, reference string, to map[string]string, err error) error {
	v := &uploadView{Path: "/melden/vorgang/" + reference, Reference: reference, Key: newKey(), MaxMB: h.Desk.MaxFile >> 20}
	v.Title = h.Pages.T(c, "intake.upload.title") + " – " + reference
	v.Several, v.To, v.ForAll = to != nil, to["to"], to["for_all"] == "yes"
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid:
		v.Fail(addressing(err))
	case fault.TooLarge:
		v.Errors = []page.FieldError{{Field: "file", Code: "intake.err.file.large", Args: []any{"MB", v.MaxMB}}}
	case fault.Unavailable, fault.Limited:
		v.Notice = &page.Notice{Kind: "danger", Text: h.Pages.T(c, "intake.err.file.busy", "Phone", h.Pages.Site().Phone)}
		c.Response().Header().Set("Retry-After", seconds(retryOf(err)))
	default:
		v.Errors = []page.FieldError{{Field: "file", Code: "intake.err.file"}}
	}
	return h.Pages.Render(c, status, "datei", v)
}

func (h *Handler) showUpload(c echo.Context) error {
	o := h.visit(c)
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return h.askForCode(c, o, err)
	}
	if !s.MayAdd {
		return fault.New(fault.NotFound, "there is nothing here")
	}
	var to map[string]string
	if s.Several {
		to = map[string]string{"to": h.toOf(c.QueryParam("an"), s)}
	}
	return h.uploadTo(c, http.StatusOK, s.Reference, to, nil)
}

// postUpload takes one file. The form sends its key before the file, so that a
// repeated upload makes no second one.
func (h *Handler) postUpload(c echo.Context) error {
	f, err := upload(c)
	if err == nil {
		var o report.Occasion
		if o, err = h.adds(c, f.Fields["key"]); err == nil {
			if f.Name == "" {
				err = fault.New(fault.Malformed, "no file was chosen")
			} else {
				if _, f.ForAll = f.addressed(); err == nil {
					o.To, err = h.addressees(o.By, f.Fields["to"])
				}
				if err == nil {
					_, _, err = h.Desk.Attach(c.Request().Context(), c.Param("id"), f.File, o)
				}
			}
		}
	}
	switch kind := fault.KindOf(err); kind {
	case "":
		page.Flash(c, "success", "intake.upload.saved")
		return page.Redirect(c, "/melden/vorgang/"+c.Param("id")+"#dateien")
	case fault.NotFound:
		return h.askForCode(c, h.visit(c), err)
	case fault.Invalid, fault.Conflict:
		return h.uploadTo(c, http.StatusUnprocessableEntity, c.Param("id"), f.Fields, err)
	case fault.TooLarge, fault.Malformed, fault.Unavailable, fault.Limited:
		status := map[fault.Kind]int{
			fault.TooLarge: http.StatusRequestEntityTooLarge, fault.Malformed: http.StatusBadRequest,
			fault.Unavailable: http.StatusServiceUnavailable, fault.Limited: http.StatusTooManyRequests,
		}[kind]
		return h.uploadPage(c, status, c.Param("id"), err)
	}
	return err
}

// downloadView warns before a file is taken: it may be malware.
type downloadView struct {
	page.Base
	Path, Password string
	File           fileView
}

func (h *Handler) showFile(c echo.Context) error {
	o := h.visit(c)
	o.Window.File = c.Param("file")
	s, err := h.Desk.Open(c.Request().Context(), c.Param("id"), o)
	if err != nil {
		return h.askForCode(c, o, err)
	}
	i := slices.IndexFunc(s.Attachments, func(a report.Attachment) bool { return a.ID == c.Param("file") })
	if i < 0 || !s.MayRead {
		return fault.New(fault.NotFound, "there is no such file")
	}
	a := s.Attachments[i]
	v := &downloadView{
		Path: "/melden/vorgang/" + s.Reference, Password: h.password(a.ID),
		File: fileView{Attachment: a, Size: h.fileSize(c, a.Size), Href: "/melden/vorgang/" + s.Reference + "/datei/" + a.ID},
	}
	v.Title = h.Pages.T(c, "intake.file.title")
	return h.Pages.Render(c, http.StatusOK, "herunterladen", v)
}

func (h *Handler) download(c echo.Context) error {
	return h.sendZIP(c, c.Param("id"), c.Param("file"), h.visit(c))
}
