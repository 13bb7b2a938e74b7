// SPDX-License-Identifier: EUPL-1.2

package alert_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/event"
)

func TestADraftTakesOverNoTitleFromAMBERSTRICTOn(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"CLEAR": "Verschlüsselung", "GREEN": "Verschlüsselung", "AMBER": "Verschlüsselung", "AMBER+STRICT": "", "RED": "", "": "", "nonsense": "",
	} {
		c := alert.CaseCopy{ID: "c", TLP: label, Title: "Verschlüsselung – Stadt Musterhausen", Organisation: event.Organisation{Name: "Stadt Musterhausen"}}
		if got := alert.FromCase(c).Title; got != want {
			t.Errorf("TLP %q: title %q, want %q", label, got, want)
		}
	}
}
