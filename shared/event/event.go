// SPDX-License-Identifier: EUPL-1.2

// Package event is the contract between the services: the envelope and every
// type of event. Fields are only ever added; a breaking change is a new type
// beside the old one. docs/events.md is generated from this package.
package event

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Event is the envelope. ID is a UUIDv7 and also the Nats-Msg-Id, so that the
// stream drops a second publish and the inbox a second delivery.
type Event struct {
	ID             string          `json:"id"`                        // UUIDv7
	Type           string          `json:"type"`                      // such as report.submitted
	Version        int             `json:"version"`                   // of the type's schema
	SubjectID      string          `json:"subject_id"`                // what the event is about
	SubjectVersion int             `json:"subject_version,omitempty"` // for snapshots: an older one is a no-op
	OccurredAt     time.Time       `json:"occurred_at"`               // UTC, microseconds
	Actor          string          `json:"actor"`                     // actor.Actor.ID
	OnBehalfOf     string          `json:"on_behalf_of,omitempty"`    // organisation id
	TraceParent    string          `json:"traceparent,omitempty"`     // W3C trace context
	Data           json.RawMessage `json:"data"`                      // the payload, by type

	subject string
}

// Payload is the data of one event type.
type Payload interface {
	// Type is the event's type, such as "report.submitted".
	Type() string
	// Subject is the NATS subject to publish to.
	Subject() string
	// Key is the id of what the event is about and, for snapshots, its version (else 0).
	Key() (id string, version int)
}

// Meta is what the sender knows about the occasion.
type Meta struct {
	At          time.Time
	Actor       string
	OnBehalfOf  string
	TraceParent string
}

// New wraps a payload. It panics when the payload cannot be encoded, which only
// a programming mistake causes.
func New(p Payload, m Meta) Event {
	data, err := json.Marshal(p)
	if err != nil {
		panic("event: " + p.Type() + " cannot be encoded: " + err.Error())
	}
	id, version := p.Key()
	return Event{
		ID: NewID(), Type: p.Type(), Version: 1, SubjectID: id, SubjectVersion: version,
		OccurredAt: m.At.UTC().Truncate(time.Microsecond), Actor: m.Actor, OnBehalfOf: m.OnBehalfOf,
		TraceParent: m.TraceParent, Data: data, subject: p.Subject(),
	}
}

// Subject is the NATS subject, known only to the sender's side.
func (e Event) Subject() string { return e.subject }

// Parse reads an envelope. What is no envelope is Invalid.
func Parse(b []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(b, &e); err != nil {
		return Event{}, fault.Wrap(fault.Invalid, err, "not an event")
	}
	if !IsID(e.ID) || e.Type == "" || len(e.Data) == 0 {
		return Event{}, fault.New(fault.Invalid, "event without id, type or data")
	}
	return e, nil
}

// Decode reads the data of e as T; another type or broken data is Invalid.
func Decode[T Payload](e Event) (T, error) {
	var p T
	if e.Type != p.Type() {
		return p, fault.New(fault.Invalid, "event %s is a %s, not a %s", e.ID, e.Type, p.Type())
	}
	if err := json.Unmarshal(e.Data, &p); err != nil {
		return p, fault.Wrap(fault.Invalid, err, "event %s has broken data", e.ID)
	}
	return p, nil
}

// IsID reports whether s is an id as PostgreSQL takes it. uuid.Parse and
// uuid.Validate also take "urn:uuid:…" and braces: only the usual form counts.
func IsID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// NewID returns a UUIDv7: sorted by time, unique everywhere.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
