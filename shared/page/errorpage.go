// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// errorView is the page of an error: what happened and what to do, in the
// reader's words. The fault's own English text stands below, for those who
// pass it on.
type errorView struct {
	Base
	Heading, Text, Detail string
	Fields                []string
	RequestID             string
	Call, SignIn          bool
	StepUp                *stepUp // confirm first, then send what was typed
}

// errorPages are the statuses with a text of their own; any other says the
// text of its class.
var errorPages = map[int]string{
	http.StatusBadRequest: "400", http.StatusUnauthorized: "401", http.StatusForbidden: "403",
	http.StatusNotFound: "404", http.StatusMethodNotAllowed: "405", http.StatusConflict: "409",
	http.StatusPreconditionFailed: "412", http.StatusRequestEntityTooLarge: "413",
	http.StatusUnprocessableEntity: "422", http.StatusPreconditionRequired: "412",
	http.StatusTooManyRequests: "429", http.StatusInternalServerError: "500", http.StatusServiceUnavailable: "503",
}

// RenderError answers a browser with the page of an error in the portal
// layout, or htmx with a note. It keeps the status. The text of a fault is
// shown where it helps; of any other error nothing but the request id.
func (r *Renderer) RenderError(c echo.Context, status int, err error, requestID string) error {
	id := "page.error." + errorKey(status)
	v := &errorView{
		Base:    Base{Title: r.T(c, id+".title")},
		Heading: r.T(c, id+".title"), Text: r.T(c, id+".text"), RequestID: requestID,
		Call:   status == http.StatusTooManyRequests || status >= http.StatusInternalServerError,
		SignIn: status == http.StatusUnauthorized,
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		if status == http.StatusConflict || status == http.StatusUnprocessableEntity || status == http.StatusPreconditionFailed {
			v.Detail = f.Message
		}
		for _, x := range f.Fields {
			v.Fields = append(v.Fields, x.Name+": "+x.Detail)
		}
		if f.Retry > 0 {
			v.Text += " " + r.T(c, "page.error.retry", int(math.Ceil(f.Retry.Minutes())))
			if c.Response().Header().Get(echo.HeaderRetryAfter) == "" {
				c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(f.Retry.Seconds()))))
			}
		}
	}
	if fault.Is(err, fault.StepUpRequired) {
		v.Title, v.Text = r.T(c, "page.stepup.title"), r.T(c, "page.stepup.text")
		v.Heading = v.Title
		v.StepUp = stepUpOf(c)
	}
	if WantsFragment(c) {
		return r.Fragment(c, status, "static/error", "fragment", v)
	}
	return r.Render(c, status, "static/error", v)
}

func errorKey(status int) string {
	if k, ok := errorPages[status]; ok {
		return k
	}
	if status >= http.StatusInternalServerError {
		return "500"
	}
	return "400"
}
