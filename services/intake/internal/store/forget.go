// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// settled holds for a report all of whose cases are closed and none on hold.
func settled(report string) string {
	return `EXISTS (SELECT FROM case_report l WHERE l.report_id = ` + report + `) AND NOT EXISTS (
		SELECT FROM case_report l JOIN case_copy c ON c.id = l.case_id WHERE l.report_id = ` + report + `
		AND (c.snapshot ->> 'state' NOT IN ('closed', 'merged') OR coalesce((c.snapshot ->> 'hold')::boolean, false)))`
}

// NamedPeople are the places where intake names people beside their ids. A
// report's digest stays what was signed.
func NamedPeople() []privacy.Erasure {
	return []privacy.Erasure{
		{
			Table: "report r", Mine: `r.reporter_id = $1 AND (r.reporter <> $2 OR r.content ? 'callback' AND r.content -> 'callback' ->> 'name' <> $2)`, Free: settled("r.id"),
			Set: `reporter = $2, content = CASE WHEN content ? 'callback' THEN jsonb_set(content, '{callback}', jsonb_build_object('name', $2::text, 'phone', '')) ELSE content END`,
		},
		{
			Table: "report_step s", Set: `author = $2, contact = '{}'`, Mine: `s.author_id = $1 AND s.author <> $2`, Free: settled("s.report_id"),
		},
		{
			Table: "report_body b", Set: `contact = '{}', own = own - 'callback'`, Free: settled("b.report_id"),
			Mine: `(b.own ? 'callback' OR b.contact <> '{}'::jsonb) AND b.report_id IN (
				SELECT id FROM report WHERE reporter_id = $1 UNION SELECT report_id FROM report_step WHERE author_id = $1) AND $2 <> ''`,
		},
		{Table: "report_message m", Set: `author = $2`, Mine: `m.author_id = $1 AND m.author <> $2`, Free: settled("m.report_id")},
		{Table: "report_supplement s", Set: `author = $2`, Mine: `s.author_id = $1 AND s.author <> $2`, Free: settled("s.report_id")},
		{Table: "report_attachment a", Set: `author = $2`, Mine: `a.author_id = $1 AND a.author <> $2`, Free: settled("a.report_id")},
		{
			Table: "case_copy c", Set: `snapshot = jsonb_set(snapshot, '{assignee,name}', to_jsonb($2::text))`,
			Mine: `c.snapshot -> 'assignee' ->> 'id' = $1 AND c.snapshot -> 'assignee' ->> 'name' <> $2`,
			Free: `c.snapshot ->> 'state' IN ('closed', 'merged') AND NOT coalesce((c.snapshot ->> 'hold')::boolean, false)`,
		},
	}
}
