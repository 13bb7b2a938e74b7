// SPDX-License-Identifier: EUPL-1.2

// Package contract holds what the services really send and accept against
// docs/openapi.yaml: a RoundTripper for tests that checks every API request and
// answer that passes.
package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract is a loaded specification.
type Contract struct {
	Doc    *openapi3.T
	router routers.Router
}

// uuid is stricter than the library, which by default does not check the format.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Load reads and validates a specification, then closes its schemas: clients
// must ignore fields they do not know, but a field that the services send and
// nobody wrote down is a mistake of ours.
func Load(path string) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	for _, s := range doc.Components.Schemas {
		closeSchema(s.Value)
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, r := range op.Responses.Map() {
				for _, m := range r.Value.Content {
					closeSchema(m.Schema.Value)
				}
			}
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	return &Contract{Doc: doc, router: router}, nil
}

// closeSchema merges allOf, since a closed part would refuse the others' fields,
// and forbids unknown fields everywhere below.
func closeSchema(s *openapi3.Schema) {
	if s == nil {
		return
	}
	for _, part := range s.AllOf {
		closeSchema(part.Value)
		if s.Properties == nil {
			s.Properties = openapi3.Schemas{}
		}
		maps.Copy(s.Properties, part.Value.Properties)
		s.Required = append(s.Required, part.Value.Required...)
		s.Type = part.Value.Type
	}
	s.AllOf = nil
	if s.Items != nil {
		closeSchema(s.Items.Value)
	}
	for _, p := range s.Properties {
		closeSchema(p.Value)
	}
	open := s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has
	if len(s.Properties) > 0 && !open {
		no := false
		s.AdditionalProperties.Has = &no
	}
}

// Operations lists "GET /api/…/{}" for every operation; the names of path
// parameters do not matter.
func (c *Contract) Operations() []string {
	var out []string
	for path, item := range c.Doc.Paths.Map() {
		for method := range item.Operations() {
			out = append(out, method+" "+Anonymous(path))
		}
	}
	slices.Sort(out)
	return out
}

var parameter = regexp.MustCompile(`:[A-Za-z]+|\{[A-Za-z]+\}`)

// Anonymous writes a path of a route or of the contract without the names of
// its parameters.
func Anonymous(path string) string { return parameter.ReplaceAllString(path, "{}") }

// Transport checks what passes through it; each mistake goes to Report.
type Transport struct {
	Contract *Contract
	Base     http.RoundTripper
	Report   func(error)
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return t.Base.RoundTrip(r)
	}
	sent, err := drain(&r.Body)
	if err != nil {
		return nil, err
	}
	res, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := t.check(r, sent, res); err != nil {
		t.Report(fmt.Errorf("%s %s (%d): %w", r.Method, r.URL.Path, res.StatusCode, err))
	}
	return res, nil
}

// drain reads a body and puts a copy in its place.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	_ = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

func (t Transport) check(r *http.Request, sent []byte, res *http.Response) error {
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	copied.URL.Scheme, copied.URL.Host, copied.Host = "", "", ""
	route, params, err := t.Contract.router.FindRoute(copied)
	if err != nil {
		if res.StatusCode == http.StatusNotFound {
			return nil // neither knows it
		}
		return fmt.Errorf("the contract does not know this address: %w", err)
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(uuid.String()))},
	}
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route, Options: options}
	// What a service accepts the contract must allow; what it refuses may be as wrong as a test likes.
	if res.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("accepted, but against the contract: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "text/event-stream" || kind == "application/octet-stream" {
		whole := *options
		whole.ExcludeResponseBody = true
		out.Options = &whole
	} else {
		b, err := drain(&res.Body)
		if err != nil {
			return err
		}
		out.SetBodyBytes(b)
	}
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		return fmt.Errorf("answered against the contract: %w", err)
	}
	return nil
}
