// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/thueringencert/leitstelle/shared/httpserver"
)

type body struct{ kind, text string }

// bodyOf is what a route is sent: valid where that matters for who may, and of a
// version that is not there, so that nothing changes for those who may.
func (f *fixture) bodyOf(r httpserver.Route, o object) body {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete {
		return body{}
	}
	of := func(v any) body {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // literals of this test
		}
		return body{"application/json", string(b)}
	}
	last := r.Path[strings.LastIndex(r.Path, "/")+1:]
	if !strings.HasPrefix(r.Path, "/api/") {
		return f.formOf(last)
	}
	switch {
	case strings.HasSuffix(r.Path, "/privacy/reports"):
		return of(map[string]any{"email": "nobody@matrix.example"})
	case last == "reports":
		return of(reportOf("Matrix", o.path[0]))
	case last == "attachments" || last == "diff":
		return upload("matrix.txt", "nothing")
	case r.Path == "/api/triage/v1/campaigns":
		return of(map[string]any{"title": "Matrix", "cases": []string{unknownID()}})
	case r.Path == "/api/triage/v1/campaigns/:id/cases":
		return of(map[string]any{"cases": []string{unknownID()}})
	case strings.HasPrefix(r.Path, "/api/triage/v1/campaigns/:id/") && last != "notes": // an order for cases that are in no campaign
		return of(map[string]any{"text": "Matrix", "severity": "low", "state": "working", "reason": "Matrix", "cases": []string{unknownID()}})
	case r.Path == "/api/triage/v1/cases/:id/state":
		return of(map[string]any{"state": "working"})
	case last == "assign":
		return of(map[string]any{"assignee": "me"})
	case last == "classify":
		return of(map[string]any{"severity": "low", "reason": "Matrix"})
	case last == "merge":
		return of(map[string]any{"target": unknownID()})
	case last == "messages" || last == "notes":
		return of(map[string]any{"text": "Matrix"})
	case last == "affected":
		return of(map[string]any{"affected": []string{unknownID()}})
	case last == "takeover":
		return of(map[string]any{"callback": map[string]any{"name": "Matrix"}})
	case last == "contradiction":
		return of(map[string]any{"text": ""})
	case last == "supplements":
		return of(map[string]any{"description": "Matrix"})
	case r.Path == "/api/directory/v1/mandates":
		return of(map[string]any{"principal": f.jena, "scopes": []string{"read"}})
	case last == "mandates":
		return of(map[string]any{"agent": f.kreis, "scopes": []string{"read"}, "document": "Matrix"})
	case last == "requests":
		return of(map[string]any{"wish": "Matrix", "contact": "Matrix"})
	case last == "tokens":
		return of(map[string]any{"name": "Matrix"})
	case r.Path == "/api/directory/v1/me":
		return of(map[string]any{"language": "de"})
	case last == "absence":
		return of(map[string]any{"from": "2030-01-01", "to": "2030-01-02"})
	case last == "reset":
		return of(map[string]any{"kind": "password"})
	case r.Path == "/api/directory/v1/people/:id":
		return of(map[string]any{"memberships": []any{}})
	case last == "answers":
		return of(map[string]any{"organisation": f.klettbach, "answer": "checking"})
	case last == "subscriptions":
		return of(map[string]any{"organisation": o.path[0], "off": false, "min_severity": "", "categories": []string{}, "mailbox": "post@matrix.example", "version": 0})
	}
	return of(map[string]any{})
}

func (f *fixture) formOf(last string) body {
	v := url.Values{
		"version": {"999999"}, "revision": {"999999"}, "key": {newKey()}, "text": {"Matrix"}, "reason": {"Matrix"},
		"language": {"de"}, "hash": {"0"}, "state": {"working"}, "class": {"other:other"}, "disposition": {"confirmed"}, "name": {"Matrix"}, "title": {"Matrix"},
	}
	switch last {
	case "datei", "register":
		return upload("matrix.txt", "nothing")
	case "nachtragen":
		v = url.Values{"description": {"Matrix"}, "key": {newKey()}}
	case "sammel":
		v.Set("do", "take")
	}
	return body{"application/x-www-form-urlencoded", v.Encode()}
}

// upload is a multipart body with one file.
func upload(name, content string) body {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	p, err := m.CreateFormFile("file", name)
	if err == nil {
		_, err = p.Write([]byte(content))
	}
	if err != nil || m.Close() != nil {
		panic("a buffer does not fail")
	}
	return body{m.FormDataContentType(), b.String()}
}
