// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type sessionRow struct {
	ID        string     `db:"id"`
	Sum       []byte     `db:"sum"`
	Person    string     `db:"person"`
	CreatedAt time.Time  `db:"created_at"`
	SeenAt    time.Time  `db:"seen_at"`
	ExpiresAt time.Time  `db:"expires_at"`
	StepUpAt  time.Time  `db:"step_up_at"`
	EndedAt   *time.Time `db:"ended_at"`
	Client    string     `db:"client"`
	Address   string     `db:"address"`
	Version   int64      `db:"version"`
	Way       string     `db:"way"`
}

const sessionColumns = `id, sum, person, created_at, seen_at, expires_at, step_up_at, ended_at, client, address, version, way`

const insertSession = `
INSERT INTO session (id, sum, person, created_at, seen_at, expires_at, step_up_at, client, address, version, way)
VALUES (:id, :sum, :person, :created_at, :seen_at, :expires_at, :step_up_at, :client, :address, :version, :way)`

func (r sessionRow) session() account.Session {
	return account.Session{
		ID: r.ID, Sum: r.Sum, Person: r.Person, CreatedAt: r.CreatedAt.UTC(), SeenAt: r.SeenAt.UTC(),
		ExpiresAt: r.ExpiresAt.UTC(), StepUpAt: r.StepUpAt.UTC(), EndedAt: utc(r.EndedAt), Client: r.Client, Address: r.Address, Version: r.Version,
		Way: account.Way(r.Way),
	}
}

func sessionRowOf(s account.Session) sessionRow {
	return sessionRow{
		ID: s.ID, Sum: s.Sum, Person: s.Person, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, ExpiresAt: s.ExpiresAt,
		StepUpAt: s.StepUpAt, EndedAt: s.EndedAt, Client: s.Client, Address: s.Address, Version: s.Version, Way: string(s.Way),
	}
}

func sessionsOf(rows []sessionRow) []account.Session {
	out := make([]account.Session, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.session())
	}
	return out
}

// Session returns one session by its id.
func (s *Store) Session(ctx context.Context, id string) (account.Session, error) {
	if err := validID("session", id); err != nil {
		return account.Session{}, err
	}
	var r sessionRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, id)
	return r.session(), pg.NoRows(ctx, err, "no session %s", id)
}

// SessionBySum returns the session of a secret's SHA-256.
func (s *Store) SessionBySum(ctx context.Context, sum []byte) (account.Session, error) {
	var r sessionRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+sessionColumns+` FROM session WHERE sum = $1`, sum)
	return r.session(), pg.NoRows(ctx, err, "no session")
}

// SessionsOf lists the live sessions of a person, the newest first.
func (s *Store) SessionsOf(ctx context.Context, person string, at time.Time) ([]account.Session, error) {
	var rows []sessionRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+sessionColumns+` FROM session
		WHERE person = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY created_at DESC LIMIT 100`, person, at)
	return sessionsOf(rows), classify(ctx, err, "list sessions")
}

// EndSessions ends the live sessions of a person, or only the one with the id,
// one audit entry each.
func (s *Store) EndSessions(ctx context.Context, act constituency.Act, person, id, why string) ([]account.Session, error) {
	return s.endSessions(ctx, act, "session."+why, `person = $2 AND ($3 = '' OR id::text = $3)`, person, id)
}

// EndIdleSessions ends what was not used since the cutoff.
func (s *Store) EndIdleSessions(ctx context.Context, act constituency.Act, cutoff time.Time) ([]account.Session, error) {
	return s.endSessions(ctx, act, "session.idle", `seen_at < $2 AND expires_at > $3`, cutoff, act.At)
}

func (s *Store) endSessions(ctx context.Context, act constituency.Act, action, where string, args ...any) ([]account.Session, error) {
	var ended []account.Session
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var entries []audit.Entry
		var err error
		if ended, entries, err = endRows(ctx, tx, act, action, where, args...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
	return ended, err
}

// endRows ends live sessions and returns them with their audit entries.
func endRows(ctx context.Context, tx pg.DB, act constituency.Act, action, where string, args ...any) ([]account.Session, []audit.Entry, error) {
	var rows []sessionRow
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE session SET ended_at = $1, version = version + 1
		WHERE ended_at IS NULL AND `+where+` RETURNING `+sessionColumns, append([]any{act.At}, args...)...); err != nil {
		return nil, nil, fmt.Errorf("end sessions: %w", err)
	}
	entries := make([]audit.Entry, 0, len(rows))
	for _, r := range rows {
		entries = append(entries, entry(act, action, "session", r.ID))
	}
	return sessionsOf(rows), entries, nil
}

// Seen notes that sessions were used.
func (s *Store) Seen(ctx context.Context, sums [][]byte, at time.Time) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `UPDATE session SET seen_at = $2 WHERE sum = ANY ($1) AND seen_at < $2 AND ended_at IS NULL`,
			pq.ByteaArray(sums), at)
		return err
	})
}

type tokenRow struct {
	ID        string     `db:"id"`
	Sum       []byte     `db:"sum"`
	Person    string     `db:"person"`
	Name      string     `db:"name"`
	CreatedAt time.Time  `db:"created_at"`
	ExpiresAt time.Time  `db:"expires_at"`
	RevokedAt *time.Time `db:"revoked_at"`
	Version   int64      `db:"version"`
	StepUp    bool       `db:"step_up"`
}

const tokenColumns = `id, sum, person, name, created_at, expires_at, revoked_at, version, step_up` //nolint:gosec // names of columns

func (r tokenRow) token() account.Token {
	return account.Token{
		ID: r.ID, Sum: r.Sum, Person: r.Person, Name: r.Name, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		RevokedAt: utc(r.RevokedAt), Version: r.Version, StepUp: r.StepUp,
	}
}

func tokenRowOf(t account.Token) tokenRow {
	return tokenRow{
		ID: t.ID, Sum: t.Sum, Person: t.Person, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
		RevokedAt: t.RevokedAt, Version: t.Version, StepUp: t.StepUp,
	}
}

const insertToken = `
INSERT INTO token (id, sum, person, name, created_at, expires_at, version, step_up)
VALUES (:id, :sum, :person, :name, :created_at, :expires_at, :version, :step_up)`

// Token returns one API token by its id.
func (s *Store) Token(ctx context.Context, id string) (account.Token, error) {
	if err := validID("token", id); err != nil {
		return account.Token{}, err
	}
	var r tokenRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+tokenColumns+` FROM token WHERE id = $1`, id)
	return r.token(), pg.NoRows(ctx, err, "no token %s", id)
}

// TokenBySum returns the API token of a text's SHA-256.
func (s *Store) TokenBySum(ctx context.Context, sum []byte) (account.Token, error) {
	var r tokenRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+tokenColumns+` FROM token WHERE sum = $1`, sum)
	return r.token(), pg.NoRows(ctx, err, "no token")
}

// TokensOf lists the live API tokens of a person, the newest first.
func (s *Store) TokensOf(ctx context.Context, person string, at time.Time) ([]account.Token, error) {
	var rows []tokenRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT `+tokenColumns+` FROM token
		WHERE person = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC LIMIT 100`, person, at)
	out := make([]account.Token, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.token())
	}
	return out, classify(ctx, err, "list tokens")
}

// CreateToken stores a new API token unless the person has too many.
func (s *Store) CreateToken(ctx context.Context, act constituency.Act, t account.Token) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM person WHERE id = $1 FOR UPDATE`, t.Person); err != nil {
			return fmt.Errorf("lock person: %w", err)
		}
		if err := active(ctx, tx, t.Person); err != nil {
			return err
		}
		var n int
		if err := tx.GetContext(ctx, &n, `SELECT count(*) FROM token WHERE person = $1 AND revoked_at IS NULL AND expires_at > $2`,
			t.Person, t.CreatedAt); err != nil {
			return fmt.Errorf("count tokens: %w", err)
		}
		if n >= account.MaxTokens {
			return fault.New(fault.Conflict, "there are %d tokens already; revoke one first", n)
		}
		if _, err := tx.NamedExecContext(ctx, insertToken, tokenRowOf(t)); err != nil {
			return fmt.Errorf("insert token: %w", err)
		}
		action := "token.create"
		if t.StepUp {
			action = "token.create.stepup" // the audit tells the stronger ones apart
		}
		return s.commit(ctx, tx, change{act, action, "token", t.ID, nil})
	})
}

// RevokeToken ends one API token; one that has ended stays as it was.
func (s *Store) RevokeToken(ctx context.Context, act constituency.Act, id string) (account.Token, error) {
	if _, err := s.revokeTokens(ctx, act, `id = $2`, id); err != nil {
		return account.Token{}, err
	}
	return s.Token(ctx, id)
}

func (s *Store) revokeTokens(ctx context.Context, act constituency.Act, where, arg string) ([]account.Token, error) {
	var ended []account.Token
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var entries []audit.Entry
		var err error
		if ended, entries, err = endTokens(ctx, tx, act, where, arg); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
	return ended, err
}

// endTokens ends API tokens inside tx and returns them with their audit entries.
func endTokens(ctx context.Context, tx pg.DB, act constituency.Act, where, arg string) ([]account.Token, []audit.Entry, error) {
	var rows []tokenRow
	if err := tx.SelectContext(ctx, &rows, `
		UPDATE token SET revoked_at = $1, version = version + 1
		WHERE revoked_at IS NULL AND `+where+` RETURNING `+tokenColumns, act.At, arg); err != nil {
		return nil, nil, fmt.Errorf("revoke tokens: %w", err)
	}
	out, entries := make([]account.Token, 0, len(rows)), make([]audit.Entry, 0, len(rows))
	for _, r := range rows {
		out, entries = append(out, r.token()), append(entries, entry(act, "token.revoke", "token", r.ID))
	}
	return out, entries, nil
}
