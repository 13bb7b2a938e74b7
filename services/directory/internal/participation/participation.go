// SPDX-License-Identifier: EUPL-1.2

// Package participation counts how many bodies take part, for the steering
// committee: numbers by level, by Kreis and over time. It names no body and no
// person, and hides numbers that are so small that they would point at one.
package participation

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
)

// Small is the first number that is shown to those who see totals only; smaller
// ones read "unter 5".
const Small = 5

// Cell is the count of one level in one Kreis.
type Cell struct {
	Level     constituency.Level
	Kreis     string // 5 digits, "" for bodies of the Land
	KreisName string
	Numbers
}

// Numbers are what is counted.
type Numbers struct {
	Bodies    int
	Active    int // admitted, or with an officer who can sign in
	Reachable int // with a contact that was confirmed within a year
	Officer   int // with an information security officer
	Mandate   int // with a mandate in force
	Asked     int // got the last warning with a question
	Answered  int // of these, those that answered it
}

func (n Numbers) plus(m Numbers) Numbers {
	return Numbers{
		n.Bodies + m.Bodies, n.Active + m.Active, n.Reachable + m.Reachable, n.Officer + m.Officer, n.Mandate + m.Mandate,
		n.Asked + m.Asked, n.Answered + m.Answered,
	}
}

// Figure is a number as it may be shown.
type Figure struct {
	N      int // 0 when hidden
	Of     int
	Hidden bool
}

// Percent of the whole, rounded.
func (f Figure) Percent() int {
	if f.Of == 0 || f.Hidden {
		return 0
	}
	return (f.N*200 + f.Of) / (2 * f.Of)
}

// Places in Row.Figures.
const asked, answered = 4, 5

// Row is one line of a table: bodies and the figures in their order.
type Row struct {
	Key, Name string
	Bodies    int
	Figures   [6]Figure // active, reachable, officer, mandate, asked, answered
}

// Month is what was counted in a month, the last time.
type Month struct {
	Month time.Time // its first day
	Numbers
}

// Store counts and keeps what was counted.
type Store interface {
	Participation(ctx context.Context, at time.Time) ([]Cell, error)
	// KeepParticipation writes the cells as those of at's month.
	KeepParticipation(ctx context.Context, at time.Time, cells []Cell) error
	ParticipationMonths(ctx context.Context, months int) ([]Month, error) // oldest first
}

// ByLevel sums the cells of each level, in the order of the administration.
func ByLevel(cells []Cell) []Row {
	sums := map[string]Numbers{}
	for _, c := range cells {
		sums[string(c.Level)] = sums[string(c.Level)].plus(c.Numbers)
	}
	var out []Row
	for _, l := range constituency.Levels() {
		if n, ok := sums[string(l)]; ok {
			out = append(out, rowOf(string(l), "", n))
		}
	}
	return out
}

// ByKreis sums the cells of each Kreis, by name.
func ByKreis(cells []Cell) []Row {
	sums, names := map[string]Numbers{}, map[string]string{}
	for _, c := range cells {
		if c.Kreis != "" {
			sums[c.Kreis], names[c.Kreis] = sums[c.Kreis].plus(c.Numbers), cmp.Or(c.KreisName, names[c.Kreis])
		}
	}
	var out []Row
	for k, n := range sums {
		out = append(out, rowOf(k, names[k], n))
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(constituency.Fold(a.Name), constituency.Fold(b.Name)), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// Total sums everything.
func Total(cells []Cell) Row {
	var n Numbers
	for _, c := range cells {
		n = n.plus(c.Numbers)
	}
	return rowOf("", "", n)
}

// RowOf is a month as a row.
func RowOf(m Month) Row { return rowOf(m.Month.Format("2006-01"), "", m.Numbers) }

func rowOf(key, name string, n Numbers) Row {
	r := Row{Key: key, Name: name, Bodies: n.Bodies}
	for i, x := range []int{n.Active, n.Reachable, n.Officer, n.Mandate, n.Asked, n.Answered} {
		r.Figures[i] = Figure{N: x, Of: n.Bodies}
	}
	r.Figures[answered].Of = n.Asked // the share is one of those who were asked
	return r
}

// Hide takes away every number from 1 to 4. Where only one of a column would be
// hidden, the sum would give it away: the next larger one goes as well. The share
// of answers would give away how many were asked: where that is hidden, so is it.
func Hide(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range len(Row{}.Figures) {
		hideColumn(out, i)
	}
	for r := range out {
		if f := &out[r].Figures; f[asked].Hidden {
			f[answered] = Figure{Hidden: f[answered].Hidden || f[answered].N > 0}
		}
	}
	return out
}

func hideColumn(rows []Row, i int) {
	hidden, next := 0, -1
	for r := range rows {
		x := &rows[r].Figures[i]
		switch {
		case x.N > 0 && x.N < Small:
			*x = Figure{Of: x.Of, Hidden: true}
			hidden++
		case x.N >= Small && (next < 0 || x.N < rows[next].Figures[i].N):
			next = r
		}
	}
	if hidden == 1 && next >= 0 && len(rows) > 1 {
		rows[next].Figures[i] = Figure{Of: rows[next].Figures[i].Of, Hidden: true}
	}
}

// Member is a body of a Landkreis with how far its admission is, for the
// Landkreis's own people: no more than that.
type Member struct {
	Organisation constituency.Organisation
	Stage        string
}
