// SPDX-License-Identifier: EUPL-1.2

package retention

// Shared are the rules of the tables that every service has. The service
// itself forgets idempotency keys after 30 days and inbox rows after 90; they
// hold no content worth a proposal. Events and dead events do.
func Shared() []Rule {
	return []Rule{
		{
			Class: "events", Keep: 90 * Day, Auto: true,
			Title: Text{"Versandte Ereignisse (Postausgang zwischen den Diensten)", "Published events (outbox between the services)"},
			After: Text{"nach dem Versand", "after they were published"},
			Then:  Text{"gelöscht", "deleted"},
			Due:   `SELECT seq::text AS id, published_at AS at, false AS held FROM outbox WHERE published_at < $1`,
			Steps: []string{`DELETE FROM outbox WHERE seq = ANY ($1::bigint[])`},
		},
		{
			Class: "dead-events", Keep: 90 * Day, Auto: true,
			Title: Text{"Aufgegebene Ereignisse, die erledigt sind", "Dead events that were dealt with"},
			After: Text{"nachdem sie erledigt sind", "after they were dealt with"},
			Then:  Text{"gelöscht", "deleted"},
			Due:   `SELECT id::text AS id, retried_at AS at, false AS held FROM dead_event WHERE retried_at < $1`,
			Steps: []string{`DELETE FROM dead_event WHERE id = ANY ($1::bigint[])`},
		},
	}
}
