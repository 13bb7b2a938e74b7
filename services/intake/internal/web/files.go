// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/blob/zipae"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// uploadTime bounds an upload: 25 MB at the slowest line that makes sense.
const uploadTime = 10 * time.Minute

const (
	maxParts     = 20
	maxFieldSize = 4 << 10
)

// uploaded is the file of a multipart request and the fields before it.
type uploaded struct {
	report.File
	Fields map[string]string
	To     []string // fields "affected": whom of several bodies the file is about
}

// addressed is whom the file is about, and whether their people may see it.
func (u uploaded) addressed() (to []string, forAll bool) { return u.To, u.Fields["for_all"] == "yes" }

// upload finds the part "file" of a multipart request without reading it: its
// bytes go straight to the encryption.
func upload(c echo.Context) (uploaded, error) {
	u := uploaded{Fields: map[string]string{}}
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(uploadTime))
	r, err := c.Request().MultipartReader()
	if err != nil {
		return u, fault.Wrap(fault.Malformed, err, "this request needs multipart/form-data with the field \"file\"")
	}
	for range maxParts {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return u, broken(err)
		}
		if p.FormName() == "file" {
			u.Name, u.Body = sentName(p), safeReader{p}
			return u, nil
		}
		b, err := io.ReadAll(io.LimitReader(p, maxFieldSize))
		if err != nil {
			return u, broken(err)
		}
		if p.FormName() == "affected" {
			u.To = append(u.To, strings.FieldsFunc(string(b), func(r rune) bool { return r == ',' || r == ' ' })...)
			continue
		}
		u.Fields[p.FormName()] = string(b)
	}
	return u, fault.New(fault.Malformed, "there is no field \"file\"")
}

// sentName is the file name as it was sent: the library cuts folders off in a
// way that differs between systems, the domain does it for all.
func sentName(p *multipart.Part) string {
	if _, params, ok := strings.Cut(p.Header.Get("Content-Disposition"), "filename="); ok && p.FileName() == "" {
		return strings.Trim(params, `"`)
	}
	return p.FileName()
}

// safeReader classifies errors of a body that breaks off.
type safeReader struct{ r io.Reader }

func (s safeReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return n, err
}

func broken(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "the request is larger than %d MB", tooLarge.Limit>>20)
	}
	return fault.Wrap(fault.Malformed, err, "the upload broke off or is no multipart/form-data")
}

// sendFile gives a program the file itself: never inline, never with its own
// type, in a sandbox.
func (h *Handler) sendFile(c echo.Context, ref, id string, o report.Occasion) error {
	a, body, err := h.Desk.File(c.Request().Context(), ref, id, o)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	c.Response().Header().Set("Content-Length", strconv.FormatInt(a.Size, 10))
	harmless(c, a.Name)
	_, err = io.Copy(c.Response(), body)
	return err
}

// sendZIP gives a person the file in a ZIP behind a password that the page
// before has shown: nothing on the way opens it.
func (h *Handler) sendZIP(c echo.Context, ref, id string, o report.Occasion) error {
	a, body, err := h.Desk.File(c.Request().Context(), ref, id, o)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	harmless(c, a.Name+".zip")
	return zipae.Write(c.Response(), a.Name, h.password(a.ID), a.Size, a.At, body)
}

// password of an attachment's ZIP: the same each time it is shown.
func (h *Handler) password(id string) string {
	return report.FormatCode(report.Code(h.Cookies, "zip "+id))
}

func harmless(c echo.Context, name string) {
	header := c.Response().Header()
	header.Set("Content-Disposition", disposition(name))
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "private, no-store")
	header.Set(echo.HeaderContentType, echo.MIMEOctetStream)
	c.Response().WriteHeader(http.StatusOK)
}

// disposition names a download for old and new browsers (RFC 6266).
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%;`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
