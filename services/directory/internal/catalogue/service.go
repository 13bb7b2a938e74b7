// SPDX-License-Identifier: EUPL-1.2

// Package catalogue is what the CERT offers to its constituency: services with
// their conditions for each level, and requests of organisations for them. It
// decides nothing about incidents.
package catalogue

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Status of a service.
type Status string

// The states of a service.
const (
	Examined Status = "examined" // geprüft: the CERT considers it
	Offered  Status = "offered"  // can be requested
	Declined Status = "declined" // considered and not offered
	Ended    Status = "ended"    // was offered once
)

// Statuses lists them in the order of a service's life.
func Statuses() []Status { return []Status{Examined, Offered, Declined, Ended} }

// Text is words in both languages.
type Text struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// In returns the words in a language, German where there are no others.
func (t Text) In(lang string) string {
	if lang == "en" && t.EN != "" {
		return t.EN
	}
	return t.DE
}

func (t Text) trimmed() Text { return Text{strings.TrimSpace(t.DE), strings.TrimSpace(t.EN)} }

// Service is one thing that the CERT does for others.
type Service struct {
	ID          string
	Key         string // stable word, such as awareness
	Name        Text
	Description Text
	Conditions  map[constituency.Level]Text // a level that is missing is not served
	Status      Status
	Contact     string // mailbox or telephone of those who do it
	Position    int    // in the list
	Version     int
	UpdatedAt   time.Time
}

// For returns the conditions for a level; false when it cannot be requested
// from there.
func (s Service) For(l constituency.Level) (Text, bool) {
	t, ok := s.Conditions[l]
	return t, ok && s.Status == Offered
}

// Details are what the constituency manager writes. Nil leaves as it is.
type Details struct {
	Name, Description *Text
	Conditions        map[constituency.Level]Text // nil leaves as it is; else the whole
	Status            *Status
	Contact           *string
	Position          *int
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)

// Amend changes a service and reports whether anything changed; all mistakes
// come back at once.
func (s *Service) Amend(d Details, at time.Time) (bool, error) {
	next := *s
	if d.Name != nil {
		next.Name = d.Name.trimmed()
	}
	if d.Description != nil {
		next.Description = d.Description.trimmed()
	}
	if d.Conditions != nil {
		next.Conditions = map[constituency.Level]Text{}
		for l, t := range d.Conditions {
			next.Conditions[l] = t.trimmed()
		}
	}
	if d.Status != nil {
		next.Status = *d.Status
	}
	if d.Contact != nil {
		next.Contact = strings.TrimSpace(*d.Contact)
	}
	if d.Position != nil {
		next.Position = *d.Position
	}
	if err := next.check(); err != nil {
		return false, err
	}
	if next.Name == s.Name && next.Description == s.Description && maps.Equal(next.Conditions, s.Conditions) &&
		next.Status == s.Status && next.Contact == s.Contact && next.Position == s.Position {
		return false, nil
	}
	next.Version++
	next.UpdatedAt = at
	*s = next
	return true, nil
}

func (s Service) check() error {
	var bad fault.Fields
	if !keyForm.MatchString(s.Key) {
		bad.Add("key", "directory.error.service.key", "the key has 2 to 40 letters, digits or hyphens and starts with a letter")
	}
	for field, t := range map[string]Text{"name": s.Name} {
		if t.DE == "" || t.EN == "" || long(t, 120) {
			bad.Add(field, "directory.error.service.name", "a name in both languages, at most 120 characters")
		}
	}
	if s.Description.DE == "" || s.Description.EN == "" || long(s.Description, 2000) {
		bad.Add("description", "directory.error.service.description", "a description in both languages, at most 2000 characters")
	}
	for l, t := range s.Conditions {
		if !slices.Contains(constituency.Levels(), l) || t.DE == "" || long(t, 500) {
			bad.Add("conditions", "directory.error.service.conditions", "conditions of a known level, at most 500 characters, German at least")
			break
		}
	}
	if !slices.Contains(Statuses(), s.Status) {
		bad.Add("status", "directory.error.service.status", "status must be examined, offered, declined or ended")
	}
	if utf8.RuneCountInString(s.Contact) > 200 {
		bad.Add("contact", "directory.error.service.contact", "contact has at most 200 characters")
	}
	if s.Position < 0 || s.Position > 1000 {
		bad.Add("position", "directory.error.service.position", "position must be 0 to 1000")
	}
	return bad.Err()
}

func long(t Text, n int) bool {
	return utf8.RuneCountInString(t.DE) > n || utf8.RuneCountInString(t.EN) > n
}
