// SPDX-License-Identifier: EUPL-1.2

package constituency_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func planOf(t *testing.T, current []constituency.Organisation, f constituency.File) constituency.Plan {
	t.Helper()
	n := len(current)
	p, err := constituency.Diff(current, f, noon, func() string { n++; return fmt.Sprintf("id-%d", n) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t *testing.T, f constituency.File) []constituency.Organisation {
	t.Helper()
	return planOf(t, nil, f).Save
}

func TestDiffNamesEveryDifference(t *testing.T) {
	t.Parallel()
	current := append(load(t, readFile(t, "testdata/gv100ad_stand1.txt")),
		constituency.Organisation{ID: "cert", Key: "thueringencert", Level: constituency.StateBody, Name: "ThüringenCERT", Version: 1})
	got := planOf(t, current, readFile(t, "testdata/gv100ad_stand2.txt"))
	want := constituency.Differences{
		Stand: "2026-12-31",
		Added: []constituency.Named{{Key: "16099006", Level: "gemeinde", Name: "Neuhausen"}},
		Changed: []constituency.Change{
			{
				Named: constituency.Named{ID: "id-1", Key: "16099000", Level: "kreis", Name: "Landkreis Mustern"}, Version: 1,
				Fields: []constituency.FieldChange{{Field: "population", Before: "13690", After: "14415"}},
			},
			{
				Named: constituency.Named{ID: "id-5", Key: "16099002", Level: "gemeinde", Name: "Öhrda"}, Version: 1,
				Fields: []constituency.FieldChange{
					{Field: "official_name", Before: "Öhrda", After: "Öhrda, Stadt"},
					{Field: "kind", Before: "Gemeinde", After: "Stadt"},
					{Field: "population", Before: "1200", After: "1525"},
				},
			},
			{
				Named: constituency.Named{ID: "id-8", Key: "16099005", Level: "gemeinde", Name: "Nebendorf/Tal"}, Version: 1,
				Fields: []constituency.FieldChange{
					{Field: "ars", Before: "160995051005", After: "160995001005"},
					{Field: "administration", Before: "16099004", After: "160995001"},
				},
			},
			{
				Named: constituency.Named{ID: "id-2", Key: "160995001", Level: "vg", Name: "VG Großer Berg"}, Version: 1,
				Fields: []constituency.FieldChange{{Field: "population", Before: "1500", After: "1615"}},
			},
		},
		Gone: []constituency.Change{{
			Named:   constituency.Named{ID: "id-6", Key: "16099003", Level: "gemeinde", Name: "Berg b. Öhrda"},
			Version: 1, Fields: []constituency.FieldChange{{Field: "gone_at", After: "2026-12-31"}},
		}},
		Unchanged: 3,
		Hash:      got.Hash,
	}
	if d := cmp.Diff(want, got.Differences); d != "" {
		t.Errorf("Diff (-want +got):\n%s", d)
	}
	if len(got.Save) != 6 {
		t.Errorf("%d records to save, want 6", len(got.Save))
	}
	for _, o := range got.Save {
		if o.Key == "16099005" && (o.Administration != "id-2" || o.Version != 2) {
			t.Errorf("Nebendorf/Tal = %+v, want administered by id-2 in version 2", o)
		}
	}
}

func TestDiffTwiceIsNothing(t *testing.T) {
	t.Parallel()
	f := readFile(t, "testdata/gv100ad_stand1.txt")
	if p := planOf(t, load(t, f), f); !p.None() || p.Unchanged != 8 {
		t.Errorf("second load: %+v", p.Differences)
	}
}

func TestANameGivenByHandStays(t *testing.T) {
	t.Parallel()
	current := load(t, readFile(t, "testdata/gv100ad_stand1.txt"))
	for i := range current {
		current[i].Name = "von Hand: " + current[i].Name
	}
	for _, o := range planOf(t, current, readFile(t, "testdata/gv100ad_stand2.txt")).Save {
		if o.Key == "16099002" && o.Name != "von Hand: Öhrda" {
			t.Errorf("name %q, want the one given by hand", o.Name)
		}
	}
}

func TestConfirmOnlyWhatWasShown(t *testing.T) {
	t.Parallel()
	current := load(t, readFile(t, "testdata/gv100ad_stand1.txt"))
	f := readFile(t, "testdata/gv100ad_stand2.txt")
	shown := planOf(t, current, f)
	if err := planOf(t, current, f).Confirm(shown.Hash); err != nil {
		t.Errorf("the same differences: %v", err)
	}
	later, err := constituency.Diff(current, f, noon.Add(time.Hour), func() string { return "another" })
	if err != nil || later.Confirm(shown.Hash) != nil {
		t.Errorf("an hour later: %v %v, want the same hash", err, later.Confirm(shown.Hash))
	}
	current[4].Version++
	if err := planOf(t, current, f).Confirm(shown.Hash); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a record changed meanwhile: %v, want Conflict", err)
	}
}

func TestABodyComesBack(t *testing.T) {
	t.Parallel()
	f := readFile(t, "testdata/gv100ad_stand1.txt")
	current := load(t, f)
	gone := noon
	current[3].GoneAt = &gone
	p := planOf(t, current, f)
	if len(p.Changed) != 1 || len(p.Save) != 1 || p.Save[0].Gone() {
		t.Errorf("plan %+v, want the body back", p)
	}
}
