// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

const insertRequest = `
INSERT INTO service_request (id, service, organisation, person, wish, wanted_on, contact, state, version, created_at, updated_at)
VALUES (:id, :service, :organisation, :person, :wish, :wanted_on, :contact, :state, :version, :created_at, :updated_at)`

// AddRequest keeps the request and has the constituency managers told.
func (s *Store) AddRequest(ctx context.Context, act constituency.Act, r catalogue.Request) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		row := requestRow{
			ID: r.ID, Service: r.Service, Organisation: r.Organisation, Person: r.Person, Wish: r.Wish, WantedOn: r.WantedOn, Contact: r.Contact,
			State: string(r.State), Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
		if _, err := tx.NamedExecContext(ctx, insertRequest, row); err != nil {
			return fmt.Errorf("insert request: %w", err)
		}
		var managers []recipientRow
		if err := tx.SelectContext(ctx, &managers, `
			SELECT DISTINCT p.id AS person, p.name, p.email, p.language, ''::text AS organisation, ''::text AS role
			FROM membership m JOIN person p ON p.id = m.person AND p.active
			JOIN organisation o ON o.id = m.organisation AND o.gone_at IS NULL
			WHERE m.role = 'constituency' ORDER BY p.id LIMIT 50`); err != nil {
			return fmt.Errorf("read who is told of a request: %w", err)
		}
		payloads := make([]event.Payload, len(managers))
		for i, p := range managers {
			payloads[i] = requestNotice("service_requested", r, p)
		}
		return s.commit(ctx, tx, change{act, "service.request", "request", r.ID, payloads})
	})
}

func requestNotice(kind string, r catalogue.Request, to recipientRow) event.NoticeWanted {
	return event.NoticeWanted{
		ID: event.NewID(), Kind: kind, Topic: kind + "-" + r.ID + "-" + to.Person, Person: to.Person, Name: to.Name, Email: to.Email, Language: to.Language,
		Organisation: event.Organisation{ID: r.Organisation, AGS: r.OrgAGS, Name: r.OrgName}, Path: "/verzeichnis/leistungen/anfragen/" + r.ID,
		Data: map[string]any{"service": r.ServiceName.In(to.Language), "state": string(r.State)},
	}
}

// UpdateRequest loads it under a lock, changes and saves it, keeps the answer
// and has the requester told.
func (s *Store) UpdateRequest(ctx context.Context, act constituency.Act, id string,
	apply func(*catalogue.Request) (catalogue.Answer, error),
) (catalogue.Request, error) {
	var r catalogue.Request
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var err error
		if r, err = requestBy(ctx, tx, id, "FOR UPDATE OF r"); err != nil {
			return err
		}
		a, err := apply(&r)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE service_request SET state = $2, version = $3, updated_at = $4 WHERE id = $1`,
			r.ID, string(r.State), r.Version, r.UpdatedAt); err != nil {
			return fmt.Errorf("save request %s: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO service_answer (id, request, person, state, text, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			a.ID, r.ID, a.Person, string(a.State), a.Text, a.At); err != nil {
			return fmt.Errorf("keep the answer to request %s: %w", id, err)
		}
		a.PersonName = act.Actor.Name
		r.Answers = append(r.Answers, a)
		p, err := person(ctx, tx, r.Person, "")
		if err != nil {
			return err
		}
		var payloads []event.Payload
		if p.Active {
			payloads = append(payloads, requestNotice("service_answered", r, recipientRow{Person: p.ID, Name: p.Name, Email: p.Email, Language: p.Language}))
		}
		return s.commit(ctx, tx, change{act, "service.answer", "request", id, payloads})
	})
	return r, err
}
