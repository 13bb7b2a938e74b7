// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// A file with a thousand lines is read in windows: the newest first, each line
// once, none left out; on paper up to the limit that the print names.
func TestALongFileIsReadInWindows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.report(t, sample.Report(1))
	d, err := b.Dossier(t.Context(), sample.Lea, ref, casefile.Window{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(d.Timeline)
	for _, insert := range []string{
		`INSERT INTO case_entries (id, case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref)
			SELECT gen_random_uuid(), $1, 2, $2::timestamptz + make_interval(secs => n / 3), 'x', 'Lea', 'note.added', '', '', n::text, '' FROM generate_series(1, 1000) n`,
		`INSERT INTO case_notes (id, case_id, author_id, author_name, text, at)
			SELECT 'n' || n, $1, 'x', 'Lea', n::text, $2::timestamptz + make_interval(secs => n / 3) FROM generate_series(1, 1000) n`,
		`INSERT INTO case_messages (id, case_id, direction, author_id, author_name, report, text, tlp, at)
			SELECT 'm' || n, $1, 'in', 'x', 'Lea', '', n::text, 'AMBER', $2::timestamptz FROM generate_series(1, 1000) n`, // all at once
	} {
		if _, err := b.db.Exec(insert, d.ID, sample.Noon); err != nil {
			t.Fatal(err)
		}
	}
	length := map[string]func(casefile.Dossier) []string{
		casefile.ListTimeline: func(d casefile.Dossier) (ids []string) {
			for _, x := range d.Timeline {
				ids = append(ids, x.ID)
			}
			return ids
		},
		casefile.ListNotes: func(d casefile.Dossier) (ids []string) {
			for _, x := range d.Notes {
				ids = append(ids, x.ID)
			}
			return ids
		},
		casefile.ListMessages: func(d casefile.Dossier) (ids []string) {
			for _, x := range d.Messages {
				ids = append(ids, x.ID)
			}
			return ids
		},
	}
	for list, of := range length {
		want := 1000
		if list == casefile.ListTimeline {
			want += before
		}
		seen, w := map[string]bool{}, casefile.Window{}
		for range 30 {
			d, err := b.Dossier(t.Context(), sample.Lea, ref, w)
			if err != nil {
				t.Fatal(err)
			}
			ids := of(d)
			if len(ids) == 0 || len(ids) > casefile.WindowSize || d.Counts[list] != want {
				t.Fatalf("%s: %d lines of %d", list, len(ids), d.Counts[list])
			}
			for _, id := range ids {
				if seen[id] {
					t.Fatalf("%s: %s comes twice", list, id)
				}
				seen[id] = true
			}
			next, more := d.Earlier[list]
			if !more {
				break
			}
			if w.Before, err = casefile.ParseCursor(next.String()); err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d lines, want %d", list, len(seen), want)
		}
	}
	line, err := b.Dossier(t.Context(), sample.Lea, ref, casefile.Window{Before: casefile.Cursor{List: casefile.ListNotes, ID: "n500", At: sample.Noon.Add(166e9), Upto: true}})
	if err != nil || len(line.Notes) == 0 || line.Notes[len(line.Notes)-1].ID != "n500" {
		t.Errorf("the link to a note does not end with it: %v, %d", err, len(line.Notes))
	}
	paper := sample.Lea
	paper.Export, paper.StepUpAt, paper.StepUpUntil = true, sample.Noon, sample.Noon.AddDate(1, 0, 0)
	if d, err := b.Dossier(t.Context(), paper, ref, casefile.Window{}); err != nil || len(d.Notes) != 1000 || len(d.Earlier) != 0 {
		t.Errorf("on paper: %d notes, %v, %v; want all", len(d.Notes), d.Earlier, err)
	}
}

func TestAForgedCursorIsNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"x", "notes", "notes.1", "notes.x.1", "cases.1.1", "notes.-1.1", "notes.1.", "notes.1.\x00", fmt.Sprintf("notes.1.%0400d", 1), "notes==.1.1"} {
		if _, err := casefile.ParseCursor(s); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v, want Malformed", s, err)
		}
	}
}
