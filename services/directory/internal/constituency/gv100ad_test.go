// SPDX-License-Identifier: EUPL-1.2

package constituency_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
)

func readFile(t *testing.T, name string) constituency.File {
	t.Helper()
	r, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	f, err := constituency.ReadGV100AD(r, "16")
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return f
}

func TestReadGV100AD(t *testing.T) {
	t.Parallel()
	got := readFile(t, "testdata/gv100ad_stand1.txt")
	want := constituency.File{
		Stand: time.Date(2025, 11, 30, 0, 0, 0, 0, time.UTC),
		Entries: []constituency.Entry{
			{
				Key: "16099000", Level: "kreis", Kind: "Landkreis", AGS: "16099000", ARS: "160990000000", Name: "Landkreis Mustern",
				OfficialName: "Mustern", Kreis: "16099", Seat: "Musterstadt", Population: 13690,
			},
			{
				Key: "160995001", Level: "vg", Kind: "Verwaltungsgemeinschaft", ARS: "160995001000", Name: "VG Großer Berg",
				OfficialName: "Großer Berg", Kreis: "16099", Seat: "Öhrda", Population: 1500,
			},
			{
				Key: "16098000", Level: "kreisfrei", Kind: "Kreisfreie Stadt", AGS: "16098000", ARS: "160980000000", Name: "Probestadt",
				OfficialName: "Probestadt, Stadt", Kreis: "16098", Population: 50000, Postcode: "07001",
			},
			{
				Key: "16099001", Level: "gemeinde", Kind: "Stadt", AGS: "16099001", ARS: "160990001001", Name: "Musterstadt",
				OfficialName: "Musterstadt, Stadt", Kreis: "16099", Population: 9000, Postcode: "07002",
			},
			{
				Key: "16099002", Level: "gemeinde", Kind: "Gemeinde", AGS: "16099002", ARS: "160995001002", Name: "Öhrda",
				OfficialName: "Öhrda", Kreis: "16099", Administration: "160995001", Population: 1200, Postcode: "07003",
			},
			{
				Key: "16099003", Level: "gemeinde", Kind: "Gemeinde", AGS: "16099003", ARS: "160995001003", Name: "Berg b. Öhrda",
				OfficialName: "Berg b. Öhrda", Kreis: "16099", Administration: "160995001", Population: 300, Postcode: "07003",
			},
			{
				Key: "16099004", Level: "gemeinde", Kind: "Gemeinde", AGS: "16099004", ARS: "160995051004", Name: "Süßdorf",
				OfficialName: "Süßdorf", Kreis: "16099", Population: 3100, Postcode: "07004",
			},
			{
				Key: "16099005", Level: "gemeinde", Kind: "Gemeinde", AGS: "16099005", ARS: "160995051005", Name: "Nebendorf/Tal",
				OfficialName: "Nebendorf/Tal", Kreis: "16099", Administration: "16099004", Population: 90, Postcode: "07004",
			},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ReadGV100AD (-want +got):\n%s", d)
	}
}

func TestReadGV100ADRefusesMalformedFilesByLine(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/gv100ad_stand1.txt")
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	line := func(n int) string { return strings.Split(good, "\n")[n-1] }
	for name, tt := range map[string]struct{ file, want string }{
		"empty":                      {"", "no Kreis"},
		"another state only":         {line(1) + "\n" + line(2) + "\n", "no Kreis"},
		"no register at all":         {"ags;name\n16071043;Klettbach\n", `line 1: record type "ag"`},
		"unknown record type":        {strings.Replace(good, line(5), "7"+line(5)[1:], 1), "line 5: record type"},
		"no date":                    {strings.Replace(good, line(3), "6020259930"+line(3)[10:], 1), "line 3: Gebietsstand"},
		"two dates":                  {strings.Replace(good, line(4), "1020241130"+line(4)[10:], 1), "line 4: Gebietsstand 20241130"},
		"letters in the key":         {strings.Replace(good, "16099002", "1609900O", 1), "line 13: a Gemeinde needs"},
		"cut in the middle":          {good[:strings.Index(good, "16099003")+30], "line 14: Textkennzeichen"},
		"a body twice":               {good + line(12) + "\n", "line 18: key 16099001 stands in line 12"},
		"a Kreis without record":     {strings.Replace(good, line(6)+"\n", "", 1), "lies in the Kreis 16099"},
		"an association without one": {strings.Replace(good, line(9)+"\n", "", 1), "line 12: Öhrda belongs to the Gemeindeverband 160995001"},
		"nobody fulfils":             {strings.Replace(good, "160990045051", "160990040001", 1), "line 10: no Gemeinde of 160995051"},
		"unknown kind of Verband":    {strings.Replace(good, line(9), strings.Replace(line(9), "54 ", "51 ", 1), 1), "line 9: Textkennzeichen"},
		"population is no number":    {strings.Replace(good, "00000001200", "0000000I200", 1), "line 13: population"},
		"no postcode":                {strings.Replace(good, "    07003", "    0700X", 1), "line 13: postcode"},
		"control character":          {strings.Replace(good, "Musterstadt, Stadt", "Musterstadt,\x00Stadt", 1), "line 8: column"},
		"cut after the associations": {strings.Join(strings.Split(good, "\n")[:10], "\n"), "line 5: the Kreis 16098 has no Gemeinde"},
		"cut before the last ones":   {strings.Join(strings.Split(good, "\n")[:14], "\n"), "line 10: the Gemeindeverband 160995051 has no"},
		"UTF-16":                     {"\xff\xfe6\x000\x002\x000\x00", "line 1: column"},
		"a spreadsheet":              {"PK\x03\x04\x14\x00", "line 1: column"},
		"a page":                     {"<!DOCTYPE html>\n<html>\n", `line 1: record type "<!"`},
		"endless line":               {good + strings.Repeat("6", 1<<20), "line 18: longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := constituency.ReadGV100AD(strings.NewReader(tt.file), "16")
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want Invalid with %q", err, tt.want)
			}
			if len(f.Entries) != 0 {
				t.Errorf("%d entries beside the error", len(f.Entries))
			}
		})
	}
}

func TestReadGV100ADRefusesHugeFiles(t *testing.T) {
	t.Parallel()
	line := "60" + "20251130" + strings.Repeat("0", 200) + "\n"
	_, err := constituency.ReadGV100AD(strings.NewReader(strings.Repeat(line, 90_000)), "16")
	if fault.KindOf(err) != fault.TooLarge {
		t.Errorf("error %v, want TooLarge", err)
	}
}

// The real file must say exactly what the embedded register says.
func TestRealGV100ADMatchesTheEmbeddedRegister(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LEITSTELLE_SAMPLES")
	if dir == "" {
		t.Log("LEITSTELLE_SAMPLES is not set: only the small corpus was read")
		return
	}
	f := readFile(t, filepath.Join(dir, "constituency", "GV100AD_30112025.txt"))
	ours, err := constituency.Thuringia()
	if err != nil {
		t.Fatal(err)
	}
	plan := planOf(t, load(t, constituency.File{Stand: constituency.Stand, Entries: ours}), f)
	if !plan.None() {
		t.Errorf("differences: %d added, %d gone, changed %+v", len(plan.Added), len(plan.Gone), plan.Changed)
	}
	if plan.Unchanged != 17+42+605 {
		t.Errorf("unchanged %d, want 664", plan.Unchanged)
	}
}
