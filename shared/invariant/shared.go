// SPDX-License-Identifier: EUPL-1.2

package invariant

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Settled is how long an event may wait before it is a violation (I4).
const Settled = 60 * time.Second

// Shared returns the checks of the tables that every service has: outbox, inbox,
// idempotency and audit. within is how old an unsent event may be; Settled in
// production, 0 in a test that has waited until all is drained.
func Shared(db pg.DB, name string, within time.Duration) []Check {
	return append([]Check{
		{
			Name: "I4 no event is in the outbox twice", Database: name, DB: db,
			Query: `SELECT 'event ' || id || ' has ' || count(*) || ' rows' FROM outbox GROUP BY id HAVING count(*) > 1`,
		},
		{
			Name: "I4 the outbox holds whole events", Database: name, DB: db,
			Query: `SELECT 'seq ' || seq || ' differs from its body' FROM outbox
				WHERE body::jsonb ->> 'id' IS DISTINCT FROM id::text OR body::jsonb ->> 'type' IS DISTINCT FROM type`,
		},
		{
			Name: "I4 no event waits too long", Database: name, DB: db,
			Query: `SELECT 'seq ' || seq || ' (' || type || ') waits since ' || created_at FROM outbox
				WHERE published_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => $1) ORDER BY seq`,
			Args: []any{within.Seconds()},
		},
		{
			Name: "I5 no event is done twice by one consumer", Database: name, DB: db,
			Query: `SELECT consumer || ' did ' || event_id || ' ' || count(*) || ' times' FROM inbox
				GROUP BY consumer, event_id HAVING count(*) > 1`,
		},
		{
			Name: "I8 no event is dead", Database: name, DB: db,
			Query: `SELECT consumer || ' gave up ' || subject || ' ' || event_id || ': ' || left(reason, 200)
				FROM dead_event WHERE retried_at IS NULL ORDER BY id`,
		},
		{
			Name: "I1 each idempotency key stands for one answer", Database: name, DB: db,
			Query: `SELECT scope || ' ' || key || ' has ' || count(*) || ' answers' FROM idempotency
				GROUP BY scope, key HAVING count(*) > 1`,
		},
	}, Audit(db, name, nil))
}

// Audit checks the chain from genesis to head, and against checkpoints where
// there are some (I3).
func Audit(db pg.DB, name string, anchors []audit.Anchor) Check {
	return Check{
		Name: "I3 the audit chain holds", Database: name, DB: db,
		Find: func(ctx context.Context) ([]string, error) {
			r, err := audit.Verify(ctx, db, anchors)
			if err != nil || r.OK() {
				return nil, err
			}
			return []string{fmt.Sprintf("entry %d bad: %s", r.Bad, r.Why)}, nil
		},
	}
}
