// SPDX-License-Identifier: EUPL-1.2

package contract_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/contract"
)

type canned struct {
	status int
	kind   string
	body   string
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {c.kind}}, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

func TestTheTransportSeesWhatTheContractDoesNotAllow(t *testing.T) {
	t.Parallel()
	c, err := contract.Load("../../../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const id = "019aa1b2-0c3d-7e4f-8a5b-6c7d8e9f0a1b"
	const message = `{"id":"` + id + `","side":"cert","text":"x","at":"2026-11-21T07:12:00Z"}`
	for name, x := range map[string]struct {
		path, body string
		answer     canned
		wrong      string
	}{
		"a good pair":                 {"/api/intake/v1/reports/" + id + "/messages", `{"text":"x"}`, canned{201, "application/json", message}, ""},
		"a good problem":              {"/api/intake/v1/reports/" + id + "/messages", `{"txt":1}`, canned{404, "application/problem+json", `{"type":"/problems/not-found","title":"Not found","status":404,"request_id":"1"}`}, ""},
		"an unknown field answered":   {"/api/intake/v1/reports/" + id + "/messages", `{"text":"x"}`, canned{201, "application/json", strings.Replace(message, `"side"`, `"new":1,"side"`, 1)}, "answered against"},
		"an id that is none":          {"/api/intake/v1/reports/" + id + "/messages", `{"text":"x"}`, canned{201, "application/json", strings.Replace(message, id, "7", 1)}, "answered against"},
		"an unknown status":           {"/api/intake/v1/reports/" + id + "/messages", `{"text":"x"}`, canned{500, "application/problem+json", `{}`}, "answered against"},
		"an unknown field accepted":   {"/api/intake/v1/reports/" + id + "/messages", `{"text":"x","a":1}`, canned{201, "application/json", message}, "accepted"},
		"an address nobody described": {"/api/intake/v1/other", `{}`, canned{200, "application/json", `{}`}, "does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			transport := contract.Transport{Contract: c, Base: x.answer, Report: func(err error) { got = append(got, err.Error()) }}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+x.path, strings.NewReader(x.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := (&http.Client{Transport: transport}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(b) != x.answer.body {
				t.Errorf("the caller reads %q, want the whole answer", b)
			}
			if all := strings.Join(got, "\n"); (x.wrong == "") != (all == "") || !strings.Contains(all, x.wrong) {
				t.Errorf("reported %q, want %q", all, x.wrong)
			}
		})
	}
}
