// SPDX-License-Identifier: EUPL-1.2

package invariant

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// roads are who does what with whose events. The directory's records do not
// stand here: of them the stream keeps only the last, so copies are compared.
var roads = []struct {
	from, to, consumer string
	types              []string
}{
	{Intake, Triage, "triage-reports", []string{"report.submitted", "report.supplemented", "report.message.posted", "report.attachment.added", "report.taken_over", "report.contradicted"}},
	{Intake, Notification, "notification-reports", []string{"report.submitted", "report.taken_over"}},
	{Triage, Intake, "intake-cases", []string{"case.opened", "case.updated", "case.closed", "case.message.posted"}},
	{Triage, Notification, "notification-cases", []string{"case.opened", "case.updated", "case.closed", "case.message.posted"}},
	{Notification, Intake, "intake-alerts", []string{"alert.published", "alert.withdrawn"}},
	{Notification, Triage, "triage-alerts", []string{"alert.published", "alert.withdrawn", "poll.answered", "delivery.failed"}},
}

// between returns the checks that need two databases.
func between(dbs map[string]pg.DB, within time.Duration) []Check {
	var out []Check
	for _, r := range roads {
		if from, to := dbs[r.from], dbs[r.to]; from != nil && to != nil {
			out = append(out, Delivered(from, to, r.to, r.consumer, within, r.types...))
		}
	}
	if truth := dbs[Directory]; truth != nil {
		for _, name := range []string{Intake, Triage, Notification} {
			if copied := dbs[name]; copied != nil {
				out = append(out, Copied(truth, copied, name, within))
			}
		}
	}
	return out
}

// Delivered checks that each event of the types in from's outbox was done by the
// consumer of to: none lost on the way (I5). Older than within means late.
func Delivered(from, to pg.DB, name, consumer string, within time.Duration, types ...string) Check {
	return Check{
		Name: "I5 " + consumer + " did every event", Database: name, DB: to,
		Find: func(ctx context.Context) ([]string, error) {
			var sent []string
			if err := from.SelectContext(ctx, &sent, `
				SELECT id FROM outbox WHERE type = ANY ($1) AND created_at > clock_timestamp() - interval '25 days'
				AND created_at < clock_timestamp() - make_interval(secs => $2) ORDER BY seq`, pq.Array(types), within.Seconds()); err != nil {
				return nil, fmt.Errorf("read the sender's outbox: %w", err)
			}
			var lost []string
			for some := range slices.Chunk(sent, 5000) {
				var missing []string
				if err := to.SelectContext(ctx, &missing, `
					SELECT 'event ' || id || ' was lost' FROM unnest($1::uuid[]) AS sent(id)
					WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.consumer = $2 AND i.event_id = sent.id)`,
					pq.Array(some), consumer); err != nil {
					return nil, fmt.Errorf("read the receiver's inbox: %w", err)
				}
				lost = append(lost, missing...)
			}
			return lost, nil
		},
	}
}

type version struct {
	Kind    string `db:"kind"`
	ID      string `db:"id"`
	Version int64  `db:"version"`
}

// Copied checks that a service's copy of the register is the directory's.
func Copied(truth, copied pg.DB, name string, within time.Duration) Check {
	return Check{
		Name: "I6 the copy of the register is the register", Database: name, DB: copied,
		Find: func(ctx context.Context) ([]string, error) {
			var want, got []version
			if err := truth.SelectContext(ctx, &want, `
				SELECT kind, id, version FROM (
					SELECT 'organisation' AS kind, id::text, version, updated_at AS at FROM organisation
					UNION ALL SELECT 'person', id::text, version, changed_at FROM person
					UNION ALL SELECT 'mandate', id::text, version, changed_at FROM mandate
				) r WHERE at < clock_timestamp() - make_interval(secs => $1)`, within.Seconds()); err != nil {
				return nil, fmt.Errorf("read the directory: %w", err)
			}
			if err := copied.SelectContext(ctx, &got, `SELECT kind, id, version FROM register_record WHERE kind <> 'session'`); err != nil {
				return nil, fmt.Errorf("read the copy: %w", err)
			}
			return differences(want, got), nil
		},
	}
}

func differences(want, got []version) []string {
	have := make(map[[2]string]int64, len(got))
	for _, v := range got {
		have[[2]string{v.Kind, v.ID}] = v.Version
	}
	var out []string
	for _, v := range want {
		if n := have[[2]string{v.Kind, v.ID}]; n < v.Version {
			out = append(out, fmt.Sprintf("%s %s is at version %d, the copy at %d", v.Kind, v.ID, v.Version, n))
		}
	}
	return out
}
