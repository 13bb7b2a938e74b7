// SPDX-License-Identifier: EUPL-1.2

package participation

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
)

func TestSmallNumbersAreHiddenAndCannotBeReckoned(t *testing.T) {
	t.Parallel()
	rows := []Row{rowOf("a", "", Numbers{Bodies: 20, Active: 3}), rowOf("b", "", Numbers{Bodies: 30, Active: 12}), rowOf("c", "", Numbers{Bodies: 9, Active: 7}), rowOf("d", "", Numbers{Bodies: 9})}
	got := Hide(rows)
	if !got[0].Figures[0].Hidden || got[0].Figures[0].N != 0 {
		t.Errorf("three of twenty: %+v, want hidden", got[0].Figures[0])
	}
	if !got[2].Figures[0].Hidden || got[1].Figures[0].Hidden {
		t.Errorf("the next larger one must be hidden too, and no other: %+v %+v", got[2].Figures[0], got[1].Figures[0])
	}
	if got[3].Figures[0].Hidden {
		t.Error("nothing is nothing to hide")
	}
	if rows[0].Figures[0].Hidden {
		t.Error("the rows of those who may see all were changed")
	}
	if len(Hide(nil)) != 0 {
		t.Error("of nothing there is something")
	}
}

func TestCellsAreSummedByLevelAndKreis(t *testing.T) {
	t.Parallel()
	cells := []Cell{
		{constituency.Gemeinde, "16071", "Weimarer Land", Numbers{Bodies: 10, Active: 4, Officer: 5}},
		{constituency.VG, "16071", "Weimarer Land", Numbers{Bodies: 2, Active: 1}},
		{constituency.Gemeinde, "16061", "Eichsfeld", Numbers{Bodies: 5, Active: 5, Mandate: 1}},
		{constituency.StateBody, "", "", Numbers{Bodies: 3}},
	}
	if l := ByLevel(cells); len(l) != 3 || l[0].Key != "state_body" || l[1].Bodies != 15 || l[1].Figures[0].N != 9 || l[1].Figures[0].Percent() != 60 {
		t.Errorf("by level %+v", l)
	}
	if k := ByKreis(cells); len(k) != 2 || k[0].Name != "Eichsfeld" || k[1].Bodies != 12 {
		t.Errorf("by Kreis %+v", k)
	}
	if n := Total(cells); n.Bodies != 20 || n.Figures[0].N != 10 || n.Figures[0].Percent() != 50 {
		t.Errorf("total %+v", n)
	}
}

func TestTheShareOfAnswersDoesNotGiveAwayHowManyWereAsked(t *testing.T) {
	t.Parallel()
	got := Hide([]Row{
		rowOf("a", "", Numbers{Bodies: 20, Asked: 3}), rowOf("b", "", Numbers{Bodies: 30, Asked: 7, Answered: 6}),
		rowOf("c", "", Numbers{Bodies: 30, Asked: 20, Answered: 10}),
	})
	if f := got[1].Figures[answered]; !f.Hidden || f.Of != 0 || f.N != 0 {
		t.Errorf("six of seven, where seven is hidden: %+v, want hidden", f)
	}
	if f := got[2].Figures[answered]; f.Hidden || f.Percent() != 50 {
		t.Errorf("ten of twenty: %+v, want half", f)
	}
	if f := got[0].Figures[answered]; f.Hidden || f.Of != 0 {
		t.Errorf("none of three: %+v, want nothing and not of how many", f)
	}
}
