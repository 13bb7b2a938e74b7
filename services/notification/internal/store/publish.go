// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// effect writes what a change brings beside the alert: events, bodies, links,
// deliveries. Each is one statement however many there are.
func (s *Store) effect(ctx context.Context, tx pg.DB, by alert.By, a *alert.Alert, e alert.Effect) error {
	if e.Audience != nil {
		if err := s.release(ctx, tx, a, e.Audience); err != nil {
			return err
		}
	}
	if e.AllClear {
		if err := s.allClear(ctx, tx, a); err != nil {
			return err
		}
	}
	return s.publish(ctx, tx, by, "", e.Events...)
}

func (s *Store) release(ctx context.Context, tx pg.DB, a *alert.Alert, who *alert.Audience) error {
	if err := addBodies(ctx, tx, a.ID, who.Organisations); err != nil {
		return err
	}
	if err := s.cancelOld(ctx, tx, a.ID, "a newer version"); err != nil {
		return err
	}
	if err := s.addTokens(ctx, tx, a.ID, who.Recipients); err != nil {
		return err
	}
	n := message.Notice{
		ID: event.NewID(), Key: fmt.Sprintf("alert:%s:%d", a.ID, a.Current.Number), Kind: message.Alert,
		Alert: a.ID, Version: a.Current.Number, Data: a.MailData(), CreatedAt: s.now(),
	}
	if err := insertNotice(ctx, tx, n); err != nil {
		return err
	}
	if err := s.addDeliveries(ctx, tx, n, who.Recipients); err != nil {
		return err
	}
	return wake(ctx, tx, WakeCourier)
}

func addBodies(ctx context.Context, tx pg.DB, id string, list []alert.Organisation) error {
	n := len(list)
	orgs, names, ags, levels, kreise := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, o := range list {
		orgs[i], names[i], ags[i], levels[i], kreise[i] = o.ID, o.Name, o.AGS, o.Level, o.Kreis
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO alert_bodies (alert, organisation, name, ags, level, kreis)
		SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
		ON CONFLICT (alert, organisation) DO NOTHING`,
		id, pq.Array(orgs), pq.Array(names), pq.Array(ags), pq.Array(levels), pq.Array(kreise))
	if err != nil {
		return fmt.Errorf("insert %d bodies: %w", n, err)
	}
	return nil
}

// addTokens makes an answer link for each recipient that has none yet.
func (s *Store) addTokens(ctx context.Context, tx pg.DB, id string, list []alert.Recipient) error {
	n := len(list)
	hashes, salts := make([][]byte, n), make([][]byte, n)
	orgs, people := make([]string, n), make([]string, n)
	for i, r := range list {
		salts[i] = alert.NewSalt()
		hashes[i] = alert.HashToken(s.keys.Token(salts[i]))
		orgs[i], people[i] = r.Organisation, r.Person
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO answer_tokens (hash, alert, organisation, person, salt)
		SELECT h, $1, o, p, s FROM unnest($2::bytea[], $3::uuid[], $4::text[], $5::bytea[]) AS new(h, o, p, s)
		ON CONFLICT (alert, organisation, person) DO NOTHING`,
		id, pq.Array(hashes), pq.Array(orgs), pq.Array(people), pq.Array(salts))
	if err != nil {
		return fmt.Errorf("insert %d answer links: %w", n, err)
	}
	return nil
}

func (s *Store) addDeliveries(ctx context.Context, tx pg.DB, n message.Notice, list []alert.Recipient) error {
	k := len(list)
	ids, emails, names, langs := make([]string, k), make([]string, k), make([]string, k), make([]string, k)
	people, orgs, bodies, principals := make([]string, k), make([]string, k), make([]string, k), make([]string, k)
	for i, r := range list {
		ids[i], emails[i], names[i], langs[i] = event.NewID(), r.Email, r.Name, r.Language
		people[i], orgs[i] = r.Person, r.Organisation
		bodies[i], principals[i] = array(r.Bodies), array(r.Principals)
	}
	_, err := tx.ExecContext(ctx, waits(`
		INSERT INTO deliveries (id, notice, channel, recipient, name, language, person, organisation,
			bodies, principals, salt, priority, state, next_at, created_at)
		SELECT new.id, $1, 'email', new.email, new.name, new.lang, new.person, new.org,
			new.bodies::text[], new.principals::text[], t.salt, $2, 'pending', $3, $3
		FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
			AS new(id, email, name, lang, person, org, bodies, principals)
		LEFT JOIN answer_tokens t ON t.alert = $12 AND t.organisation = new.org::uuid AND t.person = new.person
		ON CONFLICT (notice, channel, recipient) DO NOTHING`),
		n.ID, n.Kind.Priority(), n.CreatedAt, pq.Array(ids), pq.Array(emails), pq.Array(names), pq.Array(langs),
		pq.Array(people), pq.Array(orgs), pq.Array(bodies), pq.Array(principals), n.Alert)
	if err != nil {
		return fmt.Errorf("insert %d deliveries: %w", k, err)
	}
	return nil
}

// array is the PostgreSQL literal of a list, since unnest takes no ragged arrays.
func array(list []string) string {
	v, err := pq.StringArray(list).Value()
	if lit, ok := v.(string); ok && err == nil {
		return lit
	}
	return "{}"
}

// cancelOld stops what was not sent yet of an alert.
func (s *Store) cancelOld(ctx context.Context, tx pg.DB, id, why string) error {
	_, err := tx.ExecContext(ctx, `
		WITH stopped AS (
			UPDATE deliveries d SET state = 'cancelled', reason = $3, done_at = $2
			FROM notices n WHERE n.id = d.notice AND n.alert = $1 AND d.state = 'pending'
			RETURNING d.id
		)
		DELETE FROM due WHERE delivery = ANY (ARRAY (SELECT id FROM stopped))`, id, s.now(), why)
	if err != nil {
		return fmt.Errorf("cancel deliveries: %w", err)
	}
	return nil
}

// allClear tells everybody who was warned that it is over.
func (s *Store) allClear(ctx context.Context, tx pg.DB, a *alert.Alert) error {
	if err := s.cancelOld(ctx, tx, a.ID, "withdrawn"); err != nil {
		return err
	}
	n := message.Notice{
		ID: event.NewID(), Key: "all_clear:" + a.ID, Kind: message.AllClear, Alert: a.ID,
		Version: a.Current.Number, Data: a.MailData(), CreatedAt: s.now(),
	}
	if err := insertNotice(ctx, tx, n); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, waits(`
		INSERT INTO deliveries (id, notice, channel, recipient, name, language, person, organisation,
			bodies, principals, salt, priority, state, next_at, created_at)
		SELECT gen_random_uuid(), $1, channel, recipient, name, language, person, organisation,
			bodies, principals, salt, $2, 'pending', $3, $3
		FROM (SELECT DISTINCT ON (d.channel, d.recipient) d.* FROM deliveries d JOIN notices n ON n.id = d.notice
			WHERE n.alert = $4 AND n.kind = 'alert' AND d.state = 'sent'
			ORDER BY d.channel, d.recipient, d.created_at DESC) warned`),
		n.ID, n.Kind.Priority(), n.CreatedAt, a.ID)
	if err != nil {
		return fmt.Errorf("insert the all-clear: %w", err)
	}
	return wake(ctx, tx, WakeCourier)
}
