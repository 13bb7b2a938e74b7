// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type bodyRow struct {
	Organisation string     `db:"organisation"`
	Name         string     `db:"name"`
	AGS          string     `db:"ags"`
	Level        string     `db:"level"`
	Kreis        string     `db:"kreis"`
	Answer       string     `db:"answer"`
	Detail       string     `db:"detail"`
	Text         string     `db:"text"`
	Version      int        `db:"version"`
	AnsweredAt   *time.Time `db:"answered_at"`
	AnsweredBy   []byte     `db:"answered_by"`
	OnBehalf     string     `db:"on_behalf"`
	Agent        string     `db:"agent"`
	AlertVersion int        `db:"alert_version"`
	Pending      int        `db:"pending"`
	Sent         int        `db:"sent"`
	Failed       int        `db:"failed"`
}

func (r bodyRow) body() (alert.Body, error) {
	b := alert.Body{
		Organisation: event.Organisation{ID: r.Organisation, AGS: r.AGS, Name: r.Name, Level: r.Level, Kreis: r.Kreis},
		Answer:       r.Answer, Detail: r.Detail, Text: r.Text, Version: r.Version, AnsweredAt: r.AnsweredAt,
		OnBehalf: r.OnBehalf, Agent: r.Agent, AlertVersion: r.AlertVersion, Mails: alert.Tally{Pending: r.Pending, Sent: r.Sent, Failed: r.Failed},
	}
	return b, decode(r.AnsweredBy, &b.AnsweredBy)
}

const bodyColumns = `b.organisation, b.name, b.ags, b.level, b.kreis, b.answer, b.detail, b.text, b.version,
	b.answered_at, b.answered_by, b.on_behalf, b.agent, b.alert_version`

// Bodies lists an alert's audience by name with answers and, per body, how its
// mails fared.
func (r reading) Bodies(ctx context.Context, id string, f alert.BodyFilter) (out []alert.Body, next string, err error) {
	err = r.see(ctx, func(tx pg.DB) error {
		out, next, err = bodies(ctx, tx, id, f)
		return err
	})
	return out, next, err
}

func bodies(ctx context.Context, tx pg.DB, id string, f alert.BodyFilter) ([]alert.Body, string, error) {
	if !event.IsID(id) {
		return nil, "", fault.New(fault.NotFound, "there is no such alert")
	}
	name, org, _ := strings.Cut(f.After, "\x1f")
	if f.After != "" && !event.IsID(org) {
		return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	var rows []bodyRow
	err := tx.SelectContext(ctx, &rows, `
		WITH page AS (
			SELECT * FROM alert_bodies b
			WHERE b.alert = $1
			  AND ($2 = '' OR ($2 = 'none' AND b.answer = '') OR b.answer = $2)
			  AND ($3::uuid[] IS NULL OR b.organisation = ANY($3))
			  AND ($5 = '' OR (b.name, b.organisation) > ($4, NULLIF($5, '')::uuid))
			ORDER BY b.name, b.organisation LIMIT $6
		), mails AS (
			SELECT body, count(*) FILTER (WHERE d.state = 'pending') AS pending,
				count(*) FILTER (WHERE d.state = 'sent') AS sent,
				count(*) FILTER (WHERE d.state IN ('failed', 'bounced')) AS failed
			FROM notices n JOIN deliveries d ON d.notice = n.id CROSS JOIN unnest(d.bodies) AS body
			WHERE n.alert = $1 AND n.kind = 'alert' AND body IN (SELECT organisation::text FROM page)
			GROUP BY body
		)
		SELECT `+bodyColumns+`, coalesce(m.pending, 0) AS pending, coalesce(m.sent, 0) AS sent, coalesce(m.failed, 0) AS failed
		FROM page b LEFT JOIN mails m ON m.body = b.organisation::text
		ORDER BY b.name, b.organisation`, id, f.Answer, pq.Array(f.Organisations), name, org, f.Limit+1)
	if err != nil {
		return nil, "", pg.Classify(ctx, fmt.Errorf("list bodies: %w", err))
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = rows[f.Limit-1].Name + "\x1f" + rows[f.Limit-1].Organisation
	}
	out := make([]alert.Body, len(rows))
	for i, r := range rows {
		if out[i], err = r.body(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// BodiesOf returns the bodies of several alerts that are among organisations.
func (r reading) BodiesOf(ctx context.Context, alerts, organisations []string) (map[string][]alert.Body, error) {
	var rows []struct {
		Alert string `db:"alert"`
		bodyRow
	}
	err := r.see(ctx, func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows, `
			SELECT b.alert, `+bodyColumns+`, 0 AS pending, 0 AS sent, 0 AS failed
			FROM alert_bodies b WHERE b.alert = ANY($1::uuid[]) AND b.organisation = ANY($2::uuid[])
			ORDER BY b.alert, b.name, b.organisation`, pq.Array(alerts), pq.Array(organisations))
	})
	if err != nil {
		return nil, fmt.Errorf("list bodies: %w", err)
	}
	out := map[string][]alert.Body{}
	for _, x := range rows {
		b, err := x.body()
		if err != nil {
			return nil, err
		}
		out[x.Alert] = append(out[x.Alert], b)
	}
	return out, nil
}

// Counts sums up the answers of alerts. They are numbers of all bodies, also for
// readers who see only their own: who may read an alert may know how it goes.
func (s *Store) Counts(ctx context.Context, ids ...string) (map[string]alert.Count, error) {
	var rows []struct {
		Alert  string `db:"alert"`
		Answer string `db:"answer"`
		N      int    `db:"n"`
	}
	err := pg.As(ctx, s.people, system().Seer(), func(tx pg.DB) error {
		return tx.SelectContext(ctx, &rows,
			`SELECT alert, answer, count(*) AS n FROM alert_bodies WHERE alert = ANY($1::uuid[]) GROUP BY alert, answer`, pq.Array(ids))
	})
	if err != nil {
		return nil, fmt.Errorf("count answers: %w", err)
	}
	out := map[string]alert.Count{}
	for _, id := range ids {
		out[id] = alert.Count{By: map[string]int{}}
	}
	for _, r := range rows {
		c := out[r.Alert]
		c.Total += r.N
		if r.Answer != "" {
			c.Answered += r.N
			c.By[r.Answer] = r.N
		}
		out[r.Alert] = c
	}
	return out, nil
}

// Answer changes one body's answer: the row, its history, the event and the
// audit in one transaction. The alert is locked too, so that no answer slips
// in after its end.
func (s *Store) Answer(ctx context.Context, id, organisation string, by alert.By,
	change func(a *alert.Alert, b *alert.Body) (event.PollAnswered, error),
) (alert.Body, error) {
	var body alert.Body
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		a, err := s.load(ctx, tx, id, ` FOR SHARE`)
		if err != nil {
			return err
		}
		if body, err = lockBody(ctx, tx, a.ID, organisation); err != nil {
			return err
		}
		e, err := change(&a, &body)
		if err != nil {
			return err
		}
		if err := saveAnswer(ctx, tx, a.ID, by, body); err != nil {
			return err
		}
		if err := s.publish(ctx, tx, by, e.OnBehalf, e); err != nil {
			return err
		}
		if err := wake(ctx, tx, WakeBoard); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, s.entry(by, "poll.answer", "alert", a.ID, e.OnBehalf))
		return err
	})
	return body, err
}

func lockBody(ctx context.Context, tx pg.DB, id, organisation string) (alert.Body, error) {
	var r bodyRow
	err := tx.GetContext(ctx, &r, `
		SELECT `+bodyColumns+`, 0 AS pending, 0 AS sent, 0 AS failed
		FROM alert_bodies b WHERE b.alert = $1 AND b.organisation = $2 FOR UPDATE`, id, organisation)
	if err != nil {
		return alert.Body{}, pg.NoRows(ctx, err, "this organisation is not asked")
	}
	return r.body()
}

func saveAnswer(ctx context.Context, tx pg.DB, id string, by alert.By, b alert.Body) error {
	via := by.Via
	if via == "" {
		via = "session"
	}
	who := encode(b.AnsweredBy)
	if _, err := tx.ExecContext(ctx, `
		UPDATE alert_bodies SET answer = $3, detail = $4, text = $5, version = $6, answered_at = $7, answered_by = $8,
			on_behalf = $9, alert_version = $10, agent = $11
		WHERE alert = $1 AND organisation = $2`,
		id, b.Organisation.ID, b.Answer, b.Detail, b.Text, b.Version, b.AnsweredAt, who, b.OnBehalf, b.AlertVersion, b.Agent); err != nil {
		return fmt.Errorf("save answer: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO answers (alert, organisation, version, answer, detail, text, by_person, on_behalf, via, alert_version, at, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		id, b.Organisation.ID, b.Version, b.Answer, b.Detail, b.Text, who, b.OnBehalf, via, b.AlertVersion, b.AnsweredAt, b.Agent); err != nil {
		return fmt.Errorf("insert answer: %w", err)
	}
	return nil
}

// Grant returns what an answer link stands for.
func (s *Store) Grant(ctx context.Context, hash []byte) (alert.Grant, error) {
	var r struct {
		Alert        string `db:"alert"`
		Organisation string `db:"organisation"`
		Person       string `db:"person"`
	}
	err := pg.As(ctx, s.people, actor.Seer{Key: hex.EncodeToString(hash)}, func(tx pg.DB) error {
		err := tx.GetContext(ctx, &r, `SELECT alert, organisation, person FROM answer_tokens WHERE hash = $1`, hash)
		return pg.NoRows(ctx, err, "this link is not valid")
	})
	if err != nil {
		return alert.Grant{}, err
	}
	return alert.Grant{Alert: r.Alert, Organisation: r.Organisation, Person: r.Person}, nil
}
