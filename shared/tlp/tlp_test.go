// SPDX-License-Identifier: EUPL-1.2

package tlp_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

func TestALabelIsReadInEveryUsualSpelling(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]tlp.Label{
		"RED": tlp.Red, "red": tlp.Red, "TLP:RED": tlp.Red, " tlp:amber ": tlp.Amber, "Amber+Strict": tlp.AmberStrict,
		"GREEN": tlp.Green, "CLEAR": tlp.Clear, "WHITE": tlp.Clear, "tlp:white": tlp.Clear,
		"": "", "AMBER STRICT": "", "TLP:": "", "ORANGE": "", "TLP:TLP:RED": "", "RED\x00": "", "ＲＥＤ": "",
	} {
		got, err := tlp.Parse(s)
		if got != want || (fault.KindOf(err) == fault.Invalid) != (want == "") {
			t.Errorf("Parse(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

// The table of the reliability model (§2.5): what a mail may carry.
func TestWhatAMailMayCarry(t *testing.T) {
	t.Parallel()
	for label, want := range map[tlp.Label]struct{ title, text bool }{
		tlp.Red: {false, false}, tlp.AmberStrict: {false, false}, tlp.Amber: {true, false},
		tlp.Green: {true, true}, tlp.Clear: {true, true}, "": {false, false}, "ORANGE": {false, false},
	} {
		if title, text := label.MailShowsTitle(), label.MailShowsText(); title != want.title || text != want.text {
			t.Errorf("%q shows title %v and text %v, want %+v", label, title, text, want)
		}
	}
}

func TestTheLabelsAreOrdered(t *testing.T) {
	t.Parallel()
	all := tlp.Labels()
	if len(all) != 5 {
		t.Fatalf("%d labels, want 5", len(all))
	}
	for i, a := range all {
		for j, b := range all {
			if got := a.Wider(b); got != (i > j) {
				t.Errorf("%s is wider than %s: %v", a, b, got)
			}
		}
		if tlp.Label("ORANGE").Wider(a) {
			t.Errorf("what is no label is wider than %s", a)
		}
	}
}
