// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// A conversation of a thousand messages is read in windows: the newest first,
// earlier ones behind a plain link, each once; the print shows all of them.
func TestALongConversationIsReadInWindows(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	for _, insert := range []string{
		`INSERT INTO report_message (id, report_id, side, author_id, author, bodies, case_id, body, at)
			SELECT gen_random_uuid(), '` + c.ID + `', 'cert', '', 'Robin', ARRAY['` + apolda + `'], '', 'Nachricht ' || n || '.', now() + make_interval(secs => n) FROM generate_series(1, 1000) n`,
		`INSERT INTO report_attachment (id, report_id, author_id, author, bodies, name, media_type, size, sha256, blob, at)
			SELECT gen_random_uuid(), '` + c.ID + `', '', 'Robin', ARRAY['` + apolda + `'], n || '.txt', 'text/plain', 1, 'x', 'b' || n, now() FROM generate_series(1, 1000) n`,
		`INSERT INTO report_step (id, report_id, kind, author_id, author, bodies, body, contact, at)
			SELECT gen_random_uuid(), '` + c.ID + `', 'contradicted', '', 'Robin', ARRAY['` + apolda + `'], 'Schritt ' || n || '.', '{}', now() + make_interval(secs => n) FROM generate_series(1, 1000) n`,
	} {
		e.exec(insert)
	}
	type answer struct {
		Messages    []struct{ ID string }
		Attachments []struct{ ID string }
		Steps       []struct{ ID string }
		Earlier     map[string]string
	}
	for list, ids := range map[string]func(a answer) []struct{ ID string }{
		"messages":    func(a answer) []struct{ ID string } { return a.Messages },
		"attachments": func(a answer) []struct{ ID string } { return a.Attachments },
		"steps":       func(a answer) []struct{ ID string } { return a.Steps },
	} {
		seen, before := map[string]bool{}, ""
		for range 30 {
			var a answer
			res := e.do(request{path: reportsPath + "/" + c.ID + "?limit=100&before=" + url.QueryEscape(before), as: actor.Officer})
			res.into(t, &a)
			if n := len(ids(a)); n == 0 || n > 100 || len(res.body) > 200_000 {
				t.Fatalf("%s: %d lines in %d bytes", list, n, len(res.body))
			}
			for _, m := range ids(a) {
				if seen[m.ID] {
					t.Fatalf("%s: %s comes twice", list, m.ID)
				}
				seen[m.ID] = true
			}
			if before = a.Earlier[list]; before == "" {
				break
			}
		}
		if len(seen) != 1000 {
			t.Errorf("%s: %d lines, want 1000", list, len(seen))
		}
	}
	b := e.visitor("de", actor.Officer)
	page := b.get("/melden/vorgang/" + c.Reference)
	for list, word := range map[string]string{"messages": "Nachricht", "steps": "Schritt"} {
		has(t, page, word+" 1000.", word+" 951.", "Frühere Einträge")
		hasNot(t, page, word+" 950.")
		_, rest, _ := strings.Cut(page.body, `?vor=`+list+`.`)
		cursor, _, _ := strings.Cut(rest, "#")
		older := b.get("/melden/vorgang/" + c.Reference + "?vor=" + list + "." + cursor)
		has(t, older, word+" 950.", word+" 901.", "Zu den neuesten Einträgen")
		hasNot(t, older, word+" 951.", word+" 900.")
	}
	paper := b.get("/melden/vorgang/" + c.Reference + "/druck")
	has(t, paper, "Nachricht 1.", "Nachricht 1000.", "Schritt 1.", "Schritt 1000.")
	hasNot(t, paper, "Von jeder Liste")
	for _, bad := range []string{"?before=x", "?before=messages.1.%00", "?limit=0", "?limit=x"} {
		if res := e.do(request{path: reportsPath + "/" + c.ID + bad, as: actor.Officer}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", bad, res.StatusCode)
		}
	}
}
