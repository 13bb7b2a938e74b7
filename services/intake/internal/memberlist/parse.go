// SPDX-License-Identifier: EUPL-1.2

package memberlist

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Entry is one body that a list names.
type Entry struct {
	Line   int    // from 1
	Text   string // as it was written
	Key    string // AGS, ARS or Verband key in digits; "" when it is a name
	Kreis  string // name or key of the Kreis that stands beside it in the list
	Beside string // the key in the same row: then this is most likely what it is called
	Bad    string // why it cannot be read: formula, signs, long; "" when it can
}

// Parse reads a text: one body a line, or several separated by semicolon, tab
// or comma, or a table with or without a heading.
func Parse(text string) ([]Entry, error) {
	if len(text) > 2*MaxBytes {
		return nil, refuse("large", "the list is larger than 256 KiB")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	var rows [][]string
	var lines []int
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(rows) == MaxLines+1 { // one may be the heading
			return nil, refuse("lines", "the list has more than 2000 lines")
		}
		rows, lines = append(rows, cells(line)), append(lines, i+1)
	}
	var head heading
	if len(rows) > 0 {
		if h, ok := headingOf(rows[0]); ok {
			head, rows, lines = h, rows[1:], lines[1:]
		}
	}
	var out []Entry
	for i, row := range rows {
		for _, e := range head.entries(row) {
			e.Line = lines[i]
			out = append(out, e)
		}
	}
	switch {
	case len(out) > MaxLines:
		return nil, refuse("lines", "the list has more than 2000 entries")
	case len(out) == 0:
		return nil, refuse("empty", "the list names no body")
	}
	return out, nil
}

// attached are words that belong to the name before the comma: "Apolda, Stadt".
var attached = []string{"stadt", "landkreis", "kreis", "kreisfreie stadt", "landeshauptstadt", "gemeinde", "landgemeinde", "kurort", "vg", "verwaltungsgemeinschaft"}

// cells splits a line at semicolons, else tabs, else commas. Quotes hold a cell
// together, and an addition such as ", Stadt" stays with its name.
func cells(line string) []string {
	sep := ','
	for _, s := range ";\t" {
		if strings.ContainsRune(line, s) {
			sep = s
			break
		}
	}
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.TrimLeadingSpace = sep, true, -1, true
	parts, err := r.Read()
	if err != nil {
		parts = strings.Split(line, string(sep))
	}
	var out []string
	for _, p := range parts {
		p = strings.Trim(strings.TrimSpace(p), "\u00a0\ufeff")
		if n := len(out); sep == ',' && n > 0 && slices.Contains(attached, strings.ToLower(p)) {
			out[n-1] += ", " + p
			continue
		}
		out = append(out, p)
	}
	return out
}

// heading says in which column of a table what stands; -1: nowhere.
type heading struct {
	set                   bool
	ags, ars, name, kreis int
}

// headings are the words that name a column.
var headings = map[string]string{
	"ags": "ags", "gemeindeschlüssel": "ags", "amtlicher gemeindeschlüssel": "ags", "gemeindekennziffer": "ags", "schlüssel": "ags", "key": "ags",
	"ars": "ars", "regionalschlüssel": "ars", "amtlicher regionalschlüssel": "ars",
	"name": "name", "gemeinde": "name", "gemeindename": "name", "stelle": "name", "kommune": "name", "ort": "name", "stadt": "name",
	"mitglied": "name", "organisation": "name", "körperschaft": "name", "municipality": "name", "verwaltung": "name", "kunde": "name",
	"kreis": "kreis", "landkreis": "kreis", "kreisname": "kreis", "district": "kreis",
}

func headingOf(row []string) (heading, bool) {
	h := heading{set: true, ags: -1, ars: -1, name: -1, kreis: -1}
	found := false
	for i, c := range row {
		if keyOf(c) != "" {
			return heading{}, false
		}
		column := map[string]*int{"ags": &h.ags, "ars": &h.ars, "name": &h.name, "kreis": &h.kreis}[headings[strings.ToLower(strings.Trim(c, " .:"))]]
		if column != nil && *column < 0 {
			*column = i
			found = found || column != &h.kreis
		}
	}
	return h, found
}

func at(row []string, i int) string {
	if i < 0 || i >= len(row) {
		return ""
	}
	return row[i]
}

// entries are the bodies of one row. In a table each row names one; without a
// heading, a key with names beside it is one body, everything else is one each.
func (h heading) entries(row []string) []Entry {
	row = slices.Clone(row)
	if h.set {
		for _, i := range []int{h.ags, h.ars, h.name} {
			if c := at(row, i); c != "" {
				e := entryOf(c)
				e.Kreis = at(row, h.kreis)
				return []Entry{e}
			}
		}
		return nil
	}
	var keys, names []Entry
	words := slices.ContainsFunc(row, func(c string) bool { return strings.ContainsFunc(c, unicode.IsLetter) })
	for _, c := range row {
		if c == "" || words && keyOf(c) == "" && strings.Trim(c, "0123456789 .,") == "" { // postcodes, inhabitants
			continue
		}
		if e := entryOf(c); e.Key != "" {
			keys = append(keys, e)
		} else {
			names = append(names, e)
		}
	}
	if len(keys) > 0 {
		for i := range names {
			names[i].Beside = keys[0].Key
		}
		if len(keys) == 2 && agsOf(keys[0].Key) == agsOf(keys[1].Key) {
			keys = keys[:1] // AGS and ARS of the same
		}
	}
	return append(keys, names...)
}

func entryOf(cell string) Entry {
	e := Entry{Text: cell, Key: keyOf(cell)}
	if utf8.RuneCountInString(cell) > maxEntry {
		e.Text, e.Bad = string([]rune(cell)[:maxEntry])+"…", "long"
	}
	for _, r := range cell {
		if unicode.IsControl(r) || r == '\uFFFD' || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Co, r) {
			e.Bad = "signs"
		}
	}
	e.Text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, e.Text)
	if e.Bad == "" && e.Key == "" && (strings.ContainsAny(e.Text[:min(1, len(e.Text))], "=+@|") || strings.HasPrefix(e.Text, "-") && !strings.HasPrefix(e.Text, "- ")) {
		e.Bad = "formula"
	}
	if e.Bad != "" {
		e.Key = ""
	}
	return e
}

var (
	grouped = regexp.MustCompile(`^1\d[ .]\d[ .]\d{2}[ .]\d{3}$|^1\d[ .]\d{3}[ .]\d{3}$`)
	leading = regexp.MustCompile(`^"?'?(\d{8}|\d{12}|\d{9}|16\d{3})(?:[.,]0+)?'?"?(?:$|[\s:–-]+\pL)`)
)

// keyOf is the AGS (8 digits, a Landkreis of Thuringia also 5: others are
// postcodes), ARS (12) or Verband key (9)
// that a cell begins with: alone, grouped, as a spreadsheet's number or before
// the name.
func keyOf(cell string) string {
	if grouped.MatchString(cell) {
		return strings.NewReplacer(" ", "", ".", "").Replace(cell)
	}
	if m := leading.FindStringSubmatch(cell); m != nil {
		return m[1]
	}
	return ""
}

// agsOf is the AGS of a key: an ARS has the Verband between Kreis and Gemeinde.
func agsOf(key string) string {
	switch len(key) {
	case 5:
		return key + "000"
	case 12:
		return key[:5] + key[9:]
	}
	return key
}
