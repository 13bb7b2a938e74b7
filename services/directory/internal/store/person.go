// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type personRow struct {
	ID        string    `db:"id"`
	Name      string    `db:"name"`
	Email     string    `db:"email"`
	Phone     string    `db:"phone"`
	Function  string    `db:"function"`
	Language  string    `db:"language"`
	Active    bool      `db:"active"`
	Version   int       `db:"version"`
	ChangedAt time.Time `db:"changed_at"`
	Sort      string    `db:"sort"`
	Search    string    `db:"search"`
	Erased    bool      `db:"erased"`
	absenceRow
}

type absenceRow struct {
	AbsentFrom *time.Time `db:"absent_from"`
	AbsentTo   *time.Time `db:"absent_to"`
	Deputy     *string    `db:"deputy"`
}

func (r absenceRow) absence() account.Absence {
	if r.AbsentFrom == nil || r.AbsentTo == nil {
		return account.Absence{}
	}
	return account.Absence{From: r.AbsentFrom.UTC(), To: r.AbsentTo.UTC(), Deputy: text(r.Deputy)}
}

func absenceRowOf(a account.Absence) absenceRow {
	if a.None() {
		return absenceRow{}
	}
	return absenceRow{&a.From, &a.To, null(a.Deputy)}
}

func (r personRow) person() account.Person {
	return account.Person{
		ID: r.ID, Name: r.Name, Email: r.Email, Phone: r.Phone, Function: r.Function, Language: r.Language,
		Active: r.Active, Version: r.Version, ChangedAt: r.ChangedAt.UTC(), Absence: r.absence(), Erased: r.Erased,
	}
}

func personRowOf(p account.Person) personRow {
	return personRow{
		ID: p.ID, Name: p.Name, Email: p.Email, Phone: p.Phone, Function: p.Function, Language: p.Language,
		Active: p.Active, Version: p.Version, ChangedAt: p.ChangedAt, Sort: constituency.Fold(p.Name),
		Search: constituency.Fold(p.Name + " " + p.Email + " " + p.Function), absenceRow: absenceRowOf(p.Absence),
	}
}

type membershipRow struct {
	Person       string `db:"person"`
	Organisation string `db:"organisation"`
	Role         string `db:"role"`
}

const personColumns = `p.id, p.name, p.email, p.phone, p.function, p.language, p.active, p.version, p.changed_at, p.sort, p.search,
	p.absent_from, p.absent_to, p.deputy, p.erased_at IS NOT NULL AS erased`

// Person returns a person with all roles.
func (s *Store) Person(ctx context.Context, id string) (account.Person, error) {
	return person(ctx, s.DB, id, "")
}

func person(ctx context.Context, db pg.DB, id, lock string) (account.Person, error) {
	if err := validID("person", id); err != nil {
		return account.Person{}, err
	}
	var r personRow
	if err := db.GetContext(ctx, &r, `SELECT `+personColumns+` FROM person p WHERE p.id = $1 `+lock, id); err != nil {
		return account.Person{}, pg.NoRows(ctx, err, "no person %s", id)
	}
	people, err := withMemberships(ctx, db, []personRow{r})
	if err != nil {
		return account.Person{}, err
	}
	return people[0], nil
}

func withMemberships(ctx context.Context, db pg.DB, rows []personRow) ([]account.Person, error) {
	ids := make([]string, len(rows))
	out := make([]account.Person, len(rows))
	index := make(map[string]int, len(rows))
	for i, r := range rows {
		ids[i], out[i], index[r.ID] = r.ID, r.person(), i
	}
	var members []membershipRow
	if err := db.SelectContext(ctx, &members, `
		SELECT person, organisation, role FROM membership WHERE person = ANY ($1::uuid[]) ORDER BY person, position`,
		pq.Array(ids)); err != nil {
		return nil, classify(ctx, err, "read memberships")
	}
	for _, m := range members {
		p := &out[index[m.Person]]
		p.Memberships = append(p.Memberships, account.Membership{Organisation: m.Organisation, Role: actor.Role(m.Role)})
	}
	return out, nil
}

// People lists people by name and returns the cursor of the next page.
func (s *Store) People(ctx context.Context, query, organisation, after string, most int) ([]account.Person, string, error) {
	sort, id, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	n := limit(most)
	var rows []personRow
	err = s.DB.SelectContext(ctx, &rows, `SELECT `+personColumns+` FROM person p
		WHERE (p.sort, p.id) > ($1, $2)
			AND p.search LIKE ALL ($3)
			AND ($4 = '' OR EXISTS (SELECT 1 FROM membership m WHERE m.person = p.id AND m.organisation::text = $4))
		ORDER BY p.sort, p.id LIMIT $5`, sort, id, patterns(query), organisation, n+1)
	if err != nil {
		return nil, "", classify(ctx, err, "list people")
	}
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		next = cursor(rows[n-1].Sort, rows[n-1].ID)
	}
	people, err := withMemberships(ctx, s.DB, rows)
	return people, next, err
}

// UpdatePerson loads the person under a lock, changes and saves it.
func (s *Store) UpdatePerson(ctx context.Context, act constituency.Act, id, action string,
	apply func(*account.Person) (bool, error),
) (account.Person, error) {
	var p account.Person
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var err error
		if p, err = person(ctx, tx, id, "FOR UPDATE"); err != nil {
			return err
		}
		before := p
		before.Memberships = slices.Clone(p.Memberships)
		changed, err := apply(&p)
		if err != nil || !changed {
			return err
		}
		entries, err := s.saveChanged(ctx, tx, act, before, p)
		if err != nil {
			return err
		}
		if err := addEvents(ctx, tx, act, p.Event()); err != nil {
			return err
		}
		_, err = audit.Append(ctx, tx, append(entries, entry(act, action, "person", id))...)
		return err
	})
	return p, err
}

// savePerson writes the record and, where they changed, the memberships.
func savePerson(ctx context.Context, tx pg.DB, p account.Person, before []account.Membership) error {
	if _, err := tx.NamedExecContext(ctx, `
		UPDATE person SET name = :name, email = :email, phone = :phone, function = :function, language = :language,
			absent_from = :absent_from, absent_to = :absent_to, deputy = :deputy, active = :active, version = :version, changed_at = :changed_at, sort = :sort, search = :search
		WHERE id = :id`, personRowOf(p)); err != nil {
		return fmt.Errorf("save person %s: %w", p.ID, err)
	}
	if slices.Equal(before, p.Memberships) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM membership WHERE person = $1`, p.ID); err != nil {
		return fmt.Errorf("clear memberships: %w", err)
	}
	return addMemberships(ctx, tx, p)
}

func addMemberships(ctx context.Context, tx pg.DB, p account.Person) error {
	for i, m := range p.Memberships {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO membership (person, organisation, role, position) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			p.ID, m.Organisation, string(m.Role), i); err != nil {
			return fmt.Errorf("insert membership: %w", err)
		}
	}
	return nil
}

// ActorOf returns what a person may be at the moment: roles in bodies that
// still exist and the mandates in force of those bodies. False for nobody or an
// inactive person.
func (s *Store) ActorOf(ctx context.Context, id string, at time.Time) (actor.Actor, bool, error) {
	p, err := s.Person(ctx, id)
	if err != nil || !p.Active {
		return actor.Actor{}, false, err
	}
	var live []membershipRow
	if err := s.DB.SelectContext(ctx, &live, `
		SELECT m.person, m.organisation, m.role FROM membership m
		JOIN organisation o ON o.id = m.organisation AND o.gone_at IS NULL
		WHERE m.person = $1 ORDER BY m.position`, id); err != nil {
		return actor.Actor{}, false, classify(ctx, err, "read memberships")
	}
	a := actor.Actor{Person: p.ID, Name: p.Name, Language: p.Language}
	agents := make([]string, 0, len(live))
	for _, m := range live {
		a.Memberships = append(a.Memberships, actor.Membership{Organisation: m.Organisation, Role: actor.Role(m.Role)})
		agents = append(agents, m.Organisation)
	}
	var rows []mandateRow
	if err := s.DB.SelectContext(ctx, &rows, `SELECT `+mandateColumns+` FROM mandate m
		WHERE m.agent = ANY ($1::uuid[]) AND m.state = 'active' AND m.revoked_at IS NULL AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to > $2)
		ORDER BY m.id`, pq.Array(agents), at); err != nil {
		return actor.Actor{}, false, classify(ctx, err, "read mandates")
	}
	for _, r := range rows {
		m := r.mandate()
		a.Mandates = append(a.Mandates, actor.Mandate{ID: m.ID, Principal: m.Principal, Agent: m.Agent, Scopes: m.Scopes, From: m.From, To: m.To})
	}
	return a, true, nil
}
