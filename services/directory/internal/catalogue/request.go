// SPDX-License-Identifier: EUPL-1.2

package catalogue

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// State of a request.
type State string

// The states of a request.
const (
	Received  State = "received"
	Examining State = "examining"
	Promised  State = "promised"
	Refused   State = "declined"
	Done      State = "done"
)

// States lists them in the order of a request's life.
func States() []State { return []State{Received, Examining, Promised, Refused, Done} }

// Final reports whether nothing follows.
func (s State) Final() bool { return s == Refused || s == Done }

// Request is an organisation's wish for a service.
type Request struct {
	ID           string
	Service      string // id
	ServiceName  Text   // read with the record
	Organisation string // id
	OrgName      string // read with the record
	OrgAGS       string // read with the record
	Person       string // who asked
	PersonName   string // read with the record
	Wish         string
	WantedOn     *time.Time // a day
	Contact      string     // whom to call about it
	State        State
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Answers      []Answer // oldest first; only in the whole record
}

// Answer is what the CERT said, with the state it set.
type Answer struct {
	ID         string
	Person     string
	PersonName string
	State      State
	Text       string
	At         time.Time
}

func (r *Request) check(today time.Time) error {
	r.Wish, r.Contact = strings.TrimSpace(r.Wish), strings.TrimSpace(r.Contact)
	var bad fault.Fields
	if n := utf8.RuneCountInString(r.Wish); n == 0 || n > 2000 {
		bad.Add("wish", "directory.error.request.wish", "the wish has 1 to 2000 characters")
	}
	if n := utf8.RuneCountInString(r.Contact); n == 0 || n > 200 {
		bad.Add("contact", "directory.error.request.contact", "the contact has 1 to 200 characters")
	}
	if r.WantedOn != nil && (r.WantedOn.Before(today.AddDate(0, 0, -1)) || r.WantedOn.After(today.AddDate(5, 0, 0))) {
		bad.Add("wanted_on", "directory.error.request.date", "the day must lie ahead, within five years")
	}
	return bad.Err()
}

// Reply sets a state and says why. What is declined or done stays so.
func (r *Request) Reply(state State, text string, by, id string, at time.Time) (Answer, error) {
	text = strings.TrimSpace(text)
	if r.State.Final() {
		return Answer{}, fault.New(fault.Conflict, "the request is %s already", r.State)
	}
	var bad fault.Fields
	if !slices.Contains(States(), state) || state == Received {
		bad.Add("state", "directory.error.request.state", "state must be examining, promised, declined or done")
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > 2000 {
		bad.Add("text", "directory.error.request.text", "the answer has 1 to 2000 characters")
	}
	if err := bad.Err(); err != nil {
		return Answer{}, err
	}
	r.State = state
	r.Version++
	r.UpdatedAt = at
	return Answer{ID: id, Person: by, State: state, Text: text, At: at}, nil
}
