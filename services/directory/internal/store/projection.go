// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Projected notes up to which version the other services know a session.
func (s *Store) Projected(ctx context.Context, table, id string, version int64) error {
	update := `UPDATE session SET projected = greatest(projected, $2) WHERE id = $1`
	if table == "token" {
		update = `UPDATE token SET projected = greatest(projected, $2) WHERE id = $1`
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, update, id, version)
		return err
	})
}

// UnprojectedSessions lists what the other services were not told yet; all:
// every session that has not expired, for an empty bucket.
func (s *Store) UnprojectedSessions(ctx context.Context, at time.Time, all bool) ([]account.Session, error) {
	var rows []sessionRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+sessionColumns+` FROM session
		WHERE expires_at > $1 AND ($2 OR projected < version) ORDER BY id LIMIT 10000`, at, all)
	return sessionsOf(rows), classify(ctx, err, "list unprojected sessions")
}

// UnprojectedTokens is the same for API tokens.
func (s *Store) UnprojectedTokens(ctx context.Context, at time.Time, all bool) ([]account.Token, error) {
	var rows []tokenRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+tokenColumns+` FROM token
		WHERE expires_at > $1 AND ($2 OR projected < version) ORDER BY id LIMIT 10000`, at, all)
	out := make([]account.Token, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.token())
	}
	return out, classify(ctx, err, "list unprojected tokens")
}

// RepublishIfNew sends every record into the outbox when the stream was made at
// another moment than the one this database knows. The records are locked, so
// that no later change is overtaken by an older snapshot.
func (s *Store) RepublishIfNew(ctx context.Context, act constituency.Act, made time.Time) (int, error) {
	n := 0
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockRegister); err != nil {
			return fmt.Errorf("lock the register: %w", err)
		}
		var known time.Time
		err := tx.GetContext(ctx, &known, `SELECT made FROM stream_made WHERE one`)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read the age of the stream: %w", err)
		}
		if err == nil && known.Equal(made) {
			return nil
		}
		payloads, err := s.On(tx).snapshots(ctx)
		if err != nil {
			return err
		}
		n = len(payloads)
		if err := addEvents(ctx, tx, act, payloads...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO stream_made (made) VALUES ($1) ON CONFLICT (one) DO UPDATE SET made = excluded.made`, made)
		return err
	})
	return n, err
}

func (s *Store) snapshots(ctx context.Context) ([]event.Payload, error) {
	var out []event.Payload
	var organisations []organisationRow
	if err := s.DB.SelectContext(ctx, &organisations, selectOrganisation+` ORDER BY o.id FOR SHARE OF o`); err != nil {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	for _, r := range organisations {
		out = append(out, organisationEvent(r.organisation()))
	}
	var people []personRow
	if err := s.DB.SelectContext(ctx, &people, `SELECT `+personColumns+` FROM person p ORDER BY p.id FOR SHARE`); err != nil {
		return nil, fmt.Errorf("read the people: %w", err)
	}
	whole, err := withMemberships(ctx, s.DB, people)
	if err != nil {
		return nil, err
	}
	for _, p := range whole {
		out = append(out, p.Event())
	}
	var mandates []mandateRow
	if err := s.DB.SelectContext(ctx, &mandates, `SELECT `+mandateColumns+` FROM mandate m ORDER BY m.id FOR SHARE`); err != nil {
		return nil, fmt.Errorf("read the mandates: %w", err)
	}
	for _, r := range mandates {
		out = append(out, r.mandate().Event())
	}
	return out, nil
}

// ForgetSessions deletes sessions that expired before t and returns their sums.
func (s *Store) ForgetSessions(ctx context.Context, before time.Time) ([][]byte, error) {
	var sums [][]byte
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &sums, `DELETE FROM session WHERE expires_at < $1 RETURNING sum`, before)
	})
	return sums, err
}
