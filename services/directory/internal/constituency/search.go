// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"strings"
	"unicode"
)

var folds = map[rune]string{
	'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'æ': "ae", 'ø': "oe", 'å': "a",
	'à': "a", 'á': "a", 'â': "a", 'ç': "c", 'è': "e", 'é': "e", 'ê': "e", 'ë': "e",
	'í': "i", 'î': "i", 'ï': "i", 'ñ': "n", 'ó': "o", 'ô': "o", 'ú': "u", 'û': "u",
}

// Fold makes names comparable the way people type them: lower case, umlauts as
// two letters (Sömmerda = Soemmerda, Großbodungen = Grossbodungen), everything
// that is neither letter nor digit as one blank.
func Fold(s string) string {
	var b strings.Builder
	blank := true
	for _, r := range strings.ToLower(s) {
		switch f, ok := folds[r]; {
		case ok:
			b.WriteString(f)
			blank = false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
			blank = false
		case unicode.Is(unicode.Mn, r): // a combining mark: a + ¨ typed on a Mac
			if r == '\u0308' {
				b.WriteByte('e')
			}
		case !blank:
			b.WriteByte(' ')
			blank = true
		}
	}
	return strings.TrimSpace(b.String())
}

// Terms returns what a search must find, all of it: at most eight folded words.
func Terms(q string) []string {
	t := strings.Fields(Fold(q))
	return t[:min(len(t), 8)]
}

// SearchText is what a search looks through: names, both keys, postcode and seat.
// The level's short forms are part of the name ("VG Kranichfeld").
func SearchText(o Organisation) string {
	return Fold(strings.Join([]string{o.Name, o.ShortName, o.OfficialName, o.Kind, o.AGS, o.Postcode, o.Seat, o.ARS}, " "))
}
