// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type mandateRow struct {
	ID            string         `db:"id"`
	Principal     string         `db:"principal"`
	Agent         string         `db:"agent"`
	Scopes        pq.StringArray `db:"scopes"`
	From          time.Time      `db:"valid_from"`
	To            *time.Time     `db:"valid_to"`
	Document      string         `db:"document"`
	RevokedAt     *time.Time     `db:"revoked_at"`
	Version       int            `db:"version"`
	ChangedAt     time.Time      `db:"changed_at"`
	PrincipalName string         `db:"principal_name"`
	PrincipalAGS  string         `db:"principal_ags"`
	AgentName     string         `db:"agent_name"`
	AgentAGS      string         `db:"agent_ags"`
}

const mandateColumns = `m.id, m.principal, m.agent, m.scopes, m.valid_from, m.valid_to, m.document, m.revoked_at, m.version, m.changed_at`

func (r mandateRow) mandate() account.Mandate {
	m := account.Mandate{
		ID: r.ID, Principal: r.Principal, Agent: r.Agent, From: r.From.UTC(), To: utc(r.To), Document: r.Document,
		RevokedAt: utc(r.RevokedAt), Version: r.Version, ChangedAt: r.ChangedAt.UTC(),
	}
	for _, s := range r.Scopes {
		m.Scopes = append(m.Scopes, actor.Scope(s))
	}
	return m
}

func mandateRowOf(m account.Mandate) mandateRow {
	r := mandateRow{
		ID: m.ID, Principal: m.Principal, Agent: m.Agent, From: m.From, To: m.To, Document: m.Document,
		RevokedAt: m.RevokedAt, Version: m.Version, ChangedAt: m.ChangedAt, Scopes: pq.StringArray{},
	}
	for _, s := range m.Scopes {
		r.Scopes = append(r.Scopes, string(s))
	}
	return r
}

const insertMandate = `
INSERT INTO mandate (id, principal, agent, scopes, valid_from, valid_to, document, revoked_at, version, changed_at)
VALUES (:id, :principal, :agent, :scopes, :valid_from, :valid_to, :document, :revoked_at, :version, :changed_at)`

// Mandate returns one mandate.
func (s *Store) Mandate(ctx context.Context, id string) (account.Mandate, error) {
	if err := validID("mandate", id); err != nil {
		return account.Mandate{}, err
	}
	var r mandateRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+mandateColumns+` FROM mandate m WHERE m.id = $1`, id)
	return r.mandate(), pg.NoRows(ctx, err, "no mandate %s", id)
}

// NamedMandates lists the mandates of which the body is principal or agent, the
// newest first, with the names of both sides.
func (s *Store) NamedMandates(ctx context.Context, organisation string) ([]account.NamedMandate, error) {
	var rows []mandateRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+mandateColumns+`, p.name AS principal_name,
			coalesce(p.ags, '') AS principal_ags, a.name AS agent_name, coalesce(a.ags, '') AS agent_ags
		FROM mandate m JOIN organisation p ON p.id = m.principal JOIN organisation a ON a.id = m.agent
		WHERE m.principal = $1 OR m.agent = $1
		ORDER BY m.revoked_at IS NOT NULL, p.sort, m.id LIMIT 1000`, organisation)
	out := make([]account.NamedMandate, 0, len(rows))
	for _, r := range rows {
		out = append(out, account.NamedMandate{Mandate: r.mandate(), PrincipalName: r.PrincipalName, PrincipalAGS: r.PrincipalAGS, AgentName: r.AgentName, AgentAGS: r.AgentAGS})
	}
	return out, classify(ctx, err, "list the mandates of %s", organisation)
}

// AddMandate stores a new one.
func (s *Store) AddMandate(ctx context.Context, act constituency.Act, m account.Mandate) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.NamedExecContext(ctx, insertMandate, mandateRowOf(m)); err != nil {
			return fmt.Errorf("insert mandate: %w", err)
		}
		return s.commit(ctx, tx, change{act, "mandate.grant", "mandate", m.ID, []event.Payload{m.Event()}})
	})
}

// UpdateMandate loads it under a lock, changes and saves it.
func (s *Store) UpdateMandate(ctx context.Context, act constituency.Act, id, action string, apply func(*account.Mandate) error) (account.Mandate, error) {
	var m account.Mandate
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var r mandateRow
		if err := tx.GetContext(ctx, &r, `SELECT `+mandateColumns+` FROM mandate m WHERE m.id = $1 FOR UPDATE`, id); err != nil {
			return pg.NoRows(ctx, err, "no mandate %s", id)
		}
		m = r.mandate()
		if err := apply(&m); err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, `
			UPDATE mandate SET revoked_at = :revoked_at, version = :version, changed_at = :changed_at WHERE id = :id`,
			mandateRowOf(m)); err != nil {
			return fmt.Errorf("save mandate %s: %w", id, err)
		}
		return s.commit(ctx, tx, change{act, action, "mandate", id, []event.Payload{m.Event()}})
	})
	return m, err
}
