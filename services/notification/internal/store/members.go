// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// KeepMember remembers that a provider reported for a body.
func (s *Store) KeepMember(ctx context.Context, m message.Member) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO report_members (report, organisation, agent) VALUES ($1, $2, $3)
			ON CONFLICT (report, organisation) DO UPDATE SET agent = excluded.agent`, m.Report, m.Organisation, m.Agent)
		if err != nil {
			return fmt.Errorf("keep member: %w", err)
		}
		return nil
	})
}

// KeepTakeover remembers whom a body wants asked; what came later counts, in
// whatever order both arrive.
func (s *Store) KeepTakeover(ctx context.Context, m message.Member, at time.Time) error {
	if m.To == nil {
		m.To = []message.To{}
	}
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO report_members (report, organisation, over_at, recipients) VALUES ($1, $2, $3, $4)
			ON CONFLICT (report, organisation) DO UPDATE SET over_at = excluded.over_at, recipients = excluded.recipients
			WHERE report_members.over_at IS NULL OR report_members.over_at <= excluded.over_at`, m.Report, m.Organisation, at, encode(m.To))
		if err != nil {
			return fmt.Errorf("keep takeover: %w", err)
		}
		return nil
	})
}

// Member returns what is known of a body that a provider reported for.
func (s *Store) Member(ctx context.Context, report, organisation string) (message.Member, bool, error) {
	var row struct {
		Agent      string `db:"agent"`
		Recipients []byte `db:"recipients"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT agent, recipients FROM report_members WHERE report = $1 AND organisation = $2`, report, organisation)
	if err = pg.NoRows(ctx, err, "no such member"); fault.Is(err, fault.NotFound) {
		return message.Member{}, false, nil
	} else if err != nil {
		return message.Member{}, false, err
	}
	m := message.Member{Report: report, Organisation: organisation, Agent: row.Agent}
	return m, true, decode(row.Recipients, &m.To)
}
