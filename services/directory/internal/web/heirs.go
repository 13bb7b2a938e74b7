// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
)

// heirs asks for the successor of each municipality that goes. Where exactly
// one municipality of the same Kreis is new, it is proposed.
func (h *Handler) heirs(c echo.Context, diff constituency.Differences) []heir {
	fresh := map[string][]string{}
	for _, n := range diff.Added {
		if n.Level == constituency.Gemeinde {
			fresh[n.Key[:5]] = append(fresh[n.Key[:5]], n.Key)
		}
	}
	out := make([]heir, 0, len(diff.Gone))
	for _, g := range diff.Gone {
		x := heir{Named: g.Named, Kind: string(succession.Incorporated), Kinds: h.successionKinds(c)}
		if list := fresh[g.Key[:min(5, len(g.Key))]]; len(list) == 1 && g.Level == constituency.Gemeinde {
			x.Successor, x.Kind = list[0], string(succession.Merged)
		}
		if c.Request().Method == http.MethodPost {
			x.Successor, x.Kind = c.FormValue("successor-"+g.Key), c.FormValue("kind-"+g.Key)
		}
		out = append(out, x)
	}
	return out
}

func (h *Handler) successionKinds(c echo.Context) []page.Option {
	var out []page.Option
	for _, k := range succession.Kinds() {
		out = append(out, page.Option{Value: string(k), Label: h.Pages.T(c, "directory.succession."+string(k))})
	}
	return out
}

// choicesOf reads the fields successor-KEY and kind-KEY; an empty successor is
// no choice.
func choicesOf(c echo.Context) ([]succession.Choice, error) {
	form, err := c.FormParams()
	if err != nil {
		return nil, fault.Wrap(fault.Malformed, err, "the form cannot be read")
	}
	var out []succession.Choice
	for name := range form {
		key, ok := strings.CutPrefix(name, "successor-")
		if !ok || strings.TrimSpace(form.Get(name)) == "" {
			continue
		}
		out = append(out, succession.Choice{
			Predecessor: key, Successor: strings.TrimSpace(form.Get(name)), Kind: succession.Kind(form.Get("kind-" + key)),
		})
	}
	return out, nil
}
