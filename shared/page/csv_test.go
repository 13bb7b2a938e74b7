// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/shared/page"
)

// OWASP, CSV injection: no cell begins as a formula, not even behind a space or
// in full-width letters.
func TestNoCellOfATableIsAFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "Jena": "Jena", "1-2": "1-2", "=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@x": "'@x", " =1": "' =1", "＝1": "'＝1", "\u00a0=1": "'\u00a0=1",
		"\t=1": "'\t=1", "a;b": "\"a;b\"", "\x00=": "'\x00=",
	} {
		b, err := page.CSV([][]string{{in, "x"}})
		if got := string(b); err != nil || got != "\ufeff"+want+";x\n" {
			t.Errorf("%q: %q, want %q (%v)", in, got, want, err)
		}
	}
}
