// SPDX-License-Identifier: EUPL-1.2

package register

import (
	"slices"
	"strings"
)

// folded is a name as the search sees it.
type folded struct {
	id   string
	name string // folded
	sort string
}

var folding = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "-", " ", "/", " ", ",", " ", ".", " ", "(", " ", ")", " ")

// Fold makes names comparable: lower case, umlauts written out, no punctuation,
// so that "Soemmerda" finds "Sömmerda".
func Fold(s string) string {
	return strings.Join(strings.Fields(folding.Replace(strings.ToLower(s))), " ")
}

func cmpFold(a, b string) int { return strings.Compare(Fold(a), Fold(b)) }

// PersonName is what a person is called, "" when nobody knows.
func (r *Register) PersonName(id string) string {
	p, _ := r.Person(id)
	return p.Name
}

func (r *Register) sortNames() {
	r.names, r.formers = r.names[:0], r.formers[:0]
	for id, o := range r.organisations {
		if heir, ok := r.heir(o); ok {
			r.formers = append(r.formers, folded{id: heir.ID, name: Fold(o.Name), sort: o.AGS})
		}
		if o.Active {
			name := Fold(o.Name)
			r.names = append(r.names, folded{id: id, name: name, sort: name + " " + o.AGS})
		}
	}
	slices.SortFunc(r.formers, func(a, b folded) int { return strings.Compare(a.name+a.sort, b.name+b.sort) })
	slices.SortFunc(r.names, func(a, b folded) int { return strings.Compare(a.sort, b.sort) })
}

// Search finds active bodies by the beginning of the name, of a word in it, or
// of the AGS, best first, at most limit. A former name or AGS finds who took
// over. An empty query finds nothing.
func (r *Register) Search(query string, limit int) []Organisation {
	q := Fold(query)
	if q == "" || limit <= 0 {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var ranks [3][]Organisation
	for _, n := range r.names {
		o := r.organisations[n.id]
		switch {
		case strings.HasPrefix(n.name, q), o.AGS != "" && strings.HasPrefix(o.AGS, q):
			ranks[0] = append(ranks[0], o)
		case strings.Contains(n.name, " "+q):
			ranks[1] = append(ranks[1], o)
		case strings.Contains(n.name, q):
			ranks[2] = append(ranks[2], o)
		}
	}
	all := slices.Concat(ranks[0], ranks[1], ranks[2])
	for _, n := range r.formers {
		if (strings.HasPrefix(n.name, q) || n.sort == q) && !slices.ContainsFunc(all, func(o Organisation) bool { return o.ID == n.id }) {
			all = append(all, r.organisations[n.id])
		}
	}
	return all[:min(limit, len(all))]
}
