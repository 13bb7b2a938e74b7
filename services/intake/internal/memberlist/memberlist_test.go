// SPDX-License-Identifier: EUPL-1.2

package memberlist_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/intake/internal/memberlist"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// thuringia is the register of the whole Land, as the directory ships it; the
// provider has a mandate for all but those of Jena.
func thuringia(t testing.TB) []memberlist.Body {
	t.Helper()
	f, err := os.Open("../../../directory/internal/constituency/thueringen.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var out []memberlist.Body
	kreise := map[string]string{}
	for _, r := range rows[1:] {
		if r[column["level"]] == "kreis" {
			kreise[r[column["kreis"]]] = r[column["name"]]
		}
	}
	for _, r := range rows[1:] {
		kreis := r[column["kreis"]]
		out = append(out, memberlist.Body{
			ID: r[column["key"]], AGS: r[column["ags"]], ARS: r[column["ars"]], Name: r[column["name"]], Level: r[column["level"]],
			Kreis: kreis, KreisName: kreise[kreis], Mandated: kreis != "16053",
		})
	}
	return out
}

// tell writes what became of a list, one word a line, with the bodies.
func tell(x *memberlist.Index, text string) []string {
	entries, err := memberlist.Parse(text)
	if err != nil {
		return []string{fault.FieldsOf(err)[0].Code}
	}
	var out []string
	for _, m := range x.Find(entries) {
		s := string(m.Kind)
		switch {
		case m.Kind == memberlist.Unreadable:
			s += " " + m.Bad
		case m.Body.ID != "":
			s += " " + m.Body.ID
		}
		for i, c := range m.Choices {
			if i == 0 {
				s += ":"
			}
			s += " " + c.ID
		}
		out = append(out, s)
	}
	return out
}

func TestWhatAListNames(t *testing.T) {
	t.Parallel()
	x := memberlist.NewIndex(thuringia(t))
	for name, tt := range map[string]struct{ list, want string }{
		"an AGS":                            {"16071043", "found 16071043"},
		"an ARS":                            {"160715003043", "found 16071043"},
		"an AGS in groups":                  {"16 0 71 043\n16.071.001", "found 16071043|found 16071001"},
		"an AGS out of a spreadsheet":       {"16071043.0\n'16071001", "found 16071043|found 16071001"},
		"an AGS before its name":            {"16071043 Klettbach", "found 16071043"},
		"a Landkreis by five digits":        {"16067", "found 16067000"},
		"a Verband by its key":              {"160615001", "found 160615001"},
		"a name":                            {"Klettbach", "found 16071043"},
		"umlauts in any writing":            {"Soemmerda, Stadt\nBLEICHERODE\nGrosspuerschuetz\nGro\u00dfpu\u0308rschu\u0308tz", "found 16068051|found 16062066|found 16074033|twice 16074033"},
		"Bad":                               {"Bad Langensalza\nbad  frankenhausen\nBad Frankenhausen/Kyffhäuser, Stadt", "found 16064003|found 16065003|twice 16065003"},
		"the short name of a long one":      {"Saalfeld\nMühlhausen\nTambach-Dietharz", "found 16073077|found 16064046|found 16067065"},
		"abbreviations":                     {"Graitschen bei Bürgel\nBerka v.d. Hainich\nBrünn/Thüringen", "found 16074028|found 16063006|found 16069006"},
		"the official name with its comma":  {"Apolda, Stadt\nErfurt, Stadt", "found 16071001|found 16051000"},
		"the Stadt and not the Landkreis":   {"Stadt Gotha\nStadtverwaltung Nordhausen", "found 16067029|found 16062041"},
		"the Landkreis and not the Stadt":   {"Landkreis Gotha\nLK Greiz\nLandratsamt Sonneberg\nHildburghausen, Landkreis", "found 16067000|found 16076000|found 16072000|found 16069000"},
		"either, when it is not said":       {"Gotha", "ambiguous: 16067029 16067000"},
		"a Kreis that is called so":         {"Ilm-Kreis\nUnstrut-Hainich-Kreis\nWartburgkreis\nKyffhäuserkreis", "found 16070000|found 16064000|found 16063000|found 16065000"},
		"two places of one name":            {"Elxleben", "ambiguous: 16070013 16068009"},
		"told apart by the Kreis":           {"Elxleben (Sömmerda)\nElxleben (Ilm-Kreis)\nElxleben LK Sömmerda", "found 16068009|found 16070013|twice 16068009"},
		"told apart behind a comma":         {"Elxleben, Ilm-Kreis\nElxleben, Landkreis Sömmerda", "found 16070013|found 16068009"},
		"a VG":                              {"VG Lindenberg/Eichsfeld\nVerwaltungsgemeinschaft Leinetal", "found 160615001|found 160615009"},
		"many on a line":                    {"Apolda; Klettbach;Stadt Gotha", "found 16071001|found 16071043|found 16067029"},
		"with commas":                       {"Apolda, Klettbach, Kranichfeld, Stadt", "found 16071001|found 16071043|found 16071046"},
		"with tabs":                         {"Apolda\tKlettbach", "found 16071001|found 16071043"},
		"a name beside another's key":       {"16071043;Bad Langensalza\n16071001;Apolda;Weimarer Land", "found 16071043|unreadable beside|found 16071001"},
		"a town and not the VG":             {"Kranichfeld\nVG Kranichfeld", "found 16071046|found 160715007"},
		"a table with a heading":            {"Kunde;Landkreis;AGS\nirgendwer;egal;16071043\nElxleben;Sömmerda;", "found 16071043|found 16068009"},
		"a table without one":               {"16071043;Klettbach;99102\n16071001;Apolda;99510", "found 16071043|found 16071001"},
		"quotes":                            {"\"Gemeinde\",\"PLZ\"\n\"Apolda, Stadt\",\"99510\"", "found 16071001"},
		"a postcode beside the name":        {"99102 ; Klettbach", "found 16071043"},
		"the same twice, written otherwise": {"16071043\nKlettbach\n160715003043", "found 16071043|twice 16071043|twice 16071043"},
		"no mandate":                        {"Jena\n16053000", "no_mandate 16053000|no_mandate 16053000"},
		"a typing mistake":                  {"Kletbach", "unknown: 16071043"},
		"nobody":                            {"Entenhausen\n99999999\n1.6071043E+07", "unknown: 16066019|unknown|unknown"},
		"a formula":                         {"=HYPERLINK(\"http://x\")\n@SUM(1)\n-2+3", "unreadable formula|unreadable formula|unreadable formula"},
		"signs that turn the text around":   {"Apol\u202eda\nKlett\u0007bach", "unreadable signs|unreadable signs"},
		"an endless name":                   {strings.Repeat("x", 201), "unreadable long"},
		"nothing":                           {" \n\t\n;;\n", "intake.err.list.empty"},
		"only a heading":                    {"AGS;Name", "intake.err.list.empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(strings.Split(tt.want, "|"), tell(x, tt.list)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Everybody in the register is found: by key, and by name, or the name's twins
// are asked about and the Kreis tells them apart.
func TestEveryBodyOfThuringiaIsFound(t *testing.T) {
	t.Parallel()
	all := thuringia(t)
	x := memberlist.NewIndex(all)
	asked := 0
	for _, b := range all {
		if b.AGS != "" {
			for _, key := range []string{b.AGS, b.ARS} {
				if got := tell(x, key); !strings.HasSuffix(got[0], " "+b.ID) {
					t.Errorf("%s (%s) is %v", key, b.Name, got)
				}
			}
		}
		got := tell(x, b.Name)
		if strings.HasSuffix(got[0], " "+b.ID) {
			continue
		}
		asked++
		if !strings.HasPrefix(got[0], "ambiguous:") || !strings.Contains(got[0], " "+b.ID) {
			t.Errorf("%q is %v, want %s or a question", b.Name, got, b.ID)
		}
		if b.Level != "gemeinde" || b.KreisName == "" {
			continue
		}
		if got := tell(x, b.Name+" ("+b.KreisName+")"); !strings.HasSuffix(got[0], " "+b.ID) {
			t.Errorf("%q in %s is %v", b.Name, b.KreisName, got)
		}
	}
	if asked > 40 {
		t.Errorf("%d of %d are asked about", asked, len(all))
	}
}

func TestFilesOfAnyWritingAreRead(t *testing.T) {
	t.Parallel()
	const text = "Sömmerda\nGroßpürschütz\n"
	wide := func(high bool, mark bool) []byte {
		units := utf16.Encode([]rune(text))
		if mark {
			units = slices.Concat([]uint16{0xFEFF}, units)
		}
		var out []byte
		for _, u := range units {
			if high {
				out = append(out, byte(u>>8), byte(u))
			} else {
				out = append(out, byte(u), byte(u>>8))
			}
		}
		return out
	}
	var latin []byte
	for _, r := range text {
		latin = append(latin, byte(r))
	}
	for name, raw := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with a mark": append([]byte{0xEF, 0xBB, 0xBF}, text...), "Latin-1": latin,
		"UTF-16 little": wide(false, true), "UTF-16 big": wide(true, true), "UTF-16 little, no mark": wide(false, false), "UTF-16 big, no mark": wide(true, false),
	} {
		if got, err := memberlist.Decode(raw); err != nil || got != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := memberlist.Decode([]byte("\x84Gera\x93 \x96 \x80")); err != nil || got != "„Gera“ – €" {
		t.Errorf("Windows-1252: %q, %v", got, err)
	}
}

func TestHostileListsGetAClearError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		raw  string
		want string
	}{
		"more than 256 KiB":  {strings.Repeat("16071043\n", 1_000_000), "large"},
		"more than 2000":     {strings.Repeat("a\n", 2002), "lines"},
		"2001 on one line":   {strings.Repeat("a;", 2001), "lines"},
		"a program":          {"\x7fELF\x02\x01\x01\x00\x00\x00\x01", "binary"},
		"NUL in a text":      {"Apolda\x00Gera", "binary"},
		"a mark and nothing": {"\xEF\xBB\xBF", "empty"},
	} {
		text, err := memberlist.Decode([]byte(tt.raw))
		if err == nil {
			_, err = memberlist.Parse(text)
		}
		if f := fault.FieldsOf(err); len(f) != 1 || f[0].Code != "intake.err.list."+tt.want || f[0].Name != "list" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := memberlist.Parse("Name\n" + strings.Repeat("16071043\n", 2000)); err != nil {
		t.Errorf("2000 and a heading: %v", err)
	}
}

// Whatever comes, each entry becomes exactly one match or part of one, and what
// is found is in the register and mandated.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"Apolda, Stadt\n16071043;x", "\"a\"\"b\", c\n=1", "Elxleben, Ilm-Kreis", "\xff\xfeA\x00", "Gotha (Thür.)", "vg vg\nstadt\n(", "1.6E7\t\u202e"} {
		f.Add([]byte(s))
	}
	x := memberlist.NewIndex(thuringia(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text, err := memberlist.Decode(raw)
		if err != nil {
			return
		}
		entries, err := memberlist.Parse(text)
		if err != nil {
			return
		}
		matches := x.Find(entries)
		if len(matches) > len(entries) || len(matches) == 0 {
			t.Fatalf("%d matches of %d entries", len(matches), len(entries))
		}
		seen := map[string]bool{}
		for _, m := range matches {
			if m.Kind == memberlist.Found && (!m.Body.Mandated || seen[m.Body.ID]) {
				t.Fatalf("found %+v", m)
			}
			if m.Kind == memberlist.Found {
				seen[m.Body.ID] = true
			}
			if strings.ContainsAny(m.Text, "\x00\u202e\u202d\u2066") {
				t.Fatalf("the text %q is shown", m.Text)
			}
		}
	})
}

func BenchmarkFind605(b *testing.B) {
	all := thuringia(b)
	var list strings.Builder
	for _, o := range all {
		_, _ = fmt.Fprintln(&list, o.Name)
	}
	for b.Loop() {
		entries, err := memberlist.Parse(list.String())
		if err != nil {
			b.Fatal(err)
		}
		memberlist.NewIndex(all).Find(entries)
	}
}
