// SPDX-License-Identifier: EUPL-1.2

package constituency_test

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
)

func TestTheEmbeddedRegisterIsWhole(t *testing.T) {
	t.Parallel()
	entries, err := constituency.Thuringia()
	if err != nil {
		t.Fatal(err)
	}
	count := map[constituency.Level]int{}
	people := map[constituency.Level]int{}
	ags := map[string]bool{}
	for _, e := range entries {
		count[e.Level]++
		people[e.Level] += e.Population
		if e.AGS != "" && ags[e.AGS] {
			t.Errorf("AGS %s has two bodies", e.AGS)
		}
		ags[e.AGS] = true
		if (e.Level == constituency.Gemeinde || e.Level == constituency.Kreisfrei) && (e.Population == 0 || e.Postcode == "" || e.ARS == "") {
			t.Errorf("%s misses a fact: %+v", e.Name, e)
		}
	}
	if count["kreis"] != 17 || count["kreisfrei"] != 5 || count["gemeinde"] != 600 || count["vg"] != 42 || count["provider"] != 1 || count["land"] != 1 {
		t.Errorf("counts %v", count)
	}
	if got := people["gemeinde"] + people["kreisfrei"]; got != 2_100_277 || people["land"] != got || people["kreis"]+people["kreisfrei"] != got {
		t.Errorf("population: municipalities %d, districts %d, state %d", got, people["kreis"]+people["kreisfrei"], people["land"])
	}
}

func TestReadRegisterNamesTheLine(t *testing.T) {
	t.Parallel()
	head := "key,level,kind,ags,ars,name,short_name,official_name,kreis,administration,population,postcode,seat\n"
	for name, tt := range map[string]struct{ file, want string }{
		"empty":           {"", "line 1"},
		"other head":      {"a,b\n", "line 1"},
		"unknown level":   {head + "a,village,,,,A,,A,,,,,\n", "line 2"},
		"short AGS":       {head + "a,gemeinde,,1607104,,A,,A,,,,,\n", "AGS"},
		"missing column":  {head + "a,gemeinde\n", "line 2"},
		"twice":           {head + "a,vg,,,,A,,A,,,,,\na,vg,,,,A,,A,,,,,\n", "line 3"},
		"dangling":        {head + "a,vg,,,,A,,A,,b,,,\n", "administration b"},
		"bad population":  {head + "a,vg,,,,A,,A,,,-5,,\n", "population"},
		"nameless":        {head + "a,vg,,,,,,A,,,,,\n", "names"},
		"letters in keys": {head + "a,vg,,,16x,A,,A,,,,,\n", "ARS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := constituency.ReadRegister(strings.NewReader(tt.file))
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want Invalid with %q", err, tt.want)
			}
		})
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Sömmerda": "soemmerda", "SOEMMERDA": "soemmerda", "So\u0308mmerda": "soemmerda", "Großbodungen": "grossbodungen",
		"Neundorf (bei Schleiz)": "neundorf bei schleiz", "Heringen/Helme, Stadt": "heringen helme stadt",
		"  ": "", "Berka v. d. Hainich": "berka v d hainich", "16071043": "16071043",
	} {
		if got := constituency.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
	if got := len(constituency.Terms(strings.Repeat("a ", 100))); got != 8 {
		t.Errorf("%d terms, want at most 8", got)
	}
}

func TestAmend(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	for name, tt := range map[string]struct {
		c       constituency.Contact
		want    fault.Kind
		changed bool
	}{
		"a phone number":              {constituency.Contact{Phone: text("+49 36209 123-0")}, "", true},
		"nothing new":                 {constituency.Contact{Name: text("Klettbach")}, "", false},
		"no empty name":               {constituency.Contact{Name: text("  ")}, fault.Invalid, false},
		"no mail header smuggled in":  {constituency.Contact{Email: text("a@b.de\r\nBcc: x@y.de")}, fault.Invalid, false},
		"no display name":             {constituency.Contact{Email: text("A <a@b.de>")}, fault.Invalid, false},
		"no words as a phone number":  {constituency.Contact{Phone: text("ask Petra")}, fault.Invalid, false},
		"an address may be taken off": {constituency.Contact{Email: text("")}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := constituency.Organisation{Name: "Klettbach", Email: "post@klettbach.example", Version: 3}
			changed, err := o.Amend(tt.c, noon)
			if fault.KindOf(err) != tt.want || changed != tt.changed {
				t.Errorf("Amend = %v, %v; want %v, kind %q", changed, err, tt.changed, tt.want)
			}
			if want := map[bool]int{true: 4, false: 3}[tt.changed]; o.Version != want {
				t.Errorf("version %d, want %d", o.Version, want)
			}
		})
	}
}
