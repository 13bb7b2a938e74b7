// SPDX-License-Identifier: EUPL-1.2

package memberlist

import (
	"slices"
	"strings"
)

var folding = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "è", "e", "á", "a", "à", "a", "ó", "o", "ç", "c",
	"a\u0308", "ae", "o\u0308", "oe", "u\u0308", "ue", // umlauts of two signs, as some systems write them
	"-", " ", "‐", " ", "‑", " ", "–", " ", "—", " ", "/", " ", ",", " ", ".", " ", "(", " ", ")", " ", "\"", " ", "'", " ", "„", " ", "“", " ", ":", " ", "*", " ", "•", " ", "\u00a0", " ",
)

// written are abbreviations of names and what they stand for.
var written = map[string]string{
	"b": "bei", "v": "vor", "d": "der", "a": "an", "i": "in", "o": "ob", "u": "und",
	"st": "sankt", "thuer": "thueringen", "th": "thueringen", "bd": "bad", "gr": "gross", "kl": "klein",
}

// fold makes a name comparable: lower case, umlauts written out, abbreviations
// spelled out, no punctuation.
func fold(s string) []string {
	words := strings.Fields(folding.Replace(strings.ToLower(s)))
	for i, w := range words {
		if long, ok := written[w]; ok {
			words[i] = long
		}
	}
	return words
}

// kinds are words that say what a body is, and the levels they leave.
var kinds = map[string][]string{
	"landkreis": {"kreis"}, "lk": {"kreis"}, "lkr": {"kreis"}, "kreis": {"kreis"}, "landratsamt": {"kreis"}, "lra": {"kreis"}, "kreisverwaltung": {"kreis"},
	"stadt": places, "stadtverwaltung": places, "landeshauptstadt": places, "gemeinde": places, "gemeindeverwaltung": places, "landgemeinde": places,
	"sv": places, "gv": places, "rathaus": places, "markt": places, "kurort": places, "kreisfreie": places,
	"vg": {"vg"}, "vgem": {"vg"}, "verwaltungsgemeinschaft": {"vg"}, "verwaltungsgem": {"vg"},
	"zv": {"zweckverband"}, "zweckverband": {"zweckverband"},
}

var places = []string{"gemeinde", "kreisfrei"}

// named is a name without what says the kind of body.
type named struct {
	words  []string // folded, without the kind
	levels []string // that the kind leaves; none: any
}

func (n named) key() string { return strings.Join(n.words, " ") }

// strip takes the kind off a name's beginning or end.
func strip(words []string) named {
	n := named{words: words}
	for len(n.words) > 1 {
		levels, ok := kinds[n.words[0]]
		if !ok {
			break
		}
		n.words, n.levels = n.words[1:], levels
	}
	for len(n.words) > 1 {
		levels, ok := kinds[n.words[len(n.words)-1]]
		if !ok || n.words[len(n.words)-1] == "kreis" { // the Ilm-Kreis is called so
			break
		}
		n.words, n.levels = n.words[:len(n.words)-1], levels
	}
	return n
}

// short is a name without what tells it from others: "Saalfeld" of
// "Saalfeld/Saale", "Lausnitz" of "Lausnitz b. Neustadt an der Orla".
func short(name string) string {
	cut := len(name)
	for _, sep := range []string{"/", "(", " b. ", " a. d. ", " an der ", " bei ", " v. d. ", " vor der "} {
		if i := strings.Index(name, sep); i > 0 && i < cut {
			cut = i
		}
	}
	return strip(fold(name[:cut])).key()
}

// distance is the number of changes between two words, at most limit+1.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, best := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
			best = min(best, next)
		}
		if best > limit {
			return limit + 1
		}
	}
	return row[len(b)]
}

func anyLevel(levels []string, level string) bool {
	return len(levels) == 0 || slices.Contains(levels, level)
}
