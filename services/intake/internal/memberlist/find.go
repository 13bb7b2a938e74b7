// SPDX-License-Identifier: EUPL-1.2

package memberlist

import (
	"cmp"
	"slices"
	"strings"
)

// Body is a body of the constituency, and whether the asker has a mandate to
// report for it.
type Body struct {
	ID, AGS, ARS, Name, Level string
	Kreis, KreisName          string // five digits, and the name
	Mandated                  bool
}

// Kind is what became of an entry.
type Kind string

// The kinds.
const (
	Found      Kind = "found"
	Ambiguous  Kind = "ambiguous"  // several bodies have this name
	Unknown    Kind = "unknown"    // none has it
	NoMandate  Kind = "no_mandate" // it is known, and the asker may not report for it
	Twice      Kind = "twice"      // an earlier entry named the same body
	Unreadable Kind = "unreadable" // Entry.Bad says why
)

// Match is an entry and what it names.
type Match struct {
	Entry
	Kind    Kind
	Body    Body   // of Found, NoMandate and Twice; empty when several have no mandate
	Choices []Body // of Ambiguous: those of the name; of Unknown: what may be meant
}

// Index finds bodies by key and name.
type Index struct {
	bodies []Body
	byKey  map[string]int
	byName map[string][]int // full name without the kind, and short ones
	full   []string
	kreise map[string]string // folded name of a Kreis → its five digits
}

// NewIndex prepares the bodies of the constituency.
func NewIndex(bodies []Body) *Index {
	x := &Index{bodies: bodies, byKey: map[string]int{}, byName: map[string][]int{}, kreise: map[string]string{}, full: make([]string, len(bodies))}
	for i, b := range bodies {
		for _, k := range []string{b.AGS, b.ARS, strings.TrimSuffix(b.ARS, "000")} {
			if _, taken := x.byKey[k]; k != "" && !taken {
				x.byKey[k] = i
			}
		}
		x.full[i] = strip(fold(b.Name)).key()
		for _, name := range []string{x.full[i], strings.Join(fold(b.Name), " "), short(b.Name)} {
			if name != "" && !slices.Contains(x.byName[name], i) {
				x.byName[name] = append(x.byName[name], i)
			}
		}
		if b.Level == "kreis" || b.Level == "kreisfrei" {
			x.kreise[x.full[i]] = b.Kreis
		}
	}
	return x
}

// kreis is the five digits of a Kreis by its name or key.
func (x *Index) kreis(s string) string {
	if k := keyOf(s); len(k) == 5 || len(k) == 8 {
		return k[:5]
	}
	return x.kreise[strip(fold(s)).key()]
}

// Find tells for each entry what it names.
func (x *Index) Find(entries []Entry) []Match {
	out := make([]Match, 0, len(entries))
	seen := map[string]bool{}
	suggested := 0
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		m := Match{Entry: e, Kind: Unreadable}
		if e.Beside != "" && e.Bad == "" {
			if !x.another(e) {
				continue
			}
			m.Bad = "beside"
		} else if e.Bad == "" {
			found := x.candidates(e)
			if len(found) > 1 && i+1 < len(entries) && entries[i+1].Line == e.Line && entries[i+1].Key == "" {
				if one := inKreis(found, x.kreis(entries[i+1].Text)); len(one) == 1 { // "Elxleben, Ilm-Kreis"
					found = one
					i++
				}
			}
			m = judge(e, found)
		}
		if m.Kind == Unknown && suggested < 200 { // nobody chooses among more
			m.Choices = x.like(e.Text)
			suggested++
		}
		if m.Kind == Found {
			if seen[m.Body.ID] {
				m.Kind = Twice
			}
			seen[m.Body.ID] = true
		}
		out = append(out, m)
	}
	return out
}

// another reports whether the words beside a key name another body than the key
// and what it belongs to. It is not added, since it may only be a remark, but it
// is shown.
func (x *Index) another(e Entry) bool {
	of := x.candidates(Entry{Key: e.Beside})
	found := x.candidates(Entry{Text: e.Text})
	if len(found) == 0 {
		return false
	}
	return !slices.ContainsFunc(found, func(b Body) bool {
		return len(of) == 1 && (b.ID == of[0].ID || b.Kreis == of[0].Kreis && b.Level != "gemeinde")
	})
}

func judge(e Entry, found []Body) Match {
	m := Match{Entry: e}
	switch {
	case len(found) == 0:
		m.Kind = Unknown
	case len(found) == 1 && found[0].Mandated:
		m.Kind, m.Body = Found, found[0]
	case len(found) == 1:
		m.Kind, m.Body = NoMandate, found[0]
	case !slices.ContainsFunc(found, func(b Body) bool { return b.Mandated }):
		m.Kind, m.Choices = NoMandate, found
	default:
		m.Kind, m.Choices = Ambiguous, found
	}
	return m
}

func inKreis(list []Body, kreis string) []Body {
	if kreis == "" {
		return nil
	}
	var out []Body
	for _, b := range list {
		if b.Kreis == kreis && b.Level != "kreis" {
			out = append(out, b)
		}
	}
	return out
}

// candidates are the bodies that an entry may name.
func (x *Index) candidates(e Entry) []Body {
	if e.Key != "" {
		for _, k := range []string{e.Key, agsOf(e.Key)} {
			if i, ok := x.byKey[k]; ok {
				return []Body{x.bodies[i]}
			}
		}
		return nil
	}
	name, hint := x.hinted(e.Text)
	if e.Kreis != "" {
		hint = x.kreis(e.Kreis)
	}
	found := x.called(name)
	if one := inKreis(found, hint); len(one) > 0 {
		return one
	}
	return found
}

// hinted takes the Kreis off a name: "Elxleben (Sömmerda)", "Elxleben LK Sömmerda".
func (x *Index) hinted(text string) (name, kreis string) {
	if open := strings.LastIndex(text, "("); open > 0 && strings.HasSuffix(strings.TrimSpace(text), ")") {
		if k := x.kreis(strings.TrimSuffix(strings.TrimSpace(text[open+1:]), ")")); k != "" {
			return text[:open], k
		}
	}
	lower := strings.ToLower(text)
	for _, word := range []string{" lk ", " lkr ", " lkr. ", " landkreis ", " kreis ", ", ", " / "} {
		if i := strings.Index(lower, word); i > 0 && i+len(word) <= len(text) {
			if k := x.kreis(text[i+len(word):]); k != "" {
				return text[:i], k
			}
		}
	}
	return text, ""
}

// called are the bodies of a name. Who writes the kind means that kind; who
// writes only the beginning of a longer name means every place called so.
func (x *Index) called(name string) []Body {
	words := fold(name)
	query := strip(words)
	if len(query.words) == 0 {
		return nil
	}
	var out []Body
	for _, i := range x.byName[query.key()] {
		if anyLevel(query.levels, x.bodies[i].Level) {
			out = append(out, x.bodies[i])
		}
	}
	if len(out) == 0 { // the "kind" was part of the name
		for _, i := range x.byName[strings.Join(words, " ")] {
			out = append(out, x.bodies[i])
		}
	}
	if len(query.levels) == 0 { // who means the Verband says so, where a town is called the same
		towns := slices.DeleteFunc(slices.Clone(out), func(b Body) bool { return b.Level == "vg" || b.Level == "zweckverband" })
		if len(towns) > 0 {
			out = towns
		}
	}
	slices.SortFunc(out, byNameAndKreis)
	return out
}

func byNameAndKreis(a, b Body) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.KreisName, b.KreisName), cmp.Compare(a.ID, b.ID))
}

// like are bodies whose names are near: they begin alike, or differ in a letter
// or two.
func (x *Index) like(text string) []Body {
	query := strip(fold(text)).key()
	if len(query) < 3 {
		return nil
	}
	type near struct {
		Body
		far int
	}
	var found []near
	for i, name := range x.full {
		limit := 1 + len(query)/6
		far := distance(query, name, limit)
		switch {
		case far <= limit:
		case len(query) >= 4 && (strings.HasPrefix(name, query) || strings.Contains(name, " "+query)):
			far = limit + 1
		case len(name) >= 5 && strings.HasPrefix(query, name+" "):
			far = limit + 2
		default:
			continue
		}
		found = append(found, near{x.bodies[i], far})
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(cmp.Compare(a.far, b.far), byNameAndKreis(a.Body, b.Body)) })
	var out []Body
	for _, n := range found[:min(len(found), maxSuggest)] {
		out = append(out, n.Body)
	}
	return out
}
