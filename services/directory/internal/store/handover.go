// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// handover is one being carried out: its transaction and what it has to tell.
type handover struct {
	takeover.Handover
	act     constituency.Act
	tx      pg.DB
	tell    []event.Payload
	entries []audit.Entry
}

func (h *handover) note(action, objectType string, ids ...string) {
	for _, id := range ids {
		h.entries = append(h.entries, entry(h.act, action, objectType, id))
	}
}

// exec runs one statement that moves rows and returns the ids of those it moved.
func (h *handover) exec(ctx context.Context, what, query string, args ...any) ([]string, error) {
	var ids []string
	if err := h.tx.SelectContext(ctx, &ids, query, args...); err != nil {
		return nil, fmt.Errorf("hand over the %s of %s: %w", what, h.From.ID, err)
	}
	return ids, nil
}

// HandOver carries all of it out in one transaction, with its events and audit
// entries. What is not there any more, or was moved before, is left alone.
func (s *Store) HandOver(ctx context.Context, act constituency.Act, x takeover.Handover) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `SELECT id FROM organisation WHERE id IN ($1, $2) ORDER BY id FOR UPDATE`, x.From.ID, x.To.ID); err != nil {
			return fmt.Errorf("lock %s and its successor: %w", x.From.ID, err)
		}
		from, err := s.On(tx).Organisation(ctx, x.From.ID)
		if err != nil {
			return err
		}
		if x.Version != 0 && x.Version != from.Version {
			return fault.New(fault.Stale, "the record is in version %d by now", from.Version)
		}
		x.From = from // as it is under the lock
		h := &handover{Handover: x, act: act, tx: tx}
		for _, step := range []func(context.Context) error{h.people, h.contacts, h.rest, h.seal, h.requests, h.invitations, h.tasks, h.told, h.count} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		if err := addEvents(ctx, tx, act, h.tell...); err != nil {
			return err
		}
		if len(h.Mandates) > 0 { // writes its own events and audit entries
			if err := s.On(tx).offer(ctx, h); err != nil {
				return err
			}
		}
		_, err = audit.Append(ctx, tx, h.entries...)
		return err
	})
}

// count counts up the predecessor's record when anything was moved, so that what
// somebody else read of it before is stale.
func (h *handover) count(ctx context.Context) error {
	if len(h.entries) == 0 {
		return nil
	}
	if _, err := h.tx.ExecContext(ctx, `UPDATE organisation SET version = version + 1, updated_at = $2 WHERE id = $1`, h.From.ID, h.act.At); err != nil {
		return fmt.Errorf("count up %s: %w", h.From.ID, err)
	}
	h.From.Version, h.From.UpdatedAt = h.From.Version+1, h.act.At
	h.tell = append(h.tell, organisationEvent(h.From))
	return nil
}

// people get the roles at the successor that they have at the predecessor, where
// they lose them; a person's home moves with them. Who stands in for somebody
// they no longer share a body with stands in no more.
func (h *handover) people(ctx context.Context) error {
	if len(h.People) == 0 {
		return nil
	}
	moved, err := h.exec(ctx, "people", `SELECT p.id FROM person p WHERE p.id = ANY ($1::uuid[])
		AND EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = $2) ORDER BY p.id FOR UPDATE`, pq.Array(h.People), h.From.ID)
	if err != nil || len(moved) == 0 {
		return err
	}
	for _, do := range []string{
		`INSERT INTO membership (person, organisation, role, position)
			SELECT person, $2, role, position FROM membership WHERE organisation = $1 AND person = ANY ($3::uuid[])
			ON CONFLICT (person, organisation, role) DO UPDATE SET position = least(membership.position, excluded.position)`,
		`DELETE FROM membership WHERE organisation = $1 AND organisation <> $2 AND person = ANY ($3::uuid[])`,
	} {
		if _, err := h.tx.ExecContext(ctx, do, h.From.ID, h.To.ID, pq.Array(moved)); err != nil {
			return fmt.Errorf("move the people of %s: %w", h.From.ID, err)
		}
	}
	alone, err := h.exec(ctx, "deputies", `UPDATE person p SET deputy = NULL
		WHERE p.deputy IS NOT NULL AND (p.id = ANY ($1::uuid[]) OR p.deputy = ANY ($1::uuid[]))
			AND NOT EXISTS (SELECT FROM membership a JOIN membership b ON b.organisation = a.organisation WHERE a.person = p.id AND b.person = p.deputy)
		RETURNING p.id`, pq.Array(moved))
	if err != nil {
		return err
	}
	changed := slices.Concat(moved, alone)
	slices.Sort(changed)
	changed = slices.Compact(changed)
	var rows []personRow
	if err := h.tx.SelectContext(ctx, &rows, `UPDATE person p SET version = version + 1, changed_at = $2
		WHERE p.id = ANY ($1::uuid[]) RETURNING `+personColumns, pq.Array(changed), h.act.At); err != nil {
		return fmt.Errorf("count up the people of %s: %w", h.From.ID, err)
	}
	people, err := withMemberships(ctx, h.tx, rows)
	if err != nil {
		return err
	}
	for _, p := range people {
		h.tell = append(h.tell, p.Event())
	}
	h.note("person.takeover", "person", changed...)
	return nil
}

// contacts become the successor's, with what its ISBs have learnt. One that the
// successor has already only brings its functions along.
func (h *handover) contacts(ctx context.Context) error {
	if len(h.Contacts) == 0 {
		return nil
	}
	const mine = `c.organisation = $1 AND c.removed_at IS NULL AND c.id = ANY ($3::uuid[])`
	args := []any{h.From.ID, h.To.ID, pq.Array(h.Contacts), h.act.At}
	twice, err := h.exec(ctx, "contacts", `WITH pair AS (
			SELECT c.id AS old, t.id AS new, c.functions FROM contact c JOIN contact t ON t.organisation = $2 AND t.removed_at IS NULL
				AND t.sort = c.sort AND t.email = c.email WHERE `+mine+`),
		learnt AS (UPDATE qualification q SET organisation = $2, contact = b.new, version = q.version + 1, changed_at = $4 FROM pair b WHERE q.contact = b.old),
		kept AS (UPDATE contact t SET functions = t.functions || ARRAY(SELECT f FROM unnest(b.functions) f WHERE f <> ALL (t.functions)),
			version = t.version + 1, updated_at = $4 FROM pair b WHERE t.id = b.new)
		UPDATE contact c SET removed_at = $4, updated_at = $4, version = c.version + 1 FROM pair b WHERE c.id = b.old RETURNING c.id`, args...)
	if err != nil {
		return err
	}
	moved, err := h.exec(ctx, "contacts", `UPDATE contact c SET organisation = $2, updated_at = $4, version = c.version + 1,
			person = (SELECT p.id FROM person p WHERE p.email = c.email AND p.active
				AND EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = $2))
		WHERE `+mine+` RETURNING c.id`, args...)
	if err != nil {
		return err
	}
	if _, err := h.exec(ctx, "qualifications", `UPDATE qualification q SET organisation = $2, version = q.version + 1, changed_at = $3
		WHERE q.contact = ANY ($1::uuid[]) RETURNING q.id`, pq.Array(moved), h.To.ID, h.act.At); err != nil {
		return err
	}
	h.note("contact.takeover", "contact", slices.Concat(twice, moved)...)
	return nil
}

// rest removes the contacts that nobody wanted to move; they are deleted 30 days
// later like all that are removed.
func (h *handover) rest(ctx context.Context) error {
	if !h.Rest {
		return nil
	}
	gone, err := h.exec(ctx, "contacts", `UPDATE contact SET removed_at = $2, updated_at = $2, version = version + 1
		WHERE organisation = $1 AND removed_at IS NULL RETURNING id`, h.From.ID, h.act.At)
	h.note("contact.remove", "contact", gone...)
	return err
}

// seal moves or deletes the emergency contacts; those of the successor give way
// when somebody said so.
func (h *handover) seal(ctx context.Context) error {
	if h.Seal == takeover.SealLeave {
		return nil
	}
	var boxes [][]byte
	if err := h.tx.SelectContext(ctx, &boxes, `DELETE FROM emergency_contact WHERE organisation = $1 RETURNING sealed`, h.From.ID); err != nil || len(boxes) == 0 {
		return classify(ctx, err, "take the emergency contacts of %s", h.From.ID)
	}
	if h.Seal == takeover.SealDrop {
		h.note("emergency.drop", "emergency", h.From.ID)
		return nil
	}
	box, err := h.Reseal(boxes[0])
	if err != nil {
		return err
	}
	if _, err := h.tx.ExecContext(ctx, `
		INSERT INTO emergency_contact (organisation, sealed, changed_at, changed_by, version) VALUES ($1, $2, $3, $4, 1)
		ON CONFLICT (organisation) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
			version = emergency_contact.version + 1`, h.To.ID, box, h.act.At, null(h.act.Actor.Person)); err != nil {
		return fmt.Errorf("give the emergency contacts to %s: %w", h.To.ID, err)
	}
	h.note("emergency.takeover", "emergency", h.From.ID, h.To.ID)
	return nil
}

// requests for services that are not answered for good are the successor's.
func (h *handover) requests(ctx context.Context) error {
	if len(h.Requests) == 0 {
		return nil
	}
	ids, err := h.exec(ctx, "requests", `UPDATE service_request SET organisation = $2, version = version + 1, updated_at = $4
		WHERE organisation = $1 AND id = ANY ($3::uuid[]) AND state IN `+openRequest+` RETURNING id`,
		h.From.ID, h.To.ID, pq.Array(h.Requests), h.act.At)
	h.note("request.takeover", "service_request", ids...)
	return err
}

// invitations to a body that is gone lead nowhere: they end.
func (h *handover) invitations(ctx context.Context) error {
	ids, err := h.exec(ctx, "invitations", `UPDATE invitation SET withdrawn_at = $2, sum = NULL, version = version + 1
		WHERE organisation = $1 AND kind IN ('join', 'roles') AND accepted_at IS NULL AND withdrawn_at IS NULL RETURNING id`, h.From.ID, h.act.At)
	h.note("invitation.withdraw", "invitation", ids...)
	return err
}

// tasks follow their contacts; what the successor has to look at already, and
// what is about a contact that stays, is done.
func (h *handover) tasks(ctx context.Context) error {
	moved, err := h.exec(ctx, "tasks", `UPDATE task t SET organisation = $2, version = t.version + 1
		WHERE t.organisation = $1 AND t.done_at IS NULL
			AND EXISTS (SELECT FROM contact c WHERE c.id = t.contact AND c.organisation = $2 AND c.removed_at IS NULL)
			AND NOT EXISTS (SELECT FROM task o WHERE o.organisation = $2 AND o.kind = t.kind AND o.address = t.address AND o.done_at IS NULL)
		RETURNING t.id`, h.From.ID, h.To.ID)
	if err != nil {
		return err
	}
	done, err := h.exec(ctx, "tasks", `UPDATE task SET done_at = $2, done_by = $3, version = version + 1
		WHERE organisation = $1 AND done_at IS NULL RETURNING id`, h.From.ID, h.act.At, null(h.act.Actor.Person))
	h.note("task.takeover", "task", moved...)
	h.note("task.done", "task", done...)
	return err
}

// told says once to the other services that the successor took over: open
// reports and subscriptions follow there.
func (h *handover) told(ctx context.Context) error {
	var kinds []string
	if err := h.tx.SelectContext(ctx, &kinds, `UPDATE succession SET handed_at = $2
		WHERE predecessor = $1 AND handed_at IS NULL RETURNING kind`, h.From.ID, h.act.At); err != nil {
		return fmt.Errorf("note the handover of %s: %w", h.From.ID, err)
	}
	if len(kinds) == 0 {
		return nil
	}
	h.tell = append(h.tell, event.OrganisationSucceeded{
		Predecessor: organisationEvent(h.From).Ref(), Successor: organisationEvent(h.To).Ref(), Kind: kinds[0], At: h.act.At,
	})
	h.note("organisation.handover", "organisation", h.From.ID, h.To.ID)
	return nil
}

// offer asks for the mandates anew that ended with the body. s is bound to the
// transaction.
func (s *Store) offer(ctx context.Context, h *handover) error {
	ended, err := endedWith(ctx, s.DB, h.From.ID, h.To.ID, h.act.At)
	if err != nil {
		return fmt.Errorf("read the mandates of %s: %w", h.From.ID, err)
	}
	var list []mandate.Mandate
	var effects []mandate.Effect
	asked := map[[2]string]bool{}
	for _, m := range ended {
		n, e := h.Offer(m)
		if pair := [2]string{n.Principal, n.Agent}; slices.Contains(h.Mandates, m.ID) && !asked[pair] {
			asked[pair] = true
			list, effects = append(list, n), append(effects, e)
		}
	}
	for _, m := range list {
		if _, err := s.DB.NamedExecContext(ctx, insertMandate, mandateRowOf(m)); err != nil {
			return fmt.Errorf("offer a mandate to %s: %w", h.To.ID, err)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return s.mandatesChanged(ctx, h.act, "mandate.request", list, effects)
}
