// SPDX-License-Identifier: EUPL-1.2

// Package pagetest checks a service's pages in its tests: goldens, missing
// texts, and a Site with example data.
package pagetest

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/page"
)

var update = flag.Bool("update", false, "write the goldens anew")

// Site returns example data of an operator; the phone numbers lead nowhere.
func Site() page.Site {
	return page.Site{
		Operator: "ThüringenCERT", Service: "Vorfälle melden und Warnungen", ServiceEN: "Report incidents, receive alerts",
		Phone: "0361 000 00 00", Mail: "lagezentrum@example.org", URL: "https://cert.example.org", Draft: true,
		CallbackMinutes: 60, MaxFileMB: 25, DraftHours: 24, GuestDays: 90,
		Imprint: page.Imprint{Name: "ThüringenCERT (Muster)", Address: "Musterweg 1|99084 Erfurt", Responsible: "Kim Beispiel"},
	}
}

// Context returns an echo context for a GET of path in a language, and what the
// page writes.
func Context(path, lang string) (echo.Context, *httptest.ResponseRecorder) {
	req := httptest.NewRequestWithContext(context.Background(), "GET", path, nil)
	if lang == "en" {
		req.Header.Set("X-Forwarded-Prefix", "/en")
	}
	rec := httptest.NewRecorder()
	return echo.New().NewContext(req, rec), rec
}

// Missing is for page.Options.Missing: a message that is not there fails t.
func Missing(t testing.TB) func(lang, id string) {
	return func(lang, id string) {
		t.Helper()
		t.Errorf("message %q is missing in %s", id, lang)
	}
}

// streamAt counts everything that was audited before the page was read.
var streamAt = regexp.MustCompile(` data-stream-at="[0-9]+"`)

var fingerprint = regexp.MustCompile(`\?v=[0-9a-f]{12}`)

// Golden compares got with testdata/NAME.html and writes it with -update.
// Fingerprints of assets and the position in the stream are left out, so that a change of style changes no
// golden.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	got = fingerprint.ReplaceAll(got, []byte("?v=HASH"))
	got = streamAt.ReplaceAll(got, []byte(` data-stream-at="SEQ"`))
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil { //nolint:gosec // test data
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file) //nolint:gosec // test data
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
