// SPDX-License-Identifier: EUPL-1.2

// Package account holds the people of the constituency and of the CERT: their
// roles in organisations, the mandates between organisations, and how people
// and machines prove who they are. Roles always come from here, never from a
// session.
package account

import (
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Membership is one role in one organisation.
type Membership struct {
	Organisation string
	Role         actor.Role
}

// Person is somebody who may act. A person that left is not active, never
// deleted: the audit points at them.
type Person struct {
	ID          string
	Name        string
	Email       string // lower case, unique
	Phone       string
	Function    string // such as "IT-Sicherheitsbeauftragte"
	Language    string // de or en
	Active      bool
	Memberships []Membership
	Version     int
	ChangedAt   time.Time
	Absence     Absence
	Erased      bool // forgotten for good: only the id is left, for the audit
}

// Check returns every mistake in the record at once.
func (p Person) Check() error {
	var bad fault.Fields
	if n := len(strings.TrimSpace(p.Name)); n == 0 || n > 200 {
		bad.Add("name", "directory.error.name", "name must have 1 to 200 characters")
	}
	if !constituency.ValidEmail(p.Email) || p.Email != CleanEmail(p.Email) {
		bad.Add("email", "directory.error.email", "email is not an address in lower case")
	}
	if p.Phone != "" && !constituency.ValidPhone(p.Phone) {
		bad.Add("phone", "directory.error.phone", "phone must have 3 to 40 digits, spaces or +/-()")
	}
	if !ValidLanguage(p.Language) {
		bad.Add("language", "directory.error.language", "language must be de or en")
	}
	for _, m := range p.Memberships {
		if m.Organisation == "" || !slices.Contains(actor.Roles(), m.Role) {
			bad.Add("memberships", "directory.error.membership", "a membership needs an organisation and a role")
			break
		}
	}
	return bad.Err()
}

// CleanEmail is the form in which addresses are stored and compared.
func CleanEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ValidLanguage reports whether pages exist in it.
func ValidLanguage(s string) bool { return s == "de" || s == "en" }

// SetLanguage changes the language of pages and mails. It reports whether
// anything changed.
func (p *Person) SetLanguage(lang string, at time.Time) (bool, error) {
	if !ValidLanguage(lang) {
		var bad fault.Fields
		bad.Add("language", "directory.error.language", "language must be de or en")
		return false, bad.Err()
	}
	if p.Language == lang {
		return false, nil
	}
	p.Language = lang
	p.changed(at)
	return true, nil
}

// SetActive lets a person in again or keeps them out. It reports whether
// anything changed.
func (p *Person) SetActive(active bool, at time.Time) bool {
	if p.Active == active {
		return false
	}
	p.Active = active
	p.changed(at)
	return true
}

// Join adds memberships at the end and reports whether any was new.
func (p *Person) Join(ms []Membership, at time.Time) bool {
	before := len(p.Memberships)
	for _, m := range ms {
		if !slices.Contains(p.Memberships, m) {
			p.Memberships = append(p.Memberships, m)
		}
	}
	if len(p.Memberships) == before {
		return false
	}
	p.changed(at)
	return true
}

// Leave takes memberships away and reports whether there was any.
func (p *Person) Leave(ms []Membership, at time.Time) bool {
	rest := slices.DeleteFunc(slices.Clone(p.Memberships), func(m Membership) bool { return slices.Contains(ms, m) })
	if len(rest) == len(p.Memberships) {
		return false
	}
	p.Memberships = rest
	p.changed(at)
	return true
}

// Lost reports whether the role holds nowhere any more for the person that after
// is, or in fewer organisations.
func (p Person) Lost(after Person, r actor.Role) bool {
	return slices.ContainsFunc(p.Memberships, func(m Membership) bool {
		return m.Role == r && (!after.Active || !slices.Contains(after.Memberships, m))
	})
}

func (p *Person) changed(at time.Time) {
	p.Version++
	p.ChangedAt = at
}

// Event is the full record for the other services, without any secret.
func (p Person) Event() event.PersonChanged {
	e := event.PersonChanged{
		ID: p.ID, Version: p.Version, Name: p.Name, Email: p.Email, Phone: p.Phone, Function: p.Function,
		Language: p.Language, Active: p.Active, ChangedAt: p.ChangedAt, Memberships: []event.Membership{},
	}
	if !p.Absence.None() {
		e.AbsentFrom, e.AbsentTo, e.Deputy = &p.Absence.From, &p.Absence.To, p.Absence.Deputy
	}
	for _, m := range p.Memberships {
		e.Memberships = append(e.Memberships, event.Membership{Organisation: m.Organisation, Role: string(m.Role)})
	}
	return e
}

// In reports whether the person has any role in the organisation.
func (p Person) In(organisation string) bool {
	return slices.ContainsFunc(p.Memberships, func(m Membership) bool { return m.Organisation == organisation })
}

// RolesIn returns the person's roles in an organisation, in the order of the matrix.
func (p Person) RolesIn(organisation string) []actor.Role {
	var out []actor.Role
	for _, r := range actor.Roles() {
		if slices.Contains(p.Memberships, Membership{organisation, r}) {
			out = append(out, r)
		}
	}
	return out
}
