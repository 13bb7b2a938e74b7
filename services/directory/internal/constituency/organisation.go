// SPDX-License-Identifier: EUPL-1.2

// Package constituency holds the bodies that the CERT serves: their official
// keys, who administers whom, and how a new state of the municipality register
// replaces an old one. It knows nothing of people and sign-in.
package constituency

import (
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Notice must be shown wherever the register is (licence of the source).
const Notice = "© Statistisches Bundesamt (Destatis), GV-ISys, Gebietsstand 30.11.2025; eigene Auswahl"

// Level says what kind of body an organisation is (design §7).
type Level string

// The levels.
const (
	Land         Level = "land"
	StateBody    Level = "state_body"
	Kreis        Level = "kreis"
	Kreisfrei    Level = "kreisfrei"
	Gemeinde     Level = "gemeinde"
	VG           Level = "vg"
	Zweckverband Level = "zweckverband"
	Provider     Level = "provider"
)

// Levels lists every level in the order of the administration.
func Levels() []Level {
	return []Level{Land, StateBody, Kreis, Kreisfrei, Gemeinde, VG, Zweckverband, Provider}
}

// ParseLevel reads a level; anything else is Invalid.
func ParseLevel(s string) (Level, error) {
	if l := Level(s); slices.Contains(Levels(), l) {
		return l, nil
	}
	return "", fault.New(fault.Invalid, "%q is no level of an organisation", s)
}

// territorial reports whether bodies of the level come from the municipality
// register, so that a new file may say that one is gone.
func (l Level) territorial() bool {
	return l == Kreis || l == Kreisfrei || l == Gemeinde || l == VG
}

// Organisation is a body of the constituency.
type Organisation struct {
	ID             string
	Key            string // stable across states of the register: AGS, number of the VG, or a word
	Level          Level
	Kind           string // official designation, such as "Stadt"
	AGS            string // 8 digits, or empty
	ARS            string // 12 digits, or empty
	Name           string // as people say it
	ShortName      string // such as TLRZ, or empty
	OfficialName   string // as the register writes it
	Kreis          string // 5 digits: the Landkreis it is or lies in, or the kreisfreie Stadt
	KreisName      string // shown beside same-named places; read with the record, not kept in it
	Administration string // id of the body that does its administrative work, "" when itself
	Population     int
	Postcode       string
	Seat           string
	Email          string // where the body itself is reached, not a person
	Phone          string
	GoneAt         *time.Time // since when the register no longer has it
	Undated        bool       // when the successor took over is not known; read with the record
	Successor      string     // id of the body that took over from one that is gone; read with the record
	UpdatedAt      time.Time
	Version        int
	Stage          string // of its admission (package onboarding); read with the record, not kept in it
}

// Gone reports whether the register no longer has the body.
func (o Organisation) Gone() bool { return o.GoneAt != nil }

// Ended is since when the body is gone, nil while it is there and where nobody
// knows the day.
func (o Organisation) Ended() *time.Time {
	if o.Undated {
		return nil
	}
	return o.GoneAt
}

// Reference is how others name the body: its AGS where it has one, else its id.
func (o Organisation) Reference() string {
	if o.AGS != "" {
		return o.AGS
	}
	return o.ID
}

// ValidAGS reports whether s has the form of an Amtlicher Gemeindeschlüssel: 8
// digits, kept as text because of leading zeros. A Landkreis ends in 000.
func ValidAGS(s string) bool { return digits(s, 8) }

// Contact is what the constituency manager may change by hand; everything else
// comes from the register.
type Contact struct {
	Name  *string
	Email *string
	Phone *string
}

// Amend changes what people maintain by hand. It reports whether anything
// changed; all mistakes come back at once.
func (o *Organisation) Amend(c Contact, at time.Time) (bool, error) {
	next := *o
	var bad fault.Fields
	if c.Name != nil {
		next.Name = strings.TrimSpace(*c.Name)
		if next.Name == "" || len(next.Name) > 200 {
			bad.Add("name", "directory.error.name", "name must have 1 to 200 characters")
		}
	}
	if c.Email != nil {
		next.Email = strings.TrimSpace(*c.Email)
		if next.Email != "" && !ValidEmail(next.Email) {
			bad.Add("email", "directory.error.email", "email is not an address")
		}
	}
	if c.Phone != nil {
		next.Phone = strings.TrimSpace(*c.Phone)
		if next.Phone != "" && !ValidPhone(next.Phone) {
			bad.Add("phone", "directory.error.phone", "phone must have 3 to 40 digits, spaces or +/-()")
		}
	}
	if o.Gone() {
		return false, fault.New(fault.Conflict, "%s is no longer in the register", o.Name)
	}
	if err := bad.Err(); err != nil {
		return false, err
	}
	if next == *o {
		return false, nil
	}
	next.Version++
	next.UpdatedAt = at
	*o = next
	return true, nil
}

// ValidEmail accepts one plain address: no display name, no line breaks, no
// spaces, so that nothing can be smuggled into a mail header.
func ValidEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || len(s) > 254 || strings.Contains(domain, "@") {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>()[]\,;:"`, r) {
			return false
		}
	}
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}

// ValidPhone accepts what people write on a card, at least three digits.
func ValidPhone(s string) bool {
	n := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			n++
		case strings.ContainsRune(" +-/().", r):
		default:
			return false
		}
	}
	return n >= 3 && len(s) <= 40
}

func digits(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
