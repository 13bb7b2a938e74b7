// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"html/template"
	"strings"
)

// Site is who runs the installation. Everything that another Land would change
// stands here and comes from configuration; templates and code name nobody.
// Empty fields leave their line out.
type Site struct {
	Operator        string `env:"OPERATOR"`                         // "ThüringenCERT"
	Service         string `env:"SERVICE"`                          // under the name: "Vorfälle melden und Warnungen"
	ServiceEN       string `env:"SERVICE_EN"`                       // the same in English
	Phone           string `env:"PHONE"`                            // as written: "0361 000 00 00"
	PhoneHref       string `env:"PHONE_HREF"`                       // as dialled: "tel:+493610000000"; empty: from Phone
	Mail            string `env:"MAIL"`                             // public address
	URL             string `env:"URL"`                              // origin of the portal, without a slash at the end
	Draft           bool   `env:"DRAFT"`                            // shows the bar "Entwurf – noch keine offizielle Website"
	CallbackMinutes int    `env:"CALLBACK_MINUTES" envDefault:"60"` // the call-back the CERT promises, no more than it keeps
	MaxFileMB       int    `env:"MAX_FILE_MB" envDefault:"25"`      // largest attachment
	DraftHours      int    `env:"DRAFT_HOURS" envDefault:"24"`      // how long an unfinished report is kept
	GuestDays       int    `env:"GUEST_DAYS" envDefault:"90"`       // how long a guest's code works after closing

	Imprint       Imprint   `envPrefix:"IMPRINT_"`
	DataOfficer   Authority `envPrefix:"DATA_OFFICER_"`   // data protection officer of the operator
	DataAuthority Authority `envPrefix:"DATA_AUTHORITY_"` // supervisory authority, Art. 77 DSGVO
	AccessBody    Authority `envPrefix:"ACCESS_BODY_"`    // Durchsetzungs- or Schlichtungsstelle for accessibility
	Police        Authority `envPrefix:"POLICE_"`         // Zentrale Ansprechstelle Cybercrime
	AccessLaw     string    `env:"ACCESS_LAW"`            // "ThürBarrWebG"
	AccessChecked string    `env:"ACCESS_CHECKED"`        // date of the last self-assessment, as written
}

// Imprint is who answers for the site (§ 5 DDG). Address lines are separated
// by a vertical bar or a line break.
type Imprint struct {
	Name        string `env:"NAME"`
	Address     string `env:"ADDRESS"`
	Represented string `env:"REPRESENTED"`
	Responsible string `env:"RESPONSIBLE"` // for the content, § 18 (2) MStV
	VAT         string `env:"VAT"`
}

// Authority is another body that a page names.
type Authority struct {
	Name    string `env:"NAME"`
	Address string `env:"ADDRESS"`
	Phone   string `env:"PHONE"`
	Mail    string `env:"MAIL"`
	URL     string `env:"URL"`
}

// Tel returns the number as a link target. It holds digits only, so that it is
// safe in a page.
func (s Site) Tel() template.URL {
	if s.PhoneHref != "" {
		return telOf(s.PhoneHref)
	}
	return telOf(s.Phone)
}

// Tel returns the authority's number as a link target.
func (a Authority) Tel() template.URL { return telOf(a.Phone) }

// Lines splits the address into its lines.
func (a Authority) Lines() []string { return lines(a.Address) }

// Lines splits the address into its lines.
func (i Imprint) Lines() []string { return lines(i.Address) }

// telOf dials a number; a German one gets the country code, so that it
// works on a phone abroad as well.
func telOf(written string) template.URL {
	var b strings.Builder
	for _, r := range written {
		if r >= '0' && r <= '9' || r == '+' && b.Len() == 0 {
			b.WriteRune(r)
		}
	}
	n := b.String()
	switch {
	case n == "":
		return ""
	case strings.HasPrefix(n, "00"):
		n = "+" + n[2:]
	case strings.HasPrefix(n, "0"):
		n = "+49" + n[1:]
	}
	return template.URL("tel:" + n) //nolint:gosec // digits and a plus
}

func lines(s string) []string {
	var out []string
	for _, l := range strings.FieldsFunc(s, func(r rune) bool { return r == '|' || r == '\n' }) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}
