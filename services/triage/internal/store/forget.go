// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// settled holds for a case that ended, with the case that took it in, and is
// not on hold.
func settled(id string) string { return `case_settled(` + id + `)` }

// NamedPeople are the places where triage names people beside their ids.
func NamedPeople() []privacy.Erasure {
	out := []privacy.Erasure{
		// Lines about what somebody sent name them without their id: by the names
		// the person has in that case. It comes first, while those are there.
		{
			Table: "case_entries e", Set: `to_value = $2`, Free: settled("e.case_id"),
			Mine: `e.kind IN ('supplemented', 'message.received', 'attachment.added', 'taken.over', 'returned', 'contradicted')
				AND e.to_value NOT IN ('', $2) AND (e.case_id, e.to_value) IN (
				SELECT case_id, author_name FROM case_messages WHERE author_id = $1
				UNION SELECT case_id, author_name FROM case_supplements WHERE author_id = $1
				UNION SELECT case_id, author_name FROM case_attachments WHERE author_id = $1
				UNION SELECT case_id, body -> 'reporter' ->> 'name' FROM case_reports WHERE body -> 'reporter' ->> 'id' = $1
				UNION SELECT id, taken_over -> 'author' ->> 'name' FROM cases WHERE taken_over -> 'author' ->> 'id' = $1
				UNION SELECT id, contradicted -> 'author' ->> 'name' FROM cases WHERE contradicted -> 'author' ->> 'id' = $1)`,
		},
		{
			Table: "case_reports r", Free: settled("r.case_id"),
			Mine: `r.body -> 'reporter' ->> 'id' = $1 AND r.body -> 'reporter' ->> 'name' <> $2`,
			Set:  `body = jsonb_set(body, '{reporter,name}', to_jsonb($2::text)) || CASE WHEN body ? 'callback' THEN jsonb_build_object('callback', jsonb_build_object('name', $2::text)) ELSE '{}' END`,
		},
		{Table: "case_entries e", Set: `actor_name = $2`, Mine: `e.actor_id = $1 AND e.actor_name <> $2`, Free: settled("e.case_id")},
		// Who was given a case stands in the line by name, beside the id in ref; who
		// had it before, by the line before.
		{
			Table: "case_entries e", Set: `from_value = $2`, Free: settled("e.case_id"),
			Mine: `e.kind = 'assigned' AND e.from_value NOT IN ('', $2) AND (e.case_id, e.id) IN (
				SELECT case_id, id FROM (
					SELECT case_id, id, lag(ref) OVER (PARTITION BY case_id ORDER BY version, at, id) AS before FROM case_entries
					WHERE kind = 'assigned' AND case_id IN (SELECT case_id FROM case_entries WHERE kind = 'assigned' AND ref = $1)
				) lines WHERE before = $1)`,
		},
		{Table: "case_entries e", Set: `to_value = $2`, Mine: `e.kind = 'assigned' AND e.ref = $1 AND e.to_value <> $2`, Free: settled("e.case_id")},
		{Table: "cases c", Set: `assignee_name = $2`, Mine: `c.assignee_id = $1 AND c.assignee_name NOT IN ('', $2)`, Free: settled("c.id")},
		{Table: "cases c", Set: `taken_over = jsonb_set(taken_over, '{author,name}', to_jsonb($2::text)) - 'callback'`, Mine: `c.taken_over -> 'author' ->> 'id' = $1 AND c.taken_over -> 'author' ->> 'name' <> $2`, Free: settled("c.id")},
		{Table: "cases c", Set: `contradicted = jsonb_set(contradicted, '{author,name}', to_jsonb($2::text)) - 'callback'`, Mine: `c.contradicted -> 'author' ->> 'id' = $1 AND c.contradicted -> 'author' ->> 'name' <> $2`, Free: settled("c.id")},
		{Table: "campaigns k", Set: `assignee_name = $2`, Mine: `k.assignee_id = $1 AND k.assignee_name NOT IN ('', $2)`, Free: `k.state = 'closed'`},
		{Table: "campaign_entries e", Set: `actor_name = $2`, Mine: `e.actor_id = $1 AND e.actor_name NOT IN ('', $2)`, Free: `EXISTS (SELECT FROM campaigns k WHERE k.id = e.campaign_id AND k.state = 'closed')`},
		{Table: "campaign_jobs j", Set: `actor_name = $2`, Mine: `j.actor_id = $1 AND j.actor_name <> $2`, Free: `j.ended_at IS NOT NULL`},
	}
	for _, t := range []string{"case_messages", "case_notes", "case_supplements", "case_attachments"} {
		out = append(out, privacy.Erasure{Table: t + " x", Set: `author_name = $2`, Mine: `x.author_id = $1 AND x.author_name <> $2`, Free: settled("x.case_id")})
	}
	return out
}
