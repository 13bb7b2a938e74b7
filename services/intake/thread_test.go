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
	} {
		e.exec(insert)
	}
	type answer struct {
		Messages    []struct{ ID string }
		Attachments []struct{ ID string }
		Earlier     map[string]string
	}
	for list, ids := range map[string]func(a answer) []struct{ ID string }{
		"messages":    func(a answer) []struct{ ID string } { return a.Messages },
		"attachments": func(a answer) []struct{ ID string } { return a.Attachments },
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
	has(t, page, "Nachricht 1000.", "Nachricht 951.", "Frühere Einträge")
	hasNot(t, page, "Nachricht 950.")
	_, rest, _ := strings.Cut(page.body, `?vor=messages.`)
	cursor, _, _ := strings.Cut(rest, "#")
	older := b.get("/melden/vorgang/" + c.Reference + "?vor=messages." + cursor)
	has(t, older, "Nachricht 950.", "Nachricht 901.", "Zu den neuesten Einträgen")
	hasNot(t, older, "Nachricht 951.", "Nachricht 900.")
	paper := b.get("/melden/vorgang/" + c.Reference + "/druck")
	has(t, paper, "Nachricht 1.", "Nachricht 1000.")
	hasNot(t, paper, "Von jeder Liste")
	for _, bad := range []string{"?before=x", "?before=messages.1.%00", "?limit=0", "?limit=x"} {
		if res := e.do(request{path: reportsPath + "/" + c.ID + bad, as: actor.Officer}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", bad, res.StatusCode)
		}
	}
}
