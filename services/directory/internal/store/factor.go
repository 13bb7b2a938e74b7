// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type passkeyRow struct {
	ID         string     `db:"id"`
	Person     string     `db:"person"`
	Credential []byte     `db:"credential"`
	Record     string     `db:"record"`
	Name       string     `db:"name"`
	CreatedAt  time.Time  `db:"created_at"`
	UsedAt     *time.Time `db:"used_at"`
	WarnedAt   *time.Time `db:"warned_at"`
}

const passkeyColumns = `id, person, credential, record, name, created_at, used_at, warned_at` //nolint:gosec // names of columns

func (r passkeyRow) passkey() factor.Passkey {
	return factor.Passkey{
		ID: r.ID, Person: r.Person, Credential: r.Credential, Record: r.Record, Name: r.Name,
		CreatedAt: r.CreatedAt.UTC(), UsedAt: utc(r.UsedAt), WarnedAt: utc(r.WarnedAt),
	}
}

type identityRow struct {
	ID       string     `db:"id"`
	Person   string     `db:"person"`
	Issuer   string     `db:"issuer"`
	Subject  string     `db:"subject"`
	Provider string     `db:"provider"`
	Label    string     `db:"label"`
	LinkedAt time.Time  `db:"linked_at"`
	UsedAt   *time.Time `db:"used_at"`
}

const identityColumns = `id, person, issuer, subject, provider, label, linked_at, used_at`

func (r identityRow) identity() factor.Identity {
	return factor.Identity{
		ID: r.ID, Person: r.Person, Issuer: r.Issuer, Subject: r.Subject, Provider: r.Provider, Label: r.Label,
		LinkedAt: r.LinkedAt.UTC(), UsedAt: utc(r.UsedAt),
	}
}

// Overview returns everything a person can prove themselves with.
func (s *Store) Overview(ctx context.Context, person string) (factor.Overview, error) {
	if err := validID("person", person); err != nil {
		return factor.Overview{}, err
	}
	return overview(ctx, s.DB, person, "")
}

func overview(ctx context.Context, db pg.DB, person, lock string) (factor.Overview, error) {
	var a struct {
		Hash   string     `db:"password_hash"`
		Sealed []byte     `db:"totp_sealed"`
		PassAt *time.Time `db:"password_at"`
		TOTPAt *time.Time `db:"totp_at"`
	}
	if err := db.GetContext(ctx, &a, `SELECT password_hash, totp_sealed, password_at, totp_at FROM account WHERE person = $1 `+lock, person); err != nil {
		return factor.Overview{}, pg.NoRows(ctx, err, "no account")
	}
	o := factor.Overview{Password: a.Hash != "", App: len(a.Sealed) > 0, PasswordAt: utc(a.PassAt), AppAt: utc(a.TOTPAt)}
	var keys []passkeyRow
	if err := db.SelectContext(ctx, &keys, `SELECT `+passkeyColumns+` FROM passkey WHERE person = $1 ORDER BY created_at, id`, person); err != nil {
		return o, classify(ctx, err, "list passkeys")
	}
	for _, k := range keys {
		o.Passkeys = append(o.Passkeys, k.passkey())
	}
	var links []identityRow
	if err := db.SelectContext(ctx, &links, `SELECT `+identityColumns+` FROM identity WHERE person = $1 ORDER BY linked_at, id`, person); err != nil {
		return o, classify(ctx, err, "list linked accounts")
	}
	for _, i := range links {
		o.Identities = append(o.Identities, i.identity())
	}
	var r struct {
		Left   int        `db:"left_over"`
		Set    *string    `db:"set_id"`
		MadeAt *time.Time `db:"made_at"`
	}
	if err := db.GetContext(ctx, &r, `
		SELECT (SELECT count(*) FROM recovery_code WHERE person = $1 AND used_at IS NULL) AS left_over,
			(SELECT id::text FROM recovery_set WHERE person = $1) AS set_id, (SELECT made_at FROM recovery_set WHERE person = $1) AS made_at`,
		person); err != nil {
		return o, classify(ctx, err, "count recovery codes")
	}
	o.Recovery, o.RecoverySet, o.RecoveryAt = r.Left, text(r.Set), utc(r.MadeAt)
	return o, nil
}

// PasskeyByCredential returns the passkey that the authenticator names.
func (s *Store) PasskeyByCredential(ctx context.Context, credential []byte) (factor.Passkey, error) {
	var r passkeyRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+passkeyColumns+` FROM passkey WHERE credential = $1`, credential)
	return r.passkey(), pg.NoRows(ctx, err, "no such passkey")
}

// IdentityBySubject returns the link of an account at a provider.
func (s *Store) IdentityBySubject(ctx context.Context, issuer, subject string) (factor.Identity, error) {
	var r identityRow
	err := s.DB.GetContext(ctx, &r, `SELECT `+identityColumns+` FROM identity WHERE issuer = $1 AND subject = $2`, issuer, subject)
	return r.identity(), pg.NoRows(ctx, err, "no such link")
}

// ChangeFactors locks the person's account, asks decide and applies its change.
// It returns the sessions that ended with it.
func (s *Store) ChangeFactors(ctx context.Context, act constituency.Act, person string, decide func(factor.Overview) (factor.Change, error)) ([]account.Session, error) {
	var ended []account.Session
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		o, err := overview(ctx, tx, person, "FOR UPDATE")
		if err != nil {
			return err
		}
		c, err := decide(o)
		if err != nil {
			return err
		}
		var entries []audit.Entry
		if ended, entries, err = applyFactors(ctx, tx, act, person, c); err != nil {
			return err
		}
		if err := addEvents(ctx, tx, act, c.News...); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, append(entries, entry(act, c.Action, "person", person))...)
		return err
	})
	return ended, err
}

// applyFactors writes what a change names and returns the sessions that end,
// with their audit entries.
func applyFactors(ctx context.Context, tx pg.DB, act constituency.Act, person string, c factor.Change) ([]account.Session, []audit.Entry, error) {
	run := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		switch {
		case pg.Violates(err, "identity_subject_key"):
			return fault.New(fault.Conflict, "this account is linked to somebody already")
		case pg.Violates(err, "passkey_credential_key"):
			return fault.New(fault.Conflict, "this passkey is in use already")
		case err != nil:
			return fmt.Errorf("change factors: %w", err)
		}
		return nil
	}
	steps := []func() error{}
	do := func(query string, args ...any) { steps = append(steps, func() error { return run(query, args...) }) }
	if c.PasswordSet != nil {
		do(`UPDATE account SET password_hash = $2, password_at = $3 WHERE person = $1`, person, *c.PasswordSet, act.At)
	}
	if c.TOTPSealed != nil {
		do(`UPDATE account SET totp_sealed = $2, totp_step = $3, totp_at = $4 WHERE person = $1`, person, c.TOTPSealed, c.TOTPStep, act.At)
	}
	if c.DropTOTP {
		do(`UPDATE account SET totp_sealed = $2, totp_at = $3 WHERE person = $1`, person, []byte{}, act.At)
	}
	if k := c.AddPasskey; k != nil {
		do(`INSERT INTO passkey (id, person, credential, record, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			k.ID, person, k.Credential, k.Record, k.Name, k.CreatedAt)
	}
	for id, name := range c.RenameKey {
		do(`UPDATE passkey SET name = $3 WHERE id = $1 AND person = $2`, id, person, name)
	}
	if c.DropPasskey != "" {
		do(`DELETE FROM passkey WHERE id = $1 AND person = $2`, c.DropPasskey, person)
	}
	if i := c.AddIdentity; i != nil {
		do(`INSERT INTO identity (id, person, issuer, subject, provider, label, linked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			i.ID, person, i.Issuer, i.Subject, i.Provider, i.Label, i.LinkedAt)
	}
	if c.DropIdentity != "" {
		do(`DELETE FROM identity WHERE id = $1 AND person = $2`, c.DropIdentity, person)
	}
	if r := c.NewRecovery; r != nil {
		do(`DELETE FROM recovery_code WHERE person = $1`, person)
		do(`INSERT INTO recovery_set (person, id, made_at) VALUES ($1, $2, $3)
			ON CONFLICT (person) DO UPDATE SET id = excluded.id, made_at = excluded.made_at`, person, r.Set, act.At)
		for _, sum := range r.Sums {
			do(`INSERT INTO recovery_code (id, person, sum) VALUES ($1, $2, $3)`, event.NewID(), person, sum)
		}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return endWhatWasOpen(ctx, tx, act, person, c)
}

// endWhatWasOpen ends the sessions that a change names. With a new password the
// API tokens end too: whoever knew the old one may have made them.
func endWhatWasOpen(ctx context.Context, tx pg.DB, act constituency.Act, person string, c factor.Change) (ended []account.Session, entries []audit.Entry, err error) {
	if c.PasswordSet != nil {
		if _, entries, err = endTokens(ctx, tx, act, `person = $2`, person); err != nil {
			return nil, nil, err
		}
	}
	if c.EndOthers == "" {
		return nil, entries, nil
	}
	ended, more, err := endRows(ctx, tx, act, "session.factors", `person = $2 AND id::text <> $3`, person, c.EndOthers)
	return ended, append(entries, more...), err
}

// AddCeremony notes what a browser begins. What is over goes; a network that
// begins very many is Limited.
func (s *Store) AddCeremony(ctx context.Context, sum []byte, kind, network, data string, at, expires time.Time) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM ceremony WHERE expires_at < $1`, at); err != nil {
			return fmt.Errorf("forget old ceremonies: %w", err)
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO ceremony (sum, kind, network, data, expires_at)
			SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM ceremony WHERE network = $3) < $6`,
			sum, kind, network, data, expires, maxCeremonies)
		if err != nil {
			return fmt.Errorf("begin a ceremony: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.New(fault.Limited, "too many sign-ins were begun; try again later").WithRetry(time.Minute)
		}
		return nil
	})
}

// maxCeremonies is how many a network may have open: an office behind one
// address signs in at once, a flood does not fill the table.
const maxCeremonies = 300

// Ceremony returns what a browser began; take ends it, so that it counts once.
func (s *Store) Ceremony(ctx context.Context, sum []byte, kind string, at time.Time, take bool) (string, error) {
	query := `SELECT data FROM ceremony WHERE sum = $1 AND kind = $2 AND expires_at > $3`
	if take {
		query = `DELETE FROM ceremony WHERE sum = $1 AND kind = $2 AND expires_at > $3 RETURNING data`
	}
	var data string
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		return pg.NoRows(ctx, tx.GetContext(ctx, &data, query, sum, kind, at), "this was not begun here, or is over")
	})
	return data, err
}
