// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type serviceRow struct {
	ID            string    `db:"id"`
	Key           string    `db:"key"`
	NameDE        string    `db:"name_de"`
	NameEN        string    `db:"name_en"`
	DescriptionDE string    `db:"description_de"`
	DescriptionEN string    `db:"description_en"`
	Conditions    string    `db:"conditions"`
	Status        string    `db:"status"`
	Contact       string    `db:"contact"`
	Position      int       `db:"position"`
	Version       int       `db:"version"`
	UpdatedAt     time.Time `db:"updated_at"`
}

func (r serviceRow) service() (catalogue.Service, error) {
	s := catalogue.Service{
		ID: r.ID, Key: r.Key, Name: catalogue.Text{DE: r.NameDE, EN: r.NameEN}, Description: catalogue.Text{DE: r.DescriptionDE, EN: r.DescriptionEN},
		Status: catalogue.Status(r.Status), Contact: r.Contact, Position: r.Position, Version: r.Version, UpdatedAt: r.UpdatedAt.UTC(),
	}
	if err := json.Unmarshal([]byte(r.Conditions), &s.Conditions); err != nil {
		return s, fmt.Errorf("read the conditions of service %s: %w", r.ID, err)
	}
	return s, nil
}

func serviceRowOf(s catalogue.Service) (serviceRow, error) {
	if s.Conditions == nil {
		s.Conditions = map[constituency.Level]catalogue.Text{}
	}
	b, err := json.Marshal(s.Conditions)
	if err != nil {
		return serviceRow{}, fmt.Errorf("encode the conditions of service %s: %w", s.ID, err)
	}
	return serviceRow{
		ID: s.ID, Key: s.Key, NameDE: s.Name.DE, NameEN: s.Name.EN, DescriptionDE: s.Description.DE, DescriptionEN: s.Description.EN,
		Conditions: string(b), Status: string(s.Status), Contact: s.Contact, Position: s.Position, Version: s.Version, UpdatedAt: s.UpdatedAt,
	}, nil
}

const selectService = `
SELECT id, key, name_de, name_en, description_de, description_en, conditions, status, contact, position, version, updated_at
FROM service`

// Services returns the whole catalogue; it is short.
func (s *Store) Services(ctx context.Context) ([]catalogue.Service, error) {
	var rows []serviceRow
	if err := s.DB.SelectContext(ctx, &rows, selectService+` ORDER BY position, id LIMIT 500`); err != nil {
		return nil, classify(ctx, err, "list the services")
	}
	out := make([]catalogue.Service, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.service(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Service returns one service.
func (s *Store) Service(ctx context.Context, id string) (catalogue.Service, error) {
	return serviceBy(ctx, s.DB, id, "")
}

func serviceBy(ctx context.Context, db pg.DB, id, lock string) (catalogue.Service, error) {
	if err := validID("service", id); err != nil {
		return catalogue.Service{}, err
	}
	var r serviceRow
	if err := db.GetContext(ctx, &r, selectService+` WHERE id = $1 `+lock, id); err != nil {
		return catalogue.Service{}, pg.NoRows(ctx, err, "no service %s", id)
	}
	return r.service()
}

const insertService = `
INSERT INTO service (id, key, name_de, name_en, description_de, description_en, conditions, status, contact, position, version, updated_at)
VALUES (:id, :key, :name_de, :name_en, :description_de, :description_en, :conditions, :status, :contact, :position, :version, :updated_at)`

// AddServices stores new services.
func (s *Store) AddServices(ctx context.Context, act constituency.Act, list ...catalogue.Service) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]serviceRow, len(list))
	entries := make([]audit.Entry, len(list))
	for i, x := range list {
		var err error
		if rows[i], err = serviceRowOf(x); err != nil {
			return err
		}
		entries[i] = entry(act, "service.add", "service", x.ID)
	}
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if _, err := tx.NamedExecContext(ctx, insertService, rows); pg.Violates(err, "service_key_key") {
			var bad fault.Fields
			bad.Add("key", "directory.error.service.taken", "another service has this key")
			return bad.Err()
		} else if err != nil {
			return fmt.Errorf("insert %d services: %w", len(rows), err)
		}
		_, err := audit.Append(ctx, tx, entries...)
		return err
	})
}

// UpdateService loads it under a lock, changes and saves it.
func (s *Store) UpdateService(ctx context.Context, act constituency.Act, id string, apply func(*catalogue.Service) (bool, error)) (catalogue.Service, error) {
	var x catalogue.Service
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var err error
		if x, err = serviceBy(ctx, tx, id, "FOR UPDATE"); err != nil {
			return err
		}
		changed, err := apply(&x)
		if err != nil || !changed {
			return err
		}
		row, err := serviceRowOf(x)
		if err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, `
			UPDATE service SET name_de = :name_de, name_en = :name_en, description_de = :description_de, description_en = :description_en,
				conditions = :conditions, status = :status, contact = :contact, position = :position, version = :version,
				updated_at = :updated_at
			WHERE id = :id`, row); err != nil {
			return fmt.Errorf("save service %s: %w", id, err)
		}
		return s.commit(ctx, tx, change{act, "service.edit", "service", id, nil})
	})
	return x, err
}

type requestRow struct {
	ID           string     `db:"id"`
	Service      string     `db:"service"`
	ServiceDE    string     `db:"service_de"`
	ServiceEN    string     `db:"service_en"`
	Organisation string     `db:"organisation"`
	OrgName      string     `db:"org_name"`
	OrgAGS       string     `db:"org_ags"`
	Person       string     `db:"person"`
	PersonName   string     `db:"person_name"`
	Wish         string     `db:"wish"`
	WantedOn     *time.Time `db:"wanted_on"`
	Contact      string     `db:"contact"`
	State        string     `db:"state"`
	Version      int        `db:"version"`
	CreatedAt    time.Time  `db:"created_at"`
	UpdatedAt    time.Time  `db:"updated_at"`
}

func (r requestRow) request() catalogue.Request {
	return catalogue.Request{
		ID: r.ID, Service: r.Service, ServiceName: catalogue.Text{DE: r.ServiceDE, EN: r.ServiceEN}, Organisation: r.Organisation,
		OrgName: r.OrgName, OrgAGS: r.OrgAGS, Person: r.Person, PersonName: r.PersonName, Wish: r.Wish, WantedOn: day(r.WantedOn), Contact: r.Contact,
		State: catalogue.State(r.State), Version: r.Version, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

const selectRequest = `
SELECT r.id, r.service, s.name_de AS service_de, s.name_en AS service_en, r.organisation, o.name AS org_name,
	coalesce(o.ags, '') AS org_ags, r.person, p.name AS person_name, r.wish, r.wanted_on, r.contact, r.state, r.version,
	r.created_at, r.updated_at
FROM service_request r
JOIN service s ON s.id = r.service
JOIN organisation o ON o.id = r.organisation
JOIN person p ON p.id = r.person`

// Requests lists requests, the newest first.
func (s *Store) Requests(ctx context.Context, f catalogue.Filter) ([]catalogue.Request, string, error) {
	before := "ffffffff-ffff-ffff-ffff-ffffffffffff"
	if f.After != "" {
		if validID("page", f.After) != nil {
			return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
		}
		before = f.After
	}
	n := limit(f.Limit)
	var rows []requestRow
	// The ids are of version 7: their order is that of time.
	err := s.DB.SelectContext(ctx, &rows, selectRequest+`
		WHERE r.id < $1 AND ($2 OR r.organisation = ANY ($3::uuid[]))
			AND (NOT $4 OR r.state NOT IN ('declined', 'done'))
		ORDER BY r.id DESC LIMIT $5`, before, f.Organisations == nil, pq.Array(f.Organisations), f.Open, n+1)
	if err != nil {
		return nil, "", classify(ctx, err, "list requests")
	}
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		next = rows[n-1].ID
	}
	out := make([]catalogue.Request, len(rows))
	for i, r := range rows {
		out[i] = r.request()
	}
	return out, next, nil
}

// Request returns a request with its answers.
func (s *Store) Request(ctx context.Context, id string) (catalogue.Request, error) {
	return requestBy(ctx, s.DB, id, "")
}

func requestBy(ctx context.Context, db pg.DB, id, lock string) (catalogue.Request, error) {
	if err := validID("request", id); err != nil {
		return catalogue.Request{}, err
	}
	var r requestRow
	if err := db.GetContext(ctx, &r, selectRequest+` WHERE r.id = $1 `+lock, id); err != nil {
		return catalogue.Request{}, pg.NoRows(ctx, err, "no request %s", id)
	}
	out := r.request()
	var answers []struct {
		ID     string    `db:"id"`
		Person string    `db:"person"`
		Name   string    `db:"name"`
		State  string    `db:"state"`
		Text   string    `db:"text"`
		At     time.Time `db:"at"`
	}
	if err := db.SelectContext(ctx, &answers, `
		SELECT a.id, a.person, p.name, a.state, a.text, a.at FROM service_answer a JOIN person p ON p.id = a.person
		WHERE a.request = $1 ORDER BY a.at, a.id LIMIT 200`, id); err != nil {
		return out, classify(ctx, err, "read the answers of request %s", id)
	}
	for _, a := range answers {
		out.Answers = append(out.Answers, catalogue.Answer{ID: a.ID, Person: a.Person, PersonName: a.Name, State: catalogue.State(a.State), Text: a.Text, At: a.At.UTC()})
	}
	return out, nil
}
