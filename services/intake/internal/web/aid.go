// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/page"
)

// Aid is one first-aid step. The wording is the CERT's to approve: it stands in
// data files (aid/de.json, aid/en.json) that an installation may replace.
type Aid struct {
	Do  string `json:"do"`
	Why string `json:"why,omitempty"`
}

// AidTexts are the first-aid steps by language and by what happened.
type AidTexts map[string]map[string][]Aid

// LoadAid reads the built-in steps and, from a folder, those that replace them:
// dir/de.json and dir/en.json, each key a tile of the form.
func LoadAid(dir string) (AidTexts, error) {
	out := AidTexts{}
	for _, lang := range page.Languages() {
		texts := map[string][]Aid{}
		out[lang] = texts
		raw, err := fs.ReadFile(Files, "aid/"+lang+".json")
		if err != nil {
			return nil, fmt.Errorf("read first aid: %w", err)
		}
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("first aid %s: %w", lang, err)
		}
		if dir == "" {
			continue
		}
		own, err := os.ReadFile(filepath.Join(dir, lang+".json")) //nolint:gosec // the operator names the folder
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read first aid: %w", err)
		}
		if err := json.Unmarshal(own, &texts); err != nil {
			return nil, fmt.Errorf("first aid %s: %w", lang, err)
		}
	}
	return out, nil
}

// aid is the steps for what happened, the general ones where there are none.
func (h *Handler) aid(c echo.Context, what string) []Aid {
	texts := h.Aid[page.Language(c)]
	if a, ok := texts[what]; ok {
		return a
	}
	return texts["general"]
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(max(d.Seconds(), 1))))
}
