// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// Keys of advisory locks.
const (
	lockRegister   = 0x4c530001 // one import at a time
	lockSignIn     = 0x4c530002 // with the hash of an account or a network
	lockManagers   = 0x4c530005 // one change at a time that takes somebody who manages people
	lockInvitation = 0x4c530004 // with the hash of an e-mail address
)

// ApplyPlan makes a plan from the whole register and saves it, one audit entry
// for each body. Two imports cannot run at once, and nobody changes a body in
// between.
func (s *Store) ApplyPlan(ctx context.Context, act constituency.Act,
	plan func([]constituency.Organisation) (constituency.Plan, error),
) (constituency.Plan, error) {
	var p constituency.Plan
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockRegister); err != nil {
			return fmt.Errorf("lock the register: %w", err)
		}
		var rows []organisationRow
		if err := tx.SelectContext(ctx, &rows, selectOrganisation+` FOR UPDATE OF o`); err != nil {
			return fmt.Errorf("read the register: %w", err)
		}
		current := organisationsOf(rows)
		var err error
		if p, err = plan(current); err != nil || len(p.Save) == 0 {
			return err
		}
		return s.savePlan(ctx, tx, act, current, p)
	})
	return p, err
}

func (s *Store) savePlan(ctx context.Context, tx pg.DB, act constituency.Act, current []constituency.Organisation, p constituency.Plan) error {
	save := p.Save
	kreise := map[string]string{}
	for _, list := range [][]constituency.Organisation{current, save} {
		for _, o := range list {
			if o.Level == constituency.Kreis {
				kreise[o.Kreis] = o.Name
			}
		}
	}
	payloads := make([]event.Payload, 0, len(save))
	entries := make([]audit.Entry, 0, len(save)+1)
	if err := saveOrganisations(ctx, tx, save...); err != nil {
		return err
	}
	if err := saveSuccessions(ctx, tx, act.At, save, p.Successions); err != nil {
		return err
	}
	var gone []string
	for _, o := range save {
		if o.Gone() {
			gone = append(gone, o.ID)
		}
		o.KreisName = ""
		if o.Level != constituency.Kreis {
			o.KreisName = kreise[o.Kreis]
		}
		payloads = append(payloads, organisationEvent(o))
		entries = append(entries, entry(act, "register.import", "organisation", o.ID))
	}
	ended, err := endMandates(ctx, tx, act.At, gone)
	if err != nil {
		return err
	}
	for _, m := range ended {
		payloads = append(payloads, m.Event())
		entries = append(entries, entry(act, "mandate.end", "mandate", m.ID))
	}
	if err := addEvents(ctx, tx, act, payloads...); err != nil {
		return err
	}
	_, err = audit.Append(ctx, tx, entries...)
	return err
}

// KeepUpload keeps the file for a day and forgets older ones.
func (s *Store) KeepUpload(ctx context.Context, act constituency.Act, u constituency.Upload) error {
	entries, err := json.Marshal(u.File.Entries)
	if err != nil {
		return fmt.Errorf("encode a register file: %w", err)
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM register_upload WHERE uploaded_at < $1`, u.UploadedAt.Add(-24*time.Hour)); err != nil {
			return fmt.Errorf("forget old register files: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO register_upload (id, stand, entries, hash, uploaded_at) VALUES ($1, $2, $3, $4, $5)`,
			u.ID, u.File.Stand, string(entries), u.Hash, u.UploadedAt); err != nil {
			return fmt.Errorf("keep a register file: %w", err)
		}
		_, err := audit.Append(ctx, tx, entry(act, "register.upload", "register_upload", u.ID))
		return err
	})
}

// Upload returns a kept file.
func (s *Store) Upload(ctx context.Context, id string) (constituency.Upload, error) {
	if err := validID("upload", id); err != nil {
		return constituency.Upload{}, err
	}
	var r struct {
		Stand      time.Time `db:"stand"`
		Entries    []byte    `db:"entries"`
		Hash       string    `db:"hash"`
		UploadedAt time.Time `db:"uploaded_at"`
	}
	err := s.DB.GetContext(ctx, &r, `SELECT stand, entries, hash, uploaded_at FROM register_upload WHERE id = $1`, id)
	if err != nil {
		return constituency.Upload{}, pg.NoRows(ctx, err, "no upload %s; it is kept for a day", id)
	}
	u := constituency.Upload{ID: id, Hash: r.Hash, UploadedAt: r.UploadedAt.UTC()}
	u.File.Stand = time.Date(r.Stand.Year(), r.Stand.Month(), r.Stand.Day(), 0, 0, 0, 0, time.UTC)
	if err := json.Unmarshal(r.Entries, &u.File.Entries); err != nil {
		return u, fmt.Errorf("read upload %s: %w", id, err)
	}
	return u, nil
}
