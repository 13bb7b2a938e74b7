// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

type importView struct {
	page.Base
	Source string
	Stand  string
}

func (h *Handler) importForm(c echo.Context) error { return h.renderImport(c, http.StatusOK, nil) }

func (h *Handler) renderImport(c echo.Context, status int, fail error) error {
	v := &importView{Base: base(c, h.Pages.T(c, "directory.import")), Source: constituency.Notice}
	if fail != nil {
		detail := h.Pages.T(c, "directory.import.failed")
		if f, ok := errors.AsType[*fault.Error](fail); ok {
			detail = h.Pages.T(c, "directory.import.wrong", "Detail", f.Message)
		}
		v.Errors = []page.FieldError{{Field: "file", Detail: detail}}
	}
	return h.Pages.Render(c, status, "register", v)
}

// file returns the uploaded register file: the part "file" of a form, or the
// body itself.
func file(c echo.Context) (io.Reader, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil && c.Request().Header.Get("Content-Type") != "" {
		return nil, fault.New(fault.Malformed, "the Content-Type cannot be read")
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return c.Request().Body, nil
	}
	parts, err := c.Request().MultipartReader()
	if err != nil {
		return nil, fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	for range 20 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(fault.Malformed, err, "the form cannot be read")
		}
		if part.FormName() == "file" {
			return part, nil
		}
	}
	return nil, fault.New(fault.Invalid, "the form has no file")
}

func (h *Handler) upload(c echo.Context) error {
	var u constituency.Upload
	r, err := file(c)
	if err == nil {
		u, _, err = h.Register.Propose(c.Request().Context(), act(c), r)
	}
	if k := fault.KindOf(err); k == fault.Invalid || k == fault.TooLarge {
		return h.renderImport(c, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return page.Redirect(c, "/verzeichnis/verwaltung/register/"+u.ID)
}

type differencesView struct {
	page.Base
	Upload      string
	Differences constituency.Differences
	Heirs       []heir // of each body that goes
	Source      string
}

// heir is the question who takes over from a body that goes.
type heir struct {
	constituency.Named
	Successor, Kind string // what was typed
	Kinds           []page.Option
}

func (h *Handler) differences(c echo.Context) error {
	return h.renderDifferences(c, http.StatusOK, nil, nil)
}

func (h *Handler) renderDifferences(c echo.Context, status int, notice *page.Notice, fail error) error {
	u, diff, err := h.Register.Proposed(c.Request().Context(), act(c), c.Param("id"))
	if err != nil {
		return err
	}
	v := &differencesView{Base: base(c, h.Pages.T(c, "directory.diff")), Upload: u.ID, Differences: diff, Source: constituency.Notice}
	v.Notice = notice
	v.Fail(fail)
	v.Heirs = h.heirs(c, diff)
	return h.Pages.Render(c, status, "unterschiede", v)
}

func (h *Handler) confirm(c echo.Context) error {
	choices, err := choicesOf(c)
	if err != nil {
		return err
	}
	_, err = h.Register.Confirm(c.Request().Context(), act(c), c.Param("id"), c.FormValue("hash"), choices...)
	if fault.Is(err, fault.Invalid) && fault.FieldsOf(err) != nil {
		return h.renderDifferences(c, http.StatusUnprocessableEntity, nil, err)
	}
	if fault.Is(err, fault.Conflict) {
		return h.renderDifferences(c, http.StatusConflict, &page.Notice{Kind: "warning", Text: h.Pages.T(c, "directory.diff.changed")}, nil)
	}
	if err != nil {
		return fmt.Errorf("apply the register: %w", err)
	}
	page.Flash(c, "success", "directory.diff.applied")
	return page.Redirect(c, "/verzeichnis/kommunen")
}
