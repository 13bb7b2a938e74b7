// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// CountTry counts the failed tries in the window and notes this one unless
// there were too many: whoever is limited does not lengthen the wait. A try
// counts as failed until StartSession takes it back, so that guessing in
// parallel gains nothing.
func (s *Store) CountTry(ctx context.Context, t account.Try) (account.Tries, error) {
	var n account.Tries
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		for _, key := range []string{"a" + string(t.Account), "n" + t.Network} {
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, hashtext(encode($2, 'hex')))`, lockSignIn, []byte(key)); err != nil {
				return fmt.Errorf("lock sign-in: %w", err)
			}
		}
		since := t.At.Add(-account.Window)
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_try WHERE at < $1`, since.Add(-account.Window)); err != nil {
			return fmt.Errorf("forget old tries: %w", err)
		}
		var r struct {
			Account      int        `db:"account"`
			Network      int        `db:"network"`
			AccountFirst *time.Time `db:"account_first"`
			NetworkFirst *time.Time `db:"network_first"`
		}
		if err := tx.GetContext(ctx, &r, `
			SELECT count(*) FILTER (WHERE account = $1) AS account, count(*) FILTER (WHERE network = $2) AS network,
				min(at) FILTER (WHERE account = $1) AS account_first, min(at) FILTER (WHERE network = $2) AS network_first
			FROM sign_in_try WHERE (account = $1 OR network = $2) AND at > $3`, t.Account, t.Network, since); err != nil {
			return fmt.Errorf("count tries: %w", err)
		}
		n = account.Tries{Account: r.Account, Address: r.Network}
		if r.AccountFirst != nil {
			n.AccountFree = r.AccountFirst.Add(account.Window)
		}
		if r.NetworkFirst != nil {
			n.AddressFree = r.NetworkFirst.Add(account.Window)
		}
		if n.Check(t.At) != nil {
			return nil //nolint:nilerr // the caller checks n, too; a refused try is not counted
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sign_in_try (id, account, network, at) VALUES ($1, $2, $3, $4)`,
			t.ID, t.Account, t.Network, t.At)
		return err
	})
	return n, err
}

// Credentials returns what the person with the e-mail address proves
// themselves with.
func (s *Store) Credentials(ctx context.Context, email string) (account.Credentials, error) {
	var r struct {
		personRow
		Hash   string `db:"password_hash"`
		Sealed []byte `db:"totp_sealed"`
		Step   int64  `db:"totp_step"`
	}
	err := s.DB.GetContext(ctx, &r, `SELECT `+personColumns+`, a.password_hash, a.totp_sealed, a.totp_step
		FROM person p JOIN account a ON a.person = p.id WHERE p.email = $1`, email)
	if err != nil {
		return account.Credentials{}, pg.NoRows(ctx, err, "no account")
	}
	return account.Credentials{Person: r.person(), PasswordHash: r.Hash, SealedTOTP: r.Sealed, LastStep: r.Step}, nil
}

// StartSession uses up the TOTP step and takes back the try. Two sign-ins with
// the same code race here: one of them is Unauthenticated.
func (s *Store) StartSession(ctx context.Context, act constituency.Act, session account.Session, step int64, t account.Try) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		res, err := tx.ExecContext(ctx, `UPDATE account SET totp_step = $2 WHERE person = $1 AND totp_step < $2`, session.Person, step)
		if err != nil {
			return fmt.Errorf("use up a code: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(fault.Unauthenticated, err, "this code was used before")
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_try WHERE account = $1 OR id = $2`, t.Account, t.ID); err != nil {
			return fmt.Errorf("take back a try: %w", err)
		}
		if _, err := tx.NamedExecContext(ctx, `
			INSERT INTO session (id, sum, person, created_at, seen_at, expires_at, step_up_at, client, address, version)
			VALUES (:id, :sum, :person, :created_at, :seen_at, :expires_at, :step_up_at, :client, :address, :version)`,
			sessionRowOf(session)); err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return s.commit(ctx, tx, change{act, "account.signin", "session", session.ID, nil})
	})
}

// Refuse writes the audit entry of a refusal.
func (s *Store) Refuse(ctx context.Context, act constituency.Act, r account.Refusal) error {
	e := entry(act, r.Action, r.Object, r.ID)
	e.Result = audit.Failed
	if r.Denied {
		e.Result = audit.Denied
	}
	if r.Typed != "" {
		e.Digests = map[string]string{"typed": audit.Digest(s.AuditKey, r.Typed)}
	}
	return pg.InTx(ctx, s.denials(), func(tx pg.DB) error {
		_, err := audit.Append(ctx, tx, e)
		return err
	})
}
