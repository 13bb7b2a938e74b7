// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/session"
)

// maxStepParts bounds the inputs of a step that is sent as multipart.
const maxStepParts = 60

// readStep reads a step that brings a photo: the answers become the request's
// form, the photo is encrypted on its way to the store. A photo that cannot be
// kept is told, and the answers are kept all the same. Other steps pass.
func (h *Handler) readStep(c echo.Context) (*report.Photo, error) {
	req := c.Request()
	if !strings.HasPrefix(req.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		return nil, nil
	}
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(uploadTime))
	r, err := req.MultipartReader()
	if err != nil {
		return nil, fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	form := url.Values{}
	var photo *report.Photo
	var photoErr error
	for n := 0; ; n++ {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) || err != nil && photoErr != nil {
			break
		}
		if err != nil || n == maxStepParts {
			h.Desk.DropPhoto(req.Context(), photo)
			return nil, broken(errors.Join(err, errors.New("too many fields")))
		}
		if p.FormName() == "photo" {
			if p.FileName() != "" && photo == nil {
				photo, photoErr = h.takePhoto(c, report.File{Name: sentName(p), Body: safeReader{p}})
			}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p, 64<<10+1))
		if err != nil {
			h.Desk.DropPhoto(req.Context(), photo)
			return nil, broken(err)
		}
		form.Add(p.FormName(), string(b))
	}
	asForm(c, form)
	return photo, photoErr
}

func (h *Handler) takePhoto(c echo.Context, f report.File) (*report.Photo, error) {
	if err := h.Gate.addition(session.Actor(c), c.RealIP()); err != nil {
		return nil, err
	}
	return h.Desk.TakePhoto(c.Request().Context(), f)
}

// asForm lets the rest of the handler read the answers as of any other form, in
// the time that any other handler has.
func asForm(c echo.Context, form url.Values) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), httpserver.HandlerLimit)
	c.Response().After(cancel)
	req := c.Request().WithContext(ctx)
	req.Header = req.Header.Clone()
	req.Header.Set(echo.HeaderContentType, echo.MIMEApplicationForm)
	req.Form, req.PostForm = form, form
	c.SetRequest(req)
}

// photoMistake says at the input why a photo was not kept; everything else is.
func (h *Handler) photoMistake(err error) []page.FieldError {
	switch fault.KindOf(err) {
	case "":
		return nil
	case fault.TooLarge:
		return []page.FieldError{{Field: "photo", Code: "intake.err.photo.large", Args: []any{"MB", h.Desk.MaxFile >> 20}}}
	default:
		return []page.FieldError{{Field: "photo", Code: "intake.err.photo"}}
	}
}
