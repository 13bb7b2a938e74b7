// SPDX-License-Identifier: EUPL-1.2

package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// maxDepth is how deep JSON may nest; nothing of ours is deeper than five.
const maxDepth = 32

// maxAhead bounds the bytes that are set aside for a body before it comes: a
// header costs a client nothing.
const maxAhead = 64 << 10

// Body reads the whole request body, which the route's limit bounds.
func Body(c echo.Context) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(c.Request().ContentLength, 0), maxAhead)) + bytes.MinRead)
	_, err := b.ReadFrom(c.Request().Body)
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		// The client stopped or was too slow; nothing on our side is away.
		return nil, fault.Wrap(fault.Malformed, err, "the body ended too early")
	}
	if err != nil {
		return nil, translate(c, err)
	}
	return b.Bytes(), nil
}

// DecodeJSON reads the request body strictly into v and returns the raw bytes.
// Unknown fields, duplicate keys, broken UTF-8, NUL, deep nesting and trailing
// data are Malformed.
func DecodeJSON(c echo.Context, v any) ([]byte, error) {
	b, err := Body(c)
	if err != nil {
		return nil, err
	}
	return b, Decode(b, v)
}

// Decode is DecodeJSON for bytes.
func Decode(b []byte, v any) error {
	if !utf8.Valid(b) {
		return fault.New(fault.Malformed, "the body is not UTF-8")
	}
	if err := wellFormed(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return malformed(err)
	}
	return nil
}

func malformed(err error) error {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.New(fault.Malformed, "field %q cannot be a %s", wrongType.Field, wrongType.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.New(fault.Malformed, "there is no field %s", name)
	}
	return fault.Wrap(fault.Malformed, err, "the body is not the expected JSON")
}

// ETag is the entity tag of a version.
func ETag(version int) string { return strconv.Quote(strconv.Itoa(version)) }

// IfMatch returns the version that the client saw; without the header 428.
func IfMatch(c echo.Context) (int, error) {
	h := c.Request().Header.Get("If-Match")
	if h == "" {
		return 0, fault.New(fault.PreconditionRequired, "this change needs an If-Match header with the version you saw")
	}
	v, err := strconv.Atoi(strings.Trim(strings.TrimPrefix(h, "W/"), `"`))
	if err != nil {
		return 0, fault.New(fault.Stale, "the If-Match header names no version")
	}
	return v, nil
}

// Page is the part of a list a client asked for.
type Page struct {
	Limit int
	After string
}

// Lists default to 50 items and never have more than 200.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// PageOf reads ?limit=&after=.
func PageOf(c echo.Context) (Page, error) {
	p := Page{Limit: DefaultLimit, After: c.QueryParam("after")}
	if s := c.QueryParam("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return p, fault.New(fault.Malformed, "limit is not a number from 1 to %d", MaxLimit)
		}
		p.Limit = min(n, MaxLimit)
	}
	if len(p.After) > 200 || strings.ContainsFunc(p.After, func(r rune) bool { return r < ' ' || r > '~' }) {
		return p, fault.New(fault.Malformed, "after is no cursor of this list")
	}
	return p, nil
}

// List is the body of every list.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}
