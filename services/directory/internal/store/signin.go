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
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// enter lets few sign-ins at once to the database: a storm of them waits for
// each other's locks and must leave connections for those already signed in.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if s.Door == nil {
		return func() {}, nil
	}
	select {
	case s.Door <- struct{}{}:
		return func() { <-s.Door }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "too many people sign in at this moment")
	}
}

// CountTry counts the failed tries in the window and notes this one unless
// there were too many: whoever is limited does not lengthen the wait. A try
// counts as failed until StartSession takes it back, so that guessing in
// parallel gains nothing.
func (s *Store) CountTry(ctx context.Context, t account.Try) (account.Tries, error) {
	var n account.Tries
	leave, err := s.enter(ctx)
	if err != nil {
		return n, err
	}
	defer leave()
	err = pg.InTx(ctx, s.DB, func(tx pg.DB) error {
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
		if n.Check(t.At, t.Limits) != nil {
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
	return s.credentials(ctx, `p.email = $1`, email)
}

// CredentialsOf returns what the person proves themselves with.
func (s *Store) CredentialsOf(ctx context.Context, person string) (account.Credentials, error) {
	if err := validID("person", person); err != nil {
		return account.Credentials{}, err
	}
	return s.credentials(ctx, `p.id = $1`, person)
}

func (s *Store) credentials(ctx context.Context, where, value string) (account.Credentials, error) {
	var r struct {
		personRow
		Hash   string `db:"password_hash"`
		Sealed []byte `db:"totp_sealed"`
		Step   int64  `db:"totp_step"`
	}
	err := s.DB.GetContext(ctx, &r, `SELECT `+personColumns+`, a.password_hash, a.totp_sealed, a.totp_step
		FROM person p JOIN account a ON a.person = p.id WHERE `+where, value)
	if err != nil {
		return account.Credentials{}, pg.NoRows(ctx, err, "no account")
	}
	return account.Credentials{Person: r.person(), PasswordHash: r.Hash, SealedTOTP: r.Sealed, LastStep: r.Step}, nil
}

// RecoveryCode returns the id of the person's unused code with the digest.
func (s *Store) RecoveryCode(ctx context.Context, person string, sum []byte) (string, error) {
	var id string
	err := s.DB.GetContext(ctx, &id, `SELECT id FROM recovery_code WHERE person = $1 AND sum = $2 AND used_at IS NULL`, person, sum)
	return id, pg.NoRows(ctx, err, "no such code")
}

// StartSession uses up the proof, takes back the try and ends the session that
// the new one replaces. Two sign-ins with the same code race here: one of them
// is Unauthenticated.
func (s *Store) StartSession(ctx context.Context, act constituency.Act, st account.Start) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		entries, err := begin(ctx, tx, act, st.Session.Person, st)
		if err != nil {
			return err
		}
		if err := addEvents(ctx, tx, act, st.News...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, entries...)
		return err
	})
}

// begin writes a session, if the start has one, and returns what the audit
// should know.
func begin(ctx context.Context, tx pg.DB, act constituency.Act, person string, st account.Start) ([]audit.Entry, error) {
	entries, err := useUp(ctx, tx, act, person, st.Proof)
	if err != nil {
		return nil, err
	}
	if st.Try.ID != "" {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_try WHERE account = $1 OR id = $2`, st.Try.Account, st.Try.ID); err != nil {
			return nil, fmt.Errorf("take back a try: %w", err)
		}
	}
	if st.Replaces != "" {
		res, err := tx.ExecContext(ctx, `UPDATE session SET ended_at = $2, version = version + 1 WHERE id = $1 AND ended_at IS NULL`, st.Replaces, act.At)
		if err != nil {
			return nil, fmt.Errorf("replace a session: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return nil, fault.Wrap(fault.Unauthenticated, err, "this session has ended meanwhile")
		}
	}
	if st.Session.ID == "" {
		return entries, nil
	}
	if err := active(ctx, tx, st.Session.Person); err != nil {
		return nil, err
	}
	if _, err := tx.NamedExecContext(ctx, insertSession, sessionRowOf(st.Session)); err != nil {
		return nil, fmt.Errorf("insert session: %w", err)
	}
	return append(entries, entry(act, st.Action, "session", st.Session.ID)), nil
}

// active refuses a session or token for somebody who was locked or erased while
// they proved themselves; the lock waits for this transaction, or this for it.
func active(ctx context.Context, tx pg.DB, person string) error {
	var one int
	err := tx.GetContext(ctx, &one, `SELECT 1 FROM person WHERE id = $1 AND active FOR KEY SHARE`, person)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Unauthenticated, "this person may not come in")
	}
	if err != nil {
		return fmt.Errorf("look at person %s: %w", person, err)
	}
	return nil
}

// useUp marks what counts once and returns what the audit should know of it.
func useUp(ctx context.Context, tx pg.DB, act constituency.Act, person string, p account.Proof) ([]audit.Entry, error) {
	once := func(query string, args ...any) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("use up a proof: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(fault.Unauthenticated, err, "this code was used before")
		}
		return nil
	}
	var entries []audit.Entry
	if p.Step != 0 {
		if err := once(`UPDATE account SET totp_step = $2 WHERE person = $1 AND totp_step < $2`, person, p.Step); err != nil {
			return nil, err
		}
	}
	if p.Recovery != "" {
		if err := once(`UPDATE recovery_code SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, p.Recovery, act.At); err != nil {
			return nil, err
		}
		entries = append(entries, entry(act, "account.recovery", "person", person))
	}
	if p.Identity != "" {
		if err := once(`UPDATE identity SET used_at = $2 WHERE id = $1`, p.Identity, act.At); err != nil {
			return nil, err
		}
	}
	if k := p.Passkey; k != nil {
		if err := once(`UPDATE passkey SET used_at = $2, record = $3, warned_at = CASE WHEN $4 THEN $2 ELSE warned_at END WHERE id = $1`,
			k.ID, act.At, k.Record, k.Suspect); err != nil {
			return nil, err
		}
		if k.Suspect {
			e := entry(act, "passkey.counter", "passkey", k.ID)
			e.Result = audit.Failed
			entries = append(entries, e)
		}
	}
	return entries, nil
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
		if err := addEvents(ctx, tx, act, r.News...); err != nil {
			return err
		}
		_, err := audit.Append(ctx, tx, e)
		return err
	})
}
