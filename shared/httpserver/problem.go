// SPDX-License-Identifier: EUPL-1.2

package httpserver

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var statuses = map[fault.Kind]int{
	fault.Malformed: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.StepUpRequired: 403, fault.NotFound: 404,
	fault.Conflict: 409, fault.Stale: 412, fault.TooLarge: 413, fault.Invalid: 422,
	fault.PreconditionRequired: 428, fault.Limited: 429, fault.Internal: 500, fault.Unavailable: 503,
}

// Kinds lists the kinds and their statuses; each has a page under /problems/.
func Kinds() map[fault.Kind]int { return statuses }

// Problem is the body of an error answer (RFC 9457).
type Problem struct {
	Type      string        `json:"type"` // a path under /problems/, a real page
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail,omitempty"`
	RequestID string        `json:"request_id"`
	Errors    []fault.Field `json:"errors,omitempty"`
}

// StatusOf returns the status that err becomes; a kind that nobody knows is a
// mistake of ours.
func StatusOf(err error) int { return statusOf(fault.KindOf(err)) }

func statusOf(k fault.Kind) int {
	if status, ok := statuses[k]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// retries is when to come back where the fault does not say it: both answers
// always carry Retry-After (design §7).
var retries = map[fault.Kind]time.Duration{fault.Unavailable: 2 * time.Second, fault.Limited: 10 * time.Second}

// translate turns echo's and the database's errors into faults.
func translate(c echo.Context, err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	var he *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "the request is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &he):
		switch he.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			return fault.New(fault.NotFound, "there is nothing here")
		case http.StatusRequestEntityTooLarge:
			return fault.New(fault.TooLarge, "the request is too large")
		case http.StatusBadRequest, http.StatusUnsupportedMediaType:
			return fault.Wrap(fault.Malformed, err, "the request cannot be read")
		}
	}
	if errors.As(pg.Classify(c.Request().Context(), err), &f) {
		return f
	}
	return fault.Wrap(fault.Internal, err, "something went wrong on our side")
}

func errorHandler(o Options) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			o.Log.Debug("http: error after the answer began", zap.Error(err))
			return
		}
		f := translate(c, err)
		status := statusOf(f.Kind)
		id := RequestID(c)
		if status >= 500 {
			o.Log.Error("http: request failed", zap.String("request_id", id),
				zap.String("route", c.Path()), zap.Int("status", status), zap.Error(err))
		}
		if after := cmp.Or(f.Retry, retries[f.Kind]); after > 0 {
			c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
		}
		if status == http.StatusUnauthorized {
			c.Response().Header().Set("WWW-Authenticate", "Bearer")
		}
		if err := answer(c, o, status, f, id); err != nil {
			o.Log.Debug("http: the error could not be answered", zap.Error(err))
		}
	}
}

func answer(c echo.Context, o Options, status int, f *fault.Error, id string) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	if f.Kind == fault.StepUpRequired && loadsPage(c) {
		return toSignIn(c, "/konto/bestaetigen")
	}
	if o.ErrorPage != nil && WantsPage(c) {
		if err := o.ErrorPage(c, status, f, id); err == nil || c.Response().Committed {
			return err
		}
	}
	kind := f.Kind
	if status == http.StatusInternalServerError {
		kind = fault.Internal
	}
	p := Problem{Type: "/problems/" + string(kind), Title: title(kind), Status: status, RequestID: id, Errors: f.Fields}
	if status != http.StatusInternalServerError {
		p.Detail = f.Message
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.Blob(status, "application/problem+json", b)
}

func title(k fault.Kind) string {
	s := strings.ReplaceAll(string(k), "-", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// WantsPage reports whether a browser asks: programs use /api/ or accept JSON only.
func WantsPage(c echo.Context) bool {
	r := c.Request()
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}
