// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/privacy"

// NamedPeople are the places where notification names people beside their ids.
func NamedPeople() []privacy.Erasure {
	return []privacy.Erasure{
		{
			Table: "deliveries d", Set: `name = $2, recipient = 'erased:' || person`, Mine: `d.person = $1 AND d.name <> $2`,
			Free: `d.state <> 'pending' AND NOT EXISTS (SELECT FROM notices n JOIN cases c ON c.id = n.case_id WHERE n.id = d.notice AND c.hold)`,
		},
		{
			Table: "contacts k", Mine: `jsonb_typeof(k.recipients) = 'array' AND EXISTS (SELECT FROM jsonb_array_elements(k.recipients) r (value) WHERE r.value ->> 'Person' = $1)`,
			Set: `recipients = (SELECT coalesce(jsonb_agg(r.value), '[]') FROM jsonb_array_elements(recipients) r (value) WHERE r.value ->> 'Person' <> $1 OR r.value ->> 'Person' = $2)`,
		},
		{Table: "answers a", Set: `by_person = jsonb_set(by_person, '{name}', to_jsonb($2::text))`, Mine: `a.by_person ->> 'id' = $1 AND a.by_person ->> 'name' <> $2`},
		{Table: "alert_bodies b", Set: `answered_by = jsonb_set(answered_by, '{name}', to_jsonb($2::text))`, Mine: `b.answered_by ->> 'id' = $1 AND b.answered_by ->> 'name' <> $2`},
		{Table: "alert_versions v", Set: `author = jsonb_set(author, '{name}', to_jsonb($2::text))`, Mine: `v.author ->> 'id' = $1 AND v.author ->> 'name' <> $2`},
		{Table: "alert_versions v", Set: `approver = jsonb_set(approver, '{name}', to_jsonb($2::text))`, Mine: `v.approver ->> 'id' = $1 AND v.approver ->> 'name' <> $2`},
		{Table: "alerts a", Set: `withdrawn_by = jsonb_set(withdrawn_by, '{name}', to_jsonb($2::text))`, Mine: `a.withdrawn_by ->> 'id' = $1 AND a.withdrawn_by ->> 'name' <> $2`},
		{Table: "subscriptions s", Mine: `s.person = $1`},
		{Table: "answer_tokens t", Mine: `t.person = $1`},
	}
}
