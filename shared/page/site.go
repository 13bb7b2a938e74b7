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
	Operator        string `env:"OPERATOR" doc:"who runs the installation, such as ThüringenCERT"`
	Service         string `env:"SERVICE" doc:"what it is for, under the name, in German"`
	ServiceEN       string `env:"SERVICE_EN" doc:"the same in English"`
	Phone           string `env:"PHONE" doc:"telephone number, as written: 0361 000 00 00"`
	PhoneHref       string `env:"PHONE_HREF" doc:"as dialled: tel:+493610000000; empty: from PHONE"`
	Mail            string `env:"MAIL" doc:"public mail address"`
	URL             string `env:"URL" doc:"origin of the portal, without a slash at the end"`
	Draft           bool   `env:"DRAFT" doc:"shows the bar Entwurf – noch keine offizielle Website"`
	CallbackMinutes int    `env:"CALLBACK_MINUTES" envDefault:"60" doc:"the call-back that the CERT promises, no more than it keeps"`
	MaxFileMB       int    `env:"MAX_FILE_MB" envDefault:"25" doc:"largest attachment"`
	DraftHours      int    `env:"DRAFT_HOURS" envDefault:"24" doc:"how long an unfinished report is kept"`
	GuestDays       int    `env:"GUEST_DAYS" envDefault:"90" doc:"how long a guest's code works after closing"`

	Imprint       Imprint   `envPrefix:"IMPRINT_"`
	DataOfficer   Authority `envPrefix:"DATA_OFFICER_"`   // data protection officer of the operator
	DataAuthority Authority `envPrefix:"DATA_AUTHORITY_"` // supervisory authority, Art. 77 DSGVO
	AccessBody    Authority `envPrefix:"ACCESS_BODY_"`    // Durchsetzungs- or Schlichtungsstelle for accessibility
	Police        Authority `envPrefix:"POLICE_"`         // Zentrale Ansprechstelle Cybercrime
	AccessLaw     string    `env:"ACCESS_LAW" doc:"law on accessibility, such as ThürBarrWebG"`
	AccessChecked string    `env:"ACCESS_CHECKED" doc:"date of the last self-assessment, as written"`
}

// Imprint is who answers for the site (§ 5 DDG). Address lines are separated
// by a vertical bar or a line break.
type Imprint struct {
	Name        string `env:"NAME" doc:"who answers for the site (§ 5 DDG)"`
	Address     string `env:"ADDRESS" doc:"address, lines separated by a vertical bar"`
	Represented string `env:"REPRESENTED" doc:"represented by"`
	Responsible string `env:"RESPONSIBLE" doc:"responsible for the content (§ 18 (2) MStV)"`
	VAT         string `env:"VAT" doc:"VAT number"`
}

// Authority is another body that a page names.
type Authority struct {
	Name    string `env:"NAME" doc:"name"`
	Address string `env:"ADDRESS" doc:"address, lines separated by a vertical bar"`
	Phone   string `env:"PHONE" doc:"telephone number"`
	Mail    string `env:"MAIL" doc:"mail address"`
	URL     string `env:"URL" doc:"web address"`
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
