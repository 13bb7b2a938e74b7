// SPDX-License-Identifier: EUPL-1.2

// Package fault says what went wrong in a word that every door understands.
// The domain and the stores return these errors; only httpserver knows which
// HTTP status a kind has. An error that is none of these is Internal: its text
// stays in the log and never reaches a client.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the class of an error, independent of HTTP, SQL and NATS.
type Kind string

// The kinds. The status each becomes is fixed in httpserver (design: malformed
// 400, rule 422, missing If-Match 428, stale 412, conflict 409, too large 413,
// limited 429, unavailable 503).
const (
	Malformed            Kind = "malformed"
	Invalid              Kind = "invalid"
	NotFound             Kind = "not-found"
	Conflict             Kind = "conflict"
	Stale                Kind = "stale"
	PreconditionRequired Kind = "precondition-required"
	TooLarge             Kind = "too-large"
	Forbidden            Kind = "forbidden"
	Unauthenticated      Kind = "unauthenticated"
	StepUpRequired       Kind = "step-up-required" // signed in, but the second factor was shown too long ago
	Limited              Kind = "limited"
	Unavailable          Kind = "unavailable"
	Internal             Kind = "internal"
)

// Field is one mistake in one input field. Name is the field's name in the
// request, Code the message id that pages translate, Detail plain English for
// programs.
type Field struct {
	Name   string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error is a classified error. Message is safe to show to a client.
type Error struct {
	Kind    Kind
	Message string
	Fields  []Field
	Retry   time.Duration // when to come back, 0: unknown
	cause   error
}

// Error returns the message, the fields and the cause, for the log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Detail)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// New makes an error of a kind with a message that may be shown to the client.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap classifies err; its text goes to the log only, the message to the client.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), cause: err}
}

// WithRetry says when the client may try again.
func (e *Error) WithRetry(d time.Duration) *Error {
	e.Retry = d
	return e
}

// KindOf returns the kind of err: "" for nil, Internal for what has none.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// FieldsOf returns the fields of err, nil when it has none.
func FieldsOf(err error) []Field {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

// Fields collects mistakes so that a form shows them all at once.
type Fields []Field

// Add notes one mistake.
func (f *Fields) Add(name, code, detail string) {
	*f = append(*f, Field{Name: name, Code: code, Detail: detail})
}

// Err returns an Invalid error with the fields, nil when there are none.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: "some fields need a correction", Fields: f}
}
