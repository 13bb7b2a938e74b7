// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/page"
)

func get(t *testing.T, url string, headers ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, url, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	page.Assets().ServeHTTP(rec, req)
	return rec.Result()
}

func TestAnAssetWithItsFingerprintNeverExpires(t *testing.T) {
	t.Parallel()
	url, err := page.AssetURL("css/leitstelle.css")
	if err != nil {
		t.Fatal(err)
	}
	res := get(t, url)
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	other := get(t, "/assets/css/leitstelle.css?v=000000000000")
	defer func() { _ = other.Body.Close() }()
	if strings.Contains(other.Header.Get("Cache-Control"), "immutable") {
		t.Error("another version's fingerprint is kept for ever")
	}
}

func TestAssetsAreCompressedAndConditional(t *testing.T) {
	t.Parallel()
	res := get(t, "/assets/css/leitstelle.css", "Accept-Encoding", "gzip, br")
	defer func() { _ = res.Body.Close() }()
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	plain := get(t, "/assets/css/leitstelle.css")
	defer func() { _ = plain.Body.Close() }()
	raw, err := io.ReadAll(plain.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(packed) != string(raw) {
		t.Error("the compressed stylesheet is another one")
	}
	same := get(t, "/assets/css/leitstelle.css", "If-None-Match", plain.Header.Get("ETag"))
	defer func() { _ = same.Body.Close() }()
	if same.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged asset: %d", same.StatusCode)
	}
	for _, bad := range []string{"/assets/", "/assets/../page.go", "/assets/nope.css"} {
		res := get(t, bad)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", bad, res.StatusCode)
		}
	}
}

// Every address that an asset names must lead to an asset, with its fingerprint.
func TestAssetsFindEachOther(t *testing.T) {
	t.Parallel()
	ref := regexp.MustCompile(`(?:url\("|from ['"])((?:\.\./|\./)[^"']+)`)
	for _, name := range []string{"css/leitstelle.css", "js/live.js", "js/desk.js"} {
		res := get(t, "/assets/"+name)
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ref.FindAllStringSubmatch(string(raw), -1) {
			target := get(t, path.Join("/assets", path.Dir(name), m[1]))
			_ = target.Body.Close()
			if target.StatusCode != 200 || !strings.Contains(target.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s names %s: %d, %s", name, m[1], target.StatusCode, target.Header.Get("Cache-Control"))
			}
		}
	}
}

func TestNothingInTheAssetsComesFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"css/leitstelle.css", "js/desk.js", "js/live.js", "js/fragment.js"} {
		res := get(t, "/assets/"+name)
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:url\(["']?|from ['"])https?:[^"')]*`).FindAllString(string(raw), -1) {
			t.Errorf("%s loads %s", name, m)
		}
	}
}
