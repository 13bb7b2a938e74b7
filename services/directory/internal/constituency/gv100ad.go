// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Limits of a GV100AD file: the whole of Germany has 3.6 MB and 16,000 lines.
const (
	maxFile = 16 << 20
	maxLine = 1000
)

// File is what a GV100AD file says about one state.
type File struct {
	Stand   time.Time // Gebietsstand
	Entries []Entry
}

func lineError(line int, format string, args ...any) error {
	return fault.New(fault.Invalid, "line %d: %s", line, fmt.Sprintf(format, args...))
}

// gvLine is one record; columns count from 1, in characters, as in the
// description of the data set by Destatis.
type gvLine struct {
	no   int
	text []rune
}

func (l gvLine) field(from, to int) string {
	if from > len(l.text) {
		return ""
	}
	return strings.TrimSpace(string(l.text[from-1 : min(to, len(l.text))]))
}

// ReadGV100AD reads the part of a fixed-width GV100AD file of Destatis that
// belongs to land (two digits, "16"): the record types 40 (Kreis), 50
// (Gemeindeverband) and 60 (Gemeinde); others are checked and passed over. The
// text is UTF-8 or, in old deliveries, ISO 8859-1. Any mistake is Invalid, names
// its line, and nothing is returned.
func ReadGV100AD(r io.Reader, land string) (File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return File{}, fmt.Errorf("read register file: %w", err)
	}
	if len(raw) > maxFile {
		return File{}, fault.New(fault.TooLarge, "a register file has at most %d MB", maxFile>>20)
	}
	g := gvReader{land: land, kreise: map[string]int{}, verbaende: map[string]gvVerband{}, seen: map[string]int{}}
	if err := g.readAll(decode(raw)); err != nil {
		return File{}, err
	}
	f, err := g.file()
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// decode returns the text of the file without a byte order mark.
func decode(raw []byte) string {
	if utf8.Valid(raw) {
		return strings.TrimPrefix(string(raw), "\ufeff")
	}
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/16)
	for _, c := range raw {
		b.WriteRune(rune(c))
	}
	return b.String()
}

type gvVerband struct {
	line       int
	name, seat string
	mark       string // Textkennzeichen: 50 none, 54 VG, 58 erfüllende Gemeinde
}

type gvReader struct {
	land      string
	stand     string
	kreise    map[string]int // 5 digits → index of its entry, -1 for a kreisfreie Stadt
	verbaende map[string]gvVerband
	seen      map[string]int // key → line
	entries   []Entry
	lines     []int    // of entries
	verband   []string // of entries: key of the Verband, "" for none
}

func (g *gvReader) readAll(text string) error {
	s := bufio.NewScanner(strings.NewReader(text))
	s.Buffer(make([]byte, 0, 4096), maxLine*utf8.UTFMax)
	no := 0
	for s.Scan() {
		no++
		line := gvLine{no, []rune(strings.TrimRight(s.Text(), "\r\x1a"))}
		if len(line.text) == 0 {
			continue
		}
		if err := g.read(line); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return lineError(no+1, "longer than %d characters", maxLine)
	}
	return s.Err()
}

func (g *gvReader) read(l gvLine) error {
	if len(l.text) > maxLine {
		return lineError(l.no, "longer than %d characters", maxLine)
	}
	if i := slices.IndexFunc(l.text, func(r rune) bool { return r < ' ' || r == utf8.RuneError }); i >= 0 {
		return lineError(l.no, "column %d is no printable character", i+1)
	}
	kind, stand := l.field(1, 2), l.field(3, 10)
	if !slices.Contains([]string{"10", "20", "30", "40", "50", "60"}, kind) {
		return lineError(l.no, "record type %q, want 10 to 60", kind)
	}
	if _, err := time.Parse("20060102", stand); err != nil {
		return lineError(l.no, "Gebietsstand %q is no date", stand)
	}
	if g.stand == "" {
		g.stand = stand
	}
	if stand != g.stand {
		return lineError(l.no, "Gebietsstand %s, the lines before say %s", stand, g.stand)
	}
	if !digits(l.field(11, 12), 2) {
		return lineError(l.no, "state %q is no two digits", l.field(11, 12))
	}
	if l.field(11, 12) != g.land {
		return nil
	}
	switch kind {
	case "40":
		return g.readKreis(l)
	case "50":
		return g.readVerband(l)
	case "60":
		return g.readGemeinde(l)
	}
	return nil
}

func (g *gvReader) once(key string, line int) error {
	if first, ok := g.seen[key]; ok {
		return lineError(line, "key %s stands in line %d already", key, first)
	}
	g.seen[key] = line
	return nil
}

func (g *gvReader) add(e Entry, line int, verband string) {
	g.entries = append(g.entries, e)
	g.lines = append(g.lines, line)
	g.verband = append(g.verband, verband)
}

func (g *gvReader) readKreis(l gvLine) error {
	key, name, mark := l.field(11, 15), l.field(23, 72), l.field(123, 124)
	if !digits(key, 5) || name == "" {
		return lineError(l.no, "a Kreis needs 5 digits and a name, found %q %q", key, name)
	}
	if err := g.once(key, l.no); err != nil {
		return err
	}
	switch mark {
	case "41", "42": // kreisfreie Stadt: its municipality is the body
		g.kreise[key] = -1
	case "43", "44", "45":
		g.kreise[key] = len(g.entries)
		g.add(Entry{
			Key: key + "000", Level: Kreis, Kind: "Landkreis", AGS: key + "000", ARS: key + "0000000",
			Name: displayName(Kreis, name), OfficialName: name, Kreis: key, Seat: l.field(73, 122),
		}, l.no, "")
	default:
		return lineError(l.no, "Textkennzeichen %q of a Kreis, want 41 to 45", mark)
	}
	return nil
}

func (g *gvReader) readVerband(l gvLine) error {
	key := l.field(11, 15) + l.field(19, 22)
	v := gvVerband{line: l.no, name: l.field(23, 72), seat: l.field(73, 122), mark: l.field(123, 124)}
	if !digits(key, 9) || v.name == "" {
		return lineError(l.no, "a Gemeindeverband needs 5 and 4 digits and a name, found %q %q", key, v.name)
	}
	if err := g.once("verband "+key, l.no); err != nil {
		return err
	}
	g.verbaende[key] = v
	switch v.mark {
	case "50", "58":
	case "54":
		g.add(Entry{
			Key: key, Level: VG, Kind: "Verwaltungsgemeinschaft", ARS: key + "000",
			Name: displayName(VG, v.name), OfficialName: v.name, Kreis: key[:5], Seat: v.seat,
		}, l.no, "")
	default:
		return lineError(l.no, "Textkennzeichen %q of a Gemeindeverband in Thuringia, want 50, 54 or 58", v.mark)
	}
	return nil
}

// kinds are the Textkennzeichen of a municipality; an area without a
// municipality (65, 66) is no body.
var kinds = map[string]string{
	"60": "Markt", "61": "Kreisfreie Stadt", "62": "Kreisfreie Stadt", "63": "Stadt",
	"64": "Gemeinde", "67": "Große Kreisstadt", "65": "", "66": "",
}

func (g *gvReader) readGemeinde(l gvLine) error {
	ags, verband, name, mark := l.field(11, 18), l.field(19, 22), l.field(23, 72), l.field(123, 124)
	if !ValidAGS(ags) || !digits(verband, 4) || name == "" {
		return lineError(l.no, "a Gemeinde needs 8 and 4 digits and a name, found %q %q %q", ags, verband, name)
	}
	kind, ok := kinds[mark]
	if !ok {
		return lineError(l.no, "Textkennzeichen %q of a Gemeinde, want 60 to 67", mark)
	}
	if kind == "" {
		return nil
	}
	if err := g.once(ags, l.no); err != nil {
		return err
	}
	population, err := strconv.Atoi(l.field(140, 150))
	if err != nil || population < 0 {
		return lineError(l.no, "population %q is no number", l.field(140, 150))
	}
	postcode := l.field(166, 170)
	if !digits(postcode, 5) {
		return lineError(l.no, "postcode %q must have 5 digits", postcode)
	}
	e := Entry{
		Key: ags, Level: Gemeinde, Kind: kind, AGS: ags, ARS: ags[:5] + verband + ags[5:], OfficialName: name,
		Name: displayName(Gemeinde, name), Kreis: ags[:5], Population: population, Postcode: postcode,
	}
	if mark == "61" || mark == "62" {
		e.Level = Kreisfrei
	}
	g.add(e, l.no, ags[:5]+verband)
	return nil
}

// file puts the records together: who administers whom, and the population of
// what is made of municipalities.
func (g *gvReader) file() (File, error) {
	if len(g.entries) == 0 {
		return File{}, fault.New(fault.Invalid, "the file has no Kreis, Verband or Gemeinde of the state %s", g.land)
	}
	stand, err := time.Parse("20060102", g.stand)
	if err != nil {
		return File{}, lineError(1, "Gebietsstand %q is no date", g.stand)
	}
	index := map[string]int{}
	for i, e := range g.entries {
		index[e.Key] = i
	}
	for i := range g.entries {
		e := &g.entries[i]
		kreis, ok := g.kreise[e.Kreis]
		if !ok {
			return File{}, lineError(g.lines[i], "%s lies in the Kreis %s, which has no record", e.OfficialName, e.Kreis)
		}
		if e.Level != Gemeinde {
			continue
		}
		if kreis >= 0 {
			g.entries[kreis].Population += e.Population
		}
		if err := g.administer(e, i, index); err != nil {
			return File{}, err
		}
	}
	return File{Stand: stand, Entries: g.entries}, g.whole()
}

// whole notices a file that was cut between two lines: a Kreis or a Verband
// without any municipality is not possible.
func (g *gvReader) whole() error {
	kreise, verbaende := map[string]bool{}, map[string]bool{}
	for i, e := range g.entries {
		if e.Level == Gemeinde || e.Level == Kreisfrei {
			kreise[e.Kreis], verbaende[g.verband[i]] = true, true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(g.kreise)) {
		if !kreise[key] {
			return lineError(g.seen[key], "the Kreis %s has no Gemeinde; the file seems to be cut", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(g.verbaende)) {
		if v := g.verbaende[key]; !verbaende[key] {
			return lineError(v.line, "the Gemeindeverband %s has no Gemeinde; the file seems to be cut", key)
		}
	}
	return nil
}

func (g *gvReader) administer(e *Entry, i int, index map[string]int) error {
	key := g.verband[i]
	v, ok := g.verbaende[key]
	if !ok {
		return lineError(g.lines[i], "%s belongs to the Gemeindeverband %s, which has no record", e.OfficialName, key)
	}
	switch v.mark {
	case "54":
		e.Administration = key
		g.entries[index[key]].Population += e.Population
	case "58":
		at := g.fulfilling(key, v)
		if at < 0 {
			return lineError(v.line, "no Gemeinde of %s is called %s, so nobody fulfils", key, v.name)
		}
		if at != i {
			e.Administration = g.entries[at].Key
		}
	}
	return nil
}

// fulfilling returns the index of the erfüllende Gemeinde (§ 51 ThürKO): the
// member that bears the association's name, else the one at its seat.
func (g *gvReader) fulfilling(key string, v gvVerband) int {
	for _, name := range []string{v.name, strings.TrimPrefix(v.name, "EG "), v.seat} {
		for i, e := range g.entries {
			if g.verband[i] == key && (e.OfficialName == name || e.Name == name) {
				return i
			}
		}
	}
	return -1
}

// displayName is the name as people say it: "Erfurt" for "Erfurt, Stadt",
// "Landkreis Gotha" and "VG Kranichfeld" to tell them from the towns.
func displayName(l Level, official string) string {
	switch l {
	case Kreis:
		if !strings.HasSuffix(strings.ToLower(official), "kreis") {
			return "Landkreis " + official
		}
	case VG:
		return "VG " + official
	case Gemeinde, Kreisfrei:
		return strings.TrimSuffix(official, ", Stadt")
	case Land, StateBody, Zweckverband, Provider:
	}
	return official
}
