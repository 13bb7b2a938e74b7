// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit/pages"
)

// What the audit shows has plain words: every row of the matrix, since refusals
// are noted by it, and everything that the services have written so far.
func TestEveryActionInTheAuditHasPlainWords(t *testing.T) {
	w := shared(t)
	for _, a := range actor.Actions() {
		if !pages.Named(string(a)) {
			t.Errorf("the row %s has no words in page/messages/audit", a)
		}
	}
	for _, service := range serviceNames {
		var written []string
		if err := w.open(t, service).Select(&written, `SELECT DISTINCT action FROM audit`); err != nil {
			t.Fatal(err)
		}
		for _, a := range written {
			if !pages.Named(a) {
				t.Errorf("%s writes %s, which has no words in page/messages/audit", service, a)
			}
		}
	}
}
