// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type mandateRow struct {
	ID            string         `db:"id"`
	Principal     string         `db:"principal"`
	Agent         string         `db:"agent"`
	Scopes        pq.StringArray `db:"scopes"`
	Services      pq.StringArray `db:"services"`
	From          time.Time      `db:"valid_from"`
	To            *time.Time     `db:"valid_to"`
	Document      string         `db:"document"`
	GrantedBy     string         `db:"granted_by"`
	State         string         `db:"state"`
	Replaces      *string        `db:"replaces"`
	RevokedAt     *time.Time     `db:"revoked_at"`
	Version       int            `db:"version"`
	ChangedAt     time.Time      `db:"changed_at"`
	PrincipalName string         `db:"principal_name"`
	PrincipalAGS  string         `db:"principal_ags"`
	AgentName     string         `db:"agent_name"`
	AgentAGS      string         `db:"agent_ags"`
}

const (
	mandateColumns = `m.id, m.principal, m.agent, m.scopes, m.services, m.valid_from, m.valid_to, m.document, m.granted_by, m.state,
		m.replaces, m.revoked_at, m.version, m.changed_at`
	namedMandates = `SELECT ` + mandateColumns + `, p.name AS principal_name, coalesce(p.ags, '') AS principal_ags,
			a.name AS agent_name, coalesce(a.ags, '') AS agent_ags
		FROM mandate m JOIN organisation p ON p.id = m.principal JOIN organisation a ON a.id = m.agent`
)

func (r mandateRow) mandate() mandate.Mandate {
	m := mandate.Mandate{
		ID: r.ID, Principal: r.Principal, Agent: r.Agent, From: r.From.UTC(), To: utc(r.To), Document: r.Document, GrantedBy: r.GrantedBy,
		State: mandate.State(r.State), Replaces: text(r.Replaces), RevokedAt: utc(r.RevokedAt), Version: r.Version, ChangedAt: r.ChangedAt.UTC(),
	}
	m.Services = append(m.Services, r.Services...)
	for _, s := range r.Scopes {
		m.Scopes = append(m.Scopes, actor.Scope(s))
	}
	return m
}

func (r mandateRow) named() mandate.Named {
	return mandate.Named{
		Mandate: r.mandate(), PrincipalName: r.PrincipalName, PrincipalAGS: r.PrincipalAGS, AgentName: r.AgentName, AgentAGS: r.AgentAGS,
	}
}

func namedOf(rows []mandateRow) []mandate.Named {
	out := make([]mandate.Named, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.named())
	}
	return out
}

func mandateRowOf(m mandate.Mandate) mandateRow {
	r := mandateRow{
		ID: m.ID, Principal: m.Principal, Agent: m.Agent, From: m.From, To: m.To, Document: m.Document, GrantedBy: m.GrantedBy,
		State: string(m.State), Replaces: null(m.Replaces), RevokedAt: m.RevokedAt, Version: m.Version, ChangedAt: m.ChangedAt,
		Scopes: pq.StringArray{}, Services: append(pq.StringArray{}, m.Services...),
	}
	for _, s := range m.Scopes {
		r.Scopes = append(r.Scopes, string(s))
	}
	return r
}

// Mandate returns one mandate.
func (s *Store) Mandate(ctx context.Context, id string) (mandate.Mandate, error) {
	m, err := s.NamedMandate(ctx, id)
	return m.Mandate, err
}

// NamedMandate returns one mandate with the names of both sides.
func (s *Store) NamedMandate(ctx context.Context, id string) (mandate.Named, error) {
	if err := validID("mandate", id); err != nil {
		return mandate.Named{}, err
	}
	var r mandateRow
	err := s.DB.GetContext(ctx, &r, namedMandates+` WHERE m.id = $1`, id)
	return r.named(), pg.NoRows(ctx, err, "no mandate %s", id)
}

// NamedMandates lists the mandates of which the body is principal or agent,
// those that ended last, with the names of both sides.
func (s *Store) NamedMandates(ctx context.Context, organisation string) ([]mandate.Named, error) {
	var rows []mandateRow
	err := s.DB.SelectContext(ctx, &rows, namedMandates+`
		WHERE m.principal = $1 OR m.agent = $1
		ORDER BY m.revoked_at IS NOT NULL, p.sort, m.id LIMIT 1000`, organisation)
	return namedOf(rows), classify(ctx, err, "list the mandates of %s", organisation)
}

// WaitingMandates lists what the CERT has to confirm, the oldest first. agent
// "" means any; query finds names of either side.
func (s *Store) WaitingMandates(ctx context.Context, query, after string, n int, at time.Time) ([]mandate.Named, string, error) {
	if after == "" {
		after = "00000000-0000-0000-0000-000000000000"
	} else if validID("page", after) != nil {
		return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	n = limit(n)
	var rows []mandateRow
	err := s.DB.SelectContext(ctx, &rows, namedMandates+`
		WHERE m.state = 'granted' AND (m.valid_to IS NULL OR m.valid_to > $1) AND m.id > $2
			AND p.search || ' ' || a.search LIKE ALL ($3)
		ORDER BY m.id LIMIT $4`, at, after, patterns(query), n+1)
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		next = rows[n-1].ID
	}
	return namedOf(rows), next, classify(ctx, err, "list the mandates that wait")
}

// MandateSteps is the history of a mandate, the oldest first.
func (s *Store) MandateSteps(ctx context.Context, id string) ([]mandate.Step, error) {
	var rows []struct {
		At             time.Time `db:"at"`
		Step           string    `db:"step"`
		Person         string    `db:"person"`
		Organisation   string    `db:"organisation"`
		OrganisationID string    `db:"organisation_id"`
		Note           string    `db:"note"`
	}
	err := s.DB.SelectContext(ctx, &rows, `
		SELECT s.at, s.step, coalesce(p.name, '') AS person, coalesce(o.name, '') AS organisation,
			coalesce(s.organisation::text, '') AS organisation_id, s.note
		FROM mandate_step s LEFT JOIN person p ON p.id = s.person LEFT JOIN organisation o ON o.id = s.organisation
		WHERE s.mandate = $1 ORDER BY s.id LIMIT 100`, id)
	out := make([]mandate.Step, len(rows))
	for i, r := range rows {
		out[i] = mandate.Step{At: r.At.UTC(), What: r.Step, Person: r.Person, Organisation: r.Organisation, OrganisationID: r.OrganisationID, Note: r.Note}
	}
	return out, classify(ctx, err, "read the history of a mandate")
}

const insertMandate = `
INSERT INTO mandate (id, principal, agent, scopes, services, valid_from, valid_to, document, granted_by, state, replaces,
	revoked_at, version, changed_at)
VALUES (:id, :principal, :agent, :scopes, :services, :valid_from, :valid_to, :document, :granted_by, :state, :replaces,
	:revoked_at, :version, :changed_at)`

// AddMandate stores a new one.
func (s *Store) AddMandate(ctx context.Context, act constituency.Act, action string, m mandate.Mandate, e mandate.Effect) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.NamedExecContext(ctx, insertMandate, mandateRowOf(m)); alreadyWaits(err) {
			return fault.New(fault.Conflict, "the two organisations have a mandate that waits for a decision; withdraw it first")
		} else if err != nil {
			return fmt.Errorf("insert mandate: %w", err)
		}
		return s.On(tx).mandatesChanged(ctx, act, action, []mandate.Mandate{m}, []mandate.Effect{e})
	})
}

func alreadyWaits(err error) bool {
	return pg.Violates(err, "mandate_requested_key") || pg.Violates(err, "mandate_granted_key")
}

// UpdateMandates loads them under a lock, changes and saves them: all or none.
func (s *Store) UpdateMandates(ctx context.Context, act constituency.Act, action string, ids []string,
	apply func(*mandate.Mandate) (mandate.Effect, error),
) ([]mandate.Mandate, error) {
	var out []mandate.Mandate
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		in := s.On(tx)
		var rows []mandateRow
		if err := tx.SelectContext(ctx, &rows, `SELECT `+mandateColumns+` FROM mandate m WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id FOR UPDATE`,
			pq.Array(ids)); err != nil {
			return fmt.Errorf("lock mandates: %w", err)
		}
		if len(rows) != len(ids) {
			return fault.New(fault.NotFound, "there is no such mandate")
		}
		effects := make([]mandate.Effect, len(rows))
		out = make([]mandate.Mandate, len(rows))
		for i, r := range rows {
			m := r.mandate()
			var err error
			if effects[i], err = apply(&m); err != nil {
				return err
			}
			if err := saveMandate(ctx, tx, m); err != nil {
				return err
			}
			out[i] = m
		}
		return in.mandatesChanged(ctx, act, action, out, effects)
	})
	return out, err
}

func saveMandate(ctx context.Context, tx pg.DB, m mandate.Mandate) error {
	_, err := tx.NamedExecContext(ctx, `
		UPDATE mandate SET scopes = :scopes, services = :services, valid_from = :valid_from, valid_to = :valid_to, document = :document,
			granted_by = :granted_by, state = :state, revoked_at = :revoked_at, version = :version, changed_at = :changed_at
		WHERE id = :id`, mandateRowOf(m))
	if alreadyWaits(err) {
		return fault.New(fault.Conflict, "the two organisations have a mandate that waits for a decision; withdraw it first")
	}
	if err != nil {
		return fmt.Errorf("save mandate %s: %w", m.ID, err)
	}
	return nil
}

// giveWay ends the mandates whose place others take.
func (s *Store) giveWay(ctx context.Context, act constituency.Act, effects []mandate.Effect) ([]mandate.Mandate, error) {
	var ids []string
	for _, e := range effects {
		if e.Ends != "" {
			ids = append(ids, e.Ends)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []mandateRow
	if err := s.DB.SelectContext(ctx, &rows, `SELECT `+mandateColumns+` FROM mandate m WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id FOR UPDATE`,
		pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("lock mandates: %w", err)
	}
	var out []mandate.Mandate
	for _, r := range rows {
		m := r.mandate()
		if !m.GiveWay(act.At) {
			continue
		}
		if err := saveMandate(ctx, s.DB, m); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// mandatesChanged writes what follows from a change: those that give way, the
// history, the events, the mails and, last, the audit. s is bound to the transaction.
func (s *Store) mandatesChanged(ctx context.Context, act constituency.Act, action string, list []mandate.Mandate, effects []mandate.Effect) error {
	ended, err := s.giveWay(ctx, act, effects)
	if err != nil {
		return err
	}
	var payloads []event.Payload
	var entries []audit.Entry
	for i, m := range list {
		if err := addStep(ctx, s.DB, act, m, effects[i].Step, effects[i].Note); err != nil {
			return err
		}
		payloads = append(payloads, m.Event())
		entries = append(entries, entry(act, action, "mandate", m.ID))
	}
	for _, m := range ended {
		if err := addStep(ctx, s.DB, act, m, "replaced", ""); err != nil {
			return err
		}
		payloads = append(payloads, m.Event())
		entries = append(entries, entry(act, "mandate.replace", "mandate", m.ID))
	}
	mails, err := s.mandateNotices(ctx, act, list, effects)
	if err != nil {
		return err
	}
	if err := addEvents(ctx, s.DB, act, append(payloads, mails...)...); err != nil {
		return err
	}
	_, err = audit.Append(ctx, s.DB, entries...)
	return err
}

func addStep(ctx context.Context, tx pg.DB, act constituency.Act, m mandate.Mandate, step, note string) error {
	if step == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO mandate_step (id, mandate, at, step, person, organisation, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		event.NewID(), m.ID, act.At, step, null(act.Actor.Person), null(mandate.SideOf(act.Actor, m)), note)
	if err != nil {
		return fmt.Errorf("insert a step of mandate %s: %w", m.ID, err)
	}
	return nil
}

// Remind mails what follows from mandates that end before, once each.
func (s *Store) Remind(ctx context.Context, act constituency.Act, before time.Time, wishes func(mandate.Mandate) []mandate.Wish) (int, error) {
	n := 0
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var rows []mandateRow
		if err := tx.SelectContext(ctx, &rows, `
			UPDATE mandate m SET reminded_at = $1
			WHERE m.id = ANY (ARRAY (SELECT id FROM mandate WHERE state = 'active' AND reminded_at IS NULL AND valid_to > $1 AND valid_to <= $2
				ORDER BY valid_to, id LIMIT 1000 FOR UPDATE SKIP LOCKED))
			RETURNING `+mandateColumns, act.At, before); err != nil || len(rows) == 0 {
			return err
		}
		n = len(rows)
		list, effects := make([]mandate.Mandate, n), make([]mandate.Effect, n)
		entries := make([]audit.Entry, n)
		for i, r := range rows {
			list[i] = r.mandate()
			effects[i].Wishes = wishes(list[i])
			entries[i] = entry(act, "mandate.remind", "mandate", list[i].ID)
		}
		mails, err := s.On(tx).mandateNotices(ctx, act, list, effects)
		if err != nil {
			return err
		}
		if err := addEvents(ctx, tx, act, mails...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
	return n, classify(ctx, err, "remind of the end of mandates")
}
