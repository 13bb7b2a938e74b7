// SPDX-License-Identifier: EUPL-1.2

package event

import "strings"

// Organisation names a body of the constituency in an event. ID is empty for a
// body that a guest typed and nobody has confirmed.
type Organisation struct {
	ID    string `json:"id,omitempty"`
	AGS   string `json:"ags,omitempty"` // 8 digits; empty for bodies without one
	Name  string `json:"name"`
	Level string `json:"level,omitempty"`
	Kreis string `json:"kreis,omitempty"` // 5 digits, for bodies without an own AGS
}

// Region returns the three subject tokens <land>.<kreis>.<gemeinde>: the own AGS
// (16071043 → 16.071.043, a Landkreis 16071000 → 16.071.000); a body with only a
// Kreis that Kreis; other bodies 16.000.000; a guest's unknown body 00.000.000.
func (o Organisation) Region() string {
	switch {
	case len(o.AGS) == 8 && digits(o.AGS):
		return o.AGS[:2] + "." + o.AGS[2:5] + "." + o.AGS[5:]
	case o.ID == "":
		return "00.000.000"
	case len(o.Kreis) == 5 && digits(o.Kreis):
		return o.Kreis[:2] + "." + o.Kreis[2:] + ".000"
	}
	return "16.000.000"
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// Person names a person in an event.
type Person struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// Contact is how to reach the reporter, independent of the affected IT.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Email string `json:"email,omitempty"`
}
