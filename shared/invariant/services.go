// SPDX-License-Identifier: EUPL-1.2

package invariant

// recent leaves out what is older than the events of the outbox are kept.
const recent = `clock_timestamp() - interval '80 days'`

// services holds the checks of each service's own tables.
var services = map[string][]Check{
	Directory: {
		{
			Name: "I3 each mandate, person and organisation that changed said so", Query: `
				WITH record AS (
					SELECT 'organisation' AS kind, id, version, updated_at AS at FROM organisation
					UNION ALL SELECT 'person', id, version, changed_at FROM person
					UNION ALL SELECT 'mandate', id, version, changed_at FROM mandate
				), told AS (
					SELECT type, (body::jsonb ->> 'subject_id')::uuid AS id, max((body::jsonb ->> 'subject_version')::int) AS version
					FROM outbox WHERE type LIKE 'directory.%.changed' GROUP BY 1, 2
				)
				SELECT r.kind || ' ' || r.id || ' is at version ' || r.version || ', the others were told ' || coalesce(t.version::text, 'nothing')
				FROM record r LEFT JOIN told t ON t.id = r.id AND t.type = 'directory.' || r.kind || '.changed'
				WHERE r.at > ` + recent + ` AND t.version IS DISTINCT FROM r.version`,
		},
		{
			Name: "no secret stands for two sessions", Query: `
				SELECT 'session ' || a.id || ' and token ' || b.id FROM session a JOIN token b ON a.sum = b.sum`,
		},
	},
	Intake: {
		{
			Name: "I1 each idempotency key has one report", Query: `
				SELECT idem_scope || ' ' || idem_key || ' has ' || count(*) || ' reports' FROM report
				WHERE idem_key <> '' AND idem_scope <> '' GROUP BY idem_scope, idem_key HAVING count(*) > 1`,
		},
		{
			Name: "I1 each reference names one report", Query: `
				SELECT reference || ' names ' || count(*) FROM report GROUP BY reference HAVING count(*) > 1`,
		},
		{
			Name: "I2 each report names whom it is about", Query: `
				SELECT reference FROM report r WHERE NOT EXISTS (SELECT FROM report_body b WHERE b.report_id = r.id)`,
		},
		{
			Name: "I4 each report is told once for each body", Query: `
				SELECT r.reference || ' has ' || b.n || ' bodies and ' || coalesce(o.n, 0) || ' events'
				FROM report r
				JOIN (SELECT report_id, count(*) AS n FROM report_body GROUP BY 1) b ON b.report_id = r.id
				LEFT JOIN (SELECT body::jsonb ->> 'subject_id' AS id, count(*) AS n FROM outbox
					WHERE type = 'report.submitted' GROUP BY 1) o ON o.id = r.id::text
				WHERE r.received_at > ` + recent + ` AND b.n IS DISTINCT FROM o.n`,
		},
		{
			Name: "I4 no report is told that does not exist", Query: `
				SELECT 'event ' || o.id || ' names ' || (o.body::jsonb ->> 'subject_id') FROM outbox o
				WHERE o.type LIKE 'report.%' AND NOT EXISTS (SELECT FROM report r WHERE r.id::text = o.body::jsonb ->> 'subject_id')`,
		},
		{
			Name: "I3 each report has one audit entry, or one in each principal's log", Query: `
				SELECT r.reference || ' has ' || count(a.seq) || ' entries' FROM report r
				LEFT JOIN audit a ON a.object_type = 'report' AND a.object_id = r.id::text AND a.action = 'report.create' AND a.result = 'ok'
				GROUP BY r.id, r.reference HAVING count(a.seq) <> greatest(1, (SELECT count(DISTINCT b.on_behalf) FROM report_body b
					WHERE b.report_id = r.id AND b.on_behalf <> '' AND b.added_at IS NULL))`,
		},
		{
			Name: "I3 each body that joined later is in its principal's log", Query: `
				SELECT b.report_id || ' got ' || b.name FROM report_body b
				WHERE b.added_at IS NOT NULL AND NOT EXISTS (SELECT FROM audit a WHERE a.object_type = 'report'
					AND a.object_id = b.report_id::text AND a.action = 'report.extend' AND a.on_behalf_of = b.on_behalf AND a.result = 'ok')`,
		},
		{
			Name: "I4 each take-over and contradiction is told", Query: `
				SELECT s.kind || ' ' || s.id || ' has ' || count(o.id) || ' events' FROM report_step s
				LEFT JOIN outbox o ON o.type = CASE s.kind WHEN 'contradicted' THEN 'report.contradicted' ELSE 'report.taken_over' END
					AND o.body::jsonb ->> 'subject_id' = s.report_id::text AND (o.body::jsonb ->> 'occurred_at')::timestamptz = s.at
					AND o.body::jsonb -> 'data' -> 'affected' ->> 'id' = s.bodies[1]
					AND coalesce((o.body::jsonb -> 'data' ->> 'returned')::boolean, false) = (s.kind = 'given_back')
				WHERE s.at > ` + recent + ` GROUP BY s.id, s.kind HAVING count(o.id) <> 1`,
		},
		{
			Name: "I3 no audit entry is without its report", Query: `
				SELECT 'entry ' || a.seq || ' names ' || a.object_id FROM audit a
				WHERE a.action = 'report.create' AND a.result = 'ok'
				AND NOT EXISTS (SELECT FROM report r WHERE r.id::text = a.object_id)`,
		},
		{
			Name: "I4 each message, supplement and file is told", Query: `
				WITH added AS (
					SELECT 'report.message.posted' AS type, id, at, cardinality(bodies) AS bodies FROM report_message WHERE side = 'reporter'
					UNION ALL SELECT 'report.supplemented', id, at, cardinality(bodies) FROM report_supplement
					UNION ALL SELECT 'report.attachment.added', id, at, cardinality(bodies) FROM report_attachment
				), told AS (
					SELECT type, coalesce(body::jsonb -> 'data' ->> 'message', body::jsonb -> 'data' ->> 'supplement',
						body::jsonb -> 'data' ->> 'attachment') AS id, count(*) AS n
					FROM outbox WHERE type IN ('report.message.posted', 'report.supplemented', 'report.attachment.added') GROUP BY 1, 2
				)
				SELECT a.type || ' ' || a.id || ' has ' || coalesce(t.n, 0) || ' events for ' || a.bodies || ' bodies'
				FROM added a LEFT JOIN told t ON t.type = a.type AND t.id = a.id::text
				WHERE a.at > ` + recent + ` AND (t.n IS NULL OR t.n > greatest(1, a.bodies))`,
		},
	},
	Triage: {
		{
			Name: "I5 each report of a body opened one case", Query: `
				SELECT report_id || ' of ' || affected || ' opened ' || count(DISTINCT case_id) FROM case_reports
				GROUP BY report_id, affected HAVING count(DISTINCT case_id) > 1`,
		},
		{
			Name: "I5 no case was opened without a report", Query: `
				SELECT reference FROM cases c WHERE NOT EXISTS (SELECT FROM case_reports r WHERE r.case_id = c.id)`,
		},
		{
			Name: "I1 each reference names one case", Query: `
				SELECT reference || ' names ' || count(*) FROM cases GROUP BY reference HAVING count(*) > 1`,
		},
		{
			Name: "I6 no version of a case is lost or made twice", Query: `
				SELECT c.reference || ' is at version ' || c.version || ' after ' || count(s.seq) || ' changes up to ' || coalesce(max(s.version), 0)
				FROM cases c LEFT JOIN case_changes s ON s.case_id = c.id
				GROUP BY c.id, c.reference, c.version HAVING count(s.seq) <> c.version OR count(DISTINCT s.version) <> c.version OR max(s.version) <> c.version`,
		},
		{
			Name: "I4 each version of a case is told once", Query: `
				SELECT c.reference || ' version ' || s.version || ' has ' || count(o.id) || ' events'
				FROM case_changes s JOIN cases c ON c.id = s.case_id
				LEFT JOIN outbox o ON o.type IN ('case.opened', 'case.updated', 'case.closed')
					AND o.body::jsonb ->> 'subject_id' = c.id::text AND (o.body::jsonb ->> 'subject_version')::int = s.version
				WHERE c.changed_at > ` + recent + ` AND c.opened_at > ` + recent + `
				GROUP BY c.reference, s.version HAVING count(o.id) <> 1`,
		},
		{
			Name: "I3 each line of a case file has one audit entry", Query: `
				SELECT e.case_id || ': ' || e.n || ' lines and ' || coalesce(a.n, 0) || ' entries of ' || e.kind
				FROM (SELECT case_id, kind, count(*) AS n FROM case_entries GROUP BY 1, 2) e
				LEFT JOIN (SELECT object_id, action, count(*) AS n FROM audit WHERE object_type = 'case' AND result = 'ok' GROUP BY 1, 2) a
					ON a.object_id = e.case_id::text AND a.action = 'case.' || e.kind
				WHERE e.n IS DISTINCT FROM a.n`,
		},
		{
			Name: "I3 each change of the stream has its audit entry", Query: `
				SELECT 'change ' || s.seq || ' of case ' || s.case_id FROM case_changes s
				WHERE NOT EXISTS (SELECT FROM audit a WHERE a.seq = s.seq AND a.object_id = s.case_id::text)`,
		},
	},
	Notification: {
		{
			Name: "I5 each notice goes to a recipient once", Query: `
				SELECT notice || ' goes ' || count(*) || ' times to a ' || channel FROM deliveries
				GROUP BY notice, channel, recipient HAVING count(*) > 1`,
		},
		{
			Name: "I5 what waits to be sent is due, and nothing else", Query: `
				SELECT coalesce(d.id, w.delivery) || ' is ' || coalesce(d.state, 'unknown') || ', due: ' || (w.delivery IS NOT NULL)
				FROM (SELECT id, state FROM deliveries WHERE state = 'pending') d FULL JOIN due w ON w.delivery = d.id
				WHERE d.id IS NULL OR w.delivery IS NULL`,
		},
		{
			Name: "I5 each cause has one notice", Query: `
				SELECT key || ' has ' || count(*) || ' notices' FROM notices GROUP BY key HAVING count(*) > 1`,
		},
		{
			Name: "I3 each delivery that ended has one audit entry", Query: `
				SELECT d.id || ' is ' || d.state || ' with ' || count(a.seq) || ' entries' FROM deliveries d
				LEFT JOIN audit a ON a.object_type = 'delivery' AND a.object_id = d.id::text AND a.action = 'delivery.' || d.state
				WHERE d.state IN ('sent', 'failed', 'bounced')
				GROUP BY d.id, d.state HAVING count(a.seq) <> 1`,
		},
		{
			Name: "I4 each release is told once", Query: `
				SELECT v.alert || ' version ' || v.number || ' has ' || count(o.id) || ' events' FROM alert_versions v
				LEFT JOIN outbox o ON o.type = 'alert.published' AND o.body::jsonb ->> 'subject_id' = v.alert::text
					AND (o.body::jsonb ->> 'subject_version')::int = v.number
				WHERE v.published_at > ` + recent + `
				GROUP BY v.alert, v.number HAVING count(o.id) <> 1`,
		},
		{
			Name: "no alert was released by who wrote it", Query: `
				SELECT alert || ' version ' || number FROM alert_versions
				WHERE published_at IS NOT NULL AND (approver IS NULL OR approver ->> 'id' = author ->> 'id' OR approver ->> 'id' = ANY (contributors))`,
		},
		{
			Name: "I6 no answer is lost", Query: `
				SELECT b.alert || ' ' || b.organisation || ' is at answer ' || b.version || ' of ' || count(a.version) FROM alert_bodies b
				LEFT JOIN answers a ON a.alert = b.alert AND a.organisation = b.organisation
				GROUP BY b.alert, b.organisation, b.version HAVING count(a.version) <> b.version OR coalesce(max(a.version), 0) <> b.version`,
		},
	},
}
