// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

// bulkMost is how many cases one form may touch.
const bulkMost = 200

// bulk is POST /lage/sammel: one action on all ticked cases, each in a
// transaction of its own, and a notice that says exactly how many it reached.
func (h *Handler) bulk(c echo.Context) error {
	f, err := c.FormParams()
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	ids := f["sel"]
	if len(ids) > bulkMost {
		return fault.New(fault.Invalid, "at most %d cases at once", bulkMost)
	}
	if f.Get("do") == "campaign" {
		return h.bulkCampaign(c, f)
	}
	one := h.bulkStep(c, f)
	if one == nil {
		return fault.New(fault.Malformed, "there is no such action")
	}
	done, not := 0, 0
	for _, id := range ids {
		switch err := one(id); {
		case err == nil:
			done++
		case fault.Is(err, fault.Unavailable), fault.Is(err, fault.Internal):
			return err
		default:
			not++
			h.Log.Debug("web: a case of many could not be changed", zap.String("case", id), zap.Error(err))
		}
	}
	u, err := url.Parse(safeBack(f.Get("zurueck"), inboxPath))
	if err != nil {
		return fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	q := u.Query()
	q.Del("fall")
	q.Set("getan", strconv.Itoa(done))
	q.Set("nicht", strconv.Itoa(not))
	u.RawQuery = q.Encode()
	return page.Redirect(c, u.RequestURI())
}

func (h *Handler) bulkStep(c echo.Context, f url.Values) func(id string) error {
	ctx, who, desk := c.Request().Context(), by(c), h.desk()
	switch f.Get("do") {
	case "take":
		return func(id string) error {
			_, err := desk.Take(ctx, who, id, 0)
			return err
		}
	case "assign":
		return func(id string) error {
			_, err := desk.Assign(ctx, who, id, 0, f.Get("assignee"), "")
			return err
		}
	case "severity":
		return func(id string) error {
			_, err := desk.Classify(ctx, who, id, 0, casefile.Classify{Severity: f.Get("severity"), Reason: f.Get("reason")})
			return err
		}
	}
	return nil
}

// bulkNotice says how many cases the action before reached.
func (h *Handler) bulkNotice(c echo.Context) *page.Notice {
	done, errDone := strconv.Atoi(c.QueryParam("getan"))
	not, errNot := strconv.Atoi(c.QueryParam("nicht"))
	if errDone != nil || errNot != nil || done < 0 || not < 0 {
		return nil
	}
	n := &page.Notice{Kind: "success", Text: h.Pages.T(c, "triage.bulk.done", done)}
	if done+not == 0 {
		return &page.Notice{Kind: "info", Text: h.Pages.T(c, "triage.bulk.none")}
	}
	if not > 0 {
		n.Kind = "warning"
		n.Text += " " + h.Pages.T(c, "triage.bulk.not", not)
	}
	return n
}
