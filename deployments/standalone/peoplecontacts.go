// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
)

const day = 24 * time.Hour

// demoContacts are whom some bodies name. The names are invented; the ages make
// the pages show what is old and what is missing.
var demoContacts = []directory.Contact{
	{Organisation: "16071043", Name: "Ines Bürger", Functions: []string{"head"}, Phone: "+49 36209 40 10", Email: "buergermeisterin@klettbach.example", Age: 20 * day},
	{Organisation: "16071043", Name: "Kim Beispiel", Functions: []string{"isb", "emergency"}, Phone: "+49 36209 40 12", Mobile: "+49 170 000 43 01", Email: "it-sicherheit@klettbach.example", Hours: "Mo–Do 7–16 Uhr", Always: true, Age: 20 * day},
	{Organisation: "16071043", Name: "Hanna Archiv", Functions: []string{"press", "reporting"}, Phone: "+49 36209 40 15", Email: "presse@klettbach.example", Hours: "Di und Do vormittags", Age: 430 * day},
	{Organisation: "16071000", Name: "Konrad Kreis", Functions: []string{"head"}, Phone: "+49 3644 540 1", Email: "landrat@weimarer-land.example", Age: 90 * day},
	{Organisation: "16071000", Name: "Lena Kreisel", Functions: []string{"isb", "emergency", "coordination"}, Phone: "+49 3644 540 77", Mobile: "+49 170 000 71 00", Email: "it-sicherheit@weimarer-land.example", Always: true, Age: 90 * day},
	{Organisation: "16071000", Name: "Ole Rechner", Functions: []string{"it_lead", "isb_deputy"}, Phone: "+49 3644 540 70", Email: "it-leitung@weimarer-land.example", Age: 200 * day},
	{Organisation: "16071000", Name: "Dana Schutz", Functions: []string{"dpo"}, Phone: "+49 3644 540 30", Email: "datenschutz@weimarer-land.example", Age: 500 * day},
	{Organisation: "16051000", Name: "Nora Nacht", Functions: []string{"isb", "emergency"}, Phone: "+49 361 655 10 10", Mobile: "+49 170 000 51 00", Email: "it@erfurt.example", Always: true, Age: 10 * day},
	{Organisation: "16051000", Name: "Peer Leiter", Functions: []string{"it_lead"}, Phone: "+49 361 655 10 20", Email: "it-leitung@erfurt.example", Age: -1},
	{Organisation: "16053000", Name: "Theo Turm", Functions: []string{"isb", "emergency"}, Phone: "+49 3641 49 10 10", Email: "it@jena.example", Hours: "werktags 8–17 Uhr", Age: 380 * day},
	{Organisation: "16064000", Name: "Otto Unstrut", Functions: []string{"isb", "emergency", "coordination"}, Phone: "+49 3601 80 10", Email: "it-sicherheit@unstrut-hainich.example", Age: 40 * day},
	{Organisation: "16055000", Name: "Willi Weimar", Functions: []string{"isb", "it_lead"}, Email: "it@weimar.example", Age: 700 * day},
}

// demoAdmissions show every stage of the way. Addresses and numbers are invented.
var demoAdmissions = []directory.Admission{
	{Organisation: "16071043", Invited: true, Document: "Teilnahmeerklärung 12/2026", Certificate: "BSI IT-Grundschutz-Praktiker", Lasts: 60 * day, Emergency: "Frau Archiv, privat", Mobile: "+49 151 000 43 99", Bounced: "alte-adresse@klettbach.example"},
	{Organisation: "16071000", Email: "poststelle@weimarer-land.example", Invited: true, Certificate: "ISO/IEC 27001 Foundation", Lasts: 700 * day, Emergency: "Rettungsleitstelle", Mobile: "+49 151 000 71 99"},
	{Organisation: "16051000", Email: "poststelle@erfurt.example", Invited: true, Document: "Teilnahmeerklärung 3/2026", Certificate: "BSI IT-Grundschutz-Praktiker", Lasts: -30 * day},
	{Organisation: "16053000", Email: "poststelle@jena.example", Invited: true, Bounced: "cio@jena.example"},
	{Organisation: "16055000", Email: "poststelle@weimar.example", Invited: true},
	{Organisation: "16052000", Email: "poststelle@gera.example"},
}

// loadContacts brings in whom the demo bodies name.
func (s *System) loadContacts(ctx context.Context) error {
	if err := s.services.directory.LoadContacts(ctx, demoContacts); err != nil {
		return fmt.Errorf("load the demo contacts: %w", err)
	}
	if err := s.services.directory.LoadAdmissions(ctx, demoAdmissions); err != nil {
		return fmt.Errorf("load the demo admissions: %w", err)
	}
	return nil
}
