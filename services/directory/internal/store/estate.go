// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// openRequest are the states in which the CERT still owes an answer or the work.
const openRequest = `('received', 'examining', 'promised')`

// toOffer finds the mandates that ended with the body $1 and that nobody asked
// for anew between its successor $2 and the other side.
const toOffer = `m.state = 'revoked' AND $1 IN (m.principal, m.agent) AND (m.valid_to IS NULL OR m.valid_to > $3)
	AND EXISTS (SELECT FROM audit a WHERE a.object_type = 'mandate' AND a.object_id = m.id::text AND a.action = 'mandate.end')
	AND $2 NOT IN (m.principal, m.agent)
	AND NOT EXISTS (SELECT FROM mandate n WHERE n.state IN ('requested', 'granted', 'active') AND (n.valid_to IS NULL OR n.valid_to > $3)
		AND n.principal = CASE WHEN m.principal = $1 THEN $2 ELSE m.principal END
		AND n.agent = CASE WHEN m.agent = $1 THEN $2 ELSE m.agent END)`

const estateContacts = `
SELECT c.id, c.name, c.email AS detail, EXISTS (SELECT FROM contact h WHERE h.organisation = $2 AND h.removed_at IS NULL
	AND h.sort = c.sort AND h.email = c.email) AS twice
FROM contact c WHERE c.organisation = $1 AND c.removed_at IS NULL ORDER BY c.sort, c.id LIMIT 500`

const estateRequests = `
SELECT r.id, s.name_de AS name, r.state AS detail, false AS twice
FROM service_request r JOIN service s ON s.id = r.service
WHERE r.organisation = $1 AND $2::uuid IS NOT NULL AND r.state IN ` + openRequest + ` ORDER BY r.created_at, r.id LIMIT 500`

const estateDeputies = `
SELECT DISTINCT p.id AS person, p.name, d.id AS deputy, d.name AS deputy_name
FROM person p JOIN person d ON d.id = p.deputy
WHERE p.absent_to > $2 AND (EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = $1)
	OR EXISTS (SELECT FROM membership m WHERE m.person = d.id AND m.organisation = $1)) ORDER BY p.name, p.id LIMIT 200`

const estateRest = `
SELECT EXISTS (SELECT FROM emergency_contact WHERE organisation = $1) AS sealed,
	EXISTS (SELECT FROM emergency_contact WHERE organisation = $2) AS heir_sealed,
	(SELECT count(*) FROM invitation WHERE organisation = $1 AND kind IN ('join', 'roles') AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > $3) AS invitations,
	(SELECT count(*) FROM task WHERE organisation = $1 AND done_at IS NULL) AS tasks,
	(SELECT handed_at FROM succession WHERE predecessor = $1) AS handed_at`

// Estate lists what is left of o and what of it heir has already.
func (s *Store) Estate(ctx context.Context, o, heir constituency.Organisation, at time.Time) (takeover.Estate, error) {
	var e takeover.Estate
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var items []struct {
			ID     string `db:"id"`
			Name   string `db:"name"`
			Detail string `db:"detail"`
			Twice  bool   `db:"twice"`
		}
		for query, into := range map[string]*[]takeover.Item{estateContacts: &e.Contacts, estateRequests: &e.Requests} {
			items = nil
			if err := tx.SelectContext(ctx, &items, query, o.ID, heir.ID); err != nil {
				return err
			}
			for _, x := range items {
				*into = append(*into, takeover.Item(x))
			}
		}
		var deputies []struct {
			Person     string `db:"person"`
			Name       string `db:"name"`
			Deputy     string `db:"deputy"`
			DeputyName string `db:"deputy_name"`
		}
		if err := tx.SelectContext(ctx, &deputies, estateDeputies, o.ID, at); err != nil {
			return err
		}
		for _, d := range deputies {
			e.Deputies = append(e.Deputies, takeover.Deputy(d))
		}
		mandates, err := endedWith(ctx, tx, o.ID, heir.ID, at)
		if err != nil {
			return err
		}
		e.Mandates = mandates
		var rest struct {
			Sealed      bool       `db:"sealed"`
			HeirSealed  bool       `db:"heir_sealed"`
			Invitations int        `db:"invitations"`
			Tasks       int        `db:"tasks"`
			HandedAt    *time.Time `db:"handed_at"`
		}
		if err := tx.GetContext(ctx, &rest, estateRest, o.ID, heir.ID, at); err != nil {
			return err
		}
		e.Sealed, e.HeirSealed, e.Invitations, e.Tasks, e.HandedAt = rest.Sealed, rest.HeirSealed, rest.Invitations, rest.Tasks, utc(rest.HandedAt)
		return nil
	})
	return e, classify(ctx, err, "read what is left of %s", o.ID)
}

func endedWith(ctx context.Context, tx pg.DB, from, to string, at time.Time) ([]mandate.Mandate, error) {
	var rows []mandateRow
	err := tx.SelectContext(ctx, &rows, `SELECT `+mandateColumns+` FROM mandate m WHERE `+toOffer+` ORDER BY m.id LIMIT 1000`, from, to, at)
	out := make([]mandate.Mandate, len(rows))
	for i, r := range rows {
		out[i] = r.mandate()
	}
	return out, err
}
