// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"strings"
	"testing"
)

// TestAMergerWithoutADateSaysSoAndShowsNoOther: of some mergers no public source
// tells the day; no page and no answer makes one up.
func TestAMergerWithoutADateSaysSoAndShowsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege")
	if n := b.count(`SELECT count(*) FROM succession WHERE took_place IS NULL`); n != 8 {
		t.Errorf("%d mergers without a date, want 8", n)
	}
	const api = "/api/directory/v1/organisations/"
	for path, want := range map[string]string{
		api + "16061039":                                `"ended_at":null`,
		api + "16061039/succession":                     `"date":null`,
		"/api/directory/v1/responsibility?ags=16061039": `"date":null`,
		api + "16061007":                                `"ended_at":"2024-01-01T00:00:00Z"`,
		api + "16061007/succession":                     `"date":"2024-01-01"`,
		"/verzeichnis/kommunen/16061039":                "Datum nicht bekannt",
		"/verzeichnis/kommunen/16061039/nachfolge":      "Datum nicht bekannt",
		"/verzeichnis/zustaendig?ags=16061039":          "Datum nicht bekannt",
	} {
		body := b.want(ask{path: path, as: "pflege"}, 200).body
		if !strings.Contains(body, want) {
			t.Errorf("%s does not say %s: %.600s", path, want, body)
		}
		if strings.Contains(body, "0001-01-01") || strings.Contains(body, "01.01.0001") || strings.Contains(path, "16061039") && strings.Contains(body, "2025-11-30") {
			t.Errorf("%s shows a date that nobody knows", path)
		}
	}
	if body := b.want(ask{path: "/verzeichnis/kommunen/16061007", as: "pflege"}, 200).body; strings.Contains(body, "Datum nicht bekannt") {
		t.Error("the page of a merger with a date says that there is none")
	}
}
